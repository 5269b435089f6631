/* SPDX-License-Identifier: MIT */
#include "link.h"

#include <bleproxy/error.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 32 * 1024, SEGMENT_MAX = 1400 };

enum kind { SYN, ACCEPTED, REFUSED, DATA, FIN, RESET };

struct segment {
    struct link *link;
    enum direction direction;
    enum kind kind;
    size_t n;
    uint8_t bytes[];
};

static void unref(struct link *link)
{
    if (--link->references == 0)
        free(link);
}

static void send_segment(struct link *link, enum direction direction, enum kind kind, const void *bytes,
                         size_t n);

/* The end that a segment leads to. */
static bool is_open(const struct link *link, enum direction direction)
{
    return direction == TO_HOME ? link->home_open : link->house_open;
}

static void on_pending(void *user)
{
    (void)user; /* house_touch() looks at all connections anyway */
}

static void on_close(void *user, const char *why)
{
    (void)why;
    link_close_house(user);
}

static const struct server_connection_ops connection_ops = {on_pending, on_close};

static void send_syn_again(struct world *world, void *what, uint64_t detail)
{
    struct link *link = what;
    (void)world;
    (void)detail;
    if (link->home_open && !link->is_black_hole)
        send_segment(link, TO_HOUSE, SYN, NULL, 0);
    unref(link);
}

/* It is lost: TCP sends another, after 1, 2, 4, ... seconds. */
static void lose_syn(struct link *link)
{
    struct world *world = link->world;
    if (!world->scale.lifelike || !link->home_open)
        return;
    link->references++;
    world_after(world, NS_PER_S << link->n_syns++, send_syn_again, link, 0);
}

static void arrive_at_house(struct link *link, struct segment *segment)
{
    struct house *house = link->house;
    struct world *world = link->world;
    switch (segment->kind) {
    case SYN:
        if (world->now_ns < house->cut_until_ns || (world->scale.lifelike && !house->proxy.server)) {
            lose_syn(link);
            break;
        }
        if (!house->proxy.server) {
            send_segment(link, TO_HOME, REFUSED, NULL, 0);
            break;
        }
        send_segment(link, TO_HOME, ACCEPTED, NULL, 0);
        if (server_accept(house->proxy.server, &connection_ops, link, world->now_ns, &link->connection) < 0) {
            send_segment(link, TO_HOME, FIN, NULL, 0);
            break;
        }
        link->house_open = true;
        link->references++;
        list_append(&house->links, &link->of_house);
        break;
    case DATA:
        server_connection_feed(link->connection, segment->bytes, segment->n, world->now_ns);
        break;
    case FIN:
    case RESET:
        server_connection_free(link->connection, world->now_ns);
        link_forget_house(link);
        break;
    case ACCEPTED:
    case REFUSED:
        break;
    }
    house_touch(house);
}

static void arrive_at_home(struct link *link, struct segment *segment)
{
    struct home *home = link->home;
    struct proxy *proxy = manager_proxy(home->manager);
    uint64_t now_ns = link->world->now_ns;
    switch (segment->kind) {
    case ACCEPTED:
        proxy_connected(proxy, link->attempt, now_ns);
        break;
    case REFUSED:
        link->home_open = false;
        home->links[link->attempt] = NULL;
        unref(link);
        proxy_connect_failed(proxy, link->attempt, "Connection refused", now_ns);
        break;
    case DATA:
        proxy_feed(proxy, segment->bytes, segment->n, now_ns);
        break;
    case FIN:
        proxy_fail(proxy, BLEPROXY_E_CLOSED, NULL, now_ns);
        break;
    case RESET:
        link->home_reset = true; /* its system sends nothing more either */
        proxy_fail(proxy, BLEPROXY_E_IO, "Connection reset by peer", now_ns);
        break;
    case SYN:
        break;
    }
    home_touch(home);
}

static void arrive(struct world *world, void *what, uint64_t detail)
{
    (void)world;
    (void)detail;
    struct segment *segment = what;
    struct link *link = segment->link;
    enum direction direction = segment->direction, back = direction == TO_HOME ? TO_HOUSE : TO_HOME;
    link->pipes[direction].in_flight -= segment->n;
    if (link->is_black_hole || (link->home_reset && direction == TO_HOUSE && segment->kind == DATA)) {
        /* neither data nor an end of it arrives */
    } else if (segment->kind == SYN || is_open(link, direction)) {
        if (direction == TO_HOME)
            arrive_at_home(link, segment);
        else
            arrive_at_house(link, segment);
    } else if (segment->kind != RESET && segment->kind != FIN && is_open(link, back)) {
        send_segment(link, back, RESET, NULL, 0);
    }
    if (is_open(link, back))
        link_pump(link, direction);
    free(segment);
    unref(link);
}

static void send_segment(struct link *link, enum direction direction, enum kind kind, const void *bytes,
                         size_t n)
{
    struct segment *segment = malloc(sizeof(*segment) + n);
    if (!segment)
        abort();
    *segment = (struct segment){.link = link, .direction = direction, .kind = kind, .n = n};
    if (n > 0)
        memcpy(segment->bytes, bytes, n);
    struct pipe *pipe = &link->pipes[direction];
    uint64_t arrival_ns = link->world->now_ns + link->latency_ns + world_chance(link->world, NS_PER_MS);
    if (arrival_ns < pipe->last_arrival_ns)
        arrival_ns = pipe->last_arrival_ns;
    if (arrival_ns < pipe->stalled_until_ns)
        arrival_ns = pipe->stalled_until_ns;
    pipe->last_arrival_ns = arrival_ns;
    pipe->in_flight += n;
    link->references++;
    world_at(link->world, arrival_ns, arrive, segment, 0);
}

static size_t pending(const struct link *link, enum direction direction, struct iovec *ret_vec)
{
    if (direction == TO_HOME)
        return server_connection_pending(link->connection, ret_vec);
    return proxy_pending(manager_proxy(link->home->manager), ret_vec);
}

static void sent(struct link *link, enum direction direction, size_t n)
{
    if (direction == TO_HOME)
        server_connection_sent(link->connection, n);
    else
        proxy_sent(manager_proxy(link->home->manager), n);
}

static void take(struct link *link, enum direction direction, size_t room)
{
    struct iovec vec;
    size_t n;
    while (room > 0 && (n = pending(link, direction, &vec)) > 0) {
        size_t most = link->choppy ? 3 : SEGMENT_MAX;
        if (n > room)
            n = room;
        if (n > most)
            n = most;
        if (link->choppy || world_chance(link->world, 8) == 0)
            n = 1 + (size_t)world_chance(link->world, n);
        send_segment(link, direction, DATA, vec.iov_base, n);
        sent(link, direction, n);
        room -= n;
    }
}

void link_pump(struct link *link, enum direction direction)
{
    const struct pipe *pipe = &link->pipes[direction];
    bool sender_open = direction == TO_HOME ? link->house_open : link->home_open;
    if (sender_open && link->world->now_ns >= pipe->stalled_until_ns && pipe->in_flight < WINDOW)
        take(link, direction, WINDOW - pipe->in_flight);
}

static struct link *new_link(struct home *home, unsigned attempt)
{
    struct link *link = calloc(1, sizeof(*link));
    if (!link)
        abort();
    link->world = home->world;
    link->home = home;
    link->references = 1; /* the home's */
    link->attempt = attempt;
    link->home_open = true;
    link->choppy = world_chance(home->world, 16) == 0;
    link->latency_ns = world_between(home->world, NS_PER_MS, 40 * NS_PER_MS);
    list_init(&link->of_house);
    return link;
}

struct link *link_open(struct home *home, unsigned attempt, struct house *house)
{
    struct link *link = new_link(home, attempt);
    link->house = house;
    if (house)
        send_segment(link, TO_HOUSE, SYN, NULL, 0);
    return link;
}

struct link *link_refuse(struct home *home, unsigned attempt)
{
    struct link *link = new_link(home, attempt);
    send_segment(link, TO_HOME, REFUSED, NULL, 0);
    return link;
}

void link_close_home(struct link *link)
{
    take(link, TO_HOUSE, SIZE_MAX);
    link->home_open = false;
    if (link->house)
        send_segment(link, TO_HOUSE, FIN, NULL, 0);
    unref(link);
}

void link_reset_home(struct link *link)
{
    link->home_open = false;
    link->home_reset = true;
    if (link->house)
        send_segment(link, TO_HOUSE, RESET, NULL, 0);
    unref(link);
}

void link_close_house(struct link *link)
{
    take(link, TO_HOME, SIZE_MAX);
    send_segment(link, TO_HOME, FIN, NULL, 0);
    server_connection_free(link->connection, link->world->now_ns);
    link_forget_house(link);
}

void link_forget_house(struct link *link)
{
    link->house_open = false;
    link->connection = NULL;
    list_unlink(&link->of_house);
    unref(link);
}

static void stall_over(struct world *world, void *what, uint64_t detail)
{
    (void)world;
    struct link *link = what;
    link_pump(link, (enum direction)detail);
    unref(link);
}

void link_stall(struct link *link, enum direction direction, uint64_t duration_ns)
{
    uint64_t until_ns = link->world->now_ns + duration_ns;
    if (until_ns <= link->pipes[direction].stalled_until_ns)
        return;
    link->pipes[direction].stalled_until_ns = until_ns;
    link->references++;
    world_at(link->world, until_ns, stall_over, link, direction);
}

void link_reset(struct link *link, bool tell_home, bool tell_house)
{
    struct house *house = link->house;
    struct home *home = link->home;
    link->references++;
    if (tell_house && link->house_open) {
        server_connection_free(link->connection, link->world->now_ns);
        link_forget_house(link);
        house_touch(house);
    }
    if (tell_home && link->home_open) {
        proxy_fail(manager_proxy(home->manager), BLEPROXY_E_IO, "Connection reset by peer",
                   link->world->now_ns);
        home_touch(home);
    }
    unref(link);
}
