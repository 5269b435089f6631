/* SPDX-License-Identifier: MIT */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "sim/proxy.h"
#include <sys/socket.h>

/* Virtual proxies on TCP: the only part of the simulation that touches sockets and clocks. */
struct net_config {
    struct sim_proxy_config proxy; /* name: of the only one, or with a number behind it; NULL: "sim-proxy" */
    struct radio_config radio;
    struct sockaddr_storage listen; /* port 0: any free one each */
    uint32_t count;
    bool step_address; /* further proxies listen on the next addresses, else on the next ports */
    bool faults;
    const char *key_store; /* a file (sim/net_keys.h), or NULL: keys end with the program */
    bool mdns;             /* they are announced on the local network (sim/net_mdns.h) */
    const char *control;   /* the path of a socket (sim/net_control.h), or NULL */
    const struct env *env;
    /* One proxy accepts connections from now on. address: "127.0.0.1:6053" */
    void (*on_listening)(void *user, const char *name, const char *address, bool encrypted);
    /* All do. */
    void (*on_ready)(void *user);
    void *user;
};

enum { NET_PROXIES_MAX = 4096, NET_TEXT_MAX = 200 };

/* Serves until a signal ends it: SIGINT or SIGTERM, whose number it returns. Else a negative BLEPROXY_E_* and
 * a sentence that says why. */
int net_run(const struct net_config *config, char ret_why[NET_TEXT_MAX]);
/* "ADDR:PORT", "[ADDR]:PORT", "ADDR", or ":PORT"; ADDR is a literal. 0 or BLEPROXY_E_INVALID. */
int net_parse_listen(const char *text, struct sockaddr_storage *ret_address);

#endif
