/* SPDX-License-Identifier: MIT */
#include "engine/system_lookup.h"

#include "engine/handle.h"
#include <bleproxy/error.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Shared by the loop and the look-up's thread. */
struct system_lookup {
    pthread_mutex_t mutex; /* over done, and whatever the thread found */
    uv_async_t *done;      /* wakes the loop; NULL once cancelled: the thread then frees the rest */
    system_lookup_fn *on_done;
    void *user;
    const char *why; /* static; NULL: found */
    struct net_address addresses[RESOLVE_ADDRESSES_MAX];
    size_t n_addresses;
    char host[];
};

static size_t system_lookup_collect(const struct addrinfo *info, struct net_address *addresses)
{
    size_t n = 0;
    for (; info && n < RESOLVE_ADDRESSES_MAX; info = info->ai_next) {
        struct net_address address = {0};
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
        addresses[n++] = address;
    }
    return n;
}

static void system_lookup_free(struct system_lookup *lookup)
{
    pthread_mutex_destroy(&lookup->mutex);
    free(lookup);
}

static void *system_lookup_run(void *argument)
{
    struct system_lookup *lookup = argument;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *info = NULL;
#ifdef AI_IDN
    hints.ai_flags = AI_IDN;
#endif
    int status = getaddrinfo(lookup->host, NULL, &hints, &info);
    const char *why = status == EAI_SYSTEM ? "the system's resolver failed" : gai_strerror(status);

    pthread_mutex_lock(&lookup->mutex);
    if (status == 0) {
        lookup->n_addresses = system_lookup_collect(info, lookup->addresses);
        why = lookup->n_addresses > 0 ? NULL : "it has no address";
        freeaddrinfo(info);
    }
    lookup->why = why;
    bool cancelled = !lookup->done;
    if (!cancelled)
        uv_async_send(lookup->done);
    pthread_mutex_unlock(&lookup->mutex); /* from here on the loop may free it */
    if (cancelled)
        system_lookup_free(lookup);
    return NULL;
}

static void system_lookup_done(uv_async_t *done)
{
    struct system_lookup *lookup = done->data;
    pthread_mutex_lock(&lookup->mutex); /* the thread lets go of it now */
    pthread_mutex_unlock(&lookup->mutex);
    handle_close((uv_handle_t *)done);
    if (lookup->why)
        lookup->on_done(lookup->user, NULL, 0, lookup->why);
    else
        lookup->on_done(lookup->user, lookup->addresses, lookup->n_addresses, NULL);
    system_lookup_free(lookup);
}

/* The program's signals are not for our thread. */
static int system_lookup_start_thread(struct system_lookup *lookup)
{
    pthread_t thread;
    pthread_attr_t detached;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(&thread, &detached, system_lookup_run, lookup);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&detached);
    return r == 0 ? 0 : BLEPROXY_E_IO;
}

int system_lookup_start(uv_loop_t *uv, const char *host, system_lookup_fn *on_done, void *user,
                        struct system_lookup **ret_lookup)
{
    size_t size = strlen(host) + 1;
    struct system_lookup *lookup = calloc(1, sizeof(*lookup) + size);
    uv_async_t *done = malloc(sizeof(*done));
    int r = lookup && done ? 0 : BLEPROXY_E_NOMEM;
    if (r < 0 || uv_async_init(uv, done, system_lookup_done) < 0) {
        free(lookup);
        free(done);
        return r < 0 ? r : BLEPROXY_E_IO;
    }
    done->data = lookup;
    pthread_mutex_init(&lookup->mutex, NULL);
    lookup->done = done;
    lookup->on_done = on_done;
    lookup->user = user;
    memcpy(lookup->host, host, size);
    r = system_lookup_start_thread(lookup);
    if (r < 0) {
        handle_close((uv_handle_t *)done);
        system_lookup_free(lookup);
        return r;
    }
    *ret_lookup = lookup;
    return 0;
}

void system_lookup_cancel(struct system_lookup *lookup)
{
    pthread_mutex_lock(&lookup->mutex);
    bool ended = lookup->why || lookup->n_addresses > 0;
    handle_close((uv_handle_t *)lookup->done);
    lookup->done = NULL;
    pthread_mutex_unlock(&lookup->mutex);
    if (ended)
        system_lookup_free(lookup);
}
