/* SPDX-License-Identifier: MIT */
#include "hub/sighting.h"

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

/* Whether heard has the same keys in the same places as what is held, with values as long: then it replaces
 * all of it. So it is with most devices whose data change. */
static bool same_shape(const struct bleproxy_advertisement *held, const struct fields *heard)
{
    if (heard->size != held->fields_size)
        return false;
    for (size_t at = 0; at < heard->size; at += fields_entry_size(heard->bytes + at))
        if (memcmp(heard->bytes + at, held->fields + at, FIELDS_HEADER + (size_t)heard->bytes[at + 1]) != 0)
            return false;
    return true;
}

/* Returns whether the merged fields differ from those held. */
static bool merge_fields(const struct bleproxy_advertisement *held, const struct fields *heard,
                         struct sighting_update *update)
{
    if (same_shape(held, heard)) {
        update->fields = heard->bytes;
        update->fields_size = held->fields_size;
        return memcmp(heard->bytes, held->fields, heard->size) != 0;
    }
    struct fields merged;
    fields_init(&merged, update->merged);
    bool differs = fields_merge(&merged, held->fields, held->fields_size, heard);
    update->fields = merged.bytes;
    update->fields_size = (uint32_t)merged.size;
    return differs;
}

size_t sighting_prepare(const struct sighting *sighting, const struct fields *heard, const uint8_t *raw,
                        size_t raw_size, struct sighting_update *ret_update)
{
    const struct bleproxy_advertisement *held = &sighting->view;
    ret_update->raw = raw;
    ret_update->raw_size = (uint16_t)raw_size;
    ret_update->tx_power_dbm = heard->tx_power_dbm;
    merge_name(held, heard, ret_update);
    if (!sighting->memory) {
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

void sighting_commit(struct sighting *sighting, const struct sighting_update *update)
{
    struct bleproxy_advertisement *view = &sighting->view;
    uint8_t *at = sighting->memory;
    if (update->name_size > 0) {
        if (update->new_name) {
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

bool sighting_same_content(const struct bleproxy_advertisement *a, const struct bleproxy_advertisement *b)
{
    return a->name_size == b->name_size && a->fields_size == b->fields_size &&
           (a->name_size == 0 || memcmp(a->name, b->name, a->name_size) == 0) &&
           memcmp(a->fields, b->fields, a->fields_size) == 0;
}
