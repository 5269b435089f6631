/* SPDX-License-Identifier: MIT */
#include "names/number.h"

#include <bleproxy/error.h>
#include <bleproxy/names.h>
#include <stdbool.h>

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

static char fold(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == ' ' || c == '-' ? '_' : c;
}

static bool alike(const char *a, const char *b)
{
    while (*a && fold(*a) == fold(*b)) {
        a++;
        b++;
    }
    return fold(*a) == fold(*b);
}

int bleproxy_characteristic_by_name(const char *name, struct bleproxy_uuid *ret_uuid)
{
    for (size_t i = 0; i < sizeof(characteristics) / sizeof(characteristics[0]); i++) {
        uint16_t value = characteristics[i].value;
        if (!alike((const char *)&names + characteristics[i].name, name))
            continue;
        *ret_uuid = (struct bleproxy_uuid){2, {(uint8_t)(value >> 8), (uint8_t)value}};
        return 0;
    }
    for (size_t i = 0; i < sizeof(characteristics_128) / sizeof(characteristics_128[0]); i++) {
        const struct number_128 *number = &characteristics_128[i];
        if (!alike((const char *)&names + number->name, name))
            continue;
        *ret_uuid = (struct bleproxy_uuid){.size = 16};
        for (size_t j = 0; j < 16; j++)
            ret_uuid->bytes[j] = (uint8_t)((j < 8 ? number->high : number->low) >> (56 - j % 8 * 8));
        return 0;
    }
    return BLEPROXY_E_NOT_FOUND;
}
