/* SPDX-License-Identifier: MIT */
#include "central/cache.h"

#include "central/codec.h"
#include "wire/uuid.h"
#include <bleproxy/error.h>

/* The file holds KnownDevice messages, of each kind the one used last at the end. */
static const struct codec codec = {.magic = "bleproxy", .version = 1};

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

static int encode_entries(const struct list *entries, struct arena *arena, struct buffer *out)
{
    int r = 0;
    list_for_each(node, entries)
    {
        KnownDevice device;
        arena_reset(arena);
        if (known_device(arena, list_entry(node, struct cache_entry, link), &device))
            r = codec_add(out, &device.base);
        else
            r = arena->no_memory ? BLEPROXY_E_NOMEM : BLEPROXY_E_LIMIT;
        if (r < 0)
            break;
    }
    return r;
}

int cache_encode(const struct cache *cache, struct buffer *out)
{
    struct arena arena;
    size_t begin = out->size;
    arena_init(&arena, cache->env);
    int r = codec_begin(out);
    if (r == 0)
        r = encode_entries(&cache->services, &arena, out);
    if (r == 0)
        r = encode_entries(&cache->mtus, &arena, out);
    arena_deinit(&arena);
    return codec_end(&codec, out, begin, r);
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
    struct codec_reader reader;
    struct cache decoded;
    const ProtobufCMessage *message;
    int r = codec_open(&codec, bytes, size, cache->env, &reader);
    if (r < 0)
        return r;
    cache_init(&decoded, cache->env);
    while ((r = codec_next(&reader, &known_device__descriptor, &message)) == CODEC_NEXT)
        if ((r = take_device(&decoded, (const KnownDevice *)message)) < 0)
            break;
    codec_close(&reader);
    if (r == 0) {
        move_entries(&decoded.services, &decoded.n_services, &cache->services, &cache->n_services);
        move_entries(&decoded.mtus, &decoded.n_mtus, &cache->mtus, &cache->n_mtus);
    }
    cache_deinit(&decoded);
    return r;
}
