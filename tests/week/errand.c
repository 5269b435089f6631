/* SPDX-License-Identifier: MIT */
#include "errand.h"

#include "central/establish.h"
#include "world.h"
#include <bleproxy/error.h>
#include <stdlib.h>

#define FIRST_NS      (60 * NS_PER_S)
#define LEAST_NS      (300 * NS_PER_S)
#define MOST_NS       (900 * NS_PER_S)
#define RUSH_EVERY_NS (600 * NS_PER_S)

enum { VALUE = 0x12 };

void tally_add(struct tally *sum, const struct tally *tally)
{
    sum->asked += tally->asked;
    sum->succeeded += tally->succeeded;
    sum->attempts += tally->attempts;
    sum->nearest += tally->nearest;
    sum->used_dbm += tally->used_dbm;
    sum->best_dbm += tally->best_dbm;
    sum->seconds += tally->seconds;
    sum->failed_timeout += tally->failed_timeout;
    sum->failed_link += tally->failed_link;
    sum->failed_slot += tally->failed_slot;
    sum->failed_way += tally->failed_way;
    sum->failed_else += tally->failed_else;
    sum->lost += tally->lost;
}

static void on_done(void *user, const struct bleproxy_result *result)
{
    struct errand *errand = user;
    (void)result;
    errand->busy = false;
}

static void on_read(void *user, const struct bleproxy_result *result)
{
    struct errand *errand = user;
    struct world *world = errand->world;
    world->tally.lost += result->error != 0;
    if (peripheral_disconnect(errand->peripheral, on_done, errand, world->now_ns, NULL) < 0)
        world_fail(world, "device %u cannot be disconnected", errand->dweller->index);
}

static void note_failure(struct tally *tally, int error)
{
    if (error == BLEPROXY_E_TIMEOUT)
        tally->failed_timeout++;
    else if (error == BLEPROXY_E_LINK)
        tally->failed_link++;
    else if (error == BLEPROXY_E_NO_SLOT)
        tally->failed_slot++;
    else if (error == BLEPROXY_E_NOT_HEARD || error == BLEPROXY_E_NO_PROXY)
        tally->failed_way++;
    else
        tally->failed_else++;
}

static void note_success(const struct errand *errand, uint64_t source)
{
    struct world *world = errand->world;
    struct tally *tally = &world->tally;
    double used_dbm = 0, best_dbm = -1000;
    for (unsigned i = 0; i < PROXIES; i++) {
        double dbm = dweller_dbm(errand->dweller, i);
        if (world->boxes[i].source == source)
            used_dbm = dbm;
        if (box_is_there(&world->boxes[i]) && dbm > best_dbm)
            best_dbm = dbm;
    }
    tally->succeeded++;
    tally->used_dbm += used_dbm;
    tally->best_dbm += best_dbm;
    tally->nearest += used_dbm >= best_dbm;
    tally->seconds += (double)(world->now_ns - errand->asked_ns) / (double)NS_PER_S;
}

static void on_connected(void *user, const struct bleproxy_result *result)
{
    struct errand *errand = user;
    struct world *world = errand->world;
    world->tally.attempts += result->attempts;
    if (result->error != 0) {
        note_failure(&world->tally, result->error);
        errand->busy = false;
        return;
    }
    note_success(errand, result->source);
    if (peripheral_read(errand->peripheral, VALUE, 0, on_read, errand, world->now_ns, NULL) < 0)
        world_fail(world, "device %u cannot be read", errand->dweller->index);
}

static void ask(struct errand *errand)
{
    struct world *world = errand->world;
    if (errand->busy)
        return;
    if (establish_start(errand->peripheral, NULL, on_connected, errand, world->now_ns, NULL) < 0) {
        world_fail(world, "device %u cannot be connected", errand->dweller->index);
        return;
    }
    errand->busy = true;
    errand->asked_ns = world->now_ns;
    world->tally.asked++;
}

static void run(struct world *world, void *what, uint64_t n)
{
    struct errand *errand = what;
    ask(errand);
    uint64_t dice = world_dice(world, DICE_ERRAND + errand->dweller->index, n);
    world_after(world, between_ns(dice, LEAST_NS, MOST_NS), run, errand, n + 1);
}

void errands_rush(struct world *world)
{
    for (unsigned i = 0; i < ERRANDS; i++)
        ask(&world->errands[i]);
}

static void rush(struct world *world, void *what, uint64_t detail)
{
    (void)what, (void)detail;
    errands_rush(world);
    world_after(world, RUSH_EVERY_NS, rush, NULL, 0);
}

void errands_init(struct world *world)
{
    unsigned n = 0;
    for (unsigned i = 0; i < DWELLERS; i++) {
        struct dweller *dweller = &world->dwellers[i];
        if (dweller->kind->care != CARE_ERRAND)
            continue;
        struct errand *errand = &world->errands[n++];
        *errand = (struct errand){.world = world, .dweller = dweller};
        if (peripheral_new(world->central, dweller->address, &errand->peripheral) < 0)
            abort();
        world_after(world, FIRST_NS + world_dice(world, DICE_ERRAND + i, 0) % MOST_NS, run, errand, 1);
    }
    if (n != ERRANDS)
        abort();
    world_after(world, RUSH_EVERY_NS / 2, rush, NULL, 0);
}

void errands_deinit(struct world *world)
{
    for (unsigned i = 0; i < ERRANDS; i++)
        peripheral_free(world->errands[i].peripheral, world->now_ns);
}
