/* SPDX-License-Identifier: MIT */
#include "engine/scanner.h"

#include "hub/disconnect_set.h"
#include "hub/wiring.h"
#include <stdlib.h>

/* The public type is the pure one. */
static struct disconnect_set *set_core(struct bleproxy_disconnect_set *set)
{
    return (struct disconnect_set *)set;
}

/* Around each call into the pure scanner that may call back; the callback may free the scanner, or its
 * client, or both. Returns the carrier to leave. */
static struct carrier *scanner_enter(struct bleproxy_scanner *scanner)
{
    scanner->depth++;
    if (scanner->carrier)
        carrier_enter(scanner->carrier);
    return scanner->carrier;
}

static void scanner_leave(struct bleproxy_scanner *scanner, struct carrier *carrier)
{
    scanner->depth--;
    if (scanner->ticker.timer)
        ticker_update(&scanner->ticker);
    if (scanner->freed && scanner->depth == 0)
        free(scanner);
    if (carrier)
        carrier_leave(carrier);
}

uint64_t bleproxy_scanner_source(const struct bleproxy_scanner *scanner)
{
    return scanner_source(scanner->core);
}

const char *bleproxy_scanner_name(const struct bleproxy_scanner *scanner)
{
    return scanner_name(scanner->core);
}

bool bleproxy_scanner_is_connectable(const struct bleproxy_scanner *scanner)
{
    return scanner_is_connectable(scanner->core);
}

bool bleproxy_scanner_is_scanning(const struct bleproxy_scanner *scanner)
{
    return scanner_is_scanning(scanner->core);
}

bool bleproxy_scanner_is_available(const struct bleproxy_scanner *scanner)
{
    return scanner_is_available(scanner->core);
}

enum bleproxy_scanner_state bleproxy_scanner_state(const struct bleproxy_scanner *scanner)
{
    return scanner_state(scanner->core);
}

enum bleproxy_scanner_mode bleproxy_scanner_mode(const struct bleproxy_scanner *scanner)
{
    return scanner_current_mode(scanner->core);
}

const struct bleproxy_slots *bleproxy_scanner_slots(const struct bleproxy_scanner *scanner)
{
    return scanner_slots(scanner->core);
}

int bleproxy_scanner_set_mode(struct bleproxy_scanner *scanner, enum bleproxy_scanner_mode mode)
{
    if (mode != BLEPROXY_MODE_PASSIVE && mode != BLEPROXY_MODE_ACTIVE && mode != BLEPROXY_MODE_AUTO)
        return BLEPROXY_E_INVALID;
    struct carrier *carrier = scanner_enter(scanner);
    int r = scanner_set_mode(scanner->core, mode, loop_now());
    scanner_leave(scanner, carrier);
    return r;
}

struct engine_window_waiter {
    void (*on_done)(void *user, bool opened);
    void *user;
};

static void scanner_window_done(void *user, bool opened, uint64_t now_ns)
{
    (void)now_ns;
    struct engine_window_waiter *waiter = user;
    if (waiter->on_done)
        waiter->on_done(waiter->user, opened);
    free(waiter);
}

void bleproxy_scanner_window(struct bleproxy_scanner *scanner, uint32_t duration_ms,
                             void (*on_done)(void *user, bool opened), void *user)
{
    struct engine_window_waiter *waiter = malloc(sizeof(*waiter));
    if (!waiter) {
        if (on_done)
            on_done(user, false);
        return;
    }
    *waiter = (struct engine_window_waiter){on_done, user};
    struct carrier *carrier = scanner_enter(scanner);
    scanner_window(scanner->core, duration_ms * NS_PER_MS, scanner_window_done, waiter, loop_now());
    scanner_leave(scanner, carrier);
}

static uint64_t scanner_ticker_deadline(void *user)
{
    struct bleproxy_scanner *scanner = user;
    return scanner_deadline(scanner->core);
}

static void scanner_ticker_tick(void *user, uint64_t now_ns)
{
    struct bleproxy_scanner *scanner = user;
    struct carrier *carrier = scanner_enter(scanner);
    scanner_tick(scanner->core, now_ns);
    scanner_leave(scanner, carrier);
}

void bleproxy_scanner_setup(struct bleproxy_scanner *scanner)
{
    struct carrier *carrier = scanner_enter(scanner);
    scanner_setup(scanner->core, loop_now());
    scanner_leave(scanner, carrier);
}

int bleproxy_hub_register_scanner(struct bleproxy_hub *hub, struct bleproxy_scanner *scanner)
{
    engine_hub_enter(hub);
    int r = hub_register_scanner(hub->core, scanner->core, loop_now());
    engine_hub_leave(hub);
    return r;
}

void bleproxy_hub_unregister_scanner(struct bleproxy_hub *hub, struct bleproxy_scanner *scanner)
{
    engine_hub_enter(hub);
    hub_unregister_scanner(hub->core, scanner->core, loop_now());
    engine_hub_leave(hub);
}

void bleproxy_scanner_set_unavailable(struct bleproxy_scanner *scanner)
{
    struct carrier *carrier = scanner_enter(scanner);
    scanner_set_available(scanner->core, false, loop_now());
    scanner_leave(scanner, carrier);
}

int bleproxy_disconnect_set_new(struct bleproxy_loop *loop, struct bleproxy_disconnect_set **ret_set)
{
    struct disconnect_set *set;
    int r = disconnect_set_new(&loop->env, &set);
    if (r == 0)
        *ret_set = (struct bleproxy_disconnect_set *)set;
    return r;
}

void bleproxy_disconnect_set_unref(struct bleproxy_disconnect_set *set)
{
    if (set)
        disconnect_set_unref(set_core(set));
}

int bleproxy_disconnect_set_add(struct bleproxy_disconnect_set *set, bleproxy_disconnect_fn *on_disconnect,
                                void *user)
{
    return disconnect_set_add(set_core(set), on_disconnect, user);
}

void bleproxy_disconnect_set_remove(struct bleproxy_disconnect_set *set,
                                    bleproxy_disconnect_fn *on_disconnect, void *user)
{
    disconnect_set_remove(set_core(set), on_disconnect, user);
}

void bleproxy_disconnect_set_fire(struct bleproxy_disconnect_set *set)
{
    disconnect_set_fire(set_core(set));
}

struct bleproxy_disconnect_set *bleproxy_scanner_disconnect_set(struct bleproxy_scanner *scanner)
{
    return (struct bleproxy_disconnect_set *)scanner_disconnect_set(scanner->core);
}

int bleproxy_scanner_set_disconnect_set(struct bleproxy_scanner *scanner, struct bleproxy_disconnect_set *set)
{
    return scanner_set_disconnect_set(scanner->core, set_core(set));
}

int engine_scanner_new(struct bleproxy_loop *loop, struct carrier *carrier, struct scanner *core,
                       struct bleproxy_scanner **back)
{
    struct bleproxy_scanner *scanner = calloc(1, sizeof(*scanner));
    if (!scanner)
        return BLEPROXY_E_NOMEM;
    *scanner = (struct bleproxy_scanner){.core = core, .carrier = carrier, .back = carrier ? back : NULL};
    int r = ticker_init(&scanner->ticker, loop, scanner_ticker_deadline, scanner_ticker_tick, scanner);
    if (r < 0) {
        free(scanner);
        return r;
    }
    *back = scanner;
    return 0;
}

int bleproxy_scanner_new(struct bleproxy_loop *loop, const struct bleproxy_scanner_config *config,
                         struct bleproxy_scanner **ret_scanner)
{
    struct scanner *core;
    if (config->source == 0 || !config->name)
        return BLEPROXY_E_INVALID;
    const struct scanner_config own = {.env = &loop->env,
                                       .source = config->source,
                                       .name = config->name,
                                       .label = config->name,
                                       .connectable = config->connectable,
                                       .firmware = config->firmware};
    int r = scanner_new(&own, &core);
    if (r < 0)
        return r;
    scanner_set_available(core, config->connectable, loop_now());
    if (config->mode != BLEPROXY_MODE_NONE)
        scanner_on_state(core, BLEPROXY_SCANNER_RUNNING, config->mode, config->mode, loop_now());
    r = engine_scanner_new(loop, NULL, core, ret_scanner);
    if (r < 0)
        scanner_free(core);
    return r;
}

void bleproxy_scanner_report(struct bleproxy_scanner *scanner, uint64_t address, uint8_t address_type,
                             int8_t rssi_dbm, const uint8_t *raw, size_t size)
{
    const struct batch_advert advert = {.address = address,
                                        .data = size > 0 ? raw : NULL,
                                        .size = (uint32_t)size,
                                        .rssi = rssi_dbm == BLEPROXY_RSSI_NONE ? 0 : rssi_dbm,
                                        .address_type = address_type};
    if (size > UINT16_MAX)
        return;
    struct carrier *carrier = scanner_enter(scanner);
    scanner_report(scanner->core, &advert, loop_now());
    scanner_leave(scanner, carrier);
}

void bleproxy_scanner_report_slots(struct bleproxy_scanner *scanner, const struct bleproxy_slots *slots)
{
    struct carrier *carrier = scanner_enter(scanner);
    scanner_on_slots(scanner->core, slots, loop_now());
    scanner_leave(scanner, carrier);
}

void engine_scanner_detach(struct bleproxy_scanner *scanner)
{
    struct session *session = proxy_session(scanner->carrier->proxy);
    struct scanner *core = scanner->core;
    scanner->carrier = NULL;
    scanner->back = NULL;
    wiring_detach(session, core); /* whoever is told of the end of a link may free the scanner */
}

void bleproxy_scanner_free(struct bleproxy_scanner *scanner)
{
    if (!scanner || scanner->freed)
        return;
    struct carrier *carrier = scanner_enter(scanner);
    scanner->freed = true;
    scanner_let_go(scanner->core, loop_now()); /* while its proxy can still be told */
    scanner_set_available(scanner->core, false, loop_now());
    disconnect_set_fire(scanner_disconnect_set(scanner->core));
    if (scanner->back) {
        struct session *session = proxy_session(scanner->carrier->proxy);
        if (session)
            session_unsubscribe_adverts(session, loop_now()); /* others may want them */
        *scanner->back = NULL;
        engine_scanner_detach(scanner);
    }
    ticker_deinit(&scanner->ticker);
    scanner_free(scanner->core);
    scanner_leave(scanner, carrier);
}
