/* SPDX-License-Identifier: MIT */
#ifndef DISCOVERY_RESPONDER_H
#define DISCOVERY_RESPONDER_H

#include "base/env.h"
#include "base/net_address.h"
#include "base/time.h"
#include "discovery/dns.h"

/* The device's side of multicast DNS (RFC 6762, RFC 6763): one ESPHome device on one network interface. Datagrams in,
 * messages and deadlines out. It does not probe: that its name is its own is its owner's word. */

enum {
    RESPONDER_ADDRESSES_MAX = 8, /* the rest is left out */
    RESPONDER_TEXT_MAX = 512,
    RESPONDER_ANNOUNCEMENTS = 2, /* of each change, a second apart: RFC 6762, 8.3 */
};

struct responder {
    const struct env *env; /* for random delays */
    char instance[DNS_NAME_SIZE], host[DNS_NAME_SIZE];
    uint16_t port;
    unsigned n_addresses;
    struct net_address addresses[RESPONDER_ADDRESSES_MAX];
    uint8_t text[RESPONDER_TEXT_MAX];
    size_t text_size;
    bool present; /* it answers */
    bool leaving; /* its goodbye is to be sent */
    unsigned n_announcements;
    uint64_t announce_ns; /* when the next of these is; BP_NEVER */
    unsigned wanted;      /* records to be sent to all */
    uint64_t answer_ns;   /* when; BP_NEVER */
    uint64_t said_ns;     /* when it last spoke to all; 0: never */
};

/* Absent, without addresses. text is a TXT record under construction (dns_text_append()). 0, or BLEPROXY_E_INVALID: the name
 * is not 1 to 63 bytes, or there is too much text. */
int responder_init(struct responder *responder, const struct env *env, const char *name, uint16_t port,
                   const uint8_t *text, size_t text_size);
/* Other texts, or another port. Announced unless they are as they were. 0 or BLEPROXY_E_INVALID. */
int responder_set_service(struct responder *responder, uint16_t port, const uint8_t *text, size_t text_size,
                          uint64_t now_ns);
/* Announced unless they are as they were. */
void responder_set_addresses(struct responder *responder, const struct net_address *addresses, size_t n,
                             uint64_t now_ns);
/* It is there from now on, and says so; again if it was. */
void responder_announce(struct responder *responder, uint64_t now_ns);
/* It is gone: with a goodbye, or without a word. Idempotent. */
void responder_leave(struct responder *responder, bool goodbye);

/* Takes a neighbour's datagram, which is borrowed. True: answer is to be sent to who asked, and to no one else; what is for
 * all comes from responder_next(). */
bool responder_feed(struct responder *responder, const uint8_t *datagram, size_t size,
                    const struct net_address *from, uint64_t now_ns, struct dns_writer *ret_answer);
/* The next message to all that is due; false for none. */
bool responder_next(struct responder *responder, uint64_t now_ns, struct dns_writer *ret_message);
uint64_t responder_deadline(const struct responder *responder);

#endif
