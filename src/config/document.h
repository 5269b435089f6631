/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_DOCUMENT_H
#define CONFIG_DOCUMENT_H

#include "config/config.h"

#include <yaml.h>

enum { DOCUMENT_DEPTH_MAX = 16 }; /* for our own files */
/* Reads a YAML text of one document, or of none: then it has no root node. Nothing in it is nested deeper than that. 0; BLEPROXY_E_INVALID with
 * *ret_error set; BLEPROXY_E_NOMEM. */
int document_load(const char *text, size_t size, unsigned depth_max, yaml_document_t *ret_document,
                  struct config_error *ret_error);
/* Whether it is one of YAML's words for nothing. */
bool document_is_null(const yaml_node_t *node);
/* libyaml does not wipe what it frees: its buffers, events and documents hold most of the copies of a secret. These do. */
void document_wipe_parser(yaml_parser_t *parser);
void document_wipe_event(yaml_event_t *event);
void document_free(yaml_document_t *document);

#endif
