/* SPDX-License-Identifier: MIT */
#include "attribute.h"

#include "cli.h"
#include "json.h"
#include <stdio.h>

static const struct option longs[] = {OPTIONS_LONG, {0}};

static const char help[] =
    "Usage: bleproxy read [OPTION]... ADDRESS CHAR\n"
    "Read a value of a device, and show it in hexadecimal, and in words if it has any.\n" ATTRIBUTE_HELP
    "\n" OPTIONS_HELP "\n"
    "  -t, --timeout SECONDS    for connecting at most, and for the answer at most (30 each)\n";

static int parse(void *user, int option, const char *value)
{
    (void)user, (void)option, (void)value;
    return CLI_INTERNAL; /* there are no options of its own */
}

static int prepare(struct device *device)
{
    return attribute_check(device->options.arguments[1]);
}

static void on_read(void *user, const struct bleproxy_result *result)
{
    struct device *device = user;
    struct attribute *attribute = device->user;
    if (result->error < 0) {
        device_fail(device, result);
        return;
    }
    if (device->options.json) {
        struct json_object *object = json_object_new_object();
        attribute_add_json(device, attribute, result->value, result->size, object);
        json_print(object);
    } else {
        attribute_print_value(attribute, result->value, result->size);
        putchar('\n');
    }
    device_finish(device, CLI_DONE);
}

static void act(struct device *device)
{
    struct attribute *attribute = device->user;
    if (!attribute_find(device, device->options.arguments[1], attribute))
        return;
    int r = device->ops->read(device, attribute->handle, on_read);
    if (r < 0)
        device_refuse(device, r);
}

static const struct device_command command = {
    .name = "bleproxy read",
    .table = {.longs = longs,
              .help = help,
              .parse = parse,
              .arguments = "ADDRESS CHAR",
              .arguments_min = 2,
              .arguments_max = 2},
    .prepare = prepare,
    .act = act,
    .connect_timeout = true,
};

int cmd_read(int argc, char **argv)
{
    struct attribute attribute = {0};
    struct device device = {.command = &command, .user = &attribute};
    return device_main(&device, argc, argv);
}
