/* SPDX-License-Identifier: MIT */
#include "member.h"

#include "cli.h"
#include "fleet.h"
#include "lock.h"
#include "log.h"

#include <stdio.h>
#include <string.h>

#define NS_PER_S UINT64_C(1000000000)
enum { WARN_EVERY_S = 10 }; /* one that comes and goes all the time is not told each time */

/* A name may lead to another device for a while, an address does not. */
static bool is_named(const struct member *proxy)
{
    const char *host = proxy->target->config.address;
    return !strchr(host, ':') && host[strspn(host, "0123456789.")];
}

bool member_is_final(const struct member *proxy)
{
    int error = proxy->error;
    if (error == BLEPROXY_E_BAD_NAME || error == BLEPROXY_E_BAD_MAC_ADDRESS)
        return !is_named(proxy);
    return error == BLEPROXY_E_REQUIRES_ENCRYPTION || error == BLEPROXY_E_ENCRYPTION_PLAINTEXT ||
           error == BLEPROXY_E_HANDSHAKE || error == BLEPROXY_E_INVALID_KEY ||
           error == BLEPROXY_E_INVALID_AUTH || error == BLEPROXY_E_RESOLVE || error == BLEPROXY_E_VERSION ||
           error == BLEPROXY_E_STATE;
}

static void fail(struct member *proxy, int error, const char *text)
{
    uint64_t now_ns = bleproxy_loop_now_ns(proxy->fleet->loop);
    bool first = proxy->error == 0 && !proxy->was_ready;
    char explained[PROXIES_TEXT_SIZE];
    proxy->error = error;
    text = proxies_explain(proxy->target, error, text, explained);
    bleproxy_sanitise(proxy->text, sizeof(proxy->text), text, strlen(text));
    if (first || (proxy->was_ready && now_ns - proxy->warned_ns >= WARN_EVERY_S * NS_PER_S)) {
        proxy->warned_ns = now_ns;
        if (proxy->fleet->options->verbosity == 0) /* else the log has it */
            log_warn(proxy->label, "%s", proxy->text);
    }
    fleet_tell_plaintext(proxy->fleet, false);
    fleet_check(proxy->fleet);
}

static void welcome(struct member *proxy)
{
    struct fleet *fleet = proxy->fleet;
    const struct bleproxy_device_info *info = bleproxy_manager_device_info(proxy->manager);
    proxy->was_ready = proxy->is_ready = true;
    proxy->error = 0;
    proxy->heard_ns = bleproxy_loop_now_ns(fleet->loop);
    proxy->told_silent = false;
    if (!info)
        return;
    proxy->source = info->source;
    proxy->encrypted = info->encrypted;
    bleproxy_sanitise(proxy->firmware, sizeof(proxy->firmware), info->esphome_version,
                      strlen(info->esphome_version));
    if (!proxy->target->configured && info->name[0])
        bleproxy_sanitise(proxy->label, sizeof(proxy->label), info->name, strlen(info->name));
    fleet_tell_plaintext(fleet, false);
    if (fleet->on_ready)
        fleet->on_ready(fleet->user, proxy);
}

static void lose(struct member *proxy, const char *text)
{
    struct fleet *fleet = proxy->fleet;
    if (!proxy->is_ready)
        return;
    proxy->is_ready = false;
    proxy->lost_ns = bleproxy_loop_now_ns(fleet->loop);
    if (!text || !*text)
        text = "it said goodbye, as before a restart";
    bleproxy_sanitise(proxy->lost_text, sizeof(proxy->lost_text), text, strlen(text));
    if (fleet->on_down)
        fleet->on_down(fleet->user, proxy);
}

static void on_state(void *user, enum bleproxy_proxy_state state, int error, const char *text)
{
    struct member *proxy = user;
    if (state == BLEPROXY_PROXY_READY) {
        welcome(proxy);
        return;
    }
    lose(proxy, text);
    if (error < 0)
        fail(proxy, error, text ? text : bleproxy_strerror(error));
}

/* Of one that it has lost, and of a deaf one, the library tells. */
static void on_hearing(void *user, enum bleproxy_hearing hearing, const char *text)
{
    struct member *proxy = user;
    (void)text;
    if (hearing != BLEPROXY_HEARING_SILENT || proxy->told_silent)
        return;
    proxy->told_silent = true;
    log_warn(proxy->label, "connected, but silent for 10 s: another program may use it, and a proxy has one "
                           "subscriber at a time; if none does, restart it");
}

void member_watch(struct member *proxy)
{
    bleproxy_manager_watch(proxy->manager, on_state, proxy);
    bleproxy_manager_watch_hearing(proxy->manager, on_hearing, proxy);
}

void member_label(struct member *proxy)
{
    const char *name = proxy->target->config.name;
    if (!proxy->label[0] || proxy->target->configured)
        bleproxy_sanitise(proxy->label, sizeof(proxy->label), name, strlen(name));
}

int member_start(struct member *proxy)
{
    char holder[LOCK_HOLDER_SIZE], text[256];
    const struct bleproxy_proxy_config *config = &proxy->target->config;
    member_label(proxy);
    int r = lock_take(config, proxy->fleet->command, &proxy->lock, holder);
    if (r < 0) {
        snprintf(text, sizeof(text), "in use by %s; a proxy has one subscriber at a time", holder);
        proxy->error = r;
        bleproxy_sanitise(proxy->text, sizeof(proxy->text), text, strlen(text));
        log_warn(proxy->label, "%s", proxy->text);
        return CLI_DONE;
    }
    const struct bleproxy_proxy_config own = target_config(proxy->target);
    r = bleproxy_manager_new(proxy->fleet->hub, &own, &proxy->manager);
    if (r < 0) {
        log_error(proxy->label, "%s", r == BLEPROXY_E_INVALID ? "this is no address" : bleproxy_strerror(r));
        return r == BLEPROXY_E_INVALID_KEY ? CLI_USAGE : (int)cli_exit_code(r);
    }
    member_watch(proxy);
    r = bleproxy_manager_start(proxy->manager, NULL, NULL);
    return (int)cli_exit_code(r);
}

struct bleproxy_scanner *member_scanner(const struct member *proxy)
{
    if (proxy->manager)
        return bleproxy_manager_scanner(proxy->manager);
    return proxy->is_ready ? proxy->scanner : NULL;
}

/* ---- In words ---- */

const char *member_state(const struct member *proxy)
{
    if (!proxy->manager)
        return proxy->state[0] ? proxy->state : "not used";
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
        return member_is_silent(proxy) ? member_silence(proxy, NULL) : "connected";
    case BLEPROXY_PROXY_WAITING:
        return "waiting";
    case BLEPROXY_PROXY_STOPPING:
        return "stopping";
    }
    return "unknown";
}

bool member_is_silent(const struct member *proxy)
{
    enum bleproxy_hearing hearing =
        proxy->manager ? bleproxy_manager_hearing(proxy->manager, NULL, NULL) : BLEPROXY_HEARING_UNKNOWN;
    return hearing != BLEPROXY_HEARING_UNKNOWN && hearing != BLEPROXY_HEARING_WELL;
}

const char *member_silence(const struct member *proxy, const char **ret_text)
{
    if (member_is_silent(proxy))
        return bleproxy_hearing_name(bleproxy_manager_hearing(proxy->manager, NULL, ret_text));
    if (ret_text)
        *ret_text = "another program may have taken it over; if none has, restart it";
    return "silent";
}

const char *member_wait(const struct member *proxy, char *text, size_t size)
{
    uint64_t now_ns = bleproxy_loop_now_ns(proxy->fleet->loop);
    uint64_t next_ns = proxy->manager ? bleproxy_manager_next_attempt_ns(proxy->manager) : 0;
    text[0] = '\0';
    if (next_ns > now_ns)
        snprintf(text, size, "; next attempt in %u s", (unsigned)((next_ns - now_ns) / NS_PER_S) + 1);
    else if (next_ns > 0)
        snprintf(text, size, "; next attempt when it is its turn");
    return text;
}

const char *member_reason(const struct member *proxy, const char *text)
{
    size_t n = strlen(proxy->target->config.name);
    bool named = strncmp(text, proxy->target->config.name, n) == 0 && text[n] == ' ';
    return named ? text + n + 1 : text;
}
