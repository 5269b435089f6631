/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_GATT_H
#define BLEPROXY_GATT_H

#include <bleproxy/uuid.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a characteristic can do (Bluetooth Core Specification, Vol 3 Part G 3.3.1.1, and the two extended bits). */
enum bleproxy_property {
    BLEPROXY_PROPERTY_BROADCAST = 0x01,
    BLEPROXY_PROPERTY_READ = 0x02,
    BLEPROXY_PROPERTY_WRITE_WITHOUT_RESPONSE = 0x04,
    BLEPROXY_PROPERTY_WRITE = 0x08,
    BLEPROXY_PROPERTY_NOTIFY = 0x10,
    BLEPROXY_PROPERTY_INDICATE = 0x20,
    BLEPROXY_PROPERTY_AUTHENTICATED_SIGNED_WRITES = 0x40,
    BLEPROXY_PROPERTY_EXTENDED_PROPERTIES = 0x80,
    BLEPROXY_PROPERTY_RELIABLE_WRITE = 0x100,
    BLEPROXY_PROPERTY_WRITABLE_AUXILIARIES = 0x200,
};
/* The name of one bit as bleak and BlueZ have it ("write-without-response"), or NULL. Static storage. */
const char *bleproxy_property_name(uint32_t property);

/* A peripheral's database: services with their characteristics with their descriptors, each in the order of the
 * handles. One block of memory, owned by whoever handed it out. */
struct bleproxy_descriptor {
    struct bleproxy_uuid uuid;
    uint16_t handle;
};

struct bleproxy_characteristic {
    struct bleproxy_uuid uuid;
    uint16_t handle;     /* of the value: the one that operations take */
    uint32_t properties; /* enum bleproxy_property */
    const struct bleproxy_service *service;
    const struct bleproxy_descriptor *descriptors;
    size_t n_descriptors;
};

struct bleproxy_service {
    struct bleproxy_uuid uuid;
    uint16_t handle; /* of its declaration */
    const struct bleproxy_characteristic *characteristics;
    size_t n_characteristics;
};

struct bleproxy_services {
    const struct bleproxy_service *services;
    size_t n_services;
};

enum {
    BLEPROXY_VALUE_MAX = 512, /* bytes of an attribute's value (Core Specification, Vol 3 Part F 3.2.9) */
    BLEPROXY_MTU_DEFAULT = 23,
    BLEPROXY_MTU_OVERHEAD = 3, /* a write without response and a notification carry MTU - 3 bytes */
};

/* The one characteristic of that UUID. 0; BLEPROXY_E_NO_ATTRIBUTE; BLEPROXY_E_AMBIGUOUS when there are several: they
 * can be told apart by handle only. */
int bleproxy_services_find(const struct bleproxy_services *services, const struct bleproxy_uuid *uuid,
                           const struct bleproxy_characteristic **ret_characteristic);
/* The characteristic whose value has that handle, or NULL. */
const struct bleproxy_characteristic *bleproxy_services_at(const struct bleproxy_services *services,
                                                           uint16_t handle);
/* The descriptor of that handle, and the characteristic it belongs to (may be NULL); or NULL. */
const struct bleproxy_descriptor *bleproxy_services_descriptor_at(
    const struct bleproxy_services *services, uint16_t handle,
    const struct bleproxy_characteristic **ret_characteristic);
/* As bleproxy_services_find(), for a service. */
int bleproxy_services_find_service(const struct bleproxy_services *services, const struct bleproxy_uuid *uuid,
                                   const struct bleproxy_service **ret_service);
/* The first one of that UUID in the service, or in the characteristic, or NULL. */
const struct bleproxy_characteristic *bleproxy_service_find(const struct bleproxy_service *service,
                                                            const struct bleproxy_uuid *uuid);
const struct bleproxy_descriptor *bleproxy_characteristic_find(
    const struct bleproxy_characteristic *characteristic, const struct bleproxy_uuid *uuid);

/* ---- Codes from the air ---- */

/* A code of a proxy or peripheral, explained. Static storage. */
struct bleproxy_code {
    int32_t code;
    const char *name;    /* "FAIL_ESTABLISH", "INSUFFICIENT_ENCRYPTION" */
    const char *meaning; /* a plain sentence without full stop, beginning small */
    const char *advice;  /* what to try, likewise */
};
/* Why a connection to a peripheral could not be made or ended: HCI reasons and the controller's own. NULL when unknown.
 * Never to be explained with the table below: the same numbers mean other things there. */
const struct bleproxy_code *bleproxy_connection_reason(int32_t code);
/* Why an operation on an attribute failed: ATT and GATT status codes. NULL when unknown. */
const struct bleproxy_code *bleproxy_gatt_status(int32_t code);
/* Why pairing failed: the SMP's reasons (Core Specification, Vol 3 Part H 3.5.5), also where Bluedroid adds an offset.
 * NULL when unknown. */
const struct bleproxy_code *bleproxy_pairing_reason(int32_t code);

#ifdef __cplusplus
}
#endif
#endif
