/* SPDX-License-Identifier: MIT */
#ifndef HUB_HEARING_H
#define HUB_HEARING_H

#include "base/env.h"
#include "base/time.h"
#include "session/inquiry.h"
#include <bleproxy/manager.h>

/* Whether reports come from a proxy, and why not: over all its sessions. A proxy has one subscriber, and says nothing to
 * who loses the subscription, or does not get it; a proxy that hears nothing says nothing either. Who is the subscriber is
 * told apart by inquiries (session/inquiry.h), where the proxy is known to answer them.
 *
 * Deaf: a ladder is climbed, one rung after each inquiry that says that we are the subscriber: set the mode, subscribe
 * again, reconnect; then it is reported, and left alone for a while, twice as long each time. A house without devices looks
 * the same, but for what was heard before: a proxy that hears something every ten minutes is given forty.
 *
 * Refused or robbed: where the first subscriber wins we ask again, as nothing is taken from anybody by that; where the
 * newest does, only a user may want it back. But for one time: a connection of ours that died before its subscription was
 * confirmed may have left it on its way, to arrive after that of the next connection, and to be taken for a rival's. */

/* What a proxy is asked to do. */
struct hearing_ops {
    /* Begins an inquiry: hearing_on_inquiry() follows, after timeout_ns at the latest and never from within. Returns 0 or
     * BLEPROXY_E_*. */
    int (*inquire)(void *user, uint64_t timeout_ns, uint64_t now_ns);
    /* Sets another scan mode, and the present one again, so that the scanner starts anew. False: it cannot be done now. */
    bool (*restart_scan)(void *user, uint64_t now_ns);
    /* Returns 0 or BLEPROXY_E_*. */
    int (*subscribe)(void *user, uint64_t now_ns);
    /* Ends the session, so that another follows. False: others need it. */
    bool (*reconnect)(void *user, uint64_t now_ns);
    /* After each change. The owner may end and deinit the hearing from within. */
    void (*on_change)(void *user, uint64_t now_ns);
};

struct hearing_config {
    const struct env *env;
    const char *label; /* for the log; borrowed */
    uint64_t
        silence_ns; /* after which it is asked; every other time but those of B8 is in proportion. 0: 10 s */
    uint64_t reclaim_ns; /* a robbed proxy is taken back after so long, then twice as long, ...; 0: never */
};

/* What is known of a session's proxy. */
struct hearing_session {
    const char *firmware; /* its version; copied */
    bool newest_wins;     /* the newest subscriber does */
    bool tells_state;     /* its scanner's, to the subscriber alone */
    bool
        has_watchdog; /* that asks for the subscription until its scanner's state has come, unless newest_wins */
};

/* What its scanner has seen, at each call. */
struct hearing_signs {
    uint64_t heard_ns; /* the last report, or when the session began */
    uint64_t told_ns;  /* the last state of its scanner; 0: none in this session */
    bool is_busy;      /* a connection is being made, or seems to be: it does not listen */
};

enum { HEARING_FIRMWARE_SIZE = 32 };

struct hearing {
    struct hearing_config config;
    const struct hearing_ops *ops;
    void *user;
    enum bleproxy_hearing state;
    uint64_t since_ns;

    bool in_session, newest_wins, tells_state, has_watchdog;
    bool is_ours;            /* the subscription was, in this session */
    bool is_confirmed;       /* the last request for it was followed by what only its subscriber gets */
    uint64_t doubt_until_ns; /* until when a robbery may be a late request of our own */
    bool is_busy;            /* as of the last look */
    uint64_t heard_ns, told_ns;
    uint64_t ours_ns;  /* when it was last known to be */
    uint64_t quiet_ns; /* since when nothing is heard that should be */
    bool heard_ever;
    uint64_t gap_ns; /* the longest time between reports of a day that was not deafness */
    uint64_t gap_before_ns,
        gap_day_ns; /* of the day before, and when this one began: what was once is forgotten */

    bool inquiring;
    uint64_t inquired_ns;
    enum { INQUIRIES_UNTRIED, INQUIRIES_WORK, INQUIRIES_FAIL } inquiries; /* with the firmware below */
    char firmware[HEARING_FIRMWARE_SIZE];
    unsigned unanswered;     /* in a row */
    uint64_t inquiry_due_ns; /* BP_NEVER: none */
    uint64_t inquiry_pause_ns;

    unsigned rung;           /* how many were climbed */
    uint64_t rung_ns;        /* when the last was */
    uint64_t ladder_ns;      /* when the last ladder was begun */
    uint64_t next_ladder_ns; /* not before */
    uint64_t ladder_pause_ns;

    uint64_t take_due_ns; /* when it is asked for again; BP_NEVER: not */
    unsigned takes;       /* since it was lost */
    uint64_t taken_ns;    /* when it was last taken back by reclaim_ns; 0: never */
    uint64_t reclaim_pause_ns;
};

void hearing_init(struct hearing *hearing, const struct hearing_config *config, const struct hearing_ops *ops,
                  void *user);
/* Whether the next session may ask for the subscription by itself: not where it would be taken from somebody. */
bool hearing_may_subscribe(const struct hearing *hearing);
/* A session, subscribed if hearing_may_subscribe(), from now on. */
void hearing_begin(struct hearing *hearing, const struct hearing_session *session,
                   const struct hearing_signs *signs, uint64_t now_ns);
/* It is over; an inquiry with it. Idempotent. */
void hearing_end(struct hearing *hearing, uint64_t now_ns);
void hearing_on_inquiry(struct hearing *hearing, enum inquiry_result result,
                        const struct hearing_signs *signs, uint64_t now_ns);
/* The user wants it: it is asked for whoever has it. 0, or what ops->subscribe() says; BLEPROXY_E_NOT_CONNECTED: the next
 * session will. */
int hearing_take(struct hearing *hearing, uint64_t now_ns);
uint64_t hearing_deadline(const struct hearing *hearing, const struct hearing_signs *signs);
void hearing_tick(struct hearing *hearing, const struct hearing_signs *signs, uint64_t now_ns);
/* The state in words, with what can be done. Static. */
const char *hearing_text(const struct hearing *hearing);

/* Firmware of that version gives the subscription to the newest; also one of unknown version: nothing is taken then. */
bool hearing_newest_wins(const char *version);

#endif
