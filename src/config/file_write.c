/* SPDX-License-Identifier: MIT */
#include "config/file.h"

#include <bleproxy/error.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Up to the last slash; ".": there is none. To be freed; NULL: out of memory. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static bool make_directories(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
        *slash = '/';
        if (!made)
            return false;
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static bool write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text += n;
        size -= (size_t)n;
    }
    return fsync(fd) == 0;
}

/* Closes fd. */
static bool finish(int fd, bool ok)
{
    int why = errno;
    bool closed = close(fd) == 0;
    if (!ok)
        errno = why;
    return ok && closed;
}

/* A name is only there for good once its directory is. */
static bool sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && finish(fd, fsync(fd) == 0);
}

static void remove_file(const char *path)
{
    int why = errno;
    unlink(path);
    errno = why;
}

int file_create(const char *path, const char *text, size_t size)
{
    char *directory = directory_of(path);
    if (!directory || !make_directories(directory)) {
        free(directory);
        return BLEPROXY_E_IO;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int r = fd >= 0 ? 0 : errno == EEXIST ? BLEPROXY_E_STATE : BLEPROXY_E_IO;
    if (fd >= 0 && (!finish(fd, write_all(fd, text, size)) || !sync_directory(directory))) {
        r = BLEPROXY_E_IO;
        remove_file(path);
    }
    free(directory);
    return r;
}

/* A new file beside the old one, with the rights of that. */
static int write_beside(const char *path, const struct stat *before, const char *temporary, const char *text,
                        size_t size)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return BLEPROXY_E_IO;
    bool owned = fchown(fd, before->st_uid, before->st_gid) == 0; /* often not allowed, and then not needed */
    mode_t mode = before->st_mode & (owned || before->st_gid == getegid() ? 0777 : 0707);
    if (finish(fd, fchmod(fd, mode) == 0 && write_all(fd, text, size)) && rename(temporary, path) == 0)
        return 0;
    remove_file(temporary);
    return BLEPROXY_E_IO;
}

int file_replace(const char *path, const char *text, size_t size)
{
    struct stat before;
    char *target = realpath(path, NULL);
    if (!target)
        return errno == ENOENT && file_create(path, text, size) == 0 ? 0 : BLEPROXY_E_IO;
    char *temporary = NULL, *directory = directory_of(target);
    int r = BLEPROXY_E_IO;
    if (!directory || asprintf(&temporary, "%s.%ld.new", target, (long)getpid()) < 0)
        r = BLEPROXY_E_NOMEM;
    else if (faccessat(AT_FDCWD, target, W_OK, AT_EACCESS) == 0 && stat(target, &before) == 0)
        r = write_beside(target, &before, temporary, text, size);
    if (r == 0 && !sync_directory(directory))
        r = BLEPROXY_E_IO;
    free(temporary);
    free(directory);
    free(target);
    return r;
}

enum { LOCK_TRIES = 250, LOCK_PAUSE_NS = 20000000 };

/* Not for ever: whoever may read the directory can hold it. */
static int lock_directory(int fd)
{
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    int tries = 0;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return 0; /* this file system has no locks */
        if (++tries == LOCK_TRIES)
            return BLEPROXY_E_IO;
        nanosleep(&pause, NULL);
    }
    return 0;
}

/* The file itself is another one each time. */
int file_lock(const char *path, int *ret_lock)
{
    char *target = realpath(path, NULL), *directory = directory_of(target ? target : path);
    free(target);
    if (!directory)
        return BLEPROXY_E_NOMEM;
    int fd = -1, r = make_directories(directory) ? 0 : BLEPROXY_E_IO;
    if (r == 0)
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        r = lock_directory(fd);
    free(directory);
    if (r == 0) {
        *ret_lock = fd;
    } else if (fd >= 0) {
        int why = errno;
        close(fd);
        errno = why;
    }
    return r;
}
