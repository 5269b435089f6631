/* SPDX-License-Identifier: MIT */
#include "dweller.h"

#include "central/central.h"
#include "hub/scanner.h"
#include "sim/dice.h"
#include "world.h"
#include <bleproxy/pin.h>
#include <stdlib.h>
#include <string.h>

#define MOVE_LEAST_NS  (600 * NS_PER_S)
#define MOVE_MOST_NS   (1800 * NS_PER_S)
#define ROTATE_NS      (900 * NS_PER_S)
#define CHECK_EVERY_NS (60 * NS_PER_S)
/* What was heard since then cannot be forgotten yet: proxies remember for 330 s at least. */
#define HELD_NS (300 * NS_PER_S)

enum { NOTHING_DBM = -102, WEAKEST_DB = 12, INTERVAL_S = 300, CHANGES_EVERY = 4 };
enum { PAYLOAD_MAX = 31, VALUE_MAX = 14, RARELY = 50 };

/* Many of those that somebody cares about speak so seldom that strangers could displace them, did nobody care. */
const struct kind kinds[] = {
    {"sensor", 10, CARE_NONE, 2000, false, false},    {"named", 5, CARE_FILTER, 1500, false, false},
    {"awaited", 3, CARE_WATCH, 120000, false, false}, {"pinned", 4, CARE_PIN, 150000, false, false},
    {"paired", 3, CARE_BOND, 100000, false, false},   {"asked", 4, CARE_SCAN, 200000, false, false},
    {"slow", 3, CARE_INTERVAL, 300000, false, false}, {"slow, named", 2, CARE_FILTER, 300000, false, false},
    {"polled", 18, CARE_ERRAND, 1000, false, false},  {"polled, moving", 2, CARE_ERRAND, 1000, true, false},
    {"connected", 2, CARE_LINK, 1000, false, false},  {"wearable", 2, CARE_FILTER, 1500, true, false},
    {"phone", 4, CARE_NONE, 1500, true, true},
};
const size_t n_kinds = sizeof(kinds) / sizeof(kinds[0]);

static uint64_t dice(const struct dweller *dweller, uint64_t n)
{
    return world_dice(dweller->world, DICE_DWELLER + dweller->index, n);
}

/* ---- Where it is, and what arrives ---- */

static void settle(struct dweller *dweller, unsigned room)
{
    enum { PLACES = 1 << 30, OBSTACLES_DB = 4 };
    dweller->place = plan_place(room, dice(dweller, PLACES + dweller->n_moves));
    dweller->n_near = 0;
    for (unsigned i = 0; i < PROXIES; i++) {
        double dbm = plan_dbm(&dweller->place, &dweller->world->boxes[i].place) + dweller->strength_db;
        dweller->mean_dbm[i] = air_packet_dbm(dbm, dice(dweller, PLACES + (dweller->n_moves << 8 | i)));
        if (dweller->mean_dbm[i] > NOTHING_DBM)
            dweller->near[dweller->n_near++] = (uint8_t)i;
    }
}

double dweller_dbm(const struct dweller *dweller, unsigned proxy)
{
    const struct world *world = dweller->world;
    return dweller->mean_dbm[proxy] + air_shadow_db(world->seed, dweller->index << 8 | proxy, world->now_ns);
}

static void move(struct world *world, void *what, uint64_t detail)
{
    struct dweller *dweller = what;
    (void)detail;
    uint64_t n = ++dweller->n_moves;
    settle(dweller, (unsigned)(dice(dweller, n << 32) % ROOMS));
    world_after(world, between_ns(dice(dweller, n << 33), MOVE_LEAST_NS, MOVE_MOST_NS), move, dweller, 0);
}

static void rotate(struct world *world, void *what, uint64_t n)
{
    struct dweller *dweller = what;
    dweller->address = UINT64_C(0x400000000000) | (dice(dweller, n << 34) & UINT64_C(0x3fffffffffff));
    world_after(world, ROTATE_NS, rotate, dweller, n + 1);
}

/* ---- What it says, and what the hub promises of it ---- */

static bool is_linked(const struct dweller *dweller)
{
    return dweller->wave && dweller->wave->is_up;
}

/* What the hub promises to keep: a program that connects now and then cares as long as it is connected. */
static bool is_cared_about(const struct dweller *dweller)
{
    switch (dweller->kind->care) {
    case CARE_FILTER:
    case CARE_WATCH:
    case CARE_PIN:
    case CARE_SCAN:
    case CARE_INTERVAL:
        return true;
    case CARE_BOND:
        return bonds_get(central_bonds(dweller->world->central), dweller->address);
    case CARE_NONE:
    case CARE_ERRAND:
    case CARE_LINK:
    case N_CARES:
        break;
    }
    return is_linked(dweller);
}

/* Of a length that varies, and is seldom the greatest. */
static size_t write_payload(const struct dweller *dweller, uint64_t of_all, uint8_t data[PAYLOAD_MAX])
{
    static const uint8_t head[] = {2, 1, 6, 7, 9, 'd', 'e', 'v', 'i', 'c', 'e'};
    size_t more = of_all % RARELY == 0 ? VALUE_MAX : (size_t)(of_all % (VALUE_MAX / 2));
    uint8_t *value = data + sizeof(head);
    memset(data, 0, PAYLOAD_MAX);
    memcpy(data, head, sizeof(head));
    value[0] = (uint8_t)(4 + more);
    value[1] = value[2] = value[3] = 0xff;
    value[4] = dweller->counter;
    return sizeof(head) + 5 + more;
}

static void check_taken(const struct dweller *dweller, unsigned proxy)
{
    struct world *world = dweller->world;
    struct hub_hearing hearing;
    bool held =
        hub_hears(world->hub, manager_scanner(world->boxes[proxy].manager), dweller->address, &hearing);
    world->n_checks++;
    world_expect(world, held, "proxy %u has forgotten device %u (%s)", proxy, dweller->index,
                 dweller->kind->name);
    world_expect(world, !held || hearing.heard_ns == dweller->heard_ns[proxy],
                 "proxy %u has not taken the last report of device %u (%s)", proxy, dweller->index,
                 dweller->kind->name);
}

static void advertise_to(struct dweller *dweller, unsigned proxy, uint64_t of_all)
{
    uint64_t of_packet = dice_mix(of_all, proxy);
    double dbm = air_packet_dbm(dweller_dbm(dweller, proxy), of_packet);
    struct world *world = dweller->world;
    struct scanner *ear = box_ear(&world->boxes[proxy]);
    if (!ear || !air_passes(air_quality(dbm - world->boxes[proxy].noise_db), ~of_packet))
        return;
    uint8_t data[PAYLOAD_MAX];
    const struct batch_advert advert = {.address = dweller->address,
                                        .size =
                                            (uint32_t)write_payload(dweller, of_all / CHANGES_EVERY, data),
                                        .data = data,
                                        .rssi = (int32_t)dbm,
                                        .address_type = dweller->address_type};
    dweller->heard_ns[proxy] = world->now_ns;
    world->n_reports++;
    scanner_report(ear, &advert, world->now_ns);
    if (is_cared_about(dweller))
        check_taken(dweller, proxy);
}

static void advertise(struct world *world, void *what, uint64_t detail)
{
    struct dweller *dweller = what;
    (void)detail;
    uint64_t n = ++dweller->n_adverts, of_all = dice(dweller, n);
    if (of_all % CHANGES_EVERY == 0)
        dweller->counter++;
    for (unsigned i = 0; i < dweller->n_near && !dweller->wave; i++)
        advertise_to(dweller, dweller->near[i], of_all);
    world_after(world, dweller->kind->report_ms * NS_PER_MS + of_all % (10 * NS_PER_MS), advertise, dweller,
                0);
}

/* ---- Who cares ---- */

static void ignore(void *user, const struct bleproxy_advertisement *advertisement)
{
    (void)user, (void)advertisement;
}

static void ignore_absence(void *user, const struct bleproxy_advertisement *last, bool connectable)
{
    (void)user, (void)last, (void)connectable;
}

/* All of it ends with the hub. */
static int care(struct dweller *dweller)
{
    struct world *world = dweller->world;
    const struct bleproxy_filter filter = {.address = dweller->address};
    struct bleproxy_subscription *subscription;
    struct bleproxy_watch *watch;
    struct bleproxy_active_scan *request;
    switch (dweller->kind->care) {
    case CARE_FILTER:
        return hub_subscribe(world->hub, BLEPROXY_STREAM_CHANGES, &filter, ignore, NULL, &subscription);
    case CARE_WATCH:
        return hub_watch_unavailable(world->hub, dweller->address, ignore_absence, NULL, &watch);
    case CARE_PIN:
        return central_pin(world->central, dweller->address, "box-0", BLEPROXY_PIN_PREFER);
    case CARE_SCAN:
        return hub_request_active_scan(world->hub, dweller->address, 0, 0, world->now_ns, &request);
    case CARE_INTERVAL:
        return hub_set_interval(world->hub, dweller->address, INTERVAL_S * NS_PER_S);
    case CARE_NONE:
    case CARE_BOND:
    case CARE_ERRAND:
    case CARE_LINK:
    case N_CARES:
        break;
    }
    return 0; /* see errand.c, keeper.c */
}

/* ---- What is expected ---- */

/* By a proxy that is still there: what others knew goes with their sessions. */
static bool is_heard_of_late(const struct dweller *dweller)
{
    for (unsigned i = 0; i < PROXIES; i++)
        if (dweller->heard_ns[i] != 0 && dweller->world->now_ns - dweller->heard_ns[i] <= HELD_NS)
            return true;
    return false;
}

static void check(const struct dweller *dweller)
{
    struct world *world = dweller->world;
    uint64_t now_ns = world->now_ns;
    const char *kind = dweller->kind->name;
    world_expect(
        world, !(is_heard_of_late(dweller) || is_linked(dweller)) || hub_device(world->hub, dweller->address),
        "device %u (%s) is not known", dweller->index, kind);
    if (is_linked(dweller)) /* it is silent, and what was heard before may have been nobody's */
        return;
    for (unsigned i = 0; i < PROXIES; i++)
        if (dweller->heard_ns[i] != 0 && now_ns - dweller->heard_ns[i] <= HELD_NS &&
            box_is_there(&world->boxes[i]))
            check_taken(dweller, i);
}

void dwellers_check(struct world *world)
{
    for (struct dweller *dweller = world->dwellers; dweller < world->dwellers + DWELLERS; dweller++)
        if (is_cared_about(dweller))
            check(dweller);
}

static void check_all(struct world *world, void *what, uint64_t detail)
{
    (void)what, (void)detail;
    dwellers_check(world);
    world_after(world, CHECK_EVERY_NS, check_all, NULL, 0);
}

/* Only strangers may be gone that were heard of late: who have made way. */
static void on_unavailable(void *user, const struct bleproxy_advertisement *last, bool connectable)
{
    struct world *world = user;
    const struct dweller *dweller = dweller_find(world, last->address);
    world->n_displaced += !connectable && world->now_ns - last->time_ns < HELD_NS;
    if (!dweller || !is_cared_about(dweller))
        return;
    const char *kind = dweller->kind->name;
    world_expect(world, !is_linked(dweller), "device %u (%s) is gone while it is connected", dweller->index,
                 kind);
    world_expect(world, !is_heard_of_late(dweller), "device %u (%s) is said to be gone%s", dweller->index,
                 kind, connectable ? " for connections" : "");
}

struct dweller *dweller_find(struct world *world, uint64_t address)
{
    for (struct dweller *dweller = world->dwellers; dweller < world->dwellers + DWELLERS; dweller++)
        if (dweller->address == address)
            return dweller;
    return NULL;
}

void dwellers_lose(struct world *world, unsigned proxy)
{
    for (struct dweller *dweller = world->dwellers; dweller < world->dwellers + DWELLERS; dweller++)
        dweller->heard_ns[proxy] = 0;
}

/* The first of each kind that no program connects to lives where the proxy is that goes mad. */
static unsigned room_of(const struct kind *kind, bool is_first, uint64_t of_it)
{
    bool connects = kind->care == CARE_ERRAND || kind->care == CARE_LINK || kind->care == CARE_BOND;
    return is_first && !connects ? FAR_PROXY : (unsigned)(of_it >> 32) % ROOMS;
}

static void dweller_init(struct dweller *dweller, struct world *world, unsigned index,
                         const struct kind *kind, bool is_first)
{
    *dweller = (struct dweller){
        .world = world, .kind = kind, .index = index, .address = UINT64_C(0xA4C138000000) + index};
    uint64_t of_it = dice(dweller, 0);
    dweller->strength_db = -(double)(of_it % (WEAKEST_DB + 1));
    settle(dweller, room_of(kind, is_first, of_it));
    world_after(world, of_it % (kind->report_ms * NS_PER_MS), advertise, dweller, 0);
    if (kind->moves)
        world_after(world, of_it % MOVE_MOST_NS, move, dweller, 0);
    if (kind->rotates) {
        dweller->address_type = BLEPROXY_ADDRESS_RANDOM;
        rotate(world, dweller, 0);
    }
    if (care(dweller) < 0)
        abort();
}

void dwellers_init(struct world *world)
{
    struct bleproxy_watch *watch; /* ends with the hub */
    unsigned index = 0;
    for (size_t i = 0; i < n_kinds; i++)
        for (unsigned n = 0; n < kinds[i].n; n++, index++)
            dweller_init(&world->dwellers[index], world, index, &kinds[i], n == 0);
    if (index != DWELLERS || hub_watch_unavailable(world->hub, 0, on_unavailable, world, &watch) < 0)
        abort();
    world_after(world, CHECK_EVERY_NS, check_all, NULL, 0);
}
