/* SPDX-License-Identifier: MIT */
#include "session/timezone.h"

#include <stddef.h>

enum { SECONDS_PER_HOUR = 3600, RULE_DEFAULT_TIME = 2 * SECONDS_PER_HOUR };

/* Of the portable character set, whatever the locale is. */
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Each reader moves *text behind what it read, or fails. */

static bool read_number(const char **text, uint32_t min, uint32_t max, uint32_t *ret_number)
{
    uint32_t number = 0;
    const char *digit = *text;
    for (; is_digit(*digit) && number <= max; digit++)
        number = number * 10 + (uint32_t)(*digit - '0');
    if (digit == *text || number < min || number > max)
        return false;
    *text = digit;
    *ret_number = number;
    return true;
}

static bool read_char(const char **text, char character)
{
    if (**text != character)
        return false;
    ++*text;
    return true;
}

/* Three or more letters, or anything of letters, digits and signs in angle brackets. */
static bool read_name(const char **text)
{
    const char *end = *text;
    if (read_char(&end, '<')) {
        while (is_letter(*end) || is_digit(*end) || *end == '+' || *end == '-')
            end++;
        size_t length = (size_t)(end - *text) - 1;
        if (length < 3 || !read_char(&end, '>'))
            return false;
    } else {
        while (is_letter(*end))
            end++;
        if (end - *text < 3)
            return false;
    }
    *text = end;
    return true;
}

/* [+-]h[h[h]][:mm[:ss]] */
static bool read_time(const char **text, uint32_t hours_max, int32_t *ret_seconds)
{
    uint32_t hours, minutes = 0, seconds = 0;
    bool negative = read_char(text, '-');
    if (!negative)
        read_char(text, '+');
    if (!read_number(text, 0, hours_max, &hours))
        return false;
    if (read_char(text, ':') && !read_number(text, 0, 59, &minutes))
        return false;
    if (read_char(text, ':') && !read_number(text, 0, 59, &seconds))
        return false;
    int32_t total = (int32_t)(hours * SECONDS_PER_HOUR + minutes * 60 + seconds);
    *ret_seconds = negative ? -total : total;
    return true;
}

static bool read_rule(const char **text, struct timezone_rule *ret_rule)
{
    struct timezone_rule rule = {.time_seconds = RULE_DEFAULT_TIME};
    if (read_char(text, 'M')) {
        rule.type = TIMEZONE_RULE_MONTH_WEEK_DAY;
        if (!read_number(text, 1, 12, &rule.month) || !read_char(text, '.') ||
            !read_number(text, 1, 5, &rule.week) || !read_char(text, '.') ||
            !read_number(text, 0, 6, &rule.day_of_week))
            return false;
    } else if (read_char(text, 'J')) {
        rule.type = TIMEZONE_RULE_JULIAN;
        if (!read_number(text, 1, 365, &rule.day))
            return false;
    } else {
        rule.type = TIMEZONE_RULE_DAY;
        if (!read_number(text, 0, 365, &rule.day))
            return false;
    }
    /* POSIX allows a day; a week in both directions is a common extension. */
    if (read_char(text, '/') && !read_time(text, 167, &rule.time_seconds))
        return false;
    *ret_rule = rule;
    return true;
}

bool timezone_parse(const char *text, struct posix_timezone *ret_zone)
{
    struct posix_timezone zone = {0};
    if (!read_name(&text) || !read_time(&text, 24, &zone.std_offset_seconds))
        return false;
    if (*text != '\0') {
        if (!read_name(&text))
            return false;
        zone.dst_offset_seconds = zone.std_offset_seconds - SECONDS_PER_HOUR;
        if (*text != '\0' && *text != ',' && !read_time(&text, 24, &zone.dst_offset_seconds))
            return false;
        if (*text == '\0')
            text = ",M3.2.0,M11.1.0";
        if (!read_char(&text, ',') || !read_rule(&text, &zone.dst_start) || !read_char(&text, ',') ||
            !read_rule(&text, &zone.dst_end) || *text != '\0')
            return false;
    }
    *ret_zone = zone;
    return true;
}
