/* SPDX-License-Identifier: MIT */
#include "hub/scan_mode.h"

#include "hub/scanner_private.h"

void scan_mode_init(struct scan_mode *mode)
{
    *mode = (struct scan_mode){
        .state = BLEPROXY_SCANNER_UNKNOWN,
        .reported = BLEPROXY_MODE_NONE,
        .requested = BLEPROXY_MODE_NONE,
        .configured = BLEPROXY_MODE_NONE,
        .intent = BLEPROXY_MODE_NONE,
        .before = BLEPROXY_MODE_NONE,
    };
}

static enum bleproxy_scanner_mode mode_from_wire(uint32_t mode)
{
    return mode <= BLEPROXY_MODE_ACTIVE ? (enum bleproxy_scanner_mode)mode : BLEPROXY_MODE_NONE;
}

void scanner_on_state(struct scanner *scanner, uint32_t state, uint32_t mode, uint32_t configured_mode,
                      uint64_t now_ns)
{
    struct scan_mode *held = &scanner->mode;
    scanner->now_ns = now_ns;
    held->state =
        state <= BLEPROXY_SCANNER_STOPPED ? (enum bleproxy_scanner_state)state : BLEPROXY_SCANNER_UNKNOWN;
    held->reported = mode_from_wire(mode);
    held->configured = mode_from_wire(configured_mode);
    if (held->intent == BLEPROXY_MODE_NONE)
        held->requested = held->reported;
    watchdog_satisfied(&scanner->watchdog);
    leftovers_on_state(scanner, now_ns);
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

int scanner_set_mode(struct scanner *scanner, enum bleproxy_scanner_mode mode, uint64_t now_ns)
{
    if (mode != BLEPROXY_MODE_PASSIVE && mode != BLEPROXY_MODE_ACTIVE && mode != BLEPROXY_MODE_AUTO)
        return BLEPROXY_E_INVALID;
    scanner->now_ns = now_ns;
    scanner->mode.intent = mode;
    scanner->mode.requested = mode;
    if (!scanner->has_mode) {
        if (!scanner->mode.warned)
            env_log(scanner->env, BLEPROXY_LOG_WARNING, "hub", scanner->name,
                    "the scan mode cannot be set: firmware before 2025.5 scans as it is configured");
        scanner->mode.warned = true;
        return BLEPROXY_E_UNSUPPORTED;
    }
    scanner_pin(scanner);
    int r = scanner_send_mode(scanner, mode, now_ns);
    if (r < 0)
        env_log(scanner->env, BLEPROXY_LOG_DEBUG, "hub", scanner->name, "the scan mode was not set: %s",
                bleproxy_strerror(r));
    scanner_unpin(scanner);
    return r;
}

uint64_t scan_mode_deadline(const struct scan_mode *mode)
{
    return mode->window_open ? mode->window_end_ns : BP_NEVER;
}

static bool window_try_open(struct scanner *scanner, uint64_t now_ns)
{
    struct scan_mode *mode = &scanner->mode;
    if (!scanner->has_mode || scanner->freed || mode->window_open)
        return false;
    mode->before = mode->requested; /* the intent, where there is one */
    mode->window_open = true;
    int r = scanner_send_mode(scanner, BLEPROXY_MODE_ACTIVE, now_ns);
    bool opened = r == 0 && mode->window_open; /* sending may have ended it all */
    mode->window_open = opened;
    return opened;
}

void scanner_window(struct scanner *scanner, uint64_t duration_ns, scanner_window_fn *on_done, void *user,
                    uint64_t now_ns)
{
    struct scan_mode *mode = &scanner->mode;
    scanner->now_ns = now_ns;
    scanner_pin(scanner);
    if (window_try_open(scanner, now_ns)) {
        mode->window_end_ns = time_after(now_ns, duration_ns);
        mode->on_done = on_done;
        mode->user = user;
    } else if (on_done) {
        on_done(user, false, now_ns);
    }
    scanner_unpin(scanner);
}

void scanner_window_close(struct scanner *scanner, uint64_t now_ns)
{
    struct scan_mode *mode = &scanner->mode;
    scanner->now_ns = now_ns;
    if (!mode->window_open)
        return;
    mode->window_open = false;
    scanner_window_fn *on_done = mode->on_done;
    mode->on_done = NULL;
    enum bleproxy_scanner_mode restore = mode->intent != BLEPROXY_MODE_NONE ? mode->intent : mode->before;
    if (restore == BLEPROXY_MODE_NONE)
        restore = BLEPROXY_MODE_PASSIVE;
    scanner_pin(scanner);
    int r = scanner_send_mode(scanner, restore, now_ns);
    if (r < 0)
        env_log(scanner->env, BLEPROXY_LOG_WARNING, "hub", scanner->name,
                "the scan mode was not restored after an active window: %s", bleproxy_strerror(r));
    if (on_done)
        on_done(mode->user, true, now_ns);
    scanner_unpin(scanner);
}

void scan_mode_tick(struct scanner *scanner, uint64_t now_ns)
{
    if (now_ns >= scan_mode_deadline(&scanner->mode))
        scanner_window_close(scanner, now_ns);
}
