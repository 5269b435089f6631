/* SPDX-License-Identifier: MIT */
#include "place.h"

#include "state.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALONE    "run-"
#define IN_TMP   "bleproxy-run-"
#define UNIQUE   "XXXXXX"
#define SHARED   "bus"
#define ATTEMPTS 3 /* each is lost only to a sweep in the moment between making and locking */

bool place_find(char *path, size_t size)
{
    char runtime[PATH_MAX];
    struct stat status;
    if (!runtime_directory(runtime, sizeof(runtime)))
        return false;
    int n = snprintf(path, size, "%s/bleproxy", runtime);
    if (n < 0 || (size_t)n >= size || (mkdir(path, 0755) < 0 && errno != EEXIST))
        return false;
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid() &&
           (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* ---- One directory ---- */

static int open_directory(int parent_fd, const char *name)
{
    return openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool is_still_there(int fd, const char *path)
{
    struct stat ours, there;
    return fstat(fd, &ours) == 0 && lstat(path, &there) == 0 && ours.st_ino == there.st_ino &&
           ours.st_dev == there.st_dev;
}

int place_make(const char *place, char path[PLACE_SIZE])
{
    for (int i = 0; i < ATTEMPTS; i++) {
        int n = snprintf(path, PLACE_SIZE, "%s/%s" UNIQUE, place ? place : "/tmp", place ? ALONE : IN_TMP);
        if (n < 0 || n >= PLACE_SIZE || !mkdtemp(path))
            return -1;
        int fd = open_directory(AT_FDCWD, path);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && is_still_there(fd, path))
            return fd;
        if (fd >= 0)
            close(fd);
    }
    return -1;
}

static void empty(int fd)
{
    static const char *const names[] = {"lobby", "socket", "policy.conf", "policy.conf.new", "lock"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlinkat(fd, names[i], 0);
}

void place_remove(int fd, const char *path)
{
    empty(fd);
    rmdir(path);
    close(fd);
}

/* ---- What was left ---- */

/* Neither who made it is there, nor the daemon. The shared one is nobody's before its daemon has locked it. */
static bool is_left(int fd, bool is_shared, int *ret_lock)
{
    struct stat status;
    *ret_lock = -1;
    if (fstat(fd, &status) < 0 || status.st_uid != geteuid() || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return false;
    *ret_lock = openat(fd, "lock", O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return *ret_lock >= 0 ? flock(*ret_lock, LOCK_EX | LOCK_NB) == 0 : errno == ENOENT && !is_shared;
}

static void sweep_one(int parent_fd, const char *name)
{
    int lock, fd = open_directory(parent_fd, name);
    if (fd < 0)
        return;
    if (is_left(fd, strcmp(name, SHARED) == 0, &lock)) {
        empty(fd);
        unlinkat(parent_fd, name, AT_REMOVEDIR);
    }
    if (lock >= 0)
        close(lock);
    close(fd);
}

static void sweep_in(const char *parent, const char *prefix)
{
    DIR *directory = opendir(parent);
    size_t length = strlen(prefix);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));)
        if (strncmp(entry->d_name, prefix, length) == 0 &&
            (strcmp(prefix, SHARED) == 0 ? !entry->d_name[length]
                                         : strlen(entry->d_name + length) == strlen(UNIQUE)))
            sweep_one(dirfd(directory), entry->d_name);
    closedir(directory);
}

void place_sweep(const char *place)
{
    if (place) {
        sweep_in(place, ALONE);
        sweep_in(place, SHARED);
    }
    sweep_in("/tmp", IN_TMP);
}
