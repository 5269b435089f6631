/* SPDX-License-Identifier: MIT */
#include "session/inquiry.h"

#include "session/gatt.h"
#include "session/session_internal.h"
#include <bleproxy/error.h>

/* The first byte on the air of an address that no manufacturer has given to anything. */
#define LOCALLY_ADMINISTERED (UINT64_C(0x02) << 40)
#define MULTICAST            (UINT64_C(0x01) << 40)
#define ADDRESS_MASK         UINT64_C(0xffffffffffff)
enum { ANY_HANDLE = 1 };

static uint64_t nobodys_address(const struct session *session)
{
    uint64_t address;
    do {
        session->config.env->random(session->config.env->user, &address, sizeof(address));
        address = ((address & ADDRESS_MASK) | LOCALLY_ADMINISTERED) & ~MULTICAST;
    } while (session_has_link(session, address));
    return address;
}

static void cancel(struct session_request **request, uint64_t now_ns)
{
    if (*request)
        session_cancel(*request, now_ns);
    *request = NULL;
}

static void finish(struct inquiry *inquiry, uint64_t now_ns)
{
    inquiry_fn *on_result = inquiry->on_result;
    enum inquiry_result result = inquiry->is_answered ? INQUIRY_OURS
                                 : inquiry->is_alive  ? INQUIRY_NOT_OURS
                                                      : INQUIRY_NOTHING;
    inquiry_cancel(inquiry, now_ns);
    if (on_result)
        on_result(inquiry->user, result, now_ns);
}

/* Whatever is said of that device is said to the subscriber. */
static void on_read(void *user, const struct session_outcome *outcome, uint64_t now_ns)
{
    struct inquiry *inquiry = user;
    inquiry->read = NULL;
    if (!inquiry->on_result)
        return;
    inquiry->is_answered =
        outcome->error == 0 || outcome->error == BLEPROXY_E_GATT || outcome->error == BLEPROXY_E_DISCONNECTED;
    inquiry->is_alive &= outcome->error == BLEPROXY_E_TIMEOUT; /* else the session has ended */
    finish(inquiry, now_ns);
}

static void on_ping(void *user, int error, const ProtobufCMessage *reply, uint64_t now_ns)
{
    struct inquiry *inquiry = user;
    (void)reply;
    (void)now_ns;
    inquiry->ping = NULL;
    inquiry->is_alive = error == 0;
}

int inquiry_begin(struct inquiry *inquiry, struct session *session, uint64_t timeout_ns,
                  inquiry_fn *on_result, void *user, uint64_t now_ns)
{
    *inquiry = (struct inquiry){.on_result = on_result, .user = user};
    const struct session_await await = {
        .timeout_ns = timeout_ns, .on_outcome = on_read, .user = inquiry, .ret_request = &inquiry->read};
    PingRequest ping = PING_REQUEST__INIT;
    int r = session_gatt_read(session, nobodys_address(session), ANY_HANDLE, &await, now_ns);
    if (r == 0)
        r = session_request(session, MESSAGE_PING_REQUEST, &ping.base, MESSAGE_PING_RESPONSE, timeout_ns,
                            on_ping, inquiry, now_ns, &inquiry->ping);
    if (r < 0)
        inquiry_cancel(inquiry, now_ns);
    return r;
}

void inquiry_cancel(struct inquiry *inquiry, uint64_t now_ns)
{
    inquiry->on_result = NULL;
    cancel(&inquiry->read, now_ns);
    cancel(&inquiry->ping, now_ns);
}
