/* SPDX-License-Identifier: MIT */
#include "names/number.h"

const char *number_find(const struct number *numbers, size_t n, const void *names, uint16_t value)
{
    size_t first = 0, end = n;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (numbers[middle].value < value)
            first = middle + 1;
        else
            end = middle;
    }
    return first < n && numbers[first].value == value ? (const char *)names + numbers[first].name : NULL;
}

static uint64_t read_64(const uint8_t bytes[8])
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return value;
}

const char *number_128_find(const struct number_128 *numbers, size_t n, const void *names,
                            const uint8_t bytes[16])
{
    uint64_t high = read_64(bytes), low = read_64(bytes + 8);
    for (size_t i = 0; i < n; i++) /* short lists */
        if (numbers[i].high == high && numbers[i].low == low)
            return (const char *)names + numbers[i].name;
    return NULL;
}
