/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_PERIPHERAL_PRIVATE_H
#define CENTRAL_PERIPHERAL_PRIVATE_H

#include "central/central_private.h"
#include "central/operation.h"
#include "central/peripheral.h"
#include "central/result.h"
#include "hub/scanner.h"
#include "hub/slots.h"
#include "names/sanitise.h"
#include "session/gatt.h"

struct attempt_run;

enum {
    LINK_SETTLE_S = 2, /* how long a released link is given to be gone */
    LINK_CLOSE_S = 20, /* how long a link that is to be closed is given */
    REQUEST_TIMEOUT_S = 30,
    FIRMWARE_MAX = 32, /* characters of a version */
};

enum link_phase {
    LINK_NONE,
    LINK_OPENING, /* of an attempt: asked for, or up and being prepared */
    LINK_UP,      /* the user's */
    LINK_CLOSING, /* the user's still, its end is asked for */
    LINK_RELEASING, /* nobody's: attached until the proxy has confirmed its end, so that this is not taken for the next
                     * one's */
};

struct peripheral {
    struct list node;
    struct central *central;
    uint64_t address;
    bool freed;
    bleproxy_result_fn *on_disconnected;
    void *user;

    enum link_phase phase;
    struct session_link link;
    uint64_t deadline_ns;        /* of closing and releasing */
    struct attempt_run *attempt; /* under way, or NULL */

    /* Of the present attempt or link; the names, for messages, of the last one. */
    struct scanner *scanner; /* a reference, or NULL */
    struct slot_tracker tracker;
    uint64_t source;
    uint32_t features;
    char proxy[SANITISE_NAME_MAX * 4 + 1], firmware[FIRMWARE_MAX * 4 + 1];

    /* Of the link while it is the user's */
    struct services *services;
    bool cached; /* they come from the cache */
    uint16_t mtu;
    struct list subscriptions;
    struct list requests;
};

/* peripheral.c */

/* peripheral_is_taken(), but for operations of claimant's that connect. */
bool peripheral_is_taken_by(const struct peripheral *peripheral, const struct peripheral *claimant);
/* From now on, until it parts, it is the scanner's proxy that it goes through. 0 or BLEPROXY_E_NOMEM. */
int peripheral_join(struct peripheral *peripheral, struct scanner *scanner);
/* Idempotent. */
void peripheral_part(struct peripheral *peripheral);
/* The proxy's slot reports are watched for the link from now on. */
void peripheral_track(struct peripheral *peripheral);
/* What was known of the link that was the user's is forgotten. */
void peripheral_reset(struct peripheral *peripheral);
/* way: the proxy has had part in it. */
void peripheral_report(const struct peripheral *peripheral, const struct ending *ending, bool way,
                       struct report *ret_report);
/* The log is told that the proxy lacks the feature. */
void peripheral_warn_missing(const struct peripheral *peripheral, uint32_t feature);
/* For the central: the end of all that is under way, silently but for operations. */
void peripheral_shut(struct peripheral *peripheral, uint64_t now_ns);
/* Whether nothing can be begun any more. */
static inline bool peripheral_is_shut(const struct peripheral *peripheral)
{
    return peripheral->freed || peripheral->central->freed;
}

/* link.c */

/* As session_link_attach(). */
int peripheral_attach(struct peripheral *peripheral, struct session *session);
/* When the proxy says that the link has ended: whether that may be the one before, and this one not. */
bool peripheral_doubts_end(const struct peripheral *peripheral, int32_t reason);
/* The link is gone. */
void peripheral_detach(struct peripheral *peripheral);
/* The link is nobody's any more: the proxy is told. True: attempt_released() follows when it is gone. */
bool peripheral_release(struct peripheral *peripheral, uint64_t now_ns);
/* The user's link is lost, or ends as was asked for: requests, on_disconnected, then requests for the end are told. held:
 * the proxy may still have it. */
void peripheral_lost(struct peripheral *peripheral, int error, int32_t code, bool held, uint64_t now_ns);
/* A request was answered that there is no such link, or that it has come up anew: its end went unnoticed. */
static inline bool peripheral_is_unknown(const struct session_outcome *outcome)
{
    return outcome->error == BLEPROXY_E_DISCONNECTED ||
           (outcome->error == BLEPROXY_E_GATT && outcome->code == -1);
}
/* For the central: what is due. */
void peripheral_tick(struct peripheral *peripheral, uint64_t now_ns);

/* attempt.c */

/* held: the proxy has the link, or may yet get it. */
void attempt_on_connection(struct attempt_run *run, bool connected, uint32_t mtu, int32_t reason, bool held,
                           uint64_t now_ns);
void attempt_released(struct attempt_run *run, uint64_t now_ns);
/* The link, or the proxy, was lost without a word of it about the link. held: the proxy may still have it. */
void attempt_lost(struct attempt_run *run, int error, bool held, uint64_t now_ns);

/* requests.c */

enum request_kind {
    REQUEST_READ,
    REQUEST_WRITE,
    REQUEST_SUBSCRIBE,
    REQUEST_UNSUBSCRIBE,
    REQUEST_PAIR,
    REQUEST_UNPAIR,
    REQUEST_CLEAR_CACHE,
    REQUEST_SET_PARAMETERS,
    REQUEST_DISCONNECT,
};

/* An operation on a peripheral that is not connecting it. */
struct request {
    struct bleproxy_operation operation;
    struct list node; /* in the peripheral's requests */
    enum request_kind kind;
    uint16_t handle;
    uint64_t timeout_ns; /* 0: the usual */
    struct session_request *awaited;
    struct bond *bond; /* a place for the one that pairing makes; NULL: none */
    bool dropped;      /* its outcome is of no interest */
    /* What follows a successful answer; NULL: completion. */
    void (*on_answer)(struct request *request, uint64_t now_ns);
    struct ending ending; /* when its deadline completes it */
    bool alone;           /* no proxy has part in it */
};

/* 0, BLEPROXY_E_NOMEM, BLEPROXY_E_STATE. */
int request_new(struct peripheral *peripheral, enum request_kind kind, uint16_t handle,
                bleproxy_result_fn *on_done, void *user, struct request **ret_request);
/* Undoes request_new(): nobody is told. */
void request_discard(struct request *request);
struct session_await request_await(struct request *request);
/* Completes it. */
void request_end(struct request *request, const struct ending *ending);
/* Completes it so at the next tick. */
void request_end_later(struct request *request, int error, uint32_t missing);
/* As a public call begins: what can be said at once about a link for requests. 0 or BLEPROXY_E_NOT_CONNECTED. */
int request_check_link(const struct peripheral *peripheral);
/* Ends a public call whose request is sent, or fails as the session said. */
int request_made(struct request *request, int r, struct bleproxy_operation **ret_operation);
/* The link is gone and with it the answer. */
void request_lose(struct request *request, const struct bleproxy_result *result);
struct request *request_find(const struct peripheral *peripheral, enum request_kind kind, uint16_t handle);

/* device_requests.c */

/* What the proxy has answered to unpairing. */
void request_unpaired(const struct request *request, const struct session_outcome *outcome);

/* subscribe.c */

void subscriptions_clear(struct peripheral *peripheral);
void subscriptions_notify(struct peripheral *peripheral, uint32_t handle, const uint8_t *value, size_t size);
/* A request to subscribe fails or is cancelled: no value comes any more, and who may have been told to send any is told
 * otherwise. refused: whoever was asked last has not taken it up. */
void subscription_undo(struct request *request, bool refused, uint64_t now_ns);

#endif
