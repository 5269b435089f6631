/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_KEY_H
#define BLEPROXY_KEY_H

#ifdef __cplusplus
extern "C" {
#endif

/* Encryption keys as ESPHome's configuration has them: the base64 of 32 bytes. */
enum { BLEPROXY_KEY_TEXT_SIZE = 45 }; /* with the NUL */

/* What a proxy that has no key yet takes for one, from about mid-2026 on: the connection is then encrypted against those who
 * only listen. A device that has this one has none. */
#define BLEPROXY_KEY_NONE "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

/* A new one, at random; never BLEPROXY_KEY_NONE. */
void bleproxy_key_generate(char ret_key[BLEPROXY_KEY_TEXT_SIZE]);
/* 0, or BLEPROXY_E_INVALID_KEY: key is not the base64 of 32 bytes, or BLEPROXY_KEY_NONE. */
int bleproxy_key_check(const char *key);

#ifdef __cplusplus
}
#endif
#endif
