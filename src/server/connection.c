/* SPDX-License-Identifier: MIT */
#include "server/device.h"

#include <bleproxy/error.h>

/* Room for answers behind a backlog of advertisements; a client that lets even this fill up is dropped. */
enum { CONNECTION_OUT_MAX = 2 * SERVER_OUT_MAX };

static void handle_disconnect(struct server_connection *connection, const ProtobufCMessage *message,
                              uint64_t now_ns)
{
    (void)message;
    (void)now_ns;
    DisconnectResponse response = DISCONNECT_RESPONSE__INIT;
    connection_send(connection, MESSAGE_DISCONNECT_RESPONSE, &response.base);
    connection_close(connection, "the client said goodbye");
}

static void handle_disconnected(struct server_connection *connection, const ProtobufCMessage *message,
                                uint64_t now_ns)
{
    (void)message;
    (void)now_ns;
    connection_close(connection, "the client disconnected as asked");
}

static void handle_ping(struct server_connection *connection, const ProtobufCMessage *message,
                        uint64_t now_ns)
{
    (void)message;
    (void)now_ns;
    PingResponse response = PING_RESPONSE__INIT;
    connection_send(connection, MESSAGE_PING_RESPONSE, &response.base);
}

/* Needs no answer; that it came is all it says. */
static void handle_quietly(struct server_connection *connection, const ProtobufCMessage *message,
                           uint64_t now_ns)
{
    (void)connection;
    (void)message;
    (void)now_ns;
}

enum access { ACCESS_AUTHENTICATED, ACCESS_HELLO, ACCESS_ALWAYS };

/* What clients may ask, from when on in a connection, and the API minor of the first firmware generation that
 * knows it; for older ones it is an unknown message. */
static const struct request {
    request_fn *handle;
    enum access access;
    uint32_t since_minor;
} requests[MESSAGE_TYPE_LAST + 1] = {
    [MESSAGE_HELLO_REQUEST] = {info_hello, ACCESS_ALWAYS, 0},
    [MESSAGE_AUTHENTICATION_REQUEST] = {info_authenticate, ACCESS_HELLO, 0},
    [MESSAGE_DISCONNECT_REQUEST] = {handle_disconnect, ACCESS_ALWAYS, 0},
    [MESSAGE_DISCONNECT_RESPONSE] = {handle_disconnected, ACCESS_AUTHENTICATED, 0},
    [MESSAGE_PING_REQUEST] = {handle_ping, ACCESS_ALWAYS, 0},
    [MESSAGE_PING_RESPONSE] = {handle_quietly, ACCESS_AUTHENTICATED, 0},
    [MESSAGE_DEVICE_INFO_REQUEST] = {info_device, ACCESS_HELLO, 0},
    [MESSAGE_LIST_ENTITIES_REQUEST] = {info_list_entities, ACCESS_AUTHENTICATED, 0},
    [MESSAGE_SUBSCRIBE_STATES_REQUEST] = {handle_quietly, ACCESS_AUTHENTICATED, 0},
    [MESSAGE_SUBSCRIBE_LOGS_REQUEST] = {handle_quietly, ACCESS_AUTHENTICATED, 0},
    [MESSAGE_SUBSCRIBE_HOMEASSISTANT_SERVICES_REQUEST] = {handle_quietly, ACCESS_AUTHENTICATED, 0},
    [MESSAGE_GET_TIME_RESPONSE] = {handle_quietly, ACCESS_AUTHENTICATED, 0},
    [MESSAGE_SUBSCRIBE_HOMEASSISTANT_STATES_REQUEST] = {info_time, ACCESS_AUTHENTICATED, 0},
    [MESSAGE_SUBSCRIBE_ADVERTISEMENTS_REQUEST] = {scan_subscribe, ACCESS_AUTHENTICATED, 0},
    [MESSAGE_DEVICE_REQUEST] = {gatt_device, ACCESS_AUTHENTICATED, 7},
    [MESSAGE_GATT_GET_SERVICES_REQUEST] = {gatt_get_services, ACCESS_AUTHENTICATED, 7},
    [MESSAGE_GATT_READ_REQUEST] = {gatt_read, ACCESS_AUTHENTICATED, 7},
    [MESSAGE_GATT_WRITE_REQUEST] = {gatt_write, ACCESS_AUTHENTICATED, 7},
    [MESSAGE_GATT_READ_DESCRIPTOR_REQUEST] = {gatt_read_descriptor, ACCESS_AUTHENTICATED, 7},
    [MESSAGE_GATT_WRITE_DESCRIPTOR_REQUEST] = {gatt_write_descriptor, ACCESS_AUTHENTICATED, 7},
    [MESSAGE_GATT_NOTIFY_REQUEST] = {gatt_notify, ACCESS_AUTHENTICATED, 7},
    [MESSAGE_SUBSCRIBE_CONNECTIONS_FREE_REQUEST] = {slot_subscribe, ACCESS_AUTHENTICATED, 7},
    [MESSAGE_UNSUBSCRIBE_ADVERTISEMENTS_REQUEST] = {scan_unsubscribe, ACCESS_AUTHENTICATED, 0},
    [MESSAGE_NOISE_SET_KEY_REQUEST] = {key_set, ACCESS_AUTHENTICATED, 12},
    [MESSAGE_SCANNER_SET_MODE_REQUEST] = {scan_set_mode, ACCESS_AUTHENTICATED, 12},
    [MESSAGE_SET_CONNECTION_PARAMS_REQUEST] = {gatt_set_parameters, ACCESS_AUTHENTICATED, 14},
    [MESSAGE_DEVICE_CAPABILITIES_REQUEST] = {info_capabilities, ACCESS_AUTHENTICATED, 15},
};

/* NULL when this device does not know the message. */
static const struct request *request_find(const struct server_profile *profile, uint32_t type)
{
    const struct request *request = type <= MESSAGE_TYPE_LAST ? &requests[type] : NULL;
    if (!request || !request->handle || request->since_minor > profile->api_minor ||
        (type == MESSAGE_AUTHENTICATION_REQUEST && !profile->passwords))
        return NULL;
    return request;
}

static bool connection_may(const struct server_connection *connection, enum access access)
{
    switch (access) {
    case ACCESS_AUTHENTICATED:
        return connection->authenticated;
    case ACCESS_HELLO:
        return connection->hello;
    case ACCESS_ALWAYS:
        return true;
    }
    return false;
}

void connection_dispatch(struct server_connection *connection, const struct frame *frame, uint64_t now_ns)
{
    struct server *server = connection->server;
    server_keepalive_received(&connection->keepalive, now_ns);
    const struct request *request = request_find(server->profile, frame->type);
    if (!connection_may(connection, request ? request->access : ACCESS_AUTHENTICATED)) {
        connection_close(connection, "the client asked for something before it was allowed to");
        return;
    }
    if (!request) {
        env_log(server->identity.env, BLEPROXY_LOG_DEBUG, "server", server->name, "message %u ignored",
                frame->type);
        return;
    }
    ProtobufCMessage *message;
    int r = message_unpack(&server->arena, frame->type, frame->data, frame->size, &message);
    if (r == 0)
        request->handle(connection, message, now_ns);
    else if (r != MESSAGE_UNKNOWN)
        connection_close(connection,
                         r == BLEPROXY_E_NOMEM ? "out of memory" : "the client sent a malformed message");
    arena_reset(&server->arena);
}

int server_accept(struct server *server, const struct server_connection_ops *ops, void *user, uint64_t now_ns,
                  struct server_connection **ret_connection)
{
    if (server->n_connections >= server->profile->max_clients)
        return BLEPROXY_E_LIMIT;
    struct server_connection *connection = env_alloc(server->identity.env, sizeof(*connection));
    if (!connection)
        return BLEPROXY_E_NOMEM;
    *connection = (struct server_connection){.server = server, .ops = ops, .user = user};
    server_framing_init(&connection->framing, &server->identity, CONNECTION_OUT_MAX);
    server_keepalive_init(&connection->keepalive, server->profile->handshake_timeout_ns, now_ns);
    list_append(&server->connections, &connection->node);
    server->n_connections++;
    connection->number = ++server->n_accepted;
    *ret_connection = connection;
    return 0;
}

void server_connection_trust(struct server_connection *connection)
{
    server_framing_trust(&connection->framing);
}

void server_connection_feed(struct server_connection *connection, uint8_t *bytes, size_t n, uint64_t now_ns)
{
    struct server *server = connection->server;
    struct server_connection *outer = server->fed;
    server_enter(server);
    server->fed = connection;
    while (!connection->closing && !server->doomed) {
        struct frame frame;
        int r = server_framing_next(&connection->framing, &bytes, &n, &frame);
        if (r == FRAME_INCOMPLETE)
            break;
        if (r < 0)
            connection_close(connection,
                             connection->framing.why ? connection->framing.why : bleproxy_strerror(r));
        else
            connection_dispatch(connection, &frame, now_ns);
    }
    server->fed = outer;
    server_leave(server);
}

size_t server_connection_pending(const struct server_connection *connection, struct iovec *ret_vec)
{
    const struct buffer *out = &connection->framing.out;
    if (out->size > 0)
        *ret_vec = (struct iovec){.iov_base = buffer_data(out), .iov_len = out->size};
    return out->size;
}

void server_connection_sent(struct server_connection *connection, size_t n)
{
    buffer_consume(&connection->framing.out, n);
}

void server_connection_free(struct server_connection *connection, uint64_t now_ns)
{
    struct server *server = connection->server;
    server_enter(server);
    connection_close(connection, "the transport is gone");
    connection->told = connection->freed = true;
    scan_leave(server, connection, now_ns);
    server->alone_ns = time_after(now_ns, server->reboot_timeout_ns);
    server_leave(server);
}

const char *server_connection_client(const struct server_connection *connection)
{
    return connection->client;
}

void connection_destroy(struct server_connection *connection)
{
    struct server *server = connection->server;
    list_unlink(&connection->node);
    server->n_connections--;
    server_framing_deinit(&connection->framing);
    env_free(server->identity.env, connection);
}

void connection_close(struct server_connection *connection, const char *why)
{
    struct server *server = connection->server;
    server->attention = true;
    if (connection->closing)
        return;
    connection->closing = true;
    connection->why = why;
    env_log(server->identity.env, BLEPROXY_LOG_INFO, "server", server->name, "connection of '%s' closed: %s",
            connection->client, why);
}

void connection_send_payload(struct server_connection *connection, uint32_t type, const uint8_t *payload,
                             size_t size)
{
    struct server *server = connection->server;
    if (connection->closing)
        return;
    int r = server_framing_send(&connection->framing, type, payload, size);
    if (r < 0) {
        connection_close(connection,
                         r == BLEPROXY_E_LIMIT ? "the client does not read" : bleproxy_strerror(r));
        return;
    }
    if (connection != server->fed)
        connection->pending = server->attention = true;
}

void connection_send(struct server_connection *connection, uint32_t type, const ProtobufCMessage *message)
{
    struct buffer *scratch = &connection->server->scratch;
    int r = message_pack(message, scratch);
    if (r < 0)
        connection_close(connection, bleproxy_strerror(r));
    else
        connection_send_payload(connection, type, buffer_data(scratch), scratch->size);
    buffer_consume(scratch, scratch->size);
}

void connection_tick(struct server_connection *connection, uint64_t now_ns)
{
    if (connection->closing)
        return;
    PingRequest request = PING_REQUEST__INIT;
    switch (server_keepalive_tick(&connection->keepalive, now_ns)) {
    case KEEPALIVE_NOTHING:
        break;
    case KEEPALIVE_PING:
        if (connection->framing.phase == FRAMING_READY)
            connection_send(connection, MESSAGE_PING_REQUEST, &request.base);
        break;
    case KEEPALIVE_LATE:
        connection_close(connection, "the client did not authenticate itself in time");
        break;
    case KEEPALIVE_GONE:
        connection_close(connection, "the client answers no more");
        break;
    }
}
