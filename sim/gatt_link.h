/* SPDX-License-Identifier: MIT */
#ifndef SIM_GATT_LINK_H
#define SIM_GATT_LINK_H

#include "base/list.h"
#include "sim/gatt_device.h"

struct gatt_radio;

enum gatt_link_state {
    GATT_LINK_OPENING,
    GATT_LINK_UP,
    GATT_LINK_CLOSING,
};

enum gatt_request_kind { GATT_READ, GATT_WRITE, GATT_COMMAND, GATT_PAIR };

/* A proxy's link to a device, or what it takes for one. */
struct gatt_link {
    struct list node;
    struct gatt_radio *radio;
    uint64_t address;
    uint8_t address_type;
    bool cached;
    enum gatt_link_state state;
    struct gatt_device *device; /* while it is up or closing */
    struct list requests;       /* the first one is on the air; the server bounds them */
    uint64_t due_ns;            /* it has opened, or closed, or the request is answered; BP_NEVER */
    uint64_t risk_ns;           /* when it may next be lost by a fault; BP_NEVER without those */
};

/* NULL: out of memory. */
struct gatt_link *gatt_link_new(struct gatt_radio *radio, uint64_t address, uint8_t address_type,
                                bool cached);
/* Lets go of its device. */
void gatt_link_free(struct gatt_link *link);
/* It has opened. */
void gatt_link_up(struct gatt_link *link, struct gatt_device *device, uint64_t now_ns);
/* It is up. Answered later, or from within. */
void gatt_link_request(struct gatt_link *link, enum gatt_request_kind kind, uint16_t handle,
                       const uint8_t *value, size_t size, uint64_t now_ns);
uint64_t gatt_link_deadline(const struct gatt_link *link);
/* It is up and something is due: does one thing, which may end it. */
void gatt_link_tick(struct gatt_link *link, uint64_t now_ns);

/* For devices. What does not fit the MTU is cut off. May end the link. */
void gatt_link_notify(struct gatt_link *link, uint16_t handle, const uint8_t *value, size_t size,
                      uint64_t now_ns);
/* How many notifications of that size go at once, and when others may follow. */
size_t gatt_link_room(const struct gatt_link *link, size_t size, uint64_t *ret_pause_ns);
/* It is gone, and the server knows. */
void gatt_link_lose(struct gatt_link *link, int32_t reason, uint64_t now_ns);

#endif
