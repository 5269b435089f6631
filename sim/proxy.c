/* SPDX-License-Identifier: MIT */
#include "sim/proxy.h"

#include "noise/cipher.h"
#include "sim/dice.h"

/* A scanner that changes its mode passes through these, with so much time between them. */
#define SCANNER_STEP_NS (40 * NS_PER_MS)

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

static const struct server_radio_ops radio_ops = {
    .on_subscribed = proxy_on_subscribed, .set_mode = proxy_set_mode, .links = &gatt_radio_ops};

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

int sim_proxy_init(struct sim_proxy *proxy, const struct sim_proxy_config *config, struct radio *radio,
                   const struct env *env, uint64_t now_ns)
{
    *proxy = (struct sim_proxy){.profile = *config->profile, .env = env, .scanner_ns = BP_NEVER};
    gatt_radio_init(&proxy->gatt);
    if (config->flush_ns != BP_NEVER)
        proxy->profile.flush_ns = config->flush_ns;
    uint64_t mac_address = sim_proxy_mac_address(config->name, config->seed);
    const struct server_config server_config = {
        .env = env,
        .profile = &proxy->profile,
        .psk = config->psk,
        .aead = &aead_sodium,
        .name = config->name,
        .friendly_name = config->name,
        .model = "Virtual proxy",
        .manufacturer = "bleproxy",
        .mac_address = mac_address,
        .bluetooth_mac_address = mac_address + 2,
        .password = config->password,
        .scanner_mode = BLEPROXY_MODE_ACTIVE,
        .slots = config->slots,
    };
    int r = ear_new(radio, mac_address, proxy_on_report, proxy, &proxy->ear);
    if (r == 0)
        r = server_new(&server_config, &radio_ops, proxy, now_ns, &proxy->server);
    if (r < 0) {
        sim_proxy_deinit(proxy);
        return r;
    }
    proxy->gatt.env = env;
    proxy->gatt.server = proxy->server;
    proxy->gatt.ear = proxy->ear;
    proxy->gatt.faults = config->faults;
    proxy->gatt.latency_ms = config->latency_ms;
    proxy->gatt.dice = dice_mix(config->seed, ~mac_address);
    proxy->gatt.on_opening = proxy_on_opening;
    proxy->gatt.user = proxy;
    proxy_set_state(proxy, BLEPROXY_SCANNER_RUNNING, now_ns);
    return 0;
}

void sim_proxy_deinit(struct sim_proxy *proxy)
{
    server_free(proxy->server);
    gatt_radio_deinit(&proxy->gatt);
    ear_free(proxy->ear);
    proxy->server = NULL;
    proxy->ear = NULL;
}

uint64_t sim_proxy_deadline(const struct sim_proxy *proxy)
{
    return time_min(time_min(proxy->scanner_ns, gatt_radio_deadline(&proxy->gatt)),
                    server_deadline(proxy->server));
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

void sim_proxy_tick(struct sim_proxy *proxy, uint64_t now_ns)
{
    if (now_ns >= proxy->scanner_ns)
        proxy_step_scanner(proxy, now_ns);
    gatt_radio_tick(&proxy->gatt, now_ns);
    server_tick(proxy->server, now_ns);
}

bool sim_proxy_wants_flood(const struct sim_proxy *proxy)
{
    return server_is_subscribed(proxy->server) && !server_is_deaf(proxy->server);
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
