/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SIM_HOUSE_H
#define TESTS_SIM_HOUSE_H

#include "sim/proxy.h"
#include "world.h"

/* A virtual proxy on a wall, with power of its own. */
struct house {
    struct world *world;
    unsigned index;
    const struct server_profile *profile;
    bool encrypted;
    bool is_foreign; /* its key is not the one that the home has */
    uint8_t key[32];
    uint32_t slots;
    uint64_t source;        /* its Bluetooth MAC address */
    struct sim_proxy proxy; /* its server is NULL while it has no power */
    bool is_set_up;         /* proxy is initialised */
    struct list links;      /* whose end here is open */
    struct {
        uint64_t since_ns;       /* it may be held by nobody since then */
        uint64_t session;        /* of the home, in which it was last seen to be held by somebody */
    } watched[SERVER_SLOTS_MAX]; /* slots, by watch.c */
    uint64_t wake_ns;
    uint64_t cut_until_ns;  /* off the network until then */
    uint64_t disturbed_ns;  /* when something last happened to it or its connection */
    uint64_t down_until_ns; /* without power until then */
};

void house_init(struct house *house, struct world *world, unsigned index);
void house_deinit(struct house *house);
/* After every call into its server: sends what is pending and sets the alarm. */
void house_touch(struct house *house);
/* Loses power, without a word, for so long. */
void house_power_off(struct house *house, uint64_t duration_ns);
/* Takes leave of its clients, and goes down when they had time to answer. */
void house_restart(struct house *house, uint64_t duration_ns);
/* Nothing comes through for so long. */
void house_cut_off(struct house *house, uint64_t duration_ns);
/* The one connection in which the radio's reports go out, or NULL. */
struct link *house_only_link(const struct house *house);

#endif
