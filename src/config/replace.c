/* SPDX-License-Identifier: MIT */
#include "config/append.h"

#include "config/file.h"
#include "config/schema.h"
#include <bleproxy/error.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        text += n;
        size -= (size_t)n;
    }
    return fsync(fd);
}

/* As those of the file that it replaces; the owner only where that is allowed. */
static int take_over(int fd, const struct stat *before)
{
    if (fchown(fd, before->st_uid, before->st_gid) < 0 && errno != EPERM)
        return -1;
    return fchmod(fd, before->st_mode & 07777);
}

/* The name is in the directory for good. */
static void sync_directory(const char *path)
{
    char directory[PATH_MAX];
    snprintf(directory, sizeof(directory), "%s", path);
    char *slash = strrchr(directory, '/');
    if (slash)
        slash[slash == directory] = '\0';
    int fd = open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

/* 0 or BLEPROXY_E_IO (errno says why). */
static int replace(const char *path, const char *text, size_t size)
{
    char real[PATH_MAX], temporary[PATH_MAX];
    struct stat before;
    bool exists = stat(path, &before) == 0;
    if (exists && !realpath(path, real))
        return BLEPROXY_E_IO;
    int n = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", exists ? real : path);
    if (n < 0 || (size_t)n >= sizeof(temporary)) {
        errno = ENAMETOOLONG;
        return BLEPROXY_E_IO;
    }
    int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return BLEPROXY_E_IO;
    bool written = (!exists || take_over(fd, &before) == 0) && write_all(fd, text, size) == 0;
    int why = errno;
    close(fd);
    if (!written || rename(temporary, exists ? real : path) < 0) {
        why = written ? errno : why;
        unlink(temporary);
        errno = why;
        return BLEPROXY_E_IO;
    }
    sync_directory(exists ? real : path);
    return 0;
}

/* The directories that a file is in when it is not there yet. */
static void make_directories(const char *path)
{
    char part[PATH_MAX];
    snprintf(part, sizeof(part), "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(part, 0700); /* what could not be made is told when the file is */
        *slash = '/';
    }
}

/* The file's text, or none when there is no file. */
static int read_or_begin(const char *path, char **ret_text, size_t *ret_size)
{
    int r = file_read(path, CONFIG_SIZE_MAX, ret_text, ret_size);
    if (r != BLEPROXY_E_NOT_FOUND)
        return r;
    make_directories(path);
    *ret_text = calloc(1, 1);
    *ret_size = 0;
    return *ret_text ? 0 : BLEPROXY_E_NOMEM;
}

int config_append_file(const char *path, const struct config_entry *entries, size_t n_entries,
                       struct config_error *ret_error)
{
    char *before, *after;
    size_t before_size, after_size;
    *ret_error = (struct config_error){0};
    int r = read_or_begin(path, &before, &before_size);
    if (r == BLEPROXY_E_LIMIT)
        return config_fail(ret_error, 0, "the file is larger than %d bytes", CONFIG_SIZE_MAX);
    if (r == BLEPROXY_E_IO)
        config_fail(ret_error, 0, "the file cannot be read: %s", strerror(errno));
    if (r < 0)
        return r;
    r = config_append(before, before_size, entries, n_entries, &after, &after_size, ret_error);
    file_free(before, before_size);
    if (r < 0)
        return r;
    r = replace(path, after, after_size);
    if (r < 0)
        config_fail(ret_error, 0, "the file cannot be written: %s", strerror(errno));
    file_free(after, after_size);
    return r;
}
