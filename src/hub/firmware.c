/* SPDX-License-Identifier: MIT */
#include "hub/firmware.h"

#include <stdlib.h>

enum { YEAR_MIN = 2020 }; /* the older ones were counted otherwise, "1.20.4", and had no proxies */

/* Months since the year 0; 0: it is no version. */
static unsigned long months(const char *version)
{
    char *end;
    unsigned long year = strtoul(version, &end, 10), month = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
    return year >= YEAR_MIN && year <= 9999 && month >= 1 && month <= 12 ? year * 12 + month : 0;
}

bool firmware_is_since(const char *version, unsigned year, unsigned month)
{
    return months(version) >= year * 12 + month;
}

bool firmware_is_before(const char *version, unsigned year, unsigned month)
{
    unsigned long own = months(version);
    return own > 0 && own < year * 12 + month;
}
