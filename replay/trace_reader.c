/* SPDX-License-Identifier: MIT */
#include "replay/trace_reader.h"

#include "replay/json.h"
#include "replay/line.h"
#include "replay/seconds.h"
#include <bleproxy/error.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_MAX = 40 }; /* bytes of a value in a complaint */

/* What some editors put before the first line. */
static const char bom[] = "\xef\xbb\xbf";
enum { BOM_SIZE = sizeof(bom) - 1 };

enum key {
    KEY_T,
    KEY_EVENT,
    KEY_SOURCE,
    KEY_ADDRESS,
    KEY_ADDRESS_TYPE,
    KEY_RSSI,
    KEY_RAW,
    KEY_CONNECTABLE,
    KEY_MODE,
    KEY_COUNT,
    KEY_SECONDS,
    N_KEYS,
};

static const struct {
    const char *name;
    size_t size;
} keys[N_KEYS] = {
    [KEY_T] = {"t", 1},
    [KEY_EVENT] = {"event", 5},
    [KEY_SOURCE] = {"source", 6},
    [KEY_ADDRESS] = {"address", 7},
    [KEY_ADDRESS_TYPE] = {"address_type", 12},
    [KEY_RSSI] = {"rssi", 4},
    [KEY_RAW] = {"raw", 3},
    [KEY_CONNECTABLE] = {"connectable", 11},
    [KEY_MODE] = {"mode", 4},
    [KEY_COUNT] = {"count", 5},
    [KEY_SECONDS] = {"seconds", 7},
};

/* The members of a line that the format knows; size and text 0: not there. */
struct members {
    struct trace_reader *reader;
    struct json_value values[N_KEYS];
};

static int fail(struct trace_reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct trace_reader *reader, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->error, sizeof(reader->error), format, arguments);
    va_end(arguments);
    return BLEPROXY_E_INVALID;
}

/* Says what key has and what it should have. */
static int reject(struct members *members, enum key key, const char *expected)
{
    const struct json_value *value = &members->values[key];
    const char *quote = value->kind == JSON_STRING ? "\"" : "";
    int shown = value->size > SHOWN_MAX ? SHOWN_MAX : (int)value->size;
    if (!value->text)
        return fail(members->reader, "\"%s\" is missing: expected %s", keys[key].name, expected);
    if (value->kind == JSON_NESTED)
        return fail(members->reader, "\"%s\" is a list or an object: expected %s", keys[key].name, expected);
    return fail(members->reader, "\"%s\" is %s%.*s%s%s: expected %s", keys[key].name, quote, shown,
                value->text, value->size > SHOWN_MAX ? "..." : "", quote, expected);
}

static int collect(struct members *members, const struct json_value *key, const struct json_value *value)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        if (key->size != keys[i].size || memcmp(key->text, keys[i].name, key->size) != 0)
            continue;
        if (members->values[i].text)
            return fail(members->reader, "\"%s\" is there twice", keys[i].name);
        members->values[i] = *value;
        break;
    }
    return 0;
}

static int split(struct members *members, char *text, size_t size)
{
    struct json_reader json;
    struct json_value key, value;
    json_init(&json, text, size);
    for (;;) {
        int r = json_next(&json, &key, &value);
        if (r < 0)
            return fail(members->reader, "not a JSON object: expected %s at column %zu", json.problem,
                        (size_t)(json.at - json.start) + 1);
        if (r == 0)
            return 0;
        r = collect(members, &key, &value);
        if (r < 0)
            return r;
    }
}

/* Which of the words the value is, or n. */
static size_t find_word(const struct json_value *value, const char *const words[], size_t n)
{
    size_t i = 0;
    if (!value->text || value->kind != JSON_STRING)
        return n;
    while (i < n && (strlen(words[i]) != value->size || memcmp(words[i], value->text, value->size) != 0))
        i++;
    return i;
}

static int read_address(struct members *members, enum key key, uint64_t *ret_address)
{
    const struct json_value *value = &members->values[key];
    if (value->text && value->kind == JSON_STRING && strlen(value->text) == value->size &&
        bleproxy_address_parse(value->text, ret_address) == 0)
        return 0;
    return reject(members, key, "an address, \"AA:BB:CC:DD:EE:FF\"");
}

enum { NUMBER_DIGITS_MAX = 10 };

/* Whole, without decimals or exponent. */
static int read_number(struct members *members, enum key key, int min, int max, const char *expected,
                       int *ret_number)
{
    const struct json_value *value = &members->values[key];
    bool negative = value->text && value->text[0] == '-';
    int64_t number = 0;
    if (!value->text || value->kind != JSON_NUMBER || value->size > (size_t)NUMBER_DIGITS_MAX + negative)
        return reject(members, key, expected);
    for (size_t i = negative; i < value->size; i++) {
        if (value->text[i] < '0' || value->text[i] > '9')
            return reject(members, key, expected);
        number = number * 10 + (value->text[i] - '0');
    }
    number = negative ? -number : number;
    if (number < min || number > max)
        return reject(members, key, expected);
    *ret_number = (int)number;
    return 0;
}

static int read_seconds(struct members *members, enum key key, const char *expected, uint64_t *ret_ns)
{
    const struct json_value *value = &members->values[key];
    if (value->text && value->kind == JSON_NUMBER && seconds_parse(value->text, value->size, ret_ns) == 0)
        return 0;
    return reject(members, key, expected);
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_raw(struct members *members, struct trace_event *event)
{
    const struct json_value *value = &members->values[KEY_RAW];
    static const char expected[] = "two hexadecimal digits for each of at most 1650 bytes";
    if (!value->text || value->kind != JSON_STRING || value->size > 2 * TRACE_RAW_MAX || value->size % 2 != 0)
        return reject(members, KEY_RAW, expected);
    for (size_t i = 0; i < value->size; i += 2) {
        int high = digit(value->text[i]), low = digit(value->text[i + 1]);
        if (high < 0 || low < 0)
            return reject(members, KEY_RAW, expected);
        members->reader->raw[i / 2] = (uint8_t)(high << 4 | low);
    }
    event->advert.raw = members->reader->raw;
    event->advert.raw_size = (uint16_t)(value->size / 2);
    return 0;
}

static int read_scanner(struct members *members, struct trace_event *event)
{
    const struct json_value *connectable = &members->values[KEY_CONNECTABLE],
                            *mode = &members->values[KEY_MODE];
    if (!connectable->text || (connectable->kind != JSON_TRUE && connectable->kind != JSON_FALSE))
        return reject(members, KEY_CONNECTABLE, "true or false");
    event->scanner.connectable = connectable->kind == JSON_TRUE;
    event->scanner.mode = BLEPROXY_MODE_NONE;
    if (mode->text && mode->kind == JSON_NULL)
        return 0;
    size_t i = find_word(mode, trace_modes, TRACE_N_MODES);
    if (i == TRACE_N_MODES)
        return reject(members, KEY_MODE, "\"active\", \"passive\", \"auto\" or null");
    event->scanner.mode = (enum bleproxy_scanner_mode)i;
    return 0;
}

static int read_advert(struct members *members, struct trace_event *event)
{
    int type, rssi, r = read_address(members, KEY_ADDRESS, &event->advert.address);
    if (r == 0)
        r = read_number(members, KEY_ADDRESS_TYPE, 0, UINT8_MAX, "a whole number from 0 to 255", &type);
    if (r == 0)
        r = read_number(members, KEY_RSSI, INT8_MIN, INT8_MAX, "a whole number from -128 to 127", &rssi);
    if (r < 0)
        return r;
    event->advert.address_type = (uint8_t)type;
    event->advert.rssi = (int8_t)rssi;
    return read_raw(members, event);
}

static int read_fallback(struct members *members, struct trace_event *event)
{
    int r = read_address(members, KEY_ADDRESS, &event->fallback.address);
    if (r == 0)
        r = read_seconds(members, KEY_SECONDS, "a number of seconds, at most 9000000000",
                         &event->fallback.interval_ns);
    return r;
}

static int read_rest(struct members *members, struct trace_event *event)
{
    int count, r = 0;
    if (trace_kind_has_source(event->kind))
        r = read_address(members, KEY_SOURCE, &event->source);
    if (r < 0)
        return r;
    switch (event->kind) {
    case TRACE_REGISTER:
        return read_scanner(members, event);
    case TRACE_ADVERT:
        return read_advert(members, event);
    case TRACE_PAUSED:
        r = read_number(members, KEY_COUNT, 0, 1, "0 or 1", &count);
        event->paused = r == 0 && count == 1;
        return r;
    case TRACE_FALLBACK_INTERVAL:
        return read_fallback(members, event);
    case TRACE_LOST:
        r = read_number(members, KEY_COUNT, 0, INT32_MAX, "a whole number", &count);
        event->lost = r == 0 ? (uint32_t)count : 0;
        return r;
    case TRACE_UNREGISTER:
    case TRACE_TICK:
        break;
    }
    return 0;
}

static int read_time(struct members *members, uint64_t *ret_ns)
{
    char before[64];
    struct line line;
    int r = read_seconds(members, KEY_T, "a number of seconds, from 0 to 9000000000", ret_ns);
    if (r < 0 || *ret_ns >= members->reader->time_ns)
        return r;
    line_init(&line, before, sizeof(before));
    line_add_literal(&line, "at least ");
    seconds_add(&line, members->reader->time_ns);
    line_add_literal(&line, " as before");
    line_end(&line);
    return reject(members, KEY_T, before);
}

int trace_reader_next(struct trace_reader *reader, char *text, size_t size, struct trace_event *ret_event)
{
    struct members members = {.reader = reader};
    struct trace_event event = {.source = 0};
    reader->line++;
    if (size > TRACE_LINE_MAX)
        return fail(reader, "longer than %d bytes", TRACE_LINE_MAX);
    if (reader->line == 1 && size >= BOM_SIZE && memcmp(text, bom, BOM_SIZE) == 0) {
        text += BOM_SIZE;
        size -= BOM_SIZE;
    }
    size_t space = 0;
    while (space < size && (text[space] == ' ' || text[space] == '\t' || text[space] == '\r'))
        space++;
    if (space == size)
        return TRACE_BLANK;
    int r = split(&members, text, size);
    if (r == 0)
        r = read_time(&members, &event.time_ns);
    if (r < 0)
        return r;
    size_t kind = find_word(&members.values[KEY_EVENT], trace_kinds, TRACE_N_KINDS);
    if (kind == TRACE_N_KINDS)
        return reject(
            &members, KEY_EVENT,
            "\"register\", \"unregister\", \"adv\", \"paused\", \"fallback_interval\", \"tick\" or \"lost\"");
    event.kind = (enum trace_kind)kind;
    r = read_rest(&members, &event);
    if (r < 0)
        return r;
    reader->time_ns = event.time_ns;
    *ret_event = event;
    return 0;
}
