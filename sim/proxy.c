/* SPDX-License-Identifier: MIT */
#include "sim/proxy.h"

#include "noise/cipher.h"
#include "sim/dice.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <string.h>

/* A scanner that changes its mode passes through these, with so much time between them. */
#define SCANNER_STEP_NS (40 * NS_PER_MS)

/* For clients to go before it does. */
#define LEAVE_NS (500 * NS_PER_MS)
/* After a start that failed. */
#define BOOT_AGAIN_NS NS_PER_S

enum { FLOOD_BACKLOG = SERVER_OUT_MAX - 4096 };

static void proxy_on_subscribed(void *user, bool subscribed, uint64_t now_ns)
{
    struct sim_proxy *proxy = user;
    ear_listen(proxy->ear, subscribed, now_ns);
}

static void proxy_set_state(struct sim_proxy *proxy, enum bleproxy_scanner_state state, uint64_t now_ns)
{
    proxy->scanner_state = state;
    bool rests = state == BLEPROXY_SCANNER_RUNNING || (state == BLEPROXY_SCANNER_STOPPED && proxy->paused);
    proxy->scanner_ns = rests ? BP_NEVER : now_ns + SCANNER_STEP_NS;
    server_scanner_state(proxy->server, state, now_ns);
}

static void proxy_set_mode(void *user, enum bleproxy_scanner_mode mode, uint64_t now_ns)
{
    struct sim_proxy *proxy = user;
    ear_set_active(proxy->ear, mode == BLEPROXY_MODE_ACTIVE);
    proxy_set_state(proxy, BLEPROXY_SCANNER_STOPPING, now_ns);
}

/* There is one radio for scanning and for opening links. */
static void proxy_on_opening(void *user, bool opening, uint64_t now_ns)
{
    struct sim_proxy *proxy = user;
    if (proxy->paused == opening)
        return;
    proxy->paused = opening;
    if (!opening && proxy->scanner_state == BLEPROXY_SCANNER_STOPPED)
        proxy_set_state(proxy, BLEPROXY_SCANNER_STARTING, now_ns);
    else if (opening && proxy->scanner_state == BLEPROXY_SCANNER_RUNNING)
        proxy_set_state(proxy, BLEPROXY_SCANNER_STOPPING, now_ns);
}

static int proxy_store_key(void *user, const uint8_t *psk);
static void proxy_on_reboot(void *user, uint64_t now_ns);

static const struct server_radio_ops radio_ops = {.on_subscribed = proxy_on_subscribed,
                                                  .set_mode = proxy_set_mode,
                                                  .links = &gatt_radio_ops,
                                                  .store_key = proxy_store_key,
                                                  .reboot = proxy_on_reboot};

static void proxy_on_report(void *user, const struct batch_advert *advert, uint64_t now_ns)
{
    struct sim_proxy *proxy = user;
    if (proxy->scanner_state == BLEPROXY_SCANNER_RUNNING)
        server_report(proxy->server, advert, now_ns);
}

uint64_t sim_proxy_mac_address(const char *name, uint64_t seed)
{
    uint64_t hash = seed;
    for (; *name; name++)
        hash = dice_mix(hash, (uint8_t)*name);
    /* Locally administered. The Bluetooth address is two above, which must not carry. */
    return UINT64_C(0x02) << 40 | (hash & UINT64_C(0xfffffffffc));
}

/* ---- Power ---- */

static void proxy_plan(struct sim_proxy *proxy, uint64_t now_ns)
{
    const struct sim_proxy_config *config = &proxy->config;
    proxy->boot_ns = proxy->off_ns = BP_NEVER;
    proxy->sleep_ns = config->asleep_ns ? time_after(now_ns, config->awake_ns) : BP_NEVER;
    proxy->deaf_ns = config->deaf_every_ns ? time_after(now_ns, config->deaf_every_ns) : BP_NEVER;
}

int sim_proxy_power_on(struct sim_proxy *proxy, uint64_t now_ns)
{
    const struct sim_proxy_config *config = &proxy->config;
    uint64_t mac_address = sim_proxy_mac_address(config->name, config->seed);
    const struct server_config server_config = {
        .env = proxy->env,
        .profile = &proxy->profile,
        .psk = proxy->has_key ? proxy->psk : NULL,
        .provisionable = config->provisionable,
        .aead = &aead_sodium,
        .name = config->name,
        .friendly_name = config->name,
        .model = "Virtual proxy",
        .manufacturer = "bleproxy",
        .mac_address = mac_address,
        .bluetooth_mac_address = mac_address + 2,
        .password = config->password,
        .scanner_mode = BLEPROXY_MODE_ACTIVE,
        .reboot_timeout_ns = config->reboot_timeout_ns,
        .deep_sleep = config->asleep_ns > 0,
        .slots = config->slots,
    };
    if (proxy->server)
        return 0;
    int r = ear_new(proxy->radio, mac_address, proxy_on_report, proxy, &proxy->ear);
    if (r == 0)
        r = server_new(&server_config, &radio_ops, proxy, now_ns, &proxy->server);
    if (r < 0) {
        ear_free(proxy->ear);
        proxy->ear = NULL;
        proxy->boot_ns = time_after(now_ns, BOOT_AGAIN_NS);
        return r;
    }
    proxy->gatt.server = proxy->server;
    proxy->gatt.ear = proxy->ear;
    proxy->paused = false;
    proxy_plan(proxy, now_ns);
    proxy_set_state(proxy, BLEPROXY_SCANNER_RUNNING, now_ns);
    if (proxy->broken)
        server_go_deaf(proxy->server, SERVER_CURE_NONE);
    if (proxy->robbed)
        sim_proxy_rob(proxy, now_ns);
    return 0;
}

/* What it has in memory. */
static void proxy_lose(struct sim_proxy *proxy)
{
    server_free(proxy->server);
    gatt_radio_deinit(&proxy->gatt);
    ear_free(proxy->ear);
    thief_forget(&proxy->thief);
    proxy->server = NULL;
    proxy->ear = NULL;
    proxy->gatt.server = NULL;
    proxy->gatt.ear = NULL;
    proxy->scanner_ns = BP_NEVER;
}

void sim_proxy_power_off(struct sim_proxy *proxy, uint64_t duration_ns, uint64_t now_ns)
{
    bool was_on = proxy->server != NULL;
    if (was_on && proxy->config.on_power)
        proxy->config.on_power(proxy->config.user, false, now_ns);
    proxy_lose(proxy);
    proxy->off_ns = proxy->sleep_ns = proxy->deaf_ns = BP_NEVER;
    proxy->boot_ns = time_after(now_ns, duration_ns);
}

void sim_proxy_reboot(struct sim_proxy *proxy, uint64_t duration_ns, uint64_t now_ns)
{
    if (!proxy->server) {
        sim_proxy_power_off(proxy, duration_ns, now_ns);
        return;
    }
    proxy->down_ns = duration_ns;
    proxy->off_ns = time_after(now_ns, LEAVE_NS);
    server_shutdown(proxy->server, now_ns);
}

/* Nobody came for long: there is nobody to take leave of. */
static void proxy_on_reboot(void *user, uint64_t now_ns)
{
    sim_proxy_power_off(user, SIM_BOOT_S * NS_PER_S, now_ns);
}

static int proxy_store_key(void *user, const uint8_t *psk)
{
    struct sim_proxy *proxy = user;
    const struct sim_proxy_config *config = &proxy->config;
    int r = config->store_key ? config->store_key(config->user, psk) : 0;
    if (r < 0)
        return r;
    proxy->has_key = psk != NULL;
    if (psk)
        memcpy(proxy->psk, psk, sizeof(proxy->psk));
    return 0;
}

int sim_proxy_init(struct sim_proxy *proxy, const struct sim_proxy_config *config, struct radio *radio,
                   const struct env *env, uint64_t now_ns)
{
    *proxy = (struct sim_proxy){.config = *config,
                                .profile = *config->profile,
                                .env = env,
                                .radio = radio,
                                .has_key = config->psk != NULL};
    snprintf(proxy->name, sizeof(proxy->name), "%s", config->name);
    proxy->config.name = proxy->name;
    proxy->config.profile = &proxy->profile;
    proxy->config.psk = NULL;
    if (config->psk)
        memcpy(proxy->psk, config->psk, sizeof(proxy->psk));
    if (config->flush_ns != BP_NEVER)
        proxy->profile.flush_ns = config->flush_ns;
    if (config->clients)
        proxy->profile.max_clients = config->clients;
    thief_forget(&proxy->thief);
    gatt_radio_init(&proxy->gatt);
    proxy->gatt.env = env;
    proxy->gatt.faults = config->faults;
    proxy->gatt.latency_ms = config->latency_ms;
    proxy->gatt.dice = dice_mix(config->seed, ~sim_proxy_mac_address(config->name, config->seed));
    proxy->gatt.on_opening = proxy_on_opening;
    proxy->gatt.user = proxy;
    int r = strlen(config->name) > SERVER_NAME_MAX ? BLEPROXY_E_INVALID : sim_proxy_power_on(proxy, now_ns);
    if (r < 0)
        sim_proxy_deinit(proxy);
    return r;
}

void sim_proxy_deinit(struct sim_proxy *proxy)
{
    if (proxy->env)
        proxy_lose(proxy);
    explicit_bzero(proxy->psk, sizeof(proxy->psk));
}

/* ---- What befalls it ---- */

void sim_proxy_go_deaf(struct sim_proxy *proxy, enum server_cure cure)
{
    if (!proxy->server)
        return;
    proxy->broken = cure == SERVER_CURE_NONE;
    server_go_deaf(proxy->server, cure);
}

void sim_proxy_hear(struct sim_proxy *proxy)
{
    proxy->broken = false;
    if (proxy->server)
        server_hear(proxy->server);
}

int sim_proxy_rob(struct sim_proxy *proxy, uint64_t now_ns)
{
    proxy->robbed = true;
    if (!proxy->server)
        return BLEPROXY_E_STATE;
    thief_stop(&proxy->thief, now_ns);
    return thief_start(&proxy->thief, proxy->env, proxy->server, &proxy->profile, proxy->config.password,
                       now_ns);
}

void sim_proxy_unrob(struct sim_proxy *proxy, uint64_t now_ns)
{
    proxy->robbed = false;
    thief_stop(&proxy->thief, now_ns);
}

/* ---- Time ---- */

uint64_t sim_proxy_deadline(const struct sim_proxy *proxy)
{
    if (!proxy->server)
        return proxy->boot_ns;
    uint64_t deadline_ns = time_min(proxy->scanner_ns, gatt_radio_deadline(&proxy->gatt));
    deadline_ns = time_min(deadline_ns, time_min(proxy->off_ns, proxy->sleep_ns));
    deadline_ns = time_min(deadline_ns, time_min(proxy->deaf_ns, thief_deadline(&proxy->thief)));
    return time_min(deadline_ns, server_deadline(proxy->server));
}

static void proxy_step_scanner(struct sim_proxy *proxy, uint64_t now_ns)
{
    switch (proxy->scanner_state) {
    case BLEPROXY_SCANNER_STOPPING:
        proxy_set_state(proxy, BLEPROXY_SCANNER_STOPPED, now_ns);
        break;
    case BLEPROXY_SCANNER_STOPPED:
    case BLEPROXY_SCANNER_IDLE:
    case BLEPROXY_SCANNER_FAILED:
    case BLEPROXY_SCANNER_UNKNOWN:
        proxy_set_state(proxy, BLEPROXY_SCANNER_STARTING, now_ns);
        break;
    case BLEPROXY_SCANNER_STARTING:
        proxy_set_state(proxy, proxy->paused ? BLEPROXY_SCANNER_STOPPING : BLEPROXY_SCANNER_RUNNING, now_ns);
        break;
    case BLEPROXY_SCANNER_RUNNING:
        break;
    }
}

/* It is awake no longer, and it takes leave first. */
static void proxy_fall_asleep(struct sim_proxy *proxy, uint64_t now_ns)
{
    proxy->sleep_ns = BP_NEVER;
    sim_proxy_reboot(proxy, proxy->config.asleep_ns, now_ns);
}

static void proxy_go_deaf_again(struct sim_proxy *proxy, uint64_t now_ns)
{
    proxy->deaf_ns = time_after(now_ns, proxy->config.deaf_every_ns);
    if (!server_is_deaf(proxy->server))
        sim_proxy_go_deaf(proxy, proxy->config.cure);
}

static void proxy_boot(struct sim_proxy *proxy, uint64_t now_ns)
{
    if (sim_proxy_power_on(proxy, now_ns) == 0 && proxy->config.on_power)
        proxy->config.on_power(proxy->config.user, true, now_ns);
}

void sim_proxy_tick(struct sim_proxy *proxy, uint64_t now_ns)
{
    if (proxy->server && now_ns >= proxy->off_ns)
        sim_proxy_power_off(proxy, proxy->down_ns, now_ns);
    if (!proxy->server && now_ns >= proxy->boot_ns)
        proxy_boot(proxy, now_ns);
    if (!proxy->server)
        return;
    if (now_ns >= proxy->sleep_ns)
        proxy_fall_asleep(proxy, now_ns);
    if (now_ns >= proxy->deaf_ns)
        proxy_go_deaf_again(proxy, now_ns);
    if (now_ns >= proxy->scanner_ns)
        proxy_step_scanner(proxy, now_ns);
    thief_tick(&proxy->thief, now_ns);
    gatt_radio_tick(&proxy->gatt, now_ns);
    server_tick(proxy->server, now_ns);
}

bool sim_proxy_wants_flood(const struct sim_proxy *proxy)
{
    return proxy->server && server_is_subscribed(proxy->server) && !server_is_deaf(proxy->server);
}

bool sim_proxy_flood(struct sim_proxy *proxy, uint64_t now_ns)
{
    while (sim_proxy_wants_flood(proxy) && server_backlog(proxy->server) < FLOOD_BACKLOG) {
        size_t size;
        const uint8_t *payload = ear_burst(proxy->ear, &size);
        if (!payload)
            break;
        server_report_batch(proxy->server, payload, size, now_ns);
    }
    return sim_proxy_wants_flood(proxy);
}
