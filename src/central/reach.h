/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_REACH_H
#define CENTRAL_REACH_H

#include "central/route.h"

/* What stands in the way of a connection and what to do about it, or through which proxy it would be: a sentence or two,
 * without the device's address, to go behind a colon. Allocates nothing. Returns text, cut to size. */
char *reach_explain(const struct routing *routing, const struct route *route, uint64_t now_ns, char *text,
                    size_t size);

#endif
