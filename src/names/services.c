/* SPDX-License-Identifier: MIT */
#include "names/number.h"

#include <bleproxy/names.h>

static const struct names {
#define NUMBER(value, text)         char name_##value[sizeof(text)];
#define NUMBER_128(high, low, text) char name_##high##low[sizeof(text)];
#include "names/services.inc"
#undef NUMBER
#undef NUMBER_128
} names = {
#define NUMBER(value, text)         text,
#define NUMBER_128(high, low, text) text,
#include "names/services.inc"
#undef NUMBER
#undef NUMBER_128
};

static const struct number services[] = {
#define NUMBER(value, text) {value, offsetof(struct names, name_##value)},
#define NUMBER_128(high, low, text)
#include "names/services.inc"
#undef NUMBER
#undef NUMBER_128
};

static const struct number_128 services_128[] = {
#define NUMBER(value, text)
#define NUMBER_128(high, low, text) {high, low, offsetof(struct names, name_##high##low)},
#include "names/services.inc"
#undef NUMBER
#undef NUMBER_128
};

const char *bleproxy_service_name(const struct bleproxy_uuid *uuid)
{
    if (uuid->size == 2)
        return number_find(services, sizeof(services) / sizeof(services[0]), &names,
                           (uint16_t)(uuid->bytes[0] << 8 | uuid->bytes[1]));
    if (uuid->size == 16)
        return number_128_find(services_128, sizeof(services_128) / sizeof(services_128[0]), &names,
                               uuid->bytes);
    return NULL;
}
