/* SPDX-License-Identifier: MIT */
#include "hub_scenarios.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADVERTS = 100 }; /* in an iteration of most of habluetooth's own */

/* ---- bleak-esphome's own: messages as proxies sent them ---- */

#define SENSOR        "020104030307fe18ff9705060016702500ca00000800000000000000020a00"
#define SENSOR_WHOLE  "020104030307fe14ffa705060012702500ca00000800000000000000020a00"
#define TELEVISION    "02011a1bff75004204018060c0cbd1aa1fe2c2cbd1aa1fe0010000000000"
#define PHONE_TETHER  "02011a0eff4c000f059000c962d610022004020a00"
#define PHONE_NEARBY  "02011a020a0c0bff4c001006421dd63f4f78"
#define PHONE_NEARBY2 "02011a020a0c0aff4c0010050a1484face"
#define PHONE_AIRPLAY "02011a17ff4c000908137fc0a8015b1b58160800c0a8015b1b58"
#define THERMOSTAT    "0201020909613235626430643911070000cdc4c6eaeeb6c845adad33b3d639"
#define BUTTON        "0201050716feff0900ff10"
#define REMOTE_1      "0201060303121810094c4f4f4b696e5f39384633333046330319c103"
#define REMOTE_2      "0201060303121810094c4f4f4b696e5f39384633333230440319c103"
#define ACCESSORY                                                                                            \
    "0201060409"                                                                                             \
    "4d3130"                                                                                                 \
    "16ff4c000631000a0b0c0d0e0f0a000100020002aabbccdd"

static void prepare_two(struct world *world)
{
    static const struct heard message[] = {{261602360644300, -96, SENSOR},
                                           {246965243285491, -88, TELEVISION}};
    world_hears_message(world, message, sizeof(message) / sizeof(message[0]));
}

static void prepare_six(struct world *world)
{
    static const struct heard message[] = {
        {261602360644300, -96, SENSOR},     {246965243285491, -88, TELEVISION},
        {246965243285493, -83, TELEVISION}, {246965243285494, -84, TELEVISION},
        {246965243285495, -81, TELEVISION}, {246965243285496, -53, TELEVISION},
    };
    world_hears_message(world, message, sizeof(message) / sizeof(message[0]));
}

static void prepare_adv1(struct world *world)
{
    static const struct heard message[] = {
        {0x5c8fdd1a0001, -70, PHONE_NEARBY}, {0x5c8fdd1a0002, -82, THERMOSTAT},
        {0x5c8fdd1a0003, -61, BUTTON},       {0x5c8fdd1a0004, -77, PHONE_TETHER},
        {0x5c8fdd1a0005, -90, SENSOR_WHOLE}, {0x5c8fdd1a0006, -68, PHONE_NEARBY2},
    };
    world_hears_message(world, message, sizeof(message) / sizeof(message[0]));
}

static void prepare_adv2(struct world *world)
{
    static const struct heard message[] = {{0x5c8fdd1b0001, -74, PHONE_AIRPLAY},
                                           {0x5c8fdd1b0002, -85, REMOTE_1}};
    world_hears_message(world, message, sizeof(message) / sizeof(message[0]));
}

static void prepare_adv3(struct world *world)
{
    static const struct heard message[] = {{0x5c8fdd1c0001, -79, PHONE_TETHER},
                                           {0x5c8fdd1c0002, -66, REMOTE_2},
                                           {0x5c8fdd1c0003, -58, ACCESSORY}};
    world_hears_message(world, message, sizeof(message) / sizeof(message[0]));
}

/* ---- habluetooth's own: one device, decoded by the proxy ---- */

static const struct company_data company_1 = {.company = 1, .size = 1, .data = {1}};

static void prepare_simple(struct world *world)
{
    for (unsigned i = 0; i < ADVERTS; i++)
        world_hears_decoded(world, 0, -100, "wohand", "\1\2", &company_1, 1);
}

/* The other proxy has heard it better, once. */
static void prepare_keep_previous(struct world *world)
{
    world_hears_decoded(world, 0, -60, "wohand", "\1\2", &company_1, 1);
    world_feed(world);
    world->n_steps = world->n_reports = 0;
    for (unsigned i = 0; i < ADVERTS; i++)
        world_hears_decoded(world, 1, -90, "wohand", "\1\2", &company_1, 1);
}

/* Whoever has it falls silent for too long. */
static void prepare_switch(struct world *world)
{
    hub_set_interval(world->hub, DECODED_ADDRESS, 10 * NS_PER_S);
    world->pace_ns = 100 * NS_PER_S;
    for (unsigned i = 0; i < ADVERTS; i++)
        world_hears_decoded(world, i % 2, -60, "wohand", "\1\2", &company_1, 1);
}

static void prepare_complex(struct world *world)
{
    struct company_data companies[100];
    for (unsigned i = 0; i < 100; i++)
        companies[i] = (struct company_data){.company = (uint16_t)i, .size = 1, .data = {1}};
    for (unsigned i = 0; i < ADVERTS; i++)
        world_hears_decoded(world, 0, -100, "wohand", "\1\2", companies, 100);
}

static void prepare_different_advertisements(struct world *world)
{
    for (unsigned i = 0; i < ADVERTS; i++) {
        const struct company_data company = {.company = (uint16_t)i, .size = 1, .data = {1}};
        world_hears_decoded(world, 0, -100, "wohand", "\1\2", &company, 1);
    }
}

static void prepare_different_manufacturer_data(struct world *world)
{
    for (unsigned i = 0; i < ADVERTS; i++) {
        struct company_data companies[] = {company_1, {.company = 3, .size = 20}};
        memset(companies[1].data, (int)i, companies[1].size);
        world_hears_decoded(world, 0, -100, "wohand", "\1\2", companies, 2);
    }
}

/* By its name only: the loop of habluetooth's passes the last advertisement's data each time. */
static void prepare_different_service_data(struct world *world)
{
    for (unsigned i = 0; i < ADVERTS; i++)
        world_hears_decoded(world, 0, -100, "wohand", "\1\143", &company_1, 1);
}

/* 256 companies once, then 99 others in turn. */
static void prepare_rotating_manufacturer_data(struct world *world)
{
    struct company_data company = {.size = 5};
    for (company.company = 1000; company.company < 1256; company.company++)
        world_hears_decoded(world, 0, -100, "wohand", "\1\2", &company, 1);
    world_feed(world);
    world->n_steps = world->n_reports = 0;
    company.size = 20;
    for (company.company = 1; company.company < ADVERTS; company.company++)
        world_hears_decoded(world, 0, -100, "wohand", "\1\2", &company, 1);
}

static void prepare_apple(struct world *world, uint8_t first)
{
    const struct company_data company = {.company = 76, .size = 1, .data = {first}};
    for (unsigned i = 0; i < ADVERTS; i++)
        world_hears_decoded(world, 0, -100, "wohand", NULL, &company, 1);
}

static void prepare_unwanted_apple(struct world *world)
{
    prepare_apple(world, 0xff);
}

static void prepare_wanted_apple(struct world *world)
{
    prepare_apple(world, 0x02);
}

static void prepare_raw_unchanged(struct world *world)
{
    for (unsigned i = 0; i < ADVERTS; i++)
        world_hears_hex(world, 0, DECODED_ADDRESS, -100, "12211a020a050aff06326b0352000104090004");
}

static void prepare_raw_changed(struct world *world)
{
    uint8_t raw[] = {0x02, 0x01, 0x06, 0x07, 0xff, 0x01, 0x00, 0x10, 0x20, 0x30, 0x00};
    for (unsigned i = 0; i < ADVERTS; i++) {
        raw[sizeof(raw) - 1] = (uint8_t)i;
        world_hears(world, 0, DECODED_ADDRESS, -100, raw, sizeof(raw));
    }
}

/* ---- Names: what habluetooth measures of its name cache alone, in whole reports ---- */

static void prepare_name_address(struct world *world)
{
    for (unsigned i = 0; i < ADVERTS; i++)
        world_hears_decoded(world, 0, -100, "00:00:00:00:00:44", "\1\2", &company_1, 1);
}

/* Two proxies in turn. */
static void prepare_names(struct world *world, const char *name, const char *other)
{
    for (unsigned i = 0; i < ADVERTS; i++)
        world_hears_decoded(world, i % 2, -60, i % 2 ? other : name, "\1\2", &company_1, 1);
}

static void prepare_name_shortened(struct world *world)
{
    prepare_names(world, "wohand in the kitchen", "wohand");
}

static void prepare_name_differs(struct world *world)
{
    prepare_names(world, "wohand", "curtain");
}

static void feed_anew(struct world *world)
{
    for (size_t i = 0; i < world->n_steps; i++) {
        hub_forget(world->hub, DECODED_ADDRESS);
        scanner_report_decoded(world->scanners[0], world->steps[i].decoded, world->now_ns);
    }
}

/* ---- Who is gone ---- */

/* A sweep is due every 300 s with habluetooth's rules, more often with ours. */
static void sweep(struct world *world)
{
    world->now_ns += 300 * NS_PER_S;
    hub_tick(world->hub, world->now_ns);
}

static void hear_devices(struct world *world, unsigned scanner, unsigned first, unsigned n)
{
    uint8_t data[SENSOR_SIZE_MAX];
    for (unsigned i = first; i < first + n; i++) {
        size_t size = sensor_payload(data, SENSOR_NAMED, i, 0);
        world_hears(world, scanner, SENSOR_ADDRESS + i, -60 - (int)(i % 30), data, size);
    }
}

static void prepare_sweep_200_of_1(struct world *world)
{
    hear_devices(world, 0, 0, 200);
    world_feed(world);
}

static void prepare_sweep_200_of_4(struct world *world)
{
    static const unsigned heard[] = {200, 100, 66, 50};
    for (unsigned i = 0; i < 4; i++)
        hear_devices(world, i, 0, heard[i]);
    world_feed(world);
}

enum { N_EXPIRED = 50 };

static void prepare_sweep_expired(struct world *world)
{
    hear_devices(world, 0, 0, N_EXPIRED);
}

/* Devices are heard, forgotten by their proxy, and gone. */
static void sweep_expired(struct world *world)
{
    world_feed(world);
    world->now_ns += (BLEPROXY_DEVICE_EXPIRY_S + 31) * NS_PER_S;
    scanner_tick(world->scanners[0], world->now_ns);
    world->now_ns += 900 * NS_PER_S;
    hub_tick(world->hub, world->now_ns);
    if (hub_n_devices(world->hub) > 0) {
        fputs("hub: devices that are gone are still there\n", stderr);
        exit(2);
    }
}

/* Half of them by one proxy, half by another. */
static void prepare_sweep_10000(struct world *world)
{
    hear_devices(world, 0, 0, 5000);
    hear_devices(world, 1, 5000, 5000);
    world_feed(world);
}

/* Nobody hears them any more, but they speak seldom: each is looked for in all proxies. */
static void prepare_sweep_10000_silent(struct world *world)
{
    prepare_sweep_10000(world);
    for (uint64_t i = 0; i < 10000; i++)
        hub_set_interval(world->hub, SENSOR_ADDRESS + i, HUB_INTERVAL_MAX_S * NS_PER_S);
    world->now_ns += 1000 * NS_PER_S;
    for (unsigned i = 0; i < world->n_scanners; i++)
        scanner_tick(world->scanners[i], world->now_ns);
}

/* ---- Active scans on demand: proxies in mode AUTO, 25 devices each that need some every two minutes ---- */

enum { AUTO_SCANNERS = 8, AUTO_DEVICES = 25, AUTO_INTERVAL_S = 120, AUTO_WINDOW_S = 10 };

static void request_scans(struct world *world, unsigned n_devices)
{
    struct bleproxy_active_scan *request;
    world_feed(world);
    for (unsigned i = 0; i < n_devices; i++)
        hub_request_active_scan(world->hub, SENSOR_ADDRESS + i, AUTO_INTERVAL_S * 1000, AUTO_WINDOW_S * 1000,
                                world->now_ns, &request);
}

static void prepare_auto(struct world *world)
{
    world_scan_auto(world);
    for (unsigned i = 0; i < AUTO_SCANNERS; i++)
        hear_devices(world, i, i * AUTO_DEVICES, AUTO_DEVICES);
    request_scans(world, AUTO_SCANNERS * AUTO_DEVICES);
}

/* All hear all, the first proxy best, which is about to connect. */
static void prepare_auto_stand_in(struct world *world)
{
    uint8_t data[SENSOR_SIZE_MAX];
    world_scan_auto(world);
    for (unsigned i = 0; i < AUTO_DEVICES; i++)
        for (unsigned scanner = 0; scanner < AUTO_SCANNERS; scanner++) {
            size_t size = sensor_payload(data, SENSOR_NAMED, i, 0);
            world_hears(world, scanner, SENSOR_ADDRESS + i, -55 - (int)scanner, data, size);
        }
    request_scans(world, AUTO_DEVICES);
    scanner_pause(world->scanners[0]);
}

/* When each proxy has something to do next. */
static void ask_next(struct world *world)
{
    struct bleproxy_auto_scan scan;
    for (unsigned i = 0; i < world->n_scanners; i++)
        if (hub_get_auto_scan(world->hub, scanner_source(world->scanners[i]), &scan) < 0 || scan.next_ns == 0)
            exit(2);
}

/* All devices are due: windows open, and close. */
static void scan_due(struct world *world)
{
    world->now_ns += AUTO_INTERVAL_S * NS_PER_S;
    hub_tick(world->hub, world->now_ns);
    world->now_ns += AUTO_WINDOW_S * NS_PER_S;
    hub_tick(world->hub, world->now_ns);
}

/* ---- Ours: many devices, heard by one proxy or by six ---- */

enum { FEW = 100, MANY = 5000 };

static void shuffle(struct world *world, size_t first)
{
    for (size_t i = world->n_steps; i > first + 1; i--) {
        size_t j = first + world_random(world, (unsigned)(i - first));
        struct step held = world->steps[i - 1];
        world->steps[i - 1] = world->steps[j];
        world->steps[j] = held;
    }
}

/* Every proxy hears every device once, in no order. */
static void hear_all(struct world *world, unsigned n_devices, enum sensor sensor, unsigned variant)
{
    uint8_t data[SENSOR_SIZE_MAX];
    size_t first = world->n_steps;
    for (unsigned i = 0; i < n_devices; i++) {
        size_t size = sensor_payload(data, sensor, i, variant);
        for (unsigned scanner = 0; scanner < world->n_scanners; scanner++)
            world_hears(world, scanner, SENSOR_ADDRESS + i, -55 - 4 * (int)scanner, data, size);
    }
    shuffle(world, first);
}

static void prepare_unchanged(struct world *world)
{
    hear_all(world, FEW, SENSOR_NAMED, 0);
}

/* Only the last value is another: it is patched where it lies. */
static void prepare_changed(struct world *world)
{
    hear_all(world, FEW, SENSOR_NAMED, 0);
    hear_all(world, FEW, SENSOR_NAMED, 1);
}

/* The last value is longer or shorter: the payload is parsed and merged. */
static void prepare_resized(struct world *world)
{
    hear_all(world, FEW, SENSOR_NAMED, 0);
    hear_all(world, FEW, SENSOR_NAMED_SHORT, 0);
}

static void prepare_unchanged_many(struct world *world)
{
    hear_all(world, MANY, SENSOR_NAMED, 0);
}

static void prepare_changed_many(struct world *world)
{
    hear_all(world, MANY, SENSOR_NAMED, 0);
    hear_all(world, MANY, SENSOR_NAMED, 1);
}

/* Each device changes hands with every report, and says the same. */
static void prepare_ownership_flips(struct world *world)
{
    uint8_t data[SENSOR_SIZE_MAX];
    world->pace_ns = NS_PER_S;
    for (unsigned i = 0; i < 2 * FEW; i++) {
        size_t size = sensor_payload(data, SENSOR_NAMED, i % FEW, 0);
        hub_set_interval(world->hub, SENSOR_ADDRESS + i % FEW, 10 * NS_PER_S);
        world_hears(world, i / FEW, SENSOR_ADDRESS + i % FEW, -60, data, size);
    }
}

/* Each proxy hears another name of every device, none a longer form of the other. */
static void prepare_names_differ(struct world *world)
{
    uint8_t data[SENSOR_SIZE_MAX];
    for (unsigned i = 0; i < 2 * FEW; i++) {
        size_t size = sensor_payload(data, SENSOR_NAMED, i, 0);
        world_hears(world, i / FEW, SENSOR_ADDRESS + i % FEW, -60, data, size);
    }
}

#define FED(name_, n_scanners_, prepare_)                                                                    \
    {                                                                                                        \
        .name = name_, .n_scanners = n_scanners_, .prepare = prepare_, .iterate = world_feed                 \
    }
#define SWEPT(name_, n_scanners_, prepare_, iterate_, n_devices_)                                            \
    {                                                                                                        \
        .name = name_, .n_scanners = n_scanners_, .prepare = prepare_, .iterate = iterate_,                  \
        .n_devices = n_devices_                                                                              \
    }

const struct scenario scenarios[] = {
    FED("esphome_two", 1, prepare_two),
    FED("esphome_six", 1, prepare_six),
    FED("esphome_adv1", 1, prepare_adv1),
    FED("esphome_adv2", 1, prepare_adv2),
    FED("esphome_adv3", 1, prepare_adv3),
    FED("simple", 1, prepare_simple),
    FED("cross_source_keep_previous", 2, prepare_keep_previous),
    FED("cross_source_switch", 2, prepare_switch),
    FED("complex", 1, prepare_complex),
    FED("different_advertisements", 1, prepare_different_advertisements),
    FED("different_manufacturer_data", 1, prepare_different_manufacturer_data),
    FED("different_service_data", 1, prepare_different_service_data),
    FED("rotating_manufacturer_data", 1, prepare_rotating_manufacturer_data),
    FED("filter_unwanted_apple", 1, prepare_unwanted_apple),
    FED("filter_wanted_apple", 1, prepare_wanted_apple),
    FED("raw_unchanged", 1, prepare_raw_unchanged),
    FED("raw_changed", 1, prepare_raw_changed),
    FED("name_address", 1, prepare_name_address),
    {.name = "name_cold", .n_scanners = 1, .prepare = prepare_simple, .iterate = feed_anew},
    FED("name_shortened", 2, prepare_name_shortened),
    FED("name_differs", 2, prepare_name_differs),
    SWEPT("sweep_200_of_1", 1, prepare_sweep_200_of_1, sweep, 200),
    SWEPT("sweep_200_of_4", 5, prepare_sweep_200_of_4, sweep, 200),
    {.name = "sweep_expired",
     .n_scanners = 1,
     .prepare = prepare_sweep_expired,
     .iterate = sweep_expired,
     .n_devices = N_EXPIRED,
     .allocates = true},
    SWEPT("sweep_10000", 2, prepare_sweep_10000, sweep, 10000),
    SWEPT("sweep_10000_silent", 6, prepare_sweep_10000_silent, sweep, 10000),
    FED("auto_reports", AUTO_SCANNERS, prepare_auto),
    SWEPT("auto_next", AUTO_SCANNERS, prepare_auto, ask_next, AUTO_SCANNERS *AUTO_DEVICES),
    SWEPT("auto_windows", AUTO_SCANNERS, prepare_auto, scan_due, AUTO_SCANNERS *AUTO_DEVICES),
    {.name = "auto_stand_in",
     .n_scanners = AUTO_SCANNERS,
     .prepare = prepare_auto_stand_in,
     .iterate = scan_due,
     .n_devices = AUTO_DEVICES,
     .allocates = true},
    FED("unchanged_by_1", 1, prepare_unchanged),
    FED("changed_by_1", 1, prepare_changed),
    FED("resized_by_1", 1, prepare_resized),
    FED("unchanged_by_6", 6, prepare_unchanged),
    FED("changed_by_6", 6, prepare_changed),
    FED("resized_by_6", 6, prepare_resized),
    FED("unchanged_by_1_many", 1, prepare_unchanged_many),
    FED("changed_by_1_many", 1, prepare_changed_many),
    FED("unchanged_by_6_many", 6, prepare_unchanged_many),
    FED("changed_by_6_many", 6, prepare_changed_many),
    FED("ownership_flips", 2, prepare_ownership_flips),
    FED("names_differ", 2, prepare_names_differ),
};
const size_t n_scenarios = sizeof(scenarios) / sizeof(scenarios[0]);
