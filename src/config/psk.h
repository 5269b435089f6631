/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_PSK_H
#define CONFIG_PSK_H

#include <stdbool.h>

enum {
    PSK_TEXT_LENGTH = 44, /* base64 of 32 bytes */
    PSK_FILE_MAX = 1024,  /* bytes: the key and generous white space */
};

/* Whether text is the base64 of 32 bytes: standard alphabet, padded, no unused bits set. */
bool psk_valid(const char *text);
/* The first thing in text that looks like one, also with unused bits set; NULL: there is none. */
const char *psk_find(const char *text);
/* Puts asterisks in the place of all of them in text, which is to be shown. */
void psk_hide(char *text);

/* config_read_psk_file(), and for a file that cannot be read what systemd handed over to this service in its place: directory
 * and name with an underscore between them, as LoadCredential=keys:/etc/bleproxy/keys names keys/kitchen.key. */
int psk_read(const char *path, char **ret_psk);
/* Whether this is a service that anything is handed over to. */
bool psk_is_handed_over(void);

#endif
