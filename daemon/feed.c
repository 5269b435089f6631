/* SPDX-License-Identifier: MIT */
#include "feed.h"

#include "adapter.h"
#include "cli/events.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Whoever reads, and what waits for him. */
struct feed_reader {
    struct feed *feed;
    struct feed_reader *next;
    struct watch watch;
    struct bleproxy_scan_request *request;
    char *sender;
    uint32_t lost; /* lines, since there was no room */
    size_t start, size;
    char buffer[FEED_BUFFER_SIZE]; /* what waits is size bytes from start on */
};

void feed_init(struct feed *feed, struct fleet *fleet, struct watches *watches, const struct adapter *adapter)
{
    *feed = (struct feed){.fleet = fleet,
                          .watches = watches,
                          .adapter = adapter,
                          .started_ns = bleproxy_loop_now_ns(fleet->loop)};
}

static void close_reader(struct feed_reader *reader)
{
    struct feed *feed = reader->feed;
    struct feed_reader **at = &feed->first;
    while (*at != reader)
        at = &(*at)->next;
    *at = reader->next;
    feed->n_readers--;
    watches_remove(feed->watches, &reader->watch);
    close(reader->watch.fd);
    bleproxy_scan_request_free(reader->request);
    free(reader->sender);
    free(reader);
    if (feed->first)
        return;
    bleproxy_subscription_free(feed->subscription);
    feed->subscription = NULL;
}

/* ---- Sending ---- */

static void wait_for_room(struct feed_reader *reader, bool waits)
{
    uint32_t events = waits ? EPOLLIN | EPOLLOUT : EPOLLIN;
    if (reader->watch.events == events)
        return;
    reader->watch.events = events;
    watches_change(reader->feed->watches, &reader->watch);
}

/* False: he is gone. */
static bool send_rest(struct feed_reader *reader)
{
    while (reader->size > 0) {
        ssize_t n =
            send(reader->watch.fd, reader->buffer + reader->start, reader->size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (n <= 0)
            break;
        reader->start += (size_t)n;
        reader->size -= (size_t)n;
    }
    if (reader->size == 0)
        reader->start = 0;
    wait_for_room(reader, reader->size > 0);
    return true;
}

static bool append(struct feed_reader *reader, const char *line, size_t size)
{
    if (reader->size + size > sizeof(reader->buffer))
        return false;
    if (reader->start + reader->size + size > sizeof(reader->buffer)) {
        memmove(reader->buffer, reader->buffer + reader->start, reader->size);
        reader->start = 0;
    }
    memcpy(reader->buffer + reader->start + reader->size, line, size);
    reader->size += size;
    return true;
}

/* Before the next line that he gets; both fit, or none. */
static bool append_lost(struct feed_reader *reader, uint64_t time_ns, size_t next_size)
{
    char line[TRACE_LINE_SIZE];
    const struct trace_event event = {.kind = TRACE_LOST, .time_ns = time_ns, .lost = reader->lost};
    if (reader->lost == 0)
        return true;
    size_t size = trace_format(&event, line);
    if (reader->size + size + next_size > sizeof(reader->buffer) || !append(reader, line, size))
        return false;
    reader->lost = 0;
    return true;
}

static void give(struct feed_reader *reader, uint64_t time_ns, const char *line, size_t size)
{
    if (!append_lost(reader, time_ns, size) || !append(reader, line, size))
        reader->lost += reader->lost < INT32_MAX;
}

/* Times never go back, as a report may be older than what was told before it. */
static size_t format(struct feed *feed, struct trace_event event, char line[TRACE_LINE_SIZE],
                     uint64_t *ret_time_ns)
{
    if (event.time_ns < feed->told_ns)
        event.time_ns = feed->told_ns;
    feed->told_ns = event.time_ns;
    event.time_ns -= feed->started_ns < event.time_ns ? feed->started_ns : event.time_ns;
    *ret_time_ns = event.time_ns;
    return trace_format(&event, line);
}

static void tell(struct feed *feed, struct trace_event event)
{
    char line[TRACE_LINE_SIZE];
    uint64_t time_ns;
    if (!feed->first)
        return;
    size_t size = format(feed, event, line, &time_ns);
    for (struct feed_reader *reader = feed->first, *next; reader; reader = next) {
        next = reader->next;
        give(reader, time_ns, line, size);
        if (!(reader->watch.events & EPOLLOUT) && !send_rest(reader))
            close_reader(reader);
    }
}

static void on_report(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct feed *feed = user;
    uint8_t built[STRUCTURES_MAX];
    if (adapter_allows(feed->adapter, advertisement->address))
        tell(feed, event_advert(advertisement, built));
}

void feed_tell_ready(struct feed *feed, const struct member *member)
{
    char time[TRACE_TEXT_MAX];
    struct trace_event event;
    if (event_register(member, time, &event))
        tell(feed, event);
}

void feed_tell_down(struct feed *feed, const struct member *member)
{
    tell(feed, event_unregister(member));
}

/* ---- Readers ---- */

/* He has nothing to say: what comes is the end, or is dropped. */
static void on_ready(void *user, uint32_t events)
{
    struct feed_reader *reader = user;
    char dropped[512];
    ssize_t n = recv(reader->watch.fd, dropped, sizeof(dropped), MSG_DONTWAIT);
    bool is_gone = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    if (is_gone || ((events & EPOLLOUT) && !send_rest(reader)))
        close_reader(reader);
}

static void give_proxies(struct feed_reader *reader)
{
    struct feed *feed = reader->feed;
    char line[TRACE_LINE_SIZE], time[TRACE_TEXT_MAX];
    struct trace_event event;
    uint64_t time_ns;
    for (size_t i = 0; i < feed->fleet->n_members; i++)
        if (feed->fleet->members[i].is_ready && event_register(&feed->fleet->members[i], time, &event)) {
            size_t size = format(feed, event, line, &time_ns);
            give(reader, time_ns, line, size);
        }
    send_rest(reader);
}

static int subscribe(struct feed *feed)
{
    if (feed->subscription)
        return 0;
    return bleproxy_hub_subscribe(feed->fleet->hub, BLEPROXY_STREAM_REPORTS, NULL, on_report, feed,
                                  &feed->subscription);
}

static struct feed_reader *make_reader(struct feed *feed, int fd, const char *sender, bool active)
{
    struct feed_reader *reader = calloc(1, sizeof(*reader));
    if (!reader)
        return NULL;
    reader->feed = feed;
    reader->sender = strdup(sender);
    reader->watch = (struct watch){fd, EPOLLIN, on_ready, reader};
    if (!reader->sender || subscribe(feed) < 0 || watches_add(feed->watches, &reader->watch) < 0) {
        free(reader->sender);
        free(reader);
        return NULL;
    }
    if (active)
        bleproxy_hub_request_scan(feed->fleet->hub, BLEPROXY_MODE_ACTIVE, &reader->request);
    reader->next = feed->first;
    feed->first = reader;
    feed->n_readers++;
    return reader;
}

static bool has_room_for(const struct feed *feed, const char *sender)
{
    size_t n = 0;
    for (const struct feed_reader *reader = feed->first; reader; reader = reader->next)
        n += strcmp(reader->sender, sender) == 0;
    return n < FEED_READERS_OF_ONE_MAX && feed->n_readers < FEED_READERS_MAX;
}

int feed_open(struct feed *feed, struct tree *tree, sd_bus_message *call, bool active)
{
    int fds[2];
    const char *sender = sd_bus_message_get_sender(call);
    if (!has_room_for(feed, sender))
        return call_fail(tree, call, SD_BUS_ERROR_LIMITS_EXCEEDED, "too many programs read");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
        return -errno;
    struct feed_reader *reader = make_reader(feed, fds[0], sender, active);
    if (!reader) {
        close(fds[0]);
        close(fds[1]);
        return -ENOMEM;
    }
    int r = call_reply(tree, call, "h", fds[1]);
    close(fds[1]); /* the message has its own */
    give_proxies(reader);
    return r;
}

void feed_deinit(struct feed *feed)
{
    while (feed->first)
        close_reader(feed->first);
}
