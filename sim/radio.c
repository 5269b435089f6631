/* SPDX-License-Identifier: MIT */
#include "sim/dice.h"
#include "sim/house.h"

#include <bleproxy/error.h>
#include <string.h>

enum {
    RSSI_NEAREST = -45, /* dBm */
    RSSI_SPREAD = 48,   /* by so much it differs where peripherals stand */
    RSSI_WALK = 5,      /* and so far they wander from there */
    RSSI_FAINT = -92,   /* from here on two of three advertisements are not heard */
    RESPONSE_EVERY = 3, /* every third active scan gets its response */
};

/* An ear that is later than this does not make up for it. */
#define LATE_MAX_NS NS_PER_S

/* Each ear hears sentinels from an address of its own: a client may take one address from one proxy only. */
static const uint64_t sentinel_address = UINT64_C(0x02fbe5000000), sentinel_mask = UINT64_C(0xffffff);

/* The inhabitants of a lively house. */
static const struct {
    enum peripheral_kind kind;
    uint32_t count;
} inhabitants[] = {
    {PERIPHERAL_THERMOMETER, 1}, {PERIPHERAL_IBEACON, 1},  {PERIPHERAL_LAMP, 1},    {PERIPHERAL_WANDERER, 4},
    {PERIPHERAL_NEARBY, 24},     {PERIPHERAL_FIND_MY, 20}, {PERIPHERAL_HANDOFF, 6},
};
enum { N_INHABITANTS = sizeof(inhabitants) / sizeof(*inhabitants) };

/* ---- The agenda: a binary heap ---- */

static bool agenda_before(const struct radio *radio, uint32_t a, uint32_t b)
{
    return radio->peripherals[radio->agenda[a]].next_ns < radio->peripherals[radio->agenda[b]].next_ns;
}

static void agenda_sink(struct radio *radio, uint32_t at)
{
    for (;;) {
        uint32_t least = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < radio->n_peripherals; child++)
            if (agenda_before(radio, child, least))
                least = child;
        if (least == at)
            return;
        uint32_t moved = radio->agenda[at];
        radio->agenda[at] = radio->agenda[least];
        radio->agenda[least] = moved;
        at = least;
    }
}

static void agenda_order(struct radio *radio)
{
    for (uint32_t i = 0; i < radio->n_peripherals; i++)
        radio->agenda[i] = i;
    for (uint32_t i = radio->n_peripherals / 2; i-- > 0;)
        agenda_sink(radio, i);
}

/* ---- The house ---- */

static void radio_people(struct radio *radio, uint64_t now_ns)
{
    uint64_t house = dice_mix(radio->config.seed, 1) & ~UINT64_C(0xffffff);
    uint32_t index = 0;
    for (size_t i = 0; radio->config.payload == RADIO_LIFE && i < N_INHABITANTS; i++)
        for (uint32_t n = 0; n < inhabitants[i].count; n++, index++)
            peripheral_init(&radio->peripherals[index], inhabitants[i].kind, house | index, now_ns);
    for (; index < radio->n_peripherals; index++)
        peripheral_init(&radio->peripherals[index], peripheral_any_kind(house | index), house | index,
                        now_ns);
}

int radio_new(const struct radio_config *config, const struct env *env, uint64_t now_ns,
              struct radio **ret_radio)
{
    uint32_t n = config->devices;
    for (size_t i = 0; config->payload == RADIO_LIFE && i < N_INHABITANTS; i++)
        n += inhabitants[i].count;
    bool life = config->payload == RADIO_LIFE;
    if (config->devices > RADIO_DEVICES_MAX || n == 0 || (life && config->rate == RADIO_RATE_FLOOD))
        return BLEPROXY_E_INVALID;
    struct radio *radio = env_alloc(env, sizeof(*radio));
    if (!radio)
        return BLEPROXY_E_NOMEM;
    *radio = (struct radio){.config = *config, .env = env, .n_peripherals = n};
    list_init(&radio->ears);
    radio->peripherals = env_alloc(env, n * sizeof(*radio->peripherals));
    radio->agenda = env_alloc(env, n * sizeof(*radio->agenda));
    int r = radio->peripherals && radio->agenda ? 0 : BLEPROXY_E_NOMEM;
    if (r == 0) {
        radio_people(radio, now_ns);
        agenda_order(radio);
    }
    if (r == 0 && config->rate == RADIO_RATE_FLOOD)
        r = flood_new(radio, &radio->flood);
    if (r < 0) {
        radio_free(radio);
        return r;
    }
    *ret_radio = radio;
    return 0;
}

void radio_free(struct radio *radio)
{
    if (!radio)
        return;
    flood_free(radio->env, radio->flood);
    env_free(radio->env, radio->agenda);
    env_free(radio->env, radio->peripherals);
    env_free(radio->env, radio);
}

/* ---- Ears ---- */

int ear_new(struct radio *radio, uint64_t seed, ear_report_fn *on_report, void *user, struct ear **ret_ear)
{
    const struct env *env = radio->env;
    struct ear *ear = env_alloc(env, sizeof(*ear));
    if (!ear)
        return BLEPROXY_E_NOMEM;
    *ear = (struct ear){.radio = radio,
                        .on_report = on_report,
                        .user = user,
                        .seed = dice_mix(radio->config.seed, seed),
                        .dice = dice_mix(radio->config.seed, ~seed),
                        .next_ns = BP_NEVER,
                        .active = true};
    list_init(&ear->node);
    ear->cursor = (uint32_t)(ear->seed % radio->n_peripherals);
    ear->rssi = env_alloc(env, radio->n_peripherals * sizeof(*ear->rssi));
    if (radio->config.payload != RADIO_LIFE)
        ear->variant = env_alloc(env, radio->n_peripherals * sizeof(*ear->variant));
    if (!ear->rssi || (radio->config.payload != RADIO_LIFE && !ear->variant)) {
        ear_free(ear);
        return BLEPROXY_E_NOMEM;
    }
    for (uint32_t i = 0; i < radio->n_peripherals; i++)
        ear->rssi[i] = (int8_t)(RSSI_NEAREST - (int)(dice_mix(ear->seed, i) % RSSI_SPREAD));
    list_append(&radio->ears, &ear->node);
    *ret_ear = ear;
    return 0;
}

void ear_free(struct ear *ear)
{
    if (!ear)
        return;
    list_unlink(&ear->node);
    env_free(ear->radio->env, ear->rssi);
    env_free(ear->radio->env, ear->variant);
    env_free(ear->radio->env, ear);
}

void ear_listen(struct ear *ear, bool listening, uint64_t now_ns)
{
    ear->listening = listening;
    ear->heard = 0;
    ear->next_ns = listening && ear->radio->config.rate > 0 ? now_ns : BP_NEVER;
}

void ear_set_active(struct ear *ear, bool active)
{
    ear->active = active;
}

int8_t ear_rssi(struct ear *ear, uint32_t index)
{
    int base = RSSI_NEAREST - (int)(dice_mix(ear->seed, index) % RSSI_SPREAD);
    int rssi = ear->rssi[index] + (int)(dice_roll(&ear->dice) % 3) - 1;
    if (rssi > base + RSSI_WALK)
        rssi = base + RSSI_WALK;
    if (rssi < base - RSSI_WALK)
        rssi = base - RSSI_WALK;
    return ear->rssi[index] = (int8_t)rssi;
}

bool ear_counts(struct ear *ear)
{
    if (!ear->radio->config.sentinel || ++ear->heard < ear->radio->config.sentinel)
        return false;
    ear->heard = 0;
    return true;
}

void ear_sentinel(struct ear *ear, uint8_t *packet, struct batch_advert *ret_advert)
{
    uint32_t number = ++ear->n_sentinels;
    memcpy(packet,
           "\x0c\xff\xff\xff"
           "FPEND",
           9);
    for (unsigned i = 0; i < 4; i++)
        packet[9 + i] = (uint8_t)(number >> 8 * i);
    *ret_advert = (struct batch_advert){.address = sentinel_address | (ear->seed & sentinel_mask),
                                        .data = packet,
                                        .size = SENTINEL_SIZE,
                                        .rssi = RSSI_NEAREST};
}

static void ear_hear(struct ear *ear, uint32_t index, uint64_t now_ns)
{
    const struct peripheral *peripheral = &ear->radio->peripherals[index];
    uint8_t packet[2 * PERIPHERAL_PACKET_MAX];
    uint32_t size = peripheral->size;
    memcpy(packet, peripheral->packet, size);
    if (ear->active && peripheral->response_size && dice_roll(&ear->dice) % RESPONSE_EVERY == 0) {
        memcpy(packet + size, peripheral->response, peripheral->response_size);
        size += peripheral->response_size;
    }
    if (ear->variant) {
        bool changes =
            ear->radio->config.payload == RADIO_CHANGING ||
            (ear->radio->config.payload == RADIO_MIX && dice_roll(&ear->dice) % RADIO_MIX_EVERY == 0);
        ear->variant[index] = (uint16_t)(ear->variant[index] + changes);
        packet[peripheral->change_at] = (uint8_t)ear->variant[index];
        packet[peripheral->change_at + 1] = (uint8_t)(ear->variant[index] >> 8);
    }
    struct batch_advert advert = {.address = peripheral->address,
                                  .data = packet,
                                  .size = size,
                                  .rssi = ear_rssi(ear, index),
                                  .address_type = peripheral->address_type};
    ear->on_report(ear->user, &advert, now_ns);
    if (ear_counts(ear)) {
        ear_sentinel(ear, packet, &advert);
        ear->on_report(ear->user, &advert, now_ns);
    }
}

/* ---- Time ---- */

uint64_t radio_deadline(const struct radio *radio)
{
    bool natural = radio->config.rate < 0;
    uint64_t deadline_ns = BP_NEVER;
    list_for_each(node, &radio->ears)
    {
        const struct ear *ear = list_entry(node, struct ear, node);
        if (ear->listening)
            deadline_ns =
                time_min(deadline_ns, natural ? radio->peripherals[radio->agenda[0]].next_ns : ear->next_ns);
    }
    return deadline_ns;
}

/* One peripheral speaks to every ear that hears it. */
static void radio_spread(struct radio *radio, uint32_t index, uint64_t now_ns)
{
    peripheral_live(&radio->peripherals[index], now_ns);
    list_for_each(node, &radio->ears)
    {
        struct ear *ear = list_entry(node, struct ear, node);
        if (ear->listening && (ear->rssi[index] > RSSI_FAINT || dice_roll(&ear->dice) % 3 == 0))
            ear_hear(ear, index, now_ns);
    }
}

/* Everything that spoke up to now, in its order. */
static void radio_speak(struct radio *radio, uint64_t now_ns)
{
    for (;;) {
        uint32_t index = radio->agenda[0];
        struct peripheral *peripheral = &radio->peripherals[index];
        if (peripheral->next_ns > now_ns)
            return;
        /* What nobody listened to in time was not heard. */
        uint64_t late_ns = now_ns - peripheral->next_ns, interval_ns = peripheral->interval_ms * NS_PER_MS;
        if (late_ns <= LATE_MAX_NS)
            radio_spread(radio, index, now_ns);
        /* Bluetooth adds up to 10 ms at random to each interval. */
        peripheral->next_ns += (late_ns / interval_ns + 1) * interval_ns;
        peripheral->next_ns += dice_mix(peripheral->seed, peripheral->next_ns) % (10 * NS_PER_MS);
        agenda_sink(radio, 0);
    }
}

/* What this ear hears at its own pace, one peripheral after the other. */
static void ear_keep_pace(struct ear *ear, uint64_t now_ns)
{
    struct radio *radio = ear->radio;
    uint64_t interval_ns = NS_PER_S / (uint64_t)radio->config.rate;
    if (ear->next_ns < now_ns && now_ns - ear->next_ns > LATE_MAX_NS)
        ear->next_ns = now_ns;
    while (ear->listening && ear->next_ns <= now_ns) {
        uint32_t index = ear->cursor;
        ear->cursor = (index + 1) % radio->n_peripherals;
        ear->next_ns += interval_ns;
        if (radio->config.payload == RADIO_LIFE)
            peripheral_live(&radio->peripherals[index], now_ns);
        ear_hear(ear, index, now_ns);
    }
}

void radio_tick(struct radio *radio, uint64_t now_ns)
{
    if (radio->config.rate < 0) {
        radio_speak(radio, now_ns);
        return;
    }
    list_for_each(node, &radio->ears)
    {
        struct ear *ear = list_entry(node, struct ear, node);
        if (radio->config.rate > 0 && ear->listening)
            ear_keep_pace(ear, now_ns);
    }
}
