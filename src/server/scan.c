/* SPDX-License-Identifier: MIT */
#include "server/device.h"

/* ESPHome's housekeeping tick, on which batches that are not full go out. */
#define SCAN_TICK_NS (100 * NS_PER_MS)

enum { SCAN_FLAG_RAW = 1, SCAN_BATCH_BYTES_MAX = 4096 };

void scan_init(struct scan *scan, const struct env *env, enum bleproxy_scanner_mode mode, uint64_t now_ns)
{
    uint32_t phase;
    env->random(env->user, &phase, sizeof(phase));
    *scan = (struct scan){.flush_ns = BP_NEVER,
                          .last_flush_ns = now_ns,
                          .tick_origin_ns = now_ns + phase % SCAN_TICK_NS,
                          .mode = mode,
                          .configured_mode = mode};
    buffer_init(&scan->batch, env, SCAN_BATCH_BYTES_MAX);
}

void scan_deinit(struct scan *scan)
{
    buffer_deinit(&scan->batch);
}

uint64_t scan_next_tick(const struct scan *scan, uint64_t now_ns)
{
    if (now_ns < scan->tick_origin_ns)
        return scan->tick_origin_ns;
    return now_ns + SCAN_TICK_NS - (now_ns - scan->tick_origin_ns) % SCAN_TICK_NS;
}

static void scan_forget_batch(struct scan *scan)
{
    buffer_consume(&scan->batch, scan->batch.size);
    scan->n_batched = 0;
    scan->flush_ns = BP_NEVER;
}

static void scan_send_state(struct server *server)
{
    const struct scan *scan = &server->scan;
    if (!scan->subscriber || !server->profile->scanner_state)
        return;
    BluetoothScannerStateResponse response = BLUETOOTH_SCANNER_STATE_RESPONSE__INIT;
    response.state = scan->state;
    response.mode = scan->mode;
    if (server->profile->configured_mode)
        response.configured_mode = scan->configured_mode;
    connection_send(scan->subscriber, MESSAGE_SCANNER_STATE_RESPONSE, &response.base);
}

/* Something was done that cures what the given cure does, and all that is easier to cure. */
static void scan_cure(struct server *server, enum server_cure cure)
{
    if (server->scan.deaf && server->scan.cure <= cure)
        server_hear(server);
}

void scan_subscribe(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    struct server *server = connection->server;
    struct scan *scan = &server->scan;
    const struct server_profile *profile = server->profile;
    const SubscribeBluetoothLEAdvertisementsRequest *request = (const void *)message;
    bool raw = profile->raw_only || (!profile->decoded_only && (request->flags & SCAN_FLAG_RAW));
    bool first = scan->subscriber == NULL;
    if (!first && scan->subscriber != connection && !profile->newest_subscriber_wins) {
        env_log(server->identity.env, BLEPROXY_LOG_INFO, "server", server->name,
                "'%s' gets no advertisements: '%s' has the subscription", connection->client,
                scan->subscriber->client);
        return;
    }
    env_log(server->identity.env, BLEPROXY_LOG_INFO, "server", server->name,
            "'%s' subscribes to %s advertisements", connection->client, raw ? "raw" : "decoded");
    scan_forget_batch(scan);
    if (scan->subscriber != connection) {
        scan->subscriber = connection;
        slot_subscriber_changed(server, now_ns);
    }
    scan->raw = raw;
    scan_cure(server, connection->number > scan->deaf_since ? SERVER_CURE_CONNECT : SERVER_CURE_SUBSCRIBE);
    scan_send_state(server);
    if (first)
        server->radio->on_subscribed(server->radio_user, true, now_ns);
}

void scan_leave(struct server *server, struct server_connection *connection, uint64_t now_ns)
{
    struct scan *scan = &server->scan;
    if (scan->subscriber != connection)
        return;
    scan_forget_batch(scan);
    scan->subscriber = NULL;
    slot_subscriber_changed(server, now_ns);
    server->radio->on_subscribed(server->radio_user, false, now_ns);
}

void scan_unsubscribe(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    (void)message;
    scan_leave(connection->server, connection, now_ns);
}

void scan_set_mode(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    struct server *server = connection->server;
    const BluetoothScannerSetModeRequest *request = (const void *)message;
    enum bleproxy_scanner_mode mode =
        request->mode == BLEPROXY_MODE_ACTIVE ? BLEPROXY_MODE_ACTIVE : BLEPROXY_MODE_PASSIVE;
    if (mode == server->scan.mode)
        return;
    server->scan.mode = mode;
    scan_cure(server, SERVER_CURE_MODE);
    server->radio->set_mode(server->radio_user, mode, now_ns);
}

/* The first tick after now that leaves the profile's time between two flushes. */
static uint64_t scan_next_flush(const struct server *server, uint64_t now_ns)
{
    const struct scan *scan = &server->scan;
    uint64_t spacing_ns = server->profile->flush_ns;
    if (spacing_ns == 0)
        return now_ns;
    uint64_t tick_ns = time_min(spacing_ns, SCAN_TICK_NS);
    uint64_t earliest_ns = now_ns + 1;
    if (scan->last_flush_ns + spacing_ns > earliest_ns)
        earliest_ns = scan->last_flush_ns + spacing_ns;
    if (earliest_ns <= scan->tick_origin_ns)
        return scan->tick_origin_ns;
    uint64_t since_ns = earliest_ns - scan->tick_origin_ns;
    return scan->tick_origin_ns + (since_ns + tick_ns - 1) / tick_ns * tick_ns;
}

/* Whether the subscriber's connection takes another message; if not, that message counts as dropped. */
static bool scan_has_room(struct server *server)
{
    if (server_backlog(server) <= SERVER_OUT_MAX)
        return true;
    if (server->scan.dropped++ == 0)
        env_log(server->identity.env, BLEPROXY_LOG_WARNING, "server", server->name,
                "'%s' reads too slowly: advertisements are dropped", server->scan.subscriber->client);
    return false;
}

void scan_flush(struct server *server)
{
    struct scan *scan = &server->scan;
    if (scan->n_batched > 0 && scan_has_room(server))
        connection_send_payload(scan->subscriber, MESSAGE_RAW_ADVERTISEMENTS_RESPONSE,
                                buffer_data(&scan->batch), scan->batch.size);
    scan_forget_batch(scan);
}

void scan_tick(struct server *server, uint64_t now_ns)
{
    struct scan *scan = &server->scan;
    if (now_ns < scan->flush_ns)
        return;
    scan->last_flush_ns = scan->flush_ns;
    scan_flush(server);
}

static void scan_report(struct server *server, const struct batch_advert *advert, uint64_t now_ns)
{
    struct scan *scan = &server->scan;
    if (!scan->subscriber || scan->deaf || advert->size > SERVER_ADVERT_MAX)
        return;
    if (!scan->raw) {
        if (scan_has_room(server))
            decode_send(scan->subscriber, advert);
        return;
    }
    if (batch_append(&scan->batch, advert) < 0) {
        scan->dropped++;
        return;
    }
    if (++scan->n_batched == SERVER_BATCH_MAX)
        scan_flush(server);
    else if (scan->n_batched == 1)
        scan->flush_ns = scan_next_flush(server, now_ns);
}

void server_report(struct server *server, const struct batch_advert *advert, uint64_t now_ns)
{
    server_enter(server);
    scan_report(server, advert, now_ns);
    server_leave(server);
}

void server_report_batch(struct server *server, const uint8_t *payload, size_t size, uint64_t now_ns)
{
    struct scan *scan = &server->scan;
    if (!scan->subscriber || scan->deaf)
        return;
    server_enter(server);
    scan_flush(server);
    if (scan->raw) {
        if (scan_has_room(server))
            connection_send_payload(scan->subscriber, MESSAGE_RAW_ADVERTISEMENTS_RESPONSE, payload, size);
    } else {
        struct batch batch;
        struct batch_advert advert;
        batch_init(&batch, payload, size);
        while (batch_next(&batch, &advert) == 1)
            scan_report(server, &advert, now_ns);
    }
    server_leave(server);
}

void server_go_deaf(struct server *server, enum server_cure cure)
{
    env_log(server->identity.env, BLEPROXY_LOG_INFO, "server", server->name, "it goes deaf");
    server->scan.deaf = true;
    server->scan.cure = cure;
    server->scan.deaf_since = server->n_accepted;
}

void server_hear(struct server *server)
{
    if (server->scan.deaf)
        env_log(server->identity.env, BLEPROXY_LOG_INFO, "server", server->name, "it hears again");
    server->scan.deaf = false;
}

bool server_is_deaf(const struct server *server)
{
    return server->scan.deaf;
}

void server_scanner_state(struct server *server, enum bleproxy_scanner_state state, uint64_t now_ns)
{
    (void)now_ns;
    if (server->scan.state == state)
        return;
    server_enter(server);
    server->scan.state = state;
    scan_send_state(server);
    server_leave(server);
}

enum bleproxy_scanner_mode server_scanner_mode(const struct server *server)
{
    return server->scan.mode;
}

bool server_is_subscribed(const struct server *server)
{
    return server->scan.subscriber != NULL;
}

bool server_connection_subscribes(const struct server_connection *connection)
{
    return connection->server->scan.subscriber == connection;
}

size_t server_backlog(const struct server *server)
{
    return server->scan.subscriber ? server->scan.subscriber->framing.out.size : 0;
}

uint64_t server_dropped(const struct server *server)
{
    return server->scan.dropped;
}
