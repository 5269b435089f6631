/* SPDX-License-Identifier: MIT */
#ifndef REPLAY_SECONDS_H
#define REPLAY_SECONDS_H

#include "replay/line.h"

/* Seconds as decimal numbers, to and from nanoseconds. Without floating point: 0.1 is 100000000 ns. */

/* 285 years: what is added to such a time still fits. */
#define SECONDS_MAX    9000000000
#define SECONDS_MAX_NS ((uint64_t)SECONDS_MAX * 1000000000)

/* A number as JSON writes it, also with an exponent; beyond the ninth decimal it is rounded. 0, or BLEPROXY_E_INVALID
 * when it is negative or more than SECONDS_MAX. */
int seconds_parse(const char *number, size_t size, uint64_t *ret_ns);
/* Exactly, with as many decimals as it needs. */
void seconds_add(struct line *line, uint64_t ns);

#endif
