/* SPDX-License-Identifier: MIT */
#include "house.h"

#include "link.h"
#include <stdio.h>
#include <stdlib.h>

/* How long a device takes to shut down. */
#define SHUTDOWN_NS (500 * NS_PER_MS)

enum { HOUSE_NAME_SIZE = 32 };

static void house_name(const struct house *house, char ret_name[HOUSE_NAME_SIZE])
{
    snprintf(ret_name, HOUSE_NAME_SIZE, "house-%u", house->index);
}

/* The first time. Later ones find its bonds. */
static int house_set_up(struct house *house)
{
    struct world *world = house->world;
    char name[HOUSE_NAME_SIZE];
    house_name(house, name);
    const struct sim_proxy_config config = {.name = name,
                                            .profile = house->profile,
                                            .flush_ns = BP_NEVER,
                                            .seed = world->seed,
                                            .psk = house->encrypted ? house->key : NULL,
                                            .slots = house->slots,
                                            .latency_ms = GATT_LATENCY_NATURAL};
    return sim_proxy_init(&house->proxy, &config, world->radio, &world->env, world->now_ns);
}

static void power_on(struct world *world, void *what, uint64_t detail)
{
    struct house *house = what;
    (void)detail;
    if (house->proxy.server || world->now_ns < house->down_until_ns)
        return;
    int r = house->is_set_up ? sim_proxy_power_on(&house->proxy, world->now_ns) : house_set_up(house);
    house->is_set_up |= r == 0;
    house->proxy.gatt.faults = world_is_in_trouble(world) ? sim_link_faults_all : (struct sim_link_faults){0};
    if (r < 0) {
        world_after(world, NS_PER_S, power_on, house, 0); /* no memory: it tries again */
        return;
    }
    house_touch(house);
}

void house_init(struct house *house, struct world *world, unsigned index)
{
    *house = (struct house){.world = world,
                            .index = index,
                            .profile = &server_profiles[index % server_n_profiles],
                            .encrypted = index % 2 == 1,
                            .slots = 1 + (uint32_t)world_chance(world, SERVER_SLOTS_MAX),
                            .wake_ns = BP_NEVER};
    char name[HOUSE_NAME_SIZE];
    house_name(house, name);
    house->source = sim_proxy_mac_address(name, world->seed) + 2;
    house->is_foreign = index % 8 == 5;
    for (unsigned i = 0; i < sizeof(house->key); i++)
        house->key[i] = (uint8_t)(index + i + house->is_foreign);
    list_init(&house->links);
    power_on(world, house, 0);
}

void house_deinit(struct house *house)
{
    house->down_until_ns = BP_NEVER;
    house_power_off(house, 0);
    sim_proxy_deinit(&house->proxy);
}

static void wake(struct world *world, void *what, uint64_t detail)
{
    struct house *house = what;
    if (detail != house->wake_ns)
        return;
    house->wake_ns = BP_NEVER;
    if (house->proxy.server)
        sim_proxy_tick(&house->proxy, world->now_ns);
    house_touch(house);
}

void house_touch(struct house *house)
{
    if (!house->proxy.server)
        return;
    list_for_each(node, &house->links) link_pump(list_entry(node, struct link, of_house), TO_HOME);
    uint64_t deadline_ns = sim_proxy_deadline(&house->proxy);
    if (deadline_ns < house->world->now_ns)
        deadline_ns = house->world->now_ns;
    if (deadline_ns >= house->wake_ns)
        return;
    house->wake_ns = deadline_ns;
    world_at(house->world, deadline_ns, wake, house, deadline_ns);
}

void house_power_off(struct house *house, uint64_t duration_ns)
{
    list_for_each(node, &house->links) link_forget_house(list_entry(node, struct link, of_house));
    sim_proxy_power_off(&house->proxy, BP_NEVER, house->world->now_ns);
    uint64_t now_ns = house->world->now_ns;
    house->disturbed_ns = now_ns;
    if (house->down_until_ns < now_ns + duration_ns)
        house->down_until_ns = now_ns + duration_ns;
    world_after(house->world, duration_ns, power_on, house, 0);
}

static void power_off_later(struct world *world, void *what, uint64_t detail)
{
    (void)world;
    struct house *house = what;
    if (house->proxy.server)
        house_power_off(house, detail);
}

void house_restart(struct house *house, uint64_t duration_ns)
{
    if (!house->proxy.server)
        return;
    house->disturbed_ns = house->world->now_ns;
    server_shutdown(house->proxy.server, house->world->now_ns);
    house_touch(house);
    world_after(house->world, SHUTDOWN_NS, power_off_later, house, duration_ns);
}

void house_cut_off(struct house *house, uint64_t duration_ns)
{
    house->disturbed_ns = house->world->now_ns;
    house->cut_until_ns = house->world->now_ns + duration_ns;
    list_for_each(node, &house->links)
    {
        struct link *link = list_entry(node, struct link, of_house);
        link_stall(link, TO_HOME, duration_ns);
        link_stall(link, TO_HOUSE, duration_ns);
    }
}

struct link *house_only_link(const struct house *house)
{
    struct list *first = house->links.next;
    bool one = !list_empty(&house->links) && first->next == &house->links;
    return one ? list_entry(first, struct link, of_house) : NULL;
}
