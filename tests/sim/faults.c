/* SPDX-License-Identifier: MIT */
#include "faults.h"

#include "home.h"
#include "house.h"
#include "link.h"

enum fault {
    CONNECTION_RESET,   /* both ends learn of it */
    HOUSE_DROPS_CLIENT, /* only the house does, and the home by and by */
    HOME_LOSES_CLIENT,  /* only the home does: the house keeps a dead client */
    REPORTS_STALL,
    COMMANDS_STALL,
    ALL_STALLS,
    BLACK_HOLE, /* for good: only time tells the ends */
    POWER_CUT,
    RESTART,
    OFF_THE_NETWORK,
    NO_LOOKUPS,
    N_FAULTS,
};

#define LONGEST_FAULT_NS (180 * NS_PER_S)

/* The link that is in use: the newest. */
static struct link *link_of(const struct house *house)
{
    return list_empty(&house->links) ? NULL : list_entry(house->links.prev, struct link, of_house);
}

static void befall_link(enum fault fault, struct link *link, uint64_t duration_ns)
{
    switch (fault) {
    case CONNECTION_RESET:
        link_reset(link, true, true);
        break;
    case HOUSE_DROPS_CLIENT:
        link_reset(link, false, true);
        break;
    case HOME_LOSES_CLIENT:
        link_stall(link, TO_HOUSE, duration_ns); /* its FIN is late */
        link_reset(link, true, false);
        break;
    case REPORTS_STALL:
        link_stall(link, TO_HOME, duration_ns);
        break;
    case COMMANDS_STALL:
        link_stall(link, TO_HOUSE, duration_ns);
        break;
    case ALL_STALLS:
        link_stall(link, TO_HOME, duration_ns);
        link_stall(link, TO_HOUSE, duration_ns);
        break;
    case BLACK_HOLE:
        link->is_black_hole = true;
        break;
    case POWER_CUT:
    case RESTART:
    case OFF_THE_NETWORK:
    case NO_LOOKUPS:
    case N_FAULTS:
        break;
    }
}

static void disturbance_ends(struct world *world, void *what, uint64_t detail)
{
    struct house *house = what;
    (void)detail;
    house->disturbed_ns = world->now_ns;
}

static void befall(struct world *world, struct house *house)
{
    enum fault fault = (enum fault)world_chance(world, N_FAULTS);
    uint64_t duration_ns = world_moment(world, NS_PER_S, LONGEST_FAULT_NS);
    struct link *link = link_of(house);
    world->n_faults++;
    house->disturbed_ns = world->now_ns;
    switch (fault) {
    case CONNECTION_RESET:
    case HOUSE_DROPS_CLIENT:
    case HOME_LOSES_CLIENT:
    case REPORTS_STALL:
    case COMMANDS_STALL:
    case ALL_STALLS:
    case BLACK_HOLE:
        if (link)
            befall_link(fault, link, duration_ns);
        break;
    case POWER_CUT:
        if (house->proxy.server)
            house_power_off(house, duration_ns);
        break;
    case RESTART:
        house_restart(house, duration_ns / 10);
        break;
    case OFF_THE_NETWORK:
        house_cut_off(house, duration_ns);
        break;
    case NO_LOOKUPS:
        world->homes[house->index].no_lookups_until_ns = world->now_ns + duration_ns;
        if (link)
            link_reset(link, true, true);
        break;
    case N_FAULTS:
        break;
    }
    world_after(world, duration_ns, disturbance_ends, house, 0);
}

/* As at home: a few hours apart, and some deafness, which only the proxy's client can cure. */
static void next_lifelike_fault(struct world *world, void *what, uint64_t detail)
{
    struct house *house = what;
    (void)detail;
    if (!world_is_in_trouble(world))
        return;
    if (house->proxy.server && world_chance(world, 10) == 0) {
        house->disturbed_ns = world->now_ns;
        sim_proxy_go_deaf(&house->proxy, (enum server_cure)world_chance(world, SERVER_CURE_CONNECT + 1));
        world->n_faults++;
    } else {
        befall(world, house);
    }
    world_after(world, world_between(world, 600 * NS_PER_S, 12 * 3600 * NS_PER_S), next_lifelike_fault, house,
                0);
}

/* Everything goes off, and comes back within five seconds. */
static void cut_power(struct world *world, void *what, uint64_t detail)
{
    (void)what;
    (void)detail;
    for (unsigned i = 0; i < world->scale.n_proxies; i++)
        house_power_off(&world->houses[i], world_between(world, NS_PER_S, 5 * NS_PER_S));
}

static void next_fault(struct world *world, void *what, uint64_t detail)
{
    struct house *house = what;
    (void)detail;
    if (!world_is_in_trouble(world))
        return;
    befall(world, house);
    world_after(world, world_moment(world, NS_PER_S, 300 * NS_PER_S), next_fault, house, 0);
}

void faults_init(struct world *world)
{
    if (world->scale.one_cut) {
        world_at(world, world->now_ns + world->scale.cut_ns, cut_power, NULL, 0);
        return;
    }
    for (unsigned i = 0; i < world->scale.n_proxies; i++)
        if (world->scale.lifelike)
            world_after(world, world_between(world, 0, 12 * 3600 * NS_PER_S), next_lifelike_fault,
                        &world->houses[i], 0);
        else
            world_after(world, world_moment(world, 0, 300 * NS_PER_S), next_fault, &world->houses[i], 0);
}
