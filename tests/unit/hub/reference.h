/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HUB_REFERENCE_H
#define TESTS_HUB_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

/* What habluetooth (7.1.2) decides, written down as plainly as can be: arrays, loops, strings, seconds. Scanners and
 * devices are numbers, device 1 has the address 00:00:00:00:00:01. It is what the hub with BLEPROXY_RULES_ALL is compared
 * with, so it shares nothing with it. There are no requests for active scans. */

enum { REFERENCE_SCANNERS = 4, REFERENCE_DEVICES = 8, REFERENCE_PAIRS = 16, REFERENCE_NAME = 64 };
enum { REFERENCE_LEARN = 16, REFERENCE_NOBODY = -1, REFERENCE_TOLD = 32 };

/* Text by text, in order: UUIDs (value ""), service data, manufacturer data. */
struct pairs {
    unsigned n;
    struct {
        const char *key, *value;
    } at[REFERENCE_PAIRS];
};

/* A packet: its bytes, for the hub, and what they mean, for us. */
struct packet {
    const char *hex, *name; /* name "": none */
    struct pairs uuids, services, companies;
};

/* What is known after a packet. */
struct record {
    bool known;
    unsigned scanner, device, serial; /* serial: no two records have the same */
    double time;
    int rssi; /* 0: not told */
    bool connectable;
    const struct packet *raw; /* NULL: none */
    char name[REFERENCE_NAME];
    struct pairs uuids, services, companies;
};

struct source {
    bool registered, connectable, scanning;
    unsigned pauses;
    double heard, next_check;
    struct record cache[REFERENCE_DEVICES];
    char device_name[REFERENCE_DEVICES][REFERENCE_NAME]; /* "": none */
};

/* Something that was told: a change, or that a device is gone. */
struct told {
    double time;
    unsigned device, scanner; /* scanner: of a change, and of a device gone for all */
    bool connectable, is_change;
};

struct reference {
    double now, next_sweep;
    unsigned serial;
    struct source sources[REFERENCE_SCANNERS];
    struct record all[REFERENCE_DEVICES], connectable[REFERENCE_DEVICES];
    char names[REFERENCE_DEVICES][REFERENCE_NAME];
    bool has_bucket[REFERENCE_DEVICES];
    bool has_strength[REFERENCE_DEVICES][REFERENCE_SCANNERS];
    double strength[REFERENCE_DEVICES][REFERENCE_SCANNERS];
    bool demoted[REFERENCE_DEVICES][REFERENCE_SCANNERS];
    int tracked[REFERENCE_DEVICES]; /* a scanner, or REFERENCE_NOBODY */
    unsigned n_times[REFERENCE_DEVICES];
    double times[REFERENCE_DEVICES][REFERENCE_LEARN];
    bool has_interval[REFERENCE_DEVICES];
    double interval[REFERENCE_DEVICES];
    double fallback[REFERENCE_DEVICES]; /* 0: none */
    struct told told[REFERENCE_TOLD];   /* the caller takes them away */
    unsigned n_told;
};

/* The last scanner cannot connect. All are registered. */
void reference_init(struct reference *reference, double now);
/* Time passes, with all that is due until then. */
void reference_advance(struct reference *reference, double now);
void reference_hear(struct reference *reference, unsigned scanner, unsigned device, int rssi,
                    const struct packet *packet);
/* The session is lost; it comes back with a new scanner that knows nothing. */
void reference_unregister(struct reference *reference, unsigned scanner);
void reference_register(struct reference *reference, unsigned scanner);
void reference_pause(struct reference *reference, unsigned scanner);
void reference_resume(struct reference *reference, unsigned scanner);
void reference_set_interval(struct reference *reference, unsigned device, double seconds);
void reference_forget(struct reference *reference, unsigned device);

/* As content() in fixture.h shows a view. Static memory. */
const char *reference_content(const struct record *record);

#endif
