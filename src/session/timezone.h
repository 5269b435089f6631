/* SPDX-License-Identifier: MIT */
#ifndef SESSION_TIMEZONE_H
#define SESSION_TIMEZONE_H

#include <stdbool.h>
#include <stdint.h>

/* When summer time starts or ends. The numbers are those of ESPHome's DSTRule. */
enum timezone_rule_type {
    TIMEZONE_RULE_NONE = 0,
    TIMEZONE_RULE_MONTH_WEEK_DAY = 1, /* Mm.w.d: week 5 is the last */
    TIMEZONE_RULE_JULIAN = 2,         /* Jn: day 1 to 365, 29 February is never counted */
    TIMEZONE_RULE_DAY = 3,            /* n: day 0 to 365 */
};

struct timezone_rule {
    enum timezone_rule_type type;
    int32_t time_seconds; /* after midnight; may be negative or beyond a day */
    uint32_t month, week, day_of_week, day;
};

/* Offsets are positive west of UTC; the second is an offset of its own, 0 where there is no summer time. */
struct posix_timezone {
    int32_t std_offset_seconds, dst_offset_seconds;
    struct timezone_rule dst_start, dst_end;
};

/* Reads a POSIX TZ value, "CET-1CEST,M3.5.0,M10.5.0/3". Summer time without rules has those of the United
 * States, as in C libraries. False when text is something else (a zone's name, a file); *ret_zone is then
 * untouched. */
bool timezone_parse(const char *text, struct posix_timezone *ret_zone);

#endif
