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
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE /* musl 1.2.3 has neither it nor renameat2() */
#define RENAME_NOREPLACE (1U << 0)
#endif

/* Up to the last slash; ".": there is none. To be freed; NULL: out of memory. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
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

/* A new one, which is there for good on return. */
static bool make_directory(const char *path)
{
    if (mkdir(path, 0700) < 0)
        return errno == EEXIST;
    char *parent = directory_of(path);
    bool ok = parent && sync_directory(parent);
    free(parent);
    return ok;
}

static bool make_directories(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool made = make_directory(path);
        *slash = '/';
        if (!made)
            return false;
    }
    return make_directory(path);
}

static void remove_file(const char *path)
{
    int why = errno;
    unlink(path);
    errno = why;
}

/* A file of that text beside path, for its owner only, under a name that nobody has: what a program that was killed has left
 * is in nobody's way. *ret_temporary is to be freed, and the file to be moved or removed. */
static int write_beside(const char *path, const char *text, size_t size, char **ret_temporary, int *ret_fd)
{
    char *temporary;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return BLEPROXY_E_NOMEM;
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        free(temporary);
        return BLEPROXY_E_IO;
    }
    if (!write_all(fd, text, size)) {
        finish(fd, false);
        remove_file(temporary);
        free(temporary);
        return BLEPROXY_E_IO;
    }
    *ret_temporary = temporary;
    *ret_fd = fd;
    return 0;
}

/* Unless there is one of that name; some file systems know only one of the two ways. */
static bool move_new(const char *from, const char *to)
{
    if (link(from, to) == 0) {
        remove_file(from);
        return true;
    }
    return errno != EEXIST && syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0;
}

/* It has its name only once it is whole: half a key would be in the way of the next attempt. */
int file_create(const char *path, const char *text, size_t size)
{
    char *temporary, *directory = directory_of(path);
    int fd, r = directory && make_directories(directory) ? 0 : BLEPROXY_E_IO;
    if (r == 0)
        r = write_beside(path, text, size, &temporary, &fd) < 0 ? BLEPROXY_E_IO : 0;
    if (r == 0) {
        if (!finish(fd, true) || !move_new(temporary, path)) {
            r = errno == EEXIST ? BLEPROXY_E_STATE : BLEPROXY_E_IO;
            remove_file(temporary);
        } else if (!sync_directory(directory)) {
            r = BLEPROXY_E_IO;
            remove_file(path);
        }
        free(temporary);
    }
    free(directory);
    return r;
}

/* With the rights of the file that it is to replace. */
static bool take_rights(int fd, const struct stat *before)
{
    bool owned = fchown(fd, before->st_uid, before->st_gid) == 0; /* often not allowed, and then not needed */
    mode_t mode = before->st_mode & (owned || before->st_gid == getegid() ? 0777 : 0707);
    return fchmod(fd, mode) == 0 && fsync(fd) == 0;
}

static int replace_target(const char *target, const char *text, size_t size)
{
    struct stat before;
    char *temporary, *directory = directory_of(target);
    int fd, r = BLEPROXY_E_IO;
    if (!directory)
        return BLEPROXY_E_NOMEM;
    if (faccessat(AT_FDCWD, target, W_OK, AT_EACCESS) == 0 && stat(target, &before) == 0)
        r = write_beside(target, text, size, &temporary, &fd);
    if (r == 0) {
        bool rights = take_rights(fd, &before);
        if (!finish(fd, rights) || rename(temporary, target) < 0) {
            r = BLEPROXY_E_IO;
            remove_file(temporary);
        }
        free(temporary);
    }
    if (r == 0 && !sync_directory(directory))
        r = BLEPROXY_E_IO;
    free(directory);
    return r;
}

int file_replace(const char *path, const char *text, size_t size)
{
    char *target = realpath(path, NULL);
    if (!target)
        return errno == ENOENT && file_create(path, text, size) == 0 ? 0 : BLEPROXY_E_IO;
    int r = replace_target(target, text, size);
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
