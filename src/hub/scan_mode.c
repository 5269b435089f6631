/* SPDX-License-Identifier: MIT */
#include "hub/scan_mode.h"

#include "hub/hub_private.h"
#include "hub/scanner_private.h"

void scan_mode_init(struct scan_mode *mode)
{
    *mode = (struct scan_mode){
        .state = BLEPROXY_SCANNER_UNKNOWN,
        .reported = BLEPROXY_MODE_NONE,
        .requested = BLEPROXY_MODE_NONE,
        .configured = BLEPROXY_MODE_NONE,
        .intent = BLEPROXY_MODE_NONE,
        .demand = BLEPROXY_MODE_NONE,
        .before = BLEPROXY_MODE_NONE,
        .told = BLEPROXY_MODE_NONE,
        .owed = BLEPROXY_MODE_NONE,
    };
}

static enum bleproxy_scanner_mode mode_from_wire(uint32_t mode)
{
    return mode <= BLEPROXY_MODE_ACTIVE ? (enum bleproxy_scanner_mode)mode : BLEPROXY_MODE_NONE;
}

/* After any of what it depends on has changed. */
static void update_requested(struct scanner *scanner, uint64_t now_ns)
{
    struct scan_mode *mode = &scanner->mode;
    enum bleproxy_scanner_mode requested = mode->intent != BLEPROXY_MODE_NONE   ? mode->intent
                                           : mode->demand != BLEPROXY_MODE_NONE ? mode->demand
                                                                                : mode->reported;
    if (requested == mode->requested)
        return;
    mode->requested = requested;
    if (scanner->hub)
        auto_scan_on_mode(scanner->hub, scanner, now_ns);
}

/* How the proxy scans on its own. Its state message has the mode of the moment, which may be one of ours that an
 * earlier session left behind. */
static enum bleproxy_scanner_mode own_mode(const struct scanner *scanner)
{
    const struct scan_mode *mode = &scanner->mode;
    if (mode->owes && mode->owed != BLEPROXY_MODE_NONE)
        return mode->owed;
    return scanner->has_configured_mode && mode->reported != BLEPROXY_MODE_NONE ? mode->configured
                                                                                : mode->reported;
}

enum bleproxy_scanner_state scanner_state(const struct scanner *scanner)
{
    return scanner->mode.state;
}

enum bleproxy_scanner_mode scanner_current_mode(const struct scanner *scanner)
{
    return scanner->mode.state == BLEPROXY_SCANNER_RUNNING ? scanner->mode.reported : BLEPROXY_MODE_NONE;
}

enum bleproxy_scanner_mode scanner_requested_mode(const struct scanner *scanner)
{
    return scanner->mode.requested;
}

enum bleproxy_scanner_mode scanner_configured_mode(const struct scanner *scanner)
{
    return scanner->mode.configured;
}

/* Subscribers keep it active whether a window is open or not. */
static bool is_held_active(const struct scan_mode *mode)
{
    return mode->demand == BLEPROXY_MODE_ACTIVE &&
           (mode->intent == BLEPROXY_MODE_NONE || mode->intent == BLEPROXY_MODE_AUTO);
}

/* How it should scan while no window is open. */
static enum bleproxy_scanner_mode mode_at_rest(const struct scan_mode *mode)
{
    if (is_held_active(mode))
        return BLEPROXY_MODE_ACTIVE;
    if (mode->intent != BLEPROXY_MODE_NONE)
        return mode->intent == BLEPROXY_MODE_ACTIVE ? mode->intent : BLEPROXY_MODE_PASSIVE;
    if (mode->demand != BLEPROXY_MODE_NONE)
        return mode->demand;
    return mode->before != BLEPROXY_MODE_NONE ? mode->before : BLEPROXY_MODE_PASSIVE;
}

static void warn_unsupported(struct scanner *scanner)
{
    if (!scanner->mode.warned)
        env_log(scanner->env, BLEPROXY_LOG_WARNING, "hub", scanner->name,
                "the scan mode cannot be set: firmware before 2025.5 scans as it is configured");
    scanner->mode.warned = true;
}

/* Within scanner_pin(). */
static int send_mode_at_rest(struct scanner *scanner, uint64_t now_ns)
{
    if (scanner->mode.left)
        return 0; /* when it is ours again */
    int r = scanner_send_mode(scanner, mode_at_rest(&scanner->mode), now_ns);
    if (r < 0)
        env_log(scanner->env, BLEPROXY_LOG_DEBUG, "hub", scanner->name, "the scan mode was not set: %s",
                bleproxy_strerror(r));
    return r;
}

/* To go back to it. But what is reported before the proxy has answered is of our own making: then it goes back to what it
 * was to go back to. */
static void remember(struct scan_mode *mode, enum bleproxy_scanner_mode before)
{
    if (!mode->unanswered || mode->before == BLEPROXY_MODE_NONE)
        mode->before = before;
    mode->owes = false;
}

/* Within scanner_pin(). What is pinned or wanted now comes first, and pays it back in the end. */
static void pay_back(struct scanner *scanner, uint64_t now_ns)
{
    struct scan_mode *mode = &scanner->mode;
    if (!mode->owes || mode->reported == BLEPROXY_MODE_NONE || mode->intent != BLEPROXY_MODE_NONE ||
        mode->demand != BLEPROXY_MODE_NONE || mode->window_open)
        return;
    remember(mode, own_mode(scanner));
    if (mode->reported != mode->before)
        send_mode_at_rest(scanner, now_ns);
}

void scanner_on_state(struct scanner *scanner, uint32_t state, uint32_t mode, uint32_t configured_mode,
                      uint64_t now_ns)
{
    struct scan_mode *held = &scanner->mode;
    scanner->now_ns = scanner->told_ns = now_ns;
    held->state =
        state <= BLEPROXY_SCANNER_STOPPED ? (enum bleproxy_scanner_state)state : BLEPROXY_SCANNER_UNKNOWN;
    held->reported = mode_from_wire(mode);
    held->configured = mode_from_wire(configured_mode);
    held->unanswered = held->unanswered && held->reported != held->told;
    if (held->demand != BLEPROXY_MODE_NONE && held->before == BLEPROXY_MODE_NONE)
        held->before = own_mode(scanner); /* the answer to the subscription, which came before the demand */
    scanner_pin(scanner);
    pay_back(scanner, now_ns);
    update_requested(scanner, now_ns);
    watchdog_satisfied(&scanner->watchdog);
    leftovers_on_state(scanner, now_ns);
    scanner_unpin(scanner);
}

int scanner_set_mode(struct scanner *scanner, enum bleproxy_scanner_mode mode, uint64_t now_ns)
{
    if (mode != BLEPROXY_MODE_PASSIVE && mode != BLEPROXY_MODE_ACTIVE && mode != BLEPROXY_MODE_AUTO)
        return BLEPROXY_E_INVALID;
    int r = BLEPROXY_E_UNSUPPORTED;
    scanner->now_ns = now_ns;
    scanner->mode.intent = mode;
    scanner_pin(scanner);
    if (scanner->has_mode)
        r = send_mode_at_rest(scanner, now_ns);
    else
        warn_unsupported(scanner);
    update_requested(scanner, now_ns);
    scanner_unpin(scanner);
    return r;
}

void scanner_demand(struct scanner *scanner, enum bleproxy_scanner_mode mode, uint64_t now_ns)
{
    struct scan_mode *held = &scanner->mode;
    if (mode == held->demand || held->let_go)
        return;
    if (!scanner->has_mode) {
        warn_unsupported(scanner);
        return;
    }
    if (held->demand == BLEPROXY_MODE_NONE && !held->window_open)
        remember(held, own_mode(scanner));
    held->demand = mode;
    scanner_pin(scanner);
    enum bleproxy_scanner_mode now = held->told != BLEPROXY_MODE_NONE ? held->told : held->reported;
    if (!held->window_open && scanner->ops && mode_at_rest(held) != now)
        send_mode_at_rest(scanner, now_ns);
    update_requested(scanner, now_ns);
    scanner_unpin(scanner);
}

bool scanner_restart_scan(struct scanner *scanner, uint64_t now_ns)
{
    struct scan_mode *mode = &scanner->mode;
    enum bleproxy_scanner_mode present = mode->told != BLEPROXY_MODE_NONE ? mode->told : mode->reported;
    if (!scanner->has_mode || mode->window_open || mode->let_go || mode->left ||
        present == BLEPROXY_MODE_NONE)
        return false;
    enum bleproxy_scanner_mode other =
        present == BLEPROXY_MODE_ACTIVE ? BLEPROXY_MODE_PASSIVE : BLEPROXY_MODE_ACTIVE;
    scanner_pin(scanner);
    bool sent = scanner_send_mode(scanner, other, now_ns) == 0;
    sent = scanner_send_mode(scanner, present, now_ns) == 0 && sent;
    scanner_unpin(scanner);
    return sent;
}

bool scanner_owes_mode(const struct scanner *scanner, enum bleproxy_scanner_mode *ret_owed)
{
    const struct scan_mode *mode = &scanner->mode;
    bool changed = mode->demand != BLEPROXY_MODE_NONE || mode->window_open;
    if (mode->intent != BLEPROXY_MODE_NONE || (!changed && !mode->owes))
        return false;
    *ret_owed = changed ? mode->before : mode->owed;
    return true;
}

void scanner_owe_mode(struct scanner *scanner, enum bleproxy_scanner_mode owed)
{
    scanner->mode.owes = true;
    scanner->mode.owed = owed;
}

void scanner_let_go(struct scanner *scanner, uint64_t now_ns)
{
    scanner_pin(scanner);
    scanner_window_close(scanner, now_ns);
    scanner_demand(scanner, BLEPROXY_MODE_NONE, now_ns);
    scanner->mode.let_go = true;
    scanner_unpin(scanner);
}

void scanner_leave_mode(struct scanner *scanner, bool left, uint64_t now_ns)
{
    struct scan_mode *mode = &scanner->mode;
    if (mode->left == left)
        return;
    mode->left = left;
    mode->told = BLEPROXY_MODE_NONE;
    scanner_pin(scanner);
    if (left)
        scanner_window_close(scanner, now_ns);
    else if (mode->intent != BLEPROXY_MODE_NONE || mode->demand != BLEPROXY_MODE_NONE)
        send_mode_at_rest(scanner, now_ns);
    scanner_unpin(scanner);
}

uint64_t scan_mode_deadline(const struct scan_mode *mode)
{
    return mode->window_open ? mode->window_end_ns : BP_NEVER;
}

bool scanner_window_open(struct scanner *scanner, uint64_t duration_ns, scanner_window_fn *on_closed,
                         void *user, uint64_t now_ns)
{
    struct scan_mode *mode = &scanner->mode;
    scanner->now_ns = now_ns;
    scanner_pin(scanner);
    scan_mode_tick(scanner, now_ns); /* one that has ended is not in the way */
    bool opened = scanner->has_mode && scanner->ops && !scanner->freed && !mode->let_go && !mode->left &&
                  !mode->window_open;
    if (opened) {
        if (mode->demand == BLEPROXY_MODE_NONE) /* else it is remembered */
            remember(mode, mode->owes ? own_mode(scanner) : mode->reported);
        mode->window_open = true;
        mode->window_end_ns = time_after(now_ns, duration_ns);
        int r = is_held_active(mode) ? 0 : scanner_send_mode(scanner, BLEPROXY_MODE_ACTIVE, now_ns);
        opened = r == 0 && mode->window_open; /* sending may have ended it all */
        mode->window_open = opened;
    }
    if (opened) {
        mode->on_done = on_closed;
        mode->user = user;
    }
    scanner_unpin(scanner);
    return opened;
}

bool scanner_window_extend(struct scanner *scanner, uint64_t end_ns, uint64_t now_ns)
{
    struct scan_mode *mode = &scanner->mode;
    if (!mode->window_open || now_ns >= mode->window_end_ns)
        return false;
    if (mode->window_end_ns < end_ns)
        mode->window_end_ns = end_ns;
    return true;
}

void scanner_window(struct scanner *scanner, uint64_t duration_ns, scanner_window_fn *on_done, void *user,
                    uint64_t now_ns)
{
    if (!scanner_window_open(scanner, duration_ns, on_done, user, now_ns) && on_done)
        on_done(user, false, now_ns);
}

void scanner_window_close(struct scanner *scanner, uint64_t now_ns)
{
    struct scan_mode *mode = &scanner->mode;
    scanner->now_ns = now_ns;
    if (!mode->window_open)
        return;
    mode->window_open = false;
    scanner_window_fn *on_done = mode->on_done;
    void *user = mode->user;
    mode->on_done = NULL;
    scanner_pin(scanner);
    int r = is_held_active(mode) || mode->left ? 0 : scanner_send_mode(scanner, mode_at_rest(mode), now_ns);
    if (r < 0)
        env_log(scanner->env, BLEPROXY_LOG_WARNING, "hub", scanner->name,
                "the scan mode was not restored after an active window: %s", bleproxy_strerror(r));
    if (on_done)
        on_done(user, true, now_ns);
    scanner_unpin(scanner);
}

void scan_mode_tick(struct scanner *scanner, uint64_t now_ns)
{
    if (now_ns >= scan_mode_deadline(&scanner->mode))
        scanner_window_close(scanner, now_ns);
}
