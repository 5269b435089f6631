/* SPDX-License-Identifier: MIT */
#include "server/device.h"

#include <bleproxy/advertisement.h>
#include <stdio.h>

/* AD types of Bluetooth's assigned numbers */
enum {
    AD_UUID16_SOME = 0x02,
    AD_UUID16_ALL = 0x03,
    AD_UUID32_SOME = 0x04,
    AD_UUID32_ALL = 0x05,
    AD_UUID128_SOME = 0x06,
    AD_UUID128_ALL = 0x07,
    AD_NAME_SHORT = 0x08,
    AD_NAME = 0x09,
    AD_SERVICE_DATA16 = 0x16,
    AD_SERVICE_DATA32 = 0x20,
    AD_SERVICE_DATA128 = 0x21,
    AD_MANUFACTURER_DATA = 0xff,
};

/* The most that SERVER_ADVERT_MAX bytes hold of each: a header of two bytes and then, at the least, UUIDs of
 * two bytes in one structure or data of two bytes in a structure of its own. */
enum { DECODE_UUIDS_MAX = (SERVER_ADVERT_MAX - 2) / 2, DECODE_DATA_MAX = SERVER_ADVERT_MAX / 4 };

struct decoded {
    BluetoothLEAdvertisementResponse message;
    size_t n_texts;
    char texts[DECODE_UUIDS_MAX + DECODE_DATA_MAX][BLEPROXY_UUID_TEXT_SIZE];
    ProtobufCBinaryData uuids[DECODE_UUIDS_MAX];
    BluetoothServiceData data[DECODE_DATA_MAX], *service_data[DECODE_DATA_MAX],
        *manufacturer_data[DECODE_DATA_MAX];
};

/* As firmware prints UUIDs: short ones with 0x, all in upper case. uuid is as it travels, least significant
 * first. */
static ProtobufCBinaryData decode_uuid(struct decoded *decoded, const uint8_t *uuid, size_t size)
{
    char *text = decoded->texts[decoded->n_texts++];
    if (size == 2)
        snprintf(text, BLEPROXY_UUID_TEXT_SIZE, "0x%02X%02X", uuid[1], uuid[0]);
    else if (size == 4)
        snprintf(text, BLEPROXY_UUID_TEXT_SIZE, "0x%02X%02X%02X%02X", uuid[3], uuid[2], uuid[1], uuid[0]);
    else
        for (size_t i = 0, at = 0; i < 16; i++)
            at += (size_t)snprintf(text + at, BLEPROXY_UUID_TEXT_SIZE - at,
                                   i == 4 || i == 6 || i == 8 || i == 10 ? "-%02X" : "%02X", uuid[15 - i]);
    return text_of(text);
}

static void decode_uuids(struct decoded *decoded, const struct bleproxy_ad *ad, size_t size)
{
    for (size_t at = 0; ad->size - at >= size; at += size)
        decoded->uuids[decoded->message.n_service_uuids++] = decode_uuid(decoded, ad->data + at, size);
}

/* Data behind a UUID or company of key_size bytes. */
static void decode_data(struct decoded *decoded, const struct bleproxy_ad *ad, size_t key_size,
                        BluetoothServiceData **list, size_t *n_list)
{
    if (ad->size < key_size)
        return;
    BluetoothServiceData *data =
        &decoded->data[decoded->message.n_service_data + decoded->message.n_manufacturer_data];
    bluetooth_service_data__init(data);
    data->uuid = decode_uuid(decoded, ad->data, key_size);
    data->data =
        (ProtobufCBinaryData){.len = ad->size - key_size, .data = (uint8_t *)(uintptr_t)ad->data + key_size};
    list[(*n_list)++] = data;
}

static void decode_ad(struct decoded *decoded, const struct bleproxy_ad *ad)
{
    BluetoothLEAdvertisementResponse *message = &decoded->message;
    switch (ad->type) {
    case AD_UUID16_SOME:
    case AD_UUID16_ALL:
        decode_uuids(decoded, ad, 2);
        break;
    case AD_UUID32_SOME:
    case AD_UUID32_ALL:
        decode_uuids(decoded, ad, 4);
        break;
    case AD_UUID128_SOME:
    case AD_UUID128_ALL:
        decode_uuids(decoded, ad, 16);
        break;
    case AD_NAME_SHORT:
    case AD_NAME:
        if (ad->size > message->name.len)
            message->name = (ProtobufCBinaryData){.len = ad->size, .data = (uint8_t *)(uintptr_t)ad->data};
        break;
    case AD_SERVICE_DATA16:
        decode_data(decoded, ad, 2, decoded->service_data, &message->n_service_data);
        break;
    case AD_SERVICE_DATA32:
        decode_data(decoded, ad, 4, decoded->service_data, &message->n_service_data);
        break;
    case AD_SERVICE_DATA128:
        decode_data(decoded, ad, 16, decoded->service_data, &message->n_service_data);
        break;
    case AD_MANUFACTURER_DATA:
        decode_data(decoded, ad, 2, decoded->manufacturer_data, &message->n_manufacturer_data);
        break;
    }
}

void decode_send(struct server_connection *connection, const struct batch_advert *advert)
{
    struct decoded decoded;
    decoded.n_texts = 0;
    BluetoothLEAdvertisementResponse *message = &decoded.message;
    bluetooth_leadvertisement_response__init(message);
    message->address = advert->address;
    message->rssi = advert->rssi;
    message->address_type = advert->address_type;
    struct bleproxy_ad ad;
    size_t position = 0;
    while (bleproxy_ad_next(advert->data, advert->size, &position, &ad))
        decode_ad(&decoded, &ad);
    message->service_uuids = decoded.uuids;
    message->service_data = decoded.service_data;
    message->manufacturer_data = decoded.manufacturer_data;
    connection_send(connection, MESSAGE_ADVERTISEMENT_RESPONSE, &message->base);
}
