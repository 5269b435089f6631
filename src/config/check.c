/* SPDX-License-Identifier: MIT */
#include "config/check.h"

#include "config/errors.h"
#include "config/pins.h"
#include "config/schema.h"
#include <bleproxy/advertisement.h>
#include <bleproxy/error.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct config_place_text config_place(const struct config *config, unsigned here, unsigned file,
                                      unsigned line)
{
    struct config_place_text place;
    if (file == here || file >= config->n_files)
        snprintf(place.text, sizeof(place.text), "line %u", line);
    else
        snprintf(place.text, sizeof(place.text), "line %u of %s", line, config->files[file]);
    return place;
}

int config_fail_at(struct config_error *ret_error, const struct config *config, unsigned file, unsigned line,
                   const char *format, ...)
{
    char text[sizeof(ret_error->text) * 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    config_error_in(ret_error, config, file);
    return config_fail(ret_error, line, "%s", text);
}

void config_error_in(struct config_error *ret_error, const struct config *config, unsigned file)
{
    ret_error->file_number = file;
    snprintf(ret_error->file, sizeof(ret_error->file), "%s",
             file < config->n_files ? config->files[file] : "");
}

struct name_place {
    const char *name;
    unsigned file, line;
    size_t order; /* in the configuration */
};

static int compare_by_name(const void *a, const void *b)
{
    const struct name_place *first = a, *second = b;
    int order = strcmp(first->name, second->name);
    return order ? order : (first->order > second->order) - (first->order < second->order);
}

static int fail_name(const struct config *config, const struct name_place *first,
                     const struct name_place *again, struct config_errors *errors)
{
    int r =
        config_fail_at(&errors->now, config, again->file, again->line, "the name '%s' is already taken in %s",
                       again->name, config_place(config, again->file, first->file, first->line).text);
    return config_errors_take(errors, r);
}

static int check_places(const struct config *config, struct name_place *places, size_t n,
                        struct config_errors *errors)
{
    size_t first = 0;
    int r = 0;
    qsort(places, n, sizeof(*places), compare_by_name);
    for (size_t i = 1; r == 0 && i < n; i++) {
        if (strcmp(places[first].name, places[i].name) == 0)
            r = fail_name(config, &places[first], &places[i], errors);
        else
            first = i;
    }
    return r;
}

/* A proxy and a device may have the same name. */
static int check_names(const struct config *config, struct config_errors *errors)
{
    size_t max = config->n_proxies > config->n_devices ? config->n_proxies : config->n_devices, n = 0;
    struct name_place *places = calloc(max + 1, sizeof(*places));
    if (!places)
        return BLEPROXY_E_NOMEM;
    for (size_t i = 0; i < config->n_proxies; i++) {
        const struct config_proxy *proxy = &config->proxies[i];
        if (proxy->name)
            places[n++] = (struct name_place){proxy->name, proxy->file, proxy->line, i};
    }
    int r = check_places(config, places, n, errors);
    n = 0;
    for (size_t i = 0; i < config->n_devices; i++) {
        const struct config_device *device = &config->devices[i];
        if (device->name)
            places[n++] = (struct name_place){device->name, device->file, device->line, i};
    }
    if (r == 0)
        r = check_places(config, places, n, errors);
    free(places);
    return r;
}

struct device_place {
    uint64_t address;
    const struct config_device *device;
};

static int compare_by_address(const void *a, const void *b)
{
    const struct device_place *first = a, *second = b;
    if (first->address != second->address)
        return first->address < second->address ? -1 : 1;
    return (first->device > second->device) - (first->device < second->device);
}

static int fail_device(const struct config *config, const struct config_device *first,
                       const struct config_device *again, struct config_errors *errors)
{
    int r = config_fail_at(&errors->now, config, again->file, again->line,
                           "the device %s is already listed in %s", again->address,
                           config_place(config, again->file, first->file, first->line).text);
    return config_errors_take(errors, r);
}

static int check_devices(const struct config *config, struct config_errors *errors)
{
    struct device_place *sorted = calloc(config->n_devices + 1, sizeof(*sorted));
    size_t n = 0, first = 0;
    int r = 0;
    if (!sorted)
        return BLEPROXY_E_NOMEM;
    for (size_t i = 0; i < config->n_devices; i++) {
        const struct config_device *device = &config->devices[i];
        if (device->address && bleproxy_address_parse(device->address, &sorted[n].address) == 0)
            sorted[n++].device = device;
    }
    qsort(sorted, n, sizeof(*sorted), compare_by_address);
    for (size_t i = 1; r == 0 && i < n; i++) {
        if (sorted[first].address == sorted[i].address)
            r = fail_device(config, sorted[first].device, sorted[i].device, errors);
        else
            first = i;
    }
    free(sorted);
    return r;
}

int config_check(const struct config *config, bool all_read, struct config_errors *errors)
{
    int r = check_names(config, errors);
    if (r == 0)
        r = check_devices(config, errors);
    return r == 0 && all_read ? config_check_pins(config, errors) : r;
}
