/* SPDX-License-Identifier: MIT */
#include "home.h"

#include "house.h"
#include "link.h"
#include "noise/cipher.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <stdlib.h>

/* How long after the last disturbance reports are expected to come through. */
#define SETTLED_NS       (5 * NS_PER_S)
#define LONGEST_PAUSE_NS (60 * NS_PER_S)
#define LATE_NS          (120 * NS_PER_S)

/* Addresses that a look-up finds beside the right one. */
enum address_kind { THE_HOUSE, REFUSING, SILENT };

static void new_manager(struct home *home);

static void answer_lookup(struct world *world, void *what, uint64_t lookup)
{
    struct home *home = what;
    if (!home->looking_up || lookup != home->lookups)
        return;
    home->looking_up = false;
    struct net_address addresses[3] = {{.family = 4, .bytes = {THE_HOUSE}}};
    size_t n = world->scale.lifelike ? 1 : 1 + (size_t)world_chance(world, 3),
           right = (size_t)world_chance(world, n);
    for (size_t i = 0; i < n; i++)
        addresses[i] = (struct net_address){.family = world_chance(world, 2) ? 4 : 6,
                                            .bytes = {i == right               ? THE_HOUSE
                                                      : world_chance(world, 2) ? REFUSING
                                                                               : SILENT}};
    if (world_chance(world, 50) == 0 && world_is_in_trouble(world))
        proxy_resolved(manager_proxy(home->manager), NULL, 0, BLEPROXY_E_RESOLVE, "Name or service not known",
                       world->now_ns);
    else
        proxy_resolved(manager_proxy(home->manager), addresses, n, 0, NULL, world->now_ns);
    home_touch(home);
}

static void on_resolve(void *user, const char *host, uint16_t port, uint64_t now_ns)
{
    struct home *home = user;
    (void)host;
    (void)port;
    world_expect(home->world, !home->looking_up, "home %u looks up twice at a time", home->index);
    home->looking_up = true;
    home->lookups++;
    if (now_ns < home->no_lookups_until_ns)
        return; /* lost: cancel_resolve follows */
    if (world_chance(home->world, 4) == 0)
        answer_lookup(home->world, home, home->lookups); /* from within, as for a literal */
    else
        world_after(home->world, world_between(home->world, NS_PER_MS, 3 * NS_PER_S), answer_lookup, home,
                    home->lookups);
}

static void on_cancel_resolve(void *user)
{
    struct home *home = user;
    world_expect(home->world, home->looking_up, "home %u cancels no look-up", home->index);
    home->looking_up = false;
}

static void on_open(void *user, unsigned attempt, const struct net_address *address, uint64_t now_ns)
{
    struct home *home = user;
    struct house *house = &home->world->houses[home->index];
    (void)now_ns;
    world_expect(home->world, attempt < DIAL_ADDRESSES_MAX && !home->links[attempt],
                 "home %u opens attempt %u twice", home->index, attempt);
    switch ((enum address_kind)address->bytes[0]) {
    case THE_HOUSE:
        home->links[attempt] = link_open(home, attempt, house);
        break;
    case REFUSING:
        home->links[attempt] = link_refuse(home, attempt);
        break;
    case SILENT:
        home->links[attempt] = link_open(home, attempt, NULL);
        break;
    }
}

static void on_close(void *user, unsigned attempt)
{
    struct home *home = user;
    struct link *link = home->links[attempt];
    world_expect(home->world, link, "home %u closes attempt %u, which is not open", home->index, attempt);
    home->links[attempt] = NULL;
    if (link && proxy_resets(manager_proxy(home->manager)))
        link_reset_home(link);
    else if (link)
        link_close_home(link);
}

static void get_time(void *user, struct session_time *ret_time)
{
    const struct home *home = user;
    *ret_time = (struct session_time){.epoch_seconds = (uint32_t)(home->world->now_ns / NS_PER_S),
                                      .timezone = "UTC0"};
}

/* Counted where the gate does not: by what each proxy does. */
static unsigned n_attempts(const struct world *world)
{
    unsigned n = 0;
    for (unsigned i = 0; i < world->scale.n_proxies; i++) {
        struct manager *manager = world->homes[i].manager;
        enum bleproxy_proxy_state state =
            manager ? proxy_state(manager_proxy(manager)) : BLEPROXY_PROXY_STOPPED;
        n += state == BLEPROXY_PROXY_RESOLVING || state == BLEPROXY_PROXY_CONNECTING ||
             state == BLEPROXY_PROXY_HANDSHAKING;
    }
    return n;
}

static void on_state(void *user, enum bleproxy_proxy_state state, const struct session_end *why,
                     uint64_t now_ns)
{
    struct home *home = user;
    struct world *world = home->world;
    world->houses[home->index].disturbed_ns = now_ns;
    if (state == BLEPROXY_PROXY_READY) {
        world->n_sessions++;
        home->n_sessions++;
        world_expect(world, !world->houses[home->index].is_foreign, "home %u has not the key, and got in",
                     home->index);
    }
    world_expect(world, n_attempts(world) <= world->gate.n_inside && world->gate.n_inside <= GATE_DEFAULT,
                 "%u attempts at once, %u as the gate has it", n_attempts(world), world->gate.n_inside);
    if (home->next_attempt_ns != BP_NEVER && state == BLEPROXY_PROXY_RESOLVING)
        world_expect(world,
                     now_ns == home->next_attempt_ns ||
                         (home->waited_for_turn && now_ns > home->next_attempt_ns),
                     "home %u tries again at another time than it said", home->index);
    home->next_attempt_ns = BP_NEVER;
    home->waited_for_turn = false;
    if (state == BLEPROXY_PROXY_WAITING) {
        home->next_attempt_ns = manager_next_attempt_ns(home->manager);
        world_expect(world, (why && why->text[0] != '\0') || home->next_attempt_ns == now_ns,
                     "home %u waits and does not say why", home->index);
        world_expect(world,
                     home->next_attempt_ns >= now_ns && home->next_attempt_ns - now_ns <= LONGEST_PAUSE_NS,
                     "home %u waits longer than a minute", home->index);
        world_expect(world,
                     !why || why->error != BLEPROXY_E_INVALID_KEY ||
                         home->next_attempt_ns - now_ns >= LONGEST_PAUSE_NS / 8 * 7,
                     "home %u is impatient although its key is wrong", home->index);
    }
}

static void touch_later(struct world *world, void *what, uint64_t detail)
{
    struct home *home = what;
    (void)world;
    (void)detail;
    home->pending = false;
    home_touch(home);
}

static void on_pending(void *user)
{
    struct home *home = user;
    if (!home->pending)
        world_after(home->world, 0, touch_later, home, 0);
    home->pending = true;
}

static void on_turn(void *user)
{
    struct home *home = user;
    home->waited_for_turn = true;
    on_pending(home);
}

/* There is nobody else: where the newest subscriber wins nothing is ever taken from it, but by what a manager before has
 * asked for and the network delivers only now. */
static void on_hearing(void *user, enum bleproxy_hearing hearing, uint64_t now_ns)
{
    struct home *home = user;
    const struct house *house = &home->world->houses[home->index];
    bool may_be_late = home->n_managers > 1 && now_ns - home->new_manager_ns <= LATE_NS;
    world_expect(home->world,
                 !house->profile->newest_subscriber_wins || may_be_late ||
                     (hearing != BLEPROXY_HEARING_ROBBED && hearing != BLEPROXY_HEARING_REFUSED),
                 "home %u takes house %u for %s", home->index, home->index, bleproxy_hearing_name(hearing));
}

static const struct manager_ops ops = {.resolve = on_resolve,
                                       .cancel_resolve = on_cancel_resolve,
                                       .open = on_open,
                                       .close = on_close,
                                       .get_time = get_time,
                                       .on_pending = on_pending,
                                       .on_turn = on_turn,
                                       .on_hearing = on_hearing,
                                       .on_state = on_state};

static void on_started(void *user, int error, uint64_t now_ns)
{
    struct home *home = user;
    (void)now_ns;
    world_expect(home->world, home->starts_pending == 1, "home %u was started more often than it asked for",
                 home->index);
    world_expect(home->world,
                 error == 0 || error == BLEPROXY_E_START_ABORTED || error == BLEPROXY_E_CANCELLED ||
                     (error == BLEPROXY_E_INVALID_KEY && home->world->houses[home->index].is_foreign),
                 "home %u started with error %d", home->index, error);
    home->starts_pending--;
}

static void on_stopped(void *user, int error, uint64_t now_ns)
{
    struct home *home = user;
    (void)now_ns;
    world_expect(home->world, home->stops_pending == 1 && error == 0,
                 "home %u stopped with error %d, %u pending", home->index, error, home->stops_pending);
    world_expect(home->world, home->starts_pending == 0, "home %u stopped before its start was over",
                 home->index);
    home->stops_pending--;
    manager_free(home->manager, home->world->now_ns);
    home->manager = NULL;
    if (!home->leaving)
        new_manager(home);
}

static void start(struct world *world, void *what, uint64_t manager_number)
{
    struct home *home = what;
    if (manager_number != home->n_managers || home->leaving)
        return;
    home->starts_pending++;
    int error = manager_start(home->manager, on_started, home, world->now_ns);
    world_expect(world, error == 0, "home %u cannot start: %d", home->index, error);
    home_touch(home);
}

static void new_manager(struct home *home)
{
    struct world *world = home->world;
    const struct house *house = &world->houses[home->index];
    char host[32];
    uint8_t key[sizeof(house->key)];
    for (unsigned i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)(home->index + i);
    snprintf(host, sizeof(host), "house-%u", home->index);
    const struct proxy_config config = {
        .host = host,
        .port = 6053,
        .gate = &world->gate,
        .session = {.env = &world->env,
                    .label = host,
                    .client_info = "simulation",
                    .expected_name = host,
                    .psk = house->encrypted ? key : NULL,
                    .aead = &aead_sodium,
                    .timeouts = session_timeouts_default},
    };
    unsigned no_memory = world->scale.no_memory;
    world->scale.no_memory = 0; /* the owner insists */
    if (manager_new(world->hub, &config, &ops, home, &home->manager) < 0)
        abort();
    world->scale.no_memory = no_memory;
    manager_set_scan_mode(home->manager, home->scan_mode);
    home->next_attempt_ns = BP_NEVER;
    home->new_manager_ns = world->now_ns;
    world_after(world, world_between(world, 0, NS_PER_S), start, home, ++home->n_managers);
}

/* Every few minutes the owner changes his mind about something. */
static void on_whim(struct world *world, void *what, uint64_t detail)
{
    struct home *home = what;
    (void)detail;
    if (!world_is_in_trouble(world) || world->scale.lifelike)
        return;
    bool restless = world_chance(world, 2) == 0; /* the next whim meets a manager that is just starting */
    uint64_t patience_ns =
        restless ? world_moment(world, 0, 8 * NS_PER_S) : world_moment(world, 60 * NS_PER_S, 1200 * NS_PER_S);
    world_after(world, patience_ns, on_whim, home, 0);
    if (home->stops_pending > 0)
        return;
    switch (world_chance(world, 3)) {
    case 0:
        manager_cancel_start(home->manager, world->now_ns);
        break;
    case 1:
        home->stops_pending++;
        manager_stop(home->manager, on_stopped, home, world->now_ns);
        break;
    case 2:
        manager_free(home->manager, world->now_ns);
        world_expect(world, home->starts_pending == 0, "home %u was freed with its start pending",
                     home->index);
        new_manager(home);
        break;
    }
    home_touch(home);
}

void home_init(struct home *home, struct world *world, unsigned index)
{
    static const enum bleproxy_scanner_mode modes[] = {BLEPROXY_MODE_NONE,   BLEPROXY_MODE_AUTO,
                                                       BLEPROXY_MODE_AUTO,   BLEPROXY_MODE_PASSIVE,
                                                       BLEPROXY_MODE_ACTIVE, BLEPROXY_MODE_NONE};
    *home = (struct home){.world = world, .index = index, .wake_ns = BP_NEVER};
    if (world->scale.n_seekers > 0) /* the firmware's generations have each */
        home->scan_mode = modes[(index / server_n_profiles + world->seed) % 6];
    else
        home->scan_mode = BLEPROXY_MODE_NONE;
    new_manager(home);
    world_after(world, world_moment(world, 30 * NS_PER_S, 1200 * NS_PER_S), on_whim, home, 0);
}

void home_deinit(struct home *home)
{
    manager_free(home->manager, home->world->now_ns);
}

void home_leave(struct home *home)
{
    home->leaving = true;
    if (home->stops_pending > 0)
        return;
    home->stops_pending++;
    manager_stop(home->manager, on_stopped, home, home->world->now_ns);
    home_touch(home);
}

void home_check_left(struct home *home)
{
    world_expect(home->world, home->starts_pending == 0 && home->stops_pending == 0 && !home->manager,
                 "home %u has %u starts and %u stops pending", home->index, home->starts_pending,
                 home->stops_pending);
}

static void wake(struct world *world, void *what, uint64_t detail)
{
    struct home *home = what;
    if (detail != home->wake_ns)
        return;
    home->wake_ns = BP_NEVER;
    if (home->manager)
        manager_tick(home->manager, world->now_ns);
    home_touch(home);
}

void home_touch(struct home *home)
{
    world_touch_hub(home->world);
    for (unsigned i = 0; i < DIAL_ADDRESSES_MAX; i++)
        if (home->links[i])
            link_pump(home->links[i], TO_HOUSE);
    uint64_t deadline_ns = home->manager ? manager_deadline(home->manager) : BP_NEVER;
    if (deadline_ns < home->world->now_ns)
        deadline_ns = home->world->now_ns;
    if (deadline_ns >= home->wake_ns)
        return;
    home->wake_ns = deadline_ns;
    world_at(home->world, deadline_ns, wake, home, deadline_ns);
}

bool home_is_settled(const struct home *home)
{
    const struct house *house = &home->world->houses[home->index];
    if (house->is_foreign) {
        const struct session_end *end = home->manager ? manager_last_end(home->manager) : NULL;
        return end && end->error == BLEPROXY_E_INVALID_KEY;
    }
    if (!home->manager || !manager_scanner(home->manager) || !house->proxy.server)
        return false;
    /* Older firmware does not tell whom it reports to: a subscription lost to a dead client goes unnoticed.
     */
    struct link *link = house_only_link(house);
    return !house->profile->scanner_state ||
           (link && link->home_open && server_is_subscribed(house->proxy.server));
}

bool home_is_healthy(const struct home *home)
{
    const struct house *house = &home->world->houses[home->index];
    uint64_t now_ns = home->world->now_ns;
    if (!home->manager || !manager_scanner(home->manager) || !house->proxy.server ||
        server_is_deaf(house->proxy.server) || now_ns < house->cut_until_ns ||
        now_ns - house->disturbed_ns < SETTLED_NS ||
        proxy_state(manager_proxy(home->manager)) != BLEPROXY_PROXY_READY)
        return false;
    if (home->world->scale.no_memory && world_is_in_trouble(home->world))
        return false; /* advertisements are lost for want of it */
    const struct link *link = house_only_link(house);
    return link && link->home_open && !link->is_black_hole &&
           now_ns >= link->pipes[TO_HOME].stalled_until_ns && server_is_subscribed(house->proxy.server);
}
