/* SPDX-License-Identifier: MIT */
#include "advert.h"

#include <stdlib.h>
#include <string.h>

/* Assigned AD types (Bluetooth Assigned Numbers, 2.3). */
enum {
    AD_FLAGS = 0x01,
    AD_UUIDS_FIRST = 0x02, /* 16, 32 and 128 bits, each incomplete or complete */
    AD_UUIDS_LAST = 0x07,
    AD_NAME_SHORT = 0x08,
    AD_NAME = 0x09,
    AD_TX_POWER = 0x0a,
    AD_CLASS = 0x0d,
    AD_OOB_HASH = 0x0e,
    AD_OOB_RANDOMIZER = 0x0f,
    AD_DEVICE_ID = 0x10,
    AD_SOLICIT_16 = 0x14,
    AD_SOLICIT_128 = 0x15,
    AD_SERVICE_DATA_16 = 0x16,
    AD_PUBLIC_TARGET = 0x17,
    AD_RANDOM_TARGET = 0x18,
    AD_APPEARANCE = 0x19,
    AD_LE_ADDRESS = 0x1b,
    AD_LE_ROLE = 0x1c,
    AD_OOB_HASH_256 = 0x1d,
    AD_OOB_RANDOMIZER_256 = 0x1e,
    AD_SERVICE_DATA_32 = 0x20,
    AD_SERVICE_DATA_128 = 0x21,
    AD_BROADCAST_NAME = 0x30,
    AD_MANUFACTURER_DATA = 0xff,
};

enum { NAME_SIZE = 249 };

/* One report that is taken in. */
struct taking {
    struct advert *advert;
    unsigned changed, told;
    bool anew;
};

bool advert_has_uuid(const struct advert *advert, const struct bleproxy_uuid *uuid)
{
    for (size_t i = 0; i < advert->n_uuids; i++)
        if (bleproxy_uuid_equal(&advert->uuids[i], uuid))
            return true;
    return false;
}

bool advert_add_uuid(struct advert *advert, const struct bleproxy_uuid *uuid)
{
    if (advert->n_uuids == ADVERT_ENTRIES_MAX || advert_has_uuid(advert, uuid))
        return false;
    struct bleproxy_uuid *uuids = realloc(advert->uuids, (advert->n_uuids + 1) * sizeof(*uuids));
    if (!uuids)
        return false;
    advert->uuids = uuids;
    advert->uuids[advert->n_uuids++] = *uuid;
    return true;
}

static void take_uuid(struct taking *taking, const struct bleproxy_uuid *uuid)
{
    taking->told |= ADVERT_UUIDS;
    if (advert_add_uuid(taking->advert, uuid))
        taking->changed |= ADVERT_UUIDS;
}

/* Little endian on the air; in its shortest form, as the library has it. */
static struct bleproxy_uuid read_uuid(const uint8_t *bytes, size_t size)
{
    char text[BLEPROXY_UUID_TEXT_SIZE];
    struct bleproxy_uuid uuid = {.size = (uint8_t)size};
    for (size_t i = 0; i < size; i++)
        uuid.bytes[i] = bytes[size - 1 - i];
    bleproxy_uuid_format(&uuid, text);
    bleproxy_uuid_parse(text, &uuid);
    return uuid;
}

static void take_uuids(struct taking *taking, const struct bleproxy_ad *ad)
{
    size_t size = ad->type < 0x04 ? 2 : ad->type < 0x06 ? 4 : 16;
    for (size_t i = 0; i + size <= ad->size; i += size) {
        struct bleproxy_uuid uuid = read_uuid(ad->data + i, size);
        take_uuid(taking, &uuid);
    }
}

static void take_name(struct taking *taking, const uint8_t *data, size_t size, bool is_complete)
{
    struct advert *advert = taking->advert;
    char name[NAME_SIZE];
    if (!is_complete && advert->name && advert->name_is_complete)
        return;
    if (bleproxy_sanitise(name, sizeof(name), data, size) == 0)
        return;
    taking->told |= ADVERT_NAME;
    if (advert->name && strcmp(advert->name, name) == 0) {
        advert->name_is_complete |= is_complete;
        return;
    }
    char *copy = strdup(name);
    if (!copy)
        return;
    free(advert->name);
    advert->name = copy;
    advert->name_is_complete = is_complete;
    taking->changed |= ADVERT_NAME;
}

/* ---- Data ---- */

static void drop_data(struct advert *advert, struct advert_data *data)
{
    for (size_t i = 0; i < data->n; i++) {
        advert->n_bytes -= data->entries[i].size;
        free(data->entries[i].data);
    }
    free(data->entries);
    *data = (struct advert_data){0};
}

static struct advert_entry *find_entry(struct advert_data *data, const struct advert_entry *like)
{
    for (size_t i = 0; i < data->n; i++)
        if (data->entries[i].key == like->key && bleproxy_uuid_equal(&data->entries[i].uuid, &like->uuid))
            return &data->entries[i];
    return NULL;
}

static struct advert_entry *add_entry(struct advert_data *data, const struct advert_entry *like)
{
    struct advert_entry *entry = find_entry(data, like);
    if (entry || data->n == ADVERT_ENTRIES_MAX)
        return entry;
    struct advert_entry *entries = realloc(data->entries, (data->n + 1) * sizeof(*entries));
    if (!entries)
        return NULL;
    data->entries = entries;
    entry = &entries[data->n++];
    *entry = (struct advert_entry){.uuid = like->uuid, .key = like->key};
    return entry;
}

static bool set_entry(struct advert *advert, struct advert_data *data, const struct advert_entry *like,
                      const uint8_t *bytes, size_t size)
{
    const struct advert_entry *old = find_entry(data, like);
    if (old && old->size == size && memcmp(old->data, bytes, size) == 0)
        return false;
    uint8_t *copy = malloc(size + 1);
    struct advert_entry *entry = copy && advert->n_bytes - (old ? old->size : 0) + size <= ADVERT_BYTES_MAX
                                     ? add_entry(data, like)
                                     : NULL;
    if (!entry) {
        free(copy);
        return false;
    }
    if (size > 0)
        memcpy(copy, bytes, size);
    advert->n_bytes = advert->n_bytes - entry->size + size;
    free(entry->data);
    entry->data = copy;
    entry->size = (uint16_t)size;
    return true;
}

static void take_data(struct taking *taking, struct advert_data *data, enum advert_part part,
                      const struct advert_entry *like, const uint8_t *bytes, size_t size)
{
    if (taking->anew && !(taking->told & part)) /* the first of this report */
        drop_data(taking->advert, data);
    taking->told |= part;
    if (set_entry(taking->advert, data, like, bytes, size))
        taking->changed |= part;
}

static void take_service_data(struct taking *taking, const struct bleproxy_uuid *uuid, const uint8_t *bytes,
                              size_t size)
{
    take_data(taking, &taking->advert->service, ADVERT_SERVICE_DATA, &(struct advert_entry){.uuid = *uuid},
              bytes, size);
    take_uuid(taking, uuid);
}

static void take_manufacturer_data(struct taking *taking, uint16_t company, const uint8_t *bytes, size_t size)
{
    take_data(taking, &taking->advert->manufacturer, ADVERT_MANUFACTURER_DATA,
              &(struct advert_entry){.key = company}, bytes, size);
}

/* ---- Single values ---- */

static void take_flags(struct taking *taking, uint8_t flags)
{
    struct advert *advert = taking->advert;
    taking->changed |= !advert->has_flags || advert->flags != flags ? ADVERT_FLAGS : 0;
    advert->has_flags = true;
    advert->flags = flags;
}

static void take_tx_power(struct taking *taking, int8_t tx_power_dbm)
{
    struct advert *advert = taking->advert;
    taking->changed |= !advert->has_tx_power || advert->tx_power_dbm != tx_power_dbm ? ADVERT_TX_POWER : 0;
    advert->has_tx_power = true;
    advert->tx_power_dbm = tx_power_dbm;
}

static void take_appearance(struct taking *taking, uint16_t appearance)
{
    struct advert *advert = taking->advert;
    taking->changed |= !advert->has_appearance || advert->appearance != appearance ? ADVERT_APPEARANCE : 0;
    advert->has_appearance = true;
    advert->appearance = appearance;
}

static void take_class(struct taking *taking, uint32_t class)
{
    struct advert *advert = taking->advert;
    taking->changed |= !advert->has_class || advert->class != class ? ADVERT_CLASS : 0;
    advert->has_class = true;
    advert->class = class;
}

static void take_device_id(struct taking *taking, const struct bleproxy_ad *ad)
{
    struct advert *advert = taking->advert;
    /* The number of the vendor is the Bluetooth SIG's or the USB forum's; there are no others. */
    if (ad->size < sizeof(advert->modalias) || (ad->data[0] != 1 && ad->data[0] != 2) || ad->data[1] != 0)
        return;
    if (advert->has_modalias && memcmp(advert->modalias, ad->data, sizeof(advert->modalias)) == 0)
        return;
    memcpy(advert->modalias, ad->data, sizeof(advert->modalias));
    advert->has_modalias = true;
    taking->changed |= ADVERT_MODALIAS;
}

/* BlueZ does not show these as data: it has other places for them, or none. */
static bool is_shown_elsewhere(uint8_t type)
{
    switch (type) {
    case AD_OOB_HASH:
    case AD_OOB_RANDOMIZER:
    case AD_SOLICIT_16:
    case AD_SOLICIT_128:
    case AD_PUBLIC_TARGET:
    case AD_RANDOM_TARGET:
    case AD_LE_ADDRESS:
    case AD_LE_ROLE:
    case AD_OOB_HASH_256:
    case AD_OOB_RANDOMIZER_256:
        return true;
    default:
        return false;
    }
}

static void take_ad_service_data(struct taking *taking, const struct bleproxy_ad *ad, size_t size)
{
    if (ad->size < size)
        return;
    struct bleproxy_uuid uuid = read_uuid(ad->data, size);
    take_service_data(taking, &uuid, ad->data + size, ad->size - size);
}

static uint16_t read_16(const uint8_t *data)
{
    return (uint16_t)(data[0] | data[1] << 8);
}

static void take_ad(struct taking *taking, const struct bleproxy_ad *ad)
{
    if (ad->type >= AD_UUIDS_FIRST && ad->type <= AD_UUIDS_LAST)
        take_uuids(taking, ad);
    else if (ad->type == AD_FLAGS)
        take_flags(taking, ad->data[0]);
    else if (ad->type == AD_NAME_SHORT || ad->type == AD_NAME || ad->type == AD_BROADCAST_NAME)
        take_name(taking, ad->data, ad->size, ad->type != AD_NAME_SHORT);
    else if (ad->type == AD_TX_POWER)
        take_tx_power(taking, (int8_t)ad->data[0]);
    else if (ad->type == AD_CLASS && ad->size >= 3)
        take_class(taking, (uint32_t)(ad->data[0] | ad->data[1] << 8 | ad->data[2] << 16));
    else if (ad->type == AD_APPEARANCE && ad->size >= 2)
        take_appearance(taking, read_16(ad->data));
    else if (ad->type == AD_DEVICE_ID)
        take_device_id(taking, ad);
    else if (ad->type == AD_SERVICE_DATA_16)
        take_ad_service_data(taking, ad, 2);
    else if (ad->type == AD_SERVICE_DATA_32)
        take_ad_service_data(taking, ad, 4);
    else if (ad->type == AD_SERVICE_DATA_128)
        take_ad_service_data(taking, ad, 16);
    else if (ad->type == AD_MANUFACTURER_DATA && ad->size >= 2)
        take_manufacturer_data(taking, read_16(ad->data), ad->data + 2, ad->size - 2u);
    else if (ad->type != AD_MANUFACTURER_DATA && ad->type != AD_CLASS && ad->type != AD_APPEARANCE &&
             !is_shown_elsewhere(ad->type))
        take_data(taking, &taking->advert->other, ADVERT_OTHER_DATA, &(struct advert_entry){.key = ad->type},
                  ad->data, ad->size);
}

/* Firmware before 2023.6 decodes them, and leaves out what the library has no place for. */
static void take_decoded(struct taking *taking, const struct bleproxy_advertisement *report)
{
    struct bleproxy_field field;
    for (size_t position = 0; bleproxy_field_next(report, &position, &field);) {
        switch (field.kind) {
        case BLEPROXY_FIELD_SERVICE_UUID:
            take_uuid(taking, &field.uuid);
            break;
        case BLEPROXY_FIELD_SERVICE_DATA:
            take_service_data(taking, &field.uuid, field.data, field.size);
            break;
        case BLEPROXY_FIELD_MANUFACTURER_DATA:
            take_manufacturer_data(taking, field.company, field.data, field.size);
            break;
        }
    }
    if (report->name)
        take_name(taking, (const uint8_t *)report->name, report->name_size, true);
}

unsigned advert_take(struct advert *advert, const struct bleproxy_advertisement *report, bool anew,
                     unsigned *ret_told)
{
    struct taking taking = {.advert = advert, .anew = anew};
    struct bleproxy_ad ad;
    bool is_known = report->raw_size > 0 && report->raw_size == advert->raw_size &&
                    memcmp(report->raw, advert->raw, report->raw_size) == 0;
    *ret_told = 0;
    if (is_known && !anew)
        return 0;
    if (report->raw)
        for (size_t position = 0; bleproxy_ad_next(report->raw, report->raw_size, &position, &ad);)
            take_ad(&taking, &ad);
    else
        take_decoded(&taking, report);
    if (!advert->name && report->name) /* another proxy has heard it, or an earlier packet */
        take_name(&taking, (const uint8_t *)report->name, report->name_size, true);
    advert->raw_size = report->raw && report->raw_size <= ADVERT_RAW_MAX ? report->raw_size : 0;
    if (advert->raw_size > 0)
        memcpy(advert->raw, report->raw, advert->raw_size);
    *ret_told = taking.told;
    return taking.changed;
}

void advert_deinit(struct advert *advert)
{
    free(advert->name);
    free(advert->uuids);
    drop_data(advert, &advert->manufacturer);
    drop_data(advert, &advert->service);
    drop_data(advert, &advert->other);
    *advert = (struct advert){0};
}
