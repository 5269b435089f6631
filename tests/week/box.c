/* SPDX-License-Identifier: MIT */
#include "box.h"

#include "noise/cipher.h"
#include "sim/gatt_device.h"
#include "world.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the radio. A device answers nobody but at its own advertisements; what it takes to set a link up, and to discover its
 * services, is for packets that all arrive. */
#define ADVERT_LEAST_NS (300 * NS_PER_MS)
#define ADVERT_MOST_NS  (700 * NS_PER_MS)
#define UNHEARD_NS      (200 * NS_PER_MS) /* six intervals without an answer: no link */
#define SET_UP_NS       (250 * NS_PER_MS)
#define DISCOVER_NS     (600 * NS_PER_MS)
#define EXCHANGE_NS     (60 * NS_PER_MS)
#define PAIR_NS         (500 * NS_PER_MS)
#define CLOSE_NS        (30 * NS_PER_MS)
#define MODE_NS         (80 * NS_PER_MS)
#define SLOWEST         20 /* times as long, when little arrives */

enum { MTU = 185, VALUE = 0x12, WIRE_MAX = 4096, LOST_AFTER = 6, BOX_NAME_SIZE = 16 };
enum { NOISE_MOST_DB = 6, DIFFERENCE_DB = 3 };

/* ---- The wire ---- */

static void on_connection_pending(void *user)
{
    box_touch(user);
}

static void drop_connection(struct box *box)
{
    struct server_connection *connection = box->connection;
    box->connection = NULL;
    if (connection)
        server_connection_free(connection, box->world->now_ns);
}

static void on_connection_close(void *user, const char *why)
{
    struct box *box = user;
    (void)why;
    drop_connection(box);
    box_touch(box);
}

static const struct server_connection_ops connection_ops = {on_connection_pending, on_connection_close};

/* A piece from home to the box. False: there is none. */
static bool pass_down(struct box *box)
{
    struct proxy *proxy = manager_proxy(box->manager);
    struct iovec vec;
    uint8_t bytes[WIRE_MAX];
    size_t n = box->connection ? proxy_pending(proxy, &vec) : 0;
    if (n == 0)
        return false;
    n = n < sizeof(bytes) ? n : sizeof(bytes);
    memcpy(bytes, vec.iov_base, n);
    proxy_sent(proxy, n);
    server_connection_feed(box->connection, bytes, n, box->world->now_ns);
    return true;
}

static bool pass_up(struct box *box)
{
    struct iovec vec;
    uint8_t bytes[WIRE_MAX];
    size_t n = box->connection ? server_connection_pending(box->connection, &vec) : 0;
    if (n == 0)
        return false;
    n = n < sizeof(bytes) ? n : sizeof(bytes);
    memcpy(bytes, vec.iov_base, n);
    server_connection_sent(box->connection, n);
    proxy_feed(manager_proxy(box->manager), bytes, n, box->world->now_ns);
    return true;
}

static void wake(struct world *world, void *what, uint64_t detail)
{
    struct box *box = what;
    if (detail != box->wake_ns)
        return;
    box->wake_ns = BP_NEVER;
    manager_tick(box->manager, world->now_ns);
    if (box->server)
        server_tick(box->server, world->now_ns);
    box_touch(box);
}

static void touch(struct world *world, void *what, uint64_t detail)
{
    struct box *box = what;
    (void)detail;
    box->touched = false;
    for (bool moved = true; moved;) {
        moved = pass_down(box);
        moved |= pass_up(box);
    }
    uint64_t due_ns = manager_deadline(box->manager);
    if (box->server)
        due_ns = time_min(due_ns, server_deadline(box->server));
    if (due_ns < world->now_ns)
        due_ns = world->now_ns;
    if (due_ns >= box->wake_ns)
        return;
    box->wake_ns = due_ns;
    agenda_add(&world->agenda, due_ns, wake, box, due_ns);
}

void box_touch(struct box *box)
{
    if (!box->touched && box->manager)
        world_after(box->world, 0, touch, box, 0);
    box->touched = true;
}

/* ---- The manager ---- */

static void on_resolve(void *user, const char *host, uint16_t port, uint64_t now_ns)
{
    struct box *box = user;
    const struct net_address address = {.family = 4, .bytes = {(uint8_t)box->index}};
    (void)host, (void)port;
    proxy_resolved(manager_proxy(box->manager), &address, 1, 0, NULL, now_ns);
    box_touch(box);
}

static void on_cancel_resolve(void *user)
{
    (void)user;
}

static void on_open(void *user, unsigned attempt, const struct net_address *address, uint64_t now_ns)
{
    struct box *box = user;
    (void)address;
    drop_connection(box);
    if (!box->server || server_accept(box->server, &connection_ops, box, now_ns, &box->connection) < 0) {
        proxy_connect_failed(manager_proxy(box->manager), attempt, "no route to host", now_ns);
    } else {
        box->attempt = attempt;
        proxy_connected(manager_proxy(box->manager), attempt, now_ns);
    }
    box_touch(box);
}

static void on_close(void *user, unsigned attempt)
{
    struct box *box = user;
    if (attempt == box->attempt)
        drop_connection(box);
}

static void on_state(void *user, enum bleproxy_proxy_state state, const struct session_end *why,
                     uint64_t now_ns)
{
    struct box *box = user;
    (void)why, (void)now_ns;
    if (state != BLEPROXY_PROXY_READY)
        dwellers_lose(box->world, box->index);
}

static void get_time(void *user, struct session_time *ret_time)
{
    const struct box *box = user;
    *ret_time =
        (struct session_time){.epoch_seconds = (uint32_t)(box->world->now_ns / NS_PER_S), .timezone = "UTC0"};
}

static const struct manager_ops manager_ops = {.resolve = on_resolve,
                                               .cancel_resolve = on_cancel_resolve,
                                               .open = on_open,
                                               .close = on_close,
                                               .get_time = get_time,
                                               .on_pending = on_connection_pending,
                                               .on_state = on_state};

bool box_is_there(const struct box *box)
{
    return box->server && manager_state(box->manager) == BLEPROXY_PROXY_READY;
}

/* ---- The radio ---- */

static bool is_opening(const struct box *box)
{
    for (unsigned i = 0; i < BOX_SLOTS; i++)
        if (box->waves[i].address && !box->waves[i].is_up)
            return true;
    return false;
}

struct scanner *box_ear(const struct box *box)
{
    if (!box_is_there(box) || !server_is_subscribed(box->server) || is_opening(box))
        return NULL;
    return manager_scanner(box->manager);
}

static struct wave *wave_find(struct box *box, uint64_t address)
{
    for (unsigned i = 0; i < BOX_SLOTS; i++)
        if (box->waves[i].address == address)
            return &box->waves[i];
    return NULL;
}

static uint64_t wave_dice(const struct wave *wave, uint64_t n)
{
    return world_dice(wave->box->world, DICE_BOX + wave->box->index, wave->number << 20 | n);
}

/* Of a packet on the path, now. The device hears the proxy as well as it is heard, give or take what the two radios differ
 * in, and nobody can know. */
static double wave_quality(const struct wave *wave, uint64_t n)
{
    const struct box *box = wave->box;
    double dbm = air_packet_dbm(dweller_dbm(wave->device, box->index), wave_dice(wave, n)) - box->noise_db;
    uint64_t pair = world_dice(box->world, DICE_BOX + box->index, ~(uint64_t)wave->device->index);
    return air_quality(dbm + (double)(pair % (2 * DIFFERENCE_DB + 1)) - DIFFERENCE_DB);
}

static void wave_after(struct wave *wave, uint64_t delay_ns, event_fn *run)
{
    world_after(wave->box->world, delay_ns, run, wave, wave->number);
}

/* The device advertises again. */
static void wave_clear(struct wave *wave)
{
    if (wave->device && wave->device->wave == wave)
        wave->device->wave = NULL;
    *wave = (struct wave){.box = wave->box};
}

static void wave_end(struct wave *wave, int32_t reason)
{
    struct box *box = wave->box;
    uint64_t address = wave->address, now_ns = box->world->now_ns;
    bool was_up = wave->is_up;
    wave_clear(wave);
    if (!was_up)
        server_scanner_state(box->server, BLEPROXY_SCANNER_RUNNING, now_ns);
    server_link_closed(box->server, address, reason, now_ns);
    box_touch(box);
}

/* Both directions have to work, and six times in a row they did not. */
static bool is_cut(const struct wave *wave, uint64_t n)
{
    double miss = 1 - wave_quality(wave, n), cut = miss;
    for (unsigned i = 1; i < LOST_AFTER; i++)
        cut *= miss;
    return air_passes(cut, ~wave_dice(wave, n));
}

static void wave_lose(struct world *world, void *what, uint64_t number)
{
    struct wave *wave = what;
    (void)world;
    if (wave->number == number)
        wave_end(wave, HCI_TIMEOUT);
}

static void wave_miss(struct world *world, void *what, uint64_t number)
{
    struct wave *wave = what;
    (void)world;
    if (wave->number == number)
        wave_end(wave, HCI_NOT_ESTABLISHED);
}

/* A second has passed. */
static void wave_last(struct world *world, void *what, uint64_t number)
{
    struct wave *wave = what;
    (void)world;
    if (wave->number != number)
        return;
    if (is_cut(wave, ++wave->n_steps))
        wave_end(wave, HCI_TIMEOUT);
    else
        wave_after(wave, NS_PER_S, wave_last);
}

static void wave_up(struct world *world, void *what, uint64_t number)
{
    struct wave *wave = what;
    if (wave->number != number)
        return;
    wave->is_up = true;
    server_scanner_state(wave->box->server, BLEPROXY_SCANNER_RUNNING, world->now_ns);
    server_link_opened(wave->box->server, wave->address, MTU, world->now_ns);
    wave_after(wave, NS_PER_S, wave_last);
    box_touch(wave->box);
}

/* What takes so long where all arrives takes longer. */
static uint64_t slowed_ns(uint64_t ns, double quality)
{
    double times = 1 / (quality * quality);
    return (uint64_t)((double)ns * (times < SLOWEST ? times : SLOWEST));
}

static void wave_set_up(struct wave *wave)
{
    uint64_t took_ns =
        slowed_ns(SET_UP_NS + (wave->cached ? 0 : DISCOVER_NS), wave_quality(wave, ++wave->n_steps));
    wave->device->wave = wave;
    for (uint64_t ns = 0; ns < took_ns; ns += NS_PER_S)
        if (is_cut(wave, ++wave->n_steps)) {
            wave_after(wave, ns + UNHEARD_NS, wave_lose);
            return;
        }
    wave_after(wave, took_ns, wave_up);
}

/* It waits for an advertisement of the device, answers it, and is heard or not. */
static void wave_call(struct world *world, void *what, uint64_t number)
{
    struct wave *wave = what;
    (void)world;
    if (wave->number != number)
        return;
    uint64_t n = ++wave->n_steps;
    bool speaks = wave->device && !wave->device->wave && wave->device->address == wave->address;
    if (!speaks || !air_passes(wave_quality(wave, n), ~wave_dice(wave, n)))
        wave_after(wave, between_ns(wave_dice(wave, n), ADVERT_LEAST_NS, ADVERT_MOST_NS), wave_call);
    else if (!air_passes(wave_quality(wave, n), ~wave_dice(wave, n << 10)))
        wave_after(wave, UNHEARD_NS, wave_miss);
    else
        wave_set_up(wave);
}

static void radio_open(void *user, uint64_t address, uint8_t address_type, bool cached, uint64_t now_ns)
{
    struct box *box = user;
    struct wave *wave = wave_find(box, address);
    (void)address_type;
    if (!wave)
        wave = wave_find(box, 0);
    if (!wave) {
        server_link_closed(box->server, address, HCI_NOT_ESTABLISHED, now_ns);
        return;
    }
    wave_clear(wave);
    wave->address = address;
    wave->device = dweller_find(box->world, address);
    wave->cached = cached;
    wave->number = ++box->n_waves;
    server_scanner_state(box->server, BLEPROXY_SCANNER_STOPPED, now_ns);
    wave_after(wave, between_ns(wave_dice(wave, 0), 0, ADVERT_MOST_NS), wave_call);
}

static void wave_close(struct world *world, void *what, uint64_t number)
{
    struct wave *wave = what;
    (void)world;
    if (wave->number == number)
        wave_end(wave, HCI_WE_HUNG_UP);
}

static void radio_close(void *user, uint64_t address, uint64_t now_ns)
{
    struct wave *wave = wave_find(user, address);
    (void)now_ns;
    if (wave)
        wave_after(wave, CLOSE_NS, wave_close);
}

static const struct server_service *radio_services(void *user, uint64_t address, size_t *ret_n)
{
    static const struct server_characteristic value = {
        .uuid = {2, {0x2a, 0x19}}, .handle = VALUE, .properties = BLEPROXY_PROPERTY_READ};
    static const struct server_service service = {
        .uuid = {2, {0x18, 0x0f}}, .handle = VALUE - 2, .characteristics = &value, .n_characteristics = 1};
    (void)user, (void)address;
    *ret_n = 1;
    return &service;
}

static void wave_answer(struct world *world, void *what, uint64_t number)
{
    static const uint8_t value[] = {55};
    struct wave *wave = what;
    if (wave->number != number)
        return;
    server_link_value(wave->box->server, wave->address, VALUE, 0, value, sizeof(value), world->now_ns);
    box_touch(wave->box);
}

static void radio_read(void *user, uint64_t address, uint16_t handle, uint64_t now_ns)
{
    struct wave *wave = wave_find(user, address);
    (void)handle, (void)now_ns; /* there is one */
    if (wave)
        wave_after(wave, slowed_ns(EXCHANGE_NS, wave_quality(wave, ++wave->n_steps)), wave_answer);
}

static void radio_write(void *user, uint64_t address, uint16_t handle, const uint8_t *value, size_t size,
                        bool response, uint64_t now_ns)
{
    struct box *box = user;
    (void)value, (void)size;
    if (response)
        server_link_written(box->server, address, handle, 0, now_ns);
}

static int32_t radio_notify(void *user, uint64_t address, uint16_t handle, bool enable, uint64_t now_ns)
{
    (void)user, (void)address, (void)handle, (void)enable, (void)now_ns;
    return 0;
}

static void wave_pair(struct world *world, void *what, uint64_t number)
{
    struct wave *wave = what;
    if (wave->number != number)
        return;
    server_link_paired(wave->box->server, wave->address, true, 0, world->now_ns);
    box_touch(wave->box);
}

static void radio_pair(void *user, uint64_t address, uint64_t now_ns)
{
    struct wave *wave = wave_find(user, address);
    (void)now_ns;
    if (wave)
        wave_after(wave, PAIR_NS, wave_pair);
}

static bool radio_is_paired(void *user, uint64_t address)
{
    (void)user, (void)address;
    return false;
}

static int32_t radio_forget(void *user, uint64_t address, uint64_t now_ns)
{
    (void)user, (void)address, (void)now_ns;
    return 0;
}

static int32_t radio_set_parameters(void *user, uint64_t address, uint16_t interval_min,
                                    uint16_t interval_max, uint16_t latency, uint16_t timeout,
                                    uint64_t now_ns)
{
    (void)user, (void)address, (void)interval_min, (void)interval_max, (void)latency, (void)timeout;
    (void)now_ns;
    return 0;
}

static const struct server_link_ops link_ops = {
    .open = radio_open,
    .close = radio_close,
    .services = radio_services,
    .read = radio_read,
    .write = radio_write,
    .notify = radio_notify,
    .pair = radio_pair,
    .is_paired = radio_is_paired,
    .unpair = radio_forget,
    .clear_cache = radio_forget,
    .set_parameters = radio_set_parameters,
};

static void on_subscribed(void *user, bool subscribed, uint64_t now_ns)
{
    (void)user, (void)subscribed, (void)now_ns;
}

static void mode_is_set(struct world *world, void *what, uint64_t detail)
{
    struct box *box = what;
    (void)detail;
    if (box->server && !is_opening(box))
        server_scanner_state(box->server, BLEPROXY_SCANNER_RUNNING, world->now_ns);
    box_touch(box);
}

static void set_mode(void *user, enum bleproxy_scanner_mode mode, uint64_t now_ns)
{
    struct box *box = user;
    (void)mode;
    server_scanner_state(box->server, BLEPROXY_SCANNER_STARTING, now_ns);
    world_after(box->world, MODE_NS, mode_is_set, box, 0);
}

static const struct server_radio_ops radio_ops = {
    .on_subscribed = on_subscribed, .set_mode = set_mode, .links = &link_ops};

/* ---- Power ---- */

static void *reallocate(void *user, void *block, size_t size)
{
    (void)user;
    if (size == 0) {
        free(block);
        return NULL;
    }
    block = realloc(block, size);
    if (!block)
        abort();
    return block;
}

static void draw(void *user, void *buf, size_t size)
{
    (void)user;
    memset(buf, 4, size); /* nothing is secret */
}

/* Of the boxes' own end. */
static const struct env env = {.reallocate = reallocate, .random = draw};

static void power_on(struct world *world, void *what, uint64_t detail)
{
    struct box *box = what;
    char name[BOX_NAME_SIZE];
    (void)detail;
    if (box->server)
        return;
    snprintf(name, sizeof(name), "box-%u", box->index);
    const struct server_config config = {
        .env = &env,
        .profile = server_profile_find("2026.8"),
        .name = name,
        .friendly_name = name,
        .model = "Virtual proxy",
        .manufacturer = "bleproxy",
        .mac_address = box->source - 2,
        .bluetooth_mac_address = box->source,
        .scanner_mode = BLEPROXY_MODE_PASSIVE,
        .slots = BOX_SLOTS,
    };
    if (server_new(&config, &radio_ops, box, world->now_ns, &box->server) < 0)
        abort();
    server_scanner_state(box->server, BLEPROXY_SCANNER_RUNNING, world->now_ns);
    box_touch(box);
}

void box_power_off(struct box *box, uint64_t duration_ns)
{
    struct world *world = box->world;
    bool was_connected = box->connection;
    if (!box->server)
        return;
    for (unsigned i = 0; i < BOX_SLOTS; i++)
        wave_clear(&box->waves[i]);
    server_free(box->server);
    box->server = NULL;
    box->connection = NULL;
    if (was_connected)
        proxy_fail(manager_proxy(box->manager), BLEPROXY_E_CLOSED, NULL, world->now_ns);
    world_after(world, duration_ns, power_on, box, 0);
    box_touch(box);
}

void box_init(struct box *box, struct world *world, unsigned index)
{
    char name[BOX_NAME_SIZE];
    uint64_t dice = world_dice(world, DICE_BOX + index, 0);
    *box = (struct box){.world = world,
                        .index = index,
                        .place = plan_place(index, dice),
                        .noise_db = (double)(dice % (NOISE_MOST_DB + 1)),
                        .source = UINT64_C(0xAC0000000002) + 4 * index,
                        .wake_ns = BP_NEVER};
    for (unsigned i = 0; i < BOX_SLOTS; i++)
        box->waves[i].box = box;
    power_on(world, box, 0);
    snprintf(name, sizeof(name), "box-%u", index);
    const struct proxy_config config = {.host = name,
                                        .port = 6053,
                                        .session = {.env = &world->env,
                                                    .label = name,
                                                    .client_info = "simulation",
                                                    .timeouts = session_timeouts_default}};
    if (manager_new(world->hub, &config, &manager_ops, box, &box->manager) < 0)
        abort();
    manager_set_scan_mode(box->manager, BLEPROXY_MODE_AUTO);
    if (manager_start(box->manager, NULL, NULL, world->now_ns) < 0)
        abort();
    box->touched = false;
    box_touch(box);
}

void box_deinit(struct box *box)
{
    manager_free(box->manager, box->world->now_ns);
    box->manager = NULL;
    server_free(box->server);
}
