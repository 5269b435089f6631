/* SPDX-License-Identifier: MIT */
#include "arguments.h"

#include "adapter.h"
#include "cli/cli.h"
#include "cli/log.h"
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_BUS = OPTION_OWN, OPTION_SYSTEM, OPTION_PRIVATE, OPTION_GUEST, OPTION_TEMPORARY };
enum { TEMPORARY_MAX_S = 24 * 60 * 60 };

static const struct option longs[] = {
    OPTIONS_LONG,
    {"bus", required_argument, NULL, OPTION_BUS},
    {"system", no_argument, NULL, OPTION_SYSTEM},
    {"private", required_argument, NULL, OPTION_PRIVATE},
    {"guest", required_argument, NULL, OPTION_GUEST},
    {"temporary", required_argument, NULL, OPTION_TEMPORARY},
    {"version", no_argument, NULL, 'V'},
    {0},
};

static const char help[] =
    "Usage: bleproxyd [OPTION]...\n"
    "Serve the proxies as a Bluetooth adapter to every program that speaks BlueZ's D-Bus interface.\n"
    "\n" OPTIONS_HELP_TAKES OPTIONS_HELP_PROXIES
    "      --system             on the system bus, as if none of these was given\n"
    "      --bus ADDRESS        on this message bus: unix:path=/run/bleproxy/bus, for instance\n"
    "      --private DIRECTORY  on one of its own, started there: as 'bleproxy run' does\n"
    "      --temporary SECONDS  forget devices that nobody wanted when they were not heard for so long; else "
    "120\n" OPTIONS_HELP_GENERAL "      --version            the version\n"
    "\nSee bleproxyd(8).\n";

static int parse_guest(struct arguments *arguments, const char *value)
{
    char *end;
    long fd = strtol(value, &end, 10);
    if (!*value || *end || fd <= 2 || fd > INT_MAX || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0) {
        log_say("--guest takes the number of a descriptor that is open, not '%s'", value);
        return CLI_USAGE;
    }
    arguments->guest_fd = (int)fd;
    return CLI_DONE;
}

static int parse_temporary(const char *text, uint32_t *ret_s)
{
    char *end;
    unsigned long seconds = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 0;
    if (seconds < 1 || seconds > TEMPORARY_MAX_S || *end) {
        log_say("--temporary takes a number of seconds, from 1 to %d: not '%s'", TEMPORARY_MAX_S, text);
        return CLI_USAGE;
    }
    *ret_s = (uint32_t)seconds;
    return CLI_DONE;
}

static int parse_bus(const char *value, const char **ret_address)
{
    if (!strchr(value, ':')) {
        log_say("a bus is given as unix:path=/path, not as '%s'", value);
        return CLI_USAGE;
    }
    *ret_address = value;
    return CLI_DONE;
}

static int parse(void *user, int option, const char *value)
{
    struct arguments *arguments = user;
    if (option == OPTION_GUEST)
        return parse_guest(arguments, value);
    if (option == OPTION_TEMPORARY)
        return parse_temporary(value, &arguments->temporary_s);
    if (option == 'V') {
        arguments->asks_version = true;
        return CLI_DONE;
    }
    if (arguments->address || arguments->bus_directory) {
        log_say("only one of --bus, --private and --system can be given");
        return CLI_USAGE;
    }
    if (option == OPTION_BUS)
        return parse_bus(value, &arguments->address);
    if (option == OPTION_PRIVATE)
        arguments->bus_directory = value;
    else
        arguments->address = SYSTEM_BUS;
    return CLI_DONE;
}

int arguments_parse(struct arguments *arguments, int argc, char **argv)
{
    static const struct options_table table = {
        .longs = longs, .shorts = OPTIONS_SHORT "V", .help = help, .parse = parse};
    *arguments = (struct arguments){.guest_fd = -1, .temporary_s = ADAPTER_TEMPORARY_S};
    int r = options_parse(&arguments->options, &table, arguments, argc, argv);
    if (r != OPTIONS_GO_ON || !arguments->asks_version)
        return r;
    puts(ADAPTER_BLUEZ_VERSION " (BlueZ's interface), bleproxyd " BLEPROXY_VERSION);
    return CLI_DONE;
}

void arguments_deinit(struct arguments *arguments)
{
    options_deinit(&arguments->options);
}
