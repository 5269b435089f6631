/* SPDX-License-Identifier: MIT */
#include "pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Assigned types of advertising data. */
enum { AD_NAME = 0x09, AD_SERVICE_DATA_16 = 0x16, AD_MANUFACTURER_DATA = 0xff };

/* 0; 1: no pattern can be like that; a negative errno: the message is broken. pattern NULL: there is no room for it. */
static int read_pattern(sd_bus_message *message, struct pattern *pattern)
{
    uint8_t start, type;
    const void *bytes;
    size_t size;
    int r = sd_bus_message_read(message, "yy", &start, &type);
    if (r >= 0)
        r = sd_bus_message_read_array(message, 'y', &bytes, &size);
    if (r >= 0)
        r = sd_bus_message_exit_container(message);
    if (r < 0)
        return r;
    if (!pattern || size == 0 || size > PATTERN_BYTES_MAX || start > PATTERN_BYTES_MAX - size)
        return 1;
    *pattern = (struct pattern){.start = start, .type = type, .size = (uint8_t)size};
    memcpy(pattern->bytes, bytes, size);
    return 0;
}

static int read_patterns(sd_bus_message *message, struct pattern *patterns, size_t *n)
{
    bool are_good = true;
    int r = sd_bus_message_enter_container(message, 'a', "(yyay)");
    while (r >= 0 && (r = sd_bus_message_enter_container(message, 'r', "yyay")) > 0) {
        r = read_pattern(message, *n < PATTERNS_MAX ? &patterns[*n] : NULL);
        are_good &= r <= 0;
        *n += r == 0;
    }
    if (r >= 0)
        r = sd_bus_message_exit_container(message);
    return r < 0 ? r : !are_good || *n == 0;
}

int patterns_read(sd_bus_message *message, struct pattern **ret_patterns, size_t *ret_n)
{
    struct pattern *patterns = calloc(PATTERNS_MAX, sizeof(*patterns));
    size_t n = 0;
    int r = patterns ? read_patterns(message, patterns, &n) : -ENOMEM;
    if (r != 0) {
        free(patterns);
        return r;
    }
    struct pattern *smaller = realloc(patterns, n * sizeof(*patterns));
    *ret_patterns = smaller ? smaller : patterns;
    *ret_n = n;
    return 0;
}

/* The structure's data begin with prefix and go on with data. */
static bool is_in(const struct pattern *pattern, uint8_t type, const uint8_t *prefix, size_t n_prefix,
                  const uint8_t *data, size_t n_data)
{
    if (pattern->type != type || (size_t)pattern->start + pattern->size > n_prefix + n_data)
        return false;
    for (size_t i = 0; i < pattern->size; i++) {
        size_t at = pattern->start + i;
        if (pattern->bytes[i] != (at < n_prefix ? prefix[at] : data[at - n_prefix]))
            return false;
    }
    return true;
}

static bool is_in_raw(const struct pattern *pattern, const struct bleproxy_advertisement *report)
{
    struct bleproxy_ad ad;
    size_t position = 0;
    while (bleproxy_ad_next(report->raw, report->raw_size, &position, &ad))
        if (is_in(pattern, ad.type, NULL, 0, ad.data, ad.size))
            return true;
    return false;
}

static bool is_in_field(const struct pattern *pattern, const struct bleproxy_field *field)
{
    uint8_t id[2];
    switch (field->kind) {
    case BLEPROXY_FIELD_SERVICE_UUID:
        return false;
    case BLEPROXY_FIELD_SERVICE_DATA:
        id[0] = field->uuid.bytes[1];
        id[1] = field->uuid.bytes[0];
        return field->uuid.size == 2 &&
               is_in(pattern, AD_SERVICE_DATA_16, id, sizeof(id), field->data, field->size);
    case BLEPROXY_FIELD_MANUFACTURER_DATA:
        id[0] = (uint8_t)(field->company & 0xff);
        id[1] = (uint8_t)(field->company >> 8);
        return is_in(pattern, AD_MANUFACTURER_DATA, id, sizeof(id), field->data, field->size);
    }
    return false;
}

static bool is_in_fields(const struct pattern *pattern, const struct bleproxy_advertisement *report)
{
    struct bleproxy_field field;
    size_t position = 0;
    while (bleproxy_field_next(report, &position, &field))
        if (is_in_field(pattern, &field))
            return true;
    return report->name && is_in(pattern, AD_NAME, NULL, 0, (const uint8_t *)report->name, report->name_size);
}

bool patterns_match(const struct pattern *patterns, size_t n, const struct bleproxy_advertisement *report)
{
    for (size_t i = 0; i < n; i++)
        if (report->raw ? is_in_raw(&patterns[i], report) : is_in_fields(&patterns[i], report))
            return true;
    return false;
}
