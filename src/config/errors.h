/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_ERRORS_H
#define CONFIG_ERRORS_H

#include "config/config.h"

/* Ends a step that can be gone on after. r is what it returned; after a mistake, BLEPROXY_E_INVALID, BLEPROXY_E_NOT_FOUND or
 * BLEPROXY_E_IO, errors->now says what is wrong, which is put among the others. 0: go on; else BLEPROXY_E_NOMEM. */
int config_errors_take(struct config_errors *errors, int r);
/* The first one, and how many there are besides it; as it is when there is none. */
void config_errors_first(const struct config_errors *errors, struct config_error *ret_error);

#endif
