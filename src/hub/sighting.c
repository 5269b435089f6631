/* SPDX-License-Identifier: MIT */
#include "hub/sighting.h"

#include "wire/ad.h"
#include "wire/uuid.h"

enum { KEY_SIZE = 2 }; /* of 16-bit service data and of manufacturer data */

/* Characters of valid UTF-8: the bytes that do not continue one. */
static size_t count_characters(const char *text, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

/* A name gives way to one that has at least as many characters: scan responses carry the complete one, while
 * advertisements may carry a shortened one. */
static void merge_name(const struct bleproxy_advertisement *held, const struct fields *heard,
                       struct sighting_update *update)
{
    update->new_name = false;
    update->name_size = held->name_size;
    if (heard->name_size == 0)
        return;
    if (held->name && held->name_size == heard->name_size &&
        memcmp(held->name, heard->name, heard->name_size) == 0)
        return;
    size_t size = fields_decode_name(update->name, sizeof(update->name), heard->name, heard->name_size);
    if (size == 0)
        return;
    if (held->name) {
        if (size == held->name_size && memcmp(update->name, held->name, size) == 0)
            return;
        if (count_characters(held->name, held->name_size) > count_characters(update->name, size))
            return;
    }
    update->new_name = true;
    update->name_size = (uint16_t)size;
}

/* Returns whether the merged fields differ from those held. */
static bool merge_fields(const struct bleproxy_advertisement *held, const struct fields *heard,
                         struct sighting_update *update)
{
    struct fields merged;
    fields_init(&merged, update->merged);
    bool differs = fields_merge(&merged, held->fields, held->fields_size, heard);
    update->fields = merged.bytes;
    update->fields_size = (uint32_t)merged.size;
    return differs;
}

/* Where the value is held that the structure, 16-bit service data or manufacturer data, gives anew; NULL when
 * that is not held, or has another size. */
static uint8_t *held_value(const struct sighting *sighting, const struct bleproxy_ad *ad)
{
    const uint8_t *value;
    size_t size;
    if (ad->type == AD_MANUFACTURER_DATA) {
        uint16_t company = (uint16_t)(ad->data[0] | ad->data[1] << 8);
        value = bleproxy_manufacturer_data(&sighting->view, company, &size);
    } else {
        struct bleproxy_uuid uuid = uuid_from_air(ad->data, KEY_SIZE);
        value = bleproxy_service_data(&sighting->view, &uuid, &size);
    }
    uint8_t *memory = sighting_memory(sighting);
    return value && size + KEY_SIZE == ad->size ? memory + (value - memory) : NULL;
}

/* Takes over the structure's value if the packet, as long as the last one, is that one but for this. */
static bool refresh_value(struct sighting *sighting, const uint8_t *raw, const struct bleproxy_ad *ad)
{
    const struct bleproxy_advertisement *view = &sighting->view;
    if (ad->size <= KEY_SIZE)
        return false;
    size_t size = ad->size - KEY_SIZE, start = (size_t)(ad->data - raw) + KEY_SIZE, end = start + size;
    if (memcmp(raw, view->raw, start) != 0 || memcmp(raw + end, view->raw + end, view->raw_size - end) != 0)
        return false;
    uint8_t *value = held_value(sighting, ad);
    if (!value)
        return false;
    memcpy(value, raw + start, size);
    uint8_t *memory = sighting_memory(sighting);
    memcpy(memory + (view->raw - memory) + start, raw + start, size);
    sighting->view.changed = 1;
    return true;
}

bool sighting_refresh(struct sighting *sighting, const uint8_t *raw, size_t size)
{
    if (!sighting->view.raw || sighting->view.raw_size != size)
        return false;
    struct bleproxy_ad ad, service = {0}, company = {0}; /* the last ones: they have the last word */
    bool named = false;
    for (size_t position = 0; ad_next(raw, size, &position, &ad);) {
        switch (ad.type) {
        case AD_SERVICE_DATA_16:
            service = ad;
            break;
        case AD_SERVICE_DATA_32:
        case AD_SERVICE_DATA_128:
            service.size = 0; /* it may be the same UUID in a longer form */
            break;
        case AD_MANUFACTURER_DATA:
            company = ad;
            break;
        case AD_NAME_SHORT:
        case AD_NAME:
            named = true;
            break;
        }
    }
    if (named && sighting->renamed) /* its name is to be merged with the one that it was given */
        return false;
    return refresh_value(sighting, raw, &service) || refresh_value(sighting, raw, &company);
}

size_t sighting_prepare(const struct sighting *sighting, const struct fields *heard, const uint8_t *raw,
                        size_t raw_size, struct sighting_update *ret_update)
{
    const struct bleproxy_advertisement *held = &sighting->view;
    ret_update->raw = raw;
    ret_update->raw_size = (uint16_t)raw_size;
    ret_update->tx_power_dbm = heard->tx_power_dbm;
    merge_name(held, heard, ret_update);
    if (!sighting_memory(sighting)) {
        ret_update->fields = heard->bytes;
        ret_update->fields_size = (uint32_t)heard->size;
        ret_update->changed = true;
    } else {
        ret_update->changed = merge_fields(held, heard, ret_update) || ret_update->new_name;
    }
    size_t name = ret_update->name_size > 0 ? ret_update->name_size + (size_t)1 : 0;
    size_t needed = name + ret_update->fields_size + raw_size;
    return needed > 0 ? needed : 1; /* empty raw bytes are not absent ones: they have an address */
}

void sighting_move(struct sighting *sighting, uint8_t *memory)
{
    struct bleproxy_advertisement *view = &sighting->view;
    view->fields = memory + (view->name ? view->name_size + (size_t)1 : 0);
    if (view->name)
        view->name = (const char *)memory;
    if (view->raw)
        view->raw = view->fields + view->fields_size;
}

void sighting_commit(struct sighting *sighting, const struct sighting_update *update)
{
    struct bleproxy_advertisement *view = &sighting->view;
    uint8_t *at = sighting_memory(sighting);
    if (update->name_size > 0) {
        if (update->new_name) {
            sighting->renamed = false;
            sighting->name_epoch = 0;
            memcpy(at, update->name, update->name_size);
            at[update->name_size] = '\0';
        }
        view->name = (const char *)at;
        at += update->name_size + (size_t)1;
    }
    view->name_size = update->name_size;
    memcpy(at, update->fields, update->fields_size);
    view->fields = at;
    view->fields_size = update->fields_size;
    at += update->fields_size;
    view->raw = update->raw ? at : NULL;
    view->raw_size = update->raw_size;
    if (update->raw_size > 0)
        memcpy(at, update->raw, update->raw_size);
    view->tx_power_dbm = update->tx_power_dbm;
    view->changed = update->changed;
}

void sighting_rename(struct sighting *sighting, const char *name, uint16_t size)
{
    struct bleproxy_advertisement *view = &sighting->view;
    uint8_t *memory = sighting_memory(sighting), *moved = memory + size + 1;
    const uint8_t *rest = memory + (view->name ? view->name_size + (size_t)1 : 0);
    memmove(moved, rest, view->fields_size + (size_t)view->raw_size);
    memcpy(memory, name, size);
    memory[size] = '\0';
    sighting->renamed = true;
    view->name = (const char *)memory;
    view->name_size = size;
    view->fields = moved;
    if (view->raw)
        view->raw = moved + view->fields_size;
}
