/* SPDX-License-Identifier: MIT */
#ifndef TESTS_WEEK_DWELLER_H
#define TESTS_WEEK_DWELLER_H

#include "plan.h"
#include <stddef.h>

struct world;
struct wave;

/* Why somebody cares about a device, if anybody does. */
enum care {
    CARE_NONE,
    CARE_FILTER, /* a subscription names it */
    CARE_WATCH,  /* somebody waits for its absence */
    CARE_PIN,
    CARE_BOND,     /* it has been paired */
    CARE_SCAN,     /* a request for active scans */
    CARE_INTERVAL, /* its interval was set */
    CARE_ERRAND,   /* a program connects to it again and again */
    CARE_LINK,     /* it is connected all the time */
    N_CARES,
};

/* Who lives in the house: how many of each kind. */
struct kind {
    const char *name;
    unsigned n;
    enum care care;
    uint32_t report_ms;  /* between two advertisements that a proxy may report */
    bool moves, rotates; /* from room to room; its address, every quarter of an hour */
};
extern const struct kind kinds[];
extern const size_t n_kinds;
enum { DWELLERS = 62, ERRANDS = 20 };

/* A device in the house. */
struct dweller {
    struct world *world;
    const struct kind *kind;
    unsigned index;
    uint64_t address;
    uint8_t address_type;
    struct place place;
    double strength_db; /* above most: a coin cell in a metal box is weaker */
    double mean_dbm[PROXIES];
    uint8_t near[PROXIES]; /* those proxies at which anything arrives */
    unsigned n_near;
    uint64_t n_adverts, n_moves;
    uint8_t counter;
    struct wave *wave;          /* it is connected, and silent */
    uint64_t heard_ns[PROXIES]; /* when a proxy last reported it, in its present session; 0: never */
};

void dwellers_init(struct world *world);
/* What arrives at the proxy of it, as things stand for minutes. */
double dweller_dbm(const struct dweller *dweller, unsigned proxy);
/* That of those that somebody cares about and that were heard of late nothing is forgotten. */
void dwellers_check(struct world *world);
/* The one that has the address now, or NULL. */
struct dweller *dweller_find(struct world *world, uint64_t address);
/* The proxy has lost its session: what it knew counts no longer. */
void dwellers_lose(struct world *world, unsigned proxy);

#endif
