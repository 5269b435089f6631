/* SPDX-License-Identifier: MIT */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "base/env.h"
#include "base/time.h"
#include "wire/batch.h"
#include <bleproxy/device_info.h>
#include <sys/uio.h>

struct aead;

/* How one generation of ESPHome firmware behaves: the points in which real proxies differ. One constant each.
 */
struct server_profile {
    const char *name; /* "2023.6" */
    const char *esphome_version;
    uint32_t api_minor;
    uint32_t feature_flags;  /* field 15, or 0 where the firmware has no such field */
    uint32_t legacy_version; /* field 11, or 0 */
    bool capabilities;       /* answers DeviceCapabilitiesRequest */
    bool long_server_info;   /* "name (esphome v2023.6.3)" instead of the version alone */
    const char *compilation_time;
    bool passwords;              /* answers AuthenticationRequest; before 2026.1 */
    bool login_required;         /* AuthenticationRequest needed even without a password (2024 and before) */
    bool asks_time;              /* asks each client for the time once it is authenticated */
    bool newest_subscriber_wins; /* since 2026.7; else the first keeps the subscription */
    bool scanner_state;          /* sends ScannerState; since 2025.5 */
    bool configured_mode;        /* with its third field; since 2025.9 */
    bool raw_only;               /* sends raw advertisements whatever the flags say; since 2025.8 */
    bool decoded_only;           /* knows no raw advertisements; before 2023.6 */
    bool bluetooth_mac;          /* field 18; since early 2025 */
    bool noise_mac;              /* MAC in the Noise hello; since 2025.4 */
    bool allocated_list;         /* ConnectionsFree names the addresses; after 2024.10 */
    bool complete_pairing; /* answers unpairing as such, and pairing of what is not connected; mid-2026 */
    /* Least time between batches that go out before they are full; they do on ticks of 100 ms (or of this, if
     * that is shorter). 0: a batch goes out as soon as the radio has nothing more to say, at the next tick.
     */
    uint64_t flush_ns;
    uint64_t handshake_timeout_ns; /* not authenticated by then: dropped. BP_NEVER on old firmware */
    size_t payload_max;
    unsigned max_clients;
};
extern const struct server_profile server_profiles[];
extern const size_t server_n_profiles;
/* The profile of that name, or NULL. */
const struct server_profile *server_profile_find(const char *name);

/* One proxy: what it is, and the one radio behind all its connections. Strings are copied. */
struct server_config {
    const struct env *env;
    const struct server_profile *profile;
    const uint8_t *psk; /* 32 bytes or NULL: plaintext */
    const struct aead *aead;
    const char *name, *friendly_name, *model, *manufacturer; /* name: 1 to 31 bytes */
    uint64_t mac_address, bluetooth_mac_address;
    const char *password;                    /* NULL or "": none; newer firmware ignores it */
    enum bleproxy_scanner_mode scanner_mode; /* the one configured, PASSIVE or ACTIVE */
    uint32_t slots;                          /* connection slots, 3 on real proxies */
};

/* What the radio does for the server. */
struct server_radio_ops {
    /* Someone listens from now on, or nobody any more: reports outside this time are dropped. */
    void (*on_subscribed)(void *user, bool subscribed, uint64_t now_ns);
    /* A client wants another scan mode; the radio answers with server_scanner_state() for each transition. */
    void (*set_mode)(void *user, enum bleproxy_scanner_mode mode, uint64_t now_ns);
};

struct server;
struct server_connection;

enum { SERVER_NAME_MAX = 31 };

/* 0, BLEPROXY_E_NOMEM, or BLEPROXY_E_INVALID: a name of another length than told above. The profile must
 * outlive the server. The scanner is IDLE until the radio says otherwise. */
int server_new(const struct server_config *config, const struct server_radio_ops *radio, void *radio_user,
               uint64_t now_ns, struct server **ret_server);
/* Frees its connections too, without further calls. NULL is fine. */
void server_free(struct server *server);
/* The device is about to go down: asks all clients to disconnect. Those that do, or have not said hello yet,
 * are closed. */
void server_shutdown(struct server *server, uint64_t now_ns);

/* What the transport of one API connection must do. */
struct server_connection_ops {
    /* Bytes became pending outside a call about this connection. */
    void (*on_pending)(void *user);
    /* Write what is pending as far as possible, close the socket, then server_connection_free(). Exactly
     * once. */
    void (*on_close)(void *user, const char *why);
};

/* A client connected. 0; BLEPROXY_E_LIMIT: over the firmware's client limit, close it without a word;
 * BLEPROXY_E_NOMEM. */
int server_accept(struct server *server, const struct server_connection_ops *ops, void *user, uint64_t now_ns,
                  struct server_connection **ret_connection);
/* Bytes that the client sent; decrypted in place. May end in on_close, in which the connection may be freed.
 */
void server_connection_feed(struct server_connection *connection, uint8_t *bytes, size_t n, uint64_t now_ns);
/* What to write to the client: how many bytes, 0 for none. *ret_vec lives until the next call of the server.
 */
size_t server_connection_pending(const struct server_connection *connection, struct iovec *ret_vec);
void server_connection_sent(struct server_connection *connection, size_t n);
/* The transport died: on_close is not called. Frees the connection. Also the way to end one after on_close.
 */
void server_connection_free(struct server_connection *connection, uint64_t now_ns);
/* The name the client gave, sanitised; "" before its hello. */
const char *server_connection_client(const struct server_connection *connection);

enum {
    SERVER_OUT_MAX = 64 * 1024, /* unsent bytes of a connection above which batches for it are dropped */
    SERVER_BATCH_MAX = 16,      /* advertisements in one message, as firmware */
    SERVER_ADVERT_MAX = 62,     /* bytes of one: a legacy advertisement and its scan response */
};

/* The radio heard an advertisement; one with more than SERVER_ADVERT_MAX bytes is ignored. Full batches go
 * out at once, others after the profile's flush time. A batch is dropped when the subscriber's connection
 * holds more than SERVER_OUT_MAX unsent bytes, as a full TCP buffer does on the device. */
void server_report(struct server *server, const struct batch_advert *advert, uint64_t now_ns);
/* As server_report() for each advertisement of an encoded message, and the batch is full with the last of
 * them: for radios that batch themselves. */
void server_report_batch(struct server *server, const uint8_t *payload, size_t size, uint64_t now_ns);
/* The scanner's state changed. */
void server_scanner_state(struct server *server, enum bleproxy_scanner_state state, uint64_t now_ns);
enum bleproxy_scanner_mode server_scanner_mode(const struct server *server);
bool server_is_subscribed(const struct server *server);
/* Bytes that the subscriber has not taken yet, and advertisement messages dropped because of it, ever. */
size_t server_backlog(const struct server *server);
uint64_t server_dropped(const struct server *server);

uint64_t server_deadline(const struct server *server);
void server_tick(struct server *server, uint64_t now_ns);

#endif
