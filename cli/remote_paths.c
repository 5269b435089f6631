/* SPDX-License-Identifier: MIT */
#include "remote_private.h"

#include <bleproxy/path.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)
enum { PATIENCE_US = 2000000 };

/* Asks something of a device. 0 or more, or a negative errno; -EPERM: the daemon's configuration denies the device. */
static int ask(struct remote *remote, sd_bus_message **ret_reply, const char *method, uint64_t address)
{
    char text[BLEPROXY_ADDRESS_TEXT_SIZE];
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message *call = NULL;
    bleproxy_address_format(address, text);
    int r = remote_new_call(remote, &call, REMOTE_PATH, REMOTE_INTERFACE, method);
    if (r >= 0)
        r = sd_bus_message_append(call, "s", text);
    if (r >= 0)
        r = sd_bus_call(remote->bus.sd, call, PATIENCE_US, &error, ret_reply);
    if (r < 0)
        r = sd_bus_error_has_name(&error, "org.bluez.Error.NotAuthorized") ? -EPERM : r == -EPERM ? -EIO : r;
    sd_bus_error_free(&error);
    sd_bus_message_unref(call);
    bus_prepare(&remote->bus); /* what came meanwhile waits in there */
    return r;
}

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

/* It does not tell them then: none is one. */
static void deny_all(struct remote *remote, struct bleproxy_path *paths, size_t max, size_t *ret_n)
{
    *ret_n = 0;
    for (size_t i = 0; i < remote->fleet->n_members && *ret_n < max; i++) {
        const struct member *member = &remote->fleet->members[i];
        if (member->is_ready && member->source != 0)
            paths[(*ret_n)++] = (struct bleproxy_path){.source = member->source,
                                                       .proxy = member->label,
                                                       .obstacle = BLEPROXY_OBSTACLE_DENIED,
                                                       .age_ns = UINT64_MAX,
                                                       .rssi_dbm = BLEPROXY_RSSI_NONE,
                                                       .smoothed_dbm = BLEPROXY_RSSI_NONE};
    }
}

bool remote_paths(struct remote *remote, uint64_t address, struct bleproxy_path *paths, size_t max,
                  size_t *ret_n)
{
    sd_bus_message *reply = NULL;
    size_t n = 0;
    int r = ask(remote, &reply, "ListPaths", address);
    if (r == -EPERM) {
        deny_all(remote, paths, max, ret_n);
        return true;
    }
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
    sd_bus_message *reply = NULL;
    const char *said;
    int r = ask(remote, &reply, "Explain", address);
    if (r == -EPERM) {
        snprintf(text, size, "the configuration of bleproxyd denies it (daemon: deny or allow)");
        return true;
    }
    if (r >= 0)
        r = sd_bus_message_read(reply, "s", &said);
    if (r >= 0)
        bleproxy_sanitise(text, size, said, strlen(said));
    sd_bus_message_unref(reply);
    return r >= 0;
}
