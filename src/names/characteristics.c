/* SPDX-License-Identifier: MIT */
#include "names/number.h"

#include <bleproxy/names.h>

static const struct names {
#define NUMBER(value, text)         char name_##value[sizeof(text)];
#define NUMBER_128(high, low, text) char name_##high##low[sizeof(text)];
#include "names/characteristics.inc"
#undef NUMBER
#undef NUMBER_128
} names = {
#define NUMBER(value, text)         text,
#define NUMBER_128(high, low, text) text,
#include "names/characteristics.inc"
#undef NUMBER
#undef NUMBER_128
};

static const struct number characteristics[] = {
#define NUMBER(value, text) {value, offsetof(struct names, name_##value)},
#define NUMBER_128(high, low, text)
#include "names/characteristics.inc"
#undef NUMBER
#undef NUMBER_128
};

static const struct number_128 characteristics_128[] = {
#define NUMBER(value, text)
#define NUMBER_128(high, low, text) {high, low, offsetof(struct names, name_##high##low)},
#include "names/characteristics.inc"
#undef NUMBER
#undef NUMBER_128
};

const char *bleproxy_characteristic_name(const struct bleproxy_uuid *uuid)
{
    if (uuid->size == 2)
        return number_find(characteristics, sizeof(characteristics) / sizeof(characteristics[0]), &names,
                           (uint16_t)(uuid->bytes[0] << 8 | uuid->bytes[1]));
    if (uuid->size == 16)
        return number_128_find(characteristics_128,
                               sizeof(characteristics_128) / sizeof(characteristics_128[0]), &names,
                               uuid->bytes);
    return NULL;
}
