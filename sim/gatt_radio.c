/* SPDX-License-Identifier: MIT */
#include "sim/gatt_radio.h"

#include "base/time.h"
#include "sim/dice.h"
#include "sim/proxy.h"
#include "wire/message.h"
#include <string.h>

enum {
    OPEN_LEAST_MS = 300,
    OPEN_MOST_MS = 550,
    DISCOVER_MS = 250, /* more, without a cache */
    GIVE_UP_MS = 5000, /* nobody is there */
    CLOSE_LEAST_MS = 15,
    CLOSE_MOST_MS = 50,
    RSSI_WEAK = -82,      /* dBm; from here on */
    WEAK_PER_MILLE = 250, /* so many attempts fail */
    BLUEDROID_ERROR = 0x85,
    INVALID_ARGUMENT = 0x102, /* of ESP-IDF's error codes */
};

const struct sim_link_faults sim_link_faults_all = {
    .refused = 50,
    .failed = 100,
    .stuck = 20,
    .lost_request = 10,
    .lost_second = 20,
    .errors = 10,
    .untold_ends = 200,
    .lost_values = 5,
};

void gatt_radio_init(struct gatt_radio *radio)
{
    list_init(&radio->links);
}

void gatt_radio_deinit(struct gatt_radio *radio)
{
    list_for_each(node, &radio->links) gatt_link_free(list_entry(node, struct gatt_link, node));
}

uint64_t gatt_radio_delay_ns(struct gatt_radio *radio, unsigned least_ms, unsigned most_ms)
{
    if (radio->latency_ms >= 0)
        return (uint64_t)radio->latency_ms * NS_PER_MS;
    uint64_t spread_ns = (most_ms - least_ms) * NS_PER_MS;
    return least_ms * NS_PER_MS + dice_roll(&radio->dice) % (spread_ns + 1);
}

bool gatt_radio_chance(struct gatt_radio *radio, uint16_t per_mille)
{
    return per_mille > 0 && dice_roll(&radio->dice) % 1000 < per_mille;
}

static struct gatt_radio *radio_of(void *user)
{
    return &((struct sim_proxy *)user)->gatt;
}

static struct gatt_link *radio_find(const struct gatt_radio *radio, uint64_t address)
{
    list_for_each(node, &radio->links)
    {
        struct gatt_link *link = list_entry(node, struct gatt_link, node);
        if (link->address == address)
            return link;
    }
    return NULL;
}

static struct gatt_link *radio_find_up(const struct gatt_radio *radio, uint64_t address)
{
    struct gatt_link *link = radio_find(radio, address);
    return link && link->state == GATT_LINK_UP ? link : NULL;
}

/* ---- Opening and closing ---- */

static void radio_scan_again(struct gatt_radio *radio, uint64_t now_ns)
{
    list_for_each(node, &radio->links) if (list_entry(node, struct gatt_link, node)->state ==
                                           GATT_LINK_OPENING) return;
    radio->on_opening(radio->user, false, now_ns);
}

void gatt_radio_end(struct gatt_radio *radio, struct gatt_link *link, int32_t reason, uint64_t now_ns)
{
    uint64_t address = link->address;
    bool was_up = link->state != GATT_LINK_OPENING;
    gatt_link_free(link);
    radio->muffled = was_up && gatt_radio_chance(radio, radio->faults.untold_ends) ? address : 0;
    server_link_closed(radio->server, address, reason, now_ns);
    radio->muffled = 0;
    if (!was_up)
        radio_scan_again(radio, now_ns);
}

/* How it ends to call this device: 0, or the reason why there is no link. */
static int32_t radio_outcome(struct gatt_radio *radio, const struct gatt_device *device, int8_t rssi)
{
    static const int32_t failures[] = {HCI_NOT_ESTABLISHED, BLUEDROID_ERROR, HCI_TIMEOUT};
    if (!device)
        return BLUEDROID_ERROR;
    if (gatt_radio_chance(radio, radio->faults.failed))
        return failures[dice_roll(&radio->dice) % 3];
    if (device->link || (rssi <= RSSI_WEAK && gatt_radio_chance(radio, WEAK_PER_MILLE)))
        return HCI_NOT_ESTABLISHED;
    return 0;
}

static void radio_opened(struct gatt_radio *radio, struct gatt_link *link, uint64_t now_ns)
{
    int8_t rssi = 0;
    struct gatt_device *device = ear_find_device(radio->ear, link->address, link->address_type, &rssi);
    int32_t reason = radio_outcome(radio, device, rssi);
    if (reason) {
        gatt_radio_end(radio, link, reason, now_ns);
        return;
    }
    gatt_link_up(link, device, now_ns);
    server_link_opened(radio->server, link->address, device->model->mtu, now_ns);
    radio_scan_again(radio, now_ns);
}

static void radio_open(void *user, uint64_t address, uint8_t address_type, bool cached, uint64_t now_ns)
{
    struct gatt_radio *radio = radio_of(user);
    struct gatt_link *link = radio_find(radio, address);
    if (link) /* the server has given it up */
        gatt_link_free(link);
    link = gatt_link_new(radio, address, address_type, cached);
    if (!link) {
        server_link_closed(radio->server, address, BLUEDROID_ERROR, now_ns);
        return;
    }
    int8_t rssi;
    const struct gatt_device *device = ear_find_device(radio->ear, address, address_type, &rssi);
    if (device && (device->model->ghost || gatt_radio_chance(radio, radio->faults.stuck)))
        link->due_ns = BP_NEVER;
    else if (device)
        link->due_ns = now_ns + gatt_radio_delay_ns(radio, OPEN_LEAST_MS + (cached ? 0 : DISCOVER_MS),
                                                    OPEN_MOST_MS + (cached ? 0 : DISCOVER_MS));
    else
        link->due_ns = now_ns + gatt_radio_delay_ns(radio, GIVE_UP_MS, GIVE_UP_MS);
    if (link->due_ns <= now_ns)
        radio_opened(radio, link, now_ns);
    else
        radio->on_opening(radio->user, true, now_ns);
}

static void radio_close(void *user, uint64_t address, uint64_t now_ns)
{
    struct gatt_radio *radio = radio_of(user);
    struct gatt_link *link = radio_find(radio, address);
    if (!link || link->state == GATT_LINK_CLOSING)
        return;
    if (link->state == GATT_LINK_UP) {
        link->state = GATT_LINK_CLOSING;
        link->due_ns = now_ns + gatt_radio_delay_ns(radio, CLOSE_LEAST_MS, CLOSE_MOST_MS);
        if (link->due_ns > now_ns)
            return;
    }
    gatt_radio_end(radio, link, HCI_WE_HUNG_UP, now_ns);
}

/* ---- What is asked over a link ---- */

static const struct server_service *radio_services(void *user, uint64_t address, size_t *ret_n)
{
    const struct gatt_link *link = radio_find_up(radio_of(user), address);
    bool discovered = link && !link->cached;
    *ret_n = discovered ? link->device->database->n_services : 0;
    return discovered ? link->device->database->services : NULL;
}

static void radio_read(void *user, uint64_t address, uint16_t handle, uint64_t now_ns)
{
    struct gatt_link *link = radio_find_up(radio_of(user), address);
    if (link)
        gatt_link_request(link, GATT_READ, handle, NULL, 0, now_ns);
}

static void radio_write(void *user, uint64_t address, uint16_t handle, const uint8_t *value, size_t size,
                        bool response, uint64_t now_ns)
{
    struct gatt_link *link = radio_find_up(radio_of(user), address);
    if (link)
        gatt_link_request(link, response ? GATT_WRITE : GATT_COMMAND, handle, value, size, now_ns);
}

static int32_t radio_notify(void *user, uint64_t address, uint16_t handle, bool enable, uint64_t now_ns)
{
    (void)enable;
    (void)now_ns;
    const struct gatt_link *link = radio_find_up(radio_of(user), address);
    return link && gatt_database_at(link->device->database, handle) ? 0 : ATT_INVALID_HANDLE;
}

static int32_t radio_set_parameters(void *user, uint64_t address, uint16_t interval_min,
                                    uint16_t interval_max, uint16_t latency, uint16_t timeout,
                                    uint64_t now_ns)
{
    (void)user;
    (void)address;
    (void)now_ns;
    bool valid = interval_min >= 6 && interval_min <= interval_max && interval_max <= 3200 &&
                 latency <= 499 && timeout >= 10 && timeout <= 3200;
    return valid ? 0 : INVALID_ARGUMENT;
}

/* ---- Bonds ---- */

bool gatt_radio_has_bond(const struct gatt_radio *radio, uint64_t address)
{
    for (size_t i = 0; i < radio->n_bonds; i++)
        if (radio->bonds[i] == address)
            return true;
    return false;
}

static void radio_forget(struct gatt_radio *radio, size_t index)
{
    radio->n_bonds--;
    memmove(radio->bonds + index, radio->bonds + index + 1, (radio->n_bonds - index) * sizeof(*radio->bonds));
}

void gatt_radio_bond(struct gatt_radio *radio, uint64_t address)
{
    if (gatt_radio_has_bond(radio, address))
        return;
    if (radio->n_bonds == GATT_BONDS_MAX)
        radio_forget(radio, 0);
    radio->bonds[radio->n_bonds++] = address;
}

static void radio_pair(void *user, uint64_t address, uint64_t now_ns)
{
    struct gatt_link *link = radio_find_up(radio_of(user), address);
    if (link)
        gatt_link_request(link, GATT_PAIR, 0, NULL, 0, now_ns);
}

static bool radio_is_paired(void *user, uint64_t address)
{
    return gatt_radio_has_bond(radio_of(user), address);
}

static int32_t radio_unpair(void *user, uint64_t address, uint64_t now_ns)
{
    struct gatt_radio *radio = radio_of(user);
    (void)now_ns;
    for (size_t i = 0; i < radio->n_bonds; i++)
        if (radio->bonds[i] == address)
            radio_forget(radio, i);
    return 0;
}

/* It keeps none: each link without a cache asks the device. */
static int32_t radio_clear_cache(void *user, uint64_t address, uint64_t now_ns)
{
    (void)user;
    (void)address;
    (void)now_ns;
    return 0;
}

/* ---- A bad proxy ---- */

static bool radio_loses(void *user, uint32_t message_type, uint64_t address)
{
    struct gatt_radio *radio = radio_of(user);
    switch (message_type) {
    case MESSAGE_DEVICE_CONNECTION_RESPONSE:
        return radio->muffled == address; /* which is never 0 */
    case MESSAGE_GATT_READ_RESPONSE:
    case MESSAGE_GATT_NOTIFY_DATA_RESPONSE:
        return gatt_radio_chance(radio, radio->faults.lost_values);
    }
    return false;
}

static bool radio_refuses(void *user, uint64_t address)
{
    struct gatt_radio *radio = radio_of(user);
    (void)address;
    return gatt_radio_chance(radio, radio->faults.refused);
}

const struct server_link_ops gatt_radio_ops = {
    .open = radio_open,
    .close = radio_close,
    .services = radio_services,
    .read = radio_read,
    .write = radio_write,
    .notify = radio_notify,
    .pair = radio_pair,
    .is_paired = radio_is_paired,
    .unpair = radio_unpair,
    .clear_cache = radio_clear_cache,
    .set_parameters = radio_set_parameters,
    .loses = radio_loses,
    .refuses = radio_refuses,
};

/* ---- Time ---- */

uint64_t gatt_radio_deadline(const struct gatt_radio *radio)
{
    uint64_t deadline_ns = BP_NEVER;
    list_for_each(node, &radio->links) deadline_ns =
        time_min(deadline_ns, gatt_link_deadline(list_entry(node, struct gatt_link, node)));
    return deadline_ns;
}

static struct gatt_link *radio_next_due(const struct gatt_radio *radio, uint64_t now_ns)
{
    list_for_each(node, &radio->links)
    {
        struct gatt_link *link = list_entry(node, struct gatt_link, node);
        if (gatt_link_deadline(link) <= now_ns)
            return link;
    }
    return NULL;
}

/* Every step may change everything, so the search starts again after each. */
void gatt_radio_tick(struct gatt_radio *radio, uint64_t now_ns)
{
    struct gatt_link *link;
    while ((link = radio_next_due(radio, now_ns)) != NULL) {
        switch (link->state) {
        case GATT_LINK_OPENING:
            radio_opened(radio, link, now_ns);
            break;
        case GATT_LINK_UP:
            gatt_link_tick(link, now_ns);
            break;
        case GATT_LINK_CLOSING:
            gatt_radio_end(radio, link, HCI_WE_HUNG_UP, now_ns);
            break;
        }
    }
}
