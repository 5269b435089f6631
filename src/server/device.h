/* SPDX-License-Identifier: MIT */
#ifndef SERVER_DEVICE_H
#define SERVER_DEVICE_H

#include "base/list.h"
#include "names/sanitise.h"
#include "server/framing.h"
#include "server/keepalive.h"
#include "server/server.h"
#include "wire/message.h"
#include <string.h>

/* The inside of the server, shared by its files. */

/* How often ESPHome's clock is set. */
#define SERVER_TIME_NS (15 * 60 * NS_PER_S)

/* The one subscription to the radio and what waits to be sent to it. */
struct scan {
    struct server_connection *subscriber; /* or NULL */
    bool raw;                             /* it gets raw advertisements, else decoded ones */
    struct buffer batch;                  /* raw advertisements that were not sent yet */
    unsigned n_batched;
    uint64_t flush_ns;       /* when the batch goes out even if not full; BP_NEVER while it is empty */
    uint64_t last_flush_ns;  /* when one last did */
    uint64_t tick_origin_ns; /* any tick of the housekeeping clock */
    uint64_t dropped;
    bool deaf;
    enum server_cure cure; /* of it */
    uint64_t deaf_since;   /* connections accepted up to then */
    enum bleproxy_scanner_state state;
    enum bleproxy_scanner_mode mode, configured_mode;
};

/* What a subscriber was sent of a device's database. */
enum stream_state { STREAM_IDLE, STREAM_RUNNING, STREAM_DONE };

struct stream {
    enum stream_state state;
    const struct server_service *services; /* the radio's */
    size_t n_services, next;
    uint64_t pass_ns; /* RUNNING: when the next of it goes out */
};

enum slot_state {
    SLOT_FREE,
    SLOT_QUEUED, /* the radio opens one link at a time */
    SLOT_OPENING,
    SLOT_UP,
    SLOT_CLOSING, /* the radio was told, or is being told, to close it */
};

/* A connection to a Bluetooth device, or room for one. All zero while it is free. */
struct slot {
    enum slot_state state;
    uint8_t address_type;
    bool cached;  /* nothing was discovered: the client knows the database */
    bool pairing; /* the radio owes server_link_paired() */
    uint16_t mtu; /* once it is UP */
    uint64_t address;
    uint64_t give_up_ns; /* CLOSING: taken for closed by then */
    size_t n_requests;   /* reads and writes that the radio has not answered */
    size_t n_notify;
    uint16_t notify[SERVER_LINK_NOTIFY_MAX]; /* handles whose values are forwarded */
    struct stream stream;
};

/* The encryption key, where clients may change it. */
struct key {
    bool provisionable;
    bool is_set;       /* now, or from the moment on when next is activated */
    uint64_t since_ns; /* when next becomes the key; BP_NEVER */
    uint8_t next[HANDSHAKE_PSK_SIZE];
};

struct server {
    const struct server_profile *profile;
    const struct server_radio_ops *radio;
    void *radio_user;
    struct server_framing_identity identity;
    char *name, *friendly_name, *model, *manufacturer, *password; /* none is NULL */
    uint64_t bluetooth_mac_address;
    struct slot slots[SERVER_SLOTS_MAX];
    uint32_t n_slots;
    uint64_t time_ns;                /* when a client is asked for the time again; BP_NEVER */
    uint64_t sweep_ns;               /* when links that nobody subscribes to are closed; BP_NEVER */
    bool opening;                    /* slot_open_next() is on the stack */
    uint8_t psk[HANDSHAKE_PSK_SIZE]; /* zeros without a key */
    struct key key;
    bool deep_sleep;
    struct list connections;
    unsigned n_connections;
    uint64_t n_accepted;        /* ever */
    uint64_t reboot_timeout_ns; /* without a client; BP_NEVER */
    uint64_t alone_ns;          /* when that is over, while there is none */
    struct scan scan;
    struct arena arena;            /* of the request being handled */
    struct buffer scratch;         /* of the message being sent */
    struct server_connection *fed; /* its transport looks for pending bytes itself */
    unsigned depth; /* calls of this server on the stack: nothing is destroyed until they have returned */
    bool attention; /* some connection wants on_pending, on_close, or to be destroyed */
    bool doomed;    /* server_free() was called meanwhile */
};

struct server_connection {
    struct list node;
    struct server *server;
    const struct server_connection_ops *ops;
    void *user;
    struct server_framing framing;
    struct server_keepalive keepalive;
    uint64_t number; /* of those accepted, from 1 */
    uint32_t client_minor;
    bool hello, authenticated;
    bool pending; /* bytes to announce with on_pending */
    bool closing; /* takes and sends nothing more */
    bool told;    /* of that with on_close */
    bool freed;   /* by its transport; goes when the stack has unwound */
    const char *why;
    char client[SANITISE_NAME_MAX * 4 + 1];
};

/* Asks all clients to disconnect; those that have not said hello yet are closed. */
void server_dismiss(struct server *server, const char *why);

/* Bracket every entry from outside. leave makes the calls to the transports that became due; the server may
 * be gone after it. */
void server_enter(struct server *server);
void server_leave(struct server *server);

/* Sending never fails for the caller: a connection that cannot take a message is closed. */
void connection_send(struct server_connection *connection, uint32_t type, const ProtobufCMessage *message);
void connection_send_payload(struct server_connection *connection, uint32_t type, const uint8_t *payload,
                             size_t size);
/* why: static storage. */
void connection_close(struct server_connection *connection, const char *why);
void connection_tick(struct server_connection *connection, uint64_t now_ns);
void connection_destroy(struct server_connection *connection);
/* The handling of one message (connection.c's table says by whom). */
void connection_dispatch(struct server_connection *connection, const struct frame *frame, uint64_t now_ns);

/* A request handler. message lives until the handler makes a call to the outside. */
typedef void request_fn(struct server_connection *connection, const ProtobufCMessage *message,
                        uint64_t now_ns);

/* info.c: who the device is */
request_fn info_hello, info_authenticate, info_device, info_capabilities, info_list_entities, info_time;
void info_tick(struct server *server, uint64_t now_ns);

/* key.c */
request_fn key_set;
void key_init(struct server *server, const struct server_config *config);
void key_tick(struct server *server, uint64_t now_ns);

/* scan.c */
request_fn scan_subscribe, scan_unsubscribe, scan_set_mode;
void scan_init(struct scan *scan, const struct env *env, enum bleproxy_scanner_mode mode, uint64_t now_ns);
void scan_deinit(struct scan *scan);
/* The connection ends: it no longer subscribes. */
void scan_leave(struct server *server, struct server_connection *connection, uint64_t now_ns);
void scan_flush(struct server *server);
void scan_tick(struct server *server, uint64_t now_ns);
/* The first tick of ESPHome's housekeeping, every 100 ms, after now. */
uint64_t scan_next_tick(const struct scan *scan, uint64_t now_ns);

/* decode.c: sends an advertisement in the form that the device decoded itself. */
void decode_send(struct server_connection *connection, const struct batch_advert *advert);

/* slot.c: connections to Bluetooth devices */
request_fn slot_subscribe;
/* Whom a message about that device (0: none in particular) goes to: the subscriber, whoever asked. NULL when
 * there is none, or the message is to get lost. */
struct server_connection *slot_listener(const struct server *server, uint32_t type, uint64_t address);
/* Sends it there. */
void slot_tell(const struct server *server, uint32_t type, uint64_t address, const ProtobufCMessage *message);
/* The slot of that device, or NULL. */
struct slot *slot_find(struct server *server, uint64_t address);
/* The one whose link is up, or NULL. */
struct slot *slot_find_up(struct server *server, uint64_t address);
void slot_connect(struct server *server, const BluetoothDeviceRequest *request, bool cached, uint64_t now_ns);
void slot_disconnect(struct server *server, uint64_t address, uint64_t now_ns);
/* Gives up the link in whatever state it is; nothing if it is CLOSING or FREE. Calls the radio: all may have
 * changed. */
void slot_close(struct server *server, struct slot *slot, uint64_t now_ns);
void slot_say_disconnected(const struct server *server, uint64_t address, int32_t reason);
/* Another connection subscribes from now on, or none: what was underway to the old one is dropped. */
void slot_subscriber_changed(struct server *server, uint64_t now_ns);
uint64_t slot_deadline(const struct server *server);
void slot_tick(struct server *server, uint64_t now_ns);

/* stream.c: sends databases. The link is up. Both may call the radio. */
void stream_request(struct server *server, struct slot *slot, uint64_t now_ns);
/* When pass_ns has come. */
void stream_pass(struct server *server, struct slot *slot, uint64_t now_ns);

/* gatt.c: requests about devices */
request_fn gatt_device, gatt_get_services, gatt_read, gatt_write, gatt_read_descriptor, gatt_write_descriptor,
    gatt_notify, gatt_set_parameters;

/* protobuf-c has no const: it only reads what it packs. */
static inline ProtobufCBinaryData data_of(const uint8_t *data, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)data};
}

static inline ProtobufCBinaryData text_of(const char *text)
{
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)(uintptr_t)text};
}

#endif
