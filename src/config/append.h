/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_APPEND_H
#define CONFIG_APPEND_H

#include "config/config.h"

/* A proxy that is to be added to a configuration. */
struct config_entry {
    const char *name; /* NULL: none, it is called by its address then */
    const char *address;
    uint16_t port;              /* 0: the usual one, which is not written */
    const char *noise_psk_file; /* NULL: none */
};

/* Whether it can be one, wherever that is. 0, BLEPROXY_E_INVALID with *ret_error set, BLEPROXY_E_NOMEM. */
int config_check_entry(const struct config_entry *entry, struct config_error *ret_error);

/* Adds entries behind the others under `proxies`, or `proxies` itself, and leaves everything else as it is, byte for
 * byte. Pure. The text is then one that config_parse() takes as it took the one before, plus the entries, except for what
 * several files say together. 0 with *ret_text, *ret_size bytes and a NUL behind them, to be wiped and freed by the caller
 * (it may hold keys); BLEPROXY_E_INVALID with *ret_error set: the text is no configuration, an entry would be none, or
 * `proxies` is written in a way that cannot be added to; BLEPROXY_E_NOMEM. */
int config_append(const char *text, size_t size, const struct config_entry *entries, size_t n_entries,
                  char **ret_text, size_t *ret_size, struct config_error *ret_error);

/* The same for a file, which is replaced as a whole and keeps its mode; a new one, and directories that are missing, are
 * for its owner only. What follows from its drop-ins is checked, too: a name that one of them has is refused. Programs that
 * do this at the same time wait for one another, some seconds at most. Also BLEPROXY_E_IO with *ret_error set: nothing was
 * changed. */
int config_append_file(const char *path, const struct config_entry *entries, size_t n_entries,
                       struct config_error *ret_error);

#endif
