/* SPDX-License-Identifier: MIT */
/* pair, unpair and clear-cache: what a proxy remembers of a device. */
#include "device.h"

#include "cli.h"
#include "json.h"
#include "log.h"
#include <stdio.h>

static const struct option longs[] = {OPTIONS_LONG, {0}};

#define BOND_HELP                                                                                            \
    "ADDRESS is the device's address or its exact name.\n"                                                   \
    "\n" OPTIONS_HELP "\n"                                                                                   \
    "  -t, --timeout SECONDS    for connecting at most (30)\n"

static int parse(void *user, int option, const char *value)
{
    (void)user, (void)option, (void)value;
    return CLI_INTERNAL; /* there are no options of their own */
}

/* One of the three. */
struct bond {
    const char *member; /* of the JSON object, which is then true */
    const char *done;   /* for people */
    int (*start)(struct bleproxy_peripheral *peripheral, bleproxy_result_fn *on_done, void *user,
                 struct bleproxy_operation **ret_operation);
};

static const char *proxy_of(struct device *device)
{
    const struct member *member = fleet_find(&device->fleet, bleproxy_peripheral_source(device->peripheral));
    return member ? member->label : "the proxy";
}

static void on_done(void *user, const struct bleproxy_result *result)
{
    struct device *device = user;
    const struct bond *bond = device->user;
    if (result->error < 0) {
        device_fail(device, result);
        return;
    }
    if (result->missing)
        log_warn(NULL, "%s", result->text);
    if (device->options.json) {
        struct json_object *object = json_object_new_object();
        json_object_object_add(object, "address", json_address(device->address));
        json_object_object_add(object, bond->member, json_object_new_boolean(1));
        json_object_object_add(object, "proxy", result->missing ? NULL : json_text(proxy_of(device)));
        json_print(object);
    } else {
        char address[BLEPROXY_ADDRESS_TEXT_SIZE];
        bleproxy_address_format(device->address, address);
        if (result->missing)
            printf("%s: the services are forgotten here only\n", address);
        else
            printf("%s: %s%s\n", address, bond->done, proxy_of(device));
    }
    device_finish(device, CLI_DONE);
}

static void act(struct device *device)
{
    const struct bond *bond = device->user;
    int r = bond->start(device->peripheral, on_done, device, NULL);
    if (r < 0)
        device_refuse(device, r);
}

/* For clear-cache: what is known here needs no connection to be forgotten. */
static void forget_here(struct device *device)
{
    uint64_t address = device->address ? device->address : device->filter.address;
    if (!device->peripheral && address &&
        bleproxy_peripheral_new(device->fleet.hub, address, &device->peripheral) < 0)
        return;
    if (device->peripheral && bleproxy_peripheral_clear_cache(device->peripheral, on_done, device, NULL) == 0)
        log_warn(device->label, "its services are forgotten here, but on no proxy");
}

static int run(const struct device_command *command, const struct bond *bond, int argc, char **argv)
{
    struct bond own = *bond;
    struct device device = {.command = command, .user = &own};
    return device_main(&device, argc, argv);
}

int cmd_pair(int argc, char **argv)
{
    static const struct device_command command = {
        .name = "bleproxy pair",
        .table = {.longs = longs,
                  .help =
                      "Usage: bleproxy pair [OPTION]... ADDRESS\n"
                      "Pair with a device. The bond stays on the proxy that made it: connections through\n"
                      "other proxies do not have it.\n" BOND_HELP,
                  .parse = parse,
                  .arguments = "ADDRESS",
                  .arguments_min = 1,
                  .arguments_max = 1},
        .act = act,
        .connect_timeout = true,
    };
    static const struct bond bond = {"paired", "paired, the bond is on ", bleproxy_peripheral_pair};
    return run(&command, &bond, argc, argv);
}

int cmd_unpair(int argc, char **argv)
{
    static const struct device_command command = {
        .name = "bleproxy unpair",
        .table = {.longs = longs,
                  .help = "Usage: bleproxy unpair [OPTION]... ADDRESS\n"
                          "Remove the bond with a device from the proxy that it is connected through.\n"
                          "With -p it is this proxy.\n" BOND_HELP,
                  .parse = parse,
                  .arguments = "ADDRESS",
                  .arguments_min = 1,
                  .arguments_max = 1},
        .act = act,
        .connect_timeout = true,
    };
    static const struct bond bond = {"unpaired", "the bond is removed from ", bleproxy_peripheral_unpair};
    return run(&command, &bond, argc, argv);
}

int cmd_clear_cache(int argc, char **argv)
{
    static const struct device_command command = {
        .name = "bleproxy clear-cache",
        .table = {.longs = longs,
                  .help = "Usage: bleproxy clear-cache [OPTION]... ADDRESS\n"
                          "Forget the services of a device, here and on the proxy, after its firmware was\n"
                          "updated for instance.\n" BOND_HELP,
                  .parse = parse,
                  .arguments = "ADDRESS",
                  .arguments_min = 1,
                  .arguments_max = 1},
        .act = act,
        .give_up = forget_here,
        .connect_timeout = true,
    };
    static const struct bond bond = {"cleared", "the services are forgotten, also on ",
                                     bleproxy_peripheral_clear_cache};
    return run(&command, &bond, argc, argv);
}
