/* SPDX-License-Identifier: MIT */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "base/env.h"
#include "base/time.h"
#include "wire/batch.h"
#include "wire/message.h"
#include <bleproxy/device_info.h>
#include <sys/uio.h>

struct aead;

/* One connection to one proxy, from the first byte to the last, on the client's side. Single use. Pure: bytes
 * and time go in, bytes, deadlines and calls come out. */
struct session;

/* Every time limit of a session, in nanoseconds; session_timeouts_default has the protocol's usual ones. */
struct session_timeouts {
    uint64_t handshake_ns;  /* framing handshake: 60 s */
    uint64_t hello_ns;      /* HelloResponse: 30 s */
    uint64_t request_ns;    /* device info, capabilities: 10 s */
    uint64_t ping_ns;       /* silence before a ping: 20 s */
    uint64_t dead_ns;       /* an unanswered ping ends the session: 90 s after it */
    uint64_t disconnect_ns; /* DisconnectResponse: 10 s */
    uint64_t settle_ns;     /* how long a disconnect waits for a connect in progress first: 5 s */
};
extern const struct session_timeouts session_timeouts_default;

/* All pointers must live as long as the session. */
struct session_config {
    const struct env *env;
    const char *label;         /* the proxy's name or address, for log lines and error texts */
    const uint8_t *psk;        /* 32 bytes, or NULL: plaintext */
    const struct aead *aead;   /* which ChaCha20-Poly1305; with psk only */
    const char *expected_name; /* NULL: any */
    const char *expected_mac;  /* "aabbccddeeff" or NULL; checked against the Noise hello when that has one */
    const char *password;      /* NULL or "": none. Sent with the hello (firmware before 2026.1) */
    const char *client_info;   /* "bleproxy 0.1.0"; the firmware keeps 32 characters */
    bool no_login;             /* leave AuthenticationRequest out */
    bool no_time;              /* leave GetTimeRequest unanswered */
    struct session_timeouts timeouts;
};

enum { SESSION_END_TEXT_MAX = 256 };

/* How a session ended. */
struct session_end {
    int error;     /* 0: closed by a DisconnectRequest of either side; else BLEPROXY_E_* */
    bool expected; /* the proxy or we asked for it */
    bool was_ready;
    uint32_t
        disconnect_reason; /* from the proxy's DisconnectRequest: 0 unspecified, 1 provisioning closed, ... */
    char text[SESSION_END_TEXT_MAX]; /* one sentence with what to do, sanitised, no secret in it */
    char received_name[33 * 4];      /* from the Noise hello or HelloResponse, sanitised; "" when unknown */
    char received_mac[17 * 4];
};

/* Wall clock and time zone for a proxy that asks. */
struct session_time {
    uint32_t epoch_seconds;
    char timezone[64]; /* POSIX TZ, "" when unknown */
};

struct session_ops {
    /* Hello accepted: requests may be made from now on. At most once; not when a disconnect waits for it. */
    void (*on_ready)(void *user, uint64_t now_ns);
    /* The session is over; nothing else is called after it, the bytes pending are dropped by the owner once
     * it has tried to write them. Exactly once, never from within session_new(). */
    void (*on_closed)(void *user, const struct session_end *end, uint64_t now_ns);
    /* Bytes are pending where none were; also within calls that the owner made, but not session_new(), and not
     * after the end. It is a note to write later: only session_pending() and session_sent() may be called from
     * within. May be NULL. */
    void (*on_pending)(void *user);
    /* NULL: as no_time. */
    void (*get_time)(void *user, struct session_time *ret_time);
};

/* What a proxy streams once it is subscribed to. Members may be NULL. Borrowed arguments. */
struct session_stream {
    void (*on_raw_advert)(void *user, const struct batch_advert *advert, uint64_t now_ns);
    void (*on_advert)(void *user, const BluetoothLEAdvertisementResponse *advert, uint64_t now_ns);
    void (*on_scanner_state)(void *user, uint32_t state, uint32_t mode, uint32_t configured_mode,
                             uint64_t now_ns);
    void (*on_slots)(void *user, const struct bleproxy_slots *slots, uint64_t now_ns);
};

/* Begins the session: the client's first bytes are pending at once. ops and user must outlive it. 0,
 * BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID. */
int session_new(const struct session_config *config, const struct session_ops *ops, void *user,
                uint64_t now_ns, struct session **ret_session);
/* Outstanding requests complete with BLEPROXY_E_CANCELLED, at the time of the last call; on_closed is not
 * called. Allowed in every callback of the session: the memory goes when the stack has unwound. NULL is ok.
 */
void session_free(struct session *session);

/* The transport received n bytes; they are decrypted in place and not kept. */
void session_feed(struct session *session, uint8_t *bytes, size_t n, uint64_t now_ns);
/* What to write: at most one vector. Returns its size, 0 when there is nothing. Lives until the next call. */
size_t session_pending(const struct session *session, struct iovec *ret_vec);
void session_sent(struct session *session, size_t n);
/* When tick() wants to be called, or BP_NEVER. Changes only within the other calls. */
uint64_t session_deadline(const struct session *session);
void session_tick(struct session *session, uint64_t now_ns);
/* The transport ended: error is BLEPROXY_E_CLOSED (EOF, detail NULL), or BLEPROXY_E_IO for a reset or a
 * failed write with the system's words in detail. Either ends the session with BLEPROXY_E_CLOSED; of
 * requests, those that BLEPROXY_E_IO hit complete with BLEPROXY_E_REQUEST_FAILED. A reset before the proxy's
 * Noise hello is BLEPROXY_E_ENCRYPTION_HELLO. Any other error ends it with that error. */
void session_fail(struct session *session, int error, const char *detail, uint64_t now_ns);

void session_set_stream(struct session *session, const struct session_stream *stream, void *user);

bool session_is_ready(const struct session *session);
bool session_is_encrypted(const struct session *session);
/* 0.0 before the hello. */
void session_api_version(const struct session *session, uint32_t *ret_major, uint32_t *ret_minor);
/* True while an answer is awaited, or a device is linked, which may notify: reads must not be delayed then. */
bool session_is_waiting(const struct session *session);

/* Sends one message. 0; BLEPROXY_E_NOT_CONNECTED before ready or after the end (after a fatal error: that
 * error); BLEPROXY_E_NOMEM; BLEPROXY_E_LIMIT when the peer does not read (SESSION_OUT_MAX bytes wait). */
int session_send(struct session *session, uint32_t type, const ProtobufCMessage *message, uint64_t now_ns);
enum { SESSION_OUT_MAX = 1024 * 1024 };

/* A request whose answer is awaited. */
struct session_request;
/* error 0 and the reply (borrowed), or BLEPROXY_E_TIMEOUT (the session stays), BLEPROXY_E_CANCELLED, or how
 * the session ended, reply NULL. */
typedef void session_reply_fn(void *user, int error, const ProtobufCMessage *reply, uint64_t now_ns);
/* Sends message and waits for the next message of reply_type. on_reply is called exactly once, never from
 * within this call. timeout_ns 0 times out at the next tick. ret_request may be NULL when nobody will
 * cancel. Messages about a Bluetooth device are awaited as gatt.h has it. */
int session_request(struct session *session, uint32_t type, const ProtobufCMessage *message,
                    uint32_t reply_type, uint64_t timeout_ns, session_reply_fn *on_reply, void *user,
                    uint64_t now_ns, struct session_request **ret_request);
/* on_reply is called with BLEPROXY_E_CANCELLED from within. Only while the request is outstanding. */
void session_cancel(struct session_request *request, uint64_t now_ns);

/* Asks for DeviceInfo and, where the API version has it, DeviceCapabilities. info is borrowed:
 * device_info_dup() (session/device_info.h) keeps it. */
typedef void session_info_fn(void *user, int error, const struct bleproxy_device_info *info, uint64_t now_ns);
int session_get_device_info(struct session *session, session_info_fn *on_info, void *user, uint64_t now_ns);

/* Gives the proxy another encryption key: the base64 of 32 bytes. The answer is a NoiseEncryptionSetKeyResponse; firmware that
 * does not know the request never gives it. Besides session_request()'s results BLEPROXY_E_INVALID_KEY: another length. */
enum { SESSION_KEY_LENGTH = 44 };
int session_set_key(struct session *session, const char *key, session_reply_fn *on_reply, void *user,
                    uint64_t now_ns);

int session_ping(struct session *session, session_reply_fn *on_reply, void *user, uint64_t now_ns);

/* Subscriptions; they last as long as the session. raw: ask for raw advertisements. */
int session_subscribe_adverts(struct session *session, bool raw, uint64_t now_ns);
int session_unsubscribe_adverts(struct session *session, uint64_t now_ns);
int session_subscribe_slots(struct session *session, uint64_t now_ns);
/* mode is BLEPROXY_MODE_PASSIVE or _ACTIVE. */
int session_set_scanner_mode(struct session *session, enum bleproxy_scanner_mode mode, uint64_t now_ns);

/* Asks the proxy to end the session; on_closed follows at the answer or the deadline. While connecting it
 * waits settle_ns for that to finish first, then writes the request anyway. force: writes it and ends at
 * once. */
void session_disconnect(struct session *session, bool force, uint64_t now_ns);

#endif
