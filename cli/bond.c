/* SPDX-License-Identifier: MIT */
/* pair, unpair and clear-cache: what a proxy remembers of a device. */
#include "device.h"

#include "cli.h"
#include "json.h"
#include "log.h"
#include <stdio.h>

enum { OPTION_FORGET = OPTION_OWN };

static const struct option longs[] = {OPTIONS_LONG, {0}};
static const struct option unpair_longs[] = {
    OPTIONS_LONG,
    {"forget", no_argument, NULL, OPTION_FORGET},
    {0},
};

#define BOND_HELP                                                                                            \
    "ADDRESS is the device's address, its name in the configuration, or its exact name.\n"                   \
    "\n" OPTIONS_HELP "\n"                                                                                   \
    "  -t, --timeout SECONDS    for connecting at most (30)\n"

/* One of the three. */
struct bond {
    const char *member; /* of the JSON object, which is then true */
    const char *done;   /* for people */
    bool forget;        /* here only */
    enum device_deed deed;
};

static int parse(void *user, int option, const char *value)
{
    struct device *device = user;
    struct bond *bond = device->user;
    (void)value;
    if (option != OPTION_FORGET)
        return CLI_INTERNAL;
    bond->forget = true;
    return CLI_DONE;
}

static const char *proxy_of(struct device *device)
{
    const struct member *member = fleet_find(&device->fleet, device->ops->source(device));
    return member ? member->label : "the proxy";
}

/* proxy NULL: none. */
static void print_done(const struct device *device, uint64_t address, const char *done, const char *proxy)
{
    const struct bond *bond = device->user;
    char text[BLEPROXY_ADDRESS_TEXT_SIZE];
    if (device->options.json) {
        struct json_object *object = json_object_new_object();
        json_object_object_add(object, "address", json_address(address));
        json_object_object_add(object, bond->member, json_object_new_boolean(1));
        json_object_object_add(object, "proxy", proxy ? json_text(proxy) : NULL);
        json_print(object);
        return;
    }
    bleproxy_address_format(address, text);
    printf("%s: %s%s\n", text, done, proxy ? proxy : "");
}

/* A bond that is on another proxy than the one that was unpaired. */
static void warn_of_the_other(struct device *device)
{
    char proxy[256];
    uint64_t source = device->ops->bond(device, proxy, sizeof(proxy));
    if (source != 0 && source != device->ops->source(device))
        log_warn(device->label, "its bond with %s stays", proxy);
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
    if (result->missing)
        print_done(device, device->address, "the services are forgotten here only", NULL);
    else
        print_done(device, device->address, bond->done, proxy_of(device));
    if (bond->deed == DEVICE_UNPAIR)
        warn_of_the_other(device);
    device_finish(device, CLI_DONE);
}

static void act(struct device *device)
{
    const struct bond *bond = device->user;
    int r = device->ops->do_deed(device, bond->deed, on_done);
    if (r < 0)
        device_refuse(device, r);
}

/* For clear-cache: what is known here needs no connection to be forgotten. */
static void forget_here(struct device *device)
{
    uint64_t address = device->address ? device->address : device->filter.address;
    if (address && device->ops->forget_services(device, address) == 0)
        log_warn(device->label, "its services are forgotten here, but on no proxy");
}

/* For unpair: the record, without a word to the proxy or the device. */
static int forget_bond(struct device *device)
{
    const struct bond *bond = device->user;
    const uint64_t address = device->filter.address;
    if (!bond->forget)
        return OPTIONS_GO_ON;
    if (!address) {
        log_say("--forget takes the device's address, AA:BB:CC:DD:EE:FF, or its name in the configuration: "
                "nothing is heard without proxies");
        return CLI_USAGE;
    }
    int r = device->ops->forget_bond(device, address);
    if (r == BLEPROXY_E_NOT_FOUND)
        log_say("%s: no bond of it is known here", device->label);
    else if (r < 0)
        log_say("%s: %s", device->label, bleproxy_strerror(r));
    if (r < 0)
        return (int)cli_exit_code(r);
    print_done(device, address, "its bond is forgotten here", NULL);
    return CLI_DONE;
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
        .table =
            {.longs = longs,
             .help = "Usage: bleproxy pair [OPTION]... ADDRESS\n"
                     "Pair with a device. The bond stays on the proxy that made it: from then on the device\n"
                     "is connected through that one only. With -p it is paired anew through this "
                     "proxy.\n" BOND_HELP,
             .parse = parse,
             .arguments = "ADDRESS",
             .arguments_min = 1,
             .arguments_max = 1},
        .act = act,
        .connect_timeout = true,
        .bonds = true,
    };
    static const struct bond bond = {
        .member = "paired", .done = "paired, the bond is on ", .deed = DEVICE_PAIR};
    return run(&command, &bond, argc, argv);
}

int cmd_unpair(int argc, char **argv)
{
    static const struct device_command command = {
        .name = "bleproxy unpair",
        .table =
            {.longs = unpair_longs,
             .help = "Usage: bleproxy unpair [OPTION]... ADDRESS\n"
                     "Remove the bond with a device from the proxy that has it. With -p it is this "
                     "proxy.\n" BOND_HELP
                     "      --forget             only forget here that there is a bond: for a proxy that is\n"
                     "                           gone for good\n",
             .parse = parse,
             .arguments = "ADDRESS",
             .arguments_min = 1,
             .arguments_max = 1},
        .stay = forget_bond,
        .act = act,
        .connect_timeout = true,
        .bonds = true,
    };
    static const struct bond bond = {
        .member = "unpaired", .done = "the bond is removed from ", .deed = DEVICE_UNPAIR};
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
    static const struct bond bond = {
        .member = "cleared", .done = "the services are forgotten, also on ", .deed = DEVICE_CLEAR_CACHE};
    return run(&command, &bond, argc, argv);
}
