/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "agenda.h"
#include "base/env.h"
#include "base/list.h"
#include "base/time.h"
#include "hub/hub.h"
#include "proxy/gate.h"

struct central;
struct radio;
struct house;   /* a proxy on the wall: house.h */
struct home;    /* the manager that keeps it connected: home.h */
struct device;  /* something that advertises: device.h */
struct program; /* something that talks to devices: program.h */
struct seeker;  /* something that wants proxies to scan actively: seeker.h */

/* How big a simulation is, and what befalls it. Times are virtual. */
struct scale {
    unsigned n_proxies, n_devices;
    unsigned n_programs; /* 0: devices only advertise; else they are the radio's that can be connected to */
    unsigned n_seekers;
    uint64_t trouble_ns; /* how long faults happen */
    uint64_t quiet_ns;   /* how long none happen afterwards, until everything must work */
    unsigned no_memory;  /* during the trouble, one allocation in so many fails; 0: none does */
    uint32_t reference;  /* rules that are as habluetooth has them: enum bleproxy_rule */
    bool
        lifelike; /* faults are as rare as at home; owners keep their minds; SYNs are sent again, and get lost without power */
    bool one_cut; /* lifelike, and only one power cut, of all: cut_ns */
    uint64_t cut_ns;
    unsigned haste; /* everything but the protocol goes on so many times as fast */
};

/* One process's worth of everything on one virtual clock: devices that advertise, proxies that hear them, a
 * network that loses, delays and cuts, managers and a hub. All chance comes from one seed. */
struct world {
    struct scale scale;
    uint64_t seed, random;
    uint64_t now_ns, end_of_trouble_ns;

    struct agenda agenda;
    unsigned n_at_once;

    struct env env; /* of the library: counted, and separate from the world's own memory */
    size_t live_bytes, peak_bytes;

    struct gate gate; /* of all homes' attempts */
    struct hub *hub;
    uint64_t hub_wake_ns;
    struct central *central;
    uint64_t central_wake_ns;
    struct radio *radio; /* its devices can be connected to; it does not speak: device.h */
    struct house *houses;
    struct home *homes;
    struct device *devices;
    struct program *programs;
    struct seeker *seekers;
    uint64_t n_reports, n_checked, n_sessions, n_faults, n_sweeps;
    unsigned reactions;                                    /* of programs to what they are told: how deep */
    uint64_t n_links, n_links_in_peace, n_tasks, n_values; /* of programs */
    uint64_t n_turns;                                      /* seen */

    char failure[256]; /* the first expectation that did not hold, or "" */
};

void world_after(struct world *world, uint64_t delay_ns, event_fn *run, void *what, uint64_t detail);
void world_at(struct world *world, uint64_t at_ns, event_fn *run, void *what, uint64_t detail);
/* Lets things happen until then; stops early when an expectation failed. */
void world_run_until(struct world *world, uint64_t until_ns);

/* Sets up everything but starts nothing. */
void world_init(struct world *world, const struct scale *scale, uint64_t seed);
/* Managers leave for good, and expect to be let go. */
void world_stop(struct world *world);
/* Everything that the library allocated must be gone after it. */
void world_deinit(struct world *world);
void world_touch_hub(struct world *world);
void world_free_central(struct world *world);

/* Notes the first failure; the run ends at the next event. */
void world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define world_expect(world, condition, ...)                                                                  \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            world_fail(world, __VA_ARGS__);                                                                  \
    } while (0)

/* 0 to n - 1; n > 0. */
uint64_t world_chance(struct world *world, uint64_t n);
/* A time from least to most. */
uint64_t world_between(struct world *world, uint64_t least_ns, uint64_t most_ns);
/* As that, but so many times as short as the world is hasty. */
uint64_t world_moment(struct world *world, uint64_t least_ns, uint64_t most_ns);
bool world_is_in_trouble(const struct world *world);

#endif
