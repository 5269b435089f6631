/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_RADIO_H
#define ENGINE_RADIO_H

#include <bleproxy/blocking.h>

struct bleproxy_radio {
    struct bleproxy_loop *loop;
    struct bleproxy_hub *hub;
    struct bleproxy_manager **managers;
    size_t n_managers, n_stopping;
};

#endif
