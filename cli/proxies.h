/* SPDX-License-Identifier: MIT */
#ifndef CLI_PROXIES_H
#define CLI_PROXIES_H

#include "config/config.h"
#include "device_names.h"
#include "options.h"

#include <bleproxy/proxy.h>

/* One of the proxies that a command is about. */
struct target {
    struct bleproxy_proxy_config
        config; /* name is always set: the configured one, or the address, with the port unless it is 6053 */
    bool configured;   /* it has a name in the configuration file */
    char *host, *name; /* owned, where config.address and name point; NULL when the configuration has them */
    const char *similar; /* a name of the configuration that the address may be a misspelling of, or NULL */
};

struct proxies {
    struct target *targets;
    size_t n_targets;
    struct config config;
    struct device_names names; /* of the configuration; then of the daemon's that are not in it */
    char *psk;                 /* of those given by address */
};

/* Those the options name, in that order, or all of the configuration file; each only once. CLI_DONE, or
 * another exit code after saying why. */
int proxies_init(struct proxies *proxies, const struct options *options);
/* As the library takes it: without a name unless it is configured, so that the proxy's own counts. */
struct bleproxy_proxy_config target_config(const struct target *target);
enum { PROXIES_TEXT_SIZE = 256 };
/* Why a target cannot be used, in words: what may have been meant, too, if no host of that name has been found, and how
 * a key is given to it. */
const char *proxies_explain(const struct target *target, int error, const char *why,
                            char text[PROXIES_TEXT_SIZE]);
/* Only reads the configuration file, if there is one or one was asked for. CLI_DONE, or another exit code after saying
 * why. */
int proxies_load(struct proxies *proxies, const struct options *options);
/* The same for who uses the proxies of a daemon: the system's configuration is the daemon's, and may be secret. */
int proxies_load_own(struct proxies *proxies, const struct options *options);
/* By -c or $BLEPROXY_CONFIG. */
bool proxies_config_is_given(const struct options *options);
/* Whether the text, as of -p, is the address of that proxy. */
bool proxies_is_at(const char *text, const char *host, uint16_t port);
/* The configuration file in use, or where it is to be when there is none yet. CLI_DONE, or another exit code after saying
 * why. */
int proxies_config_path(const struct options *options, char *path, size_t size);
/* Wipes keys. Idempotent. */
void proxies_deinit(struct proxies *proxies);

#endif
