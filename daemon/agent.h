/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_AGENT_H
#define DAEMON_AGENT_H

#include "tree.h"

/* org.bluez.AgentManager1: programs that would answer questions about pairing. Proxies have none to ask, so that agents are
 * kept and never asked; but many programs stop when they cannot register theirs. docs/dbus/agent.md. */

struct agent;

struct agents {
    struct object *object; /* borrowed */
    struct agent *first;   /* the default one */
    size_t n;
};

enum { AGENTS_MAX = 128 };

/* Adds the interface to the object. 0 or a negative errno. */
int agents_init(struct agents *agents, struct object *object);
/* Agents are told that they are released. Idempotent. */
void agents_deinit(struct agents *agents);
/* A program has left the bus. */
void agents_forget(struct agents *agents, const char *sender);

#endif
