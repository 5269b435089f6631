/* SPDX-License-Identifier: MIT */
#include "sim/gatt_database.h"

#include <bleproxy/error.h>
#include <string.h>

struct block {
    struct gatt_database database;
    struct server_service *service;
    struct server_characteristic *characteristic;
    struct server_descriptor *descriptor;
    const struct gatt_attribute **by_handle;
};

/* Room for the whole tree behind its head: every part of it is aligned like a pointer. */
static struct block *block_new(const struct env *env, const size_t count[3], uint16_t n_handles)
{
    size_t services = count[GATT_SERVICE] * sizeof(struct server_service);
    size_t characteristics = count[GATT_CHARACTERISTIC] * sizeof(struct server_characteristic);
    size_t by_handle = n_handles * sizeof(const struct gatt_attribute *);
    size_t descriptors = count[GATT_DESCRIPTOR] * sizeof(struct server_descriptor);
    struct block *block =
        env_alloc(env, sizeof(*block) + services + characteristics + by_handle + descriptors);
    if (!block)
        return NULL;
    char *at = (char *)(block + 1);
    block->service = (void *)at;
    block->characteristic = (void *)(at + services);
    block->by_handle = (void *)(at + services + characteristics);
    block->descriptor = (void *)(at + services + characteristics + by_handle);
    block->database = (struct gatt_database){.services = block->service,
                                             .n_services = count[GATT_SERVICE],
                                             .by_handle = block->by_handle,
                                             .n_handles = n_handles};
    return block;
}

int gatt_database_new(const struct env *env, const struct gatt_attribute *attributes, size_t n,
                      const struct gatt_database **ret_database)
{
    size_t count[3] = {0};
    for (size_t i = 0; i < n; i++)
        count[attributes[i].type]++;
    uint16_t n_handles = (uint16_t)(1 + n + count[GATT_CHARACTERISTIC]), handle = 1;
    struct block *block = block_new(env, count, n_handles);
    if (!block)
        return BLEPROXY_E_NOMEM;
    struct server_service *service = NULL, *next_service = block->service;
    struct server_characteristic *characteristic = NULL, *next_characteristic = block->characteristic;
    struct server_descriptor *next_descriptor = block->descriptor;
    block->by_handle[0] = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct gatt_attribute *attribute = &attributes[i];
        struct bleproxy_uuid uuid = {0};
        bleproxy_uuid_parse(attribute->uuid, &uuid);
        switch (attribute->type) {
        case GATT_SERVICE:
            block->by_handle[handle] = NULL;
            service = next_service++;
            *service = (struct server_service){
                .uuid = uuid, .handle = handle++, .characteristics = next_characteristic};
            break;
        case GATT_CHARACTERISTIC:
            block->by_handle[handle++] = NULL;
            block->by_handle[handle] = attribute;
            service->n_characteristics++;
            characteristic = next_characteristic++;
            *characteristic = (struct server_characteristic){.uuid = uuid,
                                                             .handle = handle++,
                                                             .properties = attribute->properties,
                                                             .descriptors = next_descriptor};
            break;
        case GATT_DESCRIPTOR:
            block->by_handle[handle] = attribute;
            characteristic->n_descriptors++;
            *next_descriptor++ = (struct server_descriptor){.uuid = uuid, .handle = handle++};
            break;
        }
    }
    *ret_database = &block->database;
    return 0;
}

void gatt_database_free(const struct env *env, const struct gatt_database *database)
{
    /* It was not const when it was made, and comes first in its block. */
    env_free(env, (void *)(uintptr_t)database);
}

const struct gatt_attribute *gatt_database_at(const struct gatt_database *database, uint16_t handle)
{
    return handle < database->n_handles ? database->by_handle[handle] : NULL;
}

uint16_t gatt_database_role(const struct gatt_database *database, enum gatt_role role)
{
    for (uint16_t handle = 1; handle < database->n_handles; handle++)
        if (database->by_handle[handle] && database->by_handle[handle]->role == role)
            return handle;
    return 0;
}

uint16_t gatt_database_cccd(const struct gatt_database *database, uint16_t handle)
{
    const struct gatt_attribute *attribute;
    while ((attribute = gatt_database_at(database, ++handle)) != NULL && attribute->type == GATT_DESCRIPTOR)
        if (gatt_attribute_is_cccd(attribute))
            return handle;
    return 0;
}

bool gatt_attribute_is_cccd(const struct gatt_attribute *attribute)
{
    return strcmp(attribute->uuid, GATT_UUID_CCCD) == 0;
}
