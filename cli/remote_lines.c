/* SPDX-License-Identifier: MIT */
/* What a daemon's proxies report: the lines of Open, as reports of scanners of our own. */
#include "remote_private.h"

#include "log.h"
#include "replay/trace_reader.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { BUFFER_SIZE = 65536, READS_MAX = 16, SCANNERS_MAX = 1024 };

/* One that the daemon has registered: a proxy that is connected, whether it is known here yet or not. */
struct registered {
    uint64_t source;
    bool connectable;
    enum bleproxy_scanner_mode mode;
};

struct lines {
    struct remote *remote;
    struct watch watch;
    struct registered *registered;
    size_t n_registered;
    struct trace_reader reader;
    size_t size;
    char buffer[BUFFER_SIZE]; /* the beginning of a line */
    bool is_too_long;         /* its beginning was dropped, and the rest is to be */
};

/* ---- Proxies that come and go ---- */

void remote_break(struct member *member)
{
    if (!member->is_ready)
        return;
    member->is_ready = false;
    member->lost_ns = bleproxy_loop_now_ns(member->fleet->loop);
    if (member->fleet->on_down)
        member->fleet->on_down(member->fleet->user, member);
}

void remote_lose(struct member *member)
{
    remote_break(member);
    bleproxy_scanner_free(member->scanner);
    member->scanner = NULL;
}

static void welcome(struct member *member, const struct registered *registered)
{
    struct fleet *fleet = member->fleet;
    const struct bleproxy_scanner_config config = {.source = registered->source,
                                                   .name = member->label,
                                                   .firmware = member->firmware,
                                                   .connectable = registered->connectable,
                                                   .mode = registered->mode};
    if (bleproxy_scanner_new(fleet->loop, &config, &member->scanner) < 0)
        return;
    bleproxy_scanner_setup(member->scanner);
    bleproxy_hub_register_scanner(fleet->hub, member->scanner);
    member->is_ready = member->was_ready = true;
    member->error = 0;
    member->heard_ns = bleproxy_loop_now_ns(fleet->loop);
    if (fleet->on_ready)
        fleet->on_ready(fleet->user, member);
}

void remote_settle(struct remote *remote)
{
    const struct lines *lines = remote->lines;
    for (size_t i = 0; lines && i < lines->n_registered; i++) {
        struct member *member = remote_find_member(remote, lines->registered[i].source);
        if (member && !member->scanner)
            welcome(member, &lines->registered[i]);
    }
}

static struct registered *find_registered(struct lines *lines, uint64_t source)
{
    for (size_t i = 0; i < lines->n_registered; i++)
        if (lines->registered[i].source == source)
            return &lines->registered[i];
    return NULL;
}

static void take_register(struct lines *lines, const struct trace_event *event)
{
    struct registered *registered = find_registered(lines, event->source);
    if (!registered) {
        if (lines->n_registered == SCANNERS_MAX)
            return;
        registered = realloc(lines->registered, (lines->n_registered + 1) * sizeof(*registered));
        if (!registered)
            return;
        lines->registered = registered;
        registered += lines->n_registered++;
    }
    *registered = (struct registered){event->source, event->scanner.connectable, event->scanner.mode};
    remote_settle(lines->remote);
    if (!remote_find_member(lines->remote, event->source)) /* it is the first time that it is connected */
        remote_update_soon(lines->remote);
}

static void take_unregister(struct lines *lines, const struct trace_event *event)
{
    struct registered *registered = find_registered(lines, event->source);
    struct member *member = remote_find_member(lines->remote, event->source);
    if (registered)
        *registered = lines->registered[--lines->n_registered];
    if (member)
        remote_lose(member);
}

/* ---- Lines ---- */

static void take_advert(struct lines *lines, const struct trace_event *event)
{
    const struct member *member = remote_find_member(lines->remote, event->source);
    if (member && member->scanner)
        bleproxy_scanner_report(member->scanner, event->advert.address, event->advert.address_type,
                                event->advert.rssi != 0 ? event->advert.rssi : BLEPROXY_RSSI_NONE,
                                event->advert.raw, event->advert.raw_size);
}

static void take_lost(struct lines *lines, uint32_t n)
{
    struct fleet *fleet = lines->remote->fleet;
    if (fleet->n_lost == 0)
        log_warn(NULL, "bleproxyd leaves out reports that this command does not take in time");
    fleet->n_lost += n;
    if (fleet->on_lost)
        fleet->on_lost(fleet->user, n);
}

static void take_event(struct lines *lines, const struct trace_event *event)
{
    switch (event->kind) {
    case TRACE_REGISTER:
        take_register(lines, event);
        break;
    case TRACE_UNREGISTER:
        take_unregister(lines, event);
        break;
    case TRACE_ADVERT:
        take_advert(lines, event);
        break;
    case TRACE_LOST:
        take_lost(lines, event->lost);
        break;
    case TRACE_PAUSED:
    case TRACE_FALLBACK_INTERVAL:
    case TRACE_TICK:
        break;
    }
}

/* False: the lines are gone, as somebody reacted by ending it all. */
static bool take_lines(struct remote *remote, struct lines *lines)
{
    struct trace_event event;
    char *line = lines->buffer, *end;
    while ((end = memchr(line, '\n', lines->size - (size_t)(line - lines->buffer)))) {
        if (!lines->is_too_long && trace_reader_next(&lines->reader, line, (size_t)(end - line), &event) == 0)
            take_event(lines, &event);
        if (remote->lines != lines)
            return false;
        lines->is_too_long = false;
        line = end + 1;
    }
    lines->size -= (size_t)(line - lines->buffer);
    memmove(lines->buffer, line, lines->size);
    if (lines->size == sizeof(lines->buffer)) {
        lines->is_too_long = true;
        lines->size = 0;
    }
    return true;
}

static void on_ready(void *user, uint32_t events)
{
    struct lines *lines = user;
    struct remote *remote = lines->remote;
    (void)events;
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t n = read(lines->watch.fd, lines->buffer + lines->size, sizeof(lines->buffer) - lines->size);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            remote_end(remote);
            return;
        }
        lines->size += (size_t)n;
        if (!take_lines(remote, lines))
            return;
    }
}

/* ---- Open ---- */

static int ask(struct remote *remote, bool active)
{
    sd_bus_message *reply = NULL;
    int fd = -1;
    int r = active ? remote_call(remote, &reply, "Open", "a{sv}", 1, "mode", "s", "active")
                   : remote_call(remote, &reply, "Open", "a{sv}", 0);
    if (r >= 0)
        r = sd_bus_message_read(reply, "h", &fd);
    if (r >= 0) {
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        r = fd < 0 ? -errno : fd;
    }
    sd_bus_message_unref(reply);
    return r;
}

/* It is whatever the daemon has sent: reading it must not wait. */
static int watch(struct lines *lines, int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    lines->watch = (struct watch){fd, EPOLLIN, on_ready, lines};
    return watches_add(&lines->remote->watches, &lines->watch);
}

int remote_open_lines(struct remote *remote, bool active)
{
    int fd = ask(remote, active);
    if (fd < 0)
        return fd;
    struct lines *lines = calloc(1, sizeof(*lines));
    if (lines)
        lines->remote = remote;
    int r = lines ? watch(lines, fd) : -ENOMEM;
    if (r < 0) {
        close(fd);
        free(lines);
        return r;
    }
    remote->lines = lines;
    return 0;
}

void remote_close_lines(struct remote *remote)
{
    struct lines *lines = remote->lines;
    if (!lines)
        return;
    remote->lines = NULL;
    watches_remove(&remote->watches, &lines->watch);
    close(lines->watch.fd);
    free(lines->registered);
    free(lines);
}
