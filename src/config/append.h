/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_APPEND_H
#define CONFIG_APPEND_H

#include "config/config.h"

/* A proxy that is to be added to a file. */
struct config_entry {
    const char *name, *address; /* sanitised */
    uint16_t port;
};

/* The text with the entries behind the last one of its proxies, or with a list of proxies at its end if it has none; all else
 * stays as it is, byte for byte. 0, and *ret_text is to be freed (and wiped: the file may hold secrets) by the caller;
 * BLEPROXY_E_INVALID with *ret_error set: the text is no configuration, or written so that lines cannot be added, in brackets
 * for instance; BLEPROXY_E_NOMEM. */
int config_append(const char *text, size_t size, const struct config_entry *entries, size_t n_entries,
                  char **ret_text, size_t *ret_size, struct config_error *ret_error);

/* Puts the text in the place of the file at path, which it creates with mode 0600 if there is none: another program sees the
 * one or the other, also after a crash. A symbolic link stays one, the file behind it is replaced; its mode stays, and
 * its owner where that is allowed. 0 or BLEPROXY_E_IO (errno says why). */
int file_replace(const char *path, const char *text, size_t size);

#endif
