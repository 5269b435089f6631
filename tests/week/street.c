/* SPDX-License-Identifier: MIT */
#include "street.h"

#include "hub/scanner.h"
#include "world.h"
#include <stddef.h>

/* 800 addresses in any 200 s, and some more as the proxy does not hear those that pass while it opens a link. */
#define PASS_NS (240 * NS_PER_MS)
/* Each is heard when it comes, and by chance some seconds later. */
enum { AGAIN_AFTER_1 = 12, AGAIN_AFTER_2 = 40 };

#define MAD_FIRST_NS   (1080 * NS_PER_S)
#define MAD_LEAST_NS   (3000 * NS_PER_S)
#define MAD_MOST_NS    (6000 * NS_PER_S)
#define MAD_RESTART_NS (5 * NS_PER_S)
#define MAD_REST_NS    (20 * NS_PER_S)
#define INVENT_NS      (100 * NS_PER_MS)

enum { INVENT_LEAST = 31, INVENT_MOST = 1650, INVENT_AGAIN_AFTER = 500 };

/* What a mad proxy does: first half of what it invents comes again after a while, and what does not makes way for more. Then
 * all of it comes twice at once, until all bytes are taken by those who were heard again. Last it has patience: so many as can
 * displace each other when they have been silent for long fill the hub with such, too. */
static const struct act {
    unsigned tenths, at_once; /* how long, and how many each tenth of a second */
    bool twice, large;
} acts[] = {{300, 200, false, true}, {300, 200, true, true}, {2400, 20, true, false}};
enum { ACTS = sizeof(acts) / sizeof(acts[0]) };
/* Early in the last act, when most is known, it breaks down, too: what it has heard is put away. */
enum { BREAKDOWN = 750 };

static void report(struct world *world, unsigned proxy, uint64_t dice, size_t size, int32_t rssi)
{
    uint8_t data[INVENT_MOST] = {2, 1, 6};
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
    world_after(world, PASS_NS, pass, NULL, n + 1);
}

static void invent(struct world *world, uint64_t n, bool large)
{
    uint64_t dice = world_dice(world, DICE_STREET + 3, n);
    report(world, FAR_PROXY, dice,
           INVENT_LEAST + (large ? (size_t)(dice >> 48) % (INVENT_MOST - INVENT_LEAST) : 0), -20);
}

static void go_on(struct world *world, void *what, uint64_t tenth)
{
    uint64_t begin = 0;
    const struct act *act = acts;
    (void)what;
    for (; act < acts + ACTS && tenth >= begin + act->tenths; act++)
        begin += act->tenths;
    if (act == acts + ACTS)
        return;
    if (tenth == BREAKDOWN)
        box_power_off(&world->boxes[FAR_PROXY], MAD_RESTART_NS);
    for (unsigned i = 0; i < act->at_once; i++) {
        uint64_t n = world->n_invented++;
        invent(world, n, act->large);
        if (act->twice)
            invent(world, n, act->large);
        else if (n % 2 && n > INVENT_AGAIN_AFTER)
            invent(world, n - INVENT_AGAIN_AFTER, act->large);
    }
    world_after(world, INVENT_NS, go_on, NULL, tenth + 1);
}

static void go_mad(struct world *world, void *what, uint64_t n)
{
    (void)what;
    box_power_off(&world->boxes[FAR_PROXY], MAD_RESTART_NS);
    world_after(world, MAD_REST_NS, go_on, NULL, 0);
    uint64_t dice = world_dice(world, DICE_STREET + 4, n);
    world_after(world, between_ns(dice, MAD_LEAST_NS, MAD_MOST_NS), go_mad, NULL, n + 1);
}

void street_init(struct world *world)
{
    world_after(world, PASS_NS, pass, NULL, 0);
    if (world->scale.siege)
        world_after(world, MAD_FIRST_NS, go_mad, NULL, 0);
}
