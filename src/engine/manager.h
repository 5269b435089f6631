/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_MANAGER_H
#define ENGINE_MANAGER_H

#include "engine/scanner.h"
#include "hub/manager.h"
#include <bleproxy/manager.h>

/* The pure manager on sockets. */
struct bleproxy_manager {
    struct carrier carrier;
    struct manager *core;
    struct bleproxy_hub *hub;
    struct bleproxy_scanner scanner; /* what bleproxy_manager_scanner() hands out */
    char *name;
    bool started;  /* ever */
    bool stopping; /* on_stopped is owed */
    bool stopped;  /* and due */
    bleproxy_manager_fn *on_started, *on_stopped;
    void *started_user, *stopped_user;
    bleproxy_manager_state_fn *on_state;
    void *state_user;
    bleproxy_manager_hearing_fn *on_hearing;
    void *hearing_user;
};

#endif
