/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_HUB_H
#define BLEPROXY_HUB_H

#include <bleproxy/advertisement.h>
#include <bleproxy/device_info.h>
#include <bleproxy/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bleproxy_loop;

/* The one radio made of many proxies: a table of the devices that any of them hears, and those who want to
 * know. */
struct bleproxy_hub;
/* A device in the hub's table. Borrowed: it lives until control returns to the event loop, or until the last
 * proxy that heard it is stopped. */
struct bleproxy_device;
struct bleproxy_subscription;
struct bleproxy_search;

/* Rules in which the Python stack (habluetooth) decides otherwise than we do; with the bit, as it does. */
enum bleproxy_rule {
    /* The choice of the proxy for a connection: by the last signal, penalties in proportion to the gap between the two
     * strongest, failures that count until a success, no waiting for a better proxy that is busy, no regard for bonds. */
    BLEPROXY_RULE_ROUTING = 1u << 8,
};

struct bleproxy_hub_options {
    /* Devices held at most, 0 for the default. When the table is full a newcomer displaces the device heard
     * only once that has been silent longest; where there is none it is left out until others expire. */
    uint32_t devices_max;
    /* enum bleproxy_rule: where the hub is to decide as habluetooth does. */
    uint32_t reference;
    /* A directory that exists, for what is kept between runs; NULL: nothing. Its files are replaced as a whole, and set
     * aside with a warning when damaged: "services" of known devices, so that they are not discovered again, and
     * "bonds", which proxy has the bond of which device. */
    const char *state_dir;
};
enum {
    BLEPROXY_HUB_DEVICES_DEFAULT = 16384,
    BLEPROXY_DEVICE_EXPIRY_S = 195, /* a device that no proxy has heard for this long leaves the table */
};

/* options NULL: defaults. 0, BLEPROXY_E_NOMEM. The loop must outlive the hub. */
int bleproxy_hub_new(struct bleproxy_loop *loop, const struct bleproxy_hub_options *options,
                     struct bleproxy_hub **ret_hub);
/* Managers must be freed before. Ends subscriptions (freeing them afterwards is too late), unregisters
 * scanners, and from within completes searches with BLEPROXY_E_CANCELLED. Allowed in its callbacks. NULL is
 * fine. */
void bleproxy_hub_free(struct bleproxy_hub *hub);

/* Several proxies hear one device; one of them owns it at a time: the one that hears it clearly best, kept
 * until another is 16 dB stronger or it falls silent. */
enum bleproxy_stream {
    BLEPROXY_STREAM_REPORTS = 0, /* every report of every proxy */
    BLEPROXY_STREAM_OWNER = 1,   /* every report of the owner */
    BLEPROXY_STREAM_CHANGES =
        2, /* the owner's reports that say something new: first sight, name, UUIDs or data */
};

/* What a subscriber or a search wants; zero-initialised means everything. All conditions must hold. */
struct bleproxy_filter {
    uint64_t address;                    /* 0: any */
    const char *name;                    /* exact name; NULL: any */
    const char *name_prefix;             /* NULL: any */
    const struct bleproxy_uuid *service; /* among service UUIDs or service data; NULL: any */
    uint64_t source;                     /* one proxy's reports only; 0: all */
    int8_t rssi_min_dbm;                 /* 0: any; else at least this strong, e.g. -70 */
    /* Called last; false: not wanted. NULL: none. */
    bool (*predicate)(void *user, const struct bleproxy_advertisement *advertisement);
    void *predicate_user;
};

typedef void bleproxy_advertisement_fn(void *user, const struct bleproxy_advertisement *advertisement);
/* The filter is copied. A subscriber to OWNER or CHANGES is first told of the devices already known, from
 * within this call. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID, or BLEPROXY_E_STATE while the hub is freed. The
 * callback may make any call, free the subscription too. */
int bleproxy_hub_subscribe(struct bleproxy_hub *hub, enum bleproxy_stream stream,
                           const struct bleproxy_filter *filter, bleproxy_advertisement_fn *on_advertisement,
                           void *user, struct bleproxy_subscription **ret_subscription);
/* NULL is fine. No call follows. */
void bleproxy_subscription_free(struct bleproxy_subscription *subscription);

/* Completes with 0 and the first device that passes the filter, at once (never from within) when it is known
 * already, or with BLEPROXY_E_NOT_FOUND after timeout_ms, or BLEPROXY_E_CANCELLED; advertisement NULL then.
 * The search is gone when the callback returns. *ret_search (may be NULL) is for who may want to cancel it.
 * 0, BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID, or BLEPROXY_E_STATE while the hub is being freed. */
typedef void bleproxy_found_fn(void *user, int error, const struct bleproxy_advertisement *advertisement);
int bleproxy_hub_find(struct bleproxy_hub *hub, const struct bleproxy_filter *filter, uint32_t timeout_ms,
                      bleproxy_found_fn *on_found, void *user, struct bleproxy_search **ret_search);
/* Listens for timeout_ms, then completes with every device that passes the filter (owner's view of each), in
 * order of signal strength. error is 0, BLEPROXY_E_CANCELLED or BLEPROXY_E_NOMEM. */
typedef void bleproxy_discovered_fn(void *user, int error,
                                    const struct bleproxy_advertisement *const *devices, size_t n_devices);
int bleproxy_hub_discover(struct bleproxy_hub *hub, const struct bleproxy_filter *filter, uint32_t timeout_ms,
                          bleproxy_discovered_fn *on_discovered, void *user,
                          struct bleproxy_search **ret_search);
/* Completes the search with BLEPROXY_E_CANCELLED from within. Only while it is outstanding. */
void bleproxy_search_cancel(struct bleproxy_search *search);

/* The device of that address, or NULL. */
const struct bleproxy_device *bleproxy_hub_device(const struct bleproxy_hub *hub, uint64_t address);
/* Iterates over the table in no order: start with *position = 0; NULL at the end. Without returning to the
 * loop. */
const struct bleproxy_device *bleproxy_hub_next_device(const struct bleproxy_hub *hub, size_t *position);
size_t bleproxy_hub_n_devices(const struct bleproxy_hub *hub);

/* The owner's last report. NULL in a callback after the last proxy that heard the device was stopped in it.
 */
const struct bleproxy_advertisement *bleproxy_device_advertisement(const struct bleproxy_device *device);
/* Who hears the device and how strongly: each proxy's last report, the owner's first. Start with *position =
 * NULL. */
const struct bleproxy_advertisement *bleproxy_device_next_report(const struct bleproxy_device *device,
                                                                 const void **position);
/* Its name as far as any proxy has heard it, or NULL. */
const char *bleproxy_device_name(const struct bleproxy_device *device);
/* Reports by the owners, ever, and when the first came (on the loop's clock). */
uint64_t bleproxy_device_reports(const struct bleproxy_device *device);
uint64_t bleproxy_device_first_heard_ns(const struct bleproxy_device *device);

/* Connection slots, whenever a proxy of the hub reports others than before, comes or goes (free and allocated are then
 * 0, the limit is the last one known; 0 for proxies that make no connections). slots is borrowed. */
typedef void bleproxy_hub_slots_fn(void *user, uint64_t source, const char *proxy,
                                   const struct bleproxy_slots *slots);
/* One watcher per hub; NULL ends it. */
void bleproxy_hub_watch_slots(struct bleproxy_hub *hub, bleproxy_hub_slots_fn *on_slots, void *user);

struct bleproxy_hub_statistics {
    uint64_t reports;         /* advertisements received from all proxies */
    uint64_t devices_refused; /* reports of newcomers left out because a table was full */
    uint64_t oversized;       /* advertisements dropped for being longer than 1650 bytes */
};
void bleproxy_hub_get_statistics(const struct bleproxy_hub *hub,
                                 struct bleproxy_hub_statistics *ret_statistics);

#ifdef __cplusplus
}
#endif
#endif
