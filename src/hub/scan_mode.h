/* SPDX-License-Identifier: MIT */
#ifndef HUB_SCAN_MODE_H
#define HUB_SCAN_MODE_H

#include "base/env.h"
#include "hub/scanner.h"

/* How a proxy scans, how it should, and the active window that is open. The functions of scanner.h about
 * state, mode and window are implemented here. */
struct scan_mode {
    enum bleproxy_scanner_state state;
    enum bleproxy_scanner_mode reported, configured;
    enum bleproxy_scanner_mode requested; /* the intent, else the demand, else what the proxy reports */
    enum bleproxy_scanner_mode intent;    /* pinned by the program; NONE: it leaves that to the proxy */
    enum bleproxy_scanner_mode demand;    /* of subscribers; NONE: none */
    enum bleproxy_scanner_mode before;    /* to go back to after window and demand */
    enum bleproxy_scanner_mode told;      /* what it was last sent; NONE: nothing, or that failed */
    enum bleproxy_scanner_mode owed;      /* what an earlier session did not give it back; NONE: not known */
    uint64_t window_end_ns;
    bool window_open;
    bool unanswered;     /* it has not reported yet the mode that it was told */
    bool owes;           /* an earlier session left it in a mode of ours */
    bool let_go;         /* nothing is asked of it any more */
    bool left;           /* to another program, with the advertisements: nothing is asked of it meanwhile */
    bool warned;         /* that the mode cannot be set */
    bool warned_passive; /* that it starves devices that need active scans; see auto_scan.h */
    scanner_window_fn *on_done;
    void *user;
};

void scan_mode_init(struct scan_mode *mode);
uint64_t scan_mode_deadline(const struct scan_mode *mode);
void scan_mode_tick(struct scanner *scanner, uint64_t now_ns);

#endif
