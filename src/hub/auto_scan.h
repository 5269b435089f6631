/* SPDX-License-Identifier: MIT */
#ifndef HUB_AUTO_SCAN_H
#define HUB_AUTO_SCAN_H

#include "base/list.h"
#include "base/map.h"
#include "base/time.h"
#include <bleproxy/scanning.h>

struct hub;
struct scanner;

/* Scanning on purpose. A proxy in mode AUTO scans passively, and actively for a while ("a window") when that is due: for
 * devices whose active scans somebody has asked for, and as a sweep for devices unknown so far. Each device's windows are
 * opened by its owner, the proxy that its current report is from; where that is about to connect, by another that hears
 * it. The numbers are the Python stack's. */
enum {
    AUTO_FIRST_SWEEP_S =
        240, /* after a proxy came; of several that come AUTO_SWEEP_S apart, up to twice that */
    AUTO_RESWEEP_S = 12 * 3600,
    AUTO_SWEEP_S = 15,
    AUTO_WINDOW_MIN_S = 5,
    AUTO_WINDOW_MAX_S = 35,
    AUTO_LOOKAHEAD_S = 40, /* what is due so soon shares a window: no window outlives it */
    AUTO_DEFER_S = 30,     /* until the next try when everybody is connecting */
    AUTO_EXTEND_S = 1,     /* a sweep that would end less than that later joins without extending */
    AUTO_ACCEPT_S = 5,     /* a window open for so long: what is heard then is an answer to it */
};

/* What a window is open for that was opened here. */
enum auto_window {
    AUTO_WINDOW_NONE,
    AUTO_WINDOW_OWN,       /* for devices of this proxy, or its sweep */
    AUTO_WINDOW_LENT,      /* for devices of one that is connecting: the client */
    AUTO_WINDOW_RESCUE,    /* for a device that it might take over */
    AUTO_WINDOW_SWEEP,     /* because somebody asked for a sweep of all */
    AUTO_WINDOW_EXTENSION, /* because somebody asked for a longer one meanwhile */
};

/* One proxy's part, in its scanner. */
struct auto_worker {
    struct scanner *scanner;
    bool running;        /* its scanner is registered, and in mode AUTO */
    bool busy;           /* it waits until busy_until_ns for a window: its own, or one lent to it */
    bool failed;         /* the last window did not open */
    bool warned_nobody;  /* that nobody can stand in for it */
    struct list owned;   /* struct auto_device, in order of their coming */
    struct list errands; /* struct auto_errand: windows to be lent to it, one after the other */
    uint64_t busy_until_ns;
    uint64_t
        quiet_until_ns; /* until then a window is open here, or was to be: nothing of its own begins; or 0 */
    uint64_t sweep_due_ns;

    enum auto_window window; /* open on its scanner */
    struct auto_worker *client;
    bool abandoned;     /* nobody waits for that window any more */
    uint64_t rescue_ns; /* the length of a rescue window to be opened, 0: none */
    uint64_t rescue_address;
    bool is_reserved; /* for a sweep; quiet_until_ns was quiet_before_ns before */
    uint64_t quiet_before_ns;
    uint64_t last_window_ns, last_duration_ns; /* 0: never */
};

/* A device whose active scans somebody has asked for. */
struct auto_device {
    struct hub *hub;
    uint64_t address;
    struct list requests; /* struct bleproxy_active_scan */
    size_t n_unscheduled; /* of them */
    /* Its schedule runs, from its first report on. */
    bool tracked;
    struct list in_tracked, in_worker;
    uint64_t owner;             /* a source */
    struct auto_worker *worker; /* the owner's, if it is AUTO */
    bool is_due;                /* in the tick that runs */
    uint64_t accept_after_ns;   /* 0: none */
    uint64_t scanned_ns;        /* when its last window opened */
    uint64_t scanned_by;        /* and where; 0: a proxy scanned actively anyway */
};

struct bleproxy_active_scan {
    struct auto_device *device;
    struct list in_device, in_hub;
    uint64_t interval_ns, duration_ns;
    uint64_t due_ns; /* BP_NEVER: not scheduled yet */
};

/* The hub's part. */
struct auto_scan {
    struct map by_address; /* struct auto_device */
    struct list tracked;   /* those whose schedule runs, in order of its beginning */
    struct list requests;  /* in order of registration */
    size_t n_requests;
    unsigned n_workers;
    struct list sweeps;            /* struct bleproxy_sweep, oldest first */
    struct bleproxy_sweep *leader; /* whose sweep is under way, or NULL */
    uint64_t sweep_end_ns;
    bool swept; /* a window was opened for it */
};

void auto_scan_init(struct auto_scan *scan, const struct env *env);
/* Frees all requests. No sweep is left. */
void auto_scan_deinit(struct hub *hub);
void auto_worker_init(struct auto_worker *worker, struct scanner *scanner);

/* ---- What happens in the hub ---- */

/* A scanner was registered, or the mode that is requested of a registered one has changed. */
void auto_scan_on_mode(struct hub *hub, struct scanner *scanner, uint64_t now_ns);
/* Within hub_enter(), the scanner pinned and no longer in the hub. Its windows close. */
void auto_scan_on_unregistered(struct hub *hub, struct scanner *scanner, uint64_t now_ns);
/* See auto_scan_on_accepted() in hub_private.h. */
void auto_scan_track(struct hub *hub, uint64_t address, uint64_t source, uint64_t now_ns);
/* The device has left the table: if it comes back, its schedule starts anew. With an owner that is not AUTO, for which
 * nobody looks at it, it just goes on, and is overdue by then. */
void auto_scan_on_gone(struct hub *hub, uint64_t address);
/* Within hub_enter(). Of what is due at the same moment windows close first; then come sweeps, rescues, and what each
 * scanner has to do, in order of registration (in the Python stack chance decides). Returns when it wants to be called again. */
uint64_t auto_scan_tick(struct hub *hub, uint64_t now_ns);

/* ---- For those who decide whose a device is ---- */

/* Somebody has asked for active scans of the device. */
bool auto_scan_wants(const struct hub *hub, uint64_t address);
/* The owner is overdue, the challenger hears the device, and the answers to active scans count: both get a window as far as
 * they can, so that the one may find it again and the other hears all of it. Opens none before the hub's next tick. */
void auto_scan_rescue(struct hub *hub, uint64_t address, uint64_t challenger, uint64_t owner,
                      uint64_t now_ns);
/* What is heard of the device after that time is as good as an active scan's. 0: nobody has scanned for it. */
uint64_t auto_scan_accept_after_ns(const struct hub *hub, uint64_t address);

#endif
