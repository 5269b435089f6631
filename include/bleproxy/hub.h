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
struct bleproxy_watch;

/* Where we decide otherwise than habluetooth: what its rule is instead. docs/differences.md has the reasons. */
enum bleproxy_rule {
    /* Apple's chatter is dropped: manufacturer data of company 76 alone that does not begin with 0x02 (iBeacon), 0x06,
     * 0x11 (HomeKit), 0x10 (device identity) or 0x12 (Find My). Else phones are heard like everything else. */
    BLEPROXY_RULE_APPLE_FILTER = 1u << 0,
    /* A device's interval is learned once, and anew with each owner. Else it is the longest gap of the last 15 to 30,
     * whoever the owner is. */
    BLEPROXY_RULE_INTERVAL = 1u << 1,
    /* A proxy forgets after 195 s even what it hears less often, and absences are looked for every 300 s. Else it remembers
     * for 2.5 intervals, from BLEPROXY_DEVICE_EXPIRY_S to 900 s, and they are looked for every 30 s. */
    BLEPROXY_RULE_EXPIRY = 1u << 2,
    /* A device that is connected, and silent therefore, becomes unavailable. Else it does not, and when it is left it has
     * as long as proxies remember to be heard again. */
    BLEPROXY_RULE_PRESENCE = 1u << 3,
    /* A proxy that has lost its connection comes back without memory. Else it knows what it has heard before, as far as it
     * would remember that. */
    BLEPROXY_RULE_HISTORY = 1u << 4,
    /* A window of active scanning that is open is never made longer. Else it is, when more is asked for meanwhile. */
    BLEPROXY_RULE_WINDOW = 1u << 5,
    /* The proxy for a connection is chosen by the last signal, penalties in proportion to the gap between the two
     * strongest, and failures that count until a success; nobody waits for a better proxy that is busy; bonds do not
     * matter. */
    BLEPROXY_RULE_ROUTING = 1u << 6,
    BLEPROXY_RULES_ALL = 0x7fffffff,
};

struct bleproxy_hub_options {
    /* Devices held at most, 0 for the default. When the table is full a newcomer displaces the device heard
     * only once that has been silent longest, else one that has been silent for over a minute; where there is none it
     * is left out until others go. Devices that somebody cares about are never displaced: those whose address is
     * named in a filter or a watch, that have an interval set, are pinned, bonded or connected, or have a scan request. */
    uint32_t devices_max;
    uint32_t reference; /* enum bleproxy_rule: where to decide as habluetooth does; 0: nowhere */
    /* A directory that exists, for what is kept between runs; NULL: nothing. Its files are replaced as a whole, and set
     * aside with a warning when damaged: "services" of known devices, so that they are not discovered again; "bonds",
     * which proxy has the bond of which device; and "history", what each proxy has heard, of neighbours' devices too:
     * written every five minutes and at the end, and what is not too old is known to the proxies of the next run. They
     * are for their owner's eyes only. */
    const char *state_dir;
    /* The directory of "proxies" alone, which device answers at which address: another one that answers there, or by that
     * name, is refused with BLEPROXY_E_BAD_MAC_ADDRESS until bleproxy_hub_forget_proxy(). NULL: state_dir. */
    const char *proxies_dir;
    /* Connections that another program has made through a proxy stay when this hub takes the proxy over: for programs
     * that only look. Else they are closed, as nobody could use them and they would hold slots. */
    bool spare_links;
};
enum {
    BLEPROXY_HUB_DEVICES_DEFAULT = 16384,
    /* For this long a proxy remembers a device that it hears no more, if not longer; only then can the device count as
     * unavailable. */
    BLEPROXY_DEVICE_EXPIRY_S = 330,
};

/* options NULL: defaults. 0, BLEPROXY_E_NOMEM. The loop must outlive the hub. */
int bleproxy_hub_new(struct bleproxy_loop *loop, const struct bleproxy_hub_options *options,
                     struct bleproxy_hub **ret_hub);
/* Managers must be freed before. Ends subscriptions (freeing them afterwards is too late), unregisters
 * scanners, and from within completes searches with BLEPROXY_E_CANCELLED. Allowed in its callbacks. NULL is
 * fine. */
void bleproxy_hub_free(struct bleproxy_hub *hub);

/* Several proxies hear one device; one of them owns it at a time. It keeps the device until another hears it over 16 dB
 * stronger (smoothed over several reports; over 22 dB if that one has just lost it), or until it misses it while
 * another hears it: for one and a half of the device's intervals if it heard it weakly anyway, else for two and a half. */
enum bleproxy_stream {
    BLEPROXY_STREAM_REPORTS = 0, /* every report of every proxy */
    BLEPROXY_STREAM_OWNER = 1,   /* every report of the owner */
    /* The owner's reports that say something new: first sight, name, UUIDs or data; and the first that comes through a
     * connectable proxy after there was none. Their connectable is 1 also when another proxy could connect. */
    BLEPROXY_STREAM_CHANGES = 2,
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

/* Of a device that nobody has heard since its proxies were connected: what one of them heard before that, in an earlier
 * run for instance. It can be connected to by that while it is not too old. address 0: any; name: exact, NULL: any. Of
 * several reports the latest one that tells a name, else the latest. NULL: there is none. Borrowed until control returns
 * to the event loop. */
const struct bleproxy_advertisement *bleproxy_hub_remembered(const struct bleproxy_hub *hub, uint64_t address,
                                                             const char *name);

/* The owner's last report. When the owner has forgotten it or is gone: without raw, and proxy is "". */
const struct bleproxy_advertisement *bleproxy_device_advertisement(const struct bleproxy_device *device);
/* Who hears the device and how strongly: each proxy's last report, the owner's first. Start with *position =
 * NULL. */
const struct bleproxy_advertisement *bleproxy_device_next_report(const struct bleproxy_device *device,
                                                                 const void **position);
/* Its name, whichever proxy has heard it, or NULL. */
const char *bleproxy_device_name(const struct bleproxy_device *device);
/* Reports by the owners, ever, and when the first came (on the loop's clock). */
uint64_t bleproxy_device_reports(const struct bleproxy_device *device);
uint64_t bleproxy_device_first_heard_ns(const struct bleproxy_device *device);
/* The longest time between its last reports by an owner (see BLEPROXY_RULE_INTERVAL), or 0: not known yet. */
uint64_t bleproxy_device_interval_ns(const struct bleproxy_device *device);
/* How strongly the proxy hears it, smoothed, or BLEPROXY_RSSI_NONE. Devices that one proxy hears alone are not smoothed. */
int8_t bleproxy_device_strength_dbm(const struct bleproxy_device *device, uint64_t source);

/* Tells when a device becomes unavailable. connectable 1: no proxy that can connect has heard it for a while, others may
 * have; it may still be in the table. connectable 0: none has, for longer than its interval explains (900 s while that is
 * not known): it leaves the table after the call. Also when it is displaced by others. last: its last report, borrowed. */
typedef void bleproxy_unavailable_fn(void *user, const struct bleproxy_advertisement *last, bool connectable);
/* address: of one device, or 0: all. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID, BLEPROXY_E_STATE while the hub is freed. */
int bleproxy_hub_watch_unavailable(struct bleproxy_hub *hub, uint64_t address,
                                   bleproxy_unavailable_fn *on_unavailable, void *user,
                                   struct bleproxy_watch **ret_watch);
/* NULL is fine. No call follows. */
void bleproxy_watch_free(struct bleproxy_watch *watch);

/* As bleproxy_hub_options.reference; counts for what is decided from now on. */
void bleproxy_hub_set_reference(struct bleproxy_hub *hub, uint32_t reference);

/* How often the device advertises, where the user knows better than can be learned: until its own interval is known this is
 * taken for it. 0: no longer (with BLEPROXY_RULE_EXPIRY also once the device has become unavailable). At most a year. 0,
 * BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID. */
int bleproxy_hub_set_interval(struct bleproxy_hub *hub, uint64_t address, uint32_t interval_s);
/* Forgets what the device has told: its next report counts as the first, and nothing of before is merged into it. For
 * devices that tell their state by what they leave out. It stays reachable, and proxies go on knowing its name. */
void bleproxy_hub_forget(struct bleproxy_hub *hub, uint64_t address);

/* Connection slots, whenever a proxy of the hub reports others than before, comes or goes (free and allocated are then
 * 0, the limit is the last one known; 0 for proxies that make no connections). slots is borrowed. */
typedef void bleproxy_hub_slots_fn(void *user, uint64_t source, const char *proxy,
                                   const struct bleproxy_slots *slots);
/* One watcher per hub; NULL ends it. */
void bleproxy_hub_watch_slots(struct bleproxy_hub *hub, bleproxy_hub_slots_fn *on_slots, void *user);

/* Another device may answer there from now on, as in the configuration of its manager; port 0: 6053. 0 or
 * BLEPROXY_E_NOT_FOUND. */
int bleproxy_hub_forget_proxy(struct bleproxy_hub *hub, const char *address, uint16_t port);

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
