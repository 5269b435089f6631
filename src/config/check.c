/* SPDX-License-Identifier: MIT */
#include "config/check.h"

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
    snprintf(ret_error->file, sizeof(ret_error->file), "%s",
             file < config->n_files ? config->files[file] : "");
}

static int compare_by_name(const void *a, const void *b)
{
    const struct config_proxy *const *first = a, *const *second = b;
    int order = strcmp((*first)->name, (*second)->name);
    return order ? order : (*first > *second) - (*first < *second);
}

static int check_names(const struct config *config, struct config_error *ret_error)
{
    const struct config_proxy *again = NULL, *first = NULL;
    if (config->n_proxies == 0)
        return 0;
    const struct config_proxy **sorted = malloc(config->n_proxies * sizeof(const struct config_proxy *));
    if (!sorted)
        return BLEPROXY_E_NOMEM;
    for (size_t i = 0; i < config->n_proxies; i++)
        sorted[i] = &config->proxies[i];
    qsort(sorted, config->n_proxies, sizeof(sorted[0]), compare_by_name);
    for (size_t i = 1; i < config->n_proxies; i++) {
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0 && (!again || sorted[i] < again)) {
            first = sorted[i - 1];
            again = sorted[i];
        }
    }
    free(sorted);
    if (!again)
        return 0;
    return config_fail_at(ret_error, config, again->file, again->line, "the name '%s' is already taken in %s",
                          again->name, config_place(config, again->file, first->file, first->line).text);
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

static int check_devices(const struct config *config, struct config_error *ret_error)
{
    const struct config_device *again = NULL, *first = NULL;
    if (config->n_devices == 0)
        return 0;
    struct device_place *sorted = calloc(config->n_devices, sizeof(*sorted));
    if (!sorted)
        return BLEPROXY_E_NOMEM;
    for (size_t i = 0; i < config->n_devices; i++) {
        sorted[i].device = &config->devices[i];
        bleproxy_address_parse(config->devices[i].address, &sorted[i].address);
    }
    qsort(sorted, config->n_devices, sizeof(*sorted), compare_by_address);
    for (size_t i = 1; i < config->n_devices; i++) {
        if (sorted[i - 1].address == sorted[i].address && (!again || sorted[i].device < again)) {
            first = sorted[i - 1].device;
            again = sorted[i].device;
        }
    }
    free(sorted);
    if (!again)
        return 0;
    return config_fail_at(ret_error, config, again->file, again->line,
                          "the device %s is already listed in %s", again->address,
                          config_place(config, again->file, first->file, first->line).text);
}

int config_check(const struct config *config, struct config_error *ret_error)
{
    int r = check_names(config, ret_error);
    if (r == 0)
        r = check_devices(config, ret_error);
    return r == 0 ? config_check_pins(config, ret_error) : r;
}
