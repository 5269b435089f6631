/* SPDX-License-Identifier: MIT */
#ifndef CLI_DESCRIBE_H
#define CLI_DESCRIBE_H

#include <bleproxy/advertisement.h>

/* Who made the device and what it offers, by assigned names where there are any: "Apple, Inc.; Battery". Each
 * once. Always terminated; what does not fit is left out. */
void describe(const struct bleproxy_advertisement *advertisement, char *text, size_t size);

/* How long ago or how often: "0.4" and "195" seconds, "-" for less than none. */
enum { DESCRIBE_TIME_SIZE = 24 };
void describe_seconds(double seconds, char text[DESCRIBE_TIME_SIZE]);
/* For people: "34 s", "12 min", "5 h", "3 days". */
void describe_duration(double seconds, char text[DESCRIBE_TIME_SIZE]);

/* The name for a terminal, "" when unknown. */
void describe_name(const char *name, char *text, size_t size);

#endif
