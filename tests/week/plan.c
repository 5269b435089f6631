/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include "base/time.h"
#include "sim/dice.h"
#include <math.h>

/* Metres and decibels. The figures are those of the usual indoor models (log-distance with walls, ITU-R P.1238): 2.2 for the
 * exponent of furnished rooms, 5 dB for a light wall, 13 dB for a ceiling of concrete. */
#define ROOM_M         4.0
#define FLOOR_M        2.7
#define AT_ONE_METRE   (-59.0)
#define EXPONENT       2.2
#define WALL_DB        5.0
#define CEILING_DB     13.0
#define SHADOW_DB      3.0 /* standard deviations */
#define FADING_DB      4.0
#define SHADOW_NS      (600 * NS_PER_S)
#define LIMIT_SLOPE_DB 2.0

static double fraction(uint64_t *dice)
{
    return (double)(dice_roll(dice) >> 11) / (double)(UINT64_C(1) << 53);
}

/* Of mean 0 and deviation 1, near enough: the sum of four. */
static double normal(uint64_t dice)
{
    double sum = (double)(dice & 0xffff) + (double)(dice >> 16 & 0xffff) + (double)(dice >> 32 & 0xffff) +
                 (double)(dice >> 48);
    return (sum / 65536 - 2) * 1.732;
}

struct place plan_place(unsigned room, uint64_t dice)
{
    unsigned column = room % ROOMS_WIDE, row = room / ROOMS_WIDE % ROOMS_DEEP;
    return (struct place){.x_m = (column + 0.1 + 0.8 * fraction(&dice)) * ROOM_M,
                          .y_m = (row + 0.1 + 0.8 * fraction(&dice)) * ROOM_M,
                          .room = room};
}

static unsigned apart(unsigned a, unsigned b)
{
    return a > b ? a - b : b - a;
}

double plan_dbm(const struct place *a, const struct place *b)
{
    enum { PER_FLOOR = ROOMS_WIDE * ROOMS_DEEP };
    unsigned ceilings = apart(a->room / PER_FLOOR, b->room / PER_FLOOR);
    unsigned walls = apart(a->room % ROOMS_WIDE, b->room % ROOMS_WIDE) +
                     apart(a->room / ROOMS_WIDE % ROOMS_DEEP, b->room / ROOMS_WIDE % ROOMS_DEEP);
    double x = a->x_m - b->x_m, y = a->y_m - b->y_m, z = ceilings * FLOOR_M;
    double distance_m = sqrt(x * x + y * y + z * z);
    if (distance_m < 0.5)
        distance_m = 0.5;
    return AT_ONE_METRE - 10 * EXPONENT * log10(distance_m) - walls * WALL_DB - ceilings * CEILING_DB;
}

double air_shadow_db(uint64_t seed, uint64_t pair, uint64_t now_ns)
{
    return SHADOW_DB * normal(dice_mix(dice_mix(seed, pair), now_ns / SHADOW_NS));
}

double air_packet_dbm(double dbm, uint64_t dice)
{
    return dbm + FADING_DB * normal(dice);
}

double air_quality(double dbm)
{
    return 1 / (1 + exp((AIR_LIMIT_DBM - dbm) / LIMIT_SLOPE_DB));
}

bool air_passes(double quality, uint64_t dice)
{
    return (double)(dice >> 11) < quality * (double)(UINT64_C(1) << 53);
}
