/* SPDX-License-Identifier: MIT */
#include "hub_memory.h"

#include "hub.h"

#include <stdio.h>

/* Counted are the allocator's blocks as it makes them. Both figures swing by how full the tables are: the worst number of
 * devices counts, from DEVICES_MIN on, as a table's first slots are for few. FEW proxies are two: what is kept only of
 * devices that several hear belongs to the device. */
enum { DEVICES_MIN = 100, DEVICES_MAX = 8192, VARIANTS = 2, FEW = 2, MANY = 6 };

struct worst {
    double bytes, sum;
    unsigned n_devices;
};

static void consider(struct worst *worst, double bytes, unsigned n_devices)
{
    worst->sum += bytes;
    if (bytes <= worst->bytes)
        return;
    worst->bytes = bytes;
    worst->n_devices = n_devices;
}

static void hear(struct world *world, enum sensor sensor, unsigned number, unsigned variant)
{
    uint8_t data[SENSOR_SIZE_MAX];
    struct batch_advert advert = {.address = SENSOR_ADDRESS + number,
                                  .data = data,
                                  .size = (uint32_t)sensor_payload(data, sensor, number, variant),
                                  .rssi = -60,
                                  .address_type = BLEPROXY_ADDRESS_RANDOM};
    for (unsigned i = 0; i < world->n_scanners; i++)
        scanner_report(world->scanners[i], &advert, world->now_ns);
}

/* bytes[n]: what n devices need that all of the proxies hear. */
static void fill(enum sensor sensor, unsigned n_proxies, double bytes[DEVICES_MAX + 1])
{
    struct world world;
    world_open(&world, 0, n_proxies);
    size_t empty = world.live_bytes;
    for (unsigned n = 0; n < DEVICES_MAX; n++) {
        for (unsigned variant = 0; variant < VARIANTS; variant++)
            hear(&world, sensor, n, variant);
        bytes[n + 1] = (double)(world.live_bytes - empty);
    }
    world_close(&world);
}

static void measure(const char *name, enum sensor sensor)
{
    static double few[DEVICES_MAX + 1], many[DEVICES_MAX + 1];
    struct worst device = {0}, proxy = {0};
    fill(sensor, FEW, few);
    fill(sensor, MANY, many);
    for (unsigned n = DEVICES_MIN; n <= DEVICES_MAX; n++) {
        double further = (many[n] - few[n]) / n / (MANY - FEW);
        consider(&proxy, further, n);
        consider(&device, few[n] / n - FEW * further, n);
    }
    const unsigned n_measured = DEVICES_MAX - DEVICES_MIN + 1;
    printf("{\"memory\":\"%s\",\"per_device\":%.0f,\"mean_per_device\":%.0f,\"worst_with\":%u,"
           "\"per_proxy\":%.0f,\"mean_per_proxy\":%.0f,\"worst_of_proxies_with\":%u}\n",
           name, device.bytes, device.sum / n_measured, device.n_devices, proxy.bytes, proxy.sum / n_measured,
           proxy.n_devices);
    fflush(stdout);
}

void hub_memory_print(void)
{
    measure("31 bytes", SENSOR_BEACON);
    measure("31 bytes with a name", SENSOR_NAMED);
    measure("62 bytes with a name", SENSOR_SCANNED);
}
