/* SPDX-License-Identifier: MIT */
#include "world.h"

#include <sodium.h>
#include <stdlib.h>

void *world_reallocate(void *user, void *block, size_t size)
{
    (void)user;
    if (size > 0)
        return realloc(block, size);
    free(block);
    return NULL;
}

void world_random(void *user, void *buf, size_t size)
{
    (void)user;
    randombytes_buf(buf, size);
}
