/* SPDX-License-Identifier: MIT */
#include "sim/dice.h"
#include "sim/house.h"
#include "wire/varint.h"

#include <bleproxy/error.h>
#include <string.h>

/* Load as fast as a socket takes it: messages are encoded once; what differs by ear and time is patched in
 * before each goes out. Signals are from -33 to -64 dBm here, so that each is one byte in the encoding. */
enum {
    BURST_BYTES_MAX = RADIO_BURST_ADVERTS * 64,
    FLOOD_NEAREST = -33,
    FLOOD_SPREAD = 32,
};

struct burst {
    uint16_t size;
    uint16_t rssi_at[RADIO_BURST_ADVERTS], change_at[RADIO_BURST_ADVERTS];
    uint8_t payload[BURST_BYTES_MAX];
};

struct flood {
    struct buffer sentinel;
    uint32_t n_bursts;
    struct burst bursts[];
};

static int burst_encode(struct burst *burst, const struct radio *radio, uint32_t first)
{
    struct buffer out;
    buffer_init(&out, radio->env, BURST_BYTES_MAX);
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < RADIO_BURST_ADVERTS; i++) {
        const struct sim_peripheral *peripheral = &radio->peripherals[(first + i) % radio->n_peripherals];
        struct batch_advert advert = {.address = peripheral->address,
                                      .data = peripheral->packet,
                                      .size = peripheral->size,
                                      .rssi = FLOOD_NEAREST,
                                      .address_type = peripheral->address_type};
        /* Tag and size of the advertisement, tag and value of the address, tag of the signal. */
        burst->rssi_at[i] = (uint16_t)(out.size + 2 + 1 + varint_size(advert.address) + 1);
        r = batch_append(&out, &advert);
        burst->change_at[i] = (uint16_t)(out.size - peripheral->size + peripheral->change_at);
    }
    if (r == 0) {
        burst->size = (uint16_t)out.size;
        memcpy(burst->payload, buffer_data(&out), out.size);
    }
    buffer_deinit(&out);
    return r;
}

int flood_new(struct radio *radio, struct flood **ret_flood)
{
    uint32_t n = (radio->n_peripherals + RADIO_BURST_ADVERTS - 1) / RADIO_BURST_ADVERTS;
    struct flood *flood = env_alloc(radio->env, sizeof(*flood) + n * sizeof(flood->bursts[0]));
    if (!flood)
        return BLEPROXY_E_NOMEM;
    flood->n_bursts = n;
    buffer_init(&flood->sentinel, radio->env, BURST_BYTES_MAX);
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < n; i++)
        r = burst_encode(&flood->bursts[i], radio, i * RADIO_BURST_ADVERTS);
    if (r < 0) {
        flood_free(radio->env, flood);
        return r;
    }
    *ret_flood = flood;
    return 0;
}

void flood_free(const struct env *env, struct flood *flood)
{
    if (!flood)
        return;
    buffer_deinit(&flood->sentinel);
    env_free(env, flood);
}

static const uint8_t *flood_sentinel(struct ear *ear, struct flood *flood, size_t *ret_size)
{
    uint8_t packet[SENTINEL_SIZE];
    struct batch_advert advert;
    ear_sentinel(ear, packet, &advert);
    buffer_consume(&flood->sentinel, flood->sentinel.size);
    if (batch_append(&flood->sentinel, &advert) < 0)
        return NULL;
    *ret_size = flood->sentinel.size;
    return buffer_data(&flood->sentinel);
}

const uint8_t *ear_burst(struct ear *ear, size_t *ret_size)
{
    struct radio *radio = ear->radio;
    struct flood *flood = radio->flood;
    uint32_t sentinel = radio->config.sentinel;
    if (sentinel && ear->heard >= sentinel) {
        ear->heard = 0;
        return flood_sentinel(ear, flood, ret_size);
    }
    ear->heard += RADIO_BURST_ADVERTS;
    uint32_t number = ear->cursor++ % flood->n_bursts;
    struct burst *burst = &flood->bursts[number];
    uint64_t dice = dice_roll(&ear->dice);
    for (uint32_t i = 0; i < RADIO_BURST_ADVERTS; i++) {
        uint32_t index = (number * RADIO_BURST_ADVERTS + i) % radio->n_peripherals;
        unsigned distance = ((unsigned)-ear->rssi[index] + ((dice >> 2 * i) & 3)) % FLOOD_SPREAD;
        /* Zigzag of FLOOD_NEAREST - distance */
        burst->payload[burst->rssi_at[i]] = (uint8_t)(2 * ((unsigned)-FLOOD_NEAREST + distance) - 1);
        bool changes = radio->config.payload == RADIO_CHANGING ||
                       (radio->config.payload == RADIO_MIX && (ear->cursor + index) % RADIO_MIX_EVERY == 0);
        uint16_t variant = ear->variant[index] = (uint16_t)(ear->variant[index] + changes);
        burst->payload[burst->change_at[i]] = (uint8_t)variant;
        burst->payload[burst->change_at[i] + 1] = (uint8_t)(variant >> 8);
    }
    *ret_size = burst->size;
    return burst->payload;
}
