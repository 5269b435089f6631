/* SPDX-License-Identifier: MIT */
#ifndef REPLAY_STRUCTURES_H
#define REPLAY_STRUCTURES_H

#include <bleproxy/advertisement.h>

/* AD structures that say what a view holds, for proxies that decode advertisements themselves: its name, service UUIDs,
 * service data and manufacturer data, all that the proxy has told of the device so far. A name is cut to 248 bytes; a value that
 * does not fit into a structure, or no more into the payload, is left out. */

enum { STRUCTURES_MAX = 1650 }; /* as TRACE_RAW_MAX */

/* Returns the size. */
size_t structures_build(const struct bleproxy_advertisement *advertisement,
                        uint8_t raw[static STRUCTURES_MAX]);

#endif
