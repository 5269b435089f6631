/* SPDX-License-Identifier: MIT */
#include "replay/structures.h"

#include "wire/ad.h"
#include "wire/fields.h"
#include <stdbool.h>
#include <string.h>

enum { DATA_MAX = 254 }; /* of a structure: its length byte counts the type, too */

struct payload {
    uint8_t *raw;
    size_t size;
    size_t list; /* where the last structure begins, if it lists UUIDs */
    bool has_list;
};

/* A new structure with room for data, or NULL. */
static uint8_t *add_structure(struct payload *payload, uint8_t type, size_t data_size)
{
    payload->has_list = false;
    if (data_size > DATA_MAX || STRUCTURES_MAX - payload->size < 2 + data_size)
        return NULL;
    uint8_t *structure = payload->raw + payload->size;
    structure[0] = (uint8_t)(1 + data_size);
    structure[1] = type;
    payload->size += 2 + data_size;
    return structure + 2;
}

/* On the air the least significant byte comes first. */
static void put_uuid(uint8_t *out, const struct bleproxy_uuid *uuid)
{
    for (size_t i = 0; i < uuid->size; i++)
        out[i] = uuid->bytes[uuid->size - 1 - i];
}

static uint8_t type_of_size(const struct bleproxy_uuid *uuid, uint8_t of_2, uint8_t of_4, uint8_t of_16)
{
    return uuid->size == 2 ? of_2 : uuid->size == 4 ? of_4 : of_16;
}

static void add_name(struct payload *payload, const struct bleproxy_advertisement *advertisement)
{
    size_t size = advertisement->name_size;
    if (size == 0)
        return;
    if (size > FIELDS_NAME_MAX) /* not within a character */
        for (size = FIELDS_NAME_MAX; size > 0 && (advertisement->name[size] & 0xc0) == 0x80;)
            size--;
    uint8_t *data = add_structure(payload, AD_NAME, size);
    if (data)
        memcpy(data, advertisement->name, size);
}

/* To the list before if it is of the same size and has room: their order is kept. */
static void add_uuid(struct payload *payload, const struct bleproxy_uuid *uuid)
{
    uint8_t type = type_of_size(uuid, AD_UUIDS_16, AD_UUIDS_32, AD_UUIDS_128), *data;
    uint8_t *list = payload->raw + payload->list;
    if (payload->has_list && list[1] == type && list[0] + uuid->size <= 1 + DATA_MAX &&
        STRUCTURES_MAX - payload->size >= uuid->size) {
        list[0] = (uint8_t)(list[0] + uuid->size);
        data = payload->raw + payload->size;
        payload->size += uuid->size;
    } else {
        payload->list = payload->size;
        data = add_structure(payload, type, uuid->size);
        payload->has_list = data != NULL;
    }
    if (data)
        put_uuid(data, uuid);
}

static void add_service_data(struct payload *payload, const struct bleproxy_field *field)
{
    uint8_t type = type_of_size(&field->uuid, AD_SERVICE_DATA_16, AD_SERVICE_DATA_32, AD_SERVICE_DATA_128);
    uint8_t *data = add_structure(payload, type, (size_t)field->uuid.size + field->size);
    if (!data)
        return;
    put_uuid(data, &field->uuid);
    if (field->size > 0)
        memcpy(data + field->uuid.size, field->data, field->size);
}

static void add_manufacturer_data(struct payload *payload, const struct bleproxy_field *field)
{
    uint8_t *data = add_structure(payload, AD_MANUFACTURER_DATA, (size_t)2 + field->size);
    if (!data)
        return;
    data[0] = (uint8_t)field->company;
    data[1] = (uint8_t)(field->company >> 8);
    if (field->size > 0)
        memcpy(data + 2, field->data, field->size);
}

size_t structures_build(const struct bleproxy_advertisement *advertisement,
                        uint8_t raw[static STRUCTURES_MAX])
{
    struct payload payload = {.raw = raw};
    struct bleproxy_field field;
    add_name(&payload, advertisement);
    for (size_t position = 0; bleproxy_field_next(advertisement, &position, &field);)
        switch (field.kind) {
        case BLEPROXY_FIELD_SERVICE_UUID:
            add_uuid(&payload, &field.uuid);
            break;
        case BLEPROXY_FIELD_SERVICE_DATA:
            add_service_data(&payload, &field);
            break;
        case BLEPROXY_FIELD_MANUFACTURER_DATA:
            add_manufacturer_data(&payload, &field);
            break;
        }
    return payload.size;
}
