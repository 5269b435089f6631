/* SPDX-License-Identifier: MIT */
#include "why.h"

#include "columns.h"
#include "describe.h"
#include "hearing.h"
#include "holders.h"
#include "json.h"
#include "table.h"
#include "terminal.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 256, HOLDERS_SIZE = 512, VERDICT_SIZE = 640 };

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

static int rounded(double dbm)
{
    return (int)(dbm < 0 ? dbm - 0.5 : dbm + 0.5);
}

static bool was_heard(const struct bleproxy_path *path)
{
    return path && path->age_ns < UINT64_MAX;
}

/* ---- As text ---- */

/* By a proxy whose memory is of an earlier run. */
static bool is_remembered(const struct why *why)
{
    for (size_t i = 0; i < why->n_ways; i++)
        if (was_heard(why->ways[i].path))
            return true;
    return false;
}

/* "A4:C1:38:80:00:00  Virtual Battery   interval 2.1 s, last heard 0.4 s ago by kitchen" */
static void print_title(struct why *why, FILE *out)
{
    char address[BLEPROXY_ADDRESS_TEXT_SIZE], name[NAME_SIZE], interval[DESCRIBE_TIME_SIZE],
        age[DESCRIBE_TIME_SIZE];
    if (!why->device) {
        fprintf(out, "%s   not heard%s", why->label,
                is_remembered(why) ? " now; how it was heard before:" : "");
        return;
    }
    const struct bleproxy_advertisement *last = bleproxy_device_advertisement(why->device);
    const struct member *owner = fleet_find(&why->fleet, last->source);
    uint64_t interval_ns = bleproxy_device_interval_ns(why->device);
    bleproxy_address_format(last->address, address);
    describe_name(bleproxy_device_name(why->device), name, sizeof(name));
    describe_seconds(hearing_age_s(&why->fleet, last), age);
    fprintf(out, "%s%s%s   ", address, name[0] ? "  " : "", name);
    if (interval_ns > 0) {
        describe_seconds(seconds(interval_ns), interval);
        fprintf(out, "interval %s s, ", interval);
    }
    fprintf(out, "last heard %s s ago%s%s", age, owner ? " by " : "", owner ? owner->label : "");
}

/* What a proxy that is not connected, or silent, has instead of the device. */
static void describe_member(const struct why *why, const struct member *member, char *text, size_t size)
{
    char since[DESCRIBE_TIME_SIZE], wait[64];
    const char *silence;
    uint64_t now_ns = bleproxy_loop_now_ns(why->fleet.loop);
    if (!member->is_ready && member->error != 0) {
        snprintf(text, size, "down: %s%s", member_reason(member, member->text),
                 member_wait(member, wait, sizeof(wait)));
    } else if (!member->is_ready) {
        snprintf(text, size, "%s",
                 member->lost_ns > 0 ? member_reason(member, member->lost_text) : "no answer yet");
    } else if (member->silent) {
        describe_duration(seconds(now_ns - member->heard_ns), since);
        member_silence(member, &silence);
        snprintf(text, size, "has heard nothing at all for %s: %s", since, silence);
    } else {
        snprintf(text, size, "has not heard it, but %zu other%s", member->n_devices,
                 member->n_devices == 1 ? "" : "s");
    }
}

/* Among those that could be used. */
static void describe_rank(const struct why *why, const struct way *way, char *text, size_t size)
{
    const struct bleproxy_path *best = why->ways[0].path;
    int weaker_db = rounded(best->score_dbm) - rounded(way->path->score_dbm);
    if (way->used)
        snprintf(text, size, "would be used%s", way->path->preferred ? ": a pin prefers it" : "");
    else if (best->preferred && !way->path->preferred)
        snprintf(text, size, "a pin prefers %s", why->ways[0].member->label);
    else
        snprintf(text, size, "%d dB less than %s", weaker_db, why->ways[0].member->label);
}

static void describe_full(const struct why *why, const struct way *way, char *text, size_t size)
{
    char holders[HOLDERS_SIZE] = "";
    const struct bleproxy_slots *slots = holders_slots(way->member);
    if (slots)
        holders_name(&why->fleet, slots, holders, sizeof(holders));
    if (way->path->slots_limit == 0)
        snprintf(text, size, "has not told its connection slots yet");
    else
        snprintf(text, size, "full%s%s", holders[0] ? ": " : "", holders);
}

static void describe_bond(const struct why *why, char *text, size_t size)
{
    char proxy[NAME_SIZE] = "another proxy";
    const struct bleproxy_bond *bond = bleproxy_hub_bond(why->fleet.hub, why->address);
    if (bond)
        bleproxy_sanitise(proxy, sizeof(proxy), bond->proxy, strlen(bond->proxy));
    snprintf(text, size, "the bond is on %s", proxy);
}

static void describe_obstacle(const struct why *why, const struct way *way, char *text, size_t size)
{
    switch (way->path->obstacle) {
    case BLEPROXY_OBSTACLE_NONE:
        describe_rank(why, way, text, size);
        break;
    case BLEPROXY_OBSTACLE_CANNOT_CONNECT:
        snprintf(text, size, "makes no connections%s", was_heard(way->path) ? "" : ", and has not heard it");
        break;
    case BLEPROXY_OBSTACLE_NO_SESSION:
        snprintf(text, size, "its connection is being lost");
        break;
    case BLEPROXY_OBSTACLE_DENIED:
        snprintf(text, size, "a pin denies it");
        break;
    case BLEPROXY_OBSTACLE_NOT_ALLOWED:
        snprintf(text, size, "pins allow only others");
        break;
    case BLEPROXY_OBSTACLE_RESERVED:
        snprintf(text, size, "reserved for other devices by a pin");
        break;
    case BLEPROXY_OBSTACLE_BONDED_ELSEWHERE:
        describe_bond(why, text, size);
        break;
    case BLEPROXY_OBSTACLE_NOT_HEARD:
        describe_member(why, way->member, text, size);
        break;
    case BLEPROXY_OBSTACLE_STALE:
        snprintf(text, size, "has not heard it lately");
        break;
    case BLEPROXY_OBSTACLE_BUSY:
        snprintf(text, size, "is connecting another device");
        break;
    case BLEPROXY_OBSTACLE_FULL:
        describe_full(why, way, text, size);
        break;
    }
}

static const struct column columns[] = {
    {.head = "PROXY", .min = 6, .max = 24},
    {.head = "RSSI", .min = 9, .max = 9, .rank = 1, .fixed = true},
    {.head = "AGE", .min = 4, .rank = 3, .right = true},
    {.head = "FREE", .min = 4, .rank = 4, .right = true},
    {.head = "SCORE", .min = 5, .rank = 5, .right = true},
    {.head = "", .min = 16, .rank = 2},
};

static void add_way(struct columns *table, const struct why *why, const struct way *way)
{
    char age[DESCRIBE_TIME_SIZE], verdict[VERDICT_SIZE];
    const struct bleproxy_path *path = way->path;
    bool heard = was_heard(path);
    describe_seconds(heard ? seconds(path->age_ns) : -1, age);
    if (path && !way->member->silent)
        describe_obstacle(why, way, verdict, sizeof(verdict));
    else
        describe_member(why, way->member, verdict, sizeof(verdict));
    columns_add(table, NULL, "%s", way->member->label);
    table_add_strength(table, heard ? rounded(path->smoothed_dbm) : BLEPROXY_RSSI_NONE);
    columns_add(table, NULL, "%s", age);
    if (path && path->slots_limit > 0)
        columns_add(table, path->slots_free == 0 ? TERMINAL_RED : NULL, "%u/%u", (unsigned)path->slots_free,
                    (unsigned)path->slots_limit);
    else
        columns_add(table, NULL, "-");
    if (heard)
        columns_add(table, NULL, "%d", rounded(path->score_dbm));
    else
        columns_add(table, NULL, "-");
    columns_add(table, way->used ? TERMINAL_GREEN : path ? NULL : TERMINAL_RED, "%s", verdict);
}

void why_print_text(struct why *why)
{
    struct columns table;
    unsigned line = terminal_line();
    char *title = NULL;
    size_t size;
    FILE *out = open_memstream(&title, &size);
    if (out) {
        print_title(why, out);
        fclose(out);
        text_wrap(stdout, title, line);
    }
    free(title);
    putchar('\n');
    columns_init(&table, columns, sizeof(columns) / sizeof(*columns), line, terminal_has_colour());
    for (size_t i = 0; i < why->n_ways; i++)
        add_way(&table, why, &why->ways[i]);
    columns_print(&table, stdout);
    columns_deinit(&table);
    putchar('\n');
    text_wrap(stdout, why->text, line);
}

/* ---- As JSON ---- */

static struct json_object *json_holders(const struct member *member)
{
    struct json_object *list = json_object_new_array();
    const struct bleproxy_slots *slots = holders_slots(member);
    for (size_t i = 0; slots && i < slots->n_allocated; i++)
        json_object_array_add(list, json_address(slots->allocated[i]));
    return list;
}

static struct json_object *json_way(const struct way *way)
{
    struct json_object *object = json_object_new_object();
    const struct member *member = way->member;
    const struct bleproxy_path *path = way->path;
    bool heard = was_heard(path), has_slots = path && path->slots_limit > 0;
    enum bleproxy_obstacle obstacle = path ? path->obstacle : BLEPROXY_OBSTACLE_NO_SESSION;
    json_object_object_add(object, "proxy", json_text(member->label));
    json_object_object_add(object, "source", member->source ? json_address(member->source) : NULL);
    json_object_object_add(object, "state", json_text(member_state(member)));
    json_object_object_add(object, "error", json_text(member->error != 0 ? member->text : NULL));
    json_object_object_add(object, "used", json_object_new_boolean(way->used));
    json_object_object_add(object, "obstacle",
                           obstacle == BLEPROXY_OBSTACLE_NONE ? NULL
                                                              : json_text(bleproxy_obstacle_name(obstacle)));
    json_object_object_add(object, "preferred", json_object_new_boolean(path && path->preferred));
    json_object_object_add(object, "rssi", json_dbm(heard ? path->rssi_dbm : BLEPROXY_RSSI_NONE));
    json_object_object_add(object, "smoothed",
                           heard && path->smoothed_dbm > BLEPROXY_RSSI_NONE ? json_decimal(path->smoothed_dbm)
                                                                            : NULL);
    json_object_object_add(object, "score", heard ? json_decimal(path->score_dbm) : NULL);
    json_object_object_add(object, "age", heard ? json_decimal(seconds(path->age_ns)) : NULL);
    json_object_object_add(object, "free", has_slots ? json_object_new_int64(path->slots_free) : NULL);
    json_object_object_add(object, "limit", has_slots ? json_object_new_int64(path->slots_limit) : NULL);
    json_object_object_add(object, "allocated", json_holders(member));
    json_object_object_add(object, "attempts", json_object_new_int64(path ? path->attempts : 0));
    json_object_object_add(object, "failures", json_decimal(path ? path->failures : 0));
    json_object_object_add(object, "devices", json_object_new_int64((int64_t)member->n_devices));
    return object;
}

void why_print_json(struct why *why)
{
    struct json_object *object = json_object_new_object(), *list = json_object_new_array();
    const struct bleproxy_device *device = why->device;
    const struct bleproxy_advertisement *last = device ? bleproxy_device_advertisement(device) : NULL;
    const struct member *owner = last ? fleet_find(&why->fleet, last->source) : NULL;
    uint64_t interval_ns = device ? bleproxy_device_interval_ns(device) : 0;
    for (size_t i = 0; i < why->n_ways; i++)
        json_object_array_add(list, json_way(&why->ways[i]));
    json_object_object_add(object, "address", why->address ? json_address(why->address) : NULL);
    json_object_object_add(object, "name", json_text(device ? bleproxy_device_name(device) : NULL));
    json_object_object_add(object, "owner", json_text(owner ? owner->label : NULL));
    json_object_object_add(object, "age", last ? json_decimal(hearing_age_s(&why->fleet, last)) : NULL);
    json_object_object_add(object, "interval", interval_ns > 0 ? json_decimal(seconds(interval_ns)) : NULL);
    json_object_object_add(object, "heard", json_object_new_boolean(why->is_heard));
    json_object_object_add(object, "explanation", json_text(why->text));
    json_object_object_add(object, "paths", list);
    json_print(object);
}
