/* SPDX-License-Identifier: MIT */
#ifndef SIM_NET_KEYS_H
#define SIM_NET_KEYS_H

#include "noise/handshake.h"

/* The keys that virtual proxies were given, in a file: one line for each, its name and the base64 of the key.
 * What flash memory is for a real one. */

enum { NET_KEYS_SIZE_MAX = 1 << 20 };

/* 0, with the key; 1: there is none, or no file; BLEPROXY_E_IO with errno, BLEPROXY_E_LIMIT (the file is too
 * large), BLEPROXY_E_INVALID_KEY (a line of that name holds none), BLEPROXY_E_NOMEM. */
int net_keys_load(const char *path, const char *name, uint8_t ret_psk[HANDSHAKE_PSK_SIZE]);
/* Replaces that name's line; psk NULL removes it. On the disk when it returns, and the file is never in
 * between. 0, or as above. */
int net_keys_save(const char *path, const char *name, const uint8_t *psk);

#endif
