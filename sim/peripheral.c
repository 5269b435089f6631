/* SPDX-License-Identifier: MIT */
#include "sim/peripheral.h"

#include "base/time.h"
#include "sim/dice.h"
#include "sim/gatt_models.h"
#include <stdio.h>
#include <string.h>

/* AD types of Bluetooth's assigned numbers */
enum {
    AD_FLAGS = 0x01,
    AD_UUID16 = 0x03,
    AD_UUID128 = 0x07,
    AD_NAME = 0x09,
    AD_TX_POWER = 0x0a,
    AD_SERVICE_DATA16 = 0x16,
    AD_APPEARANCE = 0x19,
    AD_MANUFACTURER = 0xff,
};

/* Appends an AD structure. Returns where its data starts. */
static uint8_t put_ad(uint8_t *packet, uint8_t *size, uint8_t type, const void *data, uint8_t data_size)
{
    packet[(*size)++] = (uint8_t)(data_size + 1);
    packet[(*size)++] = type;
    uint8_t start = *size;
    memcpy(packet + start, data, data_size);
    *size = (uint8_t)(start + data_size);
    return start;
}

static void put_flags(struct sim_peripheral *peripheral, uint8_t flags)
{
    put_ad(peripheral->packet, &peripheral->size, AD_FLAGS, &flags, 1);
}

/* Bytes that follow from the seed and the number of changes. */
static void fill(const struct sim_peripheral *peripheral, uint8_t *bytes, size_t size)
{
    uint64_t state = dice_mix(peripheral->seed, peripheral->count + 1);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)dice_roll(&state);
}

static uint64_t random_address(const struct sim_peripheral *peripheral, unsigned top_bits)
{
    uint64_t bits = dice_mix(peripheral->seed ^ 0xadd7, peripheral->count);
    return (bits & UINT64_C(0x3fffffffffff)) | (uint64_t)top_bits << 46;
}

/* BTHome v2: packet number, battery in %, temperature and humidity in hundredths. A day takes an hour: warmer
 * for one half, cooler for the other. */
static void put_bthome(struct sim_peripheral *peripheral, uint64_t now_ns)
{
    unsigned second = (unsigned)((now_ns / NS_PER_S + (peripheral->seed >> 24)) % 3600);
    uint64_t noise = dice_mix(peripheral->seed, peripheral->count);
    unsigned temperature = 1800 + (second < 1800 ? second : 3600 - second) / 3 + (unsigned)noise % 20;
    unsigned humidity = 4500 + (unsigned)(noise >> 8) % 700;
    unsigned battery = 100 - (unsigned)(peripheral->seed >> 32) % 60;
    const uint8_t data[] = {0xd2,
                            0xfc,
                            0x40,
                            0x00,
                            (uint8_t)peripheral->count,
                            0x01,
                            (uint8_t)battery,
                            0x02,
                            (uint8_t)temperature,
                            (uint8_t)(temperature >> 8),
                            0x03,
                            (uint8_t)humidity,
                            (uint8_t)(humidity >> 8)};
    uint8_t start = put_ad(peripheral->packet, &peripheral->size, AD_SERVICE_DATA16, data, sizeof(data));
    peripheral->change_at = (uint8_t)(start + 8);
}

static void put_apple(struct sim_peripheral *peripheral, const uint8_t *head, uint8_t head_size, uint8_t size,
                      uint8_t change)
{
    uint8_t data[29] = {0x4c, 0x00};
    fill(peripheral, data + 2, sizeof(data) - 2);
    memcpy(data + 2, head, head_size);
    uint8_t start = put_ad(peripheral->packet, &peripheral->size, AD_MANUFACTURER, data, size);
    peripheral->change_at = (uint8_t)(start + change);
}

static void compose_thermometer(struct sim_peripheral *peripheral, uint64_t now_ns)
{
    char name[12];
    int length = snprintf(name, sizeof(name), "ATC_%06X", (unsigned)(peripheral->address & 0xffffff));
    put_flags(peripheral, 0x06);
    put_bthome(peripheral, now_ns);
    put_ad(peripheral->packet, &peripheral->size, AD_NAME, name, (uint8_t)length);
}

static void compose_ibeacon(struct sim_peripheral *peripheral)
{
    uint8_t data[25] = {0x4c, 0x00, 0x02, 0x15};
    fill(peripheral, data + 4, 20);
    data[24] = 0xc5; /* -59 dBm at a metre */
    put_flags(peripheral, 0x06);
    peripheral->change_at =
        (uint8_t)(put_ad(peripheral->packet, &peripheral->size, AD_MANUFACTURER, data, 25) + 22);
}

static void compose_lamp(struct sim_peripheral *peripheral)
{
    static const uint8_t service[] = {0x0f, 0xfe}, appearance[] = {0x86, 0x05}; /* Signify; a bulb */
    uint8_t tx_power = 4;
    static const char name[] = "Reading lamp";
    put_flags(peripheral, 0x06);
    put_ad(peripheral->packet, &peripheral->size, AD_UUID16, service, sizeof(service));
    peripheral->change_at = put_ad(peripheral->packet, &peripheral->size, AD_APPEARANCE, appearance, 2);
    peripheral->response_size = 0;
    put_ad(peripheral->response, &peripheral->response_size, AD_NAME, name, sizeof(name) - 1);
    put_ad(peripheral->response, &peripheral->response_size, AD_TX_POWER, &tx_power, 1);
}

static void compose_wanderer(struct sim_peripheral *peripheral)
{
    static const uint8_t service[] = {0x9f, 0xfe}; /* Google */
    uint8_t data[14] = {0x9f, 0xfe};
    fill(peripheral, data + 2, sizeof(data) - 2);
    put_ad(peripheral->packet, &peripheral->size, AD_UUID16, service, sizeof(service));
    peripheral->change_at =
        (uint8_t)(put_ad(peripheral->packet, &peripheral->size, AD_SERVICE_DATA16, data, sizeof(data)) + 4);
}

static void compose_phone(struct sim_peripheral *peripheral)
{
    static const uint8_t nearby[] = {0x10, 0x05, 0x21, 0x1c}, find_my[] = {0x12, 0x19, 0x00},
                         handoff[] = {0x0c, 0x0e, 0x00};
    const uint8_t tx_power = 12;
    if (peripheral->kind == SIM_PERIPHERAL_FIND_MY) {
        put_apple(peripheral, find_my, sizeof(find_my), 29, 10);
        return;
    }
    put_flags(peripheral, 0x1a);
    if (peripheral->kind == SIM_PERIPHERAL_NEARBY) {
        put_ad(peripheral->packet, &peripheral->size, AD_TX_POWER, &tx_power, 1);
        put_apple(peripheral, nearby, sizeof(nearby), 9, 7);
    } else {
        put_apple(peripheral, handoff, sizeof(handoff), 18, 5);
    }
}

static void compose_microsoft(struct sim_peripheral *peripheral)
{
    uint8_t data[29] = {0x06, 0x00, 0x01, 0x09, 0x20, 0x02};
    fill(peripheral, data + 6, sizeof(data) - 6);
    peripheral->change_at =
        (uint8_t)(put_ad(peripheral->packet, &peripheral->size, AD_MANUFACTURER, data, sizeof(data)) + 8);
}

static void compose_eddystone(struct sim_peripheral *peripheral)
{
    static const uint8_t service[] = {0xaa, 0xfe};
    uint8_t data[22] = {0xaa, 0xfe, 0x00, 0xee};
    fill(peripheral, data + 4, 16);
    put_flags(peripheral, 0x06);
    put_ad(peripheral->packet, &peripheral->size, AD_UUID16, service, sizeof(service));
    peripheral->change_at =
        (uint8_t)(put_ad(peripheral->packet, &peripheral->size, AD_SERVICE_DATA16, data, sizeof(data)) + 16);
}

/* What it is called always fits; a long UUID must wait for the scan response. */
static void compose_gatt(struct sim_peripheral *peripheral)
{
    const struct gatt_model *model = peripheral->model;
    struct bleproxy_uuid uuid = {0};
    uint8_t reversed[sizeof(uuid.bytes)];
    bleproxy_uuid_parse(model->service, &uuid);
    for (uint8_t i = 0; i < uuid.size; i++)
        reversed[i] = uuid.bytes[uuid.size - 1 - i];
    put_flags(peripheral, 0x06);
    peripheral->change_at =
        put_ad(peripheral->packet, &peripheral->size, AD_NAME, model->name, (uint8_t)strlen(model->name));
    peripheral->response_size = 0;
    if (uuid.size == 2)
        put_ad(peripheral->packet, &peripheral->size, AD_UUID16, reversed, 2);
    else
        put_ad(peripheral->response, &peripheral->response_size, AD_UUID128, reversed, uuid.size);
}

static void compose(struct sim_peripheral *peripheral, uint64_t now_ns)
{
    peripheral->size = 0;
    switch (peripheral->kind) {
    case SIM_PERIPHERAL_THERMOMETER:
        compose_thermometer(peripheral, now_ns);
        break;
    case SIM_PERIPHERAL_IBEACON:
        compose_ibeacon(peripheral);
        break;
    case SIM_PERIPHERAL_LAMP:
        compose_lamp(peripheral);
        break;
    case SIM_PERIPHERAL_WANDERER:
        compose_wanderer(peripheral);
        break;
    case SIM_PERIPHERAL_NEARBY:
    case SIM_PERIPHERAL_FIND_MY:
    case SIM_PERIPHERAL_HANDOFF:
        compose_phone(peripheral);
        break;
    case SIM_PERIPHERAL_MICROSOFT:
        compose_microsoft(peripheral);
        break;
    case SIM_PERIPHERAL_SENSOR:
        put_flags(peripheral, 0x06);
        put_bthome(peripheral, now_ns);
        break;
    case SIM_PERIPHERAL_EDDYSTONE:
        compose_eddystone(peripheral);
        break;
    case SIM_PERIPHERAL_GATT:
        compose_gatt(peripheral);
        break;
    }
}

/* How it names itself, how often it changes (0: never) and speaks. */
static const struct habit {
    enum { ADDRESS_PUBLIC, ADDRESS_STATIC, ADDRESS_PRIVATE } address;
    uint32_t change_s, interval_ms;
} habits[] = {
    [SIM_PERIPHERAL_THERMOMETER] = {ADDRESS_PUBLIC, 10, 2500},
    [SIM_PERIPHERAL_IBEACON] = {ADDRESS_STATIC, 0, 1000},
    [SIM_PERIPHERAL_LAMP] = {ADDRESS_PUBLIC, 0, 1500},
    [SIM_PERIPHERAL_WANDERER] = {ADDRESS_PRIVATE, 60, 2000},
    [SIM_PERIPHERAL_NEARBY] = {ADDRESS_PRIVATE, 900, 2000},
    [SIM_PERIPHERAL_FIND_MY] = {ADDRESS_PRIVATE, 900, 2000},
    [SIM_PERIPHERAL_HANDOFF] = {ADDRESS_PRIVATE, 900, 2000},
    [SIM_PERIPHERAL_MICROSOFT] = {ADDRESS_PRIVATE, 960, 3000},
    [SIM_PERIPHERAL_SENSOR] = {ADDRESS_PUBLIC, 10, 5000},
    [SIM_PERIPHERAL_EDDYSTONE] = {ADDRESS_STATIC, 0, 3000},
    [SIM_PERIPHERAL_GATT] = {ADDRESS_PUBLIC, 0, 700},
};

static void renew_address(struct sim_peripheral *peripheral)
{
    bool random = peripheral->model && peripheral->model->random_address;
    switch (random ? ADDRESS_STATIC : habits[peripheral->kind].address) {
    case ADDRESS_PUBLIC:
        /* An odd factor keeps different seeds different. */
        peripheral->address = UINT64_C(0xa4c138) << 24 | (peripheral->seed * 0x9e3779b1 & 0xffffff);
        peripheral->address_type = 0;
        return;
    case ADDRESS_STATIC:
        peripheral->address = (dice_mix(peripheral->seed, 0) & UINT64_C(0x3fffffffffff)) | UINT64_C(3) << 46;
        break;
    case ADDRESS_PRIVATE:
        /* What belongs to nobody known has 00 on top, what its friends can resolve 01. */
        peripheral->address = random_address(peripheral, peripheral->kind == SIM_PERIPHERAL_WANDERER ? 0 : 1);
        break;
    }
    peripheral->address_type = 1;
}

static void peripheral_begin(struct sim_peripheral *peripheral, uint64_t now_ns)
{
    const struct habit *habit = &habits[peripheral->kind];
    uint64_t state = peripheral->seed;
    peripheral->interval_ms = habit->interval_ms + (uint32_t)(peripheral->seed % 300);
    peripheral->next_ns = now_ns + dice_roll(&state) % (peripheral->interval_ms * NS_PER_MS);
    peripheral->change_ns = BP_NEVER;
    if (habit->change_s)
        peripheral->change_ns = now_ns + NS_PER_S + dice_roll(&state) % (habit->change_s * NS_PER_S);
    renew_address(peripheral);
    compose(peripheral, now_ns);
}

void sim_peripheral_init(struct sim_peripheral *peripheral, enum sim_peripheral_kind kind, uint64_t seed,
                         uint64_t now_ns)
{
    *peripheral = (struct sim_peripheral){.seed = seed, .kind = kind};
    peripheral_begin(peripheral, now_ns);
}

void sim_peripheral_init_gatt(struct sim_peripheral *peripheral, const struct gatt_model *model,
                              uint64_t seed, uint64_t now_ns)
{
    *peripheral = (struct sim_peripheral){.seed = seed, .kind = SIM_PERIPHERAL_GATT, .model = model};
    peripheral_begin(peripheral, now_ns);
}

void sim_peripheral_live(struct sim_peripheral *peripheral, uint64_t now_ns)
{
    if (now_ns < peripheral->change_ns)
        return;
    uint64_t period_ns = habits[peripheral->kind].change_s * NS_PER_S;
    uint64_t missed = (now_ns - peripheral->change_ns) / period_ns;
    peripheral->count += (uint32_t)missed + 1;
    peripheral->change_ns += (missed + 1) * period_ns;
    renew_address(peripheral);
    compose(peripheral, now_ns);
}

enum sim_peripheral_kind sim_peripheral_any_kind(uint64_t seed)
{
    unsigned percent = (unsigned)(dice_mix(seed, 0x6b1d) % 100);
    if (percent < 15)
        return SIM_PERIPHERAL_NEARBY;
    if (percent < 31)
        return SIM_PERIPHERAL_FIND_MY;
    if (percent < 34)
        return SIM_PERIPHERAL_HANDOFF;
    if (percent < 42)
        return SIM_PERIPHERAL_MICROSOFT;
    return percent < 75 ? SIM_PERIPHERAL_SENSOR : SIM_PERIPHERAL_EDDYSTONE;
}
