/* SPDX-License-Identifier: MIT */
#ifndef TESTS_ENGINE_VIRTUAL_PROXY_H
#define TESTS_ENGINE_VIRTUAL_PROXY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A virtual proxy in a process of its own, on a free port of 127.0.0.1. */
struct virtual_proxy {
    pid_t pid;
    uint16_t port;
};

/* psk: 32 bytes or NULL. Fails the test when it does not come up. */
struct virtual_proxy virtual_proxy_start(const char *firmware, const uint8_t *psk, bool faults);
/* Ends it with a signal and waits for it; SIGKILL resets its connections. */
void virtual_proxy_stop(struct virtual_proxy *proxy, int signal);

#endif
