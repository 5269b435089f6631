/* SPDX-License-Identifier: MIT */
/* bleproxy inside a program of sd-event's, a service for instance: prints what changes until SIGTERM or SIGINT. */
#include <bleproxy/bleproxy.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

struct loop_source {
    struct bleproxy_loop *loop;
    sd_event_source *io, *timer;
};

/* Before each wait: how long it may take is not the same each time. */
static int on_prepare(sd_event_source *io, void *user)
{
    struct loop_source *self = user;
    int timeout_ms = bleproxy_loop_timeout_ms(self->loop);
    (void)io;
    if (timeout_ms < 0)
        return sd_event_source_set_enabled(self->timer, SD_EVENT_OFF);
    int r = sd_event_source_set_time_relative(self->timer, (uint64_t)timeout_ms * 1000);
    return r < 0 ? r : sd_event_source_set_enabled(self->timer, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *io, int fd, uint32_t events, void *user)
{
    struct loop_source *self = user;
    (void)io, (void)fd, (void)events;
    bleproxy_loop_process(self->loop);
    return 0;
}

static int on_time(sd_event_source *timer, uint64_t now_us, void *user)
{
    struct loop_source *self = user;
    (void)timer, (void)now_us;
    bleproxy_loop_process(self->loop);
    return 0;
}

static int loop_source_attach(struct loop_source *self, sd_event *event)
{
    int r = sd_event_add_io(event, &self->io, bleproxy_loop_fd(self->loop), EPOLLIN, on_io, self);
    if (r >= 0) /* 1 ms late at most; 0 would be a quarter of a second */
        r = sd_event_add_time_relative(event, &self->timer, CLOCK_MONOTONIC, 0, 1000, on_time, self);
    return r < 0 ? r : sd_event_source_set_prepare(self->io, on_prepare);
}

/* Before the loop is freed. */
static void loop_source_detach(struct loop_source *self)
{
    sd_event_source_disable_unref(self->timer);
    sd_event_source_disable_unref(self->io);
}

static void on_change(void *user, const struct bleproxy_advertisement *advertisement)
{
    (void)user;
    char address[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(advertisement->address, address);
    printf("%s %d dBm through %s\n", address, advertisement->rssi_dbm, advertisement->proxy);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct loop_source source = {0};
    struct bleproxy_hub *hub;
    struct bleproxy_manager *manager;
    struct bleproxy_subscription *subscription;
    sd_event *event;
    sigset_t ends;
    const struct bleproxy_proxy_config config = {.address = argc > 1 ? argv[1] : "127.0.0.1",
                                                 .noise_psk = getenv("BLEPROXY_NOISE_PSK")};
    /* sd-event takes signals that are blocked, in every thread: before the library can have any. */
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    if (bleproxy_loop_new(NULL, &source.loop) || bleproxy_hub_new(source.loop, NULL, &hub) ||
        bleproxy_manager_new(hub, &config, &manager) || bleproxy_manager_start(manager, NULL, NULL) ||
        bleproxy_hub_subscribe(hub, BLEPROXY_STREAM_CHANGES, NULL, on_change, NULL, &subscription))
        return 1;

    int r = sd_event_new(&event);
    if (r < 0 || (r = loop_source_attach(&source, event)) < 0 ||
        (r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL)) < 0 ||
        (r = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL)) < 0)
        return 1;
    r = sd_event_loop(event); /* a signal without a handler of its own ends it */

    bleproxy_subscription_free(subscription);
    bleproxy_manager_free(manager);
    bleproxy_hub_free(hub);
    loop_source_detach(&source);
    bleproxy_loop_free(source.loop);
    sd_event_unref(event);
    return r < 0 ? 1 : 0;
}
