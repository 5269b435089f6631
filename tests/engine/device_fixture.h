/* SPDX-License-Identifier: MIT */
#ifndef TESTS_ENGINE_DEVICE_FIXTURE_H
#define TESTS_ENGINE_DEVICE_FIXTURE_H

#include "support.h"
#include "virtual_proxy.h"

#include <bleproxy/bleproxy.h>
#include <bleproxy/uv.h>

#define UART_WRITE "6e400002-b5a3-f393-e0a9-e50e24dcca9e" /* echoes */
#define UART_ECHO  "6e400003-b5a3-f393-e0a9-e50e24dcca9e"
#define UART_STORE "6e400004-b5a3-f393-e0a9-e50e24dcca9e" /* keeps 512 bytes */
#define UART_BURST                                                                                           \
    "6e400005-b5a3-f393-e0a9-e50e24dcca9e" /* sends as many notifications as is written to it */

/* A virtual device behind a virtual proxy, and what was told about it. The loop is stopped by each call. */
struct fixture {
    struct virtual_proxy proxy;
    uv_loop_t *uv; /* the one that loop lives on, or NULL */
    struct bleproxy_loop *loop;
    struct bleproxy_hub *hub;
    struct bleproxy_manager *manager;
    struct bleproxy_peripheral *peripheral;
    uint64_t address;
    bool inside; /* a call of the test is on the stack: "never from within" */
    int n_started, n_found, n_done, n_lost, n_notified;
    struct bleproxy_result last, lost; /* without value */
    char text[640];
    uint8_t value[BLEPROXY_VALUE_MAX]; /* of the last read or notification */
    size_t size;
};

/* Connected to the proxy, and the device was heard; not connected to it. state_dir: or NULL. */
void fixture_open(struct fixture *fixture, const char *device, const char *state_dir);
/* On a loop of libuv's. */
void fixture_open_uv(struct fixture *fixture, uv_loop_t *uv, const char *device);
/* On a loop that gathers advertisements. */
void fixture_open_gathering(struct fixture *fixture, uint32_t gather_ms, const char *device);
/* NULL members are left alone. */
void fixture_close(struct fixture *fixture);
void fixture_run(struct fixture *fixture, const int *what, int count);
/* One by one: each call, until it is done. Returns the result's error. */
int fixture_connect(struct fixture *fixture);
int fixture_disconnect(struct fixture *fixture);
int fixture_read(struct fixture *fixture, uint16_t handle);
int fixture_write(struct fixture *fixture, uint16_t handle, const void *value, size_t size,
                  enum bleproxy_write_mode mode);
int fixture_subscribe(struct fixture *fixture, uint16_t handle);
uint16_t fixture_handle(const struct fixture *fixture, const char *uuid);

/* For calls of the tests' own; user is the fixture. */
void fixture_done(void *user, const struct bleproxy_result *result);
void fixture_lost(void *user, const struct bleproxy_result *result);
void fixture_notified(void *user, uint16_t handle, const uint8_t *value, size_t size);

#endif
