/* SPDX-License-Identifier: MIT */
#ifndef DISCOVERY_SERVICE_H
#define DISCOVERY_SERVICE_H

#include "base/list.h"
#include "discovery/hosts.h"
#include "discovery/lifetime.h"

enum {
    SERVICE_NAME_SIZE = 64, /* bytes with the NUL, as of all texts below */
    SERVICE_TEXT_SIZE = 128,
    SERVICE_SHORT_SIZE = 48,
    SERVICE_MAC_SIZE = 18,
};

/* What the TXT record tells, sanitised; what is missing or malformed is "". */
struct service_text {
    char friendly_name[SERVICE_TEXT_SIZE];
    char version[SERVICE_SHORT_SIZE];
    char mac[SERVICE_MAC_SIZE]; /* "AA:BB:CC:DD:EE:FF" */
    char platform[SERVICE_SHORT_SIZE];
    char board[SERVICE_SHORT_SIZE];
    char network[SERVICE_SHORT_SIZE];
    char project_name[SERVICE_TEXT_SIZE];
    char project_version[SERVICE_SHORT_SIZE];
    bool encrypted;        /* it has a key and refuses plaintext */
    bool can_be_encrypted; /* it has no key yet */
};

/* One instance of the service, an ESPHome device. */
struct service {
    struct list link;
    char instance[DNS_NAME_SIZE];      /* "kitchen._esphomelib._tcp.local" */
    char name[SERVICE_NAME_SIZE];      /* "kitchen", sanitised, never empty */
    struct host host;                  /* its target and its addresses */
    uint64_t instance_hash, host_hash; /* of their names, for who looks for it */
    uint16_t port;
    struct service_text text;
    char mac[SERVICE_MAC_SIZE]; /* the last that was told */
    uint64_t mac_ns;            /* when; 0: never */
    bool has_rival;             /* another device goes by its name: text.mac is "", as it could be either's */
    struct lifetime pointer, location, description, addresses; /* PTR, SRV, TXT, A and AAAA */
    struct net_address sender;                                 /* who announced it first */
    unsigned n_of_sender;                                      /* how many services that is */
    bool displaced;                                            /* gives way to another one */
    bool reported;                                             /* the owner knows of it */
    bool changed;                                              /* since then */
};

/* Reads a TXT record. */
void service_text_read(struct service_text *ret_text, const uint8_t *bytes, size_t size);
/* Sets it up with instance and name, all else missing; false when the instance is none of ESPHOME_SERVICE, or nothing of its
 * name prints. */
bool service_init(struct service *service, const char *instance, uint64_t now_ns);
/* Whether enough is known to connect. */
bool service_is_complete(const struct service *service);
/* Takes an SRV or TXT record of the instance in. life_ns is the record's lifetime. */
void service_feed(struct service *service, const struct env *env, const struct dns_record *record,
                  uint64_t life_ns, uint64_t now_ns);
/* Takes an A or AAAA record of its host in. */
void service_feed_address(struct service *service, const struct env *env, const struct dns_record *record,
                          uint64_t life_ns, const struct netif *netif, uint64_t now_ns);
/* Forgets what is past its lifetime, but the pointer. */
void service_expire(struct service *service, uint64_t now_ns);
uint64_t service_deadline(const struct service *service);

#endif
