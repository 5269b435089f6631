/* SPDX-License-Identifier: MIT */
#include "hub/signals.h"

enum { SMOOTHED = 1, DEMOTED = 2, FLAGS = 2, CAPACITY_STEP = 2 };

/* As doubles in this order: habluetooth's own arithmetic, to the last bit. */
static const double factor = 0.3;

void signals_deinit(struct signals *signals, const struct env *env)
{
    env_free(env, signals->entries);
    *signals = (struct signals){0};
}

static struct signal *find(const struct signals *signals, uint64_t source)
{
    for (unsigned i = 0; i < signals->n; i++)
        if (signals->entries[i].key >> FLAGS == source)
            return &signals->entries[i];
    return NULL;
}

/* Without strength. NULL when there is no room. */
static struct signal *add(struct signals *signals, const struct env *env, uint64_t source)
{
    if (signals->n == SIGNALS_MAX)
        return NULL;
    if (signals->n == signals->capacity) {
        size_t capacity = (size_t)signals->capacity + CAPACITY_STEP;
        struct signal *entries = env_resize(env, signals->entries, capacity * sizeof(*entries));
        if (!entries)
            return NULL;
        signals->entries = entries;
        signals->capacity = (uint16_t)capacity;
    }
    struct signal *signal = &signals->entries[signals->n++];
    *signal = (struct signal){.key = source << FLAGS};
    return signal;
}

bool signals_get(const struct signals *signals, uint64_t source, double *ret_dbm)
{
    const struct signal *signal = find(signals, source);
    if (!signal || !(signal->key & SMOOTHED))
        return false;
    *ret_dbm = signal->smoothed_dbm;
    return true;
}

double signals_smooth(struct signals *signals, const struct env *env, uint64_t source, double rssi_dbm)
{
    struct signal *signal = find(signals, source);
    if (signal && signal->key & SMOOTHED) {
        signal->smoothed_dbm = factor * rssi_dbm + (1.0 - factor) * signal->smoothed_dbm;
        return signal->smoothed_dbm;
    }
    if (!signal)
        signal = add(signals, env, source);
    if (!signal)
        return rssi_dbm;
    signal->key |= SMOOTHED;
    signal->smoothed_dbm = rssi_dbm;
    signals->n_smoothed++;
    return rssi_dbm;
}

void signals_demote(struct signals *signals, const struct env *env, uint64_t winner, uint64_t loser)
{
    struct signal *signal = find(signals, winner);
    if (signal)
        signal->key &= ~(uint64_t)DEMOTED;
    signal = find(signals, loser);
    if (!signal)
        signal = add(signals, env, loser);
    if (signal)
        signal->key |= DEMOTED;
}

bool signals_is_demoted(const struct signals *signals, uint64_t source)
{
    const struct signal *signal = find(signals, source);
    return signal && signal->key & DEMOTED;
}

void signals_drop(struct signals *signals, uint64_t source)
{
    struct signal *signal = find(signals, source);
    if (!signal)
        return;
    signals->n_smoothed = (uint16_t)(signals->n_smoothed - (signal->key & SMOOTHED));
    *signal = signals->entries[--signals->n];
}
