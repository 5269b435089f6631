/* SPDX-License-Identifier: MIT */
#ifndef SESSION_INQUIRY_H
#define SESSION_INQUIRY_H

#include "session/session.h"

/* Asks a proxy whether this session has its one Bluetooth subscription, without harm to whoever has it: a read of an
 * attribute of a device that does not exist is refused, and only the subscriber is told so; a ping is answered to
 * everybody. Firmware without connections may answer neither the subscriber nor anybody else. */
enum inquiry_result {
    INQUIRY_OURS,     /* the read was answered */
    INQUIRY_NOT_OURS, /* only the ping was */
    INQUIRY_NOTHING,  /* nothing was, or the session has ended */
};
typedef void inquiry_fn(void *user, enum inquiry_result result, uint64_t now_ns);

/* Embedded in its owner. */
struct inquiry {
    struct session_request *read, *ping; /* NULL: not outstanding */
    bool is_answered, is_alive;
    inquiry_fn *on_result; /* NULL: none is under way */
    void *user;
};

/* timeout_ns: how long the answers may take. on_result is called exactly once, never from within; not after inquiry_cancel(). Not while one is under way. Returns as
 * session_send(), or BLEPROXY_E_NOMEM. */
int inquiry_begin(struct inquiry *inquiry, struct session *session, uint64_t timeout_ns,
                  inquiry_fn *on_result, void *user, uint64_t now_ns);
/* Nobody wants to know any more. Idempotent; also on zeroed memory. Before the session is freed, or by its end. */
void inquiry_cancel(struct inquiry *inquiry, uint64_t now_ns);

#endif
