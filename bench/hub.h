/* SPDX-License-Identifier: MIT */
#ifndef BENCH_HUB_H
#define BENCH_HUB_H

#include "base/env.h"
#include "base/time.h"
#include "hub/hub.h"
#include "hub/scanner.h"

/* What the hub's benchmarks share: a hub with its proxies' scanners on a clock that stands still, memory that is counted,
 * and reports that were made beforehand. */

enum { WORLD_SCANNERS_MAX = 8 };

struct world {
    struct env env;
    size_t allocations; /* calls that allocated or resized, ever */
    size_t live_bytes;  /* held now, with what the allocator adds to each block */
    uint64_t random_state;

    uint32_t rules; /* of enum bleproxy_rule */
    struct hub *hub;
    struct scanner *scanners[WORLD_SCANNERS_MAX]; /* sources 0x10, 0x11, ... */
    unsigned n_scanners;
    uint64_t changes; /* that the subscriber was told of; and windows of active scans */
    uint64_t now_ns;
    uint64_t pace_ns; /* how much later each report comes than the one before */

    struct step *steps; /* one iteration */
    size_t n_steps, capacity;
    size_t n_reports; /* in it */
    void **kept;
    size_t n_kept;
};

/* What arrives at once: one of the three. */
struct step {
    struct scanner *scanner;
    const BluetoothLEAdvertisementResponse *decoded;
    const uint8_t *message; /* encoded, with several advertisements; NULL: raw */
    size_t message_size;
    struct batch_advert raw;
};

/* An empty hub with n_scanners proxies that can connect, and one subscriber to changes, of which it only counts. Ends the
 * program when there is no memory, as everything here does. */
void world_open(struct world *world, uint32_t rules, unsigned n_scanners);
void world_close(struct world *world);
/* All scanners scan in mode AUTO from now on; their proxies do as they are told. */
void world_scan_auto(struct world *world);
/* Memory until the world is closed, not counted. */
void *world_keep(struct world *world, size_t size);
/* Repeatable, below limit. */
unsigned world_random(struct world *world, unsigned limit);

/* ---- One iteration: what is heard in it ---- */

/* The bytes are copied. */
void world_hears(struct world *world, unsigned scanner, uint64_t address, int rssi, const uint8_t *data,
                 size_t size);
void world_hears_hex(struct world *world, unsigned scanner, uint64_t address, int rssi, const char *data);

struct heard {
    uint64_t address;
    int rssi;
    const char *data; /* hexadecimal */
};
/* One message from the first proxy. */
void world_hears_message(struct world *world, const struct heard *heard, size_t n_heard);

struct company_data {
    uint16_t company;
    uint8_t size, data[20];
};
/* As a proxy decodes it, of one device: with a service and, unless it is NULL, its data. */
void world_hears_decoded(struct world *world, unsigned scanner, int rssi, const char *name,
                         const char *service_data, const struct company_data *companies, size_t n_companies);
enum { DECODED_ADDRESS = 0x44 };

/* What a sensor sends, one like the other but for its number. variant: from one report to the next. */
enum sensor {
    SENSOR_NAMED,       /* 31 bytes: measured values and its name */
    SENSOR_NAMED_SHORT, /* 28 bytes: one value less */
    SENSOR_BEACON,      /* 31 bytes: manufacturer data only */
    SENSOR_SCANNED,     /* a beacon, and a scan response of 31 bytes with its name and a service */
};
enum { SENSOR_SIZE_MAX = 62 };
#define SENSOR_ADDRESS UINT64_C(0xa4c138000000)
size_t sensor_payload(uint8_t out[static SENSOR_SIZE_MAX], enum sensor sensor, unsigned number,
                      unsigned variant);

/* The reports of one iteration, one after the other. */
void world_feed(struct world *world);

#endif
