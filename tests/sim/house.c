/* SPDX-License-Identifier: MIT */
#include "house.h"

#include "link.h"
#include "noise/cipher.h"
#include <stdio.h>
#include <stdlib.h>

/* How long a radio takes to change its mode, and a device to shut down. */
#define RADIO_NS    (50 * NS_PER_MS)
#define SHUTDOWN_NS (500 * NS_PER_MS)

static void radio_runs(struct world *world, void *what, uint64_t detail)
{
    struct house *house = what;
    (void)detail;
    if (!house->server)
        return;
    server_scanner_state(house->server, BLEPROXY_SCANNER_RUNNING, world->now_ns);
    house_touch(house);
}

static void on_subscribed(void *user, bool subscribed, uint64_t now_ns)
{
    struct house *house = user;
    (void)now_ns;
    house->disturbed_ns = house->world->now_ns;
    if (subscribed)
        world_after(house->world, RADIO_NS, radio_runs, house, 0);
}

static void set_mode(void *user, enum bleproxy_scanner_mode mode, uint64_t now_ns)
{
    struct house *house = user;
    (void)mode;
    (void)now_ns;
    world_after(house->world, RADIO_NS, radio_runs, house, 0);
}

static const struct server_radio_ops radio_ops = {.on_subscribed = on_subscribed, .set_mode = set_mode};

static void power_on(struct world *world, void *what, uint64_t detail)
{
    struct house *house = what;
    (void)detail;
    if (house->server || world->now_ns < house->down_until_ns)
        return;
    char name[32];
    snprintf(name, sizeof(name), "house-%u", house->index);
    const struct server_config config = {.env = &world->env,
                                         .profile = house->profile,
                                         .psk = house->encrypted ? house->key : NULL,
                                         .aead = house->index % 4 == 1 ? &aead_sodium : &aead_null,
                                         .name = name,
                                         .friendly_name = name,
                                         .model = "simulated",
                                         .manufacturer = "nobody",
                                         .mac_address = HOUSE_SOURCE + house->index - 2,
                                         .bluetooth_mac_address = HOUSE_SOURCE + house->index,
                                         .slots = 3};
    if (server_new(&config, &radio_ops, house, world->now_ns, &house->server) < 0) {
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
                            .wake_ns = BP_NEVER};
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
}

static void wake(struct world *world, void *what, uint64_t detail)
{
    struct house *house = what;
    if (detail != house->wake_ns)
        return;
    house->wake_ns = BP_NEVER;
    if (house->server)
        server_tick(house->server, world->now_ns);
    house_touch(house);
}

void house_touch(struct house *house)
{
    if (!house->server)
        return;
    list_for_each(node, &house->links) link_pump(list_entry(node, struct link, of_house), TO_HOME);
    uint64_t deadline_ns = server_deadline(house->server);
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
    server_free(house->server);
    house->server = NULL;
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
    if (house->server)
        house_power_off(house, detail);
}

void house_restart(struct house *house, uint64_t duration_ns)
{
    if (!house->server)
        return;
    house->disturbed_ns = house->world->now_ns;
    server_shutdown(house->server, house->world->now_ns);
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
