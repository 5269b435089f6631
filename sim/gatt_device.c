/* SPDX-License-Identifier: MIT */
#include "sim/gatt_device.h"

#include "base/time.h"
#include "sim/dice.h"
#include "sim/gatt_link.h"
#include <bleproxy/error.h>
#include <string.h>

enum {
    PULSE_S = 1,
    BATTERY_S = 10,
    BURST_SIZE = 20, /* of a notification, unless told otherwise */
};

static size_t attribute_room(const struct gatt_attribute *attribute)
{
    return attribute->size_max > attribute->size ? attribute->size_max : attribute->size;
}

int gatt_device_init(struct gatt_device *device, struct sim_peripheral *peripheral, const struct env *env)
{
    const struct gatt_model *model = peripheral->model;
    const struct gatt_database *database;
    size_t room = 0;
    for (size_t i = 0; i < model->n_attributes; i++)
        room += attribute_room(&model->attributes[i]);
    int r = gatt_database_new(env, model->attributes, model->n_attributes, &database);
    if (r < 0)
        return r;
    struct gatt_value *values = env_alloc(env, database->n_handles * sizeof(*values) + room);
    if (!values) {
        gatt_database_free(env, database);
        return BLEPROXY_E_NOMEM;
    }
    uint8_t *bytes = (uint8_t *)(values + database->n_handles);
    for (uint16_t handle = 0; handle < database->n_handles; handle++) {
        const struct gatt_attribute *attribute = gatt_database_at(database, handle);
        values[handle] = (struct gatt_value){.bytes = bytes};
        if (!attribute)
            continue;
        values[handle].size = attribute->size;
        if (attribute->size > 0)
            memcpy(bytes, attribute->value, attribute->size);
        bytes += attribute_room(attribute);
    }
    *device = (struct gatt_device){.peripheral = peripheral,
                                   .model = model,
                                   .database = database,
                                   .values = values,
                                   .beat_ns = BP_NEVER,
                                   .burst_ns = BP_NEVER};
    return 0;
}

void gatt_device_deinit(struct gatt_device *device, const struct env *env)
{
    gatt_database_free(env, device->database);
    env_free(env, device->values);
    device->database = NULL;
    device->values = NULL;
}

void gatt_device_attach(struct gatt_device *device, struct gatt_link *link)
{
    device->link = link;
    device->peripheral->silent = link && !device->model->talkative;
    device->n_requests = 0;
    device->beat_ns = device->burst_ns = BP_NEVER;
    for (uint16_t handle = 1; handle < device->database->n_handles; handle++) {
        const struct gatt_attribute *attribute = gatt_database_at(device->database, handle);
        if (attribute && gatt_attribute_is_cccd(attribute))
            memset(device->values[handle].bytes, 0, device->values[handle].size);
    }
}

static bool device_is_subscribed(const struct gatt_device *device, uint16_t handle)
{
    uint16_t cccd = gatt_database_cccd(device->database, handle);
    return cccd && (device->values[cccd].bytes[0] & 3) != 0;
}

static void device_notify(struct gatt_device *device, uint16_t handle, const uint8_t *value, size_t size,
                          uint64_t now_ns)
{
    if (device->link && device_is_subscribed(device, handle))
        gatt_link_notify(device->link, handle, value, size, now_ns);
}

/* It loses a percent a minute, and is never empty. */
static uint8_t battery_level(const struct gatt_device *device, uint64_t now_ns)
{
    return (uint8_t)(100 - (now_ns / (60 * NS_PER_S) + (device->peripheral->seed >> 24)) % 60);
}

int32_t gatt_device_read(struct gatt_device *device, uint16_t handle, bool encrypted, uint64_t now_ns,
                         const uint8_t **ret_value, size_t *ret_size)
{
    const struct gatt_attribute *attribute = gatt_database_at(device->database, handle);
    if (!attribute)
        return ATT_INVALID_HANDLE;
    if (!(attribute->properties & BLEPROXY_PROPERTY_READ))
        return ATT_READ_NOT_PERMITTED;
    if (attribute->encrypted && !encrypted)
        return ATT_INSUFFICIENT_AUTHENTICATION;
    const struct gatt_value *value = &device->values[handle];
    if (attribute->role == GATT_BATTERY)
        value->bytes[0] = battery_level(device, now_ns);
    *ret_value = value->bytes;
    *ret_size = value->size;
    return 0;
}

static uint64_t device_period_ns(const struct gatt_attribute *attribute)
{
    return (attribute->role == GATT_PULSE ? PULSE_S : BATTERY_S) * NS_PER_S;
}

/* The handle of what it measures, or 0. */
static uint16_t device_meter(const struct gatt_device *device)
{
    uint16_t handle = gatt_database_role(device->database, GATT_PULSE);
    return handle ? handle : gatt_database_role(device->database, GATT_BATTERY);
}

static void device_on_subscription(struct gatt_device *device, uint64_t now_ns)
{
    uint16_t meter = device_meter(device);
    if (!meter || !device_is_subscribed(device, meter))
        device->beat_ns = BP_NEVER;
    else if (device->beat_ns == BP_NEVER)
        device->beat_ns = now_ns + device_period_ns(gatt_database_at(device->database, meter));
}

static uint16_t number(const uint8_t bytes[2])
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static int32_t device_begin_burst(struct gatt_device *device, const struct gatt_value *value, uint64_t now_ns)
{
    device->burst_next = 0;
    device->burst_end = number(value->bytes);
    device->burst_size = BURST_SIZE;
    if (value->size == 4)
        device->burst_size = number(value->bytes + 2);
    if (device->burst_size < 2 || device->burst_size > BLEPROXY_VALUE_MAX)
        return ATT_INVALID_LENGTH;
    device->burst_ns = device->burst_end ? now_ns : BP_NEVER;
    return 0;
}

/* Values of these have a size of their own. */
static bool attribute_takes(const struct gatt_attribute *attribute, size_t size)
{
    if (size > attribute->size_max)
        return false;
    switch (attribute->role) {
    case GATT_STORED:
        return !gatt_attribute_is_cccd(attribute) || size == 2;
    case GATT_BURST:
        return size == 2 || size == 4;
    case GATT_RESET:
    case GATT_FAIL:
    case GATT_HANG_UP:
        return size == 1;
    case GATT_ECHO:
    case GATT_ECHOED:
    case GATT_BATTERY:
    case GATT_PULSE:
        break;
    }
    return true;
}

int32_t gatt_device_write(struct gatt_device *device, uint16_t handle, const uint8_t *bytes, size_t size,
                          bool response, bool encrypted, uint64_t now_ns)
{
    const struct gatt_attribute *attribute = gatt_database_at(device->database, handle);
    if (!attribute)
        return ATT_INVALID_HANDLE;
    if (!(attribute->properties &
          (response ? BLEPROXY_PROPERTY_WRITE : BLEPROXY_PROPERTY_WRITE_WITHOUT_RESPONSE)))
        return ATT_WRITE_NOT_PERMITTED;
    if (attribute->encrypted && !encrypted)
        return ATT_INSUFFICIENT_AUTHENTICATION;
    if (!attribute_takes(attribute, size))
        return ATT_INVALID_LENGTH;
    struct gatt_value *value = &device->values[handle];
    if (size > 0)
        memcpy(value->bytes, bytes, size);
    value->size = (uint16_t)size;
    switch (attribute->role) {
    case GATT_STORED:
        if (gatt_attribute_is_cccd(attribute))
            device_on_subscription(device, now_ns);
        break;
    case GATT_RESET:
        if (value->bytes[0] != 1)
            return ATT_CONTROL_POINT_NOT_SUPPORTED;
        device->n_beats = 0;
        break;
    case GATT_BURST:
        return device_begin_burst(device, value, now_ns);
    case GATT_FAIL:
        return value->bytes[0];
    case GATT_ECHO:
    case GATT_ECHOED:
    case GATT_HANG_UP:
    case GATT_BATTERY:
    case GATT_PULSE:
        break;
    }
    return 0;
}

void gatt_device_react(struct gatt_device *device, uint16_t handle, uint64_t now_ns)
{
    const struct gatt_attribute *attribute = gatt_database_at(device->database, handle);
    if (!attribute || !device->link)
        return;
    const struct gatt_value *value = &device->values[handle];
    if (attribute->role == GATT_ECHO)
        device_notify(device, gatt_database_role(device->database, GATT_ECHOED), value->bytes, value->size,
                      now_ns);
    else if (attribute->role == GATT_HANG_UP)
        gatt_link_lose(device->link, value->bytes[0], now_ns);
}

uint64_t gatt_device_deadline(const struct gatt_device *device)
{
    return time_min(device->beat_ns, device->burst_ns);
}

static void device_burst(struct gatt_device *device, uint64_t now_ns)
{
    uint16_t handle = gatt_database_role(device->database, GATT_BURST);
    uint8_t value[BLEPROXY_VALUE_MAX] = {0};
    uint64_t pause_ns;
    size_t room = gatt_link_room(device->link, device->burst_size, &pause_ns);
    device->burst_ns = now_ns + pause_ns;
    for (; room > 0 && device->burst_next < device->burst_end; room--, device->burst_next++) {
        value[0] = (uint8_t)device->burst_next;
        value[1] = (uint8_t)(device->burst_next >> 8);
        device_notify(device, handle, value, device->burst_size, now_ns);
        if (!device->link)
            return;
    }
    if (device->burst_next == device->burst_end)
        device->burst_ns = BP_NEVER;
}

/* Flags: a byte for the rate, skin contact, intervals between beats in 1/1024 s. */
static size_t heart_rate(struct gatt_device *device, uint8_t value[4])
{
    uint32_t beat = device->n_beats++, step = beat % 120;
    unsigned rate = 62 + (step < 60 ? step : 120 - step) / 2;
    rate += (unsigned)(dice_mix(device->peripheral->seed, beat) % 5);
    unsigned interval = 60 * 1024 / rate;
    value[0] = 0x16;
    value[1] = (uint8_t)rate;
    value[2] = (uint8_t)interval;
    value[3] = (uint8_t)(interval >> 8);
    return 4;
}

static void device_beat(struct gatt_device *device, uint64_t now_ns)
{
    uint16_t handle = device_meter(device);
    const struct gatt_attribute *attribute = gatt_database_at(device->database, handle);
    uint8_t value[4];
    size_t size = 1;
    device->beat_ns = now_ns + device_period_ns(attribute);
    if (attribute->role == GATT_PULSE)
        size = heart_rate(device, value);
    else
        value[0] = battery_level(device, now_ns);
    device_notify(device, handle, value, size, now_ns);
}

void gatt_device_tick(struct gatt_device *device, uint64_t now_ns)
{
    if (device->link && now_ns >= device->burst_ns)
        device_burst(device, now_ns);
    if (device->link && now_ns >= device->beat_ns)
        device_beat(device, now_ns);
}
