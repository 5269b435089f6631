/* SPDX-License-Identifier: MIT */
#ifndef HUB_FIRMWARE_H
#define HUB_FIRMWARE_H

#include <stdbool.h>

/* ESPHome's versions, "2026.7.0": which one a proxy has decides where it says nothing of a feature. False for what is none. */
bool firmware_is_since(const char *version, unsigned year, unsigned month);
bool firmware_is_before(const char *version, unsigned year, unsigned month);

#endif
