/* SPDX-License-Identifier: MIT */
#ifndef CLI_SIM_OPTIONS_H
#define CLI_SIM_OPTIONS_H

#include "noise/handshake.h"
#include "sim/net.h"

/* What `bleproxy sim` is told. */
struct sim {
    struct net_config net;
    const char *psk_file;
    uint8_t psk[HANDSHAKE_PSK_SIZE];
    unsigned verbosity;
    uint64_t deaf_every_ns;
    bool devices_given, rate_given, deaf;
};

enum { SIM_GO_ON = -1 };

/* SIM_GO_ON, or the exit code. */
int sim_options_parse(struct sim *sim, int argc, char **argv);

#endif
