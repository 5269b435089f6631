/* SPDX-License-Identifier: MIT */
#ifndef CLI_PINS_H
#define CLI_PINS_H

#include "config/config.h"

#include <bleproxy/bleproxy.h>

/* Gives the hub what the configuration says of devices and proxies. 0, or a BLEPROXY_E_*. */
int pins_apply(struct bleproxy_hub *hub, const struct config *config);

#endif
