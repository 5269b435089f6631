/* SPDX-License-Identifier: MIT */
#include "engine/resolver.h"

#include "engine/handle.h"
#include <arpa/inet.h>
#include <bleproxy/error.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Shared by the loop and the look-up's thread. */
struct resolution {
    pthread_mutex_t mutex; /* over done, and whatever the thread found */
    uv_async_t *done;      /* wakes the loop; NULL once cancelled: the thread then frees the rest */
    resolver_fn *on_done;
    void *user;
    uint16_t port;
    const char *why; /* static; NULL: found */
    struct net_address addresses[DIAL_ADDRESSES_MAX];
    size_t n_addresses;
    char host[];
};

int resolver_literal(const char *host, uint16_t port, struct net_address *ret_address)
{
    struct net_address address = {.port = port};
    char plain[INET6_ADDRSTRLEN];
    if (inet_pton(AF_INET, host, address.bytes) == 1) {
        address.family = 4;
        *ret_address = address;
        return 0;
    }
    size_t size = strcspn(host, "%");
    if (size >= sizeof(plain))
        return BLEPROXY_E_NOT_FOUND;
    memcpy(plain, host, size);
    plain[size] = '\0';
    if (inet_pton(AF_INET6, plain, address.bytes) != 1)
        return BLEPROXY_E_NOT_FOUND;
    if (host[size] == '%') {
        const char *scope = host + size + 1;
        size_t digits = strspn(scope, "0123456789");
        if (digits > 0 && digits < 10 && scope[digits] == '\0')
            address.scope = (uint32_t)strtoul(scope, NULL, 10);
        else
            address.scope = if_nametoindex(scope);
        if (address.scope == 0)
            return BLEPROXY_E_NOT_FOUND;
    }
    address.family = 6;
    *ret_address = address;
    return 0;
}

/* 0.0.0.0 and :: would be this host. */
static bool resolver_is_unspecified(const struct net_address *address)
{
    static const uint8_t zero[16];
    return memcmp(address->bytes, zero, sizeof(zero)) == 0;
}

static size_t resolver_collect(const struct addrinfo *info, uint16_t port, struct net_address *addresses)
{
    size_t n = 0;
    for (; info && n < DIAL_ADDRESSES_MAX; info = info->ai_next) {
        struct net_address address = {.port = port};
        if (info->ai_family == AF_INET) {
            const struct sockaddr_in *in = (const void *)info->ai_addr;
            address.family = 4;
            memcpy(address.bytes, &in->sin_addr, 4);
        } else if (info->ai_family == AF_INET6) {
            const struct sockaddr_in6 *in6 = (const void *)info->ai_addr;
            address.family = 6;
            address.scope = in6->sin6_scope_id;
            memcpy(address.bytes, &in6->sin6_addr, 16);
        } else {
            continue;
        }
        if (!resolver_is_unspecified(&address))
            addresses[n++] = address;
    }
    return n;
}

static void resolution_free(struct resolution *resolution)
{
    pthread_mutex_destroy(&resolution->mutex);
    free(resolution);
}

static void *resolver_look_up(void *argument)
{
    struct resolution *resolution = argument;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *info = NULL;
#ifdef AI_IDN
    hints.ai_flags = AI_IDN;
#endif
    int status = getaddrinfo(resolution->host, NULL, &hints, &info);
    const char *why = status == EAI_SYSTEM ? "the system's resolver failed" : gai_strerror(status);

    pthread_mutex_lock(&resolution->mutex);
    if (status == 0) {
        resolution->n_addresses = resolver_collect(info, resolution->port, resolution->addresses);
        why = resolution->n_addresses > 0 ? NULL : "it has no usable address";
        freeaddrinfo(info);
    }
    resolution->why = why;
    bool cancelled = !resolution->done;
    if (!cancelled)
        uv_async_send(resolution->done);
    pthread_mutex_unlock(&resolution->mutex); /* from here on the loop may free it */
    if (cancelled)
        resolution_free(resolution);
    return NULL;
}

static void resolver_done(uv_async_t *done)
{
    struct resolution *resolution = done->data;
    pthread_mutex_lock(&resolution->mutex); /* the thread lets go of it now */
    pthread_mutex_unlock(&resolution->mutex);
    handle_close((uv_handle_t *)done);
    if (resolution->why)
        resolution->on_done(resolution->user, NULL, 0, BLEPROXY_E_RESOLVE, resolution->why);
    else
        resolution->on_done(resolution->user, resolution->addresses, resolution->n_addresses, 0, NULL);
    resolution_free(resolution);
}

/* The program's signals are not for our thread. */
static int resolver_start_thread(struct resolution *resolution)
{
    pthread_t thread;
    pthread_attr_t detached;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(&thread, &detached, resolver_look_up, resolution);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&detached);
    return r == 0 ? 0 : BLEPROXY_E_IO;
}

int resolver_start(uv_loop_t *uv, const char *host, uint16_t port, resolver_fn *on_done, void *user,
                   struct resolution **ret_resolution)
{
    size_t size = strlen(host) + 1;
    struct resolution *resolution = calloc(1, sizeof(*resolution) + size);
    uv_async_t *done = malloc(sizeof(*done));
    int r = resolution && done ? 0 : BLEPROXY_E_NOMEM;
    if (r < 0 || uv_async_init(uv, done, resolver_done) < 0) {
        free(resolution);
        free(done);
        return r < 0 ? r : BLEPROXY_E_IO;
    }
    done->data = resolution;
    pthread_mutex_init(&resolution->mutex, NULL);
    resolution->done = done;
    resolution->on_done = on_done;
    resolution->user = user;
    resolution->port = port;
    memcpy(resolution->host, host, size);
    r = resolver_start_thread(resolution);
    if (r < 0) {
        handle_close((uv_handle_t *)done);
        resolution_free(resolution);
        return r;
    }
    *ret_resolution = resolution;
    return 0;
}

void resolver_cancel(struct resolution *resolution)
{
    pthread_mutex_lock(&resolution->mutex);
    bool ended = resolution->why || resolution->n_addresses > 0;
    handle_close((uv_handle_t *)resolution->done);
    resolution->done = NULL;
    pthread_mutex_unlock(&resolution->mutex);
    if (ended)
        resolution_free(resolution);
}
