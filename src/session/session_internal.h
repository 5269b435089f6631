/* SPDX-License-Identifier: MIT */
#ifndef SESSION_SESSION_INTERNAL_H
#define SESSION_SESSION_INTERNAL_H

#include "base/list.h"
#include "noise/handshake.h"
#include "session/session.h"
#include "wire/frame.h"
#include <string.h>

enum session_stage {
    STAGE_HANDSHAKE, /* Noise */
    STAGE_HELLO,     /* HelloRequest is written */
    STAGE_READY,
    STAGE_CLOSING, /* our DisconnectRequest is written */
    STAGE_ENDED,
};

enum framing_state {
    FRAMING_PLAIN,
    FRAMING_AWAITS_HELLO,     /* the proxy's Noise hello */
    FRAMING_AWAITS_HANDSHAKE, /* its handshake message */
    FRAMING_SEALED,
};

/* Both directions of the byte stream. */
struct framing {
    enum framing_state state;
    struct frame_reader reader;
    struct handshake handshake;
    struct cipher sending, receiving;
};

struct keepalive {
    uint64_t check_ns; /* end of the present interval */
    uint64_t dead_ns;  /* armed by the first unanswered ping */
    bool heard;        /* a message came since the interval began */
};

enum { SERVER_INFO_MAX = 64 }; /* characters; firmware sends up to 60 */

struct session {
    struct session_config config;
    const struct session_ops *ops;
    void *user;
    struct session_stream stream;
    void *stream_user;

    enum session_stage stage;
    uint64_t stage_deadline_ns;
    uint64_t
        settle_deadline_ns; /* until when a wanted disconnect waits for the hello; BP_NEVER: none is wanted */
    unsigned depth;         /* of calls into the session that may call back */
    bool freed;             /* the memory goes when depth is 0 again */
    uint64_t now_ns;        /* of the last call */

    struct framing framing;
    struct buffer out;
    struct arena arena; /* of the message being handled */
    struct keepalive keepalive;
    struct list requests;   /* awaiting their answers, the oldest first */
    struct list completing; /* being called back */

    uint32_t api_major, api_minor;
    char server_info[SERVER_INFO_MAX * 4 + 1];
    int request_error; /* what requests complete with when it is not what the session ends with, else 0 */
    struct session_end end;
};

/* session.c */

/* Around everything that may call back. */
void session_enter(struct session *session, uint64_t now_ns);
void session_leave(struct session *session);
/* Ends the session unless it has ended: requests complete, then on_closed is called. The text is put behind
 * the proxy's label. */
void session_finish(struct session *session, int error, uint64_t now_ns, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Answers the proxy; the session ends when that is impossible. */
void session_answer(struct session *session, uint32_t type, const ProtobufCMessage *message, uint64_t now_ns);

/* framing.c */

/* Writes what starts the framing. 0 or BLEPROXY_E_NOMEM. */
int framing_init(struct session *session);
void framing_deinit(struct session *session);
/* The next message of the bytes, both advanced. 0; FRAME_INCOMPLETE when there is none, or the session ended.
 * Handshake frames are handled within; the hello begins when the handshake is done. */
int framing_next(struct session *session, uint8_t **bytes, size_t *n, uint64_t now_ns,
                 struct frame *ret_frame);
/* Appends a message to session->out. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_LIMIT, BLEPROXY_E_ENCRYPTION. */
int framing_write(struct session *session, uint32_t type, const ProtobufCMessage *message);
/* Whether the proxy's own name or MAC, raw, is the expected one; NULL expects any. */
bool framing_name_matches(const char *expected, const void *name, size_t size);

/* hello.c */

/* Writes hello and login as one, and arms the deadline. 0, BLEPROXY_E_NOMEM or BLEPROXY_E_LIMIT. */
int hello_begin(struct session *session, uint64_t now_ns);
void hello_response(struct session *session, const ProtobufCMessage *message, uint64_t now_ns);
void hello_authentication_response(struct session *session, const ProtobufCMessage *message, uint64_t now_ns);
bool hello_api_at_least(const struct session *session, uint32_t major, uint32_t minor);

/* keepalive.c */
void keepalive_start(struct session *session, uint64_t now_ns);
uint64_t keepalive_deadline(const struct session *session);
void keepalive_tick(struct session *session, uint64_t now_ns);
void keepalive_ping_request(struct session *session, const ProtobufCMessage *message, uint64_t now_ns);

/* requests.c */

/* Completes every request that awaits this type. */
void requests_answer(struct session *session, uint32_t type, const ProtobufCMessage *message,
                     uint64_t now_ns);
void requests_fail(struct session *session, int error, uint64_t now_ns);
uint64_t requests_deadline(const struct session *session);
void requests_tick(struct session *session, uint64_t now_ns);

/* disconnect.c */

/* Writes the DisconnectRequest and awaits the answer. */
void disconnect_begin(struct session *session, uint64_t now_ns);
void disconnect_tick(struct session *session, uint64_t now_ns);
void disconnect_request(struct session *session, const ProtobufCMessage *message, uint64_t now_ns);
void disconnect_response(struct session *session, const ProtobufCMessage *message, uint64_t now_ns);

/* scan.c */

/* False when the batch is malformed; what came before has been delivered. Allocates nothing. */
bool scan_raw_adverts(struct session *session, const struct frame *frame, uint64_t now_ns);
void scan_advert(struct session *session, const ProtobufCMessage *message, uint64_t now_ns);
void scan_state(struct session *session, const ProtobufCMessage *message, uint64_t now_ns);
void scan_slots(struct session *session, const ProtobufCMessage *message, uint64_t now_ns);

/* clock.c */
void clock_get_time_request(struct session *session, const ProtobufCMessage *message, uint64_t now_ns);

/* A bytes field around a string. */
static inline ProtobufCBinaryData binary_data(const char *text)
{
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

#endif
