/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The configuration file as the programs see it: YAML text in, proxies out. A library of its own: libbleproxy
 * does not need it. Pure but for config_load(), which reads files. */
struct config_proxy {
    char *name;    /* unique in the file; the address when the file gives none */
    char *address; /* host name or IP literal */
    uint16_t port; /* 6053 when the file gives none */
    char *noise_psk,
        *noise_psk_file; /* the file gives at most one; both NULL: plaintext. The psk is valid base64 */
    char *password;      /* NULL: none */
    unsigned scan;       /* enum bleproxy_scan_mode; AS_CONFIGURED when the file gives none */
    unsigned line;       /* where its entry begins, from 1 */
};

struct config {
    struct config_proxy *proxies;
    size_t n_proxies;
};

/* What is wrong with a file: "unknown key 'nose_psk'; did you mean 'noise_psk'?" Never holds a secret value.
 */
struct config_error {
    unsigned line; /* 0: the file as a whole */
    char text[256];
};

enum {
    CONFIG_SIZE_MAX = 1024 * 1024, /* a file with thousands of proxies is far below */
    CONFIG_PROXIES_MAX = 10000,
};

/* 0; BLEPROXY_E_INVALID with *ret_error set; BLEPROXY_E_NOMEM. text need not be NUL-terminated. */
int config_parse(const char *text, size_t size, struct config *ret_config, struct config_error *ret_error);
/* Also: BLEPROXY_E_NOT_FOUND (no such file), BLEPROXY_E_IO, and reads each noise_psk_file (relative ones
 * against the configuration's directory) into noise_psk. */
int config_load(const char *path, struct config *ret_config, struct config_error *ret_error);
/* Wipes secrets. Idempotent. */
void config_deinit(struct config *config);

/* Reads a key file: one line of base64, surrounding white space ignored. On success *ret_psk is a string to
 * be freed (and wiped) by the caller. 0, BLEPROXY_E_NOT_FOUND, BLEPROXY_E_IO, BLEPROXY_E_INVALID_KEY (empty,
 * malformed), BLEPROXY_E_NOMEM. */
int config_read_psk_file(const char *path, char **ret_psk);

/* The entry of that name, or NULL. */
const struct config_proxy *config_find(const struct config *config, const char *name);

#endif
