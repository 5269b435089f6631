/* SPDX-License-Identifier: MIT */
#ifndef HUB_SCANNER_H
#define HUB_SCANNER_H

#include "base/env.h"
#include "base/list.h"
#include "base/map.h"
#include "base/time.h"
#include "wire/batch.h"
#include "wire/message.h"
#include <bleproxy/advertisement.h>
#include <bleproxy/device_info.h>

struct hub;
struct sighting;
struct disconnect_set;

/* One proxy as a source of advertisements: what it has heard of each device, its scan state and mode, its
 * connection slots, and the watchdog over its subscription. Lives for one session. */
struct scanner;

struct scanner_config {
    const struct env *env;
    uint64_t source;   /* the proxy's Bluetooth MAC address */
    const char *name;  /* what the proxy calls itself; copied */
    const char *label; /* what it is called here, or NULL; copied */
    bool connectable;  /* it can make connections */
    bool
        watchdog; /* raw advertisements and scanner state are both supported: the subscription can be checked; and
                        * asking for it again takes it from nobody */
    bool has_mode;            /* scanner mode can be set */
    bool has_configured_mode; /* and the one configured is told (firmware since 2025.9) */
    uint32_t features;        /* enum bleproxy_feature */
    const char *firmware;     /* its ESPHome version, or NULL; copied */
};

struct session;

/* How a scanner asks its proxy for things. Return 0 or BLEPROXY_E_*. */
struct scanner_ops {
    int (*subscribe)(void *user, uint64_t now_ns);
    /* PASSIVE or ACTIVE. */
    int (*set_mode)(void *user, enum bleproxy_scanner_mode mode, uint64_t now_ns);
};

int scanner_new(const struct scanner_config *config, struct scanner **ret_scanner);
/* Unregisters and unsets up what still is. Allowed in its callbacks. NULL is fine. */
void scanner_free(struct scanner *scanner);
/* Keeps the memory of one that is freed: it is then without a session, a hub and slots. */
struct scanner *scanner_ref(struct scanner *scanner);
void scanner_unref(struct scanner *scanner);
/* ops NULL: no session; requests are refused. session: the one that connections go through, or NULL. */
void scanner_bind(struct scanner *scanner, const struct scanner_ops *ops, void *user,
                  struct session *session);
/* Starts its timers (expiry, watchdog). Idempotent. */
void scanner_setup(struct scanner *scanner, uint64_t now_ns);
/* Cancels watchdog, windows and timers. Idempotent. */
void scanner_unsetup(struct scanner *scanner, uint64_t now_ns);
uint64_t scanner_deadline(const struct scanner *scanner);
void scanner_tick(struct scanner *scanner, uint64_t now_ns);

/* What the proxy streams. Not from within callbacks of a hub: their arguments may go. */
void scanner_report(struct scanner *scanner, const struct batch_advert *advert, uint64_t now_ns);
void scanner_report_decoded(struct scanner *scanner, const BluetoothLEAdvertisementResponse *advert,
                            uint64_t now_ns);
void scanner_on_state(struct scanner *scanner, uint32_t state, uint32_t mode, uint32_t configured_mode,
                      uint64_t now_ns);
void scanner_on_slots(struct scanner *scanner, const struct bleproxy_slots *slots, uint64_t now_ns);

uint64_t scanner_source(const struct scanner *scanner);
const char *scanner_name(const struct scanner *scanner);
/* The configured name; the proxy's own when there is none. */
const char *scanner_label(const struct scanner *scanner);
/* When it was last registered with a hub. */
uint64_t scanner_registered_ns(const struct scanner *scanner);
/* When it last heard anything at all, or was set up. */
uint64_t scanner_heard_ns(const struct scanner *scanner);
bool scanner_is_connectable(const struct scanner *scanner);
/* Not paused by connection attempts, and heard from within 90 s. */
bool scanner_is_scanning(const struct scanner *scanner);
/* Holds scanning to be stopped while a connection attempt is under way; counted. */
void scanner_pause(struct scanner *scanner);
void scanner_resume(struct scanner *scanner);
/* Connections may be tried: cleared when the session goes. Those who wait for slots are told from within. */
bool scanner_is_available(const struct scanner *scanner);
void scanner_set_available(struct scanner *scanner, bool available, uint64_t now_ns);
/* Who waits for slots, and who holds them: slots.h. Never NULL. */
struct slots *scanner_slot_record(struct scanner *scanner);
/* The session, for connections through this proxy; NULL while there is none. */
struct session *scanner_session(const struct scanner *scanner);
uint32_t scanner_features(const struct scanner *scanner);
/* "" when not known. */
const char *scanner_firmware(const struct scanner *scanner);
/* Connection attempts that hold it paused. */
unsigned scanner_pauses(const struct scanner *scanner);
/* Connection attempts are under way: the radio has no time for anything else. */
bool scanner_is_connecting(const struct scanner *scanner);
/* NULL while nothing is known or the proxy has no slots. Borrowed until the next report. */
const struct bleproxy_slots *scanner_slots(const struct scanner *scanner);

/* NONE while not known; the mode is known only while the proxy says it runs. */
enum bleproxy_scanner_state scanner_state(const struct scanner *scanner);
enum bleproxy_scanner_mode scanner_current_mode(const struct scanner *scanner);
enum bleproxy_scanner_mode scanner_requested_mode(const struct scanner *scanner);
enum bleproxy_scanner_mode scanner_configured_mode(const struct scanner *scanner);
/* Pins the mode that is wanted from now on. Without the feature: kept as an intent, a warning is logged,
 * BLEPROXY_E_UNSUPPORTED. Else what the ops say. */
int scanner_set_mode(struct scanner *scanner, enum bleproxy_scanner_mode mode, uint64_t now_ns);

/* Scans actively for duration_ns, then restores what was before (a mode pinned meanwhile wins). opened false: there
 * is no session or feature, a window is open already, or the proxy could not be told. on_done is called exactly
 * once, from within when refused. NULL is fine. */
typedef void scanner_window_fn(void *user, bool opened, uint64_t now_ns);
void scanner_window(struct scanner *scanner, uint64_t duration_ns, scanner_window_fn *on_done, void *user,
                    uint64_t now_ns);
/* The same, but false and no callback when it is refused. */
bool scanner_window_open(struct scanner *scanner, uint64_t duration_ns, scanner_window_fn *on_closed,
                         void *user, uint64_t now_ns);
/* Makes the open window last until end_ns at least. False: none is open. */
bool scanner_window_extend(struct scanner *scanner, uint64_t end_ns, uint64_t now_ns);
/* Ends an open window now: the mode is restored, on_done is called. */
void scanner_window_close(struct scanner *scanner, uint64_t now_ns);
/* What subscribers want where nobody has pinned a mode: PASSIVE or ACTIVE, or NONE: what was before is restored. AUTO stays
 * AUTO, but with ACTIVE it scans actively all the time. Sent to the proxy only when it changes how it scans. */
void scanner_demand(struct scanner *scanner, enum bleproxy_scanner_mode mode, uint64_t now_ns);
/* A session is lost: whether the proxy is in a mode because of a window or of subscribers, and what it should go back to
 * (NONE: not known, but it may say how it is configured). */
bool scanner_owes_mode(const struct scanner *scanner, enum bleproxy_scanner_mode *ret_owed);
/* The next session's scanner, before it is set up: the proxy goes back once it says how it scans, if nothing else is wanted. */
void scanner_owe_mode(struct scanner *scanner, enum bleproxy_scanner_mode owed);
/* The session ends soon: the proxy keeps no mode that it has because of a window or of subscribers, and none follows. */
void scanner_let_go(struct scanner *scanner, uint64_t now_ns);

/* Callbacks to fire when the session is lost; see disconnect_set.h. Never NULL. */
struct disconnect_set *scanner_disconnect_set(struct scanner *scanner);
/* Takes a set that the caller owns and shares; before setup only (BLEPROXY_E_STATE). */
int scanner_set_disconnect_set(struct scanner *scanner, struct disconnect_set *set);

/* When its proxy last told its scanner's state, 0: never. */
uint64_t scanner_told_ns(const struct scanner *scanner);
/* Sets the other mode and the present one again: the proxy's scanner starts anew. False: a window is open, or the mode
 * cannot be set, or is not known. */
bool scanner_restart_scan(struct scanner *scanner, uint64_t now_ns);
/* Asks for the advertisements again: 0 or BLEPROXY_E_*. */
int scanner_subscribe(struct scanner *scanner, uint64_t now_ns);
/* Its advertisements are another program's, or ours again: so is its scan mode. It is not set meanwhile, an open window
 * ends; what is wanted then is asked for afterwards. */
void scanner_leave_mode(struct scanner *scanner, bool left, uint64_t now_ns);
/* The device's last report by this proxy, or NULL. */
const struct bleproxy_advertisement *scanner_last(const struct scanner *scanner, uint64_t address);
size_t scanner_n_devices(const struct scanner *scanner);

#endif
