/* SPDX-License-Identifier: MIT */
#ifndef SIM_DICE_H
#define SIM_DICE_H

#include <stdint.h>

/* Repeatable randomness for the simulation: splitmix64. Not for secrets. */
static inline uint64_t dice_roll(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* A number that follows from two others. */
static inline uint64_t dice_mix(uint64_t a, uint64_t b)
{
    uint64_t state = a ^ (b * UINT64_C(0xd6e8feb86659fd93));
    return dice_roll(&state);
}

#endif
