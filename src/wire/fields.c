/* SPDX-License-Identifier: MIT */
#include "wire/fields.h"

#include "wire/ad.h"
#include "wire/uuid.h"
#include <string.h>

void fields_init(struct fields *fields, uint8_t *memory)
{
    *fields = (struct fields){.bytes = memory, .tx_power_dbm = BLEPROXY_TX_POWER_NONE};
}

/* Where the entries of one kind start and end. */
static size_t fields_group(const struct fields *fields, enum bleproxy_field_kind kind, size_t *ret_end)
{
    switch (kind) {
    case BLEPROXY_FIELD_SERVICE_UUID:
        *ret_end = fields->uuids_end;
        return 0;
    case BLEPROXY_FIELD_SERVICE_DATA:
        *ret_end = fields->services_end;
        return fields->uuids_end;
    case BLEPROXY_FIELD_MANUFACTURER_DATA:
        break;
    }
    *ret_end = fields->size;
    return fields->services_end;
}

/* Makes the old_size bytes at position of a group new_size bytes; what stands behind moves. NULL: no room. */
static uint8_t *fields_splice(struct fields *fields, enum bleproxy_field_kind kind, size_t position,
                              size_t old_size, size_t new_size)
{
    if (new_size > FIELDS_MAX - (fields->size - old_size)) {
        fields->truncated = true;
        return NULL;
    }
    uint8_t *at = fields->bytes + position;
    if (position + old_size < fields->size)
        memmove(at + new_size, at + old_size, fields->size - position - old_size);
    fields->size += new_size - old_size;
    if (kind <= BLEPROXY_FIELD_SERVICE_DATA)
        fields->services_end += new_size - old_size;
    if (kind <= BLEPROXY_FIELD_SERVICE_UUID)
        fields->uuids_end += new_size - old_size;
    return at;
}

static void fields_write_value(uint8_t *entry, size_t key_size, const uint8_t *data, size_t size)
{
    entry[2] = (uint8_t)size;
    entry[3] = (uint8_t)(size >> 8);
    if (size > 0)
        memcpy(entry + FIELDS_HEADER + key_size, data, size);
}

static void fields_append(struct fields *fields, enum bleproxy_field_kind kind, const uint8_t *key,
                          size_t key_size, const uint8_t *data, size_t size)
{
    size_t end;
    fields_group(fields, kind, &end);
    uint8_t *entry = fields_splice(fields, kind, end, 0, FIELDS_HEADER + key_size + size);
    if (!entry)
        return;
    entry[0] = (uint8_t)kind;
    entry[1] = (uint8_t)key_size;
    memcpy(entry + FIELDS_HEADER, key, key_size);
    fields_write_value(entry, key_size, data, size);
}

/* Replaces the value of an equal key, or appends. */
static void fields_put(struct fields *fields, enum bleproxy_field_kind kind, const uint8_t *key,
                       size_t key_size, const uint8_t *data, size_t size)
{
    size_t end, at = fields_group(fields, kind, &end), entry_size;
    for (; at < end; at += entry_size) {
        uint8_t *entry = fields->bytes + at;
        entry_size = fields_entry_size(entry);
        if (!fields_has_key(entry, key, key_size))
            continue;
        entry = fields_splice(fields, kind, at, entry_size, FIELDS_HEADER + key_size + size);
        if (entry)
            fields_write_value(entry, key_size, data, size);
        return;
    }
    fields_append(fields, kind, key, key_size, data, size);
}

void fields_add_uuid(struct fields *fields, const struct bleproxy_uuid *uuid)
{
    fields_append(fields, BLEPROXY_FIELD_SERVICE_UUID, uuid->bytes, uuid->size, NULL, 0);
}

void fields_set_service_data(struct fields *fields, const struct bleproxy_uuid *uuid, const uint8_t *data,
                             size_t size)
{
    fields_put(fields, BLEPROXY_FIELD_SERVICE_DATA, uuid->bytes, uuid->size, data, size);
}

void fields_set_manufacturer_data(struct fields *fields, uint16_t company, const uint8_t *data, size_t size)
{
    const uint8_t key[2] = {(uint8_t)(company >> 8), (uint8_t)company};
    fields_put(fields, BLEPROXY_FIELD_MANUFACTURER_DATA, key, sizeof(key), data, size);
}

static void fields_parse_uuids(struct fields *fields, const struct bleproxy_ad *ad, size_t uuid_size)
{
    for (size_t at = 0; ad->size - at >= uuid_size; at += uuid_size) {
        struct bleproxy_uuid uuid = uuid_from_air(ad->data + at, uuid_size);
        fields_add_uuid(fields, &uuid);
    }
}

static void fields_parse_service_data(struct fields *fields, const struct bleproxy_ad *ad, size_t uuid_size)
{
    if (ad->size < uuid_size)
        return;
    struct bleproxy_uuid uuid = uuid_from_air(ad->data, uuid_size);
    fields_set_service_data(fields, &uuid, ad->data + uuid_size, ad->size - uuid_size);
}

static void fields_set_name(struct fields *fields, const struct bleproxy_ad *ad)
{
    fields->name = ad->data;
    fields->name_size = ad->size;
}

static void fields_parse_ad(struct fields *fields, const struct bleproxy_ad *ad)
{
    switch (ad->type) {
    case AD_UUIDS_16_INCOMPLETE:
    case AD_UUIDS_16:
        fields_parse_uuids(fields, ad, 2);
        break;
    case AD_UUIDS_32_INCOMPLETE:
    case AD_UUIDS_32:
        fields_parse_uuids(fields, ad, 4);
        break;
    case AD_UUIDS_128_INCOMPLETE:
    case AD_UUIDS_128:
        fields_parse_uuids(fields, ad, 16);
        break;
    case AD_NAME_SHORT:
        if (!fields->name)
            fields_set_name(fields, ad);
        break;
    case AD_NAME:
        fields_set_name(fields, ad);
        break;
    case AD_TX_POWER:
        if (ad->size == 1)
            fields->tx_power_dbm = (int8_t)ad->data[0];
        break;
    case AD_SERVICE_DATA_16:
        fields_parse_service_data(fields, ad, 2);
        break;
    case AD_SERVICE_DATA_32:
        fields_parse_service_data(fields, ad, 4);
        break;
    case AD_SERVICE_DATA_128:
        fields_parse_service_data(fields, ad, 16);
        break;
    case AD_MANUFACTURER_DATA:
        if (ad->size >= 2)
            fields_set_manufacturer_data(fields, (uint16_t)(ad->data[0] | ad->data[1] << 8), ad->data + 2,
                                         ad->size - 2u);
        break;
    }
}

void fields_parse(struct fields *fields, const uint8_t *raw, size_t size)
{
    struct bleproxy_ad ad;
    size_t position = 0;
    while (ad_next(raw, size, &position, &ad))
        fields_parse_ad(fields, &ad);
}

/* Where the entries end whose kind is at most last. */
static size_t fields_find_end(const uint8_t *bytes, size_t size, size_t at, enum bleproxy_field_kind last)
{
    while (at < size && bytes[at] <= last)
        at += fields_entry_size(bytes + at);
    return at;
}

static void fields_copy(struct fields *merged, const uint8_t *bytes, size_t size)
{
    if (size > 0)
        memcpy(merged->bytes + merged->size, bytes, size);
    merged->size += size;
}

/* Puts the entries from at to end on top of what merged has. */
static void fields_overlay(struct fields *merged, const uint8_t *at, const uint8_t *end)
{
    for (size_t entry_size; at < end; at += entry_size) {
        const uint8_t *key = at + FIELDS_HEADER, *data = key + at[1];
        entry_size = fields_entry_size(at);
        fields_put(merged, (enum bleproxy_field_kind)at[0], key, at[1], data,
                   (size_t)(at + entry_size - data));
    }
}

bool fields_merge(struct fields *merged, const uint8_t *held, size_t held_size, const struct fields *heard)
{
    static const uint8_t nothing[1];
    merged->truncated = heard->truncated;
    held = held_size > 0 ? held : nothing;
    size_t uuids_end = fields_find_end(held, held_size, 0, BLEPROXY_FIELD_SERVICE_UUID);
    size_t services_end = fields_find_end(held, held_size, uuids_end, BLEPROXY_FIELD_SERVICE_DATA);
    size_t heard_uuids = heard->uuids_end;
    if (heard_uuids == uuids_end && (heard_uuids == 0 || memcmp(heard->bytes, held, heard_uuids) == 0))
        heard_uuids = 0;

    /* What is held, its UUIDs without duplicates if they are to become a union. */
    if (heard_uuids > 0)
        fields_overlay(merged, held, held + uuids_end);
    else
        fields_copy(merged, held, uuids_end);
    merged->uuids_end = merged->size;
    fields_copy(merged, held + uuids_end, held_size - uuids_end);
    merged->services_end = merged->uuids_end + services_end - uuids_end;

    fields_overlay(merged, heard->bytes, heard->bytes + heard_uuids);
    fields_overlay(merged, heard->bytes + heard->uuids_end, heard->bytes + heard->size);
    return merged->size != held_size || memcmp(merged->bytes, held, held_size) != 0;
}

/* The entries of data have keys of their own: it is enough that each of one block is in the other, of the same size. */
static bool has_entry(const uint8_t *block, size_t size, const uint8_t *entry)
{
    for (size_t at = 0; at < size; at += fields_entry_size(block + at))
        if (fields_entry_size(block + at) == fields_entry_size(entry) &&
            memcmp(block + at, entry, fields_entry_size(entry)) == 0)
            return true;
    return false;
}

bool fields_equal(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    if (a_size != b_size)
        return false;
    if (a_size == 0 || memcmp(a, b, a_size) == 0)
        return true;
    for (size_t at = 0; at < a_size; at += fields_entry_size(a + at)) {
        /* Mostly in the same place: a device of many keys must not cost their square. */
        const uint8_t *entry = a + at, *opposite = b + at;
        if (memcmp(entry, opposite, fields_entry_size(entry)) == 0)
            continue;
        bool same_key = memcmp(entry, opposite, FIELDS_HEADER + entry[1]) == 0;
        if (same_key || entry[0] == BLEPROXY_FIELD_SERVICE_UUID || !has_entry(b, b_size, entry))
            return false;
    }
    return true;
}

static bool is_entry(const uint8_t *entry, size_t size)
{
    if (size < FIELDS_HEADER)
        return false;
    size_t key_size = entry[1], value_size = (size_t)(entry[2] | entry[3] << 8);
    if (key_size > size - FIELDS_HEADER || value_size > size - FIELDS_HEADER - key_size)
        return false;
    switch (entry[0]) {
    case BLEPROXY_FIELD_SERVICE_UUID:
        return value_size == 0 && (key_size == 2 || key_size == 4 || key_size == 16);
    case BLEPROXY_FIELD_SERVICE_DATA:
        return key_size == 2 || key_size == 4 || key_size == 16;
    case BLEPROXY_FIELD_MANUFACTURER_DATA:
        return key_size == 2;
    }
    return false;
}

bool fields_is_block(const uint8_t *bytes, size_t size)
{
    uint8_t kind = 0;
    if (size > FIELDS_MAX)
        return false;
    for (size_t at = 0; at < size; at += fields_entry_size(bytes + at)) {
        if (!is_entry(bytes + at, size - at) || bytes[at] < kind)
            return false;
        kind = bytes[at];
    }
    return true;
}
