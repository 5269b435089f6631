/* SPDX-License-Identifier: MIT */
#include "filters.h"

#include "cli.h"
#include "log.h"
#include <bleproxy/names.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RSSI_LOWEST = -126 };

static int parse_rssi(struct filters *filters, const char *text)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end || value < RSSI_LOWEST || value >= 0) {
        log_say("--rssi takes dBm from %d to -1: not '%s'", RSSI_LOWEST, text);
        return CLI_USAGE;
    }
    filters->want.rssi_min_dbm = (int8_t)value;
    return CLI_DONE;
}

int filters_parse(struct filters *filters, int option, const char *value)
{
    switch (option) {
    case FILTERS_NAME:
        filters->name = value;
        return CLI_DONE;
    case FILTERS_SERVICE:
        if (bleproxy_uuid_parse(value, &filters->service) < 0) {
            log_say("--service takes a UUID of 4, 8 or 36 digits: not '%s'", value);
            return CLI_USAGE;
        }
        filters->want.service = &filters->service;
        return CLI_DONE;
    case FILTERS_RSSI:
        return parse_rssi(filters, value);
    }
    return CLI_INTERNAL;
}

static bool has_name(void *user, const struct bleproxy_advertisement *advertisement)
{
    const struct filters *filters = user;
    const char *configured = device_names_of(filters->names, advertisement->address);
    size_t size = strlen(filters->name);
    if (configured && strncmp(configured, filters->name, size) == 0)
        return true;
    return advertisement->name && advertisement->name_size >= size &&
           memcmp(advertisement->name, filters->name, size) == 0;
}

void filters_use_names(struct filters *filters, const struct device_names *names)
{
    filters->names = names;
    if (!filters->name)
        return;
    filters->want.predicate = has_name;
    filters->want.predicate_user = filters;
}

/* Four or more parts of at most two digits: nobody calls a device so, and part of an address may have been left out. */
static bool looks_like_address(const char *text)
{
    size_t n_colons = 0, digits = 0;
    for (; *text; text++) {
        digits = *text == ':' ? 0 : digits + 1;
        n_colons += *text == ':';
        if (digits > 2 || (*text != ':' && !isxdigit((unsigned char)*text)))
            return false;
    }
    return n_colons >= 3;
}

int filters_parse_device(struct bleproxy_filter *filter, const char *text, char *label, size_t size)
{
    char address[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_sanitise(label, size, text, strlen(text));
    if (bleproxy_address_parse(text, &filter->address) == 0) {
        bleproxy_address_format(filter->address, address);
        snprintf(label, size, "%s", address);
        if (filter->address != 0) /* which is any device to a filter */
            return CLI_DONE;
        log_say("%s is no device's address", address);
        return CLI_USAGE;
    }
    if (!*text) {
        log_say("which device? Give its address, AA:BB:CC:DD:EE:FF, or its exact name");
        return CLI_USAGE;
    }
    if (looks_like_address(text)) {
        log_say("'%s' looks like an address, which has six parts of two digits: AA:BB:CC:DD:EE:FF", label);
        return CLI_USAGE;
    }
    filter->name = text;
    return CLI_DONE;
}

void filters_find_device(struct bleproxy_filter *filter, const struct device_names *names)
{
    uint64_t address = filter->name ? device_names_find(names, filter->name) : 0;
    if (!address)
        return;
    filter->address = address;
    filter->name = NULL;
}
