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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ALONE    "run-"
#define IN_TMP   "bleproxy-run-"
#define UNIQUE   "XXXXXX"
#define SHARED   "bus"
#define ATTEMPTS 3 /* each is lost only to a sweep in the moment between making and locking */

static bool is_ours_alone(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid() &&
           (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static bool format_place(char *path, size_t size)
{
    char runtime[PATH_MAX];
    int n = runtime_directory(runtime, sizeof(runtime)) ? snprintf(path, size, "%s/bleproxy", runtime) : -1;
    return n > 0 && (size_t)n < size;
}

bool place_find(char *path, size_t size)
{
    return format_place(path, size) && (mkdir(path, 0755) == 0 || errno == EEXIST) && is_ours_alone(path);
}

/* As addresses of D-Bus are written. */
static void format_address(char address[PLACE_ADDRESS_SIZE], const char *path)
{
    static const char plain[] = "-_/.ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t n = (size_t)snprintf(address, PLACE_ADDRESS_SIZE, "unix:path=");
    for (; *path; path++)
        n += (size_t)snprintf(address + n, PLACE_ADDRESS_SIZE - n, strchr(plain, *path) ? "%c" : "%%%02x",
                              (unsigned char)*path);
}

bool place_find_bus(char address[PLACE_ADDRESS_SIZE])
{
    char place[PATH_MAX], path[PLACE_SIZE];
    struct stat status;
    if (!format_place(place, sizeof(place)) || !is_ours_alone(place))
        return false;
    snprintf(path, sizeof(path), "%s/" SHARED, place);
    if (!is_ours_alone(path))
        return false;
    snprintf(path, sizeof(path), "%s/" SHARED "/socket", place);
    if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path) || lstat(path, &status) < 0 ||
        !S_ISSOCK(status.st_mode))
        return false;
    format_address(address, path);
    return true;
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
