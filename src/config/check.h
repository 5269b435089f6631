/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config/config.h"

/* What the files of a configuration say together: no name and no device twice and, if all of them could be read, what
 * config_check_pins() checks. Entries may lack what was wrong with them. 0, what is wrong being among the errors;
 * BLEPROXY_E_NOMEM. */
int config_check(const struct config *config, bool all_read, struct config_errors *errors);

/* As config_fail(), for a line of one of the configuration's files. */
int config_fail_at(struct config_error *ret_error, const struct config *config, unsigned file, unsigned line,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Notes which file the error is in. */
void config_error_in(struct config_error *ret_error, const struct config *config, unsigned file);

/* "line 5", or "line 5 of conf.d/attic.yaml" when that is another file than the message is about. */
struct config_place_text {
    char text[160];
};
struct config_place_text config_place(const struct config *config, unsigned here, unsigned file,
                                      unsigned line);

#endif
