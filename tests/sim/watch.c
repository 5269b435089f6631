/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include "central/peripheral_private.h"
#include "home.h"
#include "house.h"
#include "hub/scanner_private.h"
#include "link.h"
#include "program.h"
#include "server/device.h"
#include "session/session_internal.h"
#include <inttypes.h>

/* A proxy gives up a closing after 10 s; what else there is to be done is done at once. */
#define UNOWNED_MOST_NS (20 * NS_PER_S)

static bool has_owner(const struct world *world, const struct house *house, uint64_t address)
{
    if (!world->central)
        return false;
    list_for_each(node, &world->central->peripherals)
    {
        const struct peripheral *peripheral = list_entry(node, struct peripheral, node);
        if (peripheral->address == address && peripheral->phase != LINK_NONE &&
            peripheral->source == house->source)
            return true;
    }
    return false;
}

static bool server_has_slot(const struct server *server, uint64_t address)
{
    for (uint32_t i = 0; i < server->n_slots; i++)
        if (server->slots[i].state != SLOT_FREE && server->slots[i].address == address)
            return true;
    return false;
}

/* Whether the client could know of a link that is left. Firmware before 2025 does not say which are: what an earlier
 * session left to one that came too soon for the housekeeping stays until the device hangs up. */
static bool is_knowable(const struct world *world, const struct house *house, uint32_t slot)
{
    return house->profile->allocated_list ||
           house->watched[slot].session == world->homes[house->index].n_sessions;
}

/* What either side says arrives, and did for a while. */
static bool is_on_terms(const struct world *world, const struct house *house)
{
    return home_is_healthy(&world->homes[house->index]) &&
           house_only_link(house)->pipes[TO_HOUSE].stalled_until_ns <= world->now_ns;
}

static void check_slots(struct world *world, struct house *house)
{
    bool on_terms = is_on_terms(world, house);
    for (uint32_t i = 0; i < house->slots; i++) {
        const struct slot *slot = on_terms ? &house->proxy.server->slots[i] : NULL;
        bool owned = slot && slot->state != SLOT_FREE && has_owner(world, house, slot->address);
        if (owned)
            house->watched[i].session = world->homes[house->index].n_sessions;
        if (!slot || slot->state == SLOT_FREE || owned || !is_knowable(world, house, i))
            house->watched[i].since_ns = world->now_ns;
        else
            world_expect(world, world->now_ns - house->watched[i].since_ns <= UNOWNED_MOST_NS,
                         "house %u: slot %u of %012" PRIx64 " is held by nobody", house->index, i,
                         slot->address);
    }
}

bool watch_believes_link(const struct world *world, uint64_t source, uint64_t address)
{
    for (unsigned i = 0; i < world->scale.n_proxies; i++) {
        const struct house *house = &world->houses[i];
        if (house->source == source)
            return !house->profile->allocated_list || !is_on_terms(world, house) ||
                   server_has_slot(house->proxy.server, address);
    }
    return true;
}

void watch_turns(struct world *world)
{
    for (unsigned i = 0; world->central && i < world->scale.n_proxies; i++) {
        struct scanner *scanner = world->homes[i].manager ? manager_scanner(world->homes[i].manager) : NULL;
        unsigned n = scanner ? turns_on_radio(&world->central->routing, scanner) : 0;
        world_expect(world, n <= 1 || world->scale.reference, "home %u: %u attempts at once", i, n);
        if (n > 0)
            world->n_turns++;
    }
    for (unsigned i = 0; world->central && i < world->scale.n_programs; i++)
        program_note_service(&world->programs[i]);
}

static void watch(struct world *world, void *what, uint64_t detail)
{
    (void)what;
    (void)detail;
    watch_turns(world);
    for (unsigned i = 0; i < world->scale.n_programs; i++)
        program_check(&world->programs[i]);
    for (unsigned i = 0; i < world->scale.n_proxies; i++)
        check_slots(world, &world->houses[i]);
    world_after(world, NS_PER_S, watch, NULL, 0);
}

void watch_init(struct world *world)
{
    watch(world, NULL, 0);
}

static size_t list_length(const struct list *list)
{
    size_t n = 0;
    list_for_each(node, list) n++;
    return n;
}

static void check_house(struct world *world, const struct house *house)
{
    const struct server *server = house->proxy.server;
    size_t n_begun = 0; /* one that is queued behind another has no link yet */
    world_expect(world, server, "house %u has no power", house->index);
    for (uint32_t i = 0; server && i < house->slots; i++)
        if (server->slots[i].state != SLOT_FREE) {
            n_begun += server->slots[i].state != SLOT_QUEUED;
            world_expect(world, !is_knowable(world, house, i), "house %u: slot %u is held by nobody",
                         house->index, i);
        }
    world_expect(world, !server || list_length(&house->proxy.gatt.links) == n_begun,
                 "house %u: its links are not those of its slots", house->index);
}

static void check_home(struct world *world, const struct home *home)
{
    struct scanner *scanner = home->manager ? manager_scanner(home->manager) : NULL;
    if (!scanner)
        return;
    const struct slots *slots = scanner_slot_record(scanner);
    const struct session *session = scanner_session(scanner);
    unsigned i = home->index;
    world_expect(world, list_empty(&slots->waiters), "home %u: somebody waits for a slot", i);
    world_expect(world, list_empty(&slots->trackers), "home %u: somebody believes to have a slot", i);
    /* a client that lost its subscription to another, or never got it, is not told of slots */
    bool told = world->houses[i].profile->scanner_state && home_is_settled(home);
    world_expect(world, !told || slots->view.free == slots->view.limit, "home %u: %u of %u slots are free", i,
                 slots->view.free, slots->view.limit);
    world_expect(world, scanner_pauses(scanner) == 0, "home %u: the scanner is held paused", i);
    world_expect(world, scanner->pins == 0, "home %u: somebody holds the scanner", i);
    world_expect(world, session && list_empty(&session->links) && list_empty(&session->requests),
                 "home %u: the session knows a link", i);
}

void watch_check_end(struct world *world)
{
    for (unsigned i = 0; i < world->scale.n_proxies; i++) {
        check_house(world, &world->houses[i]);
        check_home(world, &world->homes[i]);
    }
    if (!world->central)
        return;
    world_expect(world, list_empty(&world->central->operations), "an operation is left");
    world_expect(world, list_empty(&world->central->peripherals), "a peripheral is left");
}
