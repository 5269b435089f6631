/* SPDX-License-Identifier: MIT */
#ifndef TESTS_WEEK_STREET_H
#define TESTS_WEEK_STREET_H

struct world;

/* Who passes by the window: 800 addresses in any 200 s, each heard for some seconds and never again. In a siege another
 * proxy invents 2,000 addresses a second for a minute, every few hours and within the first one, too: half of them are
 * reported twice, with payloads of any size. */
void street_init(struct world *world);

#endif
