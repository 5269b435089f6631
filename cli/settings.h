/* SPDX-License-Identifier: MIT */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "config/config.h"

#include <bleproxy/bleproxy.h>

/* What the configuration says beside which proxies there are, for the hub of a command. */

/* A command's own options (NULL: none), and the configuration's filters and rules. */
struct bleproxy_hub_options settings_options(const struct config *config,
                                             const struct bleproxy_hub_options *own);
/* Gives the hub what is said of devices and proxies: pins, and how often devices advertise. 0, or a BLEPROXY_E_*. */
int settings_apply(struct bleproxy_hub *hub, const struct config *config);
/* The same where another configuration was applied before: what is not in this one any more is taken back, what is in both is
 * not touched. After a failure the one before is applied again, as far as that is possible. */
int settings_change(struct bleproxy_hub *hub, const struct config *before, const struct config *after);

#endif
