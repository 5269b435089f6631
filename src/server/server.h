/* SPDX-License-Identifier: MIT */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "base/env.h"
#include "base/time.h"
#include "wire/batch.h"
#include <bleproxy/device_info.h>
#include <bleproxy/uuid.h>
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
    bool tells_friendly_name; /* on the local network; since 2023.2 */
    bool sets_keys;           /* a client may give it its encryption key; since 2025.8 or before */
    bool zero_key;  /* without one it takes plaintext and a key of zeros alike, else plaintext; mid-2026 */
    bool passwords; /* answers AuthenticationRequest; before 2026.1 */
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
    bool pairing;                /* knows pairing, unpairing and the clearing of caches; since 2023.4 */
    bool complete_pairing; /* answers unpairing as such, and pairing of what is not connected; mid-2026 */
    bool packed_services;  /* sends several services in one message; since 2025.8 */
    /* Asked for services again, starts again, but is silent once all were sent; mid-2026. Before, it goes on,
     * and says that there are none once all were sent. */
    bool restarts_services;
    bool repeats_mtu; /* asked for a connection that exists, tells its MTU, else 0; mid-2026 */
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
    bool provisionable; /* clients may set, change and clear the key; only where the profile sets_keys */
    const struct aead *aead;
    const char *name, *friendly_name, *model, *manufacturer; /* name: 1 to 31 bytes */
    uint64_t mac_address, bluetooth_mac_address;
    const char *password;                    /* NULL or "": none; newer firmware ignores it */
    enum bleproxy_scanner_mode scanner_mode; /* the one configured, PASSIVE or ACTIVE */
    uint64_t reboot_timeout_ns; /* without any client, 15 min on real devices; 0: it never reboots */
    bool deep_sleep;            /* tells that it sleeps in between; who makes it sleep is not the server */
    uint32_t slots;             /* for connections; 3 on real proxies, at most SERVER_SLOTS_MAX */
};

/* What the radio, and the rest of the device, do for the server. */
struct server_radio_ops {
    /* Someone listens from now on, or nobody any more: reports outside this time are dropped. */
    void (*on_subscribed)(void *user, bool subscribed, uint64_t now_ns);
    /* A client wants another scan mode; the radio answers with server_scanner_state() for each transition. */
    void (*set_mode)(void *user, enum bleproxy_scanner_mode mode, uint64_t now_ns);
    /* NULL: every device is out of reach. */
    const struct server_link_ops *links;
    /* A client gives the device another key, or NULL: none. 0 once it would survive the loss of power, else
     * the client is told that it failed. It may not call the server. NULL: nothing can fail. */
    int (*store_key)(void *user, const uint8_t *psk);
    /* The firmware starts again, with a new server: this one may be freed. Only with a reboot_timeout_ns. */
    void (*reboot)(void *user, uint64_t now_ns);
};

struct server;
struct server_connection;

/* A device's database, in the order of its handles. */
struct server_descriptor {
    struct bleproxy_uuid uuid;
    uint16_t handle;
};
struct server_characteristic {
    struct bleproxy_uuid uuid;
    uint16_t handle; /* of the value */
    uint8_t properties;
    const struct server_descriptor *descriptors;
    size_t n_descriptors;
};
struct server_service {
    struct bleproxy_uuid uuid;
    uint16_t handle;
    const struct server_characteristic *characteristics;
    size_t n_characteristics;
};

/* The radio's connections to Bluetooth devices. The server keeps slots, subscriber and messages; what the air
 * does is asked for here and answered with server_link_*(), also from within (but services, is_paired, loses
 * and refuses only look). Every request that was handed over is answered once, before server_link_closed() or
 * by it. One link is opened at a time, the next when it is open, closed or being closed. */
struct server_link_ops {
    /* server_link_opened() follows, or server_link_closed(), or nothing until close. cached: nothing is
     * discovered. */
    void (*open)(void *user, uint64_t address, uint8_t address_type, bool cached, uint64_t now_ns);
    /* server_link_closed() follows within 10 s; later the server has given up on it and may open another. */
    void (*close)(void *user, uint64_t address, uint64_t now_ns);
    /* What was discovered when the link was opened without cache; NULL and 0 else. Borrowed while the link
     * lasts. */
    const struct server_service *(*services)(void *user, uint64_t address, size_t *ret_n);
    /* Of characteristic values and descriptors alike. server_link_value() or server_link_written() follows,
     * with the same handle. value lives for the call. */
    void (*read)(void *user, uint64_t address, uint16_t handle, uint64_t now_ns);
    void (*write)(void *user, uint64_t address, uint16_t handle, const uint8_t *value, size_t size,
                  bool response, uint64_t now_ns);
    /* Whether values of the handle are forwarded: nothing goes over the air. 0 or a GATT status. */
    int32_t (*notify)(void *user, uint64_t address, uint16_t handle, bool enable, uint64_t now_ns);
    /* server_link_paired() follows. */
    void (*pair)(void *user, uint64_t address, uint64_t now_ns);
    bool (*is_paired)(void *user, uint64_t address);
    /* Bonds and cached databases outlive connections. 0 or the stack's error. */
    int32_t (*unpair)(void *user, uint64_t address, uint64_t now_ns);
    int32_t (*clear_cache)(void *user, uint64_t address, uint64_t now_ns);
    /* 0: the peripheral was asked; else the stack's error. */
    int32_t (*set_parameters)(void *user, uint64_t address, uint16_t interval_min, uint16_t interval_max,
                              uint16_t latency, uint16_t timeout, uint64_t now_ns);
    /* A bad proxy: whether this message about this device (0: none in particular) gets lost on the way out.
     * NULL: none. */
    bool (*loses)(void *user, uint32_t message_type, uint64_t address);
    /* A bad proxy: refuses a connection for which it has a slot. NULL: never. */
    bool (*refuses)(void *user, uint64_t address);
};

/* What makes a device that has gone deaf hear again. Each does what those before it do, too. */
enum server_cure {
    SERVER_CURE_MODE,      /* another scan mode */
    SERVER_CURE_SUBSCRIBE, /* asking for advertisements again */
    SERVER_CURE_CONNECT,   /* asking on a connection that is newer than its deafness */
    SERVER_CURE_REBOOT,
    SERVER_CURE_NONE, /* its aerial has come off */
};

enum {
    SERVER_NAME_MAX = 31,
    SERVER_SLOTS_MAX = 9,            /* as many as ESP32 firmware can be built for */
    SERVER_LINK_NOTIFY_MAX = 64,     /* handles of a link for which notify is enabled at once */
    SERVER_LINK_REQUESTS_MAX = 1024, /* reads and writes of a link that the radio owes answers to at once */
};

/* 0, BLEPROXY_E_NOMEM, or BLEPROXY_E_INVALID: a name of another length than told above, too many slots, or
 * provisionable where the profile does not know that.
 * The profile must outlive the server. The scanner is IDLE until the radio says otherwise. */
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
/* Of a client in the same program: it speaks plaintext, whatever the key. Right after server_accept(). */
void server_connection_trust(struct server_connection *connection);
/* Whether it has the subscription. */
bool server_connection_subscribes(const struct server_connection *connection);
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
/* The device goes deaf: it drops what it is reported, and answers as before. That changes how a deaf one is
 * cured. Those cured by a reboot are by a new server, too; SERVER_CURE_NONE is for who makes it to repeat. */
void server_go_deaf(struct server *server, enum server_cure cure);
void server_hear(struct server *server);
bool server_is_deaf(const struct server *server);
/* The scanner's state changed. */
void server_scanner_state(struct server *server, enum bleproxy_scanner_state state, uint64_t now_ns);
enum bleproxy_scanner_mode server_scanner_mode(const struct server *server);
bool server_is_subscribed(const struct server *server);
/* The radio's answers. Those about a device that has no slot are ignored. */
void server_link_opened(struct server *server, uint64_t address, uint16_t mtu, uint64_t now_ns);
/* Also when opening failed, or the other side hung up. reason: a connection reason (0x16: we closed it). */
void server_link_closed(struct server *server, uint64_t address, int32_t reason, uint64_t now_ns);
/* status: 0 or a GATT status, without a value then. Values have at most 512 bytes, as all attributes. */
void server_link_value(struct server *server, uint64_t address, uint16_t handle, int32_t status,
                       const uint8_t *value, size_t size, uint64_t now_ns);
void server_link_written(struct server *server, uint64_t address, uint16_t handle, int32_t status,
                         uint64_t now_ns);
void server_link_paired(struct server *server, uint64_t address, bool paired, int32_t reason,
                        uint64_t now_ns);
/* Of a handle for which notify was enabled; else it is ignored. */
void server_link_notification(struct server *server, uint64_t address, uint16_t handle, const uint8_t *value,
                              size_t size, uint64_t now_ns);
/* Bytes that the subscriber has not taken yet, and advertisement messages dropped because of it, ever. */
size_t server_backlog(const struct server *server);
uint64_t server_dropped(const struct server *server);

uint64_t server_deadline(const struct server *server);
void server_tick(struct server *server, uint64_t now_ns);

#endif
