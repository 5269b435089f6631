/* SPDX-License-Identifier: MIT */
#ifndef TESTS_WEEK_STREET_H
#define TESTS_WEEK_STREET_H

struct world;

/* Who passes by the window: 800 addresses in any 200 s, each heard for some seconds and never again. In a siege another
 * proxy goes mad for a minute now and then, and within the first hour, too: it restarts, and then invents 2,000 addresses a
 * second, with payloads of any size; at first it reports half of them again after a while, then all of them twice at once. */
void street_init(struct world *world);

#endif
