/* SPDX-License-Identifier: MIT */
#include "hub/watchdog.h"

#include "hub/scanner_private.h"

/* Before the first, the second, and every further attempt. */
static const unsigned delays_s[] = {10, 30, 60};
enum {
    N_DELAYS = sizeof(delays_s) / sizeof(delays_s[0]),
    LOUD_ATTEMPTS = 3, /* warned about; then only every tenth */
    LOUD_EVERY = 10,
};

static uint64_t delay_ns(unsigned attempt)
{
    return delays_s[attempt < N_DELAYS ? attempt : N_DELAYS - 1] * NS_PER_S;
}

void watchdog_init(struct watchdog *watchdog)
{
    *watchdog = (struct watchdog){.due_ns = BP_NEVER};
}

void watchdog_start(struct watchdog *watchdog, uint64_t now_ns)
{
    watchdog->attempts = 0;
    watchdog->due_ns = watchdog->satisfied ? BP_NEVER : time_after(now_ns, delay_ns(0));
}

void watchdog_stop(struct watchdog *watchdog)
{
    watchdog->due_ns = BP_NEVER;
}

void watchdog_satisfied(struct watchdog *watchdog)
{
    watchdog->satisfied = true;
    watchdog_stop(watchdog);
}

/* The program's side of enum bleproxy_errno is above: those may pass. */
static bool is_connection_error(int error)
{
    return error <= BLEPROXY_E_RESOLVE;
}

void watchdog_tick(struct scanner *scanner, uint64_t now_ns)
{
    struct watchdog *watchdog = &scanner->watchdog;
    if (now_ns < watchdog->due_ns)
        return;
    unsigned attempt = watchdog->attempts++;
    watchdog->due_ns = time_after(now_ns, delay_ns(attempt + 1));
    bool loud = attempt < LOUD_ATTEMPTS || attempt % LOUD_EVERY == 0;
    env_log(scanner->env, loud ? BLEPROXY_LOG_WARNING : BLEPROXY_LOG_DEBUG, "hub", scanner->name,
            "no scanner state since subscribing, another client may still hold the proxy's advertisements: "
            "subscribing again (attempt %u)",
            attempt + 1);
    int r = scanner_send_subscribe(scanner, now_ns);
    if (r == 0)
        return;
    env_log(scanner->env, BLEPROXY_LOG_DEBUG, "hub", scanner->name, "subscribing again failed: %s",
            bleproxy_strerror(r));
    if (is_connection_error(r))
        watchdog_stop(watchdog);
}
