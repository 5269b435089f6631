/* SPDX-License-Identifier: MIT */
#ifndef SESSION_SESSION_INTERNAL_H
#define SESSION_SESSION_INTERNAL_H

#include "base/list.h"
#include "noise/handshake.h"
#include "session/gatt.h"
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

/* A device that a disconnect request was sent about, and how many such are unanswered. */
struct session_closing {
    uint64_t address;
    unsigned unanswered;
};
enum { CLOSING_MAX = 16 };

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
    struct list requests;                        /* awaiting their answers */
    struct list completing;                      /* being called back */
    struct session_request *streaming;           /* the one whose services are being handed over */
    struct list links;                           /* struct session_link */
    struct session_closing closing[CLOSING_MAX]; /* the oldest first */
    size_t n_closing;
    bool told_pending; /* on_pending was called for the bytes that wait */

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
/* Answers the proxy, for which there is room when requests have used up theirs; the session ends when that is impossible. */
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

enum {
    HANDLE_MAX = 0xffff,
    HANDLE_ANY = HANDLE_MAX + 1, /* in a request or an answer that is not about one attribute */
};

/* Awaits a message of either type; when it is about a device: from that device and attribute, or else any connection
 * message about the device. */
struct session_request {
    struct list node;
    struct session *session;
    uint64_t deadline_ns;
    uint32_t reply_type, other_type; /* other_type 0: none */
    bool is_about_device;
    uint64_t address;
    uint32_t handle;
    int refusal;                    /* its error when the answer is a refusal */
    session_reply_fn *on_reply;     /* not about a device */
    session_outcome_fn *on_outcome; /* about a device */
    session_service_fn *on_service; /* for services */
    void *user;
};

/* Why requests complete: a message, or without one outcome.error. */
struct answer {
    uint32_t type;
    const ProtobufCMessage *message;
    uint64_t address;
    uint32_t handle;
    bool is_refusal; /* the error is each request's own */
    struct session_outcome outcome;
};

/* Sends message, and keeps a copy of request until it completes. Returns as session_request(). */
int requests_begin(struct session *session, uint32_t type, const ProtobufCMessage *message,
                   const struct session_request *request, uint64_t timeout_ns, uint64_t now_ns,
                   struct session_request **ret_request);
/* Every request that awaits the answer is completed by requests_complete(), unless it is cancelled before. */
void requests_match(struct session *session, const struct answer *answer);
void requests_complete(struct session *session, const struct answer *answer, uint64_t now_ns);
/* Hands the services to every request for those of that device. */
void requests_stream(struct session *session, uint64_t address, BluetoothGATTService **services,
                     size_t n_services);
void requests_fail(struct session *session, int error, uint64_t now_ns);
uint64_t requests_deadline(const struct session *session);
void requests_tick(struct session *session, uint64_t now_ns);

/* gatt.c */

/* Fills in what the message says to requests about a device; leaves others as they are. False: the message makes no
 * sense. */
bool gatt_read_answer(struct answer *answer);
void gatt_services(struct session *session, const ProtobufCMessage *message, uint64_t now_ns);

/* link.c */
void link_connection(struct session *session, const ProtobufCMessage *message, uint64_t now_ns);
/* False when it is malformed. Allocates nothing. */
bool link_notification(struct session *session, const struct frame *frame, uint64_t now_ns);
/* Detaches and tells all; in a session that lives the devices are disconnected. */
void links_end(struct session *session, int error, uint64_t now_ns);

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
