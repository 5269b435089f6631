/* SPDX-License-Identifier: MIT */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdint.h>

/* Times are uint64_t nanoseconds of one monotonic clock whose zero means nothing. */
#define BP_NEVER  UINT64_MAX
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

static inline uint64_t time_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* now + delay, or BP_NEVER when that does not fit. */
static inline uint64_t time_after(uint64_t now_ns, uint64_t delay_ns)
{
    return delay_ns > BP_NEVER - now_ns ? BP_NEVER : now_ns + delay_ns;
}

#endif
