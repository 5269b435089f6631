/* SPDX-License-Identifier: MIT */
#include "sim/net_client.h"

#include "sim/dice.h"
#include "sim/net.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void client_on_poll(uv_poll_t *poll, int status, int events);

/* Reads only while the client reads, too. */
static void client_watch(struct net_client *client, size_t pending)
{
    struct iovec vec;
    int events = server_connection_pending(client->connection, &vec) > SERVER_OUT_MAX ? 0 : UV_READABLE;
    if (pending > 0)
        events |= UV_WRITABLE;
    if (events != client->events)
        uv_poll_start(&client->poll, events, client_on_poll);
    client->events = events;
}

static void client_on_closed(uv_handle_t *handle)
{
    struct net_client *client = handle->data;
    close(client->fd);
    if (client->faults)
        faults_deinit(client->faults);
    free(client->faults);
    free(client);
}

static void client_finish(struct net_client *client)
{
    struct net_listener *listener = client->listener;
    list_unlink(&client->node);
    list_unlink(&client->writing);
    uv_close((uv_handle_t *)&client->poll, client_on_closed);
    net_client_gone(listener);
}

void net_client_end(struct net_client *client)
{
    struct server_connection *connection = client->connection;
    if (!connection)
        return;
    client->connection = NULL;
    server_connection_free(connection, uv_hrtime());
    client_finish(client);
}

void net_client_reset(struct net_client *client)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    if (client->connection)
        net_client_end(client);
    else
        client_finish(client);
}

/* What a lost client sends vanishes; that it goes is noticed. */
static void client_on_lost(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct net_client *client = poll->data;
    struct net *net = client->listener->net;
    ssize_t n = status < 0 ? 0 : recv(client->fd, net->received, sizeof(net->received), 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
        client_finish(client);
}

void net_client_lose(struct net_client *client, bool server_gone)
{
    struct server_connection *connection = client->connection;
    client->connection = NULL;
    list_unlink(&client->node);
    list_unlink(&client->writing);
    list_init(&client->writing);
    list_append(&client->listener->lost, &client->node);
    if (!server_gone)
        server_connection_free(connection, uv_hrtime());
    uv_poll_start(&client->poll, UV_READABLE, client_on_lost);
}

/* What may be written now. */
static size_t client_pending(struct net_client *client, const uint8_t **ret_bytes)
{
    struct iovec vec;
    size_t n = server_connection_pending(client->connection, &vec);
    if (!client->faults) {
        if (n > 0)
            *ret_bytes = vec.iov_base;
        return n;
    }
    uint64_t now_ns = uv_hrtime();
    size_t room = faults_room(client->faults);
    n = n < room ? n : room;
    if (n > 0 && faults_take(client->faults, vec.iov_base, n, now_ns) == 0)
        server_connection_sent(client->connection, n);
    return faults_pending(client->faults, now_ns, ret_bytes);
}

static void client_sent(struct net_client *client, size_t n)
{
    if (client->faults)
        faults_sent(client->faults, n, uv_hrtime());
    else
        server_connection_sent(client->connection, n);
}

/* Returns how many bytes wait for the socket, or -1: the connection is broken. */
static ssize_t client_push(struct net_client *client)
{
    for (;;) {
        const uint8_t *bytes;
        size_t n = client_pending(client, &bytes);
        if (n == 0)
            return 0;
        ssize_t sent = send(client->fd, bytes, n, MSG_NOSIGNAL);
        if (sent >= 0)
            client_sent(client, (size_t)sent);
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return (ssize_t)n;
        else if (errno != EINTR)
            return -1;
    }
}

void net_client_write(struct net_client *client)
{
    list_unlink(&client->writing);
    ssize_t left = client_push(client);
    if (left < 0)
        net_client_end(client);
    else if (client->faults && faults_is_reset(client->faults))
        net_client_reset(client);
    else
        client_watch(client, (size_t)left);
}

static void client_on_pending(void *user)
{
    struct net_client *client = user;
    if (list_empty(&client->writing))
        list_append(&client->listener->net->writing, &client->writing);
}

void net_write(struct net *net)
{
    while (!list_empty(&net->writing)) {
        struct net_client *client = list_entry(net->writing.next, struct net_client, writing);
        struct net_listener *listener = client->listener;
        net_client_write(client);
        net_rearm(listener);
    }
}

/* Closing with unread bytes would reset the connection and lose the last words on their way. */
static void client_on_close(void *user, const char *why)
{
    (void)why;
    struct net_client *client = user;
    client_push(client);
    shutdown(client->fd, SHUT_WR);
    while (recv(client->fd, client->listener->net->received, sizeof(client->listener->net->received), 0) > 0)
        ;
    net_client_end(client);
}

static const struct server_connection_ops client_ops = {.on_pending = client_on_pending,
                                                        .on_close = client_on_close};

static void client_read(struct net_client *client)
{
    struct net *net = client->listener->net;
    ssize_t n = recv(client->fd, net->received, sizeof(net->received), 0);
    if (n > 0)
        server_connection_feed(client->connection, net->received, (size_t)n, uv_hrtime());
    else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
        net_client_end(client);
}

static void client_on_poll(uv_poll_t *poll, int status, int events)
{
    struct net_client *client = poll->data;
    struct net_listener *listener = client->listener;
    if (status < 0)
        net_client_end(client);
    else if (events & UV_READABLE)
        client_read(client);
    if (client->connection)
        net_client_write(client);
    if (client->connection && client->events == UV_READABLE)
        net_flood(listener);
    net_rearm(listener);
}

void net_client_new(struct net_listener *listener, int fd)
{
    const struct net_config *config = listener->net->config;
    const int on = 1;
    struct net_client *client = calloc(1, sizeof(*client));
    if (!client)
        goto failed;
    *client = (struct net_client){.listener = listener, .fd = fd};
    list_init(&client->writing);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    listener->n_accepted++;
    if (config->faults) {
        client->faults = calloc(1, sizeof(*client->faults));
        if (!client->faults)
            goto failed;
        uint64_t seed = dice_mix(config->proxy.seed, (uint64_t)(listener - listener->net->listeners));
        faults_init(client->faults, config->env, dice_mix(seed, listener->n_accepted));
        env_log(config->env, BLEPROXY_LOG_INFO, "sim", NULL, "fault of connection %llu: %s",
                (unsigned long long)listener->n_accepted, faults_name(client->faults->fault));
    }
    /* Over the limit real devices close without a word, too. */
    if (server_accept(listener->proxy.server, &client_ops, client, uv_hrtime(), &client->connection) < 0)
        goto failed;
    if (uv_poll_init(&listener->net->loop, &client->poll, fd) < 0) {
        server_connection_free(client->connection, uv_hrtime());
        goto failed;
    }
    client->poll.data = client;
    list_append(&listener->clients, &client->node);
    listener->net->n_clients++;
    client_watch(client, 0);
    return;

failed:
    if (client)
        free(client->faults);
    free(client);
    close(fd);
}

uint64_t net_client_deadline(const struct net_client *client)
{
    return client->faults ? faults_deadline(client->faults) : BP_NEVER;
}
