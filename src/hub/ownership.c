/* SPDX-License-Identifier: MIT */
#include "hub/ownership.h"

#include "hub/auto_scan.h"
#include "hub/hub_private.h"
#include "hub/interest.h"
#include "hub/scanner.h"

/* The decisions of habluetooth's manager (7.1.2), of which tests/interop/test_replay.py makes sure: strict and not strict
 * comparisons are as there. */

#define WOBBLE_NS  (5 * NS_PER_S)   /* proxies buffer: a report may be so late */
#define UNKNOWN_NS (900 * NS_PER_S) /* how long a device of unknown interval may be silent */
/* In halves of the stale time: from when on a weak owner loses to one that hears the device about as well, and any owner to
 * anybody. */
enum { ROAM_HALVES = 3, GONE_HALVES = 5 };
#define RESCUE_RETRY_NS (30 * NS_PER_S)

/* A report that challenges the one that stands. */
struct challenge {
    struct hub *hub;
    struct bleproxy_device *device;
    const struct sighting *sighting;
    double strength_dbm;
    bool for_all; /* not only for connections: whoever loses is remembered, rescues are begun */
};

static uint64_t user_interval_ns(const struct bleproxy_device *device)
{
    return device->interest ? device->interest->interval_ns : 0;
}

uint64_t ownership_stale_ns(const struct bleproxy_device *device)
{
    const struct interval *interval = &device->interval;
    uint64_t interval_ns = interval->known ? interval_longest_ns(interval) : user_interval_ns(device);
    return interval_ns > 0 ? time_after(interval_ns, WOBBLE_NS) : UNKNOWN_NS;
}

uint64_t ownership_gone_ns(const struct bleproxy_device *device)
{
    const struct interval *interval = &device->interval;
    uint64_t interval_ns = interval->known ? interval_longest_ns(interval) : 0;
    if (interval_ns == 0)
        interval_ns = user_interval_ns(device);
    return interval_ns > 0 ? time_after(interval_ns, WOBBLE_NS) : UNKNOWN_NS;
}

/* ---- Who keeps the device ---- */

static double strength_of(const struct bleproxy_device *device, const struct standing *standing)
{
    double smoothed_dbm;
    return signals_get(&device->signals, standing->source, &smoothed_dbm) ? smoothed_dbm : standing->rssi_dbm;
}

/* Whether a challenge to a silent owner is one of those that it would have lost to by roaming. */
static bool roams(const struct challenge *challenge, double owner_dbm, uint64_t elapsed_ns, uint64_t stale_ns)
{
    return elapsed_ns * 2 > stale_ns * ROAM_HALVES &&
           challenge->strength_dbm >= owner_dbm - OWNERSHIP_MARGIN_DB && owner_dbm < OWNERSHIP_STRONG_DBM;
}

static void begin_rescue(const struct challenge *challenge, const struct standing *owner)
{
    struct hub *hub = challenge->hub;
    const struct bleproxy_advertisement *view = &challenge->sighting->view;
    if (challenge->device->rescue_ns == 0)
        hub->n_rescues++;
    challenge->device->rescue_ns = view->time_ns;
    auto_scan_rescue(hub, view->address, view->source, owner->source, view->time_ns);
}

static void end_rescue(struct hub *hub, struct bleproxy_device *device)
{
    if (device->rescue_ns == 0)
        return;
    device->rescue_ns = 0;
    hub->n_rescues--;
}

/* The device needs active scans: it changes hands only when one has shown that the owner does not hear it. */
static bool rescue_ends(const struct challenge *challenge, const struct standing *owner, uint64_t stale_ns)
{
    struct bleproxy_device *device = challenge->device;
    uint64_t now_ns = challenge->sighting->view.time_ns, began_ns = device->rescue_ns;
    if (began_ns == 0 || owner->time_ns >= began_ns) {
        begin_rescue(challenge, owner);
        return false;
    }
    uint64_t accept_ns = auto_scan_accept_after_ns(challenge->hub, device->view.address);
    if (accept_ns >= began_ns) {
        if (now_ns <= accept_ns || now_ns - began_ns <= stale_ns - WOBBLE_NS)
            return false;
        end_rescue(challenge->hub, device);
        return true;
    }
    if (now_ns - began_ns > RESCUE_RETRY_NS)
        begin_rescue(challenge, owner);
    return false;
}

/* The owner has missed the device. */
static bool wins_by_silence(const struct challenge *challenge, const struct standing *owner, double owner_dbm,
                            uint64_t elapsed_ns, uint64_t stale_ns)
{
    struct hub *hub = challenge->hub;
    struct bleproxy_device *device = challenge->device;
    bool gone = elapsed_ns > UNKNOWN_NS || elapsed_ns * 2 > stale_ns * GONE_HALVES;
    bool needs_scans = !gone && auto_scan_wants(hub, device->view.address);
    if (challenge->for_all && !needs_scans)
        end_rescue(hub, device);
    if (gone)
        return true;
    if (!needs_scans || !challenge->for_all)
        return roams(challenge, owner_dbm, elapsed_ns, stale_ns);
    return rescue_ends(challenge, owner, stale_ns);
}

static bool wins_by_strength(const struct challenge *challenge, const struct standing *owner,
                             double owner_dbm)
{
    struct signals *signals = &challenge->device->signals;
    uint64_t source = challenge->sighting->view.source;
    int margin_db = OWNERSHIP_MARGIN_DB;
    if (challenge->strength_dbm - margin_db <= owner_dbm)
        return false;
    if (signals_is_demoted(signals, source))
        margin_db += OWNERSHIP_RECLAIM_DB;
    if (challenge->strength_dbm - margin_db <= owner_dbm)
        return false;
    if (challenge->for_all)
        signals_demote(signals, challenge->hub->env, source, owner->source);
    return true;
}

static const struct scanner *registered_owner(const struct challenge *challenge, const struct standing *owner)
{
    const struct sighting *held = challenge->device->owner;
    return held && held->view.source == owner->source ? held->scanner
                                                      : hub_scanner_of(challenge->hub, owner->source);
}

/* Whether the challenge succeeds against the report that stands, of the same scanner or another. */
static bool succeeds(const struct challenge *challenge, const struct standing *owner)
{
    const struct bleproxy_device *device = challenge->device;
    const struct bleproxy_advertisement *view = &challenge->sighting->view;
    if (device->signals.n_smoothed == 0 || owner->source == view->source)
        return true;
    const struct scanner *scanner = registered_owner(challenge, owner);
    if (!scanner || !scanner_is_scanning(scanner))
        return true;
    double owner_dbm = strength_of(device, owner);
    uint64_t stale_ns = ownership_stale_ns(device), elapsed_ns = view->time_ns - owner->time_ns;
    if (elapsed_ns > stale_ns && wins_by_silence(challenge, owner, owner_dbm, elapsed_ns, stale_ns))
        return true;
    return wins_by_strength(challenge, owner, owner_dbm);
}

/* ---- A report ---- */

static struct standing standing_of(const struct bleproxy_advertisement *view)
{
    return (struct standing){
        .source = view->source, .time_ns = view->time_ns, .rssi_dbm = view->rssi_dbm, .known = true};
}

/* Takes the reading of another proxy than the owner into account. Returns the strength that the report stands for. */
static double smooth(struct hub *hub, struct bleproxy_device *device, const struct sighting *sighting)
{
    struct signals *signals = &device->signals;
    const struct bleproxy_advertisement *view = &sighting->view, *current = &device->view;
    double smoothed_dbm;
    if (signals->n_smoothed == 0) { /* the second proxy that hears it */
        if (!device->has_report || !hub_scanner_of(hub, current->source))
            return view->rssi_dbm;
        signals_smooth(signals, hub->env, current->source, current->rssi_dbm);
    }
    if (sighting->has_rssi)
        return signals_smooth(signals, hub->env, view->source, view->rssi_dbm);
    return signals_get(signals, view->source, &smoothed_dbm) ? smoothed_dbm : BLEPROXY_RSSI_NONE;
}

/* The report does not become the current one: maybe the one that connections go by. */
static void stand_by(struct challenge *challenge)
{
    struct bleproxy_device *device = challenge->device;
    challenge->for_all = false;
    if (device->connectable.known &&
        (device->connectable_is_current || !succeeds(challenge, &device->connectable)))
        return;
    device->connectable = standing_of(&challenge->sighting->view);
    device->connectable_is_current = false;
}

/* Another proxy than the owner reports: whether the device is its own now. */
static bool wins(struct hub *hub, struct bleproxy_device *device, const struct sighting *sighting)
{
    const struct standing current = standing_of(&device->view);
    struct challenge challenge = {.hub = hub,
                                  .device = device,
                                  .sighting = sighting,
                                  .strength_dbm = smooth(hub, device, sighting),
                                  .for_all = true};
    if (!device->has_report || succeeds(&challenge, &current))
        return true;
    if (sighting->view.connectable)
        stand_by(&challenge);
    return false;
}

static void learn_interval(const struct hub *hub, struct bleproxy_device *device, bool same_owner,
                           uint64_t now_ns)
{
    bool once = hub->rules & BLEPROXY_RULE_INTERVAL;
    if (!same_owner && once)
        device->interval = (struct interval){0};
    else if (!same_owner)
        interval_skip(&device->interval);
    interval_hear(&device->interval, once, now_ns);
}

enum bleproxy_stream ownership_hear(struct hub *hub, struct bleproxy_device *device,
                                    struct sighting *sighting)
{
    const struct bleproxy_advertisement *view = &sighting->view;
    bool same_owner = device->view.source == view->source, was_connectable = device->connectable.known;
    if (sighting->name_epoch != device->name_epoch)
        device_settle_name(device, sighting);
    if (!same_owner && !wins(hub, device, sighting)) {
        if (view->changed)
            sighting->content_epoch = 0;
        return BLEPROXY_STREAM_REPORTS;
    }
    if (same_owner && device->signals.n_smoothed > 0 && sighting->has_rssi)
        signals_smooth(&device->signals, hub->env, view->source, view->rssi_dbm);
    learn_interval(hub, device, same_owner, view->time_ns);
    bool changed = device_take(device, sighting);
    device->connectable_is_current = view->connectable;
    if (view->connectable)
        device->connectable = standing_of(view);
    auto_scan_on_accepted(hub, view->address, view->source, view->time_ns);
    return changed || (view->connectable && !was_connectable) ? BLEPROXY_STREAM_CHANGES
                                                              : BLEPROXY_STREAM_OWNER;
}

bool ownership_is_connectable(const struct hub *hub, const struct bleproxy_device *device)
{
    return device->connectable.known && hub_scanner_of(hub, device->connectable.source);
}

const struct bleproxy_advertisement *ownership_change(const struct hub *hub,
                                                      const struct bleproxy_device *device,
                                                      const struct bleproxy_advertisement *view,
                                                      struct bleproxy_advertisement *copy)
{
    if (view->connectable || !ownership_is_connectable(hub, device))
        return view;
    *copy = *view;
    copy->connectable = 1;
    return copy;
}

/* ---- Scanners that come and go ---- */

void ownership_source_gone(struct hub *hub, uint64_t source)
{
    struct bleproxy_device *device;
    for (size_t position = 0; (device = map_next(&hub->devices.by_address, &position));) {
        signals_drop(&device->signals, source);
        if (device->view.source != source)
            continue;
        device->view.proxy = "";
        if (hub->rules & BLEPROXY_RULE_INTERVAL)
            device->interval = (struct interval){0};
        else
            interval_skip(&device->interval);
    }
}

void ownership_source_pauses(struct hub *hub, uint64_t source)
{
    struct bleproxy_device *device;
    for (size_t position = 0; (device = map_next(&hub->devices.by_address, &position));) {
        if (device->view.source != source)
            continue;
        if (!(hub->rules & BLEPROXY_RULE_INTERVAL))
            interval_skip(&device->interval);
        else if (!device->interval.known)
            interval_restart(&device->interval);
    }
}

void ownership_end_rescue(struct hub *hub, uint64_t address)
{
    struct bleproxy_device *device = device_table_get(&hub->devices, address);
    if (device)
        end_rescue(hub, device);
}

bool ownership_has_rescues(const struct hub *hub)
{
    return hub->n_rescues > 0;
}

void ownership_forget(struct hub *hub, struct bleproxy_device *device)
{
    end_rescue(hub, device);
    auto_scan_on_gone(hub, device->view.address);
    signals_deinit(&device->signals, hub->env);
    device->connectable.known = device->connectable_is_current = false;
}
