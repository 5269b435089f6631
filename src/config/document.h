/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_DOCUMENT_H
#define CONFIG_DOCUMENT_H

#include "config/config.h"

#include <yaml.h>

/* Reads a YAML text of one document, or of none: then it has no root node. 0; BLEPROXY_E_INVALID with
 * *ret_error set; BLEPROXY_E_NOMEM. */
int document_load(const char *text, size_t size, yaml_document_t *ret_document,
                  struct config_error *ret_error);
/* Wipes the values, which may be secrets. */
void document_free(yaml_document_t *document);

#endif
