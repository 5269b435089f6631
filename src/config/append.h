/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_APPEND_H
#define CONFIG_APPEND_H

#include "config/config.h"

/* A proxy that is to be added to a configuration. Its texts are sanitised. */
struct config_entry {
    const char *name; /* NULL: none, it is called by its address then */
    const char *address;
    uint16_t port;              /* 0: the usual one, which is not written */
    const char *noise_psk_file; /* NULL: none */
};

/* The text with the entries behind the last one of its proxies, or with a list of proxies at its end if it has none; all else
 * stays as it is, byte for byte. 0, and *ret_text is to be freed (and wiped: the file may hold secrets) by the caller;
 * BLEPROXY_E_INVALID with *ret_error set: the text is no configuration, or written so that lines cannot be added, in brackets
 * for instance; BLEPROXY_E_NOMEM. */
int config_append(const char *text, size_t size, const struct config_entry *entries, size_t n_entries,
                  char **ret_text, size_t *ret_size, struct config_error *ret_error);

/* The same for a file, which is replaced as a whole: another program sees the one or the other, also after a crash. A
 * symbolic link stays one, the file behind it keeps its mode, and its owner where that is allowed; a new one, and directories
 * that are missing, are for its owner only. Also BLEPROXY_E_IO with *ret_error set: nothing was changed. */
int config_append_file(const char *path, const struct config_entry *entries, size_t n_entries,
                       struct config_error *ret_error);

#endif
