/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_VERDICT_H
#define CENTRAL_VERDICT_H

#include <bleproxy/peripheral.h>

/* How a failed attempt counts and what pause it asks for before the next. Pure function of its result: the table of
 * bleak-retry-connector, by codes instead of texts. */
enum verdict_class {
    VERDICT_FATAL,     /* no further attempt will change it */
    VERDICT_TIMEOUT,   /* counts */
    VERDICT_ERROR,     /* counts */
    VERDICT_TRANSIENT, /* counts by itself */
};
struct verdict {
    enum verdict_class class;
    uint64_t pause_ns;
};
struct verdict verdict_of(const struct bleproxy_result *result);

/* The proxy cancelled: what that means depends on how long it had tried. */
enum { VERDICT_CANCELLED = 0x100 };

#endif
