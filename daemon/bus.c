/* SPDX-License-Identifier: MIT */
#include "bus.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    TURN_NS = 5000000,  /* of handling messages before others have their turn */
    MUCH = 16384,       /* bytes to read: the bus may have had to wait for us */
    CONGESTED_AT = 256, /* unsent messages */
    CLOSE_TURNS = 5,    /* of waiting for the rest to be sent */
    CLOSE_TURN_US = 100000,
};

static void on_socket(void *user, uint32_t events)
{
    struct bus *bus = user;
    if ((events & (EPOLLERR | EPOLLHUP)) && !(events & EPOLLIN) && sd_bus_is_open(bus->sd) <= 0)
        bus->error = -ENOTCONN;
}

static void on_timer(void *user, uint32_t events)
{
    struct bus *bus = user;
    uint64_t count;
    (void)events;
    (void)!read(bus->timer.fd, &count, sizeof(count));
}

static int watch_it(struct bus *bus)
{
    bus->socket = (struct watch){sd_bus_get_fd(bus->sd), EPOLLIN, on_socket, bus};
    bus->timer =
        (struct watch){timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), EPOLLIN, on_timer, bus};
    if (bus->timer.fd < 0)
        return -errno;
    int r = watches_add(bus->watches, &bus->socket);
    return r < 0 ? r : watches_add(bus->watches, &bus->timer);
}

int bus_open(struct bus *bus, struct watches *watches, const char *address)
{
    *bus = (struct bus){.watches = watches, .socket.fd = -1, .timer.fd = -1};
    int r = 0;
    if (!address) {
        r = sd_bus_open_system(&bus->sd);
    } else {
        r = sd_bus_new(&bus->sd);
        if (r >= 0)
            r = sd_bus_set_address(bus->sd, address);
        if (r >= 0)
            r = sd_bus_set_bus_client(bus->sd, true);
        if (r >= 0)
            r = sd_bus_negotiate_fds(bus->sd, true);
        if (r >= 0)
            r = sd_bus_start(bus->sd);
    }
    return r < 0 ? r : watch_it(bus);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool bus_enter(struct bus *bus, uint32_t patience_us)
{
    int64_t end_ns = now_ns() + (int64_t)patience_us * 1000;
    int r = 0;
    for (int64_t now = now_ns(); r >= 0 && now < end_ns; now = now_ns()) {
        if (sd_bus_is_ready(bus->sd) > 0)
            return true;
        r = sd_bus_process(bus->sd, NULL);
        if (r == 0)
            r = sd_bus_wait(bus->sd, (uint64_t)(end_ns - now) / 1000 + 1);
    }
    return false;
}

int bus_claim(struct bus *bus, const char *name)
{
    int r = sd_bus_request_name(bus->sd, name, 0);
    return r > 0 ? 0 : r;
}

/* sd-bus tells when as a time of CLOCK_MONOTONIC; what is over already fires at once. */
static void set_timer(struct bus *bus)
{
    uint64_t due_us = UINT64_MAX;
    struct itimerspec spec = {0};
    if (sd_bus_get_timeout(bus->sd, &due_us) >= 0 && due_us != UINT64_MAX) {
        spec.it_value.tv_sec = (time_t)(due_us / 1000000);
        spec.it_value.tv_nsec = (long)(due_us % 1000000 * 1000) + 1;
    }
    timerfd_settime(bus->timer.fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

void bus_prepare(struct bus *bus)
{
    int events = sd_bus_get_events(bus->sd);
    uint32_t wanted = (events & POLLIN ? (uint32_t)EPOLLIN : 0) | (events & POLLOUT ? (uint32_t)EPOLLOUT : 0);
    if (events >= 0 && wanted != bus->socket.events) {
        bus->socket.events = wanted;
        watches_change(bus->watches, &bus->socket);
    }
    set_timer(bus);
}

static bool has_much(const struct bus *bus)
{
    int size = 0;
    return ioctl(bus->socket.fd, FIONREAD, &size) == 0 && size >= MUCH;
}

void bus_process(struct bus *bus)
{
    int64_t end_ns = now_ns() + TURN_NS;
    bool was_behind = bus->is_behind || has_much(bus);
    int r;
    do
        r = sd_bus_process(bus->sd, NULL);
    while (r > 0 && now_ns() < end_ns);
    bus->is_behind = r > 0;
    bus->has_caught_up = was_behind && r == 0;
    if (r < 0)
        bus->error = r;
}

bool bus_is_congested(const struct bus *bus)
{
    uint64_t n = 0;
    return sd_bus_get_n_queued_write(bus->sd, &n) >= 0 && n > CONGESTED_AT;
}

/* sd_bus_flush() waits for as long as nobody reads. */
static void send_rest(struct bus *bus)
{
    uint64_t n = 0;
    for (int i = 0; i < CLOSE_TURNS && sd_bus_get_n_queued_write(bus->sd, &n) >= 0 && n > 0; i++)
        if (sd_bus_process(bus->sd, NULL) < 0 || sd_bus_wait(bus->sd, CLOSE_TURN_US) < 0)
            return;
}

void bus_close(struct bus *bus)
{
    if (!bus->sd)
        return;
    if (!bus->error)
        send_rest(bus);
    watches_remove(bus->watches, &bus->socket);
    watches_remove(bus->watches, &bus->timer);
    if (bus->timer.fd >= 0)
        close(bus->timer.fd);
    sd_bus_close_unref(bus->sd);
    bus->sd = NULL;
}
