/* SPDX-License-Identifier: MIT */
#ifndef REPLAY_TRACE_H
#define REPLAY_TRACE_H

#include <bleproxy/advertisement.h>
#include <bleproxy/device_info.h>
#include <stdbool.h>

/* A trace, bleproxy-record(5): what arrived from proxies, an event a line. */

enum {
    TRACE_LINE_SIZE = 4096, /* holds each line that is written */
    TRACE_TEXT_MAX = 64,
    TRACE_RAW_MAX = 1650, /* Bluetooth Core: the longest extended advertising data */
};

enum trace_kind {
    TRACE_REGISTER,
    TRACE_UNREGISTER,
    TRACE_ADVERT,
    TRACE_PAUSED,
    TRACE_FALLBACK_INTERVAL,
    TRACE_TICK,
    TRACE_LOST,
};
enum { TRACE_N_KINDS = TRACE_LOST + 1, TRACE_N_MODES = BLEPROXY_MODE_AUTO + 1 };

/* As lines name them; trace_modes by enum bleproxy_scanner_mode. */
extern const char *const trace_kinds[TRACE_N_KINDS], *const trace_modes[TRACE_N_MODES];
bool trace_kind_has_source(enum trace_kind kind);

struct trace_event {
    enum trace_kind kind;
    uint64_t time_ns; /* since whenever, at most 285 years */
    uint64_t source;  /* the proxy's address; 0 where it is about none */
    union {
        struct {
            bool connectable;
            enum bleproxy_scanner_mode mode; /* NONE: null */
            /* For people, UTF-8 of at most TRACE_TEXT_MAX bytes each; NULL: left out. Not read. */
            const char *time, *name, *firmware, *version;
        } scanner; /* REGISTER */
        struct {
            uint64_t address;
            uint8_t address_type;
            int8_t rssi; /* dBm, 0: none was reported */
            uint16_t raw_size;
            const uint8_t *raw; /* borrowed; not NULL */
        } advert;
        bool paused; /* a connect attempt holds the scanner */
        struct {
            uint64_t address, interval_ns; /* > 0 */
        } fallback;
        uint32_t lost; /* lines that are left out here, as somebody did not read in time */
    };
};

/* Writes the line with its newline, NUL-terminated. raw_size <= TRACE_RAW_MAX. Returns its size without the NUL. */
size_t trace_format(const struct trace_event *event, char memory[static TRACE_LINE_SIZE]);

#endif
