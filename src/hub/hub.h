/* SPDX-License-Identifier: MIT */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include "base/env.h"
#include "base/time.h"
#include <bleproxy/hub.h>
#include <bleproxy/scanning.h>

struct scanner;

/* The pure core of struct bleproxy_hub: many scanners, one device table, subscribers and searches. The contracts of
 * the functions are those of their namesakes in <bleproxy/hub.h>, with the time as an argument. */
struct hub;

/* From now_ns on it looks who is gone. */
int hub_new(const struct env *env, const struct bleproxy_hub_options *options, uint64_t now_ns,
            struct hub **ret_hub);
void hub_free(struct hub *hub, uint64_t now_ns);
/* Of everything but its scanners, which have their own (scanner.h) that whoever made them keeps. */
uint64_t hub_deadline(const struct hub *hub);
/* Who keeps its appointments is told when the deadline comes nearer by what scanners do; from within them. NULL: nobody. */
typedef void hub_deadline_fn(void *user);
void hub_watch_deadline(struct hub *hub, hub_deadline_fn *on_deadline, void *user);
/* Nothing is to come: there is no scanner, no search and no sweep. That devices become unavailable then is not worth waiting for. */
bool hub_is_idle(const struct hub *hub);
void hub_tick(struct hub *hub, uint64_t now_ns);

struct identities;
/* Of its proxies. */
struct identities *hub_identities(struct hub *hub);
/* A registered scanner's reports reach the table. A second one with the same source is an error in the log, and
 * works. Who watches slots is told from within, and may end it again. 0, BLEPROXY_E_STATE (registered already),
 * BLEPROXY_E_NOMEM. */
int hub_register_scanner(struct hub *hub, struct scanner *scanner, uint64_t now_ns);
/* Idempotent. Devices stay in the table until they are unavailable. Who watches slots is told from within. */
void hub_unregister_scanner(struct hub *hub, struct scanner *scanner, uint64_t now_ns);
/* Registered scanners in order of registration: start with *position = 0; NULL at the end. */
struct scanner *hub_next_scanner(const struct hub *hub, size_t *position);

int hub_subscribe(struct hub *hub, enum bleproxy_stream stream, const struct bleproxy_filter *filter,
                  bleproxy_advertisement_fn *on_advertisement, void *user,
                  struct bleproxy_subscription **ret_subscription);
int hub_find(struct hub *hub, const struct bleproxy_filter *filter, uint64_t timeout_ns,
             bleproxy_found_fn *on_found, void *user, uint64_t now_ns, struct bleproxy_search **ret_search);
int hub_discover(struct hub *hub, const struct bleproxy_filter *filter, uint64_t timeout_ns,
                 bleproxy_discovered_fn *on_discovered, void *user, uint64_t now_ns,
                 struct bleproxy_search **ret_search);
const struct bleproxy_device *hub_device(const struct hub *hub, uint64_t address);
const struct bleproxy_advertisement *hub_remembered(const struct hub *hub, uint64_t address,
                                                    const char *name);
const struct bleproxy_device *hub_next_device(const struct hub *hub, size_t *position);
size_t hub_n_devices(const struct hub *hub);
int hub_watch_unavailable(struct hub *hub, uint64_t address, bleproxy_unavailable_fn *on_unavailable,
                          void *user, struct bleproxy_watch **ret_watch);
enum { HUB_INTERVAL_MAX_S = 366 * 24 * 3600 };
int hub_set_interval(struct hub *hub, uint64_t address, uint64_t interval_ns);
void hub_set_reference(struct hub *hub, uint32_t reference, uint64_t now_ns);
void hub_forget(struct hub *hub, uint64_t address);
/* The source of the device's current report, or 0: there is none. */
uint64_t hub_source_of(const struct hub *hub, uint64_t address);

/* How a registered scanner hears a device. */
struct hub_hearing {
    int8_t rssi_dbm;      /* of the last report, or BLEPROXY_RSSI_NONE */
    double smoothed_dbm;  /* the same where only one proxy hears it */
    uint64_t heard_ns;    /* the last report */
    uint64_t interval_ns; /* the device's, learned or set by the user; 0: not known */
    uint8_t address_type;
};
/* False: the scanner does not remember it. */
bool hub_hears(const struct hub *hub, const struct scanner *scanner, uint64_t address,
               struct hub_hearing *ret_hearing);
/* A connection to the device is up, of interest_connect(). */
bool hub_is_connected(const struct hub *hub, uint64_t address);
int hub_request_active_scan(struct hub *hub, uint64_t address, uint32_t interval_ms, uint32_t duration_ms,
                            uint64_t now_ns, struct bleproxy_active_scan **ret_request);
int hub_request_scan(struct hub *hub, enum bleproxy_scanner_mode mode,
                     struct bleproxy_scan_request **ret_request);
int hub_sweep(struct hub *hub, uint32_t duration_ms, bleproxy_sweep_fn *on_done, void *user, uint64_t now_ns,
              struct bleproxy_sweep **ret_sweep);
const struct bleproxy_active_scan *hub_next_active_scan(const struct hub *hub, size_t *position);
int hub_get_auto_scan(const struct hub *hub, uint64_t source, struct bleproxy_auto_scan *ret_auto_scan);
void hub_watch_slots(struct hub *hub, bleproxy_hub_slots_fn *on_slots, void *user);
void hub_get_statistics(const struct hub *hub, struct bleproxy_hub_statistics *ret_statistics);

#endif
