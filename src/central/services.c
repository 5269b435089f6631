/* SPDX-License-Identifier: MIT */
#include "central/services.h"

#include <bleproxy/error.h>

struct services *services_ref(struct services *services)
{
    services->references++;
    return services;
}

void services_unref(struct services *services)
{
    if (services && --services->references == 0)
        env_free(services->env, services);
}

/* Client Characteristic Configuration (Core Specification, Vol 3 Part G 3.3.3.3) */
static const struct bleproxy_uuid configuration = {2, {0x29, 0x02}};

const struct bleproxy_descriptor *services_configuration(const struct bleproxy_characteristic *characteristic)
{
    return bleproxy_characteristic_find(characteristic, &configuration);
}

bool services_is_configuration(const struct bleproxy_descriptor *descriptor)
{
    return bleproxy_uuid_equal(&descriptor->uuid, &configuration);
}

int bleproxy_services_find(const struct bleproxy_services *services, const struct bleproxy_uuid *uuid,
                           const struct bleproxy_characteristic **ret_characteristic)
{
    const struct bleproxy_characteristic *found = NULL;
    for (size_t i = 0; i < services->n_services; i++) {
        const struct bleproxy_service *service = &services->services[i];
        for (size_t j = 0; j < service->n_characteristics; j++) {
            if (!bleproxy_uuid_equal(&service->characteristics[j].uuid, uuid))
                continue;
            if (found)
                return BLEPROXY_E_AMBIGUOUS;
            found = &service->characteristics[j];
        }
    }
    if (!found)
        return BLEPROXY_E_NO_ATTRIBUTE;
    *ret_characteristic = found;
    return 0;
}

int bleproxy_services_find_service(const struct bleproxy_services *services, const struct bleproxy_uuid *uuid,
                                   const struct bleproxy_service **ret_service)
{
    const struct bleproxy_service *found = NULL;
    for (size_t i = 0; i < services->n_services; i++) {
        if (!bleproxy_uuid_equal(&services->services[i].uuid, uuid))
            continue;
        if (found)
            return BLEPROXY_E_AMBIGUOUS;
        found = &services->services[i];
    }
    if (!found)
        return BLEPROXY_E_NO_ATTRIBUTE;
    *ret_service = found;
    return 0;
}

const struct bleproxy_characteristic *bleproxy_services_at(const struct bleproxy_services *services,
                                                           uint16_t handle)
{
    for (size_t i = 0; i < services->n_services; i++) {
        const struct bleproxy_service *service = &services->services[i];
        for (size_t j = 0; j < service->n_characteristics; j++)
            if (service->characteristics[j].handle == handle)
                return &service->characteristics[j];
    }
    return NULL;
}

const struct bleproxy_descriptor *bleproxy_services_descriptor_at(
    const struct bleproxy_services *services, uint16_t handle,
    const struct bleproxy_characteristic **ret_characteristic)
{
    for (size_t i = 0; i < services->n_services; i++) {
        const struct bleproxy_service *service = &services->services[i];
        for (size_t j = 0; j < service->n_characteristics; j++) {
            const struct bleproxy_characteristic *characteristic = &service->characteristics[j];
            for (size_t k = 0; k < characteristic->n_descriptors; k++) {
                if (characteristic->descriptors[k].handle != handle)
                    continue;
                if (ret_characteristic)
                    *ret_characteristic = characteristic;
                return &characteristic->descriptors[k];
            }
        }
    }
    return NULL;
}

const struct bleproxy_characteristic *bleproxy_service_find(const struct bleproxy_service *service,
                                                            const struct bleproxy_uuid *uuid)
{
    for (size_t i = 0; i < service->n_characteristics; i++)
        if (bleproxy_uuid_equal(&service->characteristics[i].uuid, uuid))
            return &service->characteristics[i];
    return NULL;
}

const struct bleproxy_descriptor *bleproxy_characteristic_find(
    const struct bleproxy_characteristic *characteristic, const struct bleproxy_uuid *uuid)
{
    for (size_t i = 0; i < characteristic->n_descriptors; i++)
        if (bleproxy_uuid_equal(&characteristic->descriptors[i].uuid, uuid))
            return &characteristic->descriptors[i];
    return NULL;
}
