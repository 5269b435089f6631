/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_PINS_H
#define CONFIG_PINS_H

#include "config/config.h"

/* Checks what `prefer`, `only` and `deny` of devices and proxies say together: that the proxies exist, and that nothing
 * is both wanted and ruled out. 0, BLEPROXY_E_INVALID with *ret_error set, BLEPROXY_E_NOMEM. */
int config_check_pins(const struct config *config, struct config_error *ret_error);

#endif
