/* SPDX-License-Identifier: MIT */
#ifndef PROXY_SETTINGS_H
#define PROXY_SETTINGS_H

#include "session/session.h"

struct proxy_config;

/* A proxy's own copy of its configuration. */
struct settings {
    const char *host;
    uint16_t port;
    uint64_t resolve_ns, connect_ns;
    struct session_config
        session;   /* label: the address, and the port unless it is the usual one, if there was none */
    bool labelled; /* there was one */
    char *memory;  /* holds every string and the key: wiped as a whole */
    size_t memory_size;
};

/* 0, BLEPROXY_E_NOMEM, or BLEPROXY_E_INVALID: no host or port, or a key without a cipher. */
int settings_init(struct settings *settings, const struct proxy_config *config);
void settings_deinit(struct settings *settings);

#endif
