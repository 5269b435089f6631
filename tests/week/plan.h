/* SPDX-License-Identifier: MIT */
#ifndef TESTS_WEEK_PLAN_H
#define TESTS_WEEK_PLAN_H

#include <stdbool.h>
#include <stdint.h>

/* The house and its air: who is where, and what of a signal arrives. Pure functions of the seed, of places and of time: two
 * runs from one seed have the same air, whatever programs do in it. */

/* Three floors of four by two rooms, a proxy in each but the last; the first one's window is to the street. */
enum { ROOMS_WIDE = 4, ROOMS_DEEP = 2, FLOORS = 3, ROOMS = ROOMS_WIDE * ROOMS_DEEP * FLOORS };
enum { PROXIES = ROOMS - 1, STREET_PROXY = 0, FAR_PROXY = PROXIES - 1 };

struct place {
    double x_m, y_m;
    unsigned room;
};
/* Somewhere in the room; which is told by dice. */
struct place plan_place(unsigned room, uint64_t dice);

/* What arrives at b of a device at a that is as strong as most, in dBm: distance, walls, ceilings. Symmetrical. */
double plan_dbm(const struct place *a, const struct place *b);

/* What things and people in between add or take for minutes: pair names the path. */
double air_shadow_db(uint64_t seed, uint64_t pair, uint64_t now_ns);
/* What a packet finds: another one half a second later, or by another dice, finds something else. */
double air_packet_dbm(double dbm, uint64_t dice);
/* Whether a packet that arrives so strong is understood, or both of two: half of those at AIR_LIMIT_DBM. */
enum { AIR_LIMIT_DBM = -90 };
double air_quality(double dbm);
bool air_passes(double quality, uint64_t dice);

#endif
