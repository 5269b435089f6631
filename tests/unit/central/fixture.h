/* SPDX-License-Identifier: MIT */
#ifndef TESTS_CENTRAL_FIXTURE_H
#define TESTS_CENTRAL_FIXTURE_H

#include "support.h"

#include "central/operation.h"
#include "central/peripheral_private.h"
#include "hub/wiring.h"
#include <stdio.h>
#include <string.h>

/* A central over real sessions, in plaintext, with scripted proxies on a virtual clock. */

enum {
    N_PROXIES = 2, /* kitchen and garage */
    ALL_FEATURES = 0xff,
    DEVICE_MTU = 185,

    /* The scripted device's handles: values, and below each its descriptors */
    MEASUREMENT = 0x12, /* read, write, notify */
    MEASUREMENT_CONFIGURATION = 0x13,
    MEASUREMENT_DESCRIPTION = 0x14,
    ALARM = 0x16, /* indicate */
    ALARM_CONFIGURATION = 0x17,
    BARE = 0x19,    /* notify, without a configuration */
    COMMAND = 0x1b, /* write without response */
    BOTH = 0x1d,    /* notify, indicate */
    BOTH_CONFIGURATION = 0x1e,
    NO_HANDLE = 0x77,
};
#define DEVICE UINT64_C(0xA4C138112233)
#define SOURCE UINT64_C(0xAC0000000001) /* kitchen's; garage's is one more */

struct world;

struct proxy_play {
    struct world *world;
    struct session *session;
    struct scanner *scanner;
    char sent[4000]; /* what it was sent since the last look: "connect; services" */
};

struct world {
    struct test_env test;
    uint64_t now_ns;
    struct hub *hub;
    struct central *central;
    struct proxy_play proxies[N_PROXIES];
    struct peripheral *peripheral; /* of DEVICE; a test that frees it sets it to NULL */
    unsigned deadlines;            /* calls of on_deadline */
};

/* What became of an operation, or of links. */
struct told {
    unsigned calls;
    struct bleproxy_result result;
    char text[REPORT_TEXT_MAX];
    uint8_t value[BLEPROXY_VALUE_MAX];
    unsigned order; /* of the last call among all */
    bool connected; /* the peripheral, at the last call */
    void (*then)(struct told *told);
    struct world *world;
    struct bleproxy_operation *operation;
};

int world_setup(void **state);
/* Frees everything; nothing may have been leaked. */
int world_teardown(void **state);
struct told told_by(struct world *world);
void on_told(void *user, const struct bleproxy_result *result);

/* Proxies: what they say. i is 0 for those that take none. */
void proxy_begin(struct world *world, unsigned i, uint32_t features);
/* As its manager would tell it. */
void proxy_lose(struct world *world, unsigned i);
void say(struct world *world, unsigned i, uint32_t type, const ProtobufCMessage *message);
void say_connection(struct world *world, bool connected, uint32_t mtu, int32_t reason);
/* Of the device whose address is so many after DEVICE; what is sent about it ends in "+1", "+2", ... */
void say_connection_of(struct world *world, unsigned i, unsigned device, bool connected, int32_t reason);
/* n_allocated addresses: DEVICE and those after it. */
void say_slots(struct world *world, uint32_t free, uint32_t limit, size_t n_allocated);
void say_slots_of(struct world *world, unsigned i, uint32_t free, uint32_t limit);
void say_services(struct world *world);
void say_services_of(struct world *world, unsigned i, unsigned device);
void say_services_done(struct world *world);
void say_read(struct world *world, uint32_t handle, const char *text);
void say_written(struct world *world, uint32_t handle);
void say_notifying(struct world *world, uint32_t handle);
void say_value(struct world *world, uint32_t handle, const char *text);
void say_gatt_error(struct world *world, uint32_t handle, int32_t code);
void say_paired(struct world *world, bool paired, int32_t code);
/* Looks at what was sent to kitchen, and forgets it. */
void assert_sent(struct world *world, const char *expected);
void assert_sent_to(struct world *world, unsigned i, const char *expected);
/* The same to read: lives until the next call. */
const char *take_sent(struct world *world, unsigned i);
/* A report of the device by a proxy. */
void say_advert(struct world *world, unsigned i, unsigned device, int32_t rssi);

/* Whether kitchen owes an answer that is waited for. */
bool proxy_owes(const struct world *world);

/* Lets time pass, in which everything that is due gets its tick. */
void pass_ms(struct world *world, uint64_t ms);

/* Connects through kitchen; asserts that the call succeeds. */
struct attempt attempt_by_default(struct world *world);
void attempt_begin(struct world *world, struct told *told);
void attempt_begin_with(struct world *world, const struct attempt *attempt, struct told *told);
/* Connected, services discovered. */
void connect_device(struct world *world);
/* No link, waiter, tracker, callback, pause or operation is left. */
void assert_idle(struct world *world);

#endif
