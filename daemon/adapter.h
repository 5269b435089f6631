/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_ADAPTER_H
#define DAEMON_ADAPTER_H

#include "device.h"
#include "discovery.h"
#include "listening.h"
#include "monitors.h"
#include "tree.h"

#include <bleproxy/bleproxy.h>

/* org.bluez.Adapter1: all proxies as one radio, hci0. docs/dbus/adapter.md. */

/* The BlueZ that this is taken for. Programs ask for it in two ways: by Modalias, or, as Qt does, by running whoever has the
 * name with --version. */
#define ADAPTER_BLUEZ_VERSION  "5.66"
#define ADAPTER_BLUEZ_MODALIAS "usb:v1D6Bp0246d0542"

/* What it works with: all of it is borrowed. */
struct adapter_config {
    struct object *parent; /* of hci0 */
    struct bleproxy_loop *loop;
    struct bleproxy_hub *hub;
    struct watches *watches;
    uint32_t temporary_s; /* a device that nobody wanted is forgotten when it was not heard for so long */
    bool (*is_congested)(void *user); /* the bus: advertisements have to wait */
    bool (*is_allowed)(void *user, uint64_t device);
    const char *(*name_device)(void *user, uint64_t device); /* in the configuration; NULL: it has none */
    /* What outlives the daemon has changed; soon: what a user has set, or a connection. */
    void (*on_changed)(void *user, bool soon);
    /* A connection has ended. */
    void (*on_ended)(void *user, uint64_t address, const struct bleproxy_result *result);
    void *user;
};

struct adapter {
    struct tree *tree;
    struct object *object;
    struct adapter_config config;
    struct bleproxy_timer *expiry, *pace; /* pace: while something is told later */
    uint64_t address;
    char name[256];
    char *alias;              /* NULL: the name */
    bool is_off, has_proxies; /* switched off; at least one proxy is connected */
    bool discoverable, pairable;
    uint32_t discoverable_timeout_s, pairable_timeout_s;
    struct discovery discovery;
    struct monitors monitors;
    struct listening listening;
    struct device *first_device, *last_device; /* those heard longest ago first */
    void *by_address;                          /* tsearch(3) */
    size_t n_devices;
};

enum {
    ADAPTER_DEVICES_MAX = 1024,
    ADAPTER_FRESH_S = 10,      /* a device that was heard since then gives way to no other */
    ADAPTER_TEMPORARY_S = 120, /* unless told otherwise */
};

extern const struct interface adapter_interface;

/* 0 or a negative errno. */
int adapter_init(struct adapter *adapter, const struct adapter_config *config);
/* Idempotent. */
void adapter_deinit(struct adapter *adapter);

bool adapter_is_powered(const struct adapter *adapter);
/* Whether any proxy is connected. */
void adapter_set_has_proxies(struct adapter *adapter, bool has_proxies);
void adapter_discovering_changed(struct adapter *adapter);
/* After what makes it powered has changed. */
void adapter_power_changed(struct adapter *adapter, bool was_powered);
/* A program that did not read is told what it may have missed of advertisements. */
void adapter_catch_up(struct adapter *adapter, const char *name);
/* A program has left the bus. */
void adapter_forget_client(struct adapter *adapter, const char *sender);

/* As on_changed of the configuration. */
void adapter_changed(const struct adapter *adapter, bool soon);
/* Whether the configuration lets programs have this device. */
bool adapter_allows(const struct adapter *adapter, uint64_t address);
/* NULL: no memory, or no room. */
struct device *adapter_make_device(struct adapter *adapter, uint64_t address);
/* NULL: there is none. */
struct device *adapter_find_device(const struct adapter *adapter, uint64_t address);
/* As above, but made if need be. NULL: no room. */
struct device *adapter_get_device(struct adapter *adapter, uint64_t address);
/* A report that somebody wants: of a device that is made if need be. */
void adapter_report(struct adapter *adapter, const struct bleproxy_advertisement *report, unsigned telling);
void adapter_remove_device(struct adapter *adapter, struct device *device);
/* Others may be allowed now, and they may be called otherwise: those that are not allowed any more go. */
void adapter_review_devices(struct adapter *adapter);
/* For who begins to discover beside others: how strongly devices are heard, of those that were heard since then. */
void adapter_repeat_signals(struct adapter *adapter, uint64_t since_ns);
/* Nobody listens any more. */
void adapter_forget_signals(struct adapter *adapter);

#endif
