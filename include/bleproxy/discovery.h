/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_DISCOVERY_H
#define BLEPROXY_DISCOVERY_H

#include <bleproxy/loop.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Browsing the local network for ESPHome devices, by multicast DNS. It needs no daemon and no privileges, and disturbs no
 * daemon. Nothing that it finds is ever connected to: what it says comes from whoever answers. */
struct bleproxy_browse;

/* An ESPHome device; not each has a Bluetooth proxy, which only connecting to it tells. Texts are UTF-8, sanitised, and ""
 * where the device does not tell. */
struct bleproxy_discovered {
    const char *
        name; /* of the node; never "". Several may go by one name, if what tells them apart does not print */
    /* "kitchen._esphomelib._tcp.local": the same in all events about one device, and no other's. This and host are escaped
     * as DNS does it, if they are strange ones. */
    const char *instance;
    const char *host; /* "kitchen.local" */
    const char *friendly_name;
    /* IP literals, IPv6 with %interface where it needs one; the first is the one to show. */
    const char *const *addresses;
    size_t n_addresses; /* at least 1 but for BLEPROXY_BROWSE_GONE */
    uint16_t port;
    const char *mac_address; /* "AA:BB:CC:DD:EE:FF"; "" also if two devices go by that name */
    const char *esphome_version;
    const char *platform; /* "ESP32" */
    const char *board;
    const char *network; /* "wifi", "ethernet", "thread" */
    const char *project_name, *project_version;
    bool encrypted;        /* it has a key and refuses plaintext */
    bool can_be_encrypted; /* it has no key yet */
};

enum bleproxy_browse_event {
    BLEPROXY_BROWSE_FOUND,
    BLEPROXY_BROWSE_CHANGED,
    BLEPROXY_BROWSE_GONE, /* it said goodbye, or has not answered for its time */
};

/* device is borrowed for the call. Any call may be made from within. */
typedef void bleproxy_browse_fn(void *user, enum bleproxy_browse_event event,
                                const struct bleproxy_discovered *device);

/* Begins to browse on all interfaces, also on those that come later. At most 1,024 devices are known at a time. 0,
 * BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID. */
int bleproxy_browse_new(struct bleproxy_loop *loop, bleproxy_browse_fn *on_device, void *user,
                        struct bleproxy_browse **ret_browse);
/* Allowed in callbacks. NULL is fine. */
void bleproxy_browse_free(struct bleproxy_browse *browse);

#ifdef __cplusplus
}
#endif
#endif
