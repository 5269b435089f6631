/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_ARGUMENTS_H
#define DAEMON_ARGUMENTS_H

#include "cli/options.h"

#include <stdint.h>

/* What the command line says. */

#define SYSTEM_BUS "unix:path=/run/dbus/system_bus_socket"

struct arguments {
    struct options options;    /* as of the commands */
    const char *address;       /* of the bus; NULL: the system's */
    const char *bus_directory; /* of a bus of its own; NULL: none */
    int guest_fd;              /* who it is there for; -1: nobody in particular */
    uint32_t temporary_s;      /* as of the adapter */
    bool asks_version;
};

/* OPTIONS_GO_ON, or the exit code. To be deinitialised in any case. */
int arguments_parse(struct arguments *arguments, int argc, char **argv);
void arguments_deinit(struct arguments *arguments);

#endif
