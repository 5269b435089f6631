/* SPDX-License-Identifier: MIT */
#include "sim/dice.h"
#include "sim/house.h"

#include <bleproxy/error.h>
#include <string.h>

enum {
    RSSI_NEAREST = -45,  /* dBm */
    RSSI_SPREAD = 48,    /* by so much it differs where peripherals stand, */
    RSSI_SPREAD_IN = 34, /* or those in the middle of the house */
    RSSI_WALK = 5,       /* and so far they wander from there */
    RSSI_FAINT = -92,    /* from here on two of three advertisements are not heard */
    RESPONSE_EVERY = 3,  /* every third active scan gets its response */
};

/* An ear that is later than this does not make up for it. */
#define LATE_MAX_NS NS_PER_S

/* Each ear hears sentinels from an address of its own: a client may take one address from one proxy only. */
static const uint64_t sentinel_address = UINT64_C(0x02fbe5000000), sentinel_mask = UINT64_C(0xffffff);

/* The inhabitants of a lively house. */
static const struct {
    enum sim_peripheral_kind kind;
    uint32_t count;
} inhabitants[] = {
    {SIM_PERIPHERAL_THERMOMETER, 1}, {SIM_PERIPHERAL_IBEACON, 1}, {SIM_PERIPHERAL_LAMP, 1},
    {SIM_PERIPHERAL_WANDERER, 4},    {SIM_PERIPHERAL_NEARBY, 24}, {SIM_PERIPHERAL_FIND_MY, 20},
    {SIM_PERIPHERAL_HANDOFF, 6},
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

/* Seeds from here on are those of devices that can be connected to: they do not depend on how many others
 * there are. */
static const uint64_t gatt_seeds = UINT64_C(0x800000);

static uint32_t house_size(const struct radio_config *config)
{
    uint32_t n = config->devices;
    for (size_t i = 0; config->payload == RADIO_LIFE && i < N_INHABITANTS; i++)
        n += inhabitants[i].count;
    return n;
}

static void radio_people(struct radio *radio, uint64_t now_ns)
{
    uint64_t house = dice_mix(radio->config.seed, 1) & ~UINT64_C(0xffffff);
    uint32_t index = 0;
    for (size_t i = 0; radio->config.payload == RADIO_LIFE && i < N_INHABITANTS; i++)
        for (uint32_t n = 0; n < inhabitants[i].count; n++, index++)
            sim_peripheral_init(&radio->peripherals[index], inhabitants[i].kind, house | index, now_ns);
    for (; index < radio->n_peripherals - radio->n_devices; index++)
        sim_peripheral_init(&radio->peripherals[index], sim_peripheral_any_kind(house | index), house | index,
                            now_ns);
    for (uint32_t i = 0; i < radio->n_devices; i++)
        sim_peripheral_init_gatt(&radio->peripherals[index + i], &gatt_models[i % GATT_N_MODELS],
                                 house | gatt_seeds | i, now_ns);
}

/* Devices that can be connected to are the last of all peripherals. */
static int radio_equip(struct radio *radio)
{
    uint32_t n = radio->n_devices, first = radio->n_peripherals - n;
    int r = 0;
    radio->n_devices = 0;
    while (r == 0 && radio->n_devices < n) {
        r = gatt_device_init(&radio->devices[radio->n_devices], &radio->peripherals[first + radio->n_devices],
                             radio->env);
        if (r == 0)
            radio->n_devices++;
    }
    return r;
}

/* Room for all who live here. 0 or BLEPROXY_E_NOMEM. */
static int radio_build(struct radio *radio)
{
    const struct env *env = radio->env;
    radio->peripherals = env_alloc(env, radio->n_peripherals * sizeof(*radio->peripherals));
    radio->agenda = env_alloc(env, radio->n_peripherals * sizeof(*radio->agenda));
    if (radio->n_devices > 0)
        radio->devices = env_alloc(env, radio->n_devices * sizeof(*radio->devices));
    return radio->peripherals && radio->agenda && (radio->devices || radio->n_devices == 0)
               ? 0
               : BLEPROXY_E_NOMEM;
}

int radio_new(const struct radio_config *config, const struct env *env, uint64_t now_ns,
              struct radio **ret_radio)
{
    bool life = config->payload == RADIO_LIFE;
    uint32_t n_others = house_size(config), n_devices = 0;
    if (config->devices > RADIO_DEVICES_MAX || config->families > RADIO_FAMILIES_MAX || n_others == 0 ||
        (life && config->rate == RADIO_RATE_FLOOD))
        return BLEPROXY_E_INVALID;
    if (life)
        n_devices = (config->families ? config->families : 1) * GATT_N_MODELS;
    struct radio *radio = env_alloc(env, sizeof(*radio));
    if (!radio)
        return BLEPROXY_E_NOMEM;
    *radio = (struct radio){
        .config = *config, .env = env, .n_peripherals = n_others + n_devices, .n_devices = n_devices};
    list_init(&radio->ears);
    int r = radio_build(radio);
    if (r == 0) {
        radio_people(radio, now_ns);
        agenda_order(radio);
        r = radio_equip(radio);
    } else {
        radio->n_devices = 0; /* none to deinit */
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
    for (uint32_t i = 0; i < radio->n_devices; i++)
        gatt_device_deinit(&radio->devices[i], radio->env);
    env_free(radio->env, radio->devices);
    flood_free(radio->env, radio->flood);
    env_free(radio->env, radio->agenda);
    env_free(radio->env, radio->peripherals);
    env_free(radio->env, radio);
}

/* ---- Ears ---- */

/* The first of each kind that can be connected to stands where every ear hears it well. */
static int ear_usual_rssi(const struct ear *ear, uint32_t index)
{
    uint32_t first = ear->radio->n_peripherals - ear->radio->n_devices;
    bool inside = index >= first && index < first + GATT_N_MODELS;
    return RSSI_NEAREST - (int)(dice_mix(ear->seed, index) % (inside ? RSSI_SPREAD_IN : RSSI_SPREAD));
}

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
        ear->rssi[i] = (int8_t)ear_usual_rssi(ear, i);
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
    int base = ear_usual_rssi(ear, index);
    int rssi = ear->rssi[index] + (int)(dice_roll(&ear->dice) % 3) - 1;
    if (rssi > base + RSSI_WALK)
        rssi = base + RSSI_WALK;
    if (rssi < base - RSSI_WALK)
        rssi = base - RSSI_WALK;
    return ear->rssi[index] = (int8_t)rssi;
}

struct gatt_device *ear_find_device(const struct ear *ear, uint64_t address, uint8_t address_type,
                                    int8_t *ret_rssi)
{
    struct radio *radio = ear->radio;
    for (uint32_t i = 0; i < radio->n_devices; i++) {
        const struct sim_peripheral *peripheral = radio->devices[i].peripheral;
        if (peripheral->address != address || peripheral->address_type != address_type)
            continue;
        *ret_rssi = (int8_t)ear_usual_rssi(ear, radio->n_peripherals - radio->n_devices + i);
        return &radio->devices[i];
    }
    return NULL;
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
    const struct sim_peripheral *peripheral = &ear->radio->peripherals[index];
    uint8_t packet[2 * SIM_PERIPHERAL_PACKET_MAX];
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
    sim_peripheral_live(&radio->peripherals[index], now_ns);
    if (radio->peripherals[index].silent)
        return;
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
        struct sim_peripheral *peripheral = &radio->peripherals[index];
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
            sim_peripheral_live(&radio->peripherals[index], now_ns);
        if (!radio->peripherals[index].silent)
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
