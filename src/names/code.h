/* SPDX-License-Identifier: MIT */
#ifndef NAMES_CODE_H
#define NAMES_CODE_H

#include <bleproxy/gatt.h>

/* The entry of that code among n, or NULL. */
static inline const struct bleproxy_code *code_find(const struct bleproxy_code *codes, size_t n, int32_t code)
{
    for (size_t i = 0; i < n; i++)
        if (codes[i].code == code)
            return &codes[i];
    return NULL;
}

#endif
