/* SPDX-License-Identifier: MIT */
#include "central/cache.h"

#include "wire/uuid.h"
#include "wire/varint.h"
#include <bleproxy/error.h>
#include <string.h>

/* The file: a header of the magic number, then three little-endian numbers of 32 bits (version, size of the rest,
 * checksum of the rest); then KnownDevice messages, each behind its length as a varint, the one used last at the end. */
enum {
    HEADER_MAGIC = 8,
    HEADER_VERSION_AT = HEADER_MAGIC,
    HEADER_SIZE_AT = HEADER_VERSION_AT + 4,
    HEADER_CHECKSUM_AT = HEADER_SIZE_AT + 4,
    HEADER_SIZE = HEADER_CHECKSUM_AT + 4,
    CODEC_VERSION = 1,
};
static const uint8_t magic[HEADER_MAGIC] = {'b', 'l', 'e', 'p', 'r', 'o', 'x', 'y'};

static void write_32(uint8_t *out, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t read_32(const uint8_t *in)
{
    return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

/* CRC-32 of IEEE 802.3, four bits at a time. */
static uint32_t checksum(const uint8_t *bytes, size_t size)
{
    static const uint32_t remainders[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t sum = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        sum ^= bytes[i];
        sum = sum >> 4 ^ remainders[sum & 15];
        sum = sum >> 4 ^ remainders[sum & 15];
    }
    return ~sum;
}

/* ---- Encoding. The messages are put together in an arena; NULL when that has no room. ---- */

static void *take(struct arena *arena, size_t size)
{
    return arena->allocator.alloc(arena->allocator.allocator_data, size);
}

/* The UUID as a number, or 0 and then as words. */
static bool spell(struct arena *arena, const struct bleproxy_uuid *uuid, uint32_t *ret_number, size_t *ret_n,
                  uint64_t **ret_words)
{
    uint32_t number = 0;
    for (size_t i = 0; uuid->size <= 4 && i < uuid->size; i++)
        number = number << 8 | uuid->bytes[i];
    uint64_t *words = number ? NULL : take(arena, 2 * sizeof(*words));
    if (!number && !words)
        return false;
    if (words)
        uuid_to_words(uuid, words);
    *ret_number = number;
    *ret_n = words ? 2 : 0;
    *ret_words = words;
    return true;
}

static BluetoothGATTDescriptor *known_descriptor(struct arena *arena,
                                                 const struct bleproxy_descriptor *descriptor)
{
    BluetoothGATTDescriptor *known = take(arena, sizeof(*known));
    if (!known)
        return NULL;
    bluetooth_gattdescriptor__init(known);
    known->handle = descriptor->handle;
    return spell(arena, &descriptor->uuid, &known->short_uuid, &known->n_uuid, &known->uuid) ? known : NULL;
}

static BluetoothGATTCharacteristic *known_characteristic(struct arena *arena,
                                                         const struct bleproxy_characteristic *characteristic)
{
    BluetoothGATTCharacteristic *known = take(arena, sizeof(*known));
    if (!known)
        return NULL;
    bluetooth_gattcharacteristic__init(known);
    known->handle = characteristic->handle;
    known->properties = characteristic->properties;
    known->n_descriptors = characteristic->n_descriptors;
    known->descriptors = take(arena, characteristic->n_descriptors * sizeof(known->descriptors[0]));
    if (!known->descriptors)
        return NULL;
    for (size_t i = 0; i < characteristic->n_descriptors; i++) {
        known->descriptors[i] = known_descriptor(arena, &characteristic->descriptors[i]);
        if (!known->descriptors[i])
            return NULL;
    }
    return spell(arena, &characteristic->uuid, &known->short_uuid, &known->n_uuid, &known->uuid) ? known
                                                                                                 : NULL;
}

static BluetoothGATTService *known_service(struct arena *arena, const struct bleproxy_service *service)
{
    BluetoothGATTService *known = take(arena, sizeof(*known));
    if (!known)
        return NULL;
    bluetooth_gattservice__init(known);
    known->handle = service->handle;
    known->n_characteristics = service->n_characteristics;
    known->characteristics = take(arena, service->n_characteristics * sizeof(known->characteristics[0]));
    if (!known->characteristics)
        return NULL;
    for (size_t i = 0; i < service->n_characteristics; i++) {
        known->characteristics[i] = known_characteristic(arena, &service->characteristics[i]);
        if (!known->characteristics[i])
            return NULL;
    }
    return spell(arena, &service->uuid, &known->short_uuid, &known->n_uuid, &known->uuid) ? known : NULL;
}

static bool known_device(struct arena *arena, const struct cache_entry *entry, KnownDevice *ret_device)
{
    KnownDevice device = KNOWN_DEVICE__INIT;
    device.address = entry->address;
    device.mtu = entry->mtu;
    device.n_services = entry->services ? entry->services->view.n_services : 0;
    device.services = take(arena, device.n_services * sizeof(device.services[0]));
    if (!device.services)
        return false;
    for (size_t i = 0; i < device.n_services; i++) {
        device.services[i] = known_service(arena, &entry->services->view.services[i]);
        if (!device.services[i])
            return false;
    }
    *ret_device = device;
    return true;
}

static int encode_entry(const struct cache_entry *entry, struct arena *arena, struct buffer *out)
{
    KnownDevice device;
    arena_reset(arena);
    if (!known_device(arena, entry, &device))
        return arena->no_memory ? BLEPROXY_E_NOMEM : BLEPROXY_E_LIMIT;
    uint8_t length[VARINT_MAX];
    const uint8_t *end = varint_write(length, message_packed_size(&device.base));
    int r = buffer_append(out, length, (size_t)(end - length));
    return r < 0 ? r : message_pack(&device.base, out);
}

static int encode_entries(const struct list *entries, struct arena *arena, struct buffer *out)
{
    int r = 0;
    list_for_each(node, entries)
    {
        r = encode_entry(list_entry(node, struct cache_entry, link), arena, out);
        if (r < 0)
            break;
    }
    return r;
}

int cache_encode(const struct cache *cache, struct buffer *out)
{
    static const uint8_t blank[HEADER_SIZE];
    struct arena arena;
    size_t start = out->size;
    arena_init(&arena, cache->env);
    int r = buffer_append(out, blank, sizeof(blank));
    if (r == 0)
        r = encode_entries(&cache->services, &arena, out);
    if (r == 0)
        r = encode_entries(&cache->mtus, &arena, out);
    arena_deinit(&arena);
    if (r == 0 && out->size - start > UINT32_MAX)
        r = BLEPROXY_E_LIMIT;
    if (r < 0) {
        buffer_unwrite(out, out->size - start);
        return r;
    }
    uint8_t *header = buffer_data(out) + start, *rest = header + HEADER_SIZE;
    size_t size = out->size - start - HEADER_SIZE;
    memcpy(header, magic, HEADER_MAGIC);
    write_32(header + HEADER_VERSION_AT, CODEC_VERSION);
    write_32(header + HEADER_SIZE_AT, (uint32_t)size);
    write_32(header + HEADER_CHECKSUM_AT, checksum(rest, size));
    return 0;
}

/* ---- Decoding ---- */

static int take_services(struct cache *cache, const KnownDevice *device)
{
    struct services_builder builder;
    struct services *services;
    if (cache->n_services == CACHE_DEVICES_MAX)
        return BLEPROXY_E_INVALID;
    services_builder_init(&builder, cache->env);
    for (size_t i = 0; i < device->n_services; i++)
        services_builder_add(&builder, device->services[i]);
    int r = services_builder_finish(&builder, &services);
    if (r < 0)
        return r == BLEPROXY_E_NOMEM ? r : BLEPROXY_E_INVALID;
    r = cache_put_services(cache, device->address, services);
    services_unref(services);
    return r;
}

static int take_device(struct cache *cache, const KnownDevice *device)
{
    bool has_mtu = device->mtu > 0;
    if (device->address >> 48 || device->mtu > UINT16_MAX ||
        (has_mtu ? device->mtu < BLEPROXY_MTU_DEFAULT : device->n_services == 0))
        return BLEPROXY_E_INVALID;
    if (has_mtu) {
        int r = cache->n_mtus == CACHE_DEVICES_MAX
                    ? BLEPROXY_E_INVALID
                    : cache_put_mtu(cache, device->address, (uint16_t)device->mtu);
        if (r < 0)
            return r;
    }
    return device->n_services > 0 ? take_services(cache, device) : 0;
}

static int decode_entries(struct cache *cache, struct arena *arena, const uint8_t *in, const uint8_t *end)
{
    while (in < end) {
        uint64_t size;
        in = varint_read(in, end, VARINT_MAX, &size);
        if (!in || size > (size_t)(end - in))
            return BLEPROXY_E_INVALID;
        arena_reset(arena);
        const ProtobufCMessage *message =
            protobuf_c_message_unpack(&known_device__descriptor, &arena->allocator, (size_t)size, in);
        if (!message)
            return arena->no_memory ? BLEPROXY_E_NOMEM : BLEPROXY_E_INVALID;
        int r = take_device(cache, (const KnownDevice *)message);
        if (r < 0)
            return r;
        in += size;
    }
    return 0;
}

static void move_entries(struct list *from, size_t *n_from, struct list *to, size_t *n_to)
{
    list_for_each(node, from)
    {
        list_unlink(node);
        list_append(to, node);
    }
    *n_to += *n_from;
    *n_from = 0;
}

int cache_decode(struct cache *cache, const uint8_t *bytes, size_t size)
{
    if (size < HEADER_SIZE || memcmp(bytes, magic, HEADER_MAGIC) != 0 ||
        read_32(bytes + HEADER_VERSION_AT) != CODEC_VERSION ||
        read_32(bytes + HEADER_SIZE_AT) != size - HEADER_SIZE ||
        read_32(bytes + HEADER_CHECKSUM_AT) != checksum(bytes + HEADER_SIZE, size - HEADER_SIZE))
        return BLEPROXY_E_INVALID;
    struct arena arena;
    struct cache decoded;
    cache_init(&decoded, cache->env);
    arena_init(&arena, cache->env);
    int r = decode_entries(&decoded, &arena, bytes + HEADER_SIZE, bytes + size);
    arena_deinit(&arena);
    if (r == 0) {
        move_entries(&decoded.services, &decoded.n_services, &cache->services, &cache->n_services);
        move_entries(&decoded.mtus, &decoded.n_mtus, &cache->mtus, &cache->n_mtus);
    }
    cache_deinit(&decoded);
    return r;
}
