/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CARRIER_H
#define ENGINE_CARRIER_H

#include "engine/gather.h"
#include "engine/loop.h"
#include "engine/mdns.h"
#include "engine/resolver.h"
#include "engine/ticker.h"
#include "engine/transport.h"
#include "proxy/proxy.h"
#include <bleproxy/proxy.h>

/* Carries out on sockets what a pure struct proxy asks for. Embedded in what owns the proxy (a client, a
 * manager); every call into the proxy goes between enter and leave. */
struct carrier {
    struct bleproxy_loop *loop;
    struct proxy *proxy;
    struct ticker ticker;
    struct gather_member gather;
    struct turn_member outbox;
    struct nap_member nap;
    struct resolution *resolution;
    struct mdns_waker waker;
    struct list transports;
    struct transport *active; /* carries the session */
    unsigned depth;
    bool released;
    void (*on_release)(void *owner);
    void *owner;
};

/* deadline and tick are the owner's, which calls the proxy's in turn. on_release frees the owner: after
 * carrier_release(), once no call is on the stack. 0 or BLEPROXY_E_NOMEM. proxy is set by the owner
 * afterwards, and is its to free, before carrier_release() or in on_release. */
int carrier_init(struct carrier *carrier, struct bleproxy_loop *loop, uint64_t (*deadline)(void *owner),
                 void (*tick)(void *owner, uint64_t now_ns), void (*on_release)(void *owner), void *owner);
/* Writes what is pending and closes what is open, within enter and leave, once; the last leave then calls
 * on_release. */
void carrier_release(struct carrier *carrier);

/* Around each call into the pure objects. leave sees to the timer and the sockets, but calls nobody back. The owner may
 * be gone after it. What became pending is written once in each turn of the loop; that it failed is told from there. */
void carrier_enter(struct carrier *carrier);
void carrier_leave(struct carrier *carrier);

/* The proxy's ops: members of the owner's table, whose user is then the carrier. */
void carrier_resolve(void *user, const char *host, uint16_t port, uint64_t now_ns);
void carrier_cancel_resolve(void *user);
void carrier_open(void *user, unsigned attempt, const struct net_address *address, uint64_t now_ns);
void carrier_close(void *user, unsigned attempt);
/* Needs no enter and leave: the session may be used from elsewhere. */
void carrier_pending(void *user);
/* Nor does this. */
void carrier_turn(void *user);
void carrier_get_time(void *user, struct session_time *ret_time);

/* The public configuration as the proxy wants it; psk is where the key goes. Strings are borrowed. 0,
 * BLEPROXY_E_INVALID, BLEPROXY_E_INVALID_KEY. The caller wipes psk. */
int carrier_proxy_config(struct bleproxy_loop *loop, const struct bleproxy_proxy_config *config,
                         uint8_t psk[32], struct proxy_config *ret_config);

#endif
