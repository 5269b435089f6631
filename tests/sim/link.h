/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SIM_LINK_H
#define TESTS_SIM_LINK_H

#include "home.h"
#include "house.h"
#include "world.h"

enum direction { TO_HOUSE, TO_HOME };

/* What one direction of a connection holds back, or has on its way. */
struct pipe {
    uint64_t last_arrival_ns;
    uint64_t stalled_until_ns; /* nothing is taken from the sender until then: its buffers fill */
    size_t in_flight;
};

/* A TCP connection from a manager to a proxy. Each end is open until it closes or learns of its end; segments
 * in flight keep the link in memory. */
struct link {
    struct world *world;
    struct home *home;
    struct house *house;
    struct list of_house; /* while the house's end is open */
    unsigned references;
    unsigned attempt, n_syns;
    bool home_open, house_open;
    bool choppy;        /* carries a few bytes at a time */
    bool home_reset;    /* nothing but the reset arrives at the house any more */
    bool is_black_hole; /* takes everything and delivers nothing */
    uint64_t latency_ns;
    struct server_connection *connection;
    struct pipe pipes[2];
};

/* A connection attempt by home. It is lost when house is NULL: nobody answers. */
struct link *link_open(struct home *home, unsigned attempt, struct house *house);
/* An attempt that is refused. */
struct link *link_refuse(struct home *home, unsigned attempt);

/* Takes what the ends have pending and sends it on its way, in pieces. */
void link_pump(struct link *link, enum direction direction);
/* The end writes its last bytes and closes. */
void link_close_home(struct link *link);
/* What has not arrived yet does not, and the house learns of a reset. */
void link_reset_home(struct link *link);
void link_close_house(struct link *link);

/* Faults. */
void link_stall(struct link *link, enum direction direction, uint64_t duration_ns);
/* The end learns at once that the connection was reset; the other end only if both are told. */
void link_reset(struct link *link, bool tell_home, bool tell_house);
/* The house's end vanishes without a word. */
void link_forget_house(struct link *link);

#endif
