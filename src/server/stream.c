/* SPDX-License-Identifier: MIT */
#include "server/device.h"

#include "wire/varint.h"
#include <bleproxy/error.h>

/* Firmware sends one message in each pass of its main loop, every 16 ms. */
#define STREAM_PASS_NS (16 * NS_PER_MS)

enum {
    STREAM_PACKED_MAX = 1360, /* bytes of a message with several services, as firmware */
    STREAM_SHORT_MINOR = 12,  /* clients of API 1.12 understand short UUIDs */
    TAG_SERVICES = 2 << 3 | 2,
};

/* Of a message that is gone with arena_reset(); NULL when there is no room. */
static void *stream_alloc(struct arena *arena, size_t n, size_t size)
{
    return arena->allocator.alloc(arena->allocator.allocator_data, n * size > 0 ? n * size : 1);
}

static uint64_t stream_word(const uint8_t *bytes, size_t size)
{
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++)
        word = word << 8 | bytes[i];
    return word;
}

/* Fills in one of the two forms of a UUID; words has room for both words of the long one. */
static void stream_uuid(const struct bleproxy_uuid *uuid, bool may_short, uint64_t *words,
                        uint64_t **ret_words, size_t *ret_n, uint32_t *ret_short)
{
    if (uuid->size == 16) {
        words[0] = stream_word(uuid->bytes, 8);
        words[1] = stream_word(uuid->bytes + 8, 8);
    } else if (may_short) {
        *ret_short = (uint32_t)stream_word(uuid->bytes, uuid->size);
        return;
    } else { /* on the base 00000000-0000-1000-8000-00805f9b34fb */
        words[0] = stream_word(uuid->bytes, uuid->size) << 32 | 0x1000;
        words[1] = UINT64_C(0x800000805f9b34fb);
    }
    *ret_words = words;
    *ret_n = 2;
}

static bool stream_descriptors(struct arena *arena, const struct server_characteristic *from, bool may_short,
                               BluetoothGATTCharacteristicUnpacked *to)
{
    size_t n = from->n_descriptors;
    BluetoothGATTDescriptorUnpacked *descriptors = stream_alloc(arena, n, sizeof(*descriptors));
    uint64_t *words = stream_alloc(arena, n, 2 * sizeof(*words));
    to->descriptors = stream_alloc(arena, n, sizeof(*to->descriptors));
    if (!descriptors || !words || !to->descriptors)
        return false;
    for (size_t i = 0; i < n; i++) {
        BluetoothGATTDescriptorUnpacked *descriptor = to->descriptors[to->n_descriptors++] = &descriptors[i];
        bluetooth_gattdescriptor_unpacked__init(descriptor);
        descriptor->handle = from->descriptors[i].handle;
        stream_uuid(&from->descriptors[i].uuid, may_short, words + 2 * i, &descriptor->uuid,
                    &descriptor->n_uuid, &descriptor->short_uuid);
    }
    return true;
}

static bool stream_characteristics(struct arena *arena, const struct server_service *from, bool may_short,
                                   BluetoothGATTServiceUnpacked *to)
{
    size_t n = from->n_characteristics;
    BluetoothGATTCharacteristicUnpacked *characteristics = stream_alloc(arena, n, sizeof(*characteristics));
    uint64_t *words = stream_alloc(arena, n, 2 * sizeof(*words));
    to->characteristics = stream_alloc(arena, n, sizeof(*to->characteristics));
    if (!characteristics || !words || !to->characteristics)
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct server_characteristic *source = &from->characteristics[i];
        BluetoothGATTCharacteristicUnpacked *characteristic = to->characteristics[to->n_characteristics++] =
            &characteristics[i];
        bluetooth_gattcharacteristic_unpacked__init(characteristic);
        characteristic->handle = source->handle;
        characteristic->properties = source->properties;
        stream_uuid(&source->uuid, may_short, words + 2 * i, &characteristic->uuid, &characteristic->n_uuid,
                    &characteristic->short_uuid);
        if (!stream_descriptors(arena, source, may_short, characteristic))
            return false;
    }
    return true;
}

/* Appends one service to a message. 0, BLEPROXY_E_NOMEM or BLEPROXY_E_LIMIT. */
static int stream_append(struct arena *arena, const struct server_service *service, bool may_short,
                         struct buffer *out)
{
    BluetoothGATTServiceUnpacked message = BLUETOOTH_GATTSERVICE_UNPACKED__INIT;
    uint64_t words[2];
    message.handle = service->handle;
    stream_uuid(&service->uuid, may_short, words, &message.uuid, &message.n_uuid, &message.short_uuid);
    if (!stream_characteristics(arena, service, may_short, &message))
        return BLEPROXY_E_NOMEM;
    uint8_t header[1 + VARINT_MAX] = {TAG_SERVICES};
    uint8_t *end = varint_write(header + 1, message_packed_size(&message.base));
    int r = buffer_append(out, header, (size_t)(end - header));
    return r < 0 ? r : message_pack(&message.base, out);
}

/* Writes a message with the next services into out and counts them as sent: as many as fit, but at least one;
 * just one where firmware does not pack them. */
static int stream_fill(struct server *server, struct slot *slot, bool may_short, struct buffer *out)
{
    BluetoothGATTGetServicesResponseUnpacked response = BLUETOOTH_GATTGET_SERVICES_RESPONSE_UNPACKED__INIT;
    struct stream *stream = &slot->stream;
    response.address = slot->address;
    int r = message_pack(&response.base, out);
    size_t first = stream->next, max = server->profile->packed_services ? STREAM_PACKED_MAX : 0;
    while (r == 0 && stream->next < stream->n_services && (stream->next == first || out->size < max)) {
        size_t size = out->size;
        r = stream_append(&server->arena, &stream->services[stream->next], may_short, out);
        if (r == 0 && stream->next > first && out->size > max) {
            buffer_unwrite(out, out->size - size);
            break;
        }
        stream->next++;
        arena_reset(&server->arena);
    }
    return r;
}

static void stream_say_done(const struct server *server, uint64_t address)
{
    BluetoothGATTGetServicesDoneResponse response = BLUETOOTH_GATTGET_SERVICES_DONE_RESPONSE__INIT;
    response.address = address;
    slot_tell(server, MESSAGE_GATT_GET_SERVICES_DONE_RESPONSE, address, &response.base);
}

void stream_pass(struct server *server, struct slot *slot, uint64_t now_ns)
{
    struct stream *stream = &slot->stream;
    struct buffer *out = &server->scratch;
    uint64_t address = slot->address;
    stream->pass_ns = now_ns + STREAM_PASS_NS;
    if (server_backlog(server) > SERVER_OUT_MAX)
        return;
    bool may_short = server->scan.subscriber->client_minor >= STREAM_SHORT_MINOR;
    int r = stream_fill(server, slot, may_short, out);
    arena_reset(&server->arena);
    struct server_connection *listener =
        r == 0 ? slot_listener(server, MESSAGE_GATT_GET_SERVICES_RESPONSE, address) : NULL;
    if (listener)
        connection_send_payload(listener, MESSAGE_GATT_GET_SERVICES_RESPONSE, buffer_data(out), out->size);
    buffer_consume(out, out->size);
    if (r < 0) {
        /* An end without all of them would be taken for the whole database. */
        slot_close(server, slot, now_ns);
    } else if (stream->next == stream->n_services) {
        stream->state = STREAM_DONE;
        stream_say_done(server, address);
    }
}

/* Nobody to send to: it is as if nobody had asked. */
static void stream_start(struct server *server, struct slot *slot, uint64_t now_ns)
{
    size_t n = 0;
    const struct server_service *services =
        server->radio->links->services(server->radio_user, slot->address, &n);
    if (n == 0) {
        stream_say_done(server, slot->address);
    } else if (server->scan.subscriber) {
        slot->stream = (struct stream){.state = STREAM_RUNNING, .services = services, .n_services = n};
        stream_pass(server, slot, now_ns);
    }
}

void stream_request(struct server *server, struct slot *slot, uint64_t now_ns)
{
    switch (slot->stream.state) {
    case STREAM_IDLE:
        stream_start(server, slot, now_ns);
        break;
    case STREAM_RUNNING:
        if (server->profile->restarts_services)
            slot->stream.next = 0;
        break;
    case STREAM_DONE:
        if (!server->profile->restarts_services)
            stream_say_done(server, slot->address);
        break;
    }
}
