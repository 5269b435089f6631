/* SPDX-License-Identifier: MIT */
#ifndef TESTS_WEEK_STREET_H
#define TESTS_WEEK_STREET_H

struct world;

/* Who passes by the window: 800 addresses in any 200 s, each heard for some seconds and never again. In a siege another
 * proxy goes mad for five minutes now and then, and within the first hour, too: it restarts, and then invents devices, 2,000
 * a second at first, with payloads of any size. */
void street_init(struct world *world);

#endif
