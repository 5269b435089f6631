/* SPDX-License-Identifier: MIT */
#ifndef CLI_FILTERS_H
#define CLI_FILTERS_H

#include "device_names.h"
#include "options.h"

#include <bleproxy/hub.h>

/* The options of commands that show many devices: which of them. */
struct filters {
    struct bleproxy_filter want;
    struct bleproxy_uuid service; /* what want.service points to */
    const char *name;             /* a beginning; NULL: any */
    const struct device_names *names;
};

enum { FILTERS_NAME = OPTION_OWN + 1000, FILTERS_SERVICE, FILTERS_RSSI };
#define FILTERS_LONG                                                                                         \
    {"name", required_argument, NULL, FILTERS_NAME}, {"service", required_argument, NULL, FILTERS_SERVICE},  \
    {                                                                                                        \
        "rssi", required_argument, NULL, FILTERS_RSSI                                                        \
    }
#define FILTERS_HELP                                                                                         \
    "      --name PREFIX        only devices whose name begins like this\n"                                  \
    "      --service UUID       only devices with this service: 4, 8 or 36 digits\n"                         \
    "      --rssi MIN           only devices at least as strong, e.g. -70\n"

/* One of those options; value is borrowed. CLI_DONE, or CLI_USAGE after saying why. */
int filters_parse(struct filters *filters, int option, const char *value);

/* Before want is used: names may change, and outlive it. */
void filters_use_names(struct filters *filters, const struct device_names *names);

/* One device: its address, or its exact name; text is borrowed. label: what to call it, sanitised. CLI_DONE, or CLI_USAGE
 * after saying why. */
int filters_parse_device(struct bleproxy_filter *filter, const char *text, char *label, size_t size);
/* A name that is in the configuration is that device's, whatever others advertise. */
void filters_find_device(struct bleproxy_filter *filter, const struct device_names *names);

#endif
