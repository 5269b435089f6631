/* SPDX-License-Identifier: MIT */
#ifndef CLI_NETWORK_H
#define CLI_NETWORK_H

#include <stdbool.h>

/* Whether this host has an address with which it can reach others; true also when that cannot be known. */
bool network_is_there(void);

#endif
