/* SPDX-License-Identifier: MIT */
#include "engine/state.h"

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

int state_init(struct state *state, struct bleproxy_loop *loop, const char *directory,
               struct central *central)
{
    struct cache *cache = central_cache(central);
    struct bonds *bonds = central_bonds(central);
    int r = state_file_init(&state->services, loop, directory, &state_services, cache);
    if (r < 0)
        return r;
    r = state_file_init(&state->bonds, loop, directory, &state_bonds, bonds);
    if (r < 0) {
        state_file_deinit(&state->services);
        return r;
    }
    cache->on_change = state_file_changed;
    cache->on_change_user = &state->services;
    bonds->on_change = state_file_changed;
    bonds->on_change_user = &state->bonds;
    state->central = central;
    return 0;
}

void state_deinit(struct state *state)
{
    if (!state->central)
        return;
    central_cache(state->central)->on_change = NULL;
    central_bonds(state->central)->on_change = NULL;
    state->central = NULL;
    state_file_deinit(&state->services);
    state_file_deinit(&state->bonds);
}
