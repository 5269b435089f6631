/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_PART_H
#define CONFIG_PART_H

#include "config/config.h"

/* One file of a configuration that may have several. */
struct config_source {
    const char *directory; /* that relative paths start from; NULL: read no other file */
    size_t directory_length;
    unsigned file; /* its number among the configuration's files */
};

/* Of a file that the source names, to be freed; NULL: out of memory. */
char *config_path(const struct config_source *source, const char *name);

/* Adds what the text says to config, which may hold what others said: lists grow, words are added, of other values the
 * later one counts. What the parts say together is config_check()'s to judge. 0, what is wrong being among the errors: then
 * entries lack what was; BLEPROXY_E_INVALID with errors->now set: it is no YAML; BLEPROXY_E_NOMEM. */
int config_read_part(const char *text, size_t size, const struct config_source *source, struct config *config,
                     struct config_errors *errors);

#endif
