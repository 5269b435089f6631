/* SPDX-License-Identifier: MIT */
#include "hub/decoded.h"

#include <string.h>

static bool parse_uuid(const ProtobufCBinaryData *text, struct bleproxy_uuid *ret_uuid)
{
    char terminated[BLEPROXY_UUID_TEXT_SIZE];
    if (text->len >= sizeof(terminated) || (text->len > 0 && memchr(text->data, '\0', text->len)))
        return false;
    if (text->len > 0)
        memcpy(terminated, text->data, text->len);
    terminated[text->len] = '\0';
    return bleproxy_uuid_parse(terminated, ret_uuid) == 0;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return -1;
}

/* Hexadecimal with or without 0x. */
static bool parse_company(const ProtobufCBinaryData *text, uint16_t *ret_company)
{
    size_t i = text->len >= 2 && text->data[0] == '0' && (text->data[1] | 0x20) == 'x' ? 2 : 0;
    if (i == text->len)
        return false;
    uint32_t company = 0;
    for (; i < text->len; i++) {
        int digit = hex_digit(text->data[i]);
        if (digit < 0)
            return false;
        company = company << 4 | (uint32_t)digit;
        if (company > UINT16_MAX)
            return false;
    }
    *ret_company = (uint16_t)company;
    return true;
}

/* The value of one entry: its data, else the list with one element a byte that firmware with an API
 * before 1.7 sends, put together in memory. */
static bool read_value(const BluetoothServiceData *entry, uint8_t memory[static FIELDS_MAX],
                       const uint8_t **ret_data, size_t *ret_size)
{
    if (entry->data.len > 0) {
        *ret_data = entry->data.data;
        *ret_size = entry->data.len;
        return entry->data.len <= FIELDS_MAX;
    }
    if (entry->n_legacy_data > FIELDS_MAX)
        return false;
    for (size_t i = 0; i < entry->n_legacy_data; i++) {
        if (entry->legacy_data[i] > UINT8_MAX)
            return false;
        memory[i] = (uint8_t)entry->legacy_data[i];
    }
    *ret_data = memory;
    *ret_size = entry->n_legacy_data;
    return true;
}

void decoded_parse(struct fields *fields, const BluetoothLEAdvertisementResponse *advert)
{
    uint8_t memory[FIELDS_MAX];
    const uint8_t *data;
    size_t size;
    struct bleproxy_uuid uuid;
    uint16_t company;
    if (advert->name.len > 0) {
        fields->name = advert->name.data;
        fields->name_size = advert->name.len;
    }
    for (size_t i = 0; i < advert->n_service_uuids; i++)
        if (parse_uuid(&advert->service_uuids[i], &uuid))
            fields_add_uuid(fields, &uuid);
    for (size_t i = 0; i < advert->n_service_data; i++)
        if (parse_uuid(&advert->service_data[i]->uuid, &uuid) &&
            read_value(advert->service_data[i], memory, &data, &size))
            fields_set_service_data(fields, &uuid, data, size);
    for (size_t i = 0; i < advert->n_manufacturer_data; i++)
        if (parse_company(&advert->manufacturer_data[i]->uuid, &company) &&
            read_value(advert->manufacturer_data[i], memory, &data, &size))
            fields_set_manufacturer_data(fields, company, data, size);
}
