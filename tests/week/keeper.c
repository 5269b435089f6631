/* SPDX-License-Identifier: MIT */
#include "keeper.h"

#include "central/establish.h"
#include "world.h"
#include <stdlib.h>

#define BEGIN_NS (30 * NS_PER_S)
#define AGAIN_NS (20 * NS_PER_S)

static bool is_to_pair(const struct keeper *keeper)
{
    return keeper->dweller->kind->care == CARE_BOND;
}

static void connect(struct world *world, void *what, uint64_t detail);

static void connect_later(struct keeper *keeper)
{
    world_after(keeper->world, AGAIN_NS, connect, keeper, 0);
}

static void free_peripheral(struct world *world, void *what, uint64_t detail)
{
    struct keeper *keeper = what;
    (void)detail;
    peripheral_free(keeper->peripheral, world->now_ns);
    keeper->peripheral = NULL;
}

static void on_connected(void *user, const struct bleproxy_result *result)
{
    struct keeper *keeper = user;
    if (result->error != 0)
        connect_later(keeper);
    else if (is_to_pair(keeper)) /* the bond alone is to keep it known */
        world_after(keeper->world, NS_PER_S, free_peripheral, keeper, 0);
}

static void on_disconnected(void *user, const struct bleproxy_result *result)
{
    struct keeper *keeper = user;
    (void)result;
    if (!is_to_pair(keeper))
        connect_later(keeper);
}

static void connect(struct world *world, void *what, uint64_t detail)
{
    struct keeper *keeper = what;
    const struct bleproxy_connect_options options = {.pair = is_to_pair(keeper)};
    (void)detail;
    if (!keeper->peripheral)
        return;
    if (establish_start(keeper->peripheral, &options, on_connected, keeper, world->now_ns, NULL) < 0)
        world_fail(world, "device %u cannot be connected", keeper->dweller->index);
}

void keepers_init(struct world *world)
{
    unsigned n = 0;
    for (unsigned i = 0; i < DWELLERS; i++) {
        struct dweller *dweller = &world->dwellers[i];
        if (dweller->kind->care != CARE_BOND && dweller->kind->care != CARE_LINK)
            continue;
        struct keeper *keeper = &world->keepers[n++];
        *keeper = (struct keeper){.world = world, .dweller = dweller};
        if (peripheral_new(world->central, dweller->address, &keeper->peripheral) < 0)
            abort();
        peripheral_on_disconnected(keeper->peripheral, on_disconnected, keeper);
        world_after(world, BEGIN_NS, connect, keeper, 0);
    }
    if (n != KEEPERS)
        abort();
}

void keepers_deinit(struct world *world)
{
    for (unsigned i = 0; i < KEEPERS; i++)
        if (world->keepers[i].peripheral)
            free_peripheral(world, &world->keepers[i], 0);
}

bool keepers_have_paired(const struct world *world)
{
    for (unsigned i = 0; i < KEEPERS; i++)
        if (is_to_pair(&world->keepers[i]) &&
            (world->keepers[i].peripheral ||
             !bonds_get(central_bonds(world->central), world->keepers[i].dweller->address)))
            return false;
    return true;
}
