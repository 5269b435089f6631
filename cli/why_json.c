/* SPDX-License-Identifier: MIT */
#include "why.h"

#include "hearing.h"
#include "holders.h"
#include "json.h"

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
    bool can_be_had =
        path && (path->obstacle == BLEPROXY_OBSTACLE_NONE || path->obstacle == BLEPROXY_OBSTACLE_BUSY);
    bool heard = way_is_heard(path), has_slots = path && path->slots_limit > 0;
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
    json_object_object_add(object, "score", can_be_had ? json_decimal(path->score_dbm) : NULL);
    json_object_object_add(object, "age", heard ? json_decimal(why_seconds(path->age_ns)) : NULL);
    json_object_object_add(object, "remembered", json_object_new_boolean(path && path->remembered));
    json_object_object_add(object, "holds", json_object_new_boolean(path && path->holds));
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
    const char *name = device ? bleproxy_device_name(device) : why->remembered ? why->remembered->name : NULL;
    uint64_t interval_ns = device ? bleproxy_device_interval_ns(device) : 0;
    for (size_t i = 0; i < why->n_ways; i++)
        json_object_array_add(list, json_way(&why->ways[i]));
    json_object_object_add(object, "address", why->address ? json_address(why->address) : NULL);
    json_object_object_add(object, "name", json_text(name));
    json_object_object_add(object, "configured_name",
                           json_text(device_names_of(&why->fleet.proxies.names, why->address)));
    json_object_object_add(object, "owner", json_text(owner ? owner->label : NULL));
    json_object_object_add(object, "age", last ? json_decimal(hearing_age_s(&why->fleet, last)) : NULL);
    json_object_object_add(object, "interval",
                           interval_ns > 0 ? json_decimal(why_seconds(interval_ns)) : NULL);
    json_object_object_add(object, "heard", json_object_new_boolean(why->is_heard));
    json_object_object_add(object, "explanation", json_text(why->text));
    json_object_object_add(object, "paths", list);
    json_print(object);
}
