/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_PATH_H
#define BLEPROXY_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bleproxy_hub;

/* The ways to a device: through which proxy it would be connected now, and why not through each other. */

/* What keeps a proxy from being used for a device. */
enum bleproxy_obstacle {
    BLEPROXY_OBSTACLE_NONE = 0,
    BLEPROXY_OBSTACLE_CANNOT_CONNECT = 1, /* it reports advertisements only */
    BLEPROXY_OBSTACLE_NO_SESSION = 2,     /* the connection to it is lost, or ends */
    BLEPROXY_OBSTACLE_DENIED = 3,         /* by a pin */
    BLEPROXY_OBSTACLE_NOT_ALLOWED = 4,    /* others are the only ones allowed for the device */
    BLEPROXY_OBSTACLE_RESERVED = 5,       /* it is for other devices only */
    BLEPROXY_OBSTACLE_BONDED_ELSEWHERE = 6,
    BLEPROXY_OBSTACLE_NOT_HEARD = 7, /* it has never heard the device */
    BLEPROXY_OBSTACLE_STALE = 8,     /* it has not heard the device lately */
    BLEPROXY_OBSTACLE_BUSY = 9,      /* it is connecting a device: waited for, if it is worth that */
    BLEPROXY_OBSTACLE_FULL = 10,     /* no connection slot is free, as far as known */
    /* The device is connected, through this proxy or another one, by this program or another, and has not advertised
     * since. A connect that is asked for nonetheless goes by what was heard before. */
    BLEPROXY_OBSTACLE_CONNECTED = 11,
};
/* "bonded_elsewhere"; static, never NULL. */
const char *bleproxy_obstacle_name(enum bleproxy_obstacle obstacle);

/* A proxy with any device in range reports several times a second: one that has been silent for so long does not hear, for
 * another program has taken it over, or it hangs. */
enum { BLEPROXY_PATH_SILENT_S = 5 };

/* A proxy as the way to a device. */
struct bleproxy_path {
    uint64_t source;
    const char
        *proxy; /* the configured name, else its own; borrowed until control returns to the event loop */
    enum bleproxy_obstacle obstacle;
    bool preferred;       /* by a pin */
    double score_dbm;     /* the higher the better: its signal, less what weighs against it */
    double smoothed_dbm;  /* its signal over the last reports, or BLEPROXY_RSSI_NONE */
    int8_t rssi_dbm;      /* of the last report, or BLEPROXY_RSSI_NONE */
    uint64_t age_ns;      /* of the last report; UINT64_MAX: there was none */
    bool remembered;      /* that came before the proxy was connected, in an earlier run for instance */
    uint64_t silent_ns;   /* since it last heard any device; time in which it did not listen is not counted */
    uint64_t interval_ns; /* between the device's reports, as learned or set; 0: not known */
    bool holds;           /* it has a connection to the device */
    unsigned attempts;    /* to connect any device, under way there */
    double failures;      /* to connect this device there; they are forgiven in time */
    uint32_t slots_free, slots_limit; /* 0 of 0: not known */
};

/* The first max of them, best first; *ret_n is how many there are: one for each connected proxy. */
void bleproxy_hub_paths(const struct bleproxy_hub *hub, uint64_t address, struct bleproxy_path *paths,
                        size_t max, size_t *ret_n);

/* The same in a sentence or two, without the device's address: what stands in the way of a connection and what to do
 * about it, or through which proxy it would be. Returns text, cut to size; size > 0. */
enum { BLEPROXY_PATH_TEXT_SIZE = 512 }; /* room for it */
char *bleproxy_hub_explain_path(const struct bleproxy_hub *hub, uint64_t address, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
