/* SPDX-License-Identifier: MIT */
#ifndef TESTS_CENTRAL_STEADY_H
#define TESTS_CENTRAL_STEADY_H

#include "support.h"

#include <endian.h>
#include <string.h>

/* The middle of what chance may be, where pauses are drawn: they then last as long as the tables say. */
static inline void steady_random(void *user, void *buf, size_t size)
{
    (void)user;
    memset(buf, 0, size);
    ((uint8_t *)buf)[BYTE_ORDER == BIG_ENDIAN ? 0 : size - 1] = 0x80;
}

#endif
