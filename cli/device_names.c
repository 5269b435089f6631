/* SPDX-License-Identifier: MIT */
#include "device_names.h"

#include <bleproxy/error.h>
#include <stdlib.h>
#include <string.h>

int device_names_append(struct device_names *names, uint64_t address, const char *text)
{
    struct device_name *items = reallocarray(names->items, names->n + 1, sizeof(*items));
    if (!items)
        return BLEPROXY_E_NOMEM;
    names->items = items;
    items[names->n] = (struct device_name){address, strdup(text)};
    if (!items[names->n].text)
        return BLEPROXY_E_NOMEM;
    names->n++;
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct device_name *first = a, *second = b;
    return (first->address > second->address) - (first->address < second->address);
}

void device_names_sort(struct device_names *names)
{
    if (names->n > 0)
        qsort(names->items, names->n, sizeof(*names->items), compare);
}

int device_names_read(struct device_names *names, const struct config *config)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < config->n_devices; i++) {
        const struct config_device *device = &config->devices[i];
        uint64_t address;
        if (device->name && bleproxy_address_parse(device->address, &address) == 0)
            r = device_names_append(names, address, device->name);
    }
    device_names_sort(names);
    return r;
}

int device_names_merge(struct device_names *names, struct device_names *others)
{
    size_t n = 0;
    for (size_t i = 0; i < others->n; i++) {
        struct device_name *other = &others->items[i];
        if (device_names_of(names, other->address) || device_names_find(names, other->text))
            free(other->text);
        else
            others->items[n++] = *other;
    }
    others->n = n;
    struct device_name *items = n > 0 ? reallocarray(names->items, names->n + n, sizeof(*items)) : NULL;
    if (items) {
        memcpy(items + names->n, others->items, n * sizeof(*items));
        names->items = items;
        names->n += n;
        others->n = 0;
        device_names_sort(names);
    }
    device_names_deinit(others);
    return items || n == 0 ? 0 : BLEPROXY_E_NOMEM;
}

void device_names_deinit(struct device_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->items[i].text);
    free(names->items);
    *names = (struct device_names){0};
}

const char *device_names_of(const struct device_names *names, uint64_t address)
{
    const struct device_name wanted = {.address = address}, *found = NULL;
    if (names->n > 0)
        found = bsearch(&wanted, names->items, names->n, sizeof(wanted), compare);
    return found ? found->text : NULL;
}

const char *device_names_show(const struct device_names *names, uint64_t address, const char *advertised)
{
    const char *text = device_names_of(names, address);
    return text ? text : advertised;
}

uint64_t device_names_find(const struct device_names *names, const char *text)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->items[i].text, text) == 0)
            return names->items[i].address;
    return 0;
}
