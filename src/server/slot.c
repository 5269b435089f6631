/* SPDX-License-Identifier: MIT */
#include "server/device.h"

#include <inttypes.h>

/* Slots belong to the device: they outlive a change of the subscriber, but not its absence. */

enum {
    REASON_NONE = 0,           /* ESPHome: no slot is free, or there is nothing to disconnect */
    REASON_NOT_OPENED = -1,    /* ESPHome's own: the radio had not come to it */
    REASON_TIMEOUT = 0x08,     /* of Bluetooth's connection reasons */
    REASON_OPEN_FAILED = 0x85, /* Bluedroid's for a device that does not answer */
};

enum {
    MTU_DEFAULT = 23, /* of every link before the sides agree on more */
    ADDRESS_TYPE_LAST = 3,
};

/* ESPHome frees a slot whose closing was not confirmed by then. */
#define SLOT_CLOSE_NS (10 * NS_PER_S)

struct server_connection *slot_listener(const struct server *server, uint32_t type, uint64_t address)
{
    const struct server_link_ops *links = server->radio->links;
    if (!server->scan.subscriber ||
        (links && links->loses && links->loses(server->radio_user, type, address)))
        return NULL;
    return server->scan.subscriber;
}

void slot_tell(const struct server *server, uint32_t type, uint64_t address, const ProtobufCMessage *message)
{
    struct server_connection *listener = slot_listener(server, type, address);
    if (listener)
        connection_send(listener, type, message);
}

/* ---- What is said about slots ---- */

static void slot_say_connection(const struct server *server, uint64_t address, bool connected, uint16_t mtu,
                                int32_t reason)
{
    BluetoothDeviceConnectionResponse response = BLUETOOTH_DEVICE_CONNECTION_RESPONSE__INIT;
    response.address = address;
    response.connected = connected;
    response.mtu = mtu;
    response.error = reason;
    slot_tell(server, MESSAGE_DEVICE_CONNECTION_RESPONSE, address, &response.base);
}

void slot_say_disconnected(const struct server *server, uint64_t address, int32_t reason)
{
    slot_say_connection(server, address, false, 0, reason);
}

static void slot_send_free(struct server *server, struct server_connection *to)
{
    /* Firmware writes one tag for each element. */
    BluetoothConnectionsFreeResponseUnpacked response = BLUETOOTH_CONNECTIONS_FREE_RESPONSE_UNPACKED__INIT;
    uint64_t allocated[SERVER_SLOTS_MAX];
    size_t n_used = 0;
    for (uint32_t i = 0; i < server->n_slots; i++)
        if (server->slots[i].state != SLOT_FREE)
            allocated[n_used++] = server->slots[i].address;
    response.limit = server->n_slots;
    response.free = server->n_slots - (uint32_t)n_used;
    if (server->profile->allocated_list) {
        response.n_allocated = n_used;
        response.allocated = allocated;
    }
    connection_send(to, MESSAGE_CONNECTIONS_FREE_RESPONSE, &response.base);
}

static void slot_say_free(struct server *server)
{
    struct server_connection *listener = slot_listener(server, MESSAGE_CONNECTIONS_FREE_RESPONSE, 0);
    if (listener)
        slot_send_free(server, listener);
}

/* The one answer that goes to who asked. */
void slot_subscribe(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    (void)message;
    (void)now_ns;
    slot_send_free(connection->server, connection);
}

/* ---- The life of a slot ---- */

struct slot *slot_find(struct server *server, uint64_t address)
{
    for (uint32_t i = 0; i < server->n_slots; i++)
        if (server->slots[i].state != SLOT_FREE && server->slots[i].address == address)
            return &server->slots[i];
    return NULL;
}

struct slot *slot_find_up(struct server *server, uint64_t address)
{
    struct slot *slot = slot_find(server, address);
    return slot && slot->state == SLOT_UP ? slot : NULL;
}

/* The first slot in that state, or NULL. */
static struct slot *slot_first(struct server *server, enum slot_state state)
{
    for (uint32_t i = 0; i < server->n_slots; i++)
        if (server->slots[i].state == state)
            return &server->slots[i];
    return NULL;
}

/* Lets the radio open the next link unless it is at one already. The radio may answer at once, which ends up
 * here again: that call leaves the work to this loop. */
static void slot_open_next(struct server *server, uint64_t now_ns)
{
    const struct server_link_ops *links = server->radio->links;
    struct slot *slot;
    if (server->opening)
        return;
    server->opening = true;
    while (!server->doomed && !slot_first(server, SLOT_OPENING) &&
           (slot = slot_first(server, SLOT_QUEUED)) != NULL) {
        slot->state = SLOT_OPENING;
        env_log(server->identity.env, BLEPROXY_LOG_DEBUG, "server", server->name, "connecting to %012" PRIx64,
                slot->address);
        if (links)
            links->open(server->radio_user, slot->address, slot->address_type, slot->cached, now_ns);
        else
            server_link_closed(server, slot->address, REASON_OPEN_FAILED, now_ns);
    }
    server->opening = false;
}

static void slot_release(struct server *server, struct slot *slot, int32_t reason, uint64_t now_ns)
{
    env_log(server->identity.env, BLEPROXY_LOG_DEBUG, "server", server->name,
            "link to %012" PRIx64 " closed, reason %" PRId32, slot->address, reason);
    slot_say_disconnected(server, slot->address, reason);
    *slot = (struct slot){.state = SLOT_FREE};
    slot_say_free(server);
    slot_open_next(server, now_ns);
}

/* Links that nobody subscribes to live until the next housekeeping. */
static void slot_plan_sweep(struct server *server, uint64_t now_ns)
{
    bool used = false;
    for (uint32_t i = 0; i < server->n_slots; i++)
        used |= server->slots[i].state != SLOT_FREE;
    bool unattended = used && !server->scan.subscriber;
    server->sweep_ns = unattended ? scan_next_tick(&server->scan, now_ns) : BP_NEVER;
}

/* A slot for the device that the request names, or NULL. */
static struct slot *slot_take(struct server *server, const BluetoothDeviceRequest *request)
{
    const struct server_link_ops *links = server->radio->links;
    struct slot *slot = slot_first(server, SLOT_FREE);
    bool valid = request->has_address_type && request->address_type <= ADDRESS_TYPE_LAST &&
                 request->address != 0 && request->address >> 48 == 0;
    if (!slot || !valid || (links && links->refuses && links->refuses(server->radio_user, request->address)))
        return NULL;
    return slot;
}

void slot_connect(struct server *server, const BluetoothDeviceRequest *request, bool cached, uint64_t now_ns)
{
    uint64_t address = request->address;
    struct slot *slot = slot_find(server, address);
    if (slot) {
        if (slot->state != SLOT_UP)
            return;
        slot_say_connection(server, address, true, server->profile->repeats_mtu ? slot->mtu : 0, REASON_NONE);
        slot_say_free(server);
        return;
    }
    slot = slot_take(server, request);
    if (!slot) {
        slot_say_disconnected(server, address, REASON_NONE);
        return;
    }
    *slot = (struct slot){.state = SLOT_QUEUED,
                          .address = address,
                          .address_type = (uint8_t)request->address_type,
                          .cached = cached};
    slot_say_free(server);
    slot_plan_sweep(server, now_ns);
    slot_open_next(server, now_ns);
}

void slot_disconnect(struct server *server, uint64_t address, uint64_t now_ns)
{
    struct slot *slot = slot_find(server, address);
    if (!slot) {
        slot_say_disconnected(server, address, REASON_NONE);
        slot_say_free(server);
        return;
    }
    slot_close(server, slot, now_ns);
}

void slot_close(struct server *server, struct slot *slot, uint64_t now_ns)
{
    switch (slot->state) {
    case SLOT_QUEUED:
        slot_release(server, slot, REASON_NOT_OPENED, now_ns);
        break;
    case SLOT_OPENING:
    case SLOT_UP:
        slot->state = SLOT_CLOSING;
        slot->give_up_ns = time_after(now_ns, SLOT_CLOSE_NS);
        slot->stream = (struct stream){.state = STREAM_IDLE};
        server->radio->links->close(server->radio_user, slot->address, now_ns);
        slot_open_next(server, now_ns);
        break;
    case SLOT_CLOSING:
    case SLOT_FREE:
        break;
    }
}

/* ---- What the radio says ---- */

void server_link_opened(struct server *server, uint64_t address, uint16_t mtu, uint64_t now_ns)
{
    struct slot *slot = slot_find(server, address);
    if (!slot || slot->state != SLOT_OPENING)
        return;
    server_enter(server);
    slot->state = SLOT_UP;
    slot->mtu = mtu;
    env_log(server->identity.env, BLEPROXY_LOG_DEBUG, "server", server->name,
            "link to %012" PRIx64 " is up, MTU %u", address, mtu);
    /* With a cache firmware does not wait for the MTU, and never tells it. */
    slot_say_connection(server, address, true, slot->cached ? MTU_DEFAULT : mtu, REASON_NONE);
    slot_say_free(server);
    slot_open_next(server, now_ns);
    server_leave(server);
}

void server_link_closed(struct server *server, uint64_t address, int32_t reason, uint64_t now_ns)
{
    struct slot *slot = slot_find(server, address);
    if (!slot || slot->state == SLOT_QUEUED)
        return;
    server_enter(server);
    slot_release(server, slot, reason, now_ns);
    server_leave(server);
}

/* ---- Time ---- */

void slot_subscriber_changed(struct server *server, uint64_t now_ns)
{
    for (uint32_t i = 0; i < server->n_slots; i++)
        server->slots[i].stream = (struct stream){.state = STREAM_IDLE};
    slot_plan_sweep(server, now_ns);
}

uint64_t slot_deadline(const struct server *server)
{
    uint64_t deadline_ns = server->sweep_ns;
    for (uint32_t i = 0; i < server->n_slots; i++) {
        const struct slot *slot = &server->slots[i];
        if (slot->state == SLOT_CLOSING)
            deadline_ns = time_min(deadline_ns, slot->give_up_ns);
        if (slot->stream.state == STREAM_RUNNING)
            deadline_ns = time_min(deadline_ns, slot->stream.pass_ns);
    }
    return deadline_ns;
}

void slot_tick(struct server *server, uint64_t now_ns)
{
    bool sweep = now_ns >= server->sweep_ns;
    if (sweep)
        server->sweep_ns = BP_NEVER;
    for (uint32_t i = 0; i < server->n_slots && !server->doomed; i++) {
        struct slot *slot = &server->slots[i];
        if (sweep)
            slot_close(server, slot, now_ns);
        if (slot->state == SLOT_CLOSING && now_ns >= slot->give_up_ns)
            slot_release(server, slot, REASON_TIMEOUT, now_ns);
        else if (slot->stream.state == STREAM_RUNNING && now_ns >= slot->stream.pass_ns)
            stream_pass(server, slot, now_ns);
    }
}
