/* SPDX-License-Identifier: MIT */
#include "engine/state.h"

#include "base/time.h"
#include <time.h>

static int services_encode_any(const void *object, struct buffer *out)
{
    return cache_encode(object, out);
}

static int services_decode_any(void *object, const uint8_t *bytes, size_t size)
{
    return cache_decode(object, bytes, size);
}

const struct state_codec state_services = {
    .name = "services",
    .what = "the services cache",
    .without = "services are discovered anew",
    .encode = services_encode_any,
    .decode = services_decode_any,
    .delay_ms = 1000,
};

static int bonds_encode_any(const void *object, struct buffer *out)
{
    return bonds_encode(object, out);
}

static int bonds_decode_any(void *object, const uint8_t *bytes, size_t size)
{
    return bonds_decode(object, bytes, size);
}

static void bonds_saved_any(void *object)
{
    bonds_saved(object);
}

/* Written at once: nobody could tell any more where a bond is. */
const struct state_codec state_bonds = {
    .name = "bonds",
    .what = "the record of bonds",
    .without = "it is not known any more which proxy has the bond of which device",
    .encode = bonds_encode_any,
    .decode = bonds_decode_any,
    .saved = bonds_saved_any,
    .shared = true,
};

/* What makes a time of the loop's clock one of the wall clock. */
static int64_t wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * (int64_t)NS_PER_S + now.tv_nsec - (int64_t)loop_now();
}

static int history_encode_any(const void *object, struct buffer *out)
{
    return history_encode(object, wall_ns(), loop_now(), out);
}

static int history_decode_any(void *object, const uint8_t *bytes, size_t size)
{
    return history_decode(object, wall_ns(), loop_now(), bytes, size);
}

/* Written when the hub says so: every few minutes, for it changes with every report. */
const struct state_codec state_history = {
    .name = "history",
    .what = "the history of what was heard",
    .without = "devices are known again when they are heard",
    .encode = history_encode_any,
    .decode = history_decode_any,
};

static int identities_encode_any(const void *object, struct buffer *out)
{
    return identities_encode(object, out);
}

static int identities_decode_any(void *object, const uint8_t *bytes, size_t size)
{
    return identities_decode(object, bytes, size);
}

static void identities_saved_any(void *object)
{
    identities_saved(object);
}

const struct state_codec state_proxies = {
    .name = "proxies",
    .what = "the record of proxies",
    .without = "which device each is, is learned anew",
    .encode = identities_encode_any,
    .decode = identities_decode_any,
    .saved = identities_saved_any,
    .shared = true,
    .delay_ms = 1000, /* many are known at once, at first */
};

int state_init_proxies(struct state *state, struct bleproxy_loop *loop, const char *directory,
                       struct hub *hub)
{
    struct identities *identities = hub_identities(hub);
    int r = state_file_init(&state->proxies, loop, directory, &state_proxies, identities);
    if (r < 0)
        return r;
    state->identities = identities;
    identities->on_change = state_file_changed;
    identities->on_doubt = state_file_doubted;
    identities->on_change_user = &state->proxies;
    return 0;
}

static int state_open(struct state *state, struct bleproxy_loop *loop, const char *directory, struct hub *hub,
                      struct central *central)
{
    int r = state_file_init(&state->services, loop, directory, &state_services, central_cache(central));
    if (r == 0)
        r = state_file_init(&state->bonds, loop, directory, &state_bonds, central_bonds(central));
    if (r == 0)
        r = state_file_init(&state->history, loop, directory, &state_history, hub);
    return r;
}

static void state_close(struct state *state)
{
    state_file_deinit(&state->services);
    state_file_deinit(&state->bonds);
    state_file_deinit(&state->history);
}

int state_init(struct state *state, struct bleproxy_loop *loop, const char *directory, struct hub *hub,
               struct central *central)
{
    struct cache *cache = central_cache(central);
    struct bonds *bonds = central_bonds(central);
    int r = state_open(state, loop, directory, hub, central);
    if (r < 0) {
        state_close(state);
        return r;
    }
    cache->on_change = state_file_changed;
    cache->on_change_user = &state->services;
    bonds->on_change = state_file_changed;
    bonds->on_change_user = &state->bonds;
    history_watch(hub, state_file_changed, &state->history, loop_now());
    state->central = central;
    state->hub = hub;
    return 0;
}

void state_deinit(struct state *state)
{
    if (state->identities)
        state->identities->on_change = state->identities->on_doubt = NULL;
    state->identities = NULL;
    state_file_deinit(&state->proxies);
    if (!state->central)
        return;
    central_cache(state->central)->on_change = NULL;
    central_bonds(state->central)->on_change = NULL;
    history_watch(state->hub, NULL, NULL, loop_now());
    state->central = NULL;
    if (history_is_unsaved(state->hub))
        state_file_changed(&state->history);
    state_close(state);
}
