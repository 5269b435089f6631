/* SPDX-License-Identifier: MIT */
#include "visit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATH "unix:path="
#define GUID ",guid="

enum { GUID_SIZE = 32 };

/* Whose it is, if nobody else can have put something there. */
static bool find_owner(const char *directory, uid_t *ret_owner)
{
    struct stat status;
    if (lstat(directory, &status) < 0 || !S_ISDIR(status.st_mode) ||
        (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return false;
    *ret_owner = status.st_uid;
    return true;
}

static bool is_served_by(int fd, uid_t one, uid_t other)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && size == sizeof(peer) &&
           (peer.uid == one || peer.uid == other);
}

int visit_enter(const char *directory, bool own)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    uid_t owner;
    int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/lobby", directory);
    errno = ENOENT;
    if (n < 0 || (size_t)n >= sizeof(address.sun_path) || !find_owner(directory, &owner) ||
        (own && owner != geteuid()))
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        error = errno;
    else if (!is_served_by(fd, owner, own ? owner : 0))
        error = EPERM;
    if (error == 0)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

bool visit_is_address(const char *text)
{
    static const char plain[] = "-_/.\\*%ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    if (strncmp(text, PATH "/", sizeof(PATH)) != 0)
        return false;
    text += sizeof(PATH) - 1;
    text += strspn(text, plain);
    if (strncmp(text, GUID, sizeof(GUID) - 1) == 0 &&
        strspn(text + sizeof(GUID) - 1, "0123456789abcdef") == GUID_SIZE)
        text += sizeof(GUID) - 1 + GUID_SIZE;
    return !*text;
}
