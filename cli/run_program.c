/* SPDX-License-Identifier: MIT */
/* `bleproxy run`: a program of BlueZ's, with the proxies as its adapter. */
#include "attendance.h"
#include "cli.h"
#include "log.h"
#include "options.h"
#include "program.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct option longs[] = {OPTIONS_LONG, {0}};

static const char help[] =
    "Usage: bleproxy run [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
    "Run a program that uses Bluetooth through BlueZ, with the proxies as its adapter:\n"
    "\n"
    "  bleproxy run -- bluetoothctl\n"
    "\n"
    "It gets a system bus of its own, on which bleproxyd is BlueZ. Proxies given here are for it alone; else "
    "it\n"
    "shares them with others that run in this way.\n"
    "\n" OPTIONS_HELP_TAKES OPTIONS_HELP_PROXIES
    "  -t, --timeout SECONDS    wait so long for the first proxy to connect; else 30\n" OPTIONS_HELP_GENERAL;

static int parse(void *user, int option, const char *value)
{
    (void)user, (void)value;
    if (option != OPTION_JSON)
        return CLI_DONE;
    log_say("there is nothing here to be said in JSON; options of the program go behind it");
    return CLI_USAGE;
}

/* Nothing is said any more once a proxy was connected, so it is the end. */
static bool on_daemon(int fd)
{
    char ignored[256];
    if (recv(fd, ignored, sizeof(ignored), MSG_DONTWAIT) > 0)
        return true;
    log_warn(NULL, "bleproxyd has ended: the program has no Bluetooth any more");
    return false;
}

static int run(const struct options *options)
{
    struct attendance attendance = {.fd = -1, .directory_fd = -1};
    struct program_signals before;
    int code = program_check(options->arguments[0]);
    if (code != 0)
        return code;
    int signal_fd = program_hold_signals(&before);
    if (signal_fd < 0)
        return CLI_INTERNAL;
    code = attendance_begin(&attendance, options, signal_fd);
    if (code == CLI_INTERRUPTED)
        code = program_interrupted(signal_fd);
    else if (code == CLI_DONE && setenv("DBUS_SYSTEM_BUS_ADDRESS", attendance.address, 1) < 0)
        code = CLI_INTERNAL;
    else if (code == CLI_DONE)
        code = program_run(options->arguments, signal_fd, &before, attendance.fd, on_daemon);
    else if (attendance.is_hopeless)
        log_say("%s was not run: no proxy can be used, for what is said above; 'bleproxy info' tries them",
                options->arguments[0]);
    attendance_end(&attendance);
    close(signal_fd);
    return code;
}

int cmd_run(int argc, char **argv)
{
    struct options options = {0};
    const struct options_table table = {.longs = longs,
                                        .shorts = "+" OPTIONS_SHORT,
                                        .help = help,
                                        .arguments = "[--] PROGRAM [ARGUMENT]...",
                                        .arguments_min = 1,
                                        .arguments_max = SIZE_MAX,
                                        .parse = parse};
    int r = options_parse(&options, &table, NULL, argc, argv);
    if (r == OPTIONS_GO_ON)
        r = run(&options);
    options_deinit(&options);
    return r;
}
