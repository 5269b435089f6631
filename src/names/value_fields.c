/* SPDX-License-Identifier: MIT */
#include "names/value.h"

#include <bleproxy/names.h>

/* Takes fields off the front of a value; the first one that is not there fails, and all after it. */
struct reader {
    const uint8_t *at;
    size_t left;
    bool failed;
};

/* A little-endian number of at most 4 bytes. */
static uint32_t take(struct reader *reader, size_t size)
{
    uint32_t number = 0;
    reader->failed |= size > reader->left;
    if (reader->failed)
        return 0;
    for (size_t i = size; i > 0; i--)
        number = number << 8 | reader->at[i - 1];
    reader->at += size;
    reader->left -= size;
    return number;
}

static bool done(const struct reader *reader)
{
    return !reader->failed && reader->left == 0;
}

static bool add_date_time(struct value_text *text, struct reader *in)
{
    uint32_t year = take(in, 2), month = take(in, 1), day = take(in, 1);
    uint32_t hour = take(in, 1), minute = take(in, 1), second = take(in, 1);
    /* 0 stands for not known */
    if (in->failed || year < 1582 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31 ||
        hour > 23 || minute > 59 || second > 59)
        return false;
    value_add(text, "%04u-%02u-%02u %02u:%02u:%02u", year, month, day, hour, minute, second);
    return true;
}

static bool add_current_time(struct value_text *text, struct reader *in)
{
    bool good = add_date_time(text, in);
    uint32_t day_of_week = take(in, 1);
    take(in, 1); /* 1/256 seconds */
    take(in, 1); /* why the clock was set */
    return good && day_of_week <= 7 && done(in);
}

static bool add_appearance(struct value_text *text, struct reader *in)
{
    uint16_t appearance = (uint16_t)take(in, 2);
    const char *category = appearance_category(appearance);
    if (category)
        value_add(text, "%s (0x%04x)", category, appearance);
    else
        value_add(text, "0x%04x", appearance);
    return done(in);
}

static void add_interval(struct value_text *text, uint32_t interval)
{
    if (interval == UINT16_MAX)
        value_add(text, "any");
    else
        value_add_decimal(text, (int64_t)interval * 125, 2); /* in 1.25 ms */
}

static bool add_connection_parameters(struct value_text *text, struct reader *in)
{
    uint32_t shortest = take(in, 2), longest = take(in, 2), latency = take(in, 2), timeout = take(in, 2);
    value_add(text, "interval ");
    add_interval(text, shortest);
    value_add(text, " to ");
    add_interval(text, longest);
    value_add(text, " ms, latency %u, timeout ", latency);
    if (timeout == UINT16_MAX)
        value_add(text, "any");
    else
        value_add(text, "%u ms", timeout * 10);
    return done(in);
}

static bool add_service_changed(struct value_text *text, struct reader *in)
{
    uint32_t first = take(in, 2), last = take(in, 2);
    value_add(text, "handles 0x%04x to 0x%04x", first, last);
    return done(in);
}

static bool add_battery_power_state(struct value_text *text, struct reader *in)
{
    static const char states[4][4][16] = {
        {"", "", "not present", "present"},
        {"", "", "not discharging", "discharging"},
        {"", "not chargeable", "not charging", "charging"},
        {"", "", "level good", "level critical"},
    };
    uint32_t state = take(in, 1);
    for (unsigned i = 0; i < 4; i++) {
        const char *word = states[i][state >> 2 * i & 3];
        if (word[0])
            value_add(text, "%s%s", text->size > 0 ? ", " : "", word);
    }
    if (text->size == 0)
        value_add(text, "not known");
    return done(in);
}

/* Of a health thermometer. */
static bool add_temperature_measurement(struct value_text *text, struct reader *in)
{
    enum { FAHRENHEIT = 1, TIME = 2, TYPE = 4 };
    uint32_t flags = take(in, 1);
    int32_t mantissa = (int32_t)take(in, 3);
    int8_t exponent = (int8_t)take(in, 1);
    /* IEEE 11073-20601: 0x7ffffe to 0x800002 are no numbers; thermometers need no more than these exponents. */
    if ((mantissa >= 0x7ffffe && mantissa <= 0x800002) || exponent > 0 || exponent < -6)
        return false;
    if (mantissa & 0x800000)
        mantissa -= 0x1000000;
    value_add_decimal(text, mantissa, (unsigned)-exponent);
    value_add(text, flags & FAHRENHEIT ? " °F" : " °C");
    if (flags & TIME) {
        value_add(text, ", ");
        if (!add_date_time(text, in))
            return false;
    }
    if (flags & TYPE) {
        const char *type = value_word(0x2a1d, take(in, 1));
        if (type)
            value_add(text, ", %s", type);
    }
    return done(in);
}

static bool add_heart_rate(struct value_text *text, struct reader *in)
{
    enum { WIDE = 1, CONTACT = 2, CONTACT_SUPPORTED = 4, ENERGY = 8, INTERVALS = 16 };
    uint32_t flags = take(in, 1);
    value_add(text, "%u bpm", take(in, flags & WIDE ? 2 : 1));
    if (flags & CONTACT_SUPPORTED)
        value_add(text, flags & CONTACT ? ", contact" : ", no contact");
    if (flags & ENERGY)
        value_add(text, ", %u kJ", take(in, 2));
    if (flags & INTERVALS) {
        value_add(text, ", RR");
        while (in->left > 0 && !in->failed)
            value_add(text, " %u", (take(in, 2) * 1000 + 512) / 1024); /* in 1/1024 s */
        value_add(text, " ms");
    }
    return done(in);
}

static bool add_weight_measurement(struct value_text *text, struct reader *in)
{
    enum { IMPERIAL = 1, TIME = 2, USER = 4, BODY = 8, UNSUCCESSFUL = 0xffff };
    uint32_t flags = take(in, 1), weight = take(in, 2);
    if (weight == UNSUCCESSFUL) {
        value_add(text, "measurement unsuccessful");
    } else {
        value_add_decimal(text, flags & IMPERIAL ? weight : weight * 5, flags & IMPERIAL ? 2 : 3);
        value_add(text, flags & IMPERIAL ? " lb" : " kg");
    }
    if (flags & TIME) {
        value_add(text, ", ");
        if (!add_date_time(text, in))
            return false;
    }
    if (flags & USER)
        value_add(text, ", user %u", take(in, 1));
    if (flags & BODY) {
        value_add(text, ", BMI ");
        value_add_decimal(text, take(in, 2), 1);
        value_add(text, ", ");
        value_add_decimal(text, take(in, 2), flags & IMPERIAL ? 1 : 3);
        value_add(text, flags & IMPERIAL ? " in" : " m");
    }
    return done(in);
}

static bool add_system_id(struct value_text *text, struct reader *in)
{
    uint32_t low = take(in, 4), high = take(in, 4);
    value_add(text, "%08x%08x", high, low);
    return done(in);
}

static bool add_pnp_id(struct value_text *text, struct reader *in)
{
    enum { BLUETOOTH = 1, USB = 2 };
    uint32_t source = take(in, 1);
    uint16_t vendor = (uint16_t)take(in, 2);
    uint32_t product = take(in, 2), version = take(in, 2); /* 0xJJMN is version JJ.M.N */
    const char *company = source == BLUETOOTH ? bleproxy_company_name(vendor) : NULL;
    if (source != BLUETOOTH && source != USB)
        return false;
    value_add(text, "%s vendor 0x%04x", source == BLUETOOTH ? "Bluetooth" : "USB", vendor);
    if (company)
        value_add(text, " (%s)", company);
    value_add(text, ", product 0x%04x, version %x.%x.%x", product, version >> 8, version >> 4 & 15,
              version & 15);
    return done(in);
}

bool value_add_fields(struct value_text *text, uint16_t characteristic, const uint8_t *value, size_t size)
{
    struct reader in = {.at = value, .left = size};
    switch (characteristic) {
    case 0x2a01:
        return add_appearance(text, &in);
    case 0x2a04:
        return add_connection_parameters(text, &in);
    case 0x2a05:
        return add_service_changed(text, &in);
    case 0x2a08:
        return add_date_time(text, &in) && done(&in);
    case 0x2a1a:
        return add_battery_power_state(text, &in);
    case 0x2a1c: /* Temperature Measurement */
    case 0x2a1e: /* Intermediate Temperature */
        return add_temperature_measurement(text, &in);
    case 0x2a23:
        return add_system_id(text, &in);
    case 0x2a2b:
        return add_current_time(text, &in);
    case 0x2a37:
        return add_heart_rate(text, &in);
    case 0x2a50:
        return add_pnp_id(text, &in);
    case 0x2a9d:
        return add_weight_measurement(text, &in);
    default:
        return false;
    }
}
