/* SPDX-License-Identifier: MIT */
#ifndef TESTS_WEEK_KEEPER_H
#define TESTS_WEEK_KEEPER_H

#include "central/peripheral.h"

struct world;
struct dweller;

enum { KEEPERS = 5 };

/* Somebody who pairs a device, once; or wants it connected, always. */
struct keeper {
    struct world *world;
    struct dweller *dweller;
    struct peripheral *peripheral; /* NULL: the device is paired */
};

void keepers_init(struct world *world);
void keepers_deinit(struct world *world);
/* Whether all that is to be paired is. */
bool keepers_have_paired(const struct world *world);

#endif
