/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_SCANNING_H
#define BLEPROXY_SCANNING_H

#include <bleproxy/device_info.h>
#include <bleproxy/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Active scanning: a proxy asks devices for more than they advertise, names and data that only a scan response has. It
 * costs the devices' batteries, and the air. Three ways to have it where it is needed:
 *   - mode AUTO for a proxy (bleproxy_proxy_config.scan_mode, or bleproxy_scanner_set_mode()): it scans passively, and
 *     actively for seconds when that is due: for devices of bleproxy_hub_request_active_scan(), and for 15 s four
 *     minutes after it came and then whenever it has not scanned actively for 12 hours;
 *   - bleproxy_hub_sweep(): all proxies in mode AUTO, now, for seconds;
 *   - bleproxy_hub_request_scan(): all proxies whose mode nobody has pinned, and those in mode AUTO, for as long as the
 *     request is held. */
struct bleproxy_hub;

/* One request for active scans of one device. */
struct bleproxy_active_scan;
enum {
    BLEPROXY_ACTIVE_SCAN_INTERVAL_MIN_MS = 60000,
    BLEPROXY_ACTIVE_SCAN_INTERVAL_DEFAULT_MS = 300000,
    BLEPROXY_ACTIVE_SCAN_DURATION_MIN_MS = 5000,
    BLEPROXY_ACTIVE_SCAN_DURATION_DEFAULT_MS = 10000,
    BLEPROXY_ACTIVE_SCANS_MAX = 4096, /* requests of one hub */
};
/* From one interval after this call on, or after the device is first heard, the proxy whose device it is scans actively
 * every interval_ms (from start to start) for duration_ms, if it is in mode AUTO; with others, requests that are due
 * within 40 s share a scan as long as the longest asks for, 35 s at most. While that proxy is about to connect to
 * something, another one in mode AUTO that hears the device stands in. Proxies in mode ACTIVE need none of this; those in
 * mode PASSIVE do nothing, and one warning each says so. Requests are independent of each other, those for the same
 * device too, and for this long the device is not dropped from full tables.
 * 0 takes the default. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_LIMIT, BLEPROXY_E_INVALID (no address, or less than the minimum),
 * or BLEPROXY_E_STATE while the hub is being freed. */
int bleproxy_hub_request_active_scan(struct bleproxy_hub *hub, uint64_t address, uint32_t interval_ms,
                                     uint32_t duration_ms, struct bleproxy_active_scan **ret_request);
/* A scan that runs goes on. Once the hub is freed it is too late. NULL is fine. */
void bleproxy_active_scan_free(struct bleproxy_active_scan *request);

/* One request for how all proxies are to scan. */
struct bleproxy_scan_request;
/* mode is ACTIVE or PASSIVE. While one ACTIVE request is held, each proxy of the hub, now and later, scans actively whose
 * mode is pinned neither by its configuration nor by bleproxy_scanner_set_mode(), or is AUTO. With PASSIVE requests only,
 * those that are not pinned scan passively, unless there are requests for active scans of devices. When the last request
 * goes, each proxy scans as it did before. A program that looks for new devices wants ACTIVE; one that waits for what
 * devices advertise by themselves wants PASSIVE. Proxies with firmware before 2025.5 scan as they are configured, with one
 * warning. Proxies are told as control returns to the event loop.
 * 0, BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID, or BLEPROXY_E_STATE while the hub is being freed. */
int bleproxy_hub_request_scan(struct bleproxy_hub *hub, enum bleproxy_scanner_mode mode,
                              struct bleproxy_scan_request **ret_request);
/* Once the hub is freed it is too late. NULL is fine. */
void bleproxy_scan_request_free(struct bleproxy_scan_request *request);

/* One request for a sweep. */
struct bleproxy_sweep;
enum {
    BLEPROXY_SWEEP_MIN_MS = 5000, /* what is less, or more, becomes that */
    BLEPROXY_SWEEP_MAX_MS = 35000,
    BLEPROXY_SWEEP_DEFAULT_MS = 10000,
};
/* error is 0 or BLEPROXY_E_CANCELLED; scanned: at least one proxy scanned actively for it. */
typedef void bleproxy_sweep_fn(void *user, int error, bool scanned);
/* All proxies in mode AUTO scan actively for duration_ms (0: the default), but those that are about to connect. While a
 * sweep is under way others join it, and make it longer if they want over a second more. Completes when the shared time
 * is over, or as soon as control returns to the event loop when no proxy could scan: never from within this call. If the
 * one that began it is cancelled, those that joined complete, too. Then the object is gone, when on_done returns.
 * *ret_sweep (may be NULL) is for who may want to cancel it.
 * 0, BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID (no on_done), or BLEPROXY_E_STATE while the hub is being freed. */
int bleproxy_hub_sweep(struct bleproxy_hub *hub, uint32_t duration_ms, bleproxy_sweep_fn *on_done, void *user,
                       struct bleproxy_sweep **ret_sweep);
/* Completes it with BLEPROXY_E_CANCELLED from within. Only while it is outstanding. */
void bleproxy_sweep_cancel(struct bleproxy_sweep *sweep);

/* For diagnostics. Times are on the loop's clock, 0: never. */

struct bleproxy_active_scan_info {
    uint64_t address;
    uint32_t interval_ms, duration_ms;
    uint64_t due_ns;     /* the next scan; 0: not before the device is heard */
    uint64_t source;     /* the proxy that is to scan; 0: not known */
    uint64_t scanned_ns; /* when a proxy last began to scan for the device */
    uint64_t scanned_by; /* which; 0: none, or one that scans actively all the time */
};
void bleproxy_active_scan_get(const struct bleproxy_active_scan *request,
                              struct bleproxy_active_scan_info *ret_info);
/* Iterates over the requests, oldest first: start with *position = 0; NULL at the end. Without returning to the loop. */
const struct bleproxy_active_scan *bleproxy_hub_next_active_scan(const struct bleproxy_hub *hub,
                                                                 size_t *position);

/* What a proxy in mode AUTO does. */
struct bleproxy_auto_scan {
    uint64_t window_ns; /* when it last began to scan actively for any of these reasons */
    uint32_t window_ms; /* for how long */
    bool window_open;
    bool failed;       /* the last time it was asked to, it did not */
    uint64_t next_ns;  /* when it will next look what is due */
    uint64_t sweep_ns; /* when it will sweep on its own */
};
/* 0, or BLEPROXY_E_NOT_FOUND: the hub has no such proxy in mode AUTO whose firmware can do it. */
int bleproxy_hub_get_auto_scan(const struct bleproxy_hub *hub, uint64_t source,
                               struct bleproxy_auto_scan *ret_auto_scan);

#ifdef __cplusplus
}
#endif
#endif
