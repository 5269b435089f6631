/* SPDX-License-Identifier: MIT */
#include "replay/seconds.h"

#include <bleproxy/error.h>

enum {
    DECIMALS = 9,
    EXPONENT_MAX = 100000, /* beyond it a number is 0 or too large, as long as its line may be */
};

/* Of "+12", "-3"; saturates. */
static int32_t parse_exponent(const char *at, const char *end)
{
    bool negative = at < end && *at == '-';
    int32_t value = 0;
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    for (; at < end && value < EXPONENT_MAX; at++)
        value = value * 10 + (*at - '0');
    return negative ? -value : value;
}

/* value times ten, plus digit; false when that is too large. */
static bool push(uint64_t *value, int digit)
{
    if (*value > SECONDS_MAX_NS / 10)
        return false;
    *value = *value * 10 + (unsigned)digit;
    return *value <= SECONDS_MAX_NS;
}

/* Reads digits[0..size), which may have a point among them, as that many digits and rounds by the next one; zeros
 * where there are fewer. */
static bool take_digits(const char *digits, size_t size, int32_t wanted, uint64_t *value)
{
    size_t i = 0;
    for (; i < size && wanted > 0; i++)
        if (digits[i] != '.' && (wanted--, !push(value, digits[i] - '0')))
            return false;
    for (; wanted > 0 && *value > 0; wanted--)
        if (!push(value, 0))
            return false;
    if (i < size && digits[i] == '.')
        i++;
    if (wanted == 0 && i < size && digits[i] >= '5')
        ++*value;
    return true;
}

int seconds_parse(const char *number, size_t size, uint64_t *ret_ns)
{
    const char *end = number + size, *mantissa = number, *point = NULL, *exponent = NULL;
    uint64_t ns = 0;
    bool negative = size > 0 && *number == '-';
    mantissa += negative;
    for (const char *c = mantissa; c < end && !exponent; c++) {
        if (*c == '.')
            point = c;
        if ((*c | 0x20) == 'e')
            exponent = c;
    }
    int32_t shift = DECIMALS + (exponent ? parse_exponent(exponent + 1, end) : 0);
    const char *whole_end = point ? point : exponent ? exponent : end;
    size_t mantissa_size = (size_t)((exponent ? exponent : end) - mantissa);
    if (!take_digits(mantissa, mantissa_size, (int32_t)(whole_end - mantissa) + shift, &ns) ||
        ns > SECONDS_MAX_NS || (negative && ns > 0))
        return BLEPROXY_E_INVALID;
    *ret_ns = ns;
    return 0;
}

void seconds_add(struct line *line, uint64_t ns)
{
    char decimals[DECIMALS + 1] = ".";
    uint64_t left = ns % 1000000000;
    size_t size = DECIMALS + 1;
    line_add_number(line, (int64_t)(ns / 1000000000));
    if (left == 0)
        return;
    for (size_t i = DECIMALS; i > 0; i--, left /= 10)
        decimals[i] = (char)('0' + left % 10);
    while (decimals[size - 1] == '0')
        size--;
    line_add(line, decimals, size);
}
