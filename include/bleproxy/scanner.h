/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_SCANNER_H
#define BLEPROXY_SCANNER_H

#include <bleproxy/device_info.h>
#include <bleproxy/hub.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One proxy as a source of advertisements, for the time of one connection. */
struct bleproxy_scanner;

uint64_t bleproxy_scanner_source(const struct bleproxy_scanner *scanner);
/* The proxy's name. Lives as long as the scanner. */
const char *bleproxy_scanner_name(const struct bleproxy_scanner *scanner);
bool bleproxy_scanner_is_connectable(const struct bleproxy_scanner *scanner);
/* It has been heard from within 90 s, and no connection attempt holds its radio. */
bool bleproxy_scanner_is_scanning(const struct bleproxy_scanner *scanner);
bool bleproxy_scanner_is_available(const struct bleproxy_scanner *scanner);
/* As the proxy reports them; UNKNOWN and NONE before it does, or when its firmware (before 2025.5) never
 * does. */
enum bleproxy_scanner_state bleproxy_scanner_state(const struct bleproxy_scanner *scanner);
enum bleproxy_scanner_mode bleproxy_scanner_mode(const struct bleproxy_scanner *scanner);
/* NULL while not known, or when the proxy has none. Borrowed until control returns to the loop. */
const struct bleproxy_slots *bleproxy_scanner_slots(const struct bleproxy_scanner *scanner);

/* Asks for passive or active scanning from now on. 0, BLEPROXY_E_UNSUPPORTED (firmware before 2025.5; kept as
 * an intent), BLEPROXY_E_NOT_CONNECTED, BLEPROXY_E_INVALID. */
int bleproxy_scanner_set_mode(struct bleproxy_scanner *scanner, enum bleproxy_scanner_mode mode);
/* Scans actively for duration_ms, then restores what was before. opened is false when that could not be done;
 * on_done is called exactly once, then also from within. NULL is fine. */
void bleproxy_scanner_window(struct bleproxy_scanner *scanner, uint32_t duration_ms,
                             void (*on_done)(void *user, bool opened), void *user);

/* What follows is for programs that manage the connection themselves; see <bleproxy/client.h>. A manager does
 * all of it on its own. */

/* Starts the scanner's timers. Duty 1. */
void bleproxy_scanner_setup(struct bleproxy_scanner *scanner);
/* Registers it with a hub, so that its reports are heard; unregister it when the connection is lost. Duty 2.
 * 0 or BLEPROXY_E_STATE. */
int bleproxy_hub_register_scanner(struct bleproxy_hub *hub, struct bleproxy_scanner *scanner);
void bleproxy_hub_unregister_scanner(struct bleproxy_hub *hub, struct bleproxy_scanner *scanner);
/* The connection is lost: no connection through it will be tried. Duty 3, before duty 4. */
void bleproxy_scanner_set_unavailable(struct bleproxy_scanner *scanner);

/* Callbacks that must run when the connection is lost. Duty 4: bleproxy_disconnect_set_fire(). */
struct bleproxy_disconnect_set;
typedef void bleproxy_disconnect_fn(void *user);
/* A set to share among scanners; counted. 0 or BLEPROXY_E_NOMEM. */
int bleproxy_disconnect_set_new(struct bleproxy_loop *loop, struct bleproxy_disconnect_set **ret_set);
/* Gives the caller's reference back. NULL is fine. */
void bleproxy_disconnect_set_unref(struct bleproxy_disconnect_set *set);
/* A pair of function and user is held once. 0 or BLEPROXY_E_NOMEM. */
int bleproxy_disconnect_set_add(struct bleproxy_disconnect_set *set, bleproxy_disconnect_fn *on_disconnect,
                                void *user);
void bleproxy_disconnect_set_remove(struct bleproxy_disconnect_set *set,
                                    bleproxy_disconnect_fn *on_disconnect, void *user);
/* Calls those in the set, each once, and empties it. */
void bleproxy_disconnect_set_fire(struct bleproxy_disconnect_set *set);

/* The scanner's set, borrowed. */
struct bleproxy_disconnect_set *bleproxy_scanner_disconnect_set(struct bleproxy_scanner *scanner);
/* Replaces it, before bleproxy_scanner_setup() only (BLEPROXY_E_STATE); the scanner takes a reference of its
 * own. */
int bleproxy_scanner_set_disconnect_set(struct bleproxy_scanner *scanner,
                                        struct bleproxy_disconnect_set *set);

/* A scanner without a connection of ours: somebody else hears, another program or another radio, and tells what. Set it up
 * and register it as one of a client's. No connections go through it: attempts fail at once. */
struct bleproxy_scanner_config {
    uint64_t source;                 /* which proxy it stands for: its Bluetooth MAC address */
    const char *name;                /* what it is called; copied */
    const char *firmware;            /* its ESPHome version, or NULL; copied */
    bool connectable;                /* whoever it stands for can make connections */
    enum bleproxy_scanner_mode mode; /* how it scans; NONE: not known */
};
/* config is copied. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID (no source or name). The loop must outlive it. */
int bleproxy_scanner_new(struct bleproxy_loop *loop, const struct bleproxy_scanner_config *config,
                         struct bleproxy_scanner **ret_scanner);
/* What it has heard, now; raw: AD structures as in an advertisement, at most 1650 bytes, more are left out. rssi_dbm may be
 * BLEPROXY_RSSI_NONE. Only of scanners from bleproxy_scanner_new(), and not from within callbacks of a hub. */
void bleproxy_scanner_report(struct bleproxy_scanner *scanner, uint64_t address, uint8_t address_type,
                             int8_t rssi_dbm, const uint8_t *raw, size_t size);
/* Which slots it has; copied. As above. */
void bleproxy_scanner_report_slots(struct bleproxy_scanner *scanner, const struct bleproxy_slots *slots);

/* Does duties 3 and 4, unregisters it, closes an open window and ends its subscription, too. Only for scanners from
 * bleproxy_connect_scanner() and bleproxy_scanner_new(). Allowed in callbacks. NULL is fine. */
void bleproxy_scanner_free(struct bleproxy_scanner *scanner);

#ifdef __cplusplus
}
#endif
#endif
