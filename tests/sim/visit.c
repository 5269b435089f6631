/* SPDX-License-Identifier: MIT */
#include "visit.h"

#include "central/peripheral_private.h"
#include "central/route.h"
#include "sim/gatt_device.h"
#include "watch.h"
#include <inttypes.h>
#include <stdlib.h>

enum { REACTIONS_DEEP = 3 };
/* The slot report that shows the end of a link follows it at once. */
#define BELIEF_MOST_NS (2 * NS_PER_S)
/* The longest pause after a failure, and a second in which nobody looks. */
#define IDLE_MOST_NS (6 * NS_PER_S + NS_PER_S / 2)

/* A whim, and how often it comes compared with the others. */
struct whim {
    unsigned weight;
    void (*act)(struct visit *visit);
};

static void on_disconnected(void *user, const struct bleproxy_result *result)
{
    struct visit *visit = user;
    struct world *world = visit->world;
    world_expect(world, !visit_is_over(visit) && !visit->freeing, "disconnected is called of what was freed");
    world_expect(world, visit->up, "disconnected is called of %012" PRIx64 ", which was not connected",
                 visit->device->peripheral->address);
    world_expect(world, result->text && (result->error == 0) == (result->text[0] == '\0'),
                 "disconnected with error %d does not say why", result->error);
    visit->up = false;
    interests_end(visit);
    if (!visit_is_over(visit))
        world_expect(world, !peripheral_is_connected(visit->peripheral),
                     "it is connected when told that it is not");
    visit_react(visit);
}

struct visit *visit_new(struct world *world, const struct gatt_device *device)
{
    struct visit *visit = calloc(1, sizeof(*visit));
    if (!visit)
        abort();
    visit->world = world;
    visit->device = device;
    list_init(&visit->node);
    list_init(&visit->pending);
    list_init(&visit->completed);
    list_init(&visit->interests);
    visit->believed_ns = visit->served_ns = world->now_ns;
    int r = peripheral_new(world->central, device->peripheral->address, &visit->peripheral);
    if (r < 0) {
        world_expect(world, world->scale.no_memory && r == BLEPROXY_E_NOMEM, "no peripheral: %d", r);
        visit_delete(visit);
        return NULL;
    }
    peripheral_on_disconnected(visit->peripheral, on_disconnected, visit);
    return visit;
}

void visit_delete(struct visit *visit)
{
    list_for_each(node, &visit->pending) free(list_entry(node, struct task, node));
    list_for_each(node, &visit->completed) free(list_entry(node, struct task, node));
    list_for_each(node, &visit->interests) free(list_entry(node, struct interest, node));
    list_unlink(&visit->node);
    free(visit);
}

void visit_end(struct visit *visit)
{
    struct peripheral *peripheral = visit->peripheral;
    if (!peripheral || visit->freeing)
        return;
    visit->freeing = true;
    interests_end(visit);
    peripheral_free(peripheral, visit->world->now_ns);
    visit->peripheral = NULL;
    visit->up = false;
    world_expect(visit->world, list_empty(&visit->pending), "an operation outlives its peripheral");
}

static bool has_pending(const struct visit *visit, enum task_kind kind)
{
    list_for_each(node, &visit->pending) if (list_entry(node, struct task, node)->kind == kind) return true;
    return false;
}

/* Nobody waits while the proxy that is best for it is idle. */
static void check_service(struct visit *visit)
{
    struct world *world = visit->world;
    const struct route route = {.address = visit->device->peripheral->address};
    struct path path;
    if (visit->peripheral->attempt || !has_pending(visit, TASK_CONNECT) ||
        route_choose(&world->central->routing, &route, world->now_ns, &path) != ROUTE_FREE)
        visit->served_ns = world->now_ns;
    world_expect(world, world->now_ns - visit->served_ns <= IDLE_MOST_NS,
                 "%012" PRIx64 " is to be connected, and %s idles", route.address, path.view.proxy);
}

void visit_check(struct visit *visit)
{
    struct world *world = visit->world;
    list_for_each(node, &visit->pending)
    {
        const struct task *task = list_entry(node, struct task, node);
        world_expect(world, world->now_ns <= task->due_ns, "operation %d lasts longer than it may",
                     (int)task->kind);
    }
    if (visit_is_over(visit))
        return;
    if (world->central)
        check_service(visit);
    uint64_t address = visit->device->peripheral->address;
    world_expect(world, peripheral_is_connected(visit->peripheral) == visit->up,
                 "%012" PRIx64 " is%s connected, but was not told so", address, visit->up ? " not" : "");
    /* the end of one that is being closed is believed in after 20 s: the task tells */
    if (!visit->up || visit->closing ||
        watch_believes_link(world, peripheral_source(visit->peripheral), address))
        visit->believed_ns = world->now_ns;
    world_expect(world, world->now_ns - visit->believed_ns <= BELIEF_MOST_NS,
                 "the link to %012" PRIx64 " has ended, and nobody is told", address);
}

/* ---- Whims ---- */

static void cancel_one(struct visit *visit)
{
    size_t n = 0;
    list_for_each(node, &visit->pending) n++;
    if (n == 0)
        return;
    size_t chosen = (size_t)world_chance(visit->world, n);
    list_for_each(node, &visit->pending) if (chosen-- == 0)
    {
        task_cancel(list_entry(node, struct task, node));
        return;
    }
}

static void connect_it(struct visit *visit)
{
    task_start(visit, TASK_CONNECT);
}

void visit_disconnect(struct visit *visit)
{
    if (visit_is_over(visit))
        return;
    visit->closing = visit->up;
    task_start(visit, TASK_DISCONNECT);
}

static void read_something(struct visit *visit)
{
    task_start(visit, TASK_READ);
}

static void write_something(struct visit *visit)
{
    task_start(visit, TASK_WRITE);
}

static void subscribe(struct visit *visit)
{
    task_start(visit, TASK_SUBSCRIBE);
}

static void unsubscribe(struct visit *visit)
{
    task_start(visit, TASK_UNSUBSCRIBE);
}

static void pair(struct visit *visit)
{
    task_start(visit, TASK_PAIR);
}

static void unpair(struct visit *visit)
{
    task_start(visit, TASK_UNPAIR);
}

static void clear_cache(struct visit *visit)
{
    task_start(visit, TASK_CLEAR_CACHE);
}

static void set_parameters(struct visit *visit)
{
    task_start(visit, TASK_SET_PARAMETERS);
}

static void do_several(struct visit *visit)
{
    for (unsigned i = 0; i < 8; i++)
        visit_act(visit);
}

static void do_nothing(struct visit *visit)
{
    (void)visit;
}

static const struct whim idle_whims[] = {{20, connect_it}, {2, visit_end},      {1, visit_disconnect},
                                         {1, clear_cache}, {1, read_something}, {1, pair}};
static const struct whim connecting_whims[] = {{4, cancel_one},       {1, visit_end},       {1, connect_it},
                                               {1, visit_disconnect}, {1, write_something}, {20, do_nothing}};
static const struct whim connected_whims[] = {
    {20, read_something},  {16, write_something}, {12, subscribe},     {6, unsubscribe}, {3, pair},
    {1, unpair},           {1, clear_cache},      {2, set_parameters}, {4, cancel_one},  {1, visit_end},
    {2, visit_disconnect}, {1, connect_it},       {2, do_several}};

static void follow(struct visit *visit, const struct whim *whims, size_t n)
{
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += whims[i].weight;
    unsigned chosen = (unsigned)world_chance(visit->world, sum);
    while (chosen >= whims->weight)
        chosen -= whims++->weight;
    whims->act(visit);
}

#define FOLLOW(visit, whims) follow(visit, whims, sizeof(whims) / sizeof(whims[0]))

void visit_act(struct visit *visit)
{
    if (visit_is_over(visit) || visit->freeing || !visit->world->central)
        return;
    if (visit->up)
        FOLLOW(visit, connected_whims);
    else if (has_pending(visit, TASK_CONNECT))
        FOLLOW(visit, connecting_whims);
    else
        FOLLOW(visit, idle_whims);
}

void visit_react(struct visit *visit)
{
    struct world *world = visit->world;
    if (world->reactions == REACTIONS_DEEP || world_chance(world, 4) != 0)
        return;
    world->reactions++;
    visit_act(visit);
    world->reactions--;
}
