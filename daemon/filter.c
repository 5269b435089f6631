/* SPDX-License-Identifier: MIT */
#include "filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { RSSI_MIN = -127, RSSI_MAX = 20, PATHLOSS_MAX = 137, PATTERN_MAX = 248 };

static int read_uuids(sd_bus_message *message, struct filter *filter)
{
    const char *text;
    int r = sd_bus_message_enter_container(message, 'a', "s");
    if (r < 0 || filter->uuids) /* given twice */
        return -EINVAL;
    filter->uuids = calloc(FILTER_UUIDS_MAX, sizeof(*filter->uuids));
    if (!filter->uuids)
        return -ENOMEM;
    while ((r = sd_bus_message_read(message, "s", &text)) > 0)
        if (filter->n_uuids == FILTER_UUIDS_MAX ||
            bleproxy_uuid_parse(text, &filter->uuids[filter->n_uuids++]) < 0)
            return -EINVAL;
    return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_rssi(sd_bus_message *message, struct filter *filter)
{
    int r = sd_bus_message_read(message, "n", &filter->rssi_dbm);
    if (r < 0 || filter->rssi_dbm < RSSI_MIN || filter->rssi_dbm > RSSI_MAX)
        return -EINVAL;
    filter->has_rssi = true;
    return 0;
}

/* bleak sends it signed. */
static int read_pathloss(sd_bus_message *message, struct filter *filter)
{
    char type;
    int16_t value = -1;
    int r = sd_bus_message_peek_type(message, &type, NULL);
    if (r > 0 && (type == 'q' || type == 'n'))
        r = sd_bus_message_read_basic(message, type, &value);
    if (r < 0 || value < 0 || value > PATHLOSS_MAX)
        return -EINVAL;
    filter->pathloss_db = (uint16_t)value;
    filter->has_pathloss = true;
    return 0;
}

static int read_transport(sd_bus_message *message, struct filter *filter)
{
    const char *text;
    if (sd_bus_message_read(message, "s", &text) < 0)
        return -EINVAL;
    filter->classic = strcmp(text, "bredr") == 0;
    return filter->classic || strcmp(text, "le") == 0 || strcmp(text, "auto") == 0 ? 0 : -EINVAL;
}

static int read_pattern(sd_bus_message *message, struct filter *filter)
{
    const char *text;
    if (sd_bus_message_read(message, "s", &text) < 0 || strlen(text) > PATTERN_MAX)
        return -EINVAL;
    free(filter->pattern);
    filter->pattern = strdup(text);
    return filter->pattern ? 0 : -ENOMEM;
}

static int read_bool(sd_bus_message *message, bool *ret_value)
{
    int value;
    if (sd_bus_message_read(message, "b", &value) < 0)
        return -EINVAL;
    *ret_value = value != 0;
    return 0;
}

static int read_value(sd_bus_message *message, const char *key, struct filter *filter)
{
    bool ignored;
    if (strcmp(key, "UUIDs") == 0)
        return read_uuids(message, filter);
    if (strcmp(key, "RSSI") == 0)
        return read_rssi(message, filter);
    if (strcmp(key, "Pathloss") == 0)
        return read_pathloss(message, filter);
    if (strcmp(key, "Transport") == 0)
        return read_transport(message, filter);
    if (strcmp(key, "Pattern") == 0)
        return read_pattern(message, filter);
    if (strcmp(key, "DuplicateData") == 0)
        return read_bool(message, &filter->duplicates);
    if (strcmp(key, "Discoverable") == 0 || strcmp(key, "AutoConnect") == 0)
        return read_bool(message, &ignored);
    return -EINVAL;
}

static int read_entry(sd_bus_message *message, struct filter *filter)
{
    const char *key, *contents;
    int r = sd_bus_message_read(message, "s", &key);
    if (r >= 0)
        r = sd_bus_message_peek_type(message, NULL, &contents);
    if (r >= 0)
        r = sd_bus_message_enter_container(message, 'v', contents);
    if (r >= 0)
        r = read_value(message, key, filter);
    if (r >= 0)
        r = sd_bus_message_exit_container(message);
    return r < 0 ? r : sd_bus_message_exit_container(message);
}

int filter_read(sd_bus_message *message, struct filter *ret_filter)
{
    struct filter filter = {0};
    int r = sd_bus_message_enter_container(message, 'a', "{sv}");
    while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0)
        r = read_entry(message, &filter);
    if (r < 0) {
        filter_deinit(&filter);
        return r == -ENOMEM ? r : -EINVAL;
    }
    *ret_filter = filter;
    return 0;
}

void filter_deinit(struct filter *filter)
{
    free(filter->uuids);
    free(filter->pattern);
    *filter = (struct filter){0};
}

/* Data of a service tell of it, too. */
static bool has_uuid(const struct bleproxy_advertisement *report, const struct advert *known,
                     const struct bleproxy_uuid *uuid)
{
    size_t size;
    return bleproxy_has_service(report, uuid) || bleproxy_service_data(report, uuid, &size) ||
           (known && advert_has_uuid(known, uuid));
}

static bool has_any_uuid(const struct filter *filter, const struct bleproxy_advertisement *report,
                         const struct advert *known)
{
    for (size_t i = 0; i < filter->n_uuids; i++)
        if (has_uuid(report, known, &filter->uuids[i]))
            return true;
    return filter->n_uuids == 0;
}

static bool begins_with(const char *name, const char *pattern)
{
    return name && strncmp(name, pattern, strlen(pattern)) == 0;
}

static bool has_pattern(const struct filter *filter, const struct bleproxy_advertisement *report,
                        const struct advert *known)
{
    char text[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(report->address, text);
    return strncasecmp(text, filter->pattern, strlen(filter->pattern)) == 0 ||
           begins_with(report->name, filter->pattern) || (known && begins_with(known->name, filter->pattern));
}

static bool is_near(const struct filter *filter, const struct bleproxy_advertisement *report,
                    const struct advert *known)
{
    int power_dbm = report->tx_power_dbm;
    if (power_dbm == BLEPROXY_TX_POWER_NONE && known && known->has_tx_power)
        power_dbm = known->tx_power_dbm;
    return report->rssi_dbm != BLEPROXY_RSSI_NONE && power_dbm != BLEPROXY_TX_POWER_NONE &&
           power_dbm - report->rssi_dbm <= filter->pathloss_db;
}

bool filter_matches(const struct filter *filter, const struct bleproxy_advertisement *report,
                    const struct advert *known)
{
    if (filter->classic || !has_any_uuid(filter, report, known))
        return false;
    if (filter->has_rssi && (report->rssi_dbm == BLEPROXY_RSSI_NONE || report->rssi_dbm < filter->rssi_dbm))
        return false;
    if (filter->has_pathloss && !is_near(filter, report, known))
        return false;
    return !filter->pattern || has_pattern(filter, report, known);
}
