/* SPDX-License-Identifier: MIT */
#ifndef TESTS_WEEK_BOX_H
#define TESTS_WEEK_BOX_H

#include "hub/manager.h"
#include "plan.h"
#include "server/server.h"

struct world;
struct dweller;

enum { BOX_SLOTS = 3 };

/* A link of a box to a device, or what is to become one. */
struct wave {
    struct box *box;
    uint64_t address;       /* 0: none */
    struct dweller *device; /* NULL: there is none of that address */
    bool cached, is_up;
    uint64_t number;  /* of all links of the box: what is noted for an earlier one is void */
    unsigned n_steps; /* advertisements waited for, then seconds that it lasted */
};

/* A proxy in its room: the virtual one with a radio in the house's air, and the manager that keeps it connected. They are
 * joined by a wire that takes no time. It opens one link at a time, and hears nothing meanwhile; who asks for another waits in
 * it, and the time that he allows the link passes. */
struct box {
    struct world *world;
    unsigned index;
    struct place place;
    double noise_db;       /* around it, above the least: signals are as strong, and less is understood */
    struct server *server; /* NULL: without power */
    struct server_connection *connection; /* or NULL */
    struct manager *manager;
    unsigned attempt; /* of the manager, whose connection it is */
    uint64_t source;
    struct wave waves[BOX_SLOTS];
    uint64_t n_waves;
    bool touched; /* a touch is noted */
    uint64_t wake_ns;
};

void box_init(struct box *box, struct world *world, unsigned index);
/* The manager goes; what is left of the server, too. */
void box_deinit(struct box *box);
/* Soon passes on what is pending, and sets the alarm. */
void box_touch(struct box *box);
/* Without a word, for so long. Links end. */
void box_power_off(struct box *box, uint64_t duration_ns);

/* What takes its reports, or NULL: it has no session, or opens a link and does not listen. */
struct scanner *box_ear(const struct box *box);
/* It has a session. */
bool box_is_there(const struct box *box);

#endif
