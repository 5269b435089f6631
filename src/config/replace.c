/* SPDX-License-Identifier: MIT */
#include "config/append.h"

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

int file_replace(const char *path, const char *text, size_t size)
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
