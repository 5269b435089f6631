/* SPDX-License-Identifier: MIT */
#ifndef CLI_DEVICE_NAMES_H
#define CLI_DEVICE_NAMES_H

#include "config/config.h"

#include <bleproxy/advertisement.h>

/* What people call devices, by the configuration. Zero-initialised there are none. */
struct device_names {
    struct device_name {
        uint64_t address;
        char *text;
    } * items; /* in the order of addresses */
    size_t n;
};

/* Those of a configuration, to where there are none. 0 or BLEPROXY_E_NOMEM. */
int device_names_read(struct device_names *names, const struct config *config);
/* One more, behind the others, copied: nothing is found before device_names_sort(). 0 or BLEPROXY_E_NOMEM. */
int device_names_append(struct device_names *names, uint64_t address, const char *text);
void device_names_sort(struct device_names *names);
/* Takes others, which are none then, but for those of a device that has a name already and names that are taken. 0 or
 * BLEPROXY_E_NOMEM. */
int device_names_merge(struct device_names *names, struct device_names *others);
/* Idempotent. */
void device_names_deinit(struct device_names *names);

/* The device's, or NULL. */
const char *device_names_of(const struct device_names *names, uint64_t address);
/* What the device is called for people: that, or else what it advertises (which may be NULL). */
const char *device_names_show(const struct device_names *names, uint64_t address, const char *advertised);
/* The device of exactly that name, or 0. */
uint64_t device_names_find(const struct device_names *names, const char *text);

#endif
