/* SPDX-License-Identifier: MIT */
#include "fleet.h"

#include "cli.h"
#include "lock.h"
#include "log.h"
#include "network.h"
#include "remote.h"
#include "run.h"
#include "settings.h"
#include "state.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)
enum {
    HOPELESS_AFTER_S = 5, /* failures that may pass are waited for as long */
    GOODBYE_MS = 2000,
    HOPELESS_CHECK_MS = 5100,
    NETWORK_MS = 1000,
};

void fleet_check(const struct fleet *fleet)
{
    if (fleet_is_hopeless(fleet) && fleet->on_hopeless)
        fleet->on_hopeless(fleet->user);
}

void fleet_tell_plaintext(struct fleet *fleet, bool at_last)
{
    const struct member *last = NULL;
    size_t n = 0, n_awaited = 0;
    for (size_t i = 0; i < fleet->n_members; i++) {
        const struct member *proxy = &fleet->members[i];
        n_awaited += !proxy->was_ready && proxy->error == 0;
        if (proxy->was_ready && !proxy->encrypted) {
            last = proxy;
            n++;
        }
    }
    if (!fleet->tells_plaintext || n == 0 || (n_awaited > 0 && !at_last))
        return;
    fleet->tells_plaintext = false;
    if (n == 1)
        log_warn(last->label, "not encrypted: whoever is in its network can read and forge what it reports");
    else
        log_warn(
            NULL,
            "%zu of %zu proxies are not encrypted: whoever is in their network can read and forge what they "
            "report",
            n, fleet->proxies.n_targets);
}

static void count(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct member *proxy = fleet_find(user, advertisement->source);
    if (!proxy)
        return;
    proxy->reports++;
    proxy->heard_ns = advertisement->time_ns;
}

static void on_check(void *user)
{
    fleet_tell_plaintext(user, true);
    fleet_check(user);
}

/* ---- A host that is in no network yet ---- */

/* Whether any proxy is elsewhere than on this host. */
static bool needs_network(const struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->proxies.n_targets; i++) {
        const char *host = fleet->proxies.targets[i].config.address;
        if (strncmp(host, "127.", 4) != 0 && strcmp(host, "::1") != 0 && strcasecmp(host, "localhost") != 0)
            return true;
    }
    return false;
}

/* The library tries again at once; what has failed before means nothing. */
static void on_network(void *user)
{
    struct fleet *fleet = user;
    if (!network_is_there())
        return;
    bleproxy_timer_free(fleet->network);
    fleet->network = NULL;
    fleet->patience_ns = bleproxy_loop_now_ns(fleet->loop);
    for (size_t i = 0; i < fleet->n_members; i++)
        if (fleet->members[i].manager)
            fleet->members[i].error = 0;
    bleproxy_timer_free(fleet->check);
    fleet->check = NULL;
    if (bleproxy_timer_new(fleet->loop, HOPELESS_CHECK_MS, 0, on_check, fleet, &fleet->check) < 0)
        fleet_check(fleet);
}

/* Who starts with the host may be earlier than its network. 0 or a BLEPROXY_E_*. */
static int look_for_network(struct fleet *fleet)
{
    if (!needs_network(fleet) || network_is_there())
        return 0;
    log_warn(NULL, "this host is in no network yet: waiting for one");
    return bleproxy_timer_new(fleet->loop, NETWORK_MS, NETWORK_MS, on_network, fleet, &fleet->network);
}

static void on_hangup(void *user)
{
    fleet_reload(user);
}

/* The daemon sees to the proxies, and reads its own configuration. */
static int start_remote(struct fleet *fleet)
{
    struct bleproxy_subscription *subscription; /* ends with the hub */
    int r = bleproxy_hub_subscribe(fleet->hub, BLEPROXY_STREAM_REPORTS, NULL, count, fleet, &subscription);
    return r < 0 ? (int)cli_exit_code(r) : remote_ops->start(fleet->remote, fleet, fleet->active);
}

int fleet_start(struct fleet *fleet)
{
    struct bleproxy_subscription *subscription; /* ends with the hub */
    fleet->members = calloc(fleet->proxies.n_targets, sizeof(*fleet->members));
    if (!fleet->members)
        return CLI_INTERNAL;
    int r = fleet->remote ? 0 : look_for_network(fleet);
    if (r < 0)
        return (int)cli_exit_code(r);
    if (fleet->reloads && !fleet->remote) /* before anybody can see that it is there */
        run_catch_reload(on_hangup, fleet);
    for (size_t i = 0; i < fleet->proxies.n_targets; i++) {
        struct member *proxy = &fleet->members[fleet->n_members++];
        *proxy = (struct member){.fleet = fleet, .target = &fleet->proxies.targets[i], .lock = LOCK_NONE};
        if (fleet->remote)
            member_label(proxy);
        else if ((r = member_start(proxy)) != CLI_DONE)
            return r;
    }
    if (fleet->remote)
        return start_remote(fleet);
    r = bleproxy_hub_subscribe(fleet->hub, BLEPROXY_STREAM_REPORTS, NULL, count, fleet, &subscription);
    if (r == 0)
        r = bleproxy_timer_new(fleet->loop, HOPELESS_CHECK_MS, 0, on_check, fleet, &fleet->check);
    fleet_check(fleet);
    return (int)cli_exit_code(r);
}

struct goodbye {
    size_t left;
    bool over;
};

static void on_stopped(void *user, int error)
{
    (void)error;
    struct goodbye *goodbye = user;
    goodbye->over = --goodbye->left == 0;
}

static void on_patience_ends(void *user)
{
    bool *over = user;
    *over = true;
}

void fleet_stop(struct fleet *fleet)
{
    struct goodbye goodbye = {.left = 1};
    struct bleproxy_timer *patience = NULL;
    const uint32_t patience_ms = fleet->goodbye_ms ? fleet->goodbye_ms : GOODBYE_MS;
    fleet_tell_plaintext(fleet, true);
    run_catch_reload(NULL, NULL);
    fleet_forget_leaving(fleet);
    bleproxy_timer_free(fleet->check);
    bleproxy_timer_free(fleet->network);
    fleet->check = fleet->network = NULL;
    if (fleet->remote)
        remote_ops->stop(fleet->remote);
    for (size_t i = 0; i < fleet->n_members; i++) {
        struct bleproxy_manager *manager = fleet->members[i].manager;
        if (!manager)
            continue;
        goodbye.left++;
        bleproxy_manager_watch(manager, NULL, NULL);
        bleproxy_manager_stop(manager, on_stopped, &goodbye);
    }
    on_stopped(&goodbye, 0);
    if (!goodbye.over &&
        bleproxy_timer_new(fleet->loop, patience_ms, 0, on_patience_ends, &goodbye.over, &patience) == 0)
        run_loop(fleet->loop, &goodbye.over);
    bleproxy_timer_free(patience);
    for (size_t i = 0; i < fleet->n_members; i++) {
        bleproxy_manager_free(fleet->members[i].manager);
        bleproxy_scanner_free(fleet->members[i].scanner);
        if (fleet->members[i].lock != LOCK_NONE)
            close(fleet->members[i].lock);
    }
    free(fleet->members);
    fleet->members = NULL;
    fleet->n_members = 0;
}

static void count_devices(struct fleet *fleet)
{
    const struct bleproxy_device *device;
    for (size_t i = 0; i < fleet->n_members; i++)
        fleet->members[i].n_devices = 0;
    for (size_t position = 0; (device = bleproxy_hub_next_device(fleet->hub, &position));) {
        const struct bleproxy_advertisement *report;
        for (const void *at = NULL; (report = bleproxy_device_next_report(device, &at));) {
            struct member *proxy = fleet_find(fleet, report->source);
            if (proxy)
                proxy->n_devices++;
        }
    }
}

void fleet_measure(struct fleet *fleet)
{
    uint64_t now_ns = bleproxy_loop_now_ns(fleet->loop);
    double passed_s = (double)(now_ns - fleet->measured_ns) / (double)NS_PER_S;
    for (size_t i = 0; i < fleet->n_members; i++) {
        struct member *proxy = &fleet->members[i];
        double rate = (double)(proxy->reports - proxy->reports_before) / (passed_s > 0 ? passed_s : 1);
        proxy->rate = proxy->rate > 0 ? 0.7 * proxy->rate + 0.3 * rate : rate;
        proxy->reports_before = proxy->reports;
    }
    fleet->measured_ns = now_ns;
    count_devices(fleet);
}

struct member *fleet_find(struct fleet *fleet, uint64_t source)
{
    for (size_t i = 0; i < fleet->n_members; i++)
        if (fleet->members[i].source == source)
            return &fleet->members[i];
    return NULL;
}

/* A daemon's, if one runs that has them. */
static int find_proxies(struct fleet *fleet)
{
    if (!fleet->uses_daemon || !remote_ops || !remote_ops->find(fleet->options, &fleet->remote))
        return proxies_init(&fleet->proxies, fleet->options);
    int r = proxies_load_own(&fleet->proxies, fleet->options);
    fleet->tells_plaintext = false; /* the daemon has */
    return r == CLI_DONE ? remote_ops->take_proxies(fleet->remote, &fleet->proxies) : r;
}

int fleet_open(struct fleet *fleet, const struct bleproxy_hub_options *hub_options)
{
    struct bleproxy_loop_options options = {0};
    struct bleproxy_hub_options settings;
    char state_dir[PATH_MAX];
    int r = find_proxies(fleet);
    if (r != CLI_DONE)
        return r;
    fleet->reference = hub_options ? hub_options->reference : 0;
    settings = settings_options(&fleet->proxies.config, hub_options);
    if (!settings.state_dir && state_directory(state_dir, sizeof(state_dir)))
        settings.state_dir = state_dir;
    log_set_loop_options(fleet->options->verbosity, fleet->quiet, &options);
    r = bleproxy_loop_new(&options, &fleet->loop);
    if (r == 0)
        r = bleproxy_hub_new(fleet->loop, &settings, &fleet->hub);
    if (r == 0)
        r = settings_apply(fleet->hub, &fleet->proxies.config);
    if (r < 0) {
        log_say("%s", bleproxy_strerror(r));
        return CLI_INTERNAL;
    }
    fleet->started_ns = fleet->measured_ns = fleet->patience_ns = bleproxy_loop_now_ns(fleet->loop);
    return CLI_DONE;
}

void fleet_close(struct fleet *fleet)
{
    bleproxy_hub_free(fleet->hub);
    bleproxy_loop_free(fleet->loop);
    if (fleet->remote)
        remote_ops->free(fleet->remote);
    proxies_deinit(&fleet->proxies);
}

bool fleet_has_worked(const struct fleet *fleet)
{
    if (fleet->had_worked)
        return true;
    for (size_t i = 0; i < fleet->n_members; i++)
        if (fleet->members[i].was_ready)
            return true;
    return false;
}

bool fleet_is_hopeless(const struct fleet *fleet)
{
    bool final = true;
    if (fleet->n_members < fleet->proxies.n_targets || fleet->reloaded || fleet->network)
        return false; /* still starting, or somebody sees to it */
    for (size_t i = 0; i < fleet->n_members; i++) {
        if (fleet->members[i].was_ready || fleet->members[i].error == 0)
            return false;
        final &= member_is_final(&fleet->members[i]);
    }
    return final || bleproxy_loop_now_ns(fleet->loop) - fleet->patience_ns >= HOPELESS_AFTER_S * NS_PER_S;
}

int fleet_verdict(const struct fleet *fleet)
{
    char explained[PROXIES_TEXT_SIZE];
    int verdict = CLI_DONE;
    if (fleet->remote && remote_ops->is_over(fleet->remote))
        return CLI_UNREACHABLE;
    if (fleet_has_worked(fleet))
        return CLI_DONE;
    for (size_t i = 0; i < fleet->n_members; i++) {
        const struct member *proxy = &fleet->members[i];
        if (proxy->error == 0)
            log_warn(proxy->label, "%s",
                     proxies_explain(proxy->target, BLEPROXY_E_TIMEOUT,
                                     "no answer in time: check its address, and that it is powered",
                                     explained));
        int code = proxy->error == 0                  ? CLI_UNREACHABLE
                   : proxy->error == BLEPROXY_E_STATE ? CLI_FAILED
                                                      : (int)cli_exit_code(proxy->error);
        if (verdict == CLI_DONE)
            verdict = code;
    }
    return verdict;
}
