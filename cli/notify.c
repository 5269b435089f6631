/* SPDX-License-Identifier: MIT */
#include "attribute.h"

#include "cli.h"
#include "json.h"
#include "log.h"
#include "run.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CHARACTERISTICS_MAX = 16 };

static const struct option longs[] = {
    OPTIONS_LONG,
    {"count", required_argument, NULL, 'n'},
    {0},
};

static const char help[] =
    "Usage: bleproxy notify [OPTION]... ADDRESS CHAR...\n"
    "Show the values that a device sends by itself, a line each, as they come.\n" ATTRIBUTE_HELP
    "\n" OPTIONS_HELP "\n"
    "  -n, --count COUNT        until so many have come; else until Ctrl-C\n"
    "  -t, --timeout SECONDS    for this long at most, once it is subscribed\n";

struct notify {
    struct attribute attributes[CHARACTERISTICS_MAX];
    size_t n_attributes, n_subscribed;
    unsigned long long count, n_values; /* count 0: no limit */
};

static int parse(void *user, int option, const char *value)
{
    struct device *device = user;
    struct notify *notify = device->user;
    char *end;
    if (option != 'n')
        return CLI_INTERNAL;
    notify->count = strtoull(value, &end, 10);
    if (*end || *value < '0' || *value > '9' || notify->count == 0) {
        log_say("-n takes a number from 1 on: not '%s'", value);
        return CLI_USAGE;
    }
    return CLI_DONE;
}

static int prepare(struct device *device)
{
    for (size_t i = 1; i < device->options.n_arguments; i++) {
        int r = attribute_check(device->options.arguments[i]);
        if (r != CLI_DONE)
            return r;
    }
    return CLI_DONE;
}

static const struct attribute *attribute_of(const struct notify *notify, uint16_t handle)
{
    for (size_t i = 0; i < notify->n_attributes; i++)
        if (notify->attributes[i].handle == handle)
            return &notify->attributes[i];
    return NULL;
}

static void print_json(const struct device *device, const struct attribute *attribute,
                       const struct timespec *now, const uint8_t *value, size_t size)
{
    struct json_object *object = json_object_new_object();
    char seconds[32];
    snprintf(seconds, sizeof(seconds), "%lld.%06ld", (long long)now->tv_sec, now->tv_nsec / 1000);
    json_object_object_add(
        object, "time", json_object_new_double_s((double)now->tv_sec + (double)now->tv_nsec / 1e9, seconds));
    attribute_add_json(device, attribute, value, size, object);
    json_print(object);
}

static void print_line(const struct attribute *attribute, const struct timespec *now, const uint8_t *value,
                       size_t size)
{
    struct tm local = {0};
    char clock[16], uuid[BLEPROXY_UUID_TEXT_SIZE];
    localtime_r(&now->tv_sec, &local);
    strftime(clock, sizeof(clock), "%H:%M:%S", &local);
    bleproxy_uuid_format(&attribute->uuid, uuid);
    printf("%s.%03ld  %s  ", clock, now->tv_nsec / 1000000, attribute->name ? attribute->name : uuid);
    attribute_print_value(attribute, value, size);
    putchar('\n');
}

static void on_notification(void *user, uint16_t handle, const uint8_t *value, size_t size)
{
    struct device *device = user;
    struct notify *notify = device->user;
    const struct attribute *attribute = attribute_of(notify, handle);
    struct timespec now;
    if (device->over || run_output_is_lost() || !attribute)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    log_progress_end();
    if (device->options.json)
        print_json(device, attribute, &now, value, size);
    else
        print_line(attribute, &now, value, size);
    notify->n_values++;
    if (notify->n_values == notify->count)
        device_finish(device, CLI_DONE);
}

static void on_timeout(void *user)
{
    struct device *device = user;
    const struct notify *notify = device->user;
    if (notify->count > 0 && notify->n_values < notify->count) {
        log_say("%s: %llu of %llu values came in time", device->label, notify->n_values, notify->count);
        device_finish(device, CLI_FAILED);
    }
    device_finish(device, CLI_DONE);
}

static void on_subscribed(void *user, const struct bleproxy_result *result)
{
    struct device *device = user;
    struct notify *notify = device->user;
    int r = 0;
    if (result->error < 0) {
        device_fail(device, result);
        return;
    }
    if (++notify->n_subscribed < notify->n_attributes)
        return;
    log_progress("waiting for values of %s", device->label);
    if (device->options.timeout_ms > 0) {
        bleproxy_timer_free(device->timer);
        device->timer = NULL;
        r = bleproxy_timer_new(device->fleet.loop, device->options.timeout_ms, 0, on_timeout, device,
                               &device->timer);
    }
    if (r < 0)
        device_refuse(device, r);
}

static const uint32_t SENDS_VALUES = BLEPROXY_PROPERTY_NOTIFY | BLEPROXY_PROPERTY_INDICATE;

static void act(struct device *device)
{
    struct notify *notify = device->user;
    for (size_t i = 1; i < device->options.n_arguments; i++) {
        struct attribute *attribute = &notify->attributes[notify->n_attributes];
        if (!attribute_find(device, device->options.arguments[i], attribute))
            return;
        if (attribute->is_descriptor || !(attribute->characteristic->properties & SENDS_VALUES)) {
            log_say(
                "%s: '%s' sends no values by itself; 'bleproxy services \"%s\"' shows what has the property "
                "notify or indicate",
                device->label, device->options.arguments[i], device->label);
            device_finish(device, CLI_FAILED);
            return;
        }
        if (attribute_of(notify, attribute->handle))
            continue; /* named twice */
        notify->n_attributes++;
    }
    for (size_t i = 0; i < notify->n_attributes; i++) {
        int r = device->ops->subscribe(device, notify->attributes[i].handle, on_notification, on_subscribed);
        if (r < 0)
            device_refuse(device, r);
    }
}

static const struct device_command command = {
    .name = "bleproxy notify",
    .table = {.longs = longs,
              .shorts = OPTIONS_SHORT "n:",
              .help = help,
              .parse = parse,
              .arguments = "ADDRESS CHAR...",
              .arguments_min = 2,
              .arguments_max = 1 + CHARACTERISTICS_MAX},
    .prepare = prepare,
    .act = act,
};

int cmd_notify(int argc, char **argv)
{
    struct notify notify = {0};
    struct device device = {.command = &command, .user = &notify};
    return device_main(&device, argc, argv);
}
