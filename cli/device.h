/* SPDX-License-Identifier: MIT */
#ifndef CLI_DEVICE_H
#define CLI_DEVICE_H

#include "fleet.h"

/* What the commands that talk to one Bluetooth device have in common: to search for it, connect, do something, and
 * disconnect. */

struct device;
struct way;

/* What can be done with a device's bond and what is known of its services. */
enum device_deed { DEVICE_PAIR, DEVICE_UNPAIR, DEVICE_CLEAR_CACHE };

/* The two ways to a device: by the library (device_direct.c), and through a bleproxyd (device_remote.c). As the functions of
 * <bleproxy/peripheral.h>: what returns 0 calls back once, with the device as user, unless the device is over; errors are
 * BLEPROXY_E_*. */
struct device_ops {
    /* One that need not be heard: connected for another program of the daemon's (ret_is_connected), or else known from
     * before. Its address, or 0. */
    uint64_t (*find)(struct device *device, bool *ret_is_connected);
    /* When the link ends by itself, device_lost() is called. */
    int (*connect)(struct device *device, uint32_t deadline_ms, bleproxy_result_fn *on_connected);
    /* Whether it is connected or not. */
    int (*disconnect)(struct device *device, bleproxy_result_fn *on_done, void *user);
    /* While connected. */
    const struct bleproxy_services *(*services)(const struct device *device);
    uint16_t (*mtu)(const struct device *device);
    uint64_t (*source)(const struct device *device);
    int (*read)(struct device *device, uint16_t handle, bleproxy_result_fn *on_read);
    int (*write)(struct device *device, uint16_t handle, const void *value, size_t size,
                 enum bleproxy_write_mode mode, bleproxy_result_fn *on_written);
    int (*subscribe)(struct device *device, uint16_t handle, bleproxy_notification_fn *on_notification,
                     bleproxy_result_fn *on_subscribed);
    int (*do_deed)(struct device *device, enum device_deed deed, bleproxy_result_fn *on_done);
    int (*set_parameters)(struct device *device, const struct bleproxy_connection_parameters *parameters,
                          bleproxy_result_fn *on_set);
    /* Here only, without a connection. 0 or BLEPROXY_E_*, at once. */
    int (*forget_services)(struct device *device, uint64_t address);
    int (*forget_bond)(struct device *device, uint64_t address);
    /* The proxy that has its bond as far as is known, and what it is called, or 0. */
    uint64_t (*bond)(struct device *device, char *proxy, size_t size);
    /* Idempotent. */
    void (*free)(struct device *device);
};
extern const struct device_ops device_direct;
extern const struct device_ops *const device_remote; /* NULL in a build without D-Bus */

/* One of those commands. Its first argument is the device: its address, or a name as filters_find_device() and the hub know
 * it. */
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
    const struct device_ops *ops;
    struct way *way;              /* what these have; NULL: nothing yet */
    uint64_t address;             /* 0 until it is found */
    unsigned checks_left;         /* until it is connected although other proxies might hear it better */
    char label[64];               /* its address, or the name the user gave, sanitised */
    struct bleproxy_timer *timer; /* the command's own once it acts; freed at the end */
    bool connected, over, has_parted;
    int exit_code;
};

/* The whole command; the exit code. */
int device_main(struct device *device, int argc, char **argv);
/* The command is done: the device is disconnected, and the process ends with this code. Later calls change nothing. */
void device_finish(struct device *device, int exit_code);
/* -p means this proxy, wherever the device's bond is. */
bool device_ignores_bond(const struct device *device);
/* The link has ended: as above, unless it was asked for. */
void device_lost(struct device *device, const struct bleproxy_result *result);
/* As above, after an operation that failed: says why. */
void device_fail(struct device *device, const struct bleproxy_result *result);
/* As above, for a call that returned an error. */
void device_refuse(struct device *device, int error);

#endif
