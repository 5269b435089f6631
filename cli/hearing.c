/* SPDX-License-Identifier: MIT */
#include "hearing.h"

#include "json.h"

double hearing_age_s(const struct fleet *fleet, const struct bleproxy_advertisement *report)
{
    uint64_t now_ns = bleproxy_loop_now_ns(fleet->loop);
    return now_ns > report->time_ns ? (double)(now_ns - report->time_ns) / 1e9 : 0;
}

/* Insertion: there are few, and those of the hub come nearly in order. */
static void insert(struct hearing *hearings, size_t n_sorted, size_t n, const struct hearing *hearing)
{
    size_t i = n;
    for (; i > n_sorted && hearings[i - 1].strength_dbm < hearing->strength_dbm; i--)
        hearings[i] = hearings[i - 1];
    hearings[i] = *hearing;
}

size_t hearing_list(struct fleet *fleet, const struct bleproxy_device *device, struct hearing *hearings)
{
    const struct bleproxy_advertisement *report;
    uint64_t owner = bleproxy_device_advertisement(device)->source;
    size_t n = 0, n_owners = 0;
    for (const void *at = NULL;
         n < fleet->n_members && (report = bleproxy_device_next_report(device, &at));) {
        struct hearing hearing = {.proxy = fleet_find(fleet, report->source),
                                  .report = report,
                                  .smoothed_dbm = bleproxy_device_strength_dbm(device, report->source),
                                  .age_s = hearing_age_s(fleet, report)};
        if (!hearing.proxy)
            continue;
        hearing.strength_dbm =
            hearing.smoothed_dbm != BLEPROXY_RSSI_NONE ? hearing.smoothed_dbm : report->rssi_dbm;
        insert(hearings, n_owners, n++, &hearing);
        if (n == 1 && report->source == owner)
            n_owners = 1;
    }
    return n;
}

bool hearing_is_complete(const struct fleet *fleet, uint64_t address)
{
    size_t n_working = 0, n_hearing = 0;
    const void *position = NULL;
    const struct bleproxy_device *heard = bleproxy_hub_device(fleet->hub, address);
    for (size_t i = 0; i < fleet->n_members; i++)
        n_working += (fleet->remote || fleet->members[i].manager) && fleet->members[i].error == 0;
    while (heard && bleproxy_device_next_report(heard, &position))
        n_hearing++;
    return n_hearing >= n_working;
}

bool hearing_is_connectable(const struct hearing *hearings, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (hearings[i].report->connectable)
            return true;
    return false;
}

int hearing_strength_dbm(const struct bleproxy_device *device)
{
    const struct bleproxy_advertisement *last = bleproxy_device_advertisement(device);
    int smoothed_dbm = bleproxy_device_strength_dbm(device, last->source);
    return smoothed_dbm != BLEPROXY_RSSI_NONE ? smoothed_dbm : last->rssi_dbm;
}

struct json_object *hearing_json(const struct hearing *hearing)
{
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "proxy", json_text(hearing->proxy->label));
    json_object_object_add(object, "source", json_address(hearing->proxy->source));
    json_object_object_add(object, "rssi", json_dbm(hearing->report->rssi_dbm));
    json_object_object_add(object, "smoothed", json_dbm(hearing->smoothed_dbm));
    json_object_object_add(object, "age", json_decimal(hearing->age_s));
    return object;
}
