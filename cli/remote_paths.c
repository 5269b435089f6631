/* SPDX-License-Identifier: MIT */
#include "remote_private.h"

#include <bleproxy/path.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)

static enum bleproxy_obstacle find_obstacle(const char *name)
{
    for (int i = BLEPROXY_OBSTACLE_NONE; i <= BLEPROXY_OBSTACLE_CONNECTED; i++)
        if (strcmp(bleproxy_obstacle_name((enum bleproxy_obstacle)i), name) == 0)
            return (enum bleproxy_obstacle)i;
    return BLEPROXY_OBSTACLE_NO_SESSION;
}

static int read_text_of_path(sd_bus_message *message, const char *key, struct bleproxy_path *path)
{
    const char *text;
    int r = sd_bus_message_read(message, "v", "s", &text);
    if (r < 0)
        return r;
    if (strcmp(key, "source") == 0)
        bleproxy_address_parse(text, &path->source);
    else if (strcmp(key, "obstacle") == 0)
        path->obstacle = find_obstacle(text);
    return 0;
}

static int read_dbm_of_path(sd_bus_message *message, const char *key, struct bleproxy_path *path)
{
    double value;
    int r = sd_bus_message_read(message, "v", "d", &value);
    if (r < 0)
        return r;
    if (strcmp(key, "score_dbm") == 0)
        path->score_dbm = value;
    else if (strcmp(key, "smoothed_dbm") == 0)
        path->smoothed_dbm = value;
    else if (strcmp(key, "rssi_dbm") == 0 && value >= INT8_MIN && value <= INT8_MAX)
        path->rssi_dbm = (int8_t)value;
    else if (strcmp(key, "failures") == 0)
        path->failures = value;
    return 0;
}

static int read_time_of_path(sd_bus_message *message, const char *key, struct bleproxy_path *path)
{
    uint64_t ms;
    int r = sd_bus_message_read(message, "v", "t", &ms);
    if (r < 0)
        return r;
    uint64_t ns = ms < UINT64_MAX / NS_PER_MS ? ms * NS_PER_MS : UINT64_MAX;
    if (strcmp(key, "age_ms") == 0)
        path->age_ns = ns;
    else if (strcmp(key, "silent_ms") == 0)
        path->silent_ns = ns;
    else if (strcmp(key, "interval_ms") == 0)
        path->interval_ns = ns;
    return 0;
}

static int read_number_of_path(sd_bus_message *message, const char *key, struct bleproxy_path *path)
{
    uint32_t value;
    int r = sd_bus_message_read(message, "v", "u", &value);
    if (r < 0)
        return r;
    if (strcmp(key, "attempts") == 0)
        path->attempts = value;
    else if (strcmp(key, "slots_free") == 0)
        path->slots_free = value;
    else if (strcmp(key, "slots_limit") == 0)
        path->slots_limit = value;
    return 0;
}

static int read_flag_of_path(sd_bus_message *message, const char *key, struct bleproxy_path *path)
{
    int value;
    int r = sd_bus_message_read(message, "v", "b", &value);
    if (r < 0)
        return r;
    if (strcmp(key, "preferred") == 0)
        path->preferred = value;
    else if (strcmp(key, "remembered") == 0)
        path->remembered = value;
    else if (strcmp(key, "holds") == 0)
        path->holds = value;
    return 0;
}

static int read_path(sd_bus_message *message, void *row)
{
    const char *key, *type;
    int r = sd_bus_message_read(message, "s", &key);
    if (r >= 0)
        r = sd_bus_message_peek_type(message, NULL, &type);
    if (r < 0)
        return r;
    switch (type[0]) {
    case 's':
        return read_text_of_path(message, key, row);
    case 'd':
        return read_dbm_of_path(message, key, row);
    case 't':
        return read_time_of_path(message, key, row);
    case 'u':
        return read_number_of_path(message, key, row);
    case 'b':
        return read_flag_of_path(message, key, row);
    default:
        return sd_bus_message_skip(message, "v");
    }
}

bool remote_paths(struct remote *remote, uint64_t address, struct bleproxy_path *paths, size_t max,
                  size_t *ret_n)
{
    char text[BLEPROXY_ADDRESS_TEXT_SIZE];
    sd_bus_message *reply = NULL;
    size_t n = 0;
    bleproxy_address_format(address, text);
    int r = remote_call(remote, &reply, "ListPaths", "s", text);
    if (r >= 0)
        r = sd_bus_message_enter_container(reply, 'a', "a{sv}");
    while (r > 0 && n < max) {
        paths[n] = (struct bleproxy_path){.age_ns = UINT64_MAX,
                                          .rssi_dbm = BLEPROXY_RSSI_NONE,
                                          .smoothed_dbm = BLEPROXY_RSSI_NONE,
                                          .proxy = ""};
        r = remote_next_row(reply, read_path, &paths[n]);
        const struct member *member = r > 0 ? remote_find_member(remote, paths[n].source) : NULL;
        if (!member)
            continue; /* none of those that were named */
        paths[n].proxy = member->label;
        n++;
    }
    sd_bus_message_unref(reply);
    *ret_n = n;
    return r >= 0;
}

bool remote_explain(struct remote *remote, uint64_t address, char *text, size_t size)
{
    char device[BLEPROXY_ADDRESS_TEXT_SIZE];
    sd_bus_message *reply = NULL;
    const char *said;
    bleproxy_address_format(address, device);
    int r = remote_call(remote, &reply, "Explain", "s", device);
    if (r >= 0)
        r = sd_bus_message_read(reply, "s", &said);
    if (r >= 0)
        bleproxy_sanitise(text, size, said, strlen(said));
    sd_bus_message_unref(reply);
    return r >= 0;
}
