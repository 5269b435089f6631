/* SPDX-License-Identifier: MIT */
#include "hub.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_OVERHEAD = 8 }; /* of glibc's malloc, beside what malloc_usable_size() says */

static void out_of_memory(void)
{
    fputs("hub: out of memory\n", stderr);
    exit(2);
}

static size_t block_size(void *block)
{
    return block ? malloc_usable_size(block) + BLOCK_OVERHEAD : 0;
}

static void *world_reallocate(void *user, void *block, size_t size)
{
    struct world *world = user;
    world->live_bytes -= block_size(block);
    if (size == 0) {
        free(block);
        return NULL;
    }
    block = realloc(block, size);
    if (!block)
        out_of_memory();
    world->allocations++;
    world->live_bytes += block_size(block);
    return block;
}

/* xorshift64: repeatable. */
static uint64_t draw(struct world *world)
{
    world->random_state ^= world->random_state << 13;
    world->random_state ^= world->random_state >> 7;
    world->random_state ^= world->random_state << 17;
    return world->random_state;
}

static void world_draw(void *user, void *buf, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)buf)[i] = (uint8_t)(draw(user) >> 32);
}

unsigned world_random(struct world *world, unsigned limit)
{
    return (unsigned)((draw(world) >> 32) % limit);
}

static void on_change(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct world *world = user;
    (void)advertisement;
    world->changes++;
}

static void add_scanner(struct world *world, const char *name)
{
    struct scanner **scanner = &world->scanners[world->n_scanners];
    const struct scanner_config config = {.env = &world->env,
                                          .source = 0x10 + world->n_scanners,
                                          .name = name,
                                          .connectable = true,
                                          .has_mode = true};
    if (scanner_new(&config, scanner) < 0)
        out_of_memory();
    scanner_setup(*scanner, world->now_ns);
    if (hub_register_scanner(world->hub, *scanner, world->now_ns) < 0)
        out_of_memory();
    world->n_scanners++;
}

void world_open(struct world *world, uint32_t rules, unsigned n_scanners)
{
    static const char *const names[WORLD_SCANNERS_MAX] = {"kitchen", "garage", "attic", "cellar",
                                                          "bath",    "hall",   "shed",  "stairs"};
    const struct bleproxy_hub_options options = {.reference = rules};
    struct bleproxy_subscription *subscription;
    *world = (struct world){
        .env = {.user = world, .reallocate = world_reallocate, .random = world_draw},
        .random_state = 88172645463325252u,
        .rules = rules,
        .now_ns = 1000 * NS_PER_S,
    };
    if (hub_new(&world->env, &options, world->now_ns, &world->hub) < 0 ||
        hub_subscribe(world->hub, BLEPROXY_STREAM_CHANGES, NULL, on_change, world, &subscription) < 0)
        out_of_memory();
    while (world->n_scanners < n_scanners)
        add_scanner(world, names[world->n_scanners]);
}

static int subscribe(void *user, uint64_t now_ns)
{
    (void)user, (void)now_ns;
    return 0;
}

static int set_mode(void *user, enum bleproxy_scanner_mode mode, uint64_t now_ns)
{
    struct world *world = user;
    (void)now_ns;
    world->changes += mode == BLEPROXY_MODE_ACTIVE;
    return 0;
}

void world_scan_auto(struct world *world)
{
    static const struct scanner_ops ops = {subscribe, set_mode};
    for (unsigned i = 0; i < world->n_scanners; i++) {
        scanner_bind(world->scanners[i], &ops, world, NULL);
        scanner_set_mode(world->scanners[i], BLEPROXY_MODE_AUTO, world->now_ns);
    }
}

void world_close(struct world *world)
{
    for (unsigned i = 0; i < world->n_scanners; i++)
        scanner_free(world->scanners[i]);
    hub_free(world->hub, world->now_ns);
    for (size_t i = 0; i < world->n_kept; i++)
        free(world->kept[i]);
    free(world->kept);
    free(world->steps);
}

void *world_keep(struct world *world, size_t size)
{
    void *block = calloc(1, size);
    if (!block || !(world->kept = realloc(world->kept, (world->n_kept + 1) * sizeof(void *))))
        out_of_memory();
    world->kept[world->n_kept++] = block;
    return block;
}

/* ---- One iteration ---- */

static void add_step(struct world *world, const struct step *step, size_t n_reports)
{
    if (world->n_steps == world->capacity) {
        world->capacity = world->capacity ? 2 * world->capacity : 64;
        world->steps = realloc(world->steps, world->capacity * sizeof(*world->steps));
        if (!world->steps)
            out_of_memory();
    }
    world->steps[world->n_steps++] = *step;
    world->n_reports += n_reports;
}

void world_hears(struct world *world, unsigned scanner, uint64_t address, int rssi, const uint8_t *data,
                 size_t size)
{
    const struct step step = {
        .scanner = world->scanners[scanner],
        .raw = {.address = address,
                .data = memcpy(world_keep(world, size), data, size),
                .size = (uint32_t)size,
                .rssi = rssi,
                .address_type = BLEPROXY_ADDRESS_RANDOM},
    };
    add_step(world, &step, 1);
}

static size_t from_hex(const char *text, uint8_t *out)
{
    size_t n = 0;
    for (unsigned byte; sscanf(text + 2 * n, "%2x", &byte) == 1; n++)
        out[n] = (uint8_t)byte;
    return n;
}

void world_hears_hex(struct world *world, unsigned scanner, uint64_t address, int rssi, const char *data)
{
    uint8_t bytes[256];
    world_hears(world, scanner, address, rssi, bytes, from_hex(data, bytes));
}

void world_hears_message(struct world *world, const struct heard *heard, size_t n_heard)
{
    struct buffer message;
    uint8_t bytes[256];
    buffer_init(&message, &world->env, SIZE_MAX);
    for (size_t i = 0; i < n_heard; i++) {
        size_t size = from_hex(heard[i].data, bytes);
        const struct batch_advert advert = {.address = heard[i].address,
                                            .data = bytes,
                                            .size = (uint32_t)size,
                                            .rssi = heard[i].rssi,
                                            .address_type = BLEPROXY_ADDRESS_RANDOM};
        if (batch_append(&message, &advert) < 0)
            out_of_memory();
    }
    size_t size = message.size;
    const struct step step = {
        .scanner = world->scanners[0],
        .message = memcpy(world_keep(world, size), buffer_data(&message), size),
        .message_size = size,
    };
    buffer_deinit(&message);
    add_step(world, &step, n_heard);
}

static ProtobufCBinaryData keep_bytes(struct world *world, const void *bytes, size_t size)
{
    return (ProtobufCBinaryData){size, memcpy(world_keep(world, size + 1), bytes, size)};
}

static ProtobufCBinaryData keep_text(struct world *world, const char *text)
{
    return keep_bytes(world, text, strlen(text));
}

static BluetoothServiceData *keep_entry(struct world *world, const char *key, const void *data, size_t size)
{
    BluetoothServiceData *entry = world_keep(world, sizeof(*entry));
    bluetooth_service_data__init(entry);
    entry->uuid = keep_text(world, key);
    entry->data = keep_bytes(world, data, size);
    return entry;
}

void world_hears_decoded(struct world *world, unsigned scanner, int rssi, const char *name,
                         const char *service_data, const struct company_data *companies, size_t n_companies)
{
    static const char service[] = "050a021a-0000-1000-8000-00805f9b34fb";
    BluetoothLEAdvertisementResponse *advert = world_keep(world, sizeof(*advert));
    bluetooth_leadvertisement_response__init(advert);
    advert->address = DECODED_ADDRESS;
    advert->rssi = rssi;
    advert->name = keep_text(world, name);
    advert->n_service_uuids = 1;
    advert->service_uuids = world_keep(world, sizeof(*advert->service_uuids));
    advert->service_uuids[0] = keep_text(world, service);
    if (service_data) {
        advert->n_service_data = 1;
        advert->service_data = world_keep(world, sizeof(*advert->service_data));
        advert->service_data[0] = keep_entry(world, service, service_data, strlen(service_data));
    }
    advert->n_manufacturer_data = n_companies;
    advert->manufacturer_data = world_keep(world, (n_companies + 1) * sizeof(*advert->manufacturer_data));
    for (size_t i = 0; i < n_companies; i++) {
        char key[8];
        snprintf(key, sizeof(key), "0x%04x", companies[i].company);
        advert->manufacturer_data[i] = keep_entry(world, key, companies[i].data, companies[i].size);
    }
    add_step(world, &(struct step){.scanner = world->scanners[scanner], .decoded = advert}, 1);
}

static size_t append(uint8_t *out, size_t at, const void *bytes, size_t size)
{
    memcpy(out + at, bytes, size);
    return at + size;
}

size_t sensor_payload(uint8_t out[static SENSOR_SIZE_MAX], enum sensor sensor, unsigned number,
                      unsigned variant)
{
    const uint8_t packet = (uint8_t)variant, degrees = (uint8_t)(number + variant);
    const uint8_t measured[] = {0x02,   0x01, 0x06, 0x0e, 0x16,    0xd2, 0xfc, 0x40, 0x00,
                                packet, 0x01, 0x5d, 0x02, degrees, 0x09, 0x03, 0xbf, 0x13};
    const uint8_t fewer[] = {0x02, 0x01,   0x06, 0x0b, 0x16, 0xd2,    0xfc, 0x40,
                             0x00, packet, 0x01, 0x5d, 0x02, degrees, 0x09};
    const uint8_t beacon[] = {0x02,
                              0x01,
                              0x06,
                              0x1b,
                              0xff,
                              0x59,
                              0x00,
                              0x02,
                              0x15,
                              0x01,
                              0x02,
                              0x03,
                              0x04,
                              0x05,
                              0x06,
                              0x07,
                              0x08,
                              0x09,
                              0x0a,
                              0x0b,
                              0x0c,
                              0x0d,
                              0x0e,
                              0x0f,
                              (uint8_t)(number >> 8),
                              (uint8_t)number,
                              0x10,
                              0x00,
                              packet,
                              0xc5,
                              0x00};
    const uint8_t service[] = {0x11, 0x07, 0xfb, 0x34, 0x9b, 0x5f, 0x81, 0x00, 0x00,
                               0x80, 0x00, 0x10, 0x00, 0x00, 0x0a, 0x18, 0x00, 0x00};
    char name[24];
    size_t size = 0;
    switch (sensor) {
    case SENSOR_NAMED:
        size = append(out, size, measured, sizeof(measured));
        break;
    case SENSOR_NAMED_SHORT:
        size = append(out, size, fewer, sizeof(fewer));
        break;
    case SENSOR_BEACON:
        return append(out, size, beacon, sizeof(beacon));
    case SENSOR_SCANNED:
        size = append(out, size, beacon, sizeof(beacon));
        size = append(out, size, service, sizeof(service));
        break;
    }
    snprintf(name, sizeof(name), "\x0c\x09TH_%08X", number);
    return append(out, size, name, 13);
}

static void report_message(const struct step *step, uint64_t now_ns)
{
    struct batch batch;
    struct batch_advert advert;
    batch_init(&batch, step->message, step->message_size);
    while (batch_next(&batch, &advert) == 1)
        scanner_report(step->scanner, &advert, now_ns);
}

void world_feed(struct world *world)
{
    for (size_t i = 0; i < world->n_steps; i++) {
        const struct step *step = &world->steps[i];
        world->now_ns += world->pace_ns;
        if (step->decoded)
            scanner_report_decoded(step->scanner, step->decoded, world->now_ns);
        else if (step->message)
            report_message(step, world->now_ns);
        else
            scanner_report(step->scanner, &step->raw, world->now_ns);
    }
}
