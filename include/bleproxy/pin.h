/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_PIN_H
#define BLEPROXY_PIN_H

#include <bleproxy/error.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bleproxy_hub;

/* Which proxies are for which devices. Pins steer connections, not what is heard; connections that are up stay. */
enum bleproxy_pin {
    /* The proxy goes first whenever it can be used, also before a stronger one. Others are taken when it does not hear the
     * device, is full, has failed twice of late, or has been busy for BLEPROXY_PIN_PATIENCE_S. */
    BLEPROXY_PIN_PREFER = 0,
    BLEPROXY_PIN_ONLY = 1,    /* no proxies but those with this pin are ever used for the device */
    BLEPROXY_PIN_DENY = 2,    /* the proxy is never used for the device: stronger than every other pin */
    BLEPROXY_PIN_RESERVE = 3, /* the proxy is used for no devices but those with this pin */
};
enum { BLEPROXY_PIN_PATIENCE_S = 20, BLEPROXY_PINS_MAX = 4096 };

/* proxy: a manager's configured name, the proxy's own name, or its Bluetooth MAC address ("AA:BB:CC:DD:EE:FF"); one that
 * is not connected is as if out of reach. A pin that is there already is fine. 0; BLEPROXY_E_INVALID, also when it
 * contradicts another pin of the same device and proxy; BLEPROXY_E_LIMIT (BLEPROXY_PINS_MAX); BLEPROXY_E_NOMEM;
 * BLEPROXY_E_STATE while the hub is being freed: then there are no pins, bonds and paths any more. */
int bleproxy_hub_pin(struct bleproxy_hub *hub, uint64_t address, const char *proxy, enum bleproxy_pin kind);
/* 0, or BLEPROXY_E_NOT_FOUND. proxy as it was given. */
int bleproxy_hub_unpin(struct bleproxy_hub *hub, uint64_t address, const char *proxy, enum bleproxy_pin kind);

/* Where the bond of a paired device is. A bond is the proxy's: with others the device would have to be paired anew, so
 * that no other is used for it. The record is made when pairing succeeds, moves when pairing through another proxy
 * does, and goes with unpairing. */
struct bleproxy_bond {
    uint64_t address;
    uint64_t source;   /* the proxy's Bluetooth MAC address */
    const char *proxy; /* what it was called when the bond was made */
};
enum { BLEPROXY_BONDS_MAX = 512 };

/* NULL: none is known. Borrowed until control returns to the event loop. */
const struct bleproxy_bond *bleproxy_hub_bond(const struct bleproxy_hub *hub, uint64_t address);
/* All, in the order in which they were made: start with *position = 0; NULL at the end. Without returning to the loop. */
const struct bleproxy_bond *bleproxy_hub_next_bond(const struct bleproxy_hub *hub, size_t *position);
/* Forgets it here; the proxy and the device keep theirs. For a proxy that is gone for good. 0 or
 * BLEPROXY_E_NOT_FOUND. */
int bleproxy_hub_forget_bond(struct bleproxy_hub *hub, uint64_t address);

#ifdef __cplusplus
}
#endif
#endif
