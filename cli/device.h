/* SPDX-License-Identifier: MIT */
#ifndef CLI_DEVICE_H
#define CLI_DEVICE_H

#include "fleet.h"

/* What the commands that talk to one Bluetooth device have in common: to search for it, connect, do something, and
 * disconnect. */

struct device;

/* One of those commands. Its first argument is the device: its address, or its exact name. */
struct device_command {
    const char *name; /* "bleproxy read" */
    struct options_table table;
    /* Looks at the further arguments before anything is sent. CLI_DONE, or CLI_USAGE after saying why. May be NULL. */
    int (*prepare)(struct device *device);
    /* What can be done without a connection is done, before anything is sent: OPTIONS_GO_ON, or the exit code. May be
     * NULL. */
    int (*stay)(struct device *device);
    /* Connected: begins what ends with device_finish() or device_fail(). */
    void (*act)(struct device *device);
    /* It could not be connected, when the user was told why: what can be done without. May be NULL. */
    void (*give_up)(struct device *device);
    bool connect_timeout; /* -t limits connecting; else it is the command's own */
    bool bonds;           /* proxies that are given with -p are meant, wherever the device's bond is */
};

struct device {
    const struct device_command *command;
    void *user;    /* the command's */
    bool no_cache; /* the services are discovered anew */
    struct options options;
    struct fleet fleet;
    struct bleproxy_filter filter;
    struct bleproxy_peripheral *peripheral;
    uint64_t address;             /* 0 until it is found */
    unsigned checks_left;         /* until it is connected although other proxies might hear it better */
    char label[64];               /* its address, or the name the user gave, sanitised */
    struct bleproxy_timer *timer; /* the command's own once it acts; freed at the end */
    bool connected, over;
    int exit_code;
};

/* The whole command; the exit code. */
int device_main(struct device *device, int argc, char **argv);
/* The command is done: the device is disconnected, and the process ends with this code. Later calls change nothing. */
void device_finish(struct device *device, int exit_code);
/* As above, after an operation that failed: says why. */
void device_fail(struct device *device, const struct bleproxy_result *result);
/* As above, for a call that returned an error. */
void device_refuse(struct device *device, int error);

#endif
