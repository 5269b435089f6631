/* SPDX-License-Identifier: MIT */
#include "lobby.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 16 };

struct guest {
    struct lobby *lobby;
    struct guest *next;
    struct watch watch;
    uid_t uid;
    bool is_host, is_told; /* is_told: that it is ready: nothing more is said to it */
};

void lobby_init(struct lobby *lobby, struct watches *watches, const char *address, void *user)
{
    *lobby = (struct lobby){
        .watches = watches, .address = address, .user = user, .door.fd = -1, .spare_fd = -1, .last_fd = -1};
}

/* ---- Guests ---- */

static void say(int fd, const char *word, const char *text)
{
    char line[1024];
    int n = snprintf(line, sizeof(line), "%s%s%s\n", word, *text ? " " : "", text);
    /* A few lines always have room: who reads none of them does not miss them. */
    (void)!send(fd, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void tell(struct guest *guest)
{
    const struct lobby *lobby = guest->lobby;
    if (guest->is_told)
        return;
    if (lobby->is_ready)
        say(guest->watch.fd, "ready", "");
    else if (lobby->text[0])
        say(guest->watch.fd, "waiting", lobby->text);
    guest->is_told = lobby->is_ready;
}

/* Unlinks and frees it; its descriptor is returned. */
static int dismiss(struct guest *guest)
{
    struct lobby *lobby = guest->lobby;
    struct guest **at = &lobby->guests;
    int fd = guest->watch.fd;
    while (*at != guest)
        at = &(*at)->next;
    *at = guest->next;
    lobby->n_guests--;
    watches_remove(lobby->watches, &guest->watch);
    free(guest);
    return fd;
}

static void on_guest(void *user, uint32_t events)
{
    struct guest *guest = user;
    struct lobby *lobby = guest->lobby;
    char ignored[64];
    (void)events;
    ssize_t n = recv(guest->watch.fd, ignored, sizeof(ignored), MSG_DONTWAIT);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    bool is_host = guest->is_host;
    int fd = dismiss(guest);
    if (lobby->n_guests == 0 && lobby->on_empty) {
        lobby->last_fd = fd;
        lobby->on_empty(lobby->user);
        return;
    }
    if (is_host && lobby->on_host_left)
        lobby->on_host_left(lobby->user);
    close(fd);
}

static bool has_place(const struct lobby *lobby, uid_t uid)
{
    size_t n = 0;
    for (const struct guest *guest = lobby->guests; guest; guest = guest->next)
        n += guest->uid == uid;
    return lobby->n_guests < LOBBY_GUESTS_MAX &&
           (uid == 0 || uid == geteuid() || n < LOBBY_GUESTS_OF_USER_MAX);
}

static int turn_away(int fd, int error)
{
    if (error == -ENOSPC)
        say(fd, "full", "");
    close(fd);
    return error;
}

int lobby_admit(struct lobby *lobby, int fd, bool is_host)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return turn_away(fd, -errno);
    if (!has_place(lobby, peer.uid))
        return turn_away(fd, -ENOSPC);
    struct guest *guest = calloc(1, sizeof(*guest));
    if (!guest)
        return turn_away(fd, -ENOMEM);
    guest->uid = peer.uid;
    guest->lobby = lobby;
    guest->is_host = is_host;
    guest->watch = (struct watch){fd, EPOLLIN, on_guest, guest};
    int r = watches_add(lobby->watches, &guest->watch);
    if (r < 0) {
        free(guest);
        return turn_away(fd, r);
    }
    guest->next = lobby->guests;
    lobby->guests = guest;
    lobby->n_guests++;
    say(fd, "bus", lobby->address);
    tell(guest);
    return 0;
}

/* ---- The door ---- */

static int answer_door(const struct lobby *lobby)
{
    return accept4(lobby->door.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/* Who stays before the door is announced again and again: with no descriptor left the spare one is for telling him. */
static void on_door(void *user, uint32_t events)
{
    struct lobby *lobby = user;
    (void)events;
    int fd = answer_door(lobby);
    if (fd >= 0) {
        lobby_admit(lobby, fd, false);
    } else if (errno == EMFILE || errno == ENFILE) {
        close(lobby->spare_fd);
        fd = answer_door(lobby);
        if (fd >= 0)
            turn_away(fd, -ENOSPC);
        lobby->spare_fd = fcntl(lobby->door.fd, F_DUPFD_CLOEXEC, 0);
    }
}

static int listen_at(const struct sockaddr_un *address, unsigned mode)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    unlink(address->sun_path);
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
        chmod(address->sun_path, mode) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int r = -errno;
    close(fd);
    return r;
}

int lobby_open(struct lobby *lobby, const char *path, unsigned mode)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, length + 1);
    lobby->path = strdup(path);
    if (!lobby->path)
        return -ENOMEM;
    int fd = listen_at(&address, mode);
    if (fd < 0)
        return fd;
    lobby->door = (struct watch){fd, EPOLLIN, on_door, lobby};
    lobby->spare_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return watches_add(lobby->watches, &lobby->door);
}

void lobby_tell(struct lobby *lobby, bool is_ready, const char *text)
{
    if (is_ready == lobby->is_ready && strcmp(text, lobby->text) == 0)
        return;
    lobby->is_ready = is_ready;
    snprintf(lobby->text, sizeof(lobby->text), "%s", text);
    for (struct guest *guest = lobby->guests; guest; guest = guest->next)
        tell(guest);
}

void lobby_close(struct lobby *lobby)
{
    if (lobby->watches && lobby->door.fd >= 0) {
        watches_remove(lobby->watches, &lobby->door);
        unlink(lobby->path);
        close(lobby->door.fd);
        close(lobby->spare_fd);
        lobby->door.fd = lobby->spare_fd = -1;
    }
    free(lobby->path);
    lobby->path = NULL;
}

void lobby_deinit(struct lobby *lobby)
{
    lobby_close(lobby);
    while (lobby->guests)
        close(dismiss(lobby->guests));
}
