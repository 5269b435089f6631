/* SPDX-License-Identifier: MIT */
#include "device.h"

#include "cli.h"
#include "json.h"
#include "log.h"
#include <stdio.h>
#include <stdlib.h>

static const struct option longs[] = {OPTIONS_LONG, {0}};

static const char help[] =
    "Usage: bleproxy params [OPTION]... ADDRESS MIN MAX LATENCY TIMEOUT\n"
    "Ask a device for other connection parameters, and tell whether the proxy took them.\n"
    "ADDRESS is the device's address, its name in the configuration, or its exact name.\n"
    "  MIN, MAX   connection interval, 6 to 3200 units of 1.25 ms\n"
    "  LATENCY    meetings that the device may miss, 0 to 499\n"
    "  TIMEOUT    after which a silent device counts as gone, 10 to 3200 units of 10 ms\n"
    "\n" OPTIONS_HELP "\n"
    "  -t, --timeout SECONDS    for connecting at most (30)\n";

static int parse(void *user, int option, const char *value)
{
    (void)user, (void)option, (void)value;
    return CLI_INTERNAL; /* there are no options of its own */
}

static int prepare(struct device *device)
{
    struct bleproxy_connection_parameters *parameters = device->user;
    uint16_t *const values[] = {&parameters->interval_min, &parameters->interval_max, &parameters->latency,
                                &parameters->timeout};
    const char *why;
    for (size_t i = 0; i < 4; i++) {
        const char *text = device->options.arguments[1 + i];
        char *end;
        unsigned long value = strtoul(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || value > UINT16_MAX) {
            log_say("'%s' is no number; see 'bleproxy params --help'", text);
            return CLI_USAGE;
        }
        *values[i] = (uint16_t)value;
    }
    if (bleproxy_connection_parameters_are_valid(parameters, &why))
        return CLI_DONE;
    log_say("%s", why);
    return CLI_FAILED;
}

static void on_set(void *user, const struct bleproxy_result *result)
{
    struct device *device = user;
    const struct bleproxy_connection_parameters *parameters = device->user;
    if (result->error < 0) {
        device_fail(device, result);
        return;
    }
    if (device->options.json) {
        struct json_object *object = json_object_new_object();
        json_object_object_add(object, "address", json_address(device->address));
        json_object_object_add(object, "interval_min", json_object_new_int(parameters->interval_min));
        json_object_object_add(object, "interval_max", json_object_new_int(parameters->interval_max));
        json_object_object_add(object, "latency", json_object_new_int(parameters->latency));
        json_object_object_add(object, "timeout", json_object_new_int(parameters->timeout));
        json_print(object);
    } else {
        printf("asked for an interval of %.2f to %.2f ms, a latency of %u, a timeout of %u ms\n",
               parameters->interval_min * 1.25, parameters->interval_max * 1.25, parameters->latency,
               parameters->timeout * 10U);
    }
    device_finish(device, CLI_DONE);
}

static void act(struct device *device)
{
    int r = device->ops->set_parameters(device, device->user, on_set);
    if (r < 0)
        device_refuse(device, r);
}

static const struct device_command command = {
    .name = "bleproxy params",
    .table = {.longs = longs,
              .help = help,
              .parse = parse,
              .arguments = "ADDRESS MIN MAX LATENCY TIMEOUT",
              .arguments_min = 5,
              .arguments_max = 5},
    .prepare = prepare,
    .act = act,
    .connect_timeout = true,
};

int cmd_params(int argc, char **argv)
{
    struct bleproxy_connection_parameters parameters = {0};
    struct device device = {.command = &command, .user = &parameters};
    return device_main(&device, argc, argv);
}
