/* SPDX-License-Identifier: MIT */
#include "device.h"

#include "home.h"
#include "house.h"
#include "sim/house.h"
#include <stdlib.h>

#define DEVICE_ADDRESS UINT64_C(0xC00000000000)
/* What an advertisement needs to come through in health: a proxy's batch, the network, a piece at a time. */
#define PASSAGE_NS (5 * NS_PER_S)

/* An advertisement sent in health must have been heard, if the health lasted. */
static void check(struct device *device, struct hearer *hearer)
{
    struct world *world = device->world;
    uint64_t sent_ns = hearer->sent_ns;
    if (sent_ns == 0 || world->houses[hearer->house].disturbed_ns > sent_ns ||
        world->now_ns < sent_ns + PASSAGE_NS || !home_is_healthy(&world->homes[hearer->house]))
        return;
    world->n_checked++;
    world_expect(world, hearer->heard_ns >= sent_ns, "device %u was not heard through the healthy house %u",
                 device->index, hearer->house);
}

static void advertise_to(struct device *device, struct hearer *hearer)
{
    struct world *world = device->world;
    struct house *house = &world->houses[hearer->house];
    uint8_t index[2] = {(uint8_t)device->index, (uint8_t)(device->index >> 8)};
    const uint8_t data[] = {2, 1, 6,   6,   0xff, 0xff, 0xff, index[0], index[1], device->counter,
                            7, 9, 'd', 'e', 'v',  'i',  'c',  'e'};
    const struct batch_advert advert = {.address = device->address,
                                        .data = data,
                                        .size = sizeof(data),
                                        .rssi = hearer->rssi_dbm,
                                        .address_type = device->address_type};
    check(device, hearer);
    hearer->sent_ns = 0;
    if (!house->proxy.server)
        return;
    if (home_is_healthy(&world->homes[hearer->house]))
        hearer->sent_ns = world->now_ns;
    server_report(house->proxy.server, &advert, world->now_ns);
    house_touch(house);
}

static void advertise(struct world *world, void *what, uint64_t detail)
{
    struct device *device = what;
    (void)detail;
    if (world_chance(world, 2) == 0)
        device->counter++; /* half of the time nothing has changed */
    bool silent = device->gatt && device->gatt->peripheral->silent;
    for (unsigned i = 0; i < device->n_hearers && !silent; i++)
        advertise_to(device, &device->hearers[i]);
    world_after(world, device->interval_ns + world_chance(world, NS_PER_S), advertise, device, 0);
}

static struct device *device_find(struct world *world, uint64_t address)
{
    uint64_t index = address - DEVICE_ADDRESS;
    if (index < world->scale.n_devices && world->devices[index].address == address)
        return &world->devices[index];
    for (unsigned i = 0; i < world->scale.n_devices; i++)
        if (world->devices[i].address == address)
            return &world->devices[i];
    return NULL;
}

static void on_advertisement(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct world *world = user;
    struct device *device = device_find(world, advertisement->address);
    world->n_reports++;
    if (!device) {
        world_fail(world, "a report of a device that there is not");
        return;
    }
    for (unsigned i = 0; i < device->n_hearers; i++) {
        struct hearer *hearer = &device->hearers[i];
        if (world->houses[hearer->house].source == advertisement->source) {
            hearer->heard_ns = world->now_ns;
            return;
        }
    }
    world_fail(world, "a report of device %u by a proxy that cannot hear it", device->index);
}

static void device_init(struct device *device, struct world *world, unsigned index)
{
    *device = (struct device){.world = world,
                              .address = DEVICE_ADDRESS + index,
                              .address_type = BLEPROXY_ADDRESS_RANDOM,
                              .index = index,
                              .interval_ns = world_moment(world, 30 * NS_PER_S, 60 * NS_PER_S)};
    if (world->scale.n_programs > 0) {
        device->gatt = &world->radio->devices[index];
        device->address = device->gatt->peripheral->address;
        device->address_type = device->gatt->peripheral->address_type;
    }
    unsigned first = (unsigned)world_chance(world, world->scale.n_proxies);
    unsigned n = 1 + (unsigned)world_chance(world, HEARERS_MAX);
    for (unsigned i = 0; i < n && i < world->scale.n_proxies; i++)
        device->hearers[device->n_hearers++] =
            (struct hearer){.house = (first + i) % world->scale.n_proxies,
                            .rssi_dbm = (int8_t)(-50 - (int)world_chance(world, 45))};
    world_after(world, world_chance(world, device->interval_ns), advertise, device, 0);
}

void devices_init(struct world *world)
{
    struct bleproxy_subscription *subscription; /* ends with the hub */
    if (hub_subscribe(world->hub, BLEPROXY_STREAM_REPORTS, NULL, on_advertisement, world, &subscription) < 0)
        abort();
    for (unsigned i = 0; i < world->scale.n_devices; i++)
        device_init(&world->devices[i], world, i);
}

void devices_check(struct world *world)
{
    for (unsigned i = 0; i < world->scale.n_devices; i++)
        for (unsigned j = 0; j < world->devices[i].n_hearers; j++)
            check(&world->devices[i], &world->devices[i].hearers[j]);
}
