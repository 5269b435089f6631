/* SPDX-License-Identifier: MIT */
#ifndef CLI_WORLD_H
#define CLI_WORLD_H

#include <stddef.h>

/* What the pure rooms may have of the world, for commands that link them: for struct env. libsodium must be initialised. */
void *world_reallocate(void *user, void *block, size_t size);
void world_random(void *user, void *buf, size_t size);

#endif
