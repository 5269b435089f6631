/* SPDX-License-Identifier: MIT */
#include "scan.h"

#include "cli.h"
#include "lock.h"
#include "log.h"
#include "run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)
enum {
    HOPELESS_AFTER_S = 5, /* failures that may pass are waited for as long */
    WARN_EVERY_S = 10,    /* per proxy: one that comes and goes all the time is not told each time */
    SILENT_AFTER_S = 10,  /* a proxy with any device in range reports several times a second */
    GOODBYE_MS = 2000,
};

/* Waiting does not help: somebody must change a key, a name or an address first. */
static bool is_final(int error)
{
    return error == BLEPROXY_E_REQUIRES_ENCRYPTION || error == BLEPROXY_E_ENCRYPTION_PLAINTEXT ||
           error == BLEPROXY_E_HANDSHAKE || error == BLEPROXY_E_INVALID_KEY ||
           error == BLEPROXY_E_INVALID_AUTH || error == BLEPROXY_E_RESOLVE || error == BLEPROXY_E_BAD_NAME ||
           error == BLEPROXY_E_BAD_MAC_ADDRESS || error == BLEPROXY_E_VERSION || error == BLEPROXY_E_STATE;
}

static void fail(struct scan_proxy *proxy, int error, const char *text)
{
    uint64_t now_ns = bleproxy_loop_now_ns(proxy->scan->loop);
    bool first = proxy->error == 0 && !proxy->was_ready;
    proxy->error = error;
    bleproxy_sanitise(proxy->text, sizeof(proxy->text), text, strlen(text));
    if (first || (proxy->was_ready && now_ns - proxy->warned_ns >= WARN_EVERY_S * NS_PER_S)) {
        proxy->warned_ns = now_ns;
        if (proxy->scan->options.verbosity == 0) /* else the log has it */
            log_warn(proxy->label, "%s", proxy->text);
    }
    if (scan_proxies_are_hopeless(proxy->scan))
        proxy->scan->over = true;
}

static void welcome(struct scan_proxy *proxy)
{
    struct scan *scan = proxy->scan;
    const struct bleproxy_device_info *info = bleproxy_manager_device_info(proxy->manager);
    struct bleproxy_scanner *scanner = bleproxy_manager_scanner(proxy->manager);
    bool first = !proxy->was_ready;
    proxy->was_ready = true;
    proxy->error = 0;
    proxy->heard_ns = bleproxy_loop_now_ns(scan->loop);
    proxy->silent = false;
    if (!info || !scanner)
        return;
    proxy->source = info->source;
    proxy->encrypted = info->encrypted;
    bleproxy_sanitise(proxy->firmware, sizeof(proxy->firmware), info->esphome_version,
                      strlen(info->esphome_version));
    if (!proxy->target->configured && info->name[0])
        bleproxy_sanitise(proxy->label, sizeof(proxy->label), info->name, strlen(info->name));
    if (first && !proxy->encrypted && scan->options.json)
        log_warn(proxy->label, "not encrypted: whoever is in its network can read and forge what it reports");
    if (scan->mode != BLEPROXY_MODE_NONE) {
        int r = bleproxy_scanner_set_mode(scanner, scan->mode);
        if (r < 0 && r != BLEPROXY_E_UNSUPPORTED) /* the log has that */
            log_warn(proxy->label, "the scan mode was not set: %s", bleproxy_strerror(r));
    }
}

static void on_state(void *user, enum bleproxy_proxy_state state, int error, const char *text)
{
    struct scan_proxy *proxy = user;
    if (state == BLEPROXY_PROXY_READY)
        welcome(proxy);
    else if (error < 0)
        fail(proxy, error, text ? text : bleproxy_strerror(error));
}

static int start(struct scan_proxy *proxy)
{
    char holder[LOCK_HOLDER_SIZE], text[256];
    const struct bleproxy_proxy_config *config = &proxy->target->config;
    bleproxy_sanitise(proxy->label, sizeof(proxy->label), config->name, strlen(config->name));
    int r = lock_take(config, "bleproxy scan", &proxy->lock, holder);
    if (r < 0) {
        snprintf(text, sizeof(text), "in use by %s; a proxy has one subscriber at a time", holder);
        proxy->error = r;
        bleproxy_sanitise(proxy->text, sizeof(proxy->text), text, strlen(text));
        log_warn(proxy->label, "%s", proxy->text);
        return CLI_DONE;
    }
    r = bleproxy_manager_new(proxy->scan->hub, config, &proxy->manager);
    if (r < 0) {
        log_error(proxy->label, "%s", r == BLEPROXY_E_INVALID ? "this is no address" : bleproxy_strerror(r));
        return r == BLEPROXY_E_INVALID_KEY ? CLI_USAGE : (int)cli_exit_code(r);
    }
    bleproxy_manager_watch(proxy->manager, on_state, proxy);
    r = bleproxy_manager_start(proxy->manager, NULL, NULL);
    return (int)cli_exit_code(r);
}

int scan_proxies_start(struct scan *scan)
{
    scan->members = calloc(scan->proxies.n_targets, sizeof(*scan->members));
    if (!scan->members)
        return CLI_INTERNAL;
    for (size_t i = 0; i < scan->proxies.n_targets; i++) {
        struct scan_proxy *proxy = &scan->members[scan->n_members++];
        *proxy = (struct scan_proxy){.scan = scan, .target = &scan->proxies.targets[i], .lock = LOCK_NONE};
        int r = start(proxy);
        if (r != CLI_DONE)
            return r;
    }
    scan->over = scan_proxies_are_hopeless(scan);
    return CLI_DONE;
}

/* A proxy says nothing to the program that loses its subscription, or does not get it. */
void scan_proxies_watch(struct scan *scan)
{
    uint64_t now_ns = bleproxy_loop_now_ns(scan->loop);
    for (size_t i = 0; i < scan->n_members; i++) {
        struct scan_proxy *proxy = &scan->members[i];
        if (proxy->silent || !proxy->manager ||
            bleproxy_manager_state(proxy->manager) != BLEPROXY_PROXY_READY || proxy->heard_ns == 0 ||
            now_ns < proxy->heard_ns + SILENT_AFTER_S * NS_PER_S)
            continue;
        proxy->silent = true;
        log_warn(proxy->label,
                 "connected, but silent for %d s: another program may use it, and a proxy has one "
                 "subscriber at a time; if none does, restart it",
                 SILENT_AFTER_S);
    }
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

void scan_proxies_stop(struct scan *scan)
{
    struct goodbye goodbye = {.left = 1};
    struct bleproxy_timer *patience = NULL;
    for (size_t i = 0; i < scan->n_members; i++) {
        struct bleproxy_manager *manager = scan->members[i].manager;
        if (!manager)
            continue;
        goodbye.left++;
        bleproxy_manager_watch(manager, NULL, NULL);
        bleproxy_manager_stop(manager, on_stopped, &goodbye);
    }
    on_stopped(&goodbye, 0);
    if (!goodbye.over &&
        bleproxy_timer_new(scan->loop, GOODBYE_MS, 0, on_patience_ends, &goodbye.over, &patience) == 0)
        run_loop(scan->loop, &goodbye.over);
    bleproxy_timer_free(patience);
    for (size_t i = 0; i < scan->n_members; i++) {
        bleproxy_manager_free(scan->members[i].manager);
        if (scan->members[i].lock != LOCK_NONE)
            close(scan->members[i].lock);
    }
    free(scan->members);
    scan->members = NULL;
    scan->n_members = 0;
}

struct scan_proxy *scan_proxies_find(struct scan *scan, uint64_t source)
{
    for (size_t i = 0; i < scan->n_members; i++)
        if (scan->members[i].source == source)
            return &scan->members[i];
    return NULL;
}

bool scan_proxies_have_worked(const struct scan *scan)
{
    for (size_t i = 0; i < scan->n_members; i++)
        if (scan->members[i].was_ready)
            return true;
    return false;
}

bool scan_proxies_are_hopeless(const struct scan *scan)
{
    bool final = true;
    if (scan->n_members < scan->proxies.n_targets)
        return false; /* still starting */
    for (size_t i = 0; i < scan->n_members; i++) {
        if (scan->members[i].was_ready || scan->members[i].error == 0)
            return false;
        final &= is_final(scan->members[i].error);
    }
    return final || bleproxy_loop_now_ns(scan->loop) - scan->started_ns >= HOPELESS_AFTER_S * NS_PER_S;
}

int scan_proxies_verdict(const struct scan *scan)
{
    int verdict = CLI_DONE;
    if (scan_proxies_have_worked(scan))
        return CLI_DONE;
    for (size_t i = 0; i < scan->n_members; i++) {
        const struct scan_proxy *proxy = &scan->members[i];
        if (proxy->error == 0)
            log_warn(proxy->label, "no answer in time: check its address, and that it is powered");
        int code = proxy->error == 0                  ? CLI_UNREACHABLE
                   : proxy->error == BLEPROXY_E_STATE ? CLI_FAILED
                                                      : (int)cli_exit_code(proxy->error);
        if (verdict == CLI_DONE)
            verdict = code;
    }
    return verdict;
}

const char *scan_proxy_state(const struct scan_proxy *proxy)
{
    if (!proxy->manager)
        return "not used";
    switch (bleproxy_manager_state(proxy->manager)) {
    case BLEPROXY_PROXY_STOPPED:
        return "stopped";
    case BLEPROXY_PROXY_RESOLVING:
        return "resolving";
    case BLEPROXY_PROXY_CONNECTING:
        return "connecting";
    case BLEPROXY_PROXY_HANDSHAKING:
        return "greeting";
    case BLEPROXY_PROXY_READY:
        return proxy->silent ? "silent" : "connected";
    case BLEPROXY_PROXY_WAITING:
        return "waiting";
    case BLEPROXY_PROXY_STOPPING:
        return "stopping";
    }
    return "unknown";
}
