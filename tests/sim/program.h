/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SIM_PROGRAM_H
#define TESTS_SIM_PROGRAM_H

#include "base/list.h"
#include "world.h"

struct visit;

enum { PLACES_MAX = 3 };

/* Somebody who talks to devices, as the whim takes him, with a few of them at a time. */
struct program {
    struct world *world;
    struct visit *places[PLACES_MAX]; /* or NULL */
    struct list past;                 /* visits that are over: whoever calls them back is found out */
    bool leaving;
};

void program_init(struct program *program, struct world *world, unsigned index);
/* After the central. */
void program_deinit(struct program *program);
/* What must hold at all times. */
void program_check(struct program *program);
/* Who is getting a connection at this moment: after every call into the central. */
void program_note_service(struct program *program);
/* Ends what it does; nothing of it is left some time later. */
void program_leave(struct program *program);
/* It is cut off in the middle: the central has been freed. */
void program_check_aborted(struct program *program);

#endif
