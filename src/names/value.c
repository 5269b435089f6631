/* SPDX-License-Identifier: MIT */
#include "names/value.h"

#include <bleproxy/names.h>
#include <stdarg.h>
#include <stdio.h>

/* Formats of the values: Bluetooth SIG, GATT Specification Supplement. */

enum { BATTERY_LEVEL = 0x2a19 };

/* One little-endian number; it means raw * multiplier / 10^decimals of the unit. */
struct quantity {
    uint16_t characteristic;
    uint8_t size; /* bytes */
    bool is_signed;
    bool has_unknown; /* the highest number of its size (signed: the lowest) says that there is no value */
    uint8_t decimals;
    uint16_t multiplier;
    char unit[8];
};

static const struct quantity quantities[] = {
    {0x2a07, 1, true, false, 0, 1, " dBm"}, /* Tx Power Level */
    {BATTERY_LEVEL, 1, false, false, 0, 1, " %"},
    {0x2a2c, 2, false, false, 2, 1, "°"},      /* Magnetic Declination */
    {0x2a6c, 3, true, false, 2, 1, " m"},      /* Elevation */
    {0x2a6d, 4, false, false, 3, 1, " hPa"},   /* Pressure */
    {0x2a6e, 2, true, true, 2, 1, " °C"},      /* Temperature */
    {0x2a6f, 2, false, true, 2, 1, " %"},      /* Humidity */
    {0x2a70, 2, false, false, 2, 1, " m/s"},   /* True Wind Speed */
    {0x2a71, 2, false, false, 2, 1, "°"},      /* True Wind Direction */
    {0x2a72, 2, false, false, 2, 1, " m/s"},   /* Apparent Wind Speed */
    {0x2a73, 2, false, false, 2, 1, "°"},      /* Apparent Wind Direction */
    {0x2a74, 1, false, false, 1, 1, ""},       /* Gust Factor */
    {0x2a75, 3, false, false, 0, 1, " /m³"},   /* Pollen Concentration */
    {0x2a76, 1, false, false, 0, 1, ""},       /* UV Index */
    {0x2a77, 2, false, false, 1, 1, " W/m²"},  /* Irradiance */
    {0x2a78, 2, false, false, 0, 1, " mm"},    /* Rainfall */
    {0x2a79, 1, true, false, 0, 1, " °C"},     /* Wind Chill */
    {0x2a7a, 1, true, false, 0, 1, " °C"},     /* Heat Index */
    {0x2a7b, 1, true, false, 0, 1, " °C"},     /* Dew Point */
    {0x2a80, 1, false, false, 0, 1, " years"}, /* Age */
    {0x2a8d, 1, false, false, 0, 1, " bpm"},   /* Heart Rate Max */
    {0x2a8e, 2, false, false, 2, 1, " m"},     /* Height */
    {0x2a92, 1, false, false, 0, 1, " bpm"},   /* Resting Heart Rate */
    {0x2a98, 2, false, false, 3, 5, " kg"},    /* Weight */
    {0x2ae9, 2, false, true, 0, 1, " K"},      /* Correlated Color Temperature */
    {0x2aee, 2, false, true, 2, 1, " A"},      /* Electric Current */
    {0x2af2, 3, false, true, 0, 1, " kWh"},    /* Energy */
    {0x2afb, 3, false, true, 2, 1, " lx"},     /* Illuminance */
    {0x2b04, 1, false, true, 1, 5, " %"},      /* Percentage 8 */
    {0x2b05, 3, false, true, 1, 1, " W"},      /* Power */
    {0x2b18, 2, false, true, 6, 15625, " V"},  /* Voltage, in 1/64 V */
    {0x2b8c, 2, false, true, 0, 1, " ppm"},    /* Carbon Dioxide Concentration */
};

/* Numbers of one byte that stand for words. */
static const struct word {
    uint16_t characteristic;
    uint8_t value;
    char text[24];
} words[] = {
    /* Alert Level */
    {0x2a06, 0, "no alert"},
    {0x2a06, 1, "mild alert"},
    {0x2a06, 2, "high alert"},
    /* Day of Week */
    {0x2a09, 1, "Monday"},
    {0x2a09, 2, "Tuesday"},
    {0x2a09, 3, "Wednesday"},
    {0x2a09, 4, "Thursday"},
    {0x2a09, 5, "Friday"},
    {0x2a09, 6, "Saturday"},
    {0x2a09, 7, "Sunday"},
    /* Temperature Type */
    {0x2a1d, 1, "armpit"},
    {0x2a1d, 2, "body"},
    {0x2a1d, 3, "ear"},
    {0x2a1d, 4, "finger"},
    {0x2a1d, 5, "gastro-intestinal tract"},
    {0x2a1d, 6, "mouth"},
    {0x2a1d, 7, "rectum"},
    {0x2a1d, 8, "toe"},
    {0x2a1d, 9, "eardrum"},
    /* Body Sensor Location */
    {0x2a38, 0, "other"},
    {0x2a38, 1, "chest"},
    {0x2a38, 2, "wrist"},
    {0x2a38, 3, "finger"},
    {0x2a38, 4, "hand"},
    {0x2a38, 5, "ear lobe"},
    {0x2a38, 6, "foot"},
    /* Protocol Mode */
    {0x2a4e, 0, "boot protocol"},
    {0x2a4e, 1, "report protocol"},
    /* Gender */
    {0x2a8c, 0, "male"},
    {0x2a8c, 1, "female"},
    {0x2a8c, 2, "unspecified"},
    /* Central Address Resolution */
    {0x2aa6, 0, "not supported"},
    {0x2aa6, 1, "supported"},
    /* Boolean */
    {0x2ae2, 0, "false"},
    {0x2ae2, 1, "true"},
};

/* UTF-8: Device Name; Model, Serial Number, Firmware, Hardware, Software Revision and Manufacturer Name String; Email
 * Address; First Name; Last Name */
static const uint16_t strings[] = {0x2a00, 0x2a24, 0x2a25, 0x2a26, 0x2a27,
                                   0x2a28, 0x2a29, 0x2a87, 0x2a8a, 0x2a90};

void value_add(struct value_text *text, const char *format, ...)
{
    size_t room = sizeof(text->bytes) - text->size;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->bytes + text->size, room, format, args);
    va_end(args);
    if (n > 0)
        text->size += (size_t)n < room ? (size_t)n : room - 1;
}

void value_add_decimal(struct value_text *text, int64_t number, unsigned decimals)
{
    uint64_t magnitude = number < 0 ? -(uint64_t)number : (uint64_t)number, one = 1;
    for (unsigned i = 0; i < decimals; i++)
        one *= 10;
    value_add(text, "%s%llu", number < 0 ? "-" : "", (unsigned long long)(magnitude / one));
    if (decimals > 0)
        value_add(text, ".%0*llu", (int)decimals, (unsigned long long)(magnitude % one));
}

const char *value_word(uint16_t characteristic, uint32_t value)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (words[i].characteristic == characteristic && words[i].value == value)
            return words[i].text;
    return NULL;
}

static const struct quantity *find_quantity(uint16_t characteristic)
{
    for (size_t i = 0; i < sizeof(quantities) / sizeof(quantities[0]); i++)
        if (quantities[i].characteristic == characteristic)
            return &quantities[i];
    return NULL;
}

static bool add_quantity(struct value_text *text, const struct quantity *quantity, const uint8_t *value,
                         size_t size)
{
    if (size != quantity->size)
        return false;
    uint32_t raw = 0;
    for (size_t i = size; i > 0; i--)
        raw = raw << 8 | value[i - 1];
    uint32_t sign = UINT32_C(1) << (size * 8 - 1);
    if (quantity->has_unknown && raw == (quantity->is_signed ? sign : sign | (sign - 1))) {
        value_add(text, "not known");
        return true;
    }
    if (quantity->characteristic == BATTERY_LEVEL && raw > 100) /* reserved */
        return false;
    int64_t number = quantity->is_signed && raw & sign ? (int64_t)raw - 2 * (int64_t)sign : (int64_t)raw;
    value_add_decimal(text, number * quantity->multiplier, quantity->decimals);
    value_add(text, "%s", quantity->unit);
    return true;
}

static bool is_string(uint16_t characteristic)
{
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
        if (strings[i] == characteristic)
            return true;
    return false;
}

size_t bleproxy_value_format(const struct bleproxy_uuid *characteristic, const uint8_t *value, size_t size,
                             char *out, size_t capacity)
{
    struct value_text text = {.size = 0};
    uint16_t number = (uint16_t)(characteristic->bytes[0] << 8 | characteristic->bytes[1]);
    out[0] = '\0';
    if (characteristic->size != 2)
        return 0;
    if (is_string(number))
        return bleproxy_sanitise(out, capacity, value, size);
    const struct quantity *quantity = find_quantity(number);
    const char *word = size == 1 ? value_word(number, value[0]) : NULL;
    if (word)
        value_add(&text, "%s", word);
    else if (quantity ? !add_quantity(&text, quantity, value, size)
                      : !value_add_fields(&text, number, value, size))
        return 0;
    return bleproxy_sanitise(out, capacity, text.bytes, text.size);
}
