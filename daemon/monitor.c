/* SPDX-License-Identifier: MIT */
#include "monitor.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)
enum { RSSI_MIN = -127, RSSI_MAX = 20, RSSI_UNSET = 127 };
enum { TIMEOUT_UNSET = 0, HIGH_DEFAULT_S = 10, LOW_DEFAULT_S = 5 };
enum { PERIOD_MAX = 255, PERIOD_UNSET = 256 };

/* What is known of a device. */
struct sight {
    uint64_t address;
    uint64_t heard_ns, told_ns;
    uint64_t high_since_ns, low_since_ns; /* 0: it is not that strong, or weak */
    bool found;
};

/* ---- Properties ---- */

/* What is read of a monitor. Values of other types than they should be are skipped, and none is there. */
struct reading {
    struct monitor *monitor;
    uint16_t period; /* how often a device is to be told of, which is a radio's business */
    bool has_type, is_bad;
};

static int read_type(sd_bus_message *message, struct reading *reading)
{
    const char *text;
    int r = sd_bus_message_read(message, "s", &text);
    if (r < 0)
        return r;
    reading->has_type = true;
    reading->is_bad |= strcmp(text, "or_patterns") != 0;
    return 0;
}

static int read_patterns(sd_bus_message *message, struct reading *reading)
{
    struct monitor *monitor = reading->monitor;
    int r = monitor->patterns ? 1 : patterns_read(message, &monitor->patterns, &monitor->n_patterns);
    reading->is_bad |= r == 1;
    return r < 0 ? r : 0;
}

/* Of that type, in a variant. */
static int read_value(sd_bus_message *message, const char *name, const char *type, struct reading *reading)
{
    struct monitor *monitor = reading->monitor;
    const struct {
        const char *name, *type;
        void *value;
    } table[] = {
        {"RSSIHighThreshold", "n", &monitor->high_dbm}, {"RSSIHighTimeout", "q", &monitor->high_s},
        {"RSSILowThreshold", "n", &monitor->low_dbm},   {"RSSILowTimeout", "q", &monitor->low_s},
        {"RSSISamplingPeriod", "q", &reading->period},
    };
    if (strcmp(name, "Type") == 0 && strcmp(type, "s") == 0)
        return read_type(message, reading);
    if (strcmp(name, "Patterns") == 0 && strcmp(type, "a(yyay)") == 0)
        return read_patterns(message, reading);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(name, table[i].name) != 0)
            continue;
        reading->is_bad |= strcmp(type, table[i].type) != 0;
        return strcmp(type, table[i].type) == 0 ? sd_bus_message_read(message, type, table[i].value)
                                                : sd_bus_message_skip(message, type);
    }
    return sd_bus_message_skip(message, type);
}

static int read_entry(sd_bus_message *message, struct reading *reading)
{
    const char *name, *contents;
    int r = sd_bus_message_read(message, "s", &name);
    if (r >= 0)
        r = sd_bus_message_peek_type(message, NULL, &contents);
    if (r >= 0)
        r = sd_bus_message_enter_container(message, 'v', contents);
    if (r >= 0)
        r = read_value(message, name, contents, reading);
    if (r >= 0)
        r = sd_bus_message_exit_container(message);
    return r < 0 ? r : sd_bus_message_exit_container(message);
}

/* Where only a part is set, BlueZ has values for the rest. False: they are none. */
static bool settle_thresholds(struct monitor *monitor, uint16_t period)
{
    monitor->has_thresholds = monitor->high_dbm != RSSI_UNSET || monitor->low_dbm != RSSI_UNSET ||
                              monitor->high_s != TIMEOUT_UNSET || monitor->low_s != TIMEOUT_UNSET ||
                              period != PERIOD_UNSET;
    if (!monitor->has_thresholds)
        return true;
    if (monitor->low_dbm == RSSI_UNSET)
        monitor->low_dbm = RSSI_MIN;
    if (monitor->high_dbm == RSSI_UNSET)
        monitor->high_dbm = monitor->low_dbm;
    if (monitor->high_s == TIMEOUT_UNSET)
        monitor->high_s = HIGH_DEFAULT_S;
    if (monitor->low_s == TIMEOUT_UNSET)
        monitor->low_s = LOW_DEFAULT_S;
    return monitor->low_dbm >= RSSI_MIN && monitor->high_dbm <= RSSI_MAX &&
           monitor->low_dbm <= monitor->high_dbm && monitor->high_s <= MONITOR_TIMEOUT_MAX_S &&
           monitor->low_s <= MONITOR_TIMEOUT_MAX_S && (period <= PERIOD_MAX || period == PERIOD_UNSET);
}

static struct monitor *new_monitor(const char *path)
{
    struct monitor *monitor = calloc(1, sizeof(*monitor));
    if (!monitor)
        return NULL;
    *monitor = (struct monitor){.path = strdup(path), .high_dbm = RSSI_UNSET, .low_dbm = RSSI_UNSET};
    if (monitor->path)
        return monitor;
    free(monitor);
    return NULL;
}

int monitor_read(sd_bus_message *message, const char *path, struct monitor **ret_monitor)
{
    struct monitor *monitor = new_monitor(path);
    struct reading reading = {.monitor = monitor, .period = PERIOD_UNSET};
    int r = monitor ? 0 : -ENOMEM;
    if (r >= 0)
        r = sd_bus_message_enter_container(message, 'a', "{sv}");
    while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0)
        r = read_entry(message, &reading);
    if (r >= 0)
        r = sd_bus_message_exit_container(message);
    if (r >= 0)
        r = reading.is_bad || !reading.has_type || !monitor->patterns ||
            !settle_thresholds(monitor, reading.period);
    if (r != 0) {
        monitor_free(monitor);
        return r;
    }
    *ret_monitor = monitor;
    return 0;
}

void monitor_free(struct monitor *monitor)
{
    if (!monitor)
        return;
    tdestroy(monitor->by_address, free);
    free(monitor->patterns);
    free(monitor->path);
    free(monitor);
}

/* ---- Devices ---- */

static int compare(const void *a, const void *b)
{
    const struct sight *left = a, *right = b;
    return left->address < right->address ? -1 : left->address > right->address;
}

static struct sight *find(const struct monitor *monitor, uint64_t address)
{
    const struct sight key = {.address = address};
    struct sight *const *found = tfind(&key, &monitor->by_address, compare);
    return found ? *found : NULL;
}

/* Made if need be; NULL: no memory. */
static struct sight *get(struct monitor *monitor, uint64_t address)
{
    struct sight *sight = find(monitor, address);
    if (sight)
        return sight;
    sight = calloc(1, sizeof(*sight));
    if (!sight)
        return NULL;
    sight->address = address;
    if (tsearch(sight, &monitor->by_address, compare))
        return sight;
    free(sight);
    return NULL;
}

bool monitor_matches(const struct monitor *monitor, const struct bleproxy_advertisement *report)
{
    return patterns_match(monitor->patterns, monitor->n_patterns, report);
}

/* Whether it has been like that for so long; since when is kept. */
static bool has_lasted(bool holds, uint64_t *since_ns, uint16_t timeout_s, uint64_t now_ns)
{
    if (!holds)
        *since_ns = 0;
    else if (*since_ns == 0)
        *since_ns = now_ns;
    return holds && now_ns - *since_ns >= timeout_s * NS_PER_S;
}

static enum monitor_news judge(const struct monitor *monitor, struct sight *sight, int8_t rssi_dbm,
                               uint64_t now_ns)
{
    bool is_high = has_lasted(rssi_dbm > monitor->high_dbm, &sight->high_since_ns, monitor->high_s, now_ns);
    bool is_low = has_lasted(rssi_dbm < monitor->low_dbm, &sight->low_since_ns, monitor->low_s, now_ns);
    if (is_high && !sight->found) {
        sight->found = true;
        return MONITOR_FOUND;
    }
    if (is_low && sight->found) {
        sight->found = false;
        return MONITOR_LOST;
    }
    return MONITOR_NOTHING;
}

enum monitor_news monitor_hear(struct monitor *monitor, const struct bleproxy_advertisement *report)
{
    struct sight *sight = get(monitor, report->address);
    uint64_t now_ns = report->time_ns;
    if (!sight)
        return MONITOR_NOTHING;
    if (monitor->has_thresholds) {
        sight->heard_ns = now_ns;
        return report->rssi_dbm == BLEPROXY_RSSI_NONE ? MONITOR_NOTHING
                                                      : judge(monitor, sight, report->rssi_dbm, now_ns);
    }
    if (sight->found && now_ns < sight->told_ns + MONITOR_PACE_MS * NS_PER_MS)
        return MONITOR_NOTHING;
    sight->found = true;
    sight->told_ns = now_ns;
    return MONITOR_FOUND;
}

struct silence {
    struct monitor *monitor;
    uint64_t now_ns;
    void (*on_lost)(struct monitor *monitor, uint64_t address, void *user);
    void *user;
};

static void look(const void *node, VISIT visit, void *user)
{
    struct sight *sight = *(struct sight *const *)node;
    const struct silence *silence = user;
    uint64_t patience_ns = silence->monitor->low_s * NS_PER_S;
    if ((visit != postorder && visit != leaf) || silence->now_ns < sight->heard_ns + patience_ns)
        return;
    sight->high_since_ns = sight->low_since_ns = 0; /* it begins anew */
    if (sight->found)
        silence->on_lost(silence->monitor, sight->address, silence->user);
    sight->found = false;
}

void monitor_tick(struct monitor *monitor, uint64_t now_ns,
                  void (*on_lost)(struct monitor *monitor, uint64_t address, void *user), void *user)
{
    struct silence silence = {monitor, now_ns, on_lost, user};
    if (monitor->has_thresholds)
        twalk_r(monitor->by_address, look, &silence);
}

void monitor_forget(struct monitor *monitor, uint64_t address)
{
    struct sight *sight = find(monitor, address);
    if (!sight)
        return;
    tdelete(sight, &monitor->by_address, compare);
    free(sight);
}
