/* SPDX-License-Identifier: MIT */
#ifndef CLI_FLEET_H
#define CLI_FLEET_H

#include "log.h"
#include "member.h"
#include "options.h"
#include "proxies.h"

#include <bleproxy/bleproxy.h>
#include <limits.h>

/* The proxies that a command uses together as one radio: a loop, a hub, and a manager for each. */

struct leaving;
struct remote;

struct fleet {
    /* Set before fleet_open(). */
    const char *command; /* "bleproxy scan", for whoever finds the proxy locked */
    const struct options *options;
    enum log_quiet quiet;
    bool
        tells_plaintext; /* which proxies do not encrypt is a warning; else the command shows it, or is about a device */
    bool uses_daemon; /* a bleproxyd that runs is asked for what its proxies report */
    bool active;      /* its proxies are to scan actively meanwhile */
    bool reloads;     /* SIGHUP makes it read the configuration anew, from fleet_start() to fleet_stop() */
    void (*on_ready)(void *user, struct member *member); /* connected, each time; may be NULL */
    void (*on_down)(void *user, struct member *member);  /* no longer, each time; may be NULL */
    void (*on_lost)(void *user, uint32_t n); /* the daemon left out so many reports; may be NULL */
    void (*on_hopeless)(void *user);         /* none will work any more; may be NULL */
    /* The configuration was read anew, and members has others in it: from is where each was before, SIZE_MAX for one that is
     * new. May be NULL. */
    void (*on_reload)(void *user, const size_t *from, size_t n_members);
    void *user;
    uint32_t goodbye_ms; /* for which fleet_stop() waits at most; 0: two seconds */

    struct proxies proxies;
    struct remote *remote; /* the daemon that has the proxies; NULL: we have them */
    uint64_t n_lost;       /* reports that it left out */
    struct bleproxy_loop *loop;
    struct bleproxy_hub *hub;
    struct member *members;
    size_t n_members;
    uint64_t started_ns, measured_ns;
    struct bleproxy_timer *check;
    struct bleproxy_timer *network; /* while this host, which was in none at the start, is in none yet */
    uint64_t patience_ns;           /* since when whoever does not answer might */

    /* Kept by fleet_reload(). */
    uint32_t reference;      /* of the command's own options */
    bool reloaded;           /* ever: it is not given up any more */
    bool had_worked;         /* one that is gone was connected at some time */
    bool reload_again;       /* as soon as that is possible */
    struct leaving *leaving; /* those that have not said goodbye yet */
    size_t n_leaving;
};

/* The proxies that the options name, a loop, and a hub with these options (NULL: none), the user's state directory if they
 * name none, and what the configuration says of devices, filters and rules. CLI_DONE, or an exit code after saying why. */
int fleet_open(struct fleet *fleet, const struct bleproxy_hub_options *hub_options);
/* A manager for each, started. CLI_DONE, or an exit code after saying why. */
int fleet_start(struct fleet *fleet);
/* Reads the configuration anew, for as long as the fleet runs: proxies come, go and change, pins, rules and intervals apply;
 * the connections of proxies that are the same are not touched. Those that go, or are spoken to in another way, are told
 * goodbye first. If it cannot be read, that is said, and all stays as it is. Not from within a callback of the library. */
void fleet_reload(struct fleet *fleet);
/* Says goodbye to all, for at most goodbye_ms, and frees the managers. Idempotent. */
void fleet_stop(struct fleet *fleet);
/* The rest; also of what was not opened. */
void fleet_close(struct fleet *fleet);

/* For who shows it, again and again: how many reports a second came from each proxy of late, and how many devices each
 * hears: one that is connected and deaf shows. */
void fleet_measure(struct fleet *fleet);

/* The one of that Bluetooth address; NULL: none of ours. */
struct member *fleet_find(struct fleet *fleet, uint64_t source);
/* Any of them was connected at some time. */
bool fleet_has_worked(const struct fleet *fleet);
/* Whether it can be given up: all have failed for good, or for long enough. */
bool fleet_is_hopeless(const struct fleet *fleet);
/* The exit code: CLI_DONE when any of them has worked, unless the daemon's end has cut it short; else theirs, after saying what
 * was not said yet. */
int fleet_verdict(const struct fleet *fleet);

/* For members, and fleet_reload(): gives it up if it is to be; says of all together which are not encrypted, once, when it is
 * known of each, or what is known at last. */
void fleet_check(const struct fleet *fleet);
void fleet_tell_plaintext(struct fleet *fleet, bool at_last);
void fleet_forget_leaving(struct fleet *fleet);

#endif
