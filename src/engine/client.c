/* SPDX-License-Identifier: MIT */
#include <bleproxy/client.h>

#include "engine/scanner.h"
#include "hub/wiring.h"
#include <bleproxy/key.h>
#include <sodium.h>
#include <stdlib.h>

/* A proxy object that is stopped at its first failure or loss. */
struct bleproxy_client {
    struct carrier carrier;
    bool started, ended;
    bool to_begin; /* at the next tick: a failure is never told from within connect */
    bleproxy_client_fn *on_connected, *on_disconnected;
    void *user;
    struct bleproxy_scanner *scanner;
};

static uint64_t client_deadline(void *user)
{
    const struct bleproxy_client *client = user;
    return client->to_begin ? 0 : proxy_deadline(client->carrier.proxy);
}

static void client_tick(void *user, uint64_t now_ns)
{
    struct bleproxy_client *client = user;
    carrier_enter(&client->carrier);
    if (client->to_begin) {
        client->to_begin = false;
        proxy_start(client->carrier.proxy, now_ns);
    } else {
        proxy_tick(client->carrier.proxy, now_ns);
    }
    carrier_leave(&client->carrier);
}

/* The user of the proxy's ops is the carrier. */
static struct bleproxy_client *client_of(void *user)
{
    const struct carrier *carrier = user;
    return carrier->owner;
}

static void client_ready(void *user, uint64_t now_ns)
{
    (void)now_ns;
    struct bleproxy_client *client = client_of(user);
    client->on_connected(client->user, 0, NULL);
}

/* The end, told once; the callback may free the client. */
static void client_end(struct bleproxy_client *client, bleproxy_client_fn *on_end,
                       const struct session_end *end, uint64_t now_ns)
{
    if (client->ended)
        return;
    client->ended = true;
    if (client->scanner)
        engine_scanner_detach(client->scanner);
    client->scanner = NULL;
    proxy_stop(client->carrier.proxy, now_ns);
    if (on_end)
        on_end(client->user, end->error, end->text);
}

static void client_down(void *user, const struct session_end *end, uint64_t now_ns)
{
    struct bleproxy_client *client = client_of(user);
    client_end(client, client->on_disconnected, end, now_ns);
}

static void client_failed(void *user, const struct session_end *why, uint64_t now_ns)
{
    struct bleproxy_client *client = client_of(user);
    client_end(client, client->on_connected, why, now_ns);
}

static void client_stopped(void *user, uint64_t now_ns)
{
    (void)user, (void)now_ns;
}

static const struct proxy_ops client_ops = {
    .resolve = carrier_resolve,
    .cancel_resolve = carrier_cancel_resolve,
    .open = carrier_open,
    .close = carrier_close,
    .on_ready = client_ready,
    .on_down = client_down,
    .on_failed = client_failed,
    .on_stopped = client_stopped,
    .on_pending = carrier_pending,
    .on_turn = carrier_turn,
    .get_time = carrier_get_time,
};

static void client_release(void *user)
{
    free(user);
}

int bleproxy_client_new(struct bleproxy_loop *loop, const struct bleproxy_proxy_config *config,
                        struct bleproxy_client **ret_client)
{
    uint8_t psk[32];
    struct proxy_config proxy_config;
    struct bleproxy_client *client = calloc(1, sizeof(*client));
    if (!client)
        return BLEPROXY_E_NOMEM;
    int r = carrier_proxy_config(loop, config, psk, &proxy_config);
    struct proxy *proxy = NULL;
    if (r == 0)
        r = proxy_new(&proxy_config, &client_ops, &client->carrier, &proxy);
    sodium_memzero(psk, sizeof(psk));
    if (r == 0)
        r = carrier_init(&client->carrier, loop, client_deadline, client_tick, client_release, client);
    if (r < 0) {
        proxy_free(proxy);
        free(client);
        return r;
    }
    client->carrier.proxy = proxy;
    *ret_client = client;
    return 0;
}

void bleproxy_client_free(struct bleproxy_client *client)
{
    if (!client || client->carrier.released)
        return;
    carrier_enter(&client->carrier);
    carrier_release(&client->carrier);
    client->ended = true;
    if (client->scanner)
        engine_scanner_detach(client->scanner);
    client->scanner = NULL;
    proxy_free(client->carrier.proxy);
    carrier_leave(&client->carrier);
}

int bleproxy_client_connect(struct bleproxy_client *client, bleproxy_client_fn *on_connected,
                            bleproxy_client_fn *on_disconnected, void *user)
{
    if (!on_connected)
        return BLEPROXY_E_INVALID;
    if (client->started)
        return BLEPROXY_E_STATE;
    client->started = true;
    client->on_connected = on_connected;
    client->on_disconnected = on_disconnected;
    client->user = user;
    carrier_enter(&client->carrier);
    client->to_begin = true;
    carrier_leave(&client->carrier);
    return 0;
}

int bleproxy_client_disconnect(struct bleproxy_client *client)
{
    if (!proxy_session(client->carrier.proxy))
        return BLEPROXY_E_NOT_CONNECTED;
    carrier_enter(&client->carrier);
    proxy_stop(client->carrier.proxy, loop_now());
    carrier_leave(&client->carrier);
    return 0;
}

/* A request's callback in public terms. */
struct client_waiter {
    union {
        bleproxy_device_info_fn *on_info;
        bleproxy_ping_fn *on_pong;
        bleproxy_slots_fn *on_slots;
        bleproxy_key_fn *on_set;
    };
    const char *key; /* borrowed until the request is made */
    void *user;
    uint64_t sent_ns;
};

static void client_info_done(void *user, int error, const struct bleproxy_device_info *info, uint64_t now_ns)
{
    (void)now_ns;
    struct client_waiter waiter = *(struct client_waiter *)user;
    free(user);
    waiter.on_info(waiter.user, error, info);
}

static void client_ping_done(void *user, int error, const ProtobufCMessage *reply, uint64_t now_ns)
{
    (void)reply;
    struct client_waiter waiter = *(struct client_waiter *)user;
    free(user);
    waiter.on_pong(waiter.user, error, error ? 0 : now_ns - waiter.sent_ns);
}

static void client_slots_done(void *user, int error, const ProtobufCMessage *reply, uint64_t now_ns)
{
    (void)now_ns;
    struct client_waiter waiter = *(struct client_waiter *)user;
    free(user);
    const BluetoothConnectionsFreeResponse *free_response = (const void *)reply;
    struct bleproxy_slots slots = {0};
    if (error == 0)
        slots = (struct bleproxy_slots){.free = free_response->free,
                                        .limit = free_response->limit,
                                        .allocated = free_response->allocated,
                                        .n_allocated = free_response->n_allocated};
    waiter.on_slots(waiter.user, error, error ? NULL : &slots);
}

/* Makes request with a waiter of its own; 0, or why it could not be made. */
static int client_request(struct bleproxy_client *client, const struct client_waiter *waiter,
                          int (*request)(struct session *session, struct client_waiter *waiter,
                                         uint64_t now_ns))
{
    struct session *session = proxy_session(client->carrier.proxy);
    if (!session)
        return BLEPROXY_E_NOT_CONNECTED;
    struct client_waiter *copy = malloc(sizeof(*copy));
    if (!copy)
        return BLEPROXY_E_NOMEM;
    *copy = *waiter;
    copy->sent_ns = loop_now();
    carrier_enter(&client->carrier);
    int r = request(session, copy, copy->sent_ns);
    if (r < 0)
        free(copy);
    carrier_leave(&client->carrier);
    return r;
}

static int client_request_info(struct session *session, struct client_waiter *waiter, uint64_t now_ns)
{
    return session_get_device_info(session, client_info_done, waiter, now_ns);
}

int bleproxy_client_device_info(struct bleproxy_client *client, bleproxy_device_info_fn *on_info, void *user)
{
    return client_request(client, &(struct client_waiter){.on_info = on_info, .user = user},
                          client_request_info);
}

static int client_request_ping(struct session *session, struct client_waiter *waiter, uint64_t now_ns)
{
    return session_ping(session, client_ping_done, waiter, now_ns);
}

int bleproxy_client_ping(struct bleproxy_client *client, bleproxy_ping_fn *on_pong, void *user)
{
    return client_request(client, &(struct client_waiter){.on_pong = on_pong, .user = user},
                          client_request_ping);
}

static int client_request_slots(struct session *session, struct client_waiter *waiter, uint64_t now_ns)
{
    SubscribeBluetoothConnectionsFreeRequest request = SUBSCRIBE_BLUETOOTH_CONNECTIONS_FREE_REQUEST__INIT;
    return session_request(session, MESSAGE_SUBSCRIBE_CONNECTIONS_FREE_REQUEST, &request.base,
                           MESSAGE_CONNECTIONS_FREE_RESPONSE, session_timeouts_default.request_ns,
                           client_slots_done, waiter, now_ns, NULL);
}

int bleproxy_client_slots(struct bleproxy_client *client, bleproxy_slots_fn *on_slots, void *user)
{
    return client_request(client, &(struct client_waiter){.on_slots = on_slots, .user = user},
                          client_request_slots);
}

static void client_key_done(void *user, int error, const ProtobufCMessage *reply, uint64_t now_ns)
{
    (void)now_ns;
    struct client_waiter waiter = *(struct client_waiter *)user;
    free(user);
    if (error == 0 && !((const NoiseEncryptionSetKeyResponse *)reply)->success)
        error = BLEPROXY_E_REFUSED;
    waiter.on_set(waiter.user, error);
}

static int client_request_key(struct session *session, struct client_waiter *waiter, uint64_t now_ns)
{
    const char *key = waiter->key;
    waiter->key = NULL;
    return session_set_key(session, key, client_key_done, waiter, now_ns);
}

int bleproxy_client_set_key(struct bleproxy_client *client, const char *key, bleproxy_key_fn *on_set,
                            void *user)
{
    int r = bleproxy_key_check(key);
    if (r < 0)
        return r;
    return client_request(client, &(struct client_waiter){.on_set = on_set, .key = key, .user = user},
                          client_request_key);
}

int bleproxy_connect_scanner(struct bleproxy_client *client, const struct bleproxy_device_info *info,
                             bool available, struct bleproxy_scanner **ret_scanner)
{
    struct scanner *core;
    struct session *session = proxy_session(client->carrier.proxy);
    if (!session)
        return BLEPROXY_E_NOT_CONNECTED;
    if (client->scanner)
        return BLEPROXY_E_STATE;
    carrier_enter(&client->carrier);
    int r = wiring_connect_scanner(session, &client->carrier.loop->env, info,
                                   proxy_name(client->carrier.proxy, info->name),
                                   available ? WIRING_TO_USE : WIRING_UNAVAILABLE, NULL, loop_now(), &core);
    if (r == 0) {
        r = engine_scanner_new(client->carrier.loop, &client->carrier, core, &client->scanner);
        if (r == 0) {
            *ret_scanner = client->scanner;
        } else {
            wiring_detach(session, core);
            scanner_free(core);
        }
    }
    carrier_leave(&client->carrier);
    return r;
}
