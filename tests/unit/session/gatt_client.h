/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SESSION_GATT_CLIENT_H
#define TESTS_SESSION_GATT_CLIENT_H

#include "client.h"

#include "session/gatt.h"

/* Messages of, and about, the device A4:C1:38:11:22:33. ..._OTHER: the last byte of its address is 34. */
#define DEVICE        UINT64_C(0xa4c138112233)
#define OTHER         UINT64_C(0xa4c138112234)
#define UP            "000d4508b3c4c4c0939829100118f701" /* MTU 247 */
#define UP_OTHER      "000d4508b4c4c4c0939829100118f701"
#define DOWN          "000a4508b3c4c4c09398292013" /* 0x13 */
#define DOWN_OTHER    "000a4508b4c4c4c09398292013"
#define DISCONNECT    "000a4408b3c4c4c09398291001"
#define VALUE_3       "00104a08b3c4c4c093982910031a0454455354" /* TEST */
#define VALUE_12      "00104a08b3c4c4c0939829100c1a0454455354"
#define WRITTEN_12    "000a5308b3c4c4c0939829100c"
#define WRITTEN_13    "000a5308b3c4c4c0939829100d"
#define NOTIFYING_12  "000a5408b3c4c4c0939829100c"
#define DATA_12       "000e4f08b3c4c4c0939829100c1a02cafe"
#define DATA_12_OTHER "000e4f08b4c4c4c0939829100c1a02cafe"
#define ERROR_12      "000d5208b3c4c4c0939829100c188501" /* 0x85 */
#define ERROR_3       "000d5208b3c4c4c09398291003188501"
#define ERROR_0       "00135208b3c4c4c093982918ffffffffffffffffff01" /* handle 0, -1 */
#define SERVICES                                                                                             \
    "00534708b3c4c4c0939829120e10011a071003180228805420803012390a1393e78fad9b8080a06e9e95f3a6e2a1f9d4e00110" \
    "0a1a200a1393e78fadbb8080a06e9e95f3a6e2a1f9d4e001100c18102205100d188252"
#define SERVICES_UNPACKED                                                                                    \
    "00534708b3c4c4c0939829120e10011a071003180228805420803012390893e78fad9b8080a06e089e95f3a6e2a1f9d4e00110" \
    "0a1a200893e78fadbb8080a06e089e95f3a6e2a1f9d4e001100c18102205100d188252"
#define SERVICES_DONE "00084808b3c4c4c0939829"
#define PAIRED        "000a5508b3c4c4c09398291001"
#define UNPAIRED      "000a5608b3c4c4c09398291001"
#define CLEARED       "000a5808b3c4c4c09398291001"
#define PARAMETERS_OK "0008920108b3c4c4c0939829"

enum operation {
    READ,
    WRITE,
    READ_DESCRIPTOR,
    WRITE_DESCRIPTOR,
    NOTIFY,
    SERVICES_OF,
    PAIR,
    UNPAIR,
    CLEAR_CACHE,
    SET_PARAMETERS,
    OPERATIONS
};

/* A request about a device, and what became of it. */
struct asked {
    struct client *client;
    struct session_request *request;
    uint64_t timeout_ns;
    unsigned completed, services;
    int error;
    int32_t code;
    uint8_t value[64];
    size_t size;
    struct asked *again;          /* asked for from within on_outcome */
    struct session_request *drop; /* cancelled at the first service, or on_outcome */
    struct session_link *detach;  /* in on_outcome */
    struct asked *more;           /* services asked for at the first service */
};

struct heard {
    struct client *client;
    struct session_link link;
    unsigned connections, notifications, ends;
    struct asked *awaiting;       /* must complete after the first connection message, and after the end */
    struct session_request *drop; /* cancelled by the first connection message */
    int error;                    /* of the end */
    bool connected, detaches;
    uint32_t mtu, handle;
    int32_t reason;
    uint8_t value[64];
    size_t size;
};

static inline int ask(struct client *c, struct asked *asked, enum operation operation, uint64_t address,
                      uint16_t handle);

static inline void gatt_on_outcome(void *user, const struct session_outcome *outcome, uint64_t now_ns)
{
    struct asked *asked = user;
    struct client *c = asked->client;
    assert_int_equal(now_ns, c->now_ns);
    assert_true(outcome->size <= sizeof(asked->value));
    asked->completed++;
    asked->error = outcome->error;
    asked->code = outcome->code;
    asked->size = outcome->size;
    if (outcome->size > 0)
        memcpy(asked->value, outcome->value, outcome->size);
    client_event(c, EVENT_REPLY);
    if (asked->detach)
        session_link_detach(asked->detach);
    if (asked->drop)
        session_cancel(asked->drop, now_ns);
    if (asked->again && !c->freed)
        assert_int_equal(ask(c, asked->again, READ, DEVICE, 3), 0);
}

static inline void gatt_on_service(void *user, const BluetoothGATTService *service)
{
    struct asked *asked = user;
    struct client *c = asked->client;
    assert_int_equal(asked->completed, 0);
    assert_non_null(service);
    asked->services++;
    client_event(c, EVENT_SERVICE);
    if (asked->more) {
        assert_int_equal(ask(c, asked->more, SERVICES_OF, DEVICE, 0), 0);
        asked->more = NULL;
    }
    if (asked->drop) {
        struct session_request *drop = asked->drop;
        asked->drop = NULL;
        session_cancel(drop, c->now_ns);
    }
}

static inline int ask_for(struct client *c, struct asked *asked, enum operation operation, uint64_t address,
                          uint16_t handle)
{
    static const uint8_t value[] = {1, 2};
    const struct session_await await = {asked->timeout_ns, gatt_on_outcome, asked, &asked->request};
    struct session *session = c->session;
    switch (operation) {
    case READ:
        return session_gatt_read(session, address, handle, &await, c->now_ns);
    case WRITE:
        return session_gatt_write(session, address, handle, value, sizeof(value), &await, c->now_ns);
    case READ_DESCRIPTOR:
        return session_gatt_read_descriptor(session, address, handle, &await, c->now_ns);
    case WRITE_DESCRIPTOR:
        return session_gatt_write_descriptor(session, address, handle, value, sizeof(value), &await,
                                             c->now_ns);
    case NOTIFY:
        return session_gatt_notify(session, address, handle, true, &await, c->now_ns);
    case SERVICES_OF:
        return session_gatt_services(session, address, gatt_on_service, &await, c->now_ns);
    case PAIR:
        return session_device_pair(session, address, &await, c->now_ns);
    case UNPAIR:
        return session_device_unpair(session, address, &await, c->now_ns);
    case CLEAR_CACHE:
        return session_device_clear_cache(session, address, &await, c->now_ns);
    case SET_PARAMETERS:
        return session_device_set_parameters(session, address, 800, 800, 0, 600, &await, c->now_ns);
    case OPERATIONS:
        break;
    }
    return BLEPROXY_E_INVALID;
}

static inline int ask(struct client *c, struct asked *asked, enum operation operation, uint64_t address,
                      uint16_t handle)
{
    *asked = (struct asked){.client = c, .timeout_ns = 30 * NS_PER_S};
    return ask_for(c, asked, operation, address, handle);
}

static inline void expect_outcome(const struct asked *asked, int error, int32_t code)
{
    assert_int_equal(asked->completed, 1);
    assert_int_equal(asked->error, error);
    assert_int_equal(asked->code, code);
}

static inline void gatt_on_connection(void *user, bool connected, uint32_t mtu, int32_t reason,
                                      uint64_t now_ns)
{
    struct heard *heard = user;
    assert_int_equal(now_ns, heard->client->now_ns);
    assert_int_equal(heard->ends, 0);
    assert_true(!heard->awaiting || heard->connections > 0 || heard->awaiting->completed == 0);
    heard->connections++;
    heard->connected = connected;
    heard->mtu = mtu;
    heard->reason = reason;
    client_event(heard->client, EVENT_CONNECTION);
    if (heard->drop)
        session_cancel(heard->drop, now_ns);
    heard->drop = NULL;
    if (heard->detaches)
        session_link_detach(&heard->link);
}

static inline void gatt_on_notification(void *user, uint32_t handle, const uint8_t *value, size_t size,
                                        uint64_t now_ns)
{
    struct heard *heard = user;
    assert_int_equal(now_ns, heard->client->now_ns);
    assert_true(size <= sizeof(heard->value));
    heard->notifications++;
    heard->handle = handle;
    heard->size = size;
    if (size > 0)
        memcpy(heard->value, value, size);
    client_event(heard->client, EVENT_NOTIFICATION);
    if (heard->detaches)
        session_link_detach(&heard->link);
}

static inline void gatt_on_end(void *user, int error, uint64_t now_ns)
{
    struct heard *heard = user;
    assert_int_equal(now_ns, heard->client->now_ns);
    assert_null(heard->link.session);
    assert_true(!heard->awaiting || heard->awaiting->completed == 0);
    heard->ends++;
    heard->error = error;
    if (heard->drop)
        session_cancel(heard->drop, now_ns);
    heard->drop = NULL;
}

static const struct session_link_ops gatt_link_ops = {gatt_on_connection, gatt_on_notification, gatt_on_end};

static inline int hear(struct client *c, struct heard *heard, uint64_t address)
{
    *heard = (struct heard){.client = c};
    return session_link_attach(&heard->link, c->session, address, &gatt_link_ops, heard);
}

static inline void expect_connection(const struct heard *heard, unsigned n, bool connected, uint32_t mtu,
                                     int32_t reason)
{
    assert_int_equal(heard->connections, n);
    assert_int_equal(heard->connected, connected);
    assert_int_equal(heard->mtu, mtu);
    assert_int_equal(heard->reason, reason);
}

#endif
