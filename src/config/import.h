/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_IMPORT_H
#define CONFIG_IMPORT_H

#include "config/config.h"

/* What we want to know of a proxy, out of its ESPHome configuration. */
struct import {
    char *name, *address; /* never NULL */
    char *key;            /* NULL: it has none */
    uint32_t port;        /* 0: the usual one */
    bool is_proxy;        /* it has bluetooth_proxy, or a package that is called so */
    bool has_remote;      /* a package that is not on this machine may say more */
    bool wants_key;       /* `encryption:` without a key: it gets one later */
    bool has_password;    /* for the API; it is not taken */
};

/* How files are read: path as found by joining what an !include says to the directory of the file that says it. 0 with a
 * text to be given to file_free(); BLEPROXY_E_NOT_FOUND, BLEPROXY_E_IO, BLEPROXY_E_LIMIT, BLEPROXY_E_NOMEM. */
struct import_ops {
    int (*read)(void *user, const char *path, char **ret_text, size_t *ret_size);
};

/* Follows !include, !secret (in secrets_path; NULL: secrets.yaml beside the file that says it, else beside path), merge
 * keys, packages on this machine and substitutions. Pure but for ops. 0; BLEPROXY_E_INVALID with *ret_error set, which
 * never holds a secret; BLEPROXY_E_NOT_FOUND, BLEPROXY_E_IO or BLEPROXY_E_LIMIT: path itself; BLEPROXY_E_NOMEM. */
int import_read(const char *path, const char *secrets_path, const struct import_ops *ops, void *user,
                struct import *ret_import, struct config_error *ret_error);
/* Wipes the key. Idempotent. */
void import_deinit(struct import *import);

/* Reads from the disk. */
extern const struct import_ops import_disk;

#endif
