/* SPDX-License-Identifier: MIT */
#ifndef CLI_HOLDERS_H
#define CLI_HOLDERS_H

#include "fleet.h"

/* The connection slots of a proxy, and who holds them. */

enum { HOLDER_WIDTH = 24 };

/* As last reported, or NULL: it is not connected, or has none. Borrowed until control returns to the loop. */
const struct bleproxy_slots *holders_slots(const struct member *member);
/* "Reading lamp, A4:C1:38:00:00:00": by name where that is known. Names are cut to HOLDER_WIDTH columns, and of what does not
 * fit it is said how many there are: ", +2". */
void holders_name(const struct fleet *fleet, const struct bleproxy_slots *slots, char *text, size_t size);

#endif
