/* SPDX-License-Identifier: MIT */
#ifndef HUB_SCANNER_PRIVATE_H
#define HUB_SCANNER_PRIVATE_H

#include "hub/auto_scan.h"
#include "hub/leftovers.h"
#include "hub/scan_mode.h"
#include "hub/scanner.h"
#include "hub/sightings.h"
#include "hub/slots.h"
#include "hub/watchdog.h"

/* For the files that make up the scanner and for its hub; first what every report touches. */
struct scanner {
    struct hub *hub; /* NULL: not registered */
    unsigned pins;   /* calls on the stack, and hubs, that still need the memory */
    unsigned pauses;
    bool connectable, has_watchdog, has_mode, has_configured_mode;
    bool scanning; /* not paused, nor silent when it was last looked at */
    bool was_setup, freed;
    uint64_t source, heard_ns; /* last report, or setup */
    uint64_t told_ns;          /* last state; 0: none */
    uint64_t now_ns;           /* as of the last call that told the time */
    struct sightings sightings;

    const struct env *env;
    const struct scanner_ops *ops; /* NULL: no session */
    void *ops_user;
    uint64_t sweep_ns; /* next expiry; BP_NEVER: not set up */
    char *name, *label;
    struct list registered, departed; /* in a hub; see hub_private.h */
    uint64_t registered_ns;
    struct disconnect_set *disconnect_set;
    struct scan_mode mode;
    struct auto_worker worker;
    struct watchdog watchdog;
    struct slots slots;
    struct leftovers leftovers;
    struct session *session; /* for connections; NULL: none */
    uint32_t features;
    char *firmware;
};

static inline void scanner_pin(struct scanner *scanner)
{
    scanner->pins++;
}
/* The rules of its hub. */
uint32_t scanner_rules(const struct scanner *scanner);
/* Its hub leaves alone what others have connected. */
bool scanner_spares_links(const struct scanner *scanner);
void scanner_destroy(struct scanner *scanner);
/* The scanner may be gone afterwards. */
static inline void scanner_unpin(struct scanner *scanner)
{
    if (--scanner->pins == 0 && scanner->freed)
        scanner_destroy(scanner);
}

/* What the ops say, or BLEPROXY_E_NOT_CONNECTED. Within scanner_pin(). */
int scanner_send_mode(struct scanner *scanner, enum bleproxy_scanner_mode mode, uint64_t now_ns);
int scanner_send_subscribe(struct scanner *scanner, uint64_t now_ns);

#endif
