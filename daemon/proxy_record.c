/* SPDX-License-Identifier: MIT */
#include "proxy_record.h"

#include <stdint.h>

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

static int append_text(sd_bus_message *message, const char *key, const char *text)
{
    return sd_bus_message_append(message, "{sv}", key, "s", text ? text : "");
}

static int append_number(sd_bus_message *message, const char *key, uint32_t number)
{
    return sd_bus_message_append(message, "{sv}", key, "u", number);
}

static int append_flag(sd_bus_message *message, const char *key, bool flag)
{
    return sd_bus_message_append(message, "{sv}", key, "b", flag);
}

static int append_address(sd_bus_message *message, const char *key, uint64_t address)
{
    char text[BLEPROXY_ADDRESS_TEXT_SIZE] = "";
    if (address != 0)
        bleproxy_address_format(address, text);
    return append_text(message, key, text);
}

static int append_holders(sd_bus_message *message, const struct bleproxy_slots *slots)
{
    char text[BLEPROXY_ADDRESS_TEXT_SIZE];
    int r = sd_bus_message_open_container(message, 'e', "sv");
    if (r >= 0)
        r = sd_bus_message_append(message, "s", "held_by");
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'v', "as");
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'a', "s");
    for (size_t i = 0; r >= 0 && i < slots->n_allocated; i++) {
        bleproxy_address_format(slots->allocated[i], text);
        r = sd_bus_message_append(message, "s", text);
    }
    for (int i = 0; i < 3 && r >= 0; i++)
        r = sd_bus_message_close_container(message);
    return r;
}

static int append_slots(sd_bus_message *message, const struct member *member)
{
    const struct bleproxy_scanner *scanner =
        member->manager ? bleproxy_manager_scanner(member->manager) : NULL;
    const struct bleproxy_slots *slots = scanner ? bleproxy_scanner_slots(scanner) : NULL;
    int r = scanner ? append_flag(message, "connectable", bleproxy_scanner_is_connectable(scanner)) : 0;
    if (!slots || r < 0)
        return r;
    r = append_number(message, "slots_free", slots->free);
    if (r >= 0)
        r = append_number(message, "slots_limit", slots->limit);
    return r < 0 ? r : append_holders(message, slots);
}

/* For how long it has been lost, 0 while it is connected. */
static uint32_t seconds_down(const struct member *member)
{
    uint64_t since_ns = member->lost_ns > 0 ? member->lost_ns : member->fleet->started_ns;
    return member->is_ready ? 0
                            : (uint32_t)((bleproxy_loop_now_ns(member->fleet->loop) - since_ns) / NS_PER_S);
}

int proxy_record_append(sd_bus_message *message, const struct member *member)
{
    int r = sd_bus_message_open_container(message, 'a', "{sv}");
    if (r >= 0)
        r = append_text(message, "name", member->label);
    if (r >= 0)
        r = append_text(message, "address", member->target->config.address);
    if (r >= 0)
        r = append_number(message, "port", member->target->config.port);
    if (r >= 0)
        r = append_address(message, "source", member->source);
    if (r >= 0)
        r = append_text(message, "state", member_state(member));
    if (r >= 0)
        r = append_text(message, "firmware", member->firmware);
    if (r >= 0)
        r = append_flag(message, "encrypted", member->encrypted);
    if (r >= 0)
        r = append_text(message, "error",
                        member->is_ready     ? ""
                        : member->error != 0 ? member->text
                                             : member->lost_text);
    if (r >= 0)
        r = sd_bus_message_append(message, "{sv}", "error_code", "i", member->is_ready ? 0 : member->error);
    if (r >= 0)
        r = append_number(message, "down_s", seconds_down(member));
    if (r >= 0)
        r = append_slots(message, member);
    return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_dbm(sd_bus_message *message, const char *key, double dbm)
{
    return dbm == BLEPROXY_RSSI_NONE ? 0 : sd_bus_message_append(message, "{sv}", key, "d", dbm);
}

int proxy_record_append_path(sd_bus_message *message, const struct bleproxy_path *path)
{
    int r = sd_bus_message_open_container(message, 'a', "{sv}");
    if (r >= 0)
        r = append_text(message, "proxy", path->proxy);
    if (r >= 0)
        r = append_address(message, "source", path->source);
    if (r >= 0)
        r = append_text(message, "obstacle", bleproxy_obstacle_name(path->obstacle));
    if (r >= 0)
        r = append_flag(message, "preferred", path->preferred);
    if (r >= 0)
        r = append_dbm(message, "score_dbm", path->score_dbm);
    if (r >= 0)
        r = append_dbm(message, "smoothed_dbm", path->smoothed_dbm);
    if (r >= 0)
        r = append_dbm(message, "rssi_dbm", path->rssi_dbm);
    if (r >= 0 && path->age_ns != UINT64_MAX)
        r = sd_bus_message_append(message, "{sv}", "age_ms", "t", path->age_ns / NS_PER_MS);
    if (r >= 0)
        r = append_flag(message, "remembered", path->remembered);
    if (r >= 0)
        r = sd_bus_message_append(message, "{sv}", "silent_ms", "t", path->silent_ns / NS_PER_MS);
    if (r >= 0)
        r = sd_bus_message_append(message, "{sv}", "interval_ms", "t", path->interval_ns / NS_PER_MS);
    if (r >= 0)
        r = append_flag(message, "holds", path->holds);
    if (r >= 0)
        r = append_number(message, "attempts", path->attempts);
    if (r >= 0)
        r = sd_bus_message_append(message, "{sv}", "failures", "d", path->failures);
    if (r >= 0)
        r = append_number(message, "slots_free", path->slots_free);
    if (r >= 0)
        r = append_number(message, "slots_limit", path->slots_limit);
    return r < 0 ? r : sd_bus_message_close_container(message);
}
