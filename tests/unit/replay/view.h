/* SPDX-License-Identifier: MIT */
#ifndef TESTS_REPLAY_VIEW_H
#define TESTS_REPLAY_VIEW_H

#include "support.h"

#include "wire/fields.h"
#include <stdio.h>
#include <string.h>

/* A view of what AD structures say, in memory that lives until the next one. */
static inline const struct bleproxy_advertisement *view_of(const uint8_t *raw, size_t size)
{
    static struct bleproxy_advertisement view;
    static uint8_t memory[FIELDS_MAX];
    static char name[FIELDS_NAME_MAX * 3 + 1];
    struct fields fields;
    fields_init(&fields, memory);
    fields_parse(&fields, raw, size);
    view = (struct bleproxy_advertisement){.address = 0xa4c1386ef362,
                                           .source = 0x020000000001,
                                           .fields = memory,
                                           .fields_size = (uint32_t)fields.size,
                                           .tx_power_dbm = fields.tx_power_dbm};
    if (fields.name_size > 0) {
        view.name_size = (uint16_t)fields_decode_name(name, sizeof(name), fields.name, fields.name_size);
        view.name = name;
    }
    return &view;
}

#endif
