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
    /* The loop's. */
    struct list link;
    struct system_lookups *lookups;
    system_lookup_fn *on_done; /* NULL: cancelled */
    void *user;

    pthread_mutex_t mutex; /* over all that follows */
    uv_async_t *done;      /* wakes the loop; NULL when that is gone: the thread then frees the rest */
    bool ended;            /* the thread is done with it */
    const char *why;       /* static; NULL: found */
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
    lookup->ended = true;
    bool abandoned = !lookup->done;
    if (!abandoned)
        uv_async_send(lookup->done);
    pthread_mutex_unlock(&lookup->mutex); /* from here on the loop may free it */
    if (abandoned)
        system_lookup_free(lookup);
    return NULL;
}

static void system_lookup_unlink(struct system_lookup *lookup)
{
    list_unlink(&lookup->link);
    lookup->lookups->n--;
}

static void system_lookup_done(uv_async_t *done)
{
    struct system_lookup *lookup = done->data;
    pthread_mutex_lock(&lookup->mutex); /* the thread lets go of it now */
    pthread_mutex_unlock(&lookup->mutex);
    system_lookup_unlink(lookup);
    handle_close((uv_handle_t *)done);
    if (lookup->on_done && lookup->why)
        lookup->on_done(lookup->user, NULL, 0, lookup->why);
    else if (lookup->on_done)
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

/* Makes one whose thread runs. */
static int system_lookup_new(struct system_lookups *lookups, const char *host,
                             struct system_lookup **ret_lookup)
{
    size_t size = strlen(host) + 1;
    struct system_lookup *lookup = calloc(1, sizeof(*lookup) + size);
    uv_async_t *done = malloc(sizeof(*done));
    int r = lookup && done ? 0 : BLEPROXY_E_NOMEM;
    if (r < 0 || uv_async_init(lookups->uv, done, system_lookup_done) < 0) {
        free(lookup);
        free(done);
        return r < 0 ? r : BLEPROXY_E_IO;
    }
    done->data = lookup;
    pthread_mutex_init(&lookup->mutex, NULL);
    lookup->done = done;
    lookup->lookups = lookups;
    memcpy(lookup->host, host, size);
    r = system_lookup_start_thread(lookup);
    if (r < 0) {
        handle_close((uv_handle_t *)done);
        system_lookup_free(lookup);
        return r;
    }
    list_init(&lookup->link);
    list_append(&lookups->lookups, &lookup->link);
    lookups->n++;
    *ret_lookup = lookup;
    return 0;
}

/* One that was cancelled, and still runs. */
static struct system_lookup *system_lookup_find(const struct system_lookups *lookups, const char *host)
{
    list_for_each(node, &lookups->lookups)
    {
        struct system_lookup *lookup = list_entry(node, struct system_lookup, link);
        if (!lookup->on_done && strcmp(lookup->host, host) == 0)
            return lookup;
    }
    return NULL;
}

int system_lookup_start(struct system_lookups *lookups, const char *host, system_lookup_fn *on_done,
                        void *user, struct system_lookup **ret_lookup)
{
    struct system_lookup *lookup = system_lookup_find(lookups, host);
    int r = lookup                            ? 0
            : lookups->n < SYSTEM_LOOKUPS_MAX ? system_lookup_new(lookups, host, &lookup)
                                              : BLEPROXY_E_LIMIT;
    if (r < 0)
        return r;
    uv_ref((uv_handle_t *)lookup->done);
    lookup->on_done = on_done;
    lookup->user = user;
    *ret_lookup = lookup;
    return 0;
}

void system_lookup_cancel(struct system_lookup *lookup)
{
    lookup->on_done = NULL;
    uv_unref((uv_handle_t *)lookup->done);
}

void system_lookups_init(struct system_lookups *lookups, uv_loop_t *uv)
{
    *lookups = (struct system_lookups){.uv = uv};
    list_init(&lookups->lookups);
}

static void system_lookup_abandon(struct system_lookup *lookup)
{
    system_lookup_unlink(lookup);
    pthread_mutex_lock(&lookup->mutex);
    bool ended = lookup->ended;
    handle_close((uv_handle_t *)lookup->done);
    lookup->done = NULL;
    pthread_mutex_unlock(&lookup->mutex);
    if (ended)
        system_lookup_free(lookup);
}

void system_lookups_deinit(struct system_lookups *lookups)
{
    list_for_each(node, &lookups->lookups)
        system_lookup_abandon(list_entry(node, struct system_lookup, link));
}
