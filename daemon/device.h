/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_DEVICE_H
#define DAEMON_DEVICE_H

#include "advert.h"
#include "tree.h"

/* org.bluez.Device1: a device that was heard, or is known. docs/dbus/device.md. */

struct adapter;
struct link;

enum { DEVICE_ALIAS_MAX = 248 }; /* bytes; the adapter's, too: that of a name in the Core Specification */

/* In the order of the table. */
enum device_property {
    DEVICE_ADDRESS,
    DEVICE_ADDRESS_TYPE,
    DEVICE_NAME,
    DEVICE_ALIAS,
    DEVICE_CLASS,
    DEVICE_APPEARANCE,
    DEVICE_ICON,
    DEVICE_PAIRED,
    DEVICE_BONDED,
    DEVICE_TRUSTED,
    DEVICE_BLOCKED,
    DEVICE_LEGACY_PAIRING,
    DEVICE_RSSI,
    DEVICE_CONNECTED,
    DEVICE_UUIDS,
    DEVICE_MODALIAS,
    DEVICE_ADAPTER,
    DEVICE_MANUFACTURER_DATA,
    DEVICE_SERVICE_DATA,
    DEVICE_TX_POWER,
    DEVICE_SERVICES_RESOLVED,
    DEVICE_ADVERTISING_FLAGS,
    DEVICE_ADVERTISING_DATA,
};

struct device {
    uint64_t address; /* comes first: by it alone it is looked for */
    struct adapter *adapter;
    struct object *object;
    struct device *next, *previous; /* of the adapter, the one heard longest ago first */
    uint8_t address_type;           /* enum bleproxy_address_type */
    struct advert advert;
    bool has_rssi, tx_power_is_fresh; /* heard in a discovery that goes on */
    int8_t rssi_dbm;                  /* as it was told */
    uint64_t heard_ns, told_ns;
    uint32_t pending; /* properties that have changed, and are told a little later, a bit each */
    char *alias;      /* the user's; NULL: none */
    char *configured; /* its name in the configuration; NULL: none */
    bool trusted, blocked, paired, connected, services_resolved;
    struct link *link; /* the way to it, from the first Connect on; NULL: none was wanted yet */
};

enum {
    DEVICE_RSSI_STEP_DB = 8, /* smaller changes are not told, as in BlueZ */
    DEVICE_PACE_MS = 100,    /* how often advertisements of one device are told at most */
};

/* NULL: no memory. It is told with the next flush. */
struct device *device_new(struct adapter *adapter, uint64_t address);
/* Releases its connection, if there is one. */
void device_free(struct device *device);

/* How reports are told of. */
enum device_telling {
    DEVICE_TELL_CHANGES = 0,
    DEVICE_TELL_SIGNAL = 1,     /* every change of the signal strength, too */
    DEVICE_TELL_DUPLICATES = 2, /* each report with data, changed or not */
};
/* Takes it in; what is to be told of it is pending. */
void device_report(struct device *device, const struct bleproxy_advertisement *report, unsigned telling);
/* Tells what is pending, or only if it is time for it. False: nothing is left. */
void device_tell(struct device *device);
bool device_tick(struct device *device, uint64_t now_ns);
/* Tells once more how strongly it was heard, with the next flush. */
void device_repeat_signal(struct device *device);
/* Nobody listens any more: how strongly it was heard means nothing. */
void device_forget_signal(struct device *device);
void device_set_connected(struct device *device, bool connected);
void device_set_services_resolved(struct device *device, bool resolved);
/* As the library knows it: pairing is the business of whoever uses a link. */
void device_refresh_paired(struct device *device);
/* As the configuration calls it now. */
void device_review_name(struct device *device);
/* Its address type, and the name of one that has none yet, by what was heard long ago. */
void device_set_remembered(struct device *device, const struct bleproxy_advertisement *heard);
/* It is remembered by the next daemon, too. */
bool device_is_remembered(const struct device *device);
/* It stays although it is not heard. */
bool device_is_kept(const struct device *device);

extern const struct interface device_interface;

#endif
