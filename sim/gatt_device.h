/* SPDX-License-Identifier: MIT */
#ifndef SIM_GATT_DEVICE_H
#define SIM_GATT_DEVICE_H

#include "sim/gatt_models.h"
#include "sim/peripheral.h"

struct gatt_link;

/* ATT's error codes, and those of HCI for which a link ends or does not come up (Core Specification, Vol 3
 * Part F 3.4.1.1 and Vol 1 Part F). */
enum {
    ATT_INVALID_HANDLE = 0x01,
    ATT_READ_NOT_PERMITTED = 0x02,
    ATT_WRITE_NOT_PERMITTED = 0x03,
    ATT_INSUFFICIENT_AUTHENTICATION = 0x05,
    ATT_INVALID_LENGTH = 0x0d,
    ATT_UNLIKELY_ERROR = 0x0e,
    ATT_INSUFFICIENT_RESOURCES = 0x11,
    ATT_CONTROL_POINT_NOT_SUPPORTED = 0x80, /* of the heart rate service */
    HCI_TIMEOUT = 0x08,
    HCI_PEER_HUNG_UP = 0x13,
    HCI_WE_HUNG_UP = 0x16,
    HCI_NOT_ESTABLISHED = 0x3e,
};

struct gatt_value {
    uint8_t *bytes; /* with room for what its attribute takes */
    uint16_t size;
};

/* A virtual device with attributes: the other end of links. It has one at a time in the whole house. */
struct gatt_device {
    struct sim_peripheral *peripheral;
    const struct gatt_model *model;
    const struct gatt_database *database;
    struct gatt_value *values; /* by handle */
    struct gatt_link *link;    /* that is up, or NULL */
    unsigned n_requests;       /* over that link */
    uint32_t n_beats;
    uint64_t beat_ns, burst_ns; /* when it next notifies of itself; BP_NEVER */
    uint16_t burst_next, burst_end, burst_size;
};

/* Embedded. 0 or BLEPROXY_E_NOMEM, and then there is nothing to deinit. */
int gatt_device_init(struct gatt_device *device, struct sim_peripheral *peripheral, const struct env *env);
/* Idempotent. */
void gatt_device_deinit(struct gatt_device *device, const struct env *env);

/* A link came up, or ended (NULL). */
void gatt_device_attach(struct gatt_device *device, struct gatt_link *link);
/* 0 and the value, borrowed until the next call, or an ATT error. */
int32_t gatt_device_read(struct gatt_device *device, uint16_t handle, bool encrypted, uint64_t now_ns,
                         const uint8_t **ret_value, size_t *ret_size);
/* 0 or an ATT error. */
int32_t gatt_device_write(struct gatt_device *device, uint16_t handle, const uint8_t *value, size_t size,
                          bool response, bool encrypted, uint64_t now_ns);
/* What a write makes it do once it is answered: echo, or hang up. May end the link. */
void gatt_device_react(struct gatt_device *device, uint16_t handle, uint64_t now_ns);
uint64_t gatt_device_deadline(const struct gatt_device *device);
/* Notifies. May end the link. */
void gatt_device_tick(struct gatt_device *device, uint64_t now_ns);

#endif
