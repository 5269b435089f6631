/* SPDX-License-Identifier: MIT */
#include "replay/player.h"

#include "base/list.h"
#include "base/map.h"
#include "base/time.h"
#include "hub/hub.h"
#include "hub/scanner.h"

struct player {
    struct player_config config;
    struct hub *hub;      /* NULL before the first event */
    struct list scanners; /* in order of registration */
    struct map by_source;
    uint64_t scanners_due_ns; /* none of them is due before */
    uint64_t now_ns;          /* on the hub's clock */
    int8_t rssi;              /* of the report that is under way */
};

struct played {
    struct list node;
    struct scanner *scanner;
};

/* ---- The hub ---- */

static void decide(struct player *player, const struct decision *decision)
{
    player->config.on_decision(player->config.user, decision);
}

static void on_accepted(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct player *player = user;
    decide(player, &(struct decision){.kind = DECISION_ACCEPTED,
                                      .time_ns = player->now_ns - PLAYER_EPOCH_NS,
                                      .rssi = player->rssi,
                                      .advertisement = advertisement});
}

static void on_callback(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct player *player = user;
    decide(player, &(struct decision){.kind = DECISION_CALLBACK,
                                      .time_ns = player->now_ns - PLAYER_EPOCH_NS,
                                      .connectable = advertisement->connectable,
                                      .rssi = player->rssi,
                                      .advertisement = advertisement});
}

static void on_unavailable(void *user, const struct bleproxy_advertisement *last, bool connectable)
{
    struct player *player = user;
    decide(player, &(struct decision){.kind = DECISION_UNAVAILABLE,
                                      .time_ns = player->now_ns - PLAYER_EPOCH_NS,
                                      .connectable = connectable,
                                      .advertisement = last});
}

static int open_hub(struct player *player)
{
    const uint32_t rules = player->config.reference ? BLEPROXY_RULES_ALL : 0;
    const struct bleproxy_hub_options options = {.reference = rules};
    struct bleproxy_subscription *accepted, *callbacks; /* these end with the hub */
    struct bleproxy_watch *watch;
    int r = hub_new(player->config.env, &options, player->now_ns, &player->hub);
    if (r == 0)
        r = hub_watch_unavailable(player->hub, 0, on_unavailable, player, &watch);
    if (r == 0)
        r = hub_subscribe(player->hub, BLEPROXY_STREAM_OWNER, NULL, on_accepted, player, &accepted);
    if (r == 0)
        r = hub_subscribe(player->hub, BLEPROXY_STREAM_CHANGES, NULL, on_callback, player, &callbacks);
    return r;
}

static int set_interval(struct player *player, const struct trace_event *event)
{
    return hub_set_interval(player->hub, event->fallback.address,
                            time_min(event->fallback.interval_ns, HUB_INTERVAL_MAX_S * NS_PER_S));
}

/* ---- Time ---- */

/* Ticks the scanners that are due at now_ns, in order, and looks when the next one is. */
static void tick_scanners(struct player *player, uint64_t now_ns)
{
    player->scanners_due_ns = BP_NEVER;
    list_for_each(node, &player->scanners)
    {
        struct scanner *scanner = list_entry(node, struct played, node)->scanner;
        if (scanner_deadline(scanner) <= now_ns)
            scanner_tick(scanner, now_ns);
        player->scanners_due_ns = time_min(player->scanners_due_ns, scanner_deadline(scanner));
    }
}

/* A timer of the hub goes before scanners' that are due at the same time. */
static void pass_time(struct player *player, uint64_t until_ns)
{
    for (;;) {
        uint64_t hub_due_ns = hub_deadline(player->hub);
        uint64_t due_ns = time_min(hub_due_ns, player->scanners_due_ns);
        if (due_ns > until_ns)
            break;
        if (due_ns > player->now_ns)
            player->now_ns = due_ns;
        if (hub_due_ns == due_ns)
            hub_tick(player->hub, player->now_ns);
        tick_scanners(player, player->now_ns);
    }
    player->now_ns = until_ns;
}

/* ---- Events ---- */

static struct played *make_played(struct player *player, const struct trace_event *event)
{
    char name[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(event->source, name);
    const struct scanner_config config = {.env = player->config.env,
                                          .source = event->source,
                                          .name = name,
                                          .connectable = event->scanner.connectable,
                                          .has_mode = true};
    struct played *played = env_alloc(player->config.env, sizeof(*played));
    if (!played)
        return NULL;
    list_init(&played->node);
    if (scanner_new(&config, &played->scanner) == 0 &&
        map_put(&player->by_source, event->source, played) == 0)
        return played;
    scanner_free(played->scanner);
    env_free(player->config.env, played);
    return NULL;
}

static int add_scanner(struct player *player, const struct trace_event *event)
{
    if (map_get(&player->by_source, event->source))
        return 0;
    if (player->by_source.count == PLAYER_SCANNERS_MAX)
        return BLEPROXY_E_LIMIT;
    struct played *played = make_played(player, event);
    if (!played)
        return BLEPROXY_E_NOMEM;
    list_append(&player->scanners, &played->node);
    if (event->scanner.mode != BLEPROXY_MODE_NONE) /* an intent: there is no proxy to be told */
        scanner_set_mode(played->scanner, event->scanner.mode, player->now_ns);
    scanner_setup(played->scanner, player->now_ns);
    player->scanners_due_ns = time_min(player->scanners_due_ns, scanner_deadline(played->scanner));
    return hub_register_scanner(player->hub, played->scanner, player->now_ns);
}

static void remove_scanner(struct player *player, struct played *played)
{
    map_remove(&player->by_source, scanner_source(played->scanner));
    list_unlink(&played->node);
    hub_unregister_scanner(player->hub, played->scanner, player->now_ns);
    scanner_unsetup(played->scanner, player->now_ns);
    scanner_free(played->scanner);
    env_free(player->config.env, played);
}

static void report(struct player *player, const struct played *played, const struct trace_event *event)
{
    const struct batch_advert advert = {.address = event->advert.address,
                                        .data = event->advert.raw_size > 0 ? event->advert.raw : NULL,
                                        .size = event->advert.raw_size,
                                        .rssi = event->advert.rssi,
                                        .address_type = event->advert.address_type};
    player->rssi = event->advert.rssi;
    scanner_report(played->scanner, &advert, player->now_ns);
    player->scanners_due_ns = time_min(player->scanners_due_ns, scanner_deadline(played->scanner));
}

static void set_paused(const struct played *played, bool paused)
{
    bool is_paused = scanner_pauses(played->scanner) > 0;
    if (paused && !is_paused)
        scanner_pause(played->scanner);
    else if (!paused && is_paused)
        scanner_resume(played->scanner);
}

static int run(struct player *player, const struct trace_event *event)
{
    struct played *played =
        trace_kind_has_source(event->kind) ? map_get(&player->by_source, event->source) : NULL;
    switch (event->kind) {
    case TRACE_REGISTER:
        return add_scanner(player, event);
    case TRACE_UNREGISTER:
        if (played)
            remove_scanner(player, played);
        break;
    case TRACE_ADVERT:
        if (played)
            report(player, played, event);
        break;
    case TRACE_PAUSED:
        if (played)
            set_paused(played, event->paused);
        break;
    case TRACE_FALLBACK_INTERVAL:
        return set_interval(player, event);
    case TRACE_TICK:
    case TRACE_LOST:
        break;
    }
    return 0;
}

int player_run(struct player *player, const struct trace_event *event)
{
    uint64_t now_ns = time_after(event->time_ns, PLAYER_EPOCH_NS);
    if (!player->hub) {
        player->now_ns = now_ns;
        int r = open_hub(player);
        if (r < 0)
            return r;
    }
    pass_time(player, now_ns);
    return run(player, event);
}

size_t player_n_devices(const struct player *player)
{
    return player->hub ? hub_n_devices(player->hub) : 0;
}

int player_new(const struct player_config *config, struct player **ret_player)
{
    struct player *player = env_alloc(config->env, sizeof(*player));
    if (!player)
        return BLEPROXY_E_NOMEM;
    player->config = *config;
    list_init(&player->scanners);
    map_init(&player->by_source, config->env);
    player->scanners_due_ns = BP_NEVER;
    *ret_player = player;
    return 0;
}

void player_free(struct player *player)
{
    if (!player)
        return;
    list_for_each(node, &player->scanners) remove_scanner(player, list_entry(node, struct played, node));
    hub_free(player->hub, player->now_ns);
    map_deinit(&player->by_source);
    env_free(player->config.env, player);
}
