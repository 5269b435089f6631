/* SPDX-License-Identifier: MIT */
#include "wire/fields.h"

#include <string.h>

bool bleproxy_field_next(const struct bleproxy_advertisement *advertisement, size_t *position,
                         struct bleproxy_field *ret_field)
{
    if (*position >= advertisement->fields_size)
        return false;
    const uint8_t *entry = advertisement->fields + *position, *key = entry + FIELDS_HEADER;
    uint8_t key_size = entry[1];
    struct bleproxy_field field = {
        .kind = (enum bleproxy_field_kind)entry[0],
        .size = (uint16_t)(entry[2] | entry[3] << 8),
        .data = key + key_size,
    };
    if (field.kind == BLEPROXY_FIELD_MANUFACTURER_DATA) {
        field.company = (uint16_t)(key[0] << 8 | key[1]);
    } else {
        field.uuid.size = key_size;
        memcpy(field.uuid.bytes, key, key_size);
    }
    *position += fields_entry_size(entry);
    *ret_field = field;
    return true;
}

static const uint8_t *field_find(const struct bleproxy_advertisement *advertisement,
                                 enum bleproxy_field_kind kind, const uint8_t *key, size_t key_size,
                                 size_t *ret_size)
{
    const uint8_t *entry = advertisement->fields;
    for (size_t at = 0; at < advertisement->fields_size; at += fields_entry_size(entry)) {
        entry = advertisement->fields + at;
        if (entry[0] == kind && fields_has_key(entry, key, key_size)) {
            *ret_size = (size_t)(entry[2] | entry[3] << 8);
            return entry + FIELDS_HEADER + key_size;
        }
    }
    return NULL;
}

const uint8_t *bleproxy_manufacturer_data(const struct bleproxy_advertisement *advertisement,
                                          uint16_t company, size_t *ret_size)
{
    const uint8_t key[2] = {(uint8_t)(company >> 8), (uint8_t)company};
    return field_find(advertisement, BLEPROXY_FIELD_MANUFACTURER_DATA, key, sizeof(key), ret_size);
}

const uint8_t *bleproxy_service_data(const struct bleproxy_advertisement *advertisement,
                                     const struct bleproxy_uuid *uuid, size_t *ret_size)
{
    return field_find(advertisement, BLEPROXY_FIELD_SERVICE_DATA, uuid->bytes, uuid->size, ret_size);
}

bool bleproxy_has_service(const struct bleproxy_advertisement *advertisement,
                          const struct bleproxy_uuid *uuid)
{
    size_t size;
    return field_find(advertisement, BLEPROXY_FIELD_SERVICE_UUID, uuid->bytes, uuid->size, &size) != NULL;
}
