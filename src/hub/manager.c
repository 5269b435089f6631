/* SPDX-License-Identifier: MIT */
#include "hub/manager.h"

#include "hub/disconnect_set.h"
#include "hub/identities.h"
#include "hub/wiring.h"
#include "session/device_info.h"
#include "session/gatt.h"
#include <bleproxy/error.h>
#include <stdio.h>

/* A request of the owner's that completes later, once. */
struct completion {
    bool pending;
    manager_done_fn *on_done;
    void *user;
};

struct manager {
    const struct env *env;
    struct hub *hub;
    struct proxy *proxy;
    const struct manager_ops *ops;
    void *user;

    bool was_started, was_stopped;
    struct completion start, stop;

    struct scanner *scanner; /* of the present session, once it is wired */
    enum bleproxy_scanner_mode scan_mode, owed_mode;
    bool owes_mode; /* to the proxy: the last session left it in one of ours */
    struct bleproxy_device_info info;
    uint32_t warned; /* missing features that the log was told of */
    bool has_end;
    struct session_end end;
    struct hearing hearing;
    struct inquiry inquiry;
    bool any_device;
    char endpoint[IDENTITY_ENDPOINT_SIZE]; /* "": too long to be known */

    unsigned depth; /* calls on the stack */
    bool freed;
};

static void enter(struct manager *manager)
{
    manager->depth++;
}

static void leave(struct manager *manager)
{
    if (--manager->depth == 0 && manager->freed)
        env_free(manager->env, manager);
}

static void complete(struct completion *completion, int error, uint64_t now_ns)
{
    if (!completion->pending)
        return;
    completion->pending = false;
    if (completion->on_done)
        completion->on_done(completion->user, error, now_ns);
}

static void report_state(struct manager *manager, enum bleproxy_proxy_state state,
                         const struct session_end *why, uint64_t now_ns)
{
    if (manager->ops->on_state)
        manager->ops->on_state(manager->user, state, why, now_ns);
}

static struct hearing_signs hearing_signs(const struct manager *manager)
{
    const struct scanner *scanner = manager->scanner;
    if (!scanner)
        return (struct hearing_signs){0};
    return (struct hearing_signs){.heard_ns = scanner_heard_ns(scanner),
                                  .told_ns = scanner_told_ns(scanner),
                                  .is_busy = scanner_is_connecting(scanner)};
}

static void on_inquiry(void *user, enum inquiry_result result, uint64_t now_ns)
{
    struct manager *manager = user;
    const struct hearing_signs signs = hearing_signs(manager);
    enter(manager);
    hearing_on_inquiry(&manager->hearing, result, &signs, now_ns);
    leave(manager);
}

static int inquire(void *user, uint64_t timeout_ns, uint64_t now_ns)
{
    struct manager *manager = user;
    struct session *session = proxy_session(manager->proxy);
    return session ? inquiry_begin(&manager->inquiry, session, timeout_ns, on_inquiry, manager, now_ns)
                   : BLEPROXY_E_NOT_CONNECTED;
}

static bool restart_scan(void *user, uint64_t now_ns)
{
    struct manager *manager = user;
    return manager->scanner && scanner_restart_scan(manager->scanner, now_ns);
}

static int subscribe(void *user, uint64_t now_ns)
{
    struct manager *manager = user;
    return manager->scanner ? scanner_subscribe(manager->scanner, now_ns) : BLEPROXY_E_NOT_CONNECTED;
}

/* Not while devices are connected through it: those connections work. */
static bool reconnect(void *user, uint64_t now_ns)
{
    struct manager *manager = user;
    struct session *session = proxy_session(manager->proxy);
    if (!session || session_has_links(session))
        return false;
    session_disconnect(session, false, now_ns);
    return true;
}

/* What is asked of a proxy about devices is answered to its subscriber: nobody else may connect through it, and
 * connections that were made say nothing any more. */
static void follow_hearing(struct manager *manager, enum bleproxy_hearing hearing, uint64_t now_ns)
{
    struct scanner *scanner = manager->scanner;
    bool is_lost = hearing == BLEPROXY_HEARING_ROBBED || hearing == BLEPROXY_HEARING_REFUSED;
    if (!scanner || !proxy_session(manager->proxy) || manager->stop.pending)
        return;
    if (scanner_is_available(scanner) != is_lost)
        return;
    scanner_set_available(scanner, !is_lost, now_ns);
    if (manager->scanner == scanner)
        scanner_leave_mode(scanner, is_lost, now_ns);
    struct session *session = manager->scanner == scanner ? proxy_session(manager->proxy) : NULL;
    if (session && is_lost)
        session_end_links(session);
    else if (session && scanner_is_connectable(scanner))
        session_subscribe_slots(session, now_ns); /* what was known of them is out of date */
}

static void report_hearing(struct manager *manager, enum bleproxy_hearing hearing, uint64_t now_ns)
{
    if (!manager->freed && manager->ops->on_hearing)
        manager->ops->on_hearing(manager->user, hearing, now_ns);
}

static void on_hearing(void *user, uint64_t now_ns)
{
    struct manager *manager = user;
    enter(manager);
    follow_hearing(manager, manager->hearing.state, now_ns);
    report_hearing(manager, manager_hearing(manager), now_ns);
    leave(manager);
}

static const struct hearing_ops hearing_ops = {.inquire = inquire,
                                               .restart_scan = restart_scan,
                                               .subscribe = subscribe,
                                               .reconnect = reconnect,
                                               .on_change = on_hearing};

static void end_hearing(struct manager *manager, uint64_t now_ns)
{
    enum bleproxy_hearing before =
        manager->hearing.in_session ? manager->hearing.state : BLEPROXY_HEARING_UNKNOWN;
    inquiry_cancel(&manager->inquiry, now_ns);
    hearing_end(&manager->hearing, now_ns);
    if (before != BLEPROXY_HEARING_UNKNOWN)
        report_hearing(manager, BLEPROXY_HEARING_UNKNOWN, now_ns);
}

/* Those who use the scanner learn first, with the scanner already unavailable, that its proxy is lost; then
 * it leaves the hub. One of them may stop or free the manager from within: that then does the rest of it. */
static void end_scanner(struct manager *manager, uint64_t now_ns)
{
    struct scanner *scanner = manager->scanner;
    if (!scanner)
        return;
    scanner_set_available(scanner, false, now_ns);
    if (manager->scanner != scanner)
        return;
    manager->owes_mode = scanner_owes_mode(scanner, &manager->owed_mode);
    wiring_detach(proxy_session(manager->proxy), scanner);
    if (manager->scanner != scanner)
        return;
    disconnect_set_fire(scanner_disconnect_set(scanner));
    if (manager->scanner != scanner)
        return;
    manager->scanner = NULL;
    scanner_unsetup(scanner, now_ns);
    hub_unregister_scanner(manager->hub, scanner, now_ns);
    scanner_free(scanner);
    device_info_deinit(manager->env, &manager->info);
    end_hearing(manager, now_ns);
}

static void reject(struct manager *manager, int error, const char *doing, uint64_t now_ns)
{
    char text[SESSION_END_TEXT_MAX];
    snprintf(text, sizeof(text), "the proxy connected, but %s failed: %s", doing, bleproxy_strerror(error));
    proxy_reject(manager->proxy, error, text, now_ns);
}

static void begin_hearing(struct manager *manager, uint64_t now_ns)
{
    const struct bleproxy_device_info *info = &manager->info;
    const struct hearing_signs signs = hearing_signs(manager);
    bool tells_state = info->features & BLEPROXY_FEATURE_STATE_AND_MODE;
    const struct hearing_session session = {
        .firmware = info->esphome_version,
        .newest_wins = hearing_newest_wins(info->esphome_version),
        .tells_state = tells_state,
        .has_watchdog = tells_state && (info->features & BLEPROXY_FEATURE_RAW_ADVERTISEMENTS),
    };
    hearing_begin(&manager->hearing, &session, &signs, now_ns);
}

static int begin_scanner(struct manager *manager, const struct bleproxy_device_info *info, uint64_t now_ns)
{
    struct session *session = proxy_session(manager->proxy);
    struct scanner *scanner;
    int error = device_info_dup(manager->env, info, &manager->info);
    if (error)
        return error;
    error = wiring_connect_scanner(session, manager->env, &manager->info,
                                   proxy_name(manager->proxy, manager->info.name),
                                   hearing_may_subscribe(&manager->hearing) ? WIRING_TO_USE : WIRING_TO_LEAVE,
                                   &manager->warned, now_ns, &scanner);
    if (error) {
        device_info_deinit(manager->env, &manager->info);
        return error;
    }
    manager->scanner = scanner;
    if (manager->owes_mode)
        scanner_owe_mode(scanner, manager->owed_mode);
    scanner_setup(scanner, now_ns);
    begin_hearing(manager, now_ns);
    if (manager->scan_mode != BLEPROXY_MODE_NONE)
        scanner_set_mode(scanner, manager->scan_mode,
                         now_ns); /* kept as an intent, and the log says the rest */
    error = hub_register_scanner(manager->hub, scanner, now_ns);
    if (error)
        end_scanner(manager, now_ns);
    return error;
}

static uint64_t known_mac(const struct manager *manager)
{
    bool is_known = manager->endpoint[0] && !manager->any_device;
    return is_known ? identities_get(hub_identities(manager->hub), manager->endpoint) : 0;
}

/* What is to answer is checked before the key is tried, as far as the proxy says it then. */
static void expect_device(struct manager *manager)
{
    if (manager->has_end && manager->end.error == BLEPROXY_E_BAD_MAC_ADDRESS)
        identities_doubt(hub_identities(manager->hub));
    proxy_expect_mac(manager->proxy, known_mac(manager));
}

/* Another device at its address or with its name is not the proxy. False: the session ends. What cannot be remembered is
 * with the next connection. */
static bool check_device(struct manager *manager, const struct bleproxy_device_info *info, uint64_t now_ns)
{
    uint64_t mac_address = 0, expected = known_mac(manager);
    char text[SESSION_END_TEXT_MAX], is[BLEPROXY_ADDRESS_TEXT_SIZE] = "", was[BLEPROXY_ADDRESS_TEXT_SIZE];
    (void)bleproxy_address_parse(info->mac_address, &mac_address); /* 0: it has none, or does not tell it */
    if (manager->any_device || !manager->endpoint[0])
        return true;
    if (expected == 0 || expected == mac_address) {
        if (mac_address != 0)
            identities_put(hub_identities(manager->hub), manager->endpoint, mac_address);
        return true;
    }
    bleproxy_address_format(expected, was);
    if (mac_address != 0)
        bleproxy_address_format(mac_address, is);
    snprintf(text, sizeof(text),
             "%s has %s MAC address%s%s, but had %s: another device has its address or name now; if it was "
             "replaced, forget the old one (bleproxy forget)",
             proxy_name(manager->proxy, ""), is[0] ? "the" : "no", is[0] ? " " : "", is, was);
    proxy_reject(manager->proxy, BLEPROXY_E_BAD_MAC_ADDRESS, text, now_ns);
    return false;
}

static void on_device_info(void *user, int error, const struct bleproxy_device_info *info, uint64_t now_ns)
{
    struct manager *manager = user;
    if (manager->freed || proxy_state(manager->proxy) != BLEPROXY_PROXY_READY)
        return;
    enter(manager);
    if (error) {
        reject(manager, error, "asking it for its description", now_ns);
    } else if (check_device(manager, info, now_ns)) {
        proxy_set_deep_sleep(manager->proxy, info->has_deep_sleep);
        error = begin_scanner(manager, info, now_ns);
        if (error) {
            reject(manager, error, "subscribing to its advertisements", now_ns);
        } else if (!manager->freed && manager_state(manager) == BLEPROXY_PROXY_READY) {
            /* who watches slots has not ended it */
            manager->has_end = false;
            report_state(manager, BLEPROXY_PROXY_READY, NULL, now_ns);
            complete(&manager->start, 0, now_ns);
            if (manager_hearing(manager) != BLEPROXY_HEARING_UNKNOWN) /* it was robbed, or deaf, before */
                report_hearing(manager, manager_hearing(manager), now_ns);
        }
    }
    leave(manager);
}

static void on_ready(void *user, uint64_t now_ns)
{
    struct manager *manager = user;
    enter(manager);
    int error = session_get_device_info(proxy_session(manager->proxy), on_device_info, manager, now_ns);
    if (error)
        reject(manager, error, "asking it for its description", now_ns);
    leave(manager);
}

/* Who waits for the start learns of it where waiting does not help; attempts go on. */
static void tell_start(struct manager *manager, const struct session_end *end, uint64_t now_ns)
{
    if (proxy_needs_user(end->error))
        complete(&manager->start, end->error, now_ns);
}

static void keep_end(struct manager *manager, const struct session_end *end)
{
    manager->has_end = true;
    manager->end = *end;
}

static void on_down(void *user, const struct session_end *end, uint64_t now_ns)
{
    struct manager *manager = user;
    enter(manager);
    keep_end(manager, end);
    end_scanner(manager, now_ns);
    tell_start(manager, end, now_ns);
    leave(manager);
}

static void on_failed(void *user, const struct session_end *why, uint64_t now_ns)
{
    struct manager *manager = user;
    enter(manager);
    keep_end(manager, why);
    tell_start(manager, why, now_ns);
    leave(manager);
}

static void on_stopped(void *user, uint64_t now_ns)
{
    struct manager *manager = user;
    enter(manager);
    manager->was_stopped = true;
    complete(&manager->start, BLEPROXY_E_START_ABORTED, now_ns);
    end_scanner(manager, now_ns);
    complete(&manager->stop, 0, now_ns);
    leave(manager);
}

static void on_state(void *user, enum bleproxy_proxy_state state, uint64_t now_ns)
{
    struct manager *manager = user;
    if (state == BLEPROXY_PROXY_CONNECTING)
        expect_device(manager);
    if (state == BLEPROXY_PROXY_READY)
        return; /* not for the owner until the scanner is registered */
    enter(manager);
    report_state(manager, state, state == BLEPROXY_PROXY_WAITING ? manager_last_end(manager) : NULL, now_ns);
    leave(manager);
}

static void resolve(void *user, const char *host, uint16_t port, uint64_t now_ns)
{
    const struct manager *manager = user;
    manager->ops->resolve(manager->user, host, port, now_ns);
}

static void cancel_resolve(void *user)
{
    const struct manager *manager = user;
    manager->ops->cancel_resolve(manager->user);
}

static void open_connection(void *user, unsigned attempt, const struct net_address *address, uint64_t now_ns)
{
    const struct manager *manager = user;
    manager->ops->open(manager->user, attempt, address, now_ns);
}

static void close_connection(void *user, unsigned attempt)
{
    const struct manager *manager = user;
    manager->ops->close(manager->user, attempt);
}

static void get_time(void *user, struct session_time *ret_time)
{
    const struct manager *manager = user;
    manager->ops->get_time(manager->user, ret_time);
}

static void on_pending(void *user)
{
    const struct manager *manager = user;
    if (manager->ops->on_pending)
        manager->ops->on_pending(manager->user);
}

static void on_turn(void *user)
{
    const struct manager *manager = user;
    manager->ops->on_turn(manager->user);
}

static const struct proxy_ops proxy_ops = {
    .resolve = resolve,
    .cancel_resolve = cancel_resolve,
    .open = open_connection,
    .close = close_connection,
    .on_ready = on_ready,
    .on_down = on_down,
    .on_failed = on_failed,
    .on_stopped = on_stopped,
    .on_state = on_state,
    .on_pending = on_pending,
    .on_turn = on_turn,
    .get_time = get_time,
};

int manager_new(struct hub *hub, const struct proxy_config *config, const struct manager_ops *ops, void *user,
                struct manager **ret_manager)
{
    const struct env *env = config->session.env;
    struct manager *manager = env_alloc(env, sizeof(*manager));
    if (!manager)
        return BLEPROXY_E_NOMEM;
    manager->env = env;
    manager->hub = hub;
    manager->ops = ops;
    manager->user = user;
    manager->scan_mode = BLEPROXY_MODE_NONE;
    manager_set_limits(manager, &(struct manager_limits){0});
    int error = proxy_new(config, &proxy_ops, manager, &manager->proxy);
    if (error) {
        env_free(env, manager);
        return error;
    }
    manager->hearing.config.label = proxy_name(manager->proxy, "");
    if (!identity_endpoint(config->host, config->port, manager->endpoint))
        manager->endpoint[0] = '\0';
    *ret_manager = manager;
    return 0;
}

void manager_set_limits(struct manager *manager, const struct manager_limits *limits)
{
    const struct hearing_config config = {.env = manager->env,
                                          .label = manager->proxy ? proxy_name(manager->proxy, "") : NULL,
                                          .silence_ns = limits->silence_ns,
                                          .reclaim_ns = limits->reclaim_ns};
    hearing_init(&manager->hearing, &config, &hearing_ops, manager);
    manager->any_device = limits->any_device;
}

void manager_free(struct manager *manager, uint64_t now_ns)
{
    if (!manager || manager->freed)
        return;
    enter(manager);
    manager->freed = true;
    end_scanner(manager, now_ns);
    complete(&manager->start, BLEPROXY_E_START_ABORTED, now_ns);
    complete(&manager->stop, 0, now_ns);
    proxy_free(manager->proxy); /* last: callbacks may still ask for its state */
    leave(manager);
}

int manager_start(struct manager *manager, manager_done_fn *on_started, void *user, uint64_t now_ns)
{
    if (manager->was_started || manager->freed)
        return BLEPROXY_E_STATE;
    enter(manager);
    manager->was_started = true;
    manager->start = (struct completion){true, on_started, user};
    proxy_start(manager->proxy, now_ns);
    leave(manager);
    return 0;
}

void manager_cancel_start(struct manager *manager, uint64_t now_ns)
{
    enter(manager);
    complete(&manager->start, BLEPROXY_E_CANCELLED, now_ns);
    leave(manager);
}

void manager_stop(struct manager *manager, manager_done_fn *on_stopped_fn, void *user, uint64_t now_ns)
{
    struct completion stop = {true, on_stopped_fn, user};
    enter(manager);
    if (manager->stop.pending) {
        complete(&stop, BLEPROXY_E_STATE, now_ns);
    } else if (!manager->was_started || manager->was_stopped || manager->freed) {
        complete(&stop, 0, now_ns);
    } else {
        manager->stop = stop;
        if (manager->scanner)
            scanner_set_available(manager->scanner, false, now_ns);
        if (manager->scanner)
            scanner_let_go(manager->scanner, now_ns); /* the proxy still hears it: it keeps no foreign mode */
        if (!manager->freed)
            proxy_stop(manager->proxy, now_ns);
    }
    leave(manager);
}

void manager_set_scan_mode(struct manager *manager, enum bleproxy_scanner_mode mode)
{
    manager->scan_mode = mode;
}

struct proxy *manager_proxy(struct manager *manager)
{
    return manager->proxy;
}

uint64_t manager_deadline(const struct manager *manager)
{
    uint64_t deadline_ns = proxy_deadline(manager->proxy);
    if (manager->scanner) {
        const struct hearing_signs signs = hearing_signs(manager);
        deadline_ns = time_min(deadline_ns, scanner_deadline(manager->scanner));
        deadline_ns = time_min(deadline_ns, hearing_deadline(&manager->hearing, &signs));
    }
    return deadline_ns;
}

void manager_tick(struct manager *manager, uint64_t now_ns)
{
    enter(manager);
    if (now_ns >= proxy_deadline(manager->proxy))
        proxy_tick(manager->proxy, now_ns);
    if (!manager->freed && manager->scanner)
        scanner_tick(manager->scanner, now_ns);
    if (!manager->freed && manager->scanner) {
        const struct hearing_signs signs = hearing_signs(manager);
        hearing_tick(&manager->hearing, &signs, now_ns);
    }
    leave(manager);
}

enum bleproxy_proxy_state manager_state(const struct manager *manager)
{
    enum bleproxy_proxy_state state = proxy_state(manager->proxy);
    return state == BLEPROXY_PROXY_READY && !manager->scanner ? BLEPROXY_PROXY_HANDSHAKING : state;
}

const struct bleproxy_device_info *manager_device_info(const struct manager *manager)
{
    return manager->scanner ? &manager->info : NULL;
}

struct scanner *manager_scanner(const struct manager *manager)
{
    return manager->scanner;
}

const struct session_end *manager_last_end(const struct manager *manager)
{
    return manager->has_end ? &manager->end : NULL;
}

enum bleproxy_hearing manager_hearing(const struct manager *manager)
{
    return manager->scanner ? manager->hearing.state : BLEPROXY_HEARING_UNKNOWN;
}

const struct hearing *manager_hearing_record(const struct manager *manager)
{
    return &manager->hearing;
}

int manager_reclaim(struct manager *manager, uint64_t now_ns)
{
    enter(manager);
    int r = hearing_take(&manager->hearing, now_ns);
    leave(manager);
    return r;
}

uint64_t manager_next_attempt_ns(const struct manager *manager)
{
    return proxy_state(manager->proxy) == BLEPROXY_PROXY_WAITING ? proxy_next_attempt_ns(manager->proxy) : 0;
}
