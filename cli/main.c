/* SPDX-License-Identifier: MIT */
#include "cli.h"
#include "config/psk.h"
#include "config/spelling.h"
#include "log.h"
#include "options.h"
#include "remote.h"
#include "run.h"
#include "text.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *purpose;
};

static const struct command commands[] = {
    {"scan", cmd_scan, "Hear what Bluetooth devices advertise, through all proxies"},
    {"devices", cmd_devices, "List the devices heard, and which proxies hear each how well"},
    {"top", cmd_top, "Show live how all proxies are, and what they hear"},
    {"why", cmd_why, "Tell how a device can be reached, and what stands in the way"},
    {"discover", cmd_discover, "Find the ESPHome devices of the local network"},
    {"adopt", cmd_adopt, "Give a proxy that has no encryption key one, and add it"},
    {"import", cmd_import, "Add the proxies of ESPHome configurations"},
    {"check", cmd_check, "Check the configuration"},
    {"info", cmd_info, "Tell what proxies are and what they can do"},
    {"forget", cmd_forget, "Accept another device in the place of a proxy"},
    {"services", cmd_services, "List what a device offers"},
    {"read", cmd_read, "Read a value of a device"},
    {"write", cmd_write, "Write a value to a device"},
    {"notify", cmd_notify, "Show the values that a device sends by itself"},
    {"pair", cmd_pair, "Pair with a device, through the proxy that hears it best"},
    {"unpair", cmd_unpair, "Remove the bond with a device from a proxy"},
    {"clear-cache", cmd_clear_cache, "Forget the services of a device"},
    {"params", cmd_params, "Ask a device for other connection parameters"},
    {"slots", cmd_slots, "Show the connection slots of proxies"},
    {"explain", cmd_explain, "Tell what a code means that a proxy or a device gave"},
    {"record", cmd_record, "Write what proxies hear to a file, with times"},
    {"replay", cmd_replay, "Show what would be decided of what was recorded"},
    {"run", cmd_run, "Run a program of BlueZ's, with the proxies as its adapter"},
    {"sim", cmd_sim, "Serve virtual proxies, to try all this without an ESP32"},
};
enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]), NAME_MAX_SIZE = 32 };

static bool is_here(const struct command *command)
{
    return command->run != cmd_run || remote_ops;
}

static void print_help(FILE *out)
{
    fputs("Usage: bleproxy COMMAND [OPTION]...\n"
          "ESPHome Bluetooth proxies as one radio.\n\n",
          out);
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (is_here(&commands[i]))
            fprintf(out, "  %-11s  %s\n", commands[i].name, commands[i].purpose);
    fputs("  help         Tell more about a command: bleproxy help scan\n"
          "\n"
          "Which proxies: those of the configuration file, or -p HOST[:PORT]. See bleproxy(1).\n",
          out);
}

static const struct command *find_command(const char *name)
{
    struct spelling spelling;
    spelling_seek(&spelling, name);
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
        spelling_try(&spelling, commands[i].name);
    }
    if (spelling.nearest)
        log_say("there is no command '%s'; did you mean '%s'?", name, spelling.nearest);
    else
        log_say("there is no command '%s'; see 'bleproxy --help'", name);
    return NULL;
}

/* argv[0] is the command's name as the user gave it. */
static int run(const struct command *command, int argc, char **argv)
{
    char name[NAME_MAX_SIZE];
    snprintf(name, sizeof(name), "bleproxy %s", command->name);
    argv[0] = name;
    return command->run(argc, argv);
}

static int help(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return CLI_DONE;
    }
    const struct command *command = find_command(argv[1]);
    if (!command)
        return CLI_USAGE;
    char option[] = "--help";
    return run(command, 2, (char *[]){argv[1], option, NULL});
}

/* In place of one that is closed a socket would be opened, and get the output. /dev/null is opened the wrong way round, so
 * that using it fails. */
static void hold_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            return;
}

/* Whoever writes a value to a device may write what he likes. */
static bool has_key(int argc, char **argv)
{
    int n = argc > 4 && strcmp(argv[1], "write") == 0 ? argc - 1 : argc;
    for (int i = 1; i < n; i++)
        if (psk_find(argv[i]))
            return true;
    return false;
}

static int dispatch(int argc, char **argv)
{
    if (has_key(argc, argv))
        return options_refuse_key();
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        puts("bleproxy " BLEPROXY_VERSION);
        return CLI_DONE;
    }
    const struct command *command = find_command(name);
    return command ? run(command, argc - 1, argv + 1) : CLI_USAGE;
}

int main(int argc, char **argv)
{
    hold_standard_descriptors();
    text_init();
    return run_finish(dispatch(argc, argv));
}
