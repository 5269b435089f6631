/* SPDX-License-Identifier: MIT */
#ifndef CLI_DISCOVER_H
#define CLI_DISCOVER_H

#include "config/config.h"
#include "options.h"

enum { FOUND_TEXT_SIZE = 256 };

/* A device as it was told of last. */
struct found {
    char name[FOUND_TEXT_SIZE], instance[FOUND_TEXT_SIZE], host[FOUND_TEXT_SIZE],
        friendly_name[FOUND_TEXT_SIZE], address[FOUND_TEXT_SIZE], mac_address[FOUND_TEXT_SIZE],
        version[FOUND_TEXT_SIZE], platform[FOUND_TEXT_SIZE];
    uint16_t port;
    bool encrypted, configured;
};

/* The first one of that name, in letters of any case, or NULL. */
const struct found *discover_find(const struct found *found, size_t n_found, const char *name);
/* Adds those of the given names to the configuration file, all of them or none, and says so; those that are in it already
 * are left as they are, and a name that several go by is none. CLI_DONE, or an exit code after saying why. */
int discover_add(const struct options *options, const struct config *config, const struct found *found,
                 size_t n_found, const char *const *names, size_t n_names);

#endif
