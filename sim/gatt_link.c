/* SPDX-License-Identifier: MIT */
#include "sim/gatt_link.h"

#include "base/time.h"
#include "sim/dice.h"
#include "sim/gatt_radio.h"
#include <string.h>

enum {
    REQUEST_LEAST_MS = 15, /* a connection interval or two */
    REQUEST_MOST_MS = 50,
    PAIR_LEAST_MS = 300,
    PAIR_MOST_MS = 900,
    /* A device that does not answer costs the link after 30 s (Core Specification, Vol 3 Part F 3.3.3). Clients
     * that wait as long themselves are to be the first to give up. */
    MUTE_S = 32,
    NOTIFICATIONS_A_TIME = 6,   /* in a connection event */
    PAUSE_US = 7500,            /* between two of those */
    SMP_NOT_SUPPORTED = 77 + 5, /* Bluedroid adds 77 to the reasons of the pairing protocol */
};

struct gatt_request {
    struct list node;
    enum gatt_request_kind kind;
    uint16_t handle;
    size_t size;
    uint8_t value[];
};

struct gatt_link *gatt_link_new(struct gatt_radio *radio, uint64_t address, uint8_t address_type, bool cached)
{
    struct gatt_link *link = env_alloc(radio->env, sizeof(*link));
    if (!link)
        return NULL;
    *link = (struct gatt_link){.radio = radio,
                               .address = address,
                               .address_type = address_type,
                               .cached = cached,
                               .state = GATT_LINK_OPENING,
                               .due_ns = BP_NEVER,
                               .risk_ns = BP_NEVER};
    list_init(&link->requests);
    list_append(&radio->links, &link->node);
    return link;
}

void gatt_link_free(struct gatt_link *link)
{
    const struct env *env = link->radio->env;
    if (link->device)
        gatt_device_attach(link->device, NULL);
    list_for_each(node, &link->requests) env_free(env, list_entry(node, struct gatt_request, node));
    list_unlink(&link->node);
    env_free(env, link);
}

/* A moment of the next second. */
static void link_tempt_fate(struct gatt_link *link, uint64_t now_ns)
{
    link->risk_ns = BP_NEVER;
    if (link->radio->faults.lost_second > 0)
        link->risk_ns = now_ns + 1 + dice_roll(&link->radio->dice) % NS_PER_S;
}

void gatt_link_up(struct gatt_link *link, struct gatt_device *device, uint64_t now_ns)
{
    link->state = GATT_LINK_UP;
    link->due_ns = BP_NEVER;
    link->device = device;
    gatt_device_attach(device, link);
    link_tempt_fate(link, now_ns);
}

void gatt_link_lose(struct gatt_link *link, int32_t reason, uint64_t now_ns)
{
    gatt_radio_end(link->radio, link, reason, now_ns);
}

/* Bytes of a value in one piece. */
static size_t link_payload(const struct gatt_link *link)
{
    return link->device->model->mtu - BLEPROXY_MTU_OVERHEAD;
}

/* ---- Requests ---- */

/* How often the two sides must meet: long values go in parts. */
static unsigned link_trips(const struct gatt_link *link, const struct gatt_request *request)
{
    size_t mtu = link->device->model->mtu, size = request->size;
    if (request->kind == GATT_WRITE && size > link_payload(link))
        return (unsigned)(2 + size / (mtu - 5));
    if (request->kind == GATT_READ && request->handle < link->device->database->n_handles)
        return (unsigned)(1 + link->device->values[request->handle].size / (mtu - 1));
    return 1;
}

/* Sets out with the first request, if there is one. */
static void link_send(struct gatt_link *link, uint64_t now_ns)
{
    link->due_ns = BP_NEVER;
    if (list_empty(&link->requests))
        return;
    const struct gatt_request *request = list_entry(link->requests.next, struct gatt_request, node);
    uint64_t delay_ns = 0;
    switch (request->kind) {
    case GATT_READ:
    case GATT_WRITE:
        delay_ns =
            gatt_radio_delay_ns(link->radio, REQUEST_LEAST_MS, REQUEST_MOST_MS) * link_trips(link, request);
        break;
    case GATT_COMMAND: /* nobody waits for an answer */
        break;
    case GATT_PAIR:
        delay_ns = gatt_radio_delay_ns(link->radio, PAIR_LEAST_MS, PAIR_MOST_MS);
        break;
    }
    link->due_ns = now_ns + (link->device->model->mute ? MUTE_S * NS_PER_S : delay_ns);
}

/* The server may end the link when it hears of it. */
static void link_answer_write(struct gatt_link *link, const struct gatt_request *request, int32_t error,
                              uint64_t now_ns)
{
    struct gatt_radio *radio = link->radio;
    struct gatt_device *device = link->device;
    bool response = request->kind == GATT_WRITE, encrypted = gatt_radio_has_bond(radio, link->address);
    if (!response && request->size > link_payload(link)) { /* the stack refuses it */
        server_link_written(radio->server, link->address, request->handle, ATT_INVALID_LENGTH, now_ns);
        return;
    }
    if (error == 0)
        error = gatt_device_write(device, request->handle, request->value, request->size, response, encrypted,
                                  now_ns);
    bool done = error == 0;
    server_link_written(radio->server, link->address, request->handle, response ? error : 0, now_ns);
    if (done && device->link == link)
        gatt_device_react(device, request->handle, now_ns);
}

static void link_answer(struct gatt_link *link, const struct gatt_request *request, int32_t error,
                        uint64_t now_ns)
{
    struct gatt_radio *radio = link->radio;
    const uint8_t *value = NULL;
    size_t size = 0;
    switch (request->kind) {
    case GATT_READ:
        if (error == 0)
            error = gatt_device_read(link->device, request->handle, gatt_radio_has_bond(radio, link->address),
                                     now_ns, &value, &size);
        server_link_value(radio->server, link->address, request->handle, error, value, size, now_ns);
        break;
    case GATT_WRITE:
    case GATT_COMMAND:
        link_answer_write(link, request, error, now_ns);
        break;
    case GATT_PAIR:
        if (link->device->model->pairs)
            gatt_radio_bond(radio, link->address);
        server_link_paired(radio->server, link->address, link->device->model->pairs,
                           link->device->model->pairs ? 0 : SMP_NOT_SUPPORTED, now_ns);
        break;
    }
}

/* Why the first request ends the link instead of being answered, or 0. */
static int32_t link_patience_ends(struct gatt_link *link)
{
    struct gatt_device *device = link->device;
    device->n_requests++;
    if (device->model->mute)
        return HCI_TIMEOUT;
    if (device->model->patience && device->n_requests == device->model->patience)
        return HCI_PEER_HUNG_UP;
    return gatt_radio_chance(link->radio, link->radio->faults.lost_request) ? HCI_TIMEOUT : 0;
}

static void link_complete(struct gatt_link *link, uint64_t now_ns)
{
    const struct env *env = link->radio->env;
    int32_t reason = link_patience_ends(link);
    if (reason) {
        gatt_link_lose(link, reason, now_ns);
        return;
    }
    struct gatt_request *request = list_entry(link->requests.next, struct gatt_request, node);
    list_unlink(&request->node);
    link_send(link, now_ns);
    link_answer(link, request,
                gatt_radio_chance(link->radio, link->radio->faults.errors) ? ATT_UNLIKELY_ERROR : 0, now_ns);
    env_free(env, request);
}

void gatt_link_request(struct gatt_link *link, enum gatt_request_kind kind, uint16_t handle,
                       const uint8_t *value, size_t size, uint64_t now_ns)
{
    const struct gatt_request refused = {.kind = kind, .handle = handle, .size = size};
    struct gatt_request *request = NULL;
    if (size <= BLEPROXY_VALUE_MAX)
        request = env_alloc(link->radio->env, sizeof(*request) + size);
    if (!request) {
        link_answer(link, &refused,
                    size > BLEPROXY_VALUE_MAX ? ATT_INVALID_LENGTH : ATT_INSUFFICIENT_RESOURCES, now_ns);
        return;
    }
    *request = (struct gatt_request){.kind = kind, .handle = handle, .size = size};
    if (size > 0)
        memcpy(request->value, value, size);
    bool first = list_empty(&link->requests);
    list_append(&link->requests, &request->node);
    if (first)
        link_send(link, now_ns);
    if (first && link->due_ns <= now_ns)
        link_complete(link, now_ns);
}

/* ---- Notifications ---- */

void gatt_link_notify(struct gatt_link *link, uint16_t handle, const uint8_t *value, size_t size,
                      uint64_t now_ns)
{
    size_t most = link_payload(link);
    if (link->state == GATT_LINK_UP)
        server_link_notification(link->radio->server, link->address, handle, value, size < most ? size : most,
                                 now_ns);
}

size_t gatt_link_room(const struct gatt_link *link, size_t size, uint64_t *ret_pause_ns)
{
    enum { MESSAGE_OVERHEAD = 48, BACKLOG_MAX = SERVER_OUT_MAX / 8 * 7 };
    size_t backlog = server_backlog(link->radio->server);
    size_t room = backlog < BACKLOG_MAX ? (BACKLOG_MAX - backlog) / (size + MESSAGE_OVERHEAD) : 0;
    *ret_pause_ns = NS_PER_MS;
    if (link->radio->latency_ms == 0)
        return room;
    *ret_pause_ns = PAUSE_US * (NS_PER_MS / 1000);
    return room < NOTIFICATIONS_A_TIME ? room : NOTIFICATIONS_A_TIME;
}

/* ---- Time ---- */

uint64_t gatt_link_deadline(const struct gatt_link *link)
{
    uint64_t deadline_ns = link->due_ns;
    if (link->state == GATT_LINK_UP)
        deadline_ns = time_min(deadline_ns, time_min(link->risk_ns, gatt_device_deadline(link->device)));
    return deadline_ns;
}

void gatt_link_tick(struct gatt_link *link, uint64_t now_ns)
{
    if (now_ns >= link->risk_ns) {
        link_tempt_fate(link, now_ns);
        if (gatt_radio_chance(link->radio, link->radio->faults.lost_second))
            gatt_link_lose(link, HCI_TIMEOUT, now_ns);
    } else if (now_ns >= link->due_ns) {
        link_complete(link, now_ns);
    } else {
        gatt_device_tick(link->device, now_ns);
    }
}
