/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SIM_WATCH_H
#define TESTS_SIM_WATCH_H

#include "world.h"

/* From now on expects, every second: that programs were told what is so, that operations last no longer than they may,
 * and of healthy proxies that no slot is held by nobody for long, and no link believed in that is not there. */
void watch_init(struct world *world);
/* That no proxy has two attempts at once: after every call into the central. */
void watch_turns(struct world *world);
/* Whether the proxy has the link, or its client cannot know that it has none. */
bool watch_believes_link(const struct world *world, uint64_t source, uint64_t address);
/* When nobody has wanted a connection for a while: nothing of any is left, on either side. */
void watch_check_end(struct world *world);

#endif
