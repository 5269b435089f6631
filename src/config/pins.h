/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_PINS_H
#define CONFIG_PINS_H

#include "config/config.h"

/* Checks what `prefer`, `only` and `deny` of devices and proxies say together: that the proxies exist, and that nothing
 * is both wanted and ruled out. Entries and texts may lack what was wrong with them. 0, what is wrong being among the
 * errors; BLEPROXY_E_NOMEM. */
int config_check_pins(const struct config *config, struct config_errors *errors);

#endif
