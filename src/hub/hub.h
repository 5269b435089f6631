/* SPDX-License-Identifier: MIT */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include "base/env.h"
#include "base/time.h"
#include <bleproxy/hub.h>

struct scanner;

/* The pure core of struct bleproxy_hub: many scanners, one device table, subscribers and searches. The contracts of
 * the functions are those of their namesakes in <bleproxy/hub.h>, with the time as an argument. */
struct hub;

int hub_new(const struct env *env, const struct bleproxy_hub_options *options, struct hub **ret_hub);
void hub_free(struct hub *hub, uint64_t now_ns);
/* Of searches. Scanners have their own (scanner.h), which whoever made them keeps. */
uint64_t hub_deadline(const struct hub *hub);
void hub_tick(struct hub *hub, uint64_t now_ns);

/* A registered scanner's reports reach the table. A second one with the same source is an error in the log, and
 * works. Who watches slots is told from within, and may end it again. 0 or BLEPROXY_E_STATE (registered already). */
int hub_register_scanner(struct hub *hub, struct scanner *scanner, uint64_t now_ns);
/* Idempotent. Devices that only it heard leave the table. Who watches slots is told from within. */
void hub_unregister_scanner(struct hub *hub, struct scanner *scanner, uint64_t now_ns);
/* Registered scanners in order of registration: start with *position = 0; NULL at the end. */
struct scanner *hub_next_scanner(const struct hub *hub, size_t *position);

/* How a scanner hears a device. */
struct hub_hearing {
    int8_t rssi_dbm;      /* of the last report, or BLEPROXY_RSSI_NONE */
    double smoothed_dbm;  /* over the last reports, or BLEPROXY_RSSI_NONE */
    uint64_t heard_ns;    /* when the last report came */
    uint64_t interval_ns; /* between two reports of the device at most, as learned; 0: not learned */
    uint8_t address_type;
};
/* False: it does not. */
bool hub_hears(const struct hub *hub, const struct scanner *scanner, uint64_t address,
               struct hub_hearing *ret_hearing);

int hub_subscribe(struct hub *hub, enum bleproxy_stream stream, const struct bleproxy_filter *filter,
                  bleproxy_advertisement_fn *on_advertisement, void *user,
                  struct bleproxy_subscription **ret_subscription);
int hub_find(struct hub *hub, const struct bleproxy_filter *filter, uint64_t timeout_ns,
             bleproxy_found_fn *on_found, void *user, uint64_t now_ns, struct bleproxy_search **ret_search);
int hub_discover(struct hub *hub, const struct bleproxy_filter *filter, uint64_t timeout_ns,
                 bleproxy_discovered_fn *on_discovered, void *user, uint64_t now_ns,
                 struct bleproxy_search **ret_search);
const struct bleproxy_device *hub_device(const struct hub *hub, uint64_t address);
const struct bleproxy_device *hub_next_device(const struct hub *hub, size_t *position);
size_t hub_n_devices(const struct hub *hub);
void hub_watch_slots(struct hub *hub, bleproxy_hub_slots_fn *on_slots, void *user);
void hub_get_statistics(const struct hub *hub, struct bleproxy_hub_statistics *ret_statistics);

#endif
