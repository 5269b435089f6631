/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The configuration file as the programs see it: YAML text in, proxies out. A library of its own: libbleproxy
 * does not need it. Pure but for config_load(), which reads files. */
struct config_text {
    char *text;
    unsigned line, file;
};

struct config_proxy {
    char *name;    /* unique in the file; the address when the file gives none */
    char *address; /* host name or IP literal */
    uint32_t port; /* 1 to 65535; 6053 when the file gives none */
    char *noise_psk,
        *noise_psk_file; /* the file gives at most one; both NULL: plaintext. The psk is valid base64 */
    char *password;      /* NULL: none */
    char *expected_name; /* what the proxy must call itself; NULL: anything */
    uint32_t
        reclaim;   /* minutes after which it is taken back from another program; 0 when the file gives none */
    unsigned scan; /* enum bleproxy_scan_mode; AS_CONFIGURED when the file gives none */
    /* Addresses of devices: those that prefer it, those that alone are connected through it, those that never are. */
    struct config_text *prefer, *only, *deny;
    size_t n_prefer, n_only, n_deny;
    unsigned line;     /* where its entry begins, from 1 */
    unsigned psk_line; /* where its key, or its key file, is named; 0: nowhere */
    unsigned file;     /* in which of the configuration's files */
};

/* A device, and which proxies are for it: names of proxies in the file, or their MAC addresses. */
struct config_device {
    char *address; /* of 48 bits, valid and unique in the file */
    char *name;    /* what people call it, unique in the file, no address; NULL: none */
    struct config_text *prefer, *only, *deny;
    size_t n_prefer, n_only, n_deny;
    uint32_t interval; /* seconds between its advertisements; 0 when the file gives none */
    unsigned line, file;
};

/* Whom bleproxyd lets do what, and with which devices. A user is a name or a number; a list without entries lets everybody. */
struct config_daemon {
    struct config_text *connect, *pair, *write; /* users */
    struct config_text *allow, *deny;           /* addresses of devices; none is in both */
    size_t n_connect, n_pair, n_write, n_allow, n_deny;
};

/* What is allowed and should not be. */
struct config_warning {
    unsigned file, line; /* line 0: the file as a whole */
    bool minor;          /* for who asks whether all is well; others need not hear it each time */
    char text[256];
};

/* What the lists of devices and proxies say does not contradict itself. */
struct config {
    struct config_proxy *proxies;
    size_t n_proxies;
    struct config_device *devices;
    size_t n_devices;
    struct config_daemon daemon;
    /* enum bleproxy_rule: what `filters` turns on, and what `reference` does, BLEPROXY_RULES_ALL with `all`. */
    unsigned filters, reference;
    /* Where it comes from: the file itself, then its drop-ins; relative paths start where the first one's does. None of
     * config_parse(). */
    char **files;
    size_t n_files;
    struct config_warning *warnings;
    size_t n_warnings;
};

/* What is wrong with a file: "unknown key 'nose_psk'; did you mean 'noise_psk'?" Never holds a secret value.
 */
struct config_error {
    unsigned line; /* 0: the file as a whole */
    char text[256];
    char file[4096]; /* which one of the configuration's files; "": the one that was given */
    unsigned file_number;
    size_t n_others; /* of config_load(): how many more there are, as far as config_load_all() tells them */
};

/* All that is wrong with a configuration. */
struct config_errors {
    struct config_error *items; /* in the order of files and lines: the first CONFIG_ERRORS_MAX */
    size_t n;
    bool more;               /* there are more than these */
    struct config_error now; /* while it is read: what was found last */
};

enum {
    CONFIG_SIZE_MAX = 1024 * 1024, /* a file with thousands of proxies is far below */
    CONFIG_PROXIES_MAX = 10000,
    CONFIG_DEVICES_MAX = 10000,
    CONFIG_RECLAIM_MAX_MINUTES = 7 * 24 * 60,
    CONFIG_DROP_INS_MAX = 256,
    CONFIG_WARNINGS_MAX = 64, /* the first ones */
    CONFIG_ERRORS_MAX = 64,
    CONFIG_INTERVAL_MAX_S = 365 * 24 * 3600, /* a year, as bleproxy_hub_set_interval() takes it */
};

/* 0; BLEPROXY_E_INVALID with *ret_error set to the first mistake; BLEPROXY_E_NOMEM. text need not be NUL-terminated. */
int config_parse(const char *text, size_t size, struct config *ret_config, struct config_error *ret_error);
/* Also: BLEPROXY_E_NOT_FOUND (no such file), BLEPROXY_E_IO, both with *ret_error set; reads the drop-ins, too, the files
 * conf.d/NAME.yaml beside it in the order of their names (at most CONFIG_DROP_INS_MAX), and each noise_psk_file (relative ones
 * against the directory of the file that names it) into noise_psk. */
int config_load(const char *path, struct config *ret_config, struct config_error *ret_error);
/* The same, telling all mistakes: what can be read is read to its end. ret_errors, all zero before, has some whenever the
 * result is negative and not BLEPROXY_E_NOMEM, and is to be given to config_errors_deinit() in any case. */
int config_load_all(const char *path, struct config *ret_config, struct config_errors *ret_errors);
/* Idempotent. */
void config_errors_deinit(struct config_errors *errors);
/* Wipes secrets. Idempotent. */
void config_deinit(struct config *config);

/* Reads a key file: one line of base64, surrounding white space ignored. On success *ret_psk is a string to
 * be freed (and wiped) by the caller. 0, BLEPROXY_E_NOT_FOUND, BLEPROXY_E_IO, BLEPROXY_E_INVALID_KEY (empty,
 * malformed), BLEPROXY_E_NOMEM. */
int config_read_psk_file(const char *path, char **ret_psk);

/* The entry of that name, or NULL. */
const struct config_proxy *config_find(const struct config *config, const char *name);
/* The name of an entry that name may be a misspelling of, or NULL. */
const char *config_find_similar(const struct config *config, const char *name);

#endif
