/* SPDX-License-Identifier: MIT */
#ifndef CLI_DESCRIBE_H
#define CLI_DESCRIBE_H

#include <bleproxy/advertisement.h>

/* Who made the device and what it offers, by assigned names where there are any: "Apple, Inc.; Battery". Each
 * once. Always terminated; what does not fit is left out. */
void describe(const struct bleproxy_advertisement *advertisement, char *text, size_t size);

/* The name for a terminal, "" when unknown. */
void describe_name(const char *name, char *text, size_t size);

#endif
