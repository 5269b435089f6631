/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_FILTER_H
#define DAEMON_FILTER_H

#include "advert.h"

#include <bleproxy/bleproxy.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

/* What a program that discovers wants to hear of: the dictionary of Adapter1.SetDiscoveryFilter. All conditions must hold;
 * zero-initialised it is no condition. */
struct filter {
    struct bleproxy_uuid *uuids; /* any of them; NULL: any device */
    size_t n_uuids;
    bool has_rssi, has_pathloss;
    int16_t rssi_dbm;
    uint16_t pathloss_db; /* at most this much is lost between transmit power and signal */
    char *pattern;        /* the beginning of a name, or of an address; NULL: any */
    bool classic;         /* BR/EDR alone: there is none */
    bool duplicates;      /* each advertisement is told, not only what changes */
};

enum { FILTER_UUIDS_MAX = 64 };

/* Reads the a{sv}. 0; -EINVAL: an unknown key, or a value that is none; -ENOMEM. */
int filter_read(sd_bus_message *message, struct filter *ret_filter);
/* Idempotent. */
void filter_deinit(struct filter *filter);
/* Goes by what the proxy has heard of the device until this report, and by what else is known of it (NULL: nothing). */
bool filter_matches(const struct filter *filter, const struct bleproxy_advertisement *report,
                    const struct advert *known);

#endif
