/* SPDX-License-Identifier: MIT */
#include "central/services.h"

#include "wire/uuid.h"
#include <bleproxy/error.h>
#include <stdlib.h>

/* A service, a characteristic or a descriptor. Sorted by place, a service stands before its characteristics and these
 * before their descriptors, each in the order of the handles: 0 is no handle. */
struct builder_attribute {
    uint64_t
        place; /* handle of the service << 32 | of the characteristic or 0 << 16 | of the descriptor or 0 */
    struct bleproxy_uuid uuid;
    uint32_t properties;
};

enum {
    BUILDER_HANDLES = UINT16_MAX + 1,
    BUILDER_FIRST_ATTRIBUTES = 64,
};

static uint16_t service_handle(const struct builder_attribute *attribute)
{
    return (uint16_t)(attribute->place >> 32);
}

static uint16_t characteristic_handle(const struct builder_attribute *attribute)
{
    return (uint16_t)(attribute->place >> 16);
}

static uint16_t descriptor_handle(const struct builder_attribute *attribute)
{
    return (uint16_t)attribute->place;
}

void services_builder_init(struct services_builder *builder, const struct env *env)
{
    *builder = (struct services_builder){.env = env};
}

void services_builder_deinit(struct services_builder *builder)
{
    env_free(builder->env, builder->attributes);
    env_free(builder->env, builder->handles);
    services_builder_init(builder, builder->env);
}

static int builder_reserve(struct services_builder *builder)
{
    if (builder->n_attributes == SERVICES_ATTRIBUTES_MAX)
        return BLEPROXY_E_LIMIT;
    if (!builder->handles)
        builder->handles = env_alloc(builder->env, BUILDER_HANDLES / 8);
    if (!builder->handles)
        return BLEPROXY_E_NOMEM;
    if (builder->n_attributes < builder->capacity)
        return 0;
    size_t capacity = builder->capacity ? builder->capacity * 2 : BUILDER_FIRST_ATTRIBUTES;
    struct builder_attribute *grown =
        env_resize(builder->env, builder->attributes, capacity * sizeof(*grown));
    if (!grown)
        return BLEPROXY_E_NOMEM;
    builder->attributes = grown;
    builder->capacity = capacity;
    return 0;
}

/* place is the one of the parent with the handle added. Whether the attribute was taken; if not, so are those in it. */
static bool builder_put(struct services_builder *builder, uint32_t handle, struct builder_attribute attribute)
{
    if (builder->error || handle == 0 || handle > UINT16_MAX)
        return false;
    if (builder->handles && builder->handles[handle / 8] >> handle % 8 & 1)
        return false;
    builder->error = builder_reserve(builder);
    if (builder->error)
        return false;
    builder->handles[handle / 8] |= (uint8_t)(1u << handle % 8);
    builder->attributes[builder->n_attributes++] = attribute;
    return true;
}

static struct bleproxy_uuid read_uuid(uint32_t short_uuid, const uint64_t *words, size_t n_words)
{
    if (short_uuid)
        return uuid_from_number(short_uuid);
    uint64_t both[2] = {n_words > 0 ? words[0] : 0, n_words > 1 ? words[1] : 0};
    return uuid_from_words(both);
}

static void add_characteristic(struct services_builder *builder, uint64_t service_place,
                               const BluetoothGATTCharacteristic *characteristic)
{
    uint64_t place = service_place | (uint64_t)characteristic->handle << 16;
    struct bleproxy_uuid uuid =
        read_uuid(characteristic->short_uuid, characteristic->uuid, characteristic->n_uuid);
    if (!builder_put(builder, characteristic->handle,
                     (struct builder_attribute){place, uuid, characteristic->properties}))
        return;
    for (size_t i = 0; i < characteristic->n_descriptors; i++) {
        const BluetoothGATTDescriptor *descriptor = characteristic->descriptors[i];
        uuid = read_uuid(descriptor->short_uuid, descriptor->uuid, descriptor->n_uuid);
        builder_put(builder, descriptor->handle,
                    (struct builder_attribute){place | descriptor->handle, uuid, 0});
    }
}

void services_builder_add(struct services_builder *builder, const BluetoothGATTService *service)
{
    uint64_t place = (uint64_t)service->handle << 32;
    struct bleproxy_uuid uuid = read_uuid(service->short_uuid, service->uuid, service->n_uuid);
    if (!builder_put(builder, service->handle, (struct builder_attribute){place, uuid, 0}))
        return;
    for (size_t i = 0; i < service->n_characteristics; i++)
        add_characteristic(builder, place, service->characteristics[i]);
}

static int compare_places(const void *a, const void *b)
{
    uint64_t first = ((const struct builder_attribute *)a)->place;
    uint64_t second = ((const struct builder_attribute *)b)->place;
    return (first > second) - (first < second);
}

/* The block: the services, all characteristics, all descriptors. */
static struct services *build(const struct services_builder *builder)
{
    size_t n_services = 0, n_characteristics = 0, n_descriptors = 0;
    for (size_t i = 0; i < builder->n_attributes; i++) {
        const struct builder_attribute *attribute = &builder->attributes[i];
        if (descriptor_handle(attribute))
            n_descriptors++;
        else if (characteristic_handle(attribute))
            n_characteristics++;
        else
            n_services++;
    }
    struct {
        struct services services;
        struct bleproxy_service list[];
    } *block = env_alloc(builder->env, sizeof(*block) + n_services * sizeof(struct bleproxy_service) +
                                           n_characteristics * sizeof(struct bleproxy_characteristic) +
                                           n_descriptors * sizeof(struct bleproxy_descriptor));
    if (!block)
        return NULL;
    struct bleproxy_service *service = block->list;
    struct bleproxy_characteristic *characteristic = (void *)(service + n_services);
    struct bleproxy_descriptor *descriptor = (void *)(characteristic + n_characteristics);
    block->services = (struct services){
        .view = {.services = service, .n_services = n_services}, .references = 1, .env = builder->env};

    for (size_t i = 0; i < builder->n_attributes; i++) {
        const struct builder_attribute *attribute = &builder->attributes[i];
        if (descriptor_handle(attribute)) {
            *descriptor++ = (struct bleproxy_descriptor){attribute->uuid, descriptor_handle(attribute)};
            characteristic[-1].n_descriptors++;
        } else if (characteristic_handle(attribute)) {
            *characteristic++ = (struct bleproxy_characteristic){.uuid = attribute->uuid,
                                                                 .handle = characteristic_handle(attribute),
                                                                 .properties = attribute->properties,
                                                                 .service = service - 1,
                                                                 .descriptors = descriptor};
            service[-1].n_characteristics++;
        } else {
            *service++ = (struct bleproxy_service){.uuid = attribute->uuid,
                                                   .handle = service_handle(attribute),
                                                   .characteristics = characteristic};
        }
    }
    return &block->services;
}

int services_builder_finish(struct services_builder *builder, struct services **ret_services)
{
    int r = builder->error;
    if (r == 0 && builder->n_attributes == 0)
        r = BLEPROXY_E_NO_SERVICES;
    if (r == 0) {
        qsort(builder->attributes, builder->n_attributes, sizeof(builder->attributes[0]), compare_places);
        struct services *services = build(builder);
        if (services)
            *ret_services = services;
        else
            r = BLEPROXY_E_NOMEM;
    }
    services_builder_deinit(builder);
    return r;
}
