/* SPDX-License-Identifier: MIT */
#include "street.h"

#include "hub/scanner.h"
#include "world.h"
#include <stddef.h>

/* 800 addresses in any 200 s. */
#define PASS_NS (250 * NS_PER_MS)
/* Each is heard when it comes, and by chance some seconds later. */
enum { AGAIN_AFTER_1 = 12, AGAIN_AFTER_2 = 40 };

#define MAD_FIRST_NS   (1180 * NS_PER_S)
#define MAD_EVERY_NS   (3000 * NS_PER_S)
#define MAD_RESTART_NS (5 * NS_PER_S)
#define MAD_REST_NS    (20 * NS_PER_S)
#define MAD_FOR_NS     (60 * NS_PER_S)
#define INVENT_NS      (10 * NS_PER_MS)
enum { INVENT_AT_ONCE = 20, INVENT_SIZE_MAX = 1650, INVENT_AGAIN_AFTER = 500 };

static void report(struct world *world, unsigned proxy, uint64_t dice, size_t size, int32_t rssi)
{
    uint8_t data[INVENT_SIZE_MAX] = {2, 1, 6};
    struct scanner *ear = box_ear(&world->boxes[proxy]);
    if (!ear)
        return;
    /* manufacturer data, as much as there is room for */
    for (size_t i = 3; i + 5 < size; i += 1 + data[i]) {
        size_t left = size - i - 1;
        data[i] = (uint8_t)(left < 255 ? left : 255);
        data[i + 1] = 0xff;
        data[i + 2] = (uint8_t)(dice >> 8 ^ i);
        data[i + 3] = (uint8_t)(dice >> 16);
        data[i + 4] = (uint8_t)(dice >> 24);
        if (data[i] == 0)
            break;
    }
    const struct batch_advert advert = {.address =
                                            UINT64_C(0x400000000000) | (dice & UINT64_C(0x3fffffffffff)),
                                        .data = data,
                                        .size = (uint32_t)size,
                                        .rssi = rssi,
                                        .address_type = BLEPROXY_ADDRESS_RANDOM};
    world->n_reports++;
    scanner_report(ear, &advert, world->now_ns);
}

static void meet(struct world *world, uint64_t n)
{
    uint64_t dice = world_dice(world, DICE_STREET, n);
    report(world, STREET_PROXY, dice, 31, -70 - (int32_t)(dice >> 56) % 25);
}

static void pass(struct world *world, void *what, uint64_t n)
{
    (void)what;
    meet(world, n);
    if (n >= AGAIN_AFTER_1 && world_dice(world, DICE_STREET + 1, n) % 2)
        meet(world, n - AGAIN_AFTER_1);
    if (n >= AGAIN_AFTER_2 && world_dice(world, DICE_STREET + 2, n) % 2)
        meet(world, n - AGAIN_AFTER_2);
    world->street.n = n + 1;
    world_after(world, PASS_NS, pass, NULL, n + 1);
}

static void invent(struct world *world, uint64_t n)
{
    uint64_t dice = world_dice(world, DICE_STREET + 3, n);
    report(world, FAR_PROXY, dice, 31 + (dice >> 48) % (INVENT_SIZE_MAX - 31), -20);
}

static void go_mad(struct world *world, void *what, uint64_t until_ns)
{
    (void)what;
    for (unsigned i = 0; i < INVENT_AT_ONCE; i++) {
        uint64_t n = world->street.n_invented++;
        invent(world, n);
        if (world->now_ns + MAD_FOR_NS / 2 > until_ns)
            invent(world, n);
        else if (n % 2 && n > INVENT_AGAIN_AFTER)
            invent(world, n - INVENT_AGAIN_AFTER);
    }
    if (world->now_ns < until_ns)
        world_after(world, INVENT_NS, go_mad, NULL, until_ns);
}

static void begin_madness(struct world *world, void *what, uint64_t n)
{
    (void)what;
    box_power_off(&world->boxes[FAR_PROXY], MAD_RESTART_NS);
    world_after(world, MAD_REST_NS, go_mad, NULL, world->now_ns + MAD_REST_NS + MAD_FOR_NS);
    world_after(world, MAD_EVERY_NS + world_dice(world, DICE_STREET + 4, n) % MAD_EVERY_NS, begin_madness,
                NULL, n + 1);
}

void street_init(struct world *world)
{
    world_after(world, PASS_NS, pass, NULL, 0);
    if (world->scale.siege)
        world_after(world, MAD_FIRST_NS, begin_madness, NULL, 0);
}
