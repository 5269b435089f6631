/* SPDX-License-Identifier: MIT */
/* What is known of devices, from files: byte 0 says how the rest is to be read. 0: as the whole file of services. 1: as
 * what stands behind its header, which is made to fit. 2: as the message in which a proxy streams a database. 3 and 4: as
 * 0 and 1, of bonds. */
#include "fuzz.h"

#include "central/bonds.h"
#include "central/cache.h"
#include "hub/hub.h"

enum { FILE_MAX = 64 * 1024 * 1024 };

static void check_characteristic(const struct bleproxy_services *view, const struct bleproxy_service *service,
                                 const struct bleproxy_characteristic *characteristic)
{
    FUZZ_CHECK(characteristic->service == service && characteristic->handle > 0);
    FUZZ_CHECK(bleproxy_services_at(view, characteristic->handle) == characteristic);
    FUZZ_CHECK(bleproxy_service_find(service, &characteristic->uuid) <= characteristic);
    for (size_t i = 0; i < characteristic->n_descriptors; i++) {
        const struct bleproxy_descriptor *descriptor = &characteristic->descriptors[i];
        const struct bleproxy_characteristic *owner = NULL;
        FUZZ_CHECK(descriptor->handle > (i > 0 ? descriptor[-1].handle : 0));
        FUZZ_CHECK(bleproxy_services_descriptor_at(view, descriptor->handle, &owner) == descriptor);
        FUZZ_CHECK(owner == characteristic);
    }
}

static void check_services(const struct services *services)
{
    const struct bleproxy_services *view = &services->view;
    FUZZ_CHECK(view->n_services > 0 && view->n_services <= SERVICES_ATTRIBUTES_MAX);
    for (size_t i = 0; i < view->n_services; i++) {
        const struct bleproxy_service *service = &view->services[i];
        FUZZ_CHECK(service->handle > (i > 0 ? service[-1].handle : 0));
        for (size_t j = 0; j < service->n_characteristics; j++) {
            const struct bleproxy_characteristic *characteristic = &service->characteristics[j];
            FUZZ_CHECK(j == 0 || characteristic->handle > characteristic[-1].handle);
            check_characteristic(view, service, characteristic);
        }
    }
}

/* What was decoded is encoded, and that decodes to the same. */
static void check_cache(const struct cache *cache)
{
    struct buffer first, second;
    struct cache again;
    FUZZ_CHECK(cache->n_services <= CACHE_DEVICES_MAX && cache->n_mtus <= CACHE_DEVICES_MAX);
    list_for_each(node, &cache->services)
    {
        check_services(list_entry(node, struct cache_entry, link)->services);
    }
    buffer_init(&first, &fuzz_env, FILE_MAX);
    buffer_init(&second, &fuzz_env, FILE_MAX);
    cache_init(&again, &fuzz_env);
    FUZZ_CHECK(cache_encode(cache, &first) == 0);
    FUZZ_CHECK(cache_decode(&again, buffer_data(&first), first.size) == 0);
    FUZZ_CHECK(cache_encode(&again, &second) == 0);
    FUZZ_CHECK(first.size == second.size && memcmp(first.block, second.block, first.size) == 0);
    cache_deinit(&again);
    buffer_deinit(&first);
    buffer_deinit(&second);
}

static void fuzz_file(const uint8_t *bytes, size_t size)
{
    struct cache cache;
    cache_init(&cache, &fuzz_env);
    if (cache_decode(&cache, bytes, size) == 0)
        check_cache(&cache);
    else
        FUZZ_CHECK(list_empty(&cache.services) && list_empty(&cache.mtus));
    cache_deinit(&cache);
}

/* Decoded, encoded, and decoded into who has changes of his own. */
static void check_bonds(struct bonds *bonds)
{
    struct buffer first, second;
    struct bonds again;
    struct bond *own;
    const struct bleproxy_bond *bond;
    size_t n = 0;
    for (size_t position = 0; (bond = bonds_next(bonds, &position)); n++) {
        FUZZ_CHECK(bond->address > 0 && bond->address >> 48 == 0 && bond->source > 0 &&
                   bond->source >> 48 == 0);
        FUZZ_CHECK(bonds_get(bonds, bond->address) == bond &&
                   sanitise_keeps(bond->proxy, strlen(bond->proxy)));
    }
    FUZZ_CHECK(n == bonds->n);
    buffer_init(&first, &fuzz_env, FILE_MAX);
    buffer_init(&second, &fuzz_env, FILE_MAX);
    bonds_init(&again, &fuzz_env, bonds->hub);
    FUZZ_CHECK(bonds_reserve(&again, 1, &own) == 0);
    bonds_put(&again, own, 2, "own");
    FUZZ_CHECK(bonds_encode(bonds, &first) == 0);
    FUZZ_CHECK(bonds_decode(&again, buffer_data(&first), first.size) == 0);
    FUZZ_CHECK(bonds_get(&again, 1)->source == 2 && again.n == n + !bonds_get(bonds, 1));
    bonds_saved(&again);
    FUZZ_CHECK(bonds_decode(&again, buffer_data(&first), first.size) == 0);
    FUZZ_CHECK(bonds_encode(&again, &second) == 0);
    FUZZ_CHECK(first.size == second.size && memcmp(first.block, second.block, first.size) == 0);
    bonds_deinit(&again);
    buffer_deinit(&first);
    buffer_deinit(&second);
}

static void fuzz_bonds(const uint8_t *bytes, size_t size)
{
    struct bonds bonds;
    struct hub *hub;
    FUZZ_CHECK(hub_new(&fuzz_env, NULL, 0, &hub) == 0);
    bonds_init(&bonds, &fuzz_env, hub);
    if (bonds_decode(&bonds, bytes, size) == 0)
        check_bonds(&bonds);
    else
        FUZZ_CHECK(list_empty(&bonds.list));
    bonds_deinit(&bonds);
    hub_free(hub, 0);
}

static void fuzz_content(const char *magic, void (*fuzz)(const uint8_t *bytes, size_t size),
                         const uint8_t *content, size_t size)
{
    uint32_t sum = UINT32_MAX; /* CRC-32 */
    for (size_t i = 0; i < size * 8; i++) {
        sum ^= (uint32_t)content[i / 8] >> i % 8 & 1;
        sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
    }
    uint32_t numbers[] = {1, (uint32_t)size, ~sum};
    uint8_t *file = malloc(20 + size);
    FUZZ_CHECK(file);
    memcpy(file, magic, 8);
    for (size_t i = 0; i < 12; i++)
        file[8 + i] = (uint8_t)(numbers[i / 4] >> i % 4 * 8);
    if (size > 0)
        memcpy(file + 20, content, size);
    fuzz(file, 20 + size);
    free(file);
}

static void fuzz_stream(const uint8_t *message, size_t size)
{
    struct arena arena;
    ProtobufCMessage *unpacked;
    arena_init(&arena, &fuzz_env);
    if (message_unpack(&arena, MESSAGE_GATT_GET_SERVICES_RESPONSE, message, size, &unpacked) == 0) {
        const BluetoothGATTGetServicesResponse *response = (const void *)unpacked;
        struct services_builder builder;
        struct services *services;
        services_builder_init(&builder, &fuzz_env);
        for (size_t i = 0; i < response->n_services; i++)
            services_builder_add(&builder, response->services[i]);
        if (services_builder_finish(&builder, &services) == 0) {
            check_services(services);
            services_unref(services);
        }
    }
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    switch (data[0] % 5) {
    case 0:
        fuzz_file(data + 1, size - 1);
        break;
    case 1:
        fuzz_content("bleproxy", fuzz_file, data + 1, size - 1);
        break;
    case 2:
        fuzz_stream(data + 1, size - 1);
        break;
    case 3:
        fuzz_bonds(data + 1, size - 1);
        break;
    case 4:
        fuzz_content("blebonds", fuzz_bonds, data + 1, size - 1);
        break;
    }
    return 0;
}
