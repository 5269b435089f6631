/* SPDX-License-Identifier: MIT */
#include "server/device.h"

#include <bleproxy/error.h>

enum {
    /* Room for answers behind a backlog of advertisements; a client that lets even this fill up is dropped.
     */
    SERVER_OUT_LIMIT = 2 * SERVER_OUT_MAX,
    SERVER_SCRATCH_MAX = 32 * 1024, /* our largest message may be a service with very many characteristics */
};

static char *server_copy(const struct env *env, const char *text)
{
    return env_strndup(env, text ? text : "", text ? strlen(text) : 0);
}

static void server_destroy(struct server *server)
{
    const struct env *env = server->identity.env;
    list_for_each(node, &server->connections)
        connection_destroy(list_entry(node, struct server_connection, node));
    scan_deinit(&server->scan);
    arena_deinit(&server->arena);
    buffer_deinit(&server->scratch);
    env_free(env, server->name);
    env_free(env, server->friendly_name);
    env_free(env, server->model);
    env_free(env, server->manufacturer);
    if (server->password)
        explicit_bzero(server->password, strlen(server->password));
    env_free(env, server->password);
    explicit_bzero(server->psk, sizeof(server->psk));
    explicit_bzero(&server->key, sizeof(server->key));
    env_free(env, server);
}

int server_new(const struct server_config *config, const struct server_radio_ops *radio, void *radio_user,
               uint64_t now_ns, struct server **ret_server)
{
    size_t name_size = config->name ? strlen(config->name) : 0;
    if (name_size == 0 || name_size > SERVER_NAME_MAX || config->slots > SERVER_SLOTS_MAX ||
        (config->provisionable && !config->profile->sets_keys))
        return BLEPROXY_E_INVALID;
    const struct env *env = config->env;
    struct server *server = env_alloc(env, sizeof(*server));
    if (!server)
        return BLEPROXY_E_NOMEM;
    *server = (struct server){
        .profile = config->profile,
        .radio = radio,
        .radio_user = radio_user,
        .identity = {.env = env,
                     .aead = config->aead,
                     .mac_address = config->mac_address,
                     .says_mac = config->profile->noise_mac,
                     .limits = frame_limits_firmware},
        .name = server_copy(env, config->name),
        .friendly_name = server_copy(env, config->friendly_name),
        .model = server_copy(env, config->model),
        .manufacturer = server_copy(env, config->manufacturer),
        .password = server_copy(env, config->profile->passwords ? config->password : NULL),
        .bluetooth_mac_address = config->bluetooth_mac_address,
        .n_slots = config->slots,
        .deep_sleep = config->deep_sleep,
        .time_ns = config->profile->asks_time ? time_after(now_ns, SERVER_TIME_NS) : BP_NEVER,
        .reboot_timeout_ns = config->reboot_timeout_ns ? config->reboot_timeout_ns : BP_NEVER,
        .sweep_ns = BP_NEVER,
    };
    server->identity.limits.payload_max = config->profile->payload_max;
    server->identity.limits.noise_body_max = config->profile->payload_max;
    server->identity.name = server->name;
    key_init(server, config);
    server->alone_ns = time_after(now_ns, server->reboot_timeout_ns);
    list_init(&server->connections);
    arena_init(&server->arena, env);
    buffer_init(&server->scratch, env, SERVER_SCRATCH_MAX);
    scan_init(&server->scan, env, config->scanner_mode, now_ns);
    if (!server->name || !server->friendly_name || !server->model || !server->manufacturer ||
        !server->password) {
        server_destroy(server);
        return BLEPROXY_E_NOMEM;
    }
    *ret_server = server;
    return 0;
}

void server_free(struct server *server)
{
    if (!server)
        return;
    if (server->depth > 0)
        server->doomed = true;
    else
        server_destroy(server);
}

void server_enter(struct server *server)
{
    server->depth++;
}

/* The next connection to which something is due, or NULL. */
static struct server_connection *server_next_due(struct server *server)
{
    list_for_each(node, &server->connections)
    {
        struct server_connection *connection = list_entry(node, struct server_connection, node);
        if (connection->freed || (connection->closing && !connection->told) || connection->pending)
            return connection;
    }
    return NULL;
}

/* Every call may change everything, so the search starts again after each. */
static void server_settle(struct server *server)
{
    struct server_connection *connection;
    server->attention = false;
    while (!server->doomed && (connection = server_next_due(server)) != NULL) {
        connection->pending = false;
        if (connection->freed) {
            connection_destroy(connection);
        } else if (connection->closing && !connection->told) {
            connection->told = true;
            connection->ops->on_close(connection->user, connection->why);
        } else if (!connection->told) {
            connection->ops->on_pending(connection->user);
        }
    }
}

void server_leave(struct server *server)
{
    if (server->depth == 1 && server->attention)
        server_settle(server);
    if (--server->depth == 0 && server->doomed)
        server_destroy(server);
}

void server_dismiss(struct server *server, const char *why)
{
    list_for_each(node, &server->connections)
    {
        struct server_connection *connection = list_entry(node, struct server_connection, node);
        DisconnectRequest request = DISCONNECT_REQUEST__INIT;
        if (connection->hello)
            connection_send(connection, MESSAGE_DISCONNECT_REQUEST, &request.base);
        else
            connection_close(connection, why);
    }
}

void server_shutdown(struct server *server, uint64_t now_ns)
{
    (void)now_ns;
    server_enter(server);
    server_dismiss(server, "the device is going down");
    server_leave(server);
}

/* ESPHome starts again when nobody wants anything of it for long. */
static uint64_t server_reboot_deadline(const struct server *server)
{
    return server->n_connections == 0 ? server->alone_ns : BP_NEVER;
}

uint64_t server_deadline(const struct server *server)
{
    uint64_t deadline_ns = time_min(server->scan.flush_ns, slot_deadline(server));
    deadline_ns = time_min(deadline_ns, time_min(server->key.since_ns, server->time_ns));
    deadline_ns = time_min(deadline_ns, server_reboot_deadline(server));
    list_for_each(node, &server->connections)
    {
        const struct server_connection *connection = list_entry(node, struct server_connection, node);
        if (!connection->closing)
            deadline_ns = time_min(deadline_ns, server_keepalive_deadline(&connection->keepalive));
    }
    return deadline_ns;
}

static void server_reboot(struct server *server, uint64_t now_ns)
{
    env_log(server->identity.env, BLEPROXY_LOG_WARNING, "server", server->name,
            "no client for a long time: it starts again");
    server->alone_ns = BP_NEVER;
    server->radio->reboot(server->radio_user, now_ns);
}

void server_tick(struct server *server, uint64_t now_ns)
{
    server_enter(server);
    scan_tick(server, now_ns);
    slot_tick(server, now_ns);
    key_tick(server, now_ns);
    info_tick(server, now_ns);
    list_for_each(node, &server->connections)
        connection_tick(list_entry(node, struct server_connection, node), now_ns);
    if (now_ns >= server_reboot_deadline(server))
        server_reboot(server, now_ns);
    server_leave(server);
}
