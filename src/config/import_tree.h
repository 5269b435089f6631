/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_IMPORT_TREE_H
#define CONFIG_IMPORT_TREE_H

#include "config/import.h"

#include <yaml.h>

/* An ESPHome configuration as one tree, as far as it can be read here: with !include, !secret, merge keys, packages and
 * substitutions followed as they are met. */

struct import_file {
    char *path; /* owned */
    yaml_document_t document;
};

/* A place in one of the files; node NULL: none. */
struct import_node {
    unsigned file;
    const yaml_node_t *node;
    unsigned scope; /* among the tree's; 0: none but the substitutions */
};

/* What an !include gives names to: its `vars`, and the `defaults` of the file, which are under it. */
struct import_scope {
    struct import_node vars, defaults;
    unsigned outer;
};

struct import_tree {
    const struct import_ops *ops;
    void *user;
    const char *secrets_path; /* NULL: secrets.yaml beside the file, else beside the first */
    struct import_file *files;
    size_t n_files;
    struct import_scope *scopes; /* the first one is not used */
    size_t n_scopes;
    unsigned steps; /* taken so far: alias upon alias is little to write and much to follow */
    struct config_error *error;
    bool is_secret;       /* what is read now: nothing of it is shown */
    bool has_remote;      /* a package that is not here was met */
    bool proxy_in_remote; /* and it has that in its name */
};

enum {
    IMPORT_FILES_MAX = 64,
    IMPORT_SCOPES_MAX = 256,
    IMPORT_DEPTH_MAX = 64, /* of the YAML */
    IMPORT_NESTING_MAX =
        48, /* of includes, packages, merge keys and substitutions in each other, all steps counted */
    IMPORT_STEPS_MAX = 200000, /* pairs looked at */
    IMPORT_TEXT_MAX = 1024,    /* bytes of a value with its substitutions */
};

/* All return 0, or BLEPROXY_E_INVALID with *tree->error set, BLEPROXY_E_NOMEM. */

/* Reads a file of the configuration; the first one is its root. BLEPROXY_E_NOT_FOUND and BLEPROXY_E_IO: see import_ops. */
int import_open(struct import_tree *tree, const char *path, struct import_node *ret_root);
/* The value at "api", "encryption", "key", with a NULL behind them, also if it is in a package; node NULL: there is none. */
int import_find(struct import_tree *tree, const char *const keys[], struct import_node *ret_node);
/* The same as text, substitutions done; *ret_text NULL: there is none, or it is empty. To be wiped and freed. */
int import_find_text(struct import_tree *tree, const char *const keys[], char **ret_text,
                     struct import_node *ret_node);
/* Fills in tree->error. */
int import_fail(struct import_tree *tree, struct import_node where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void import_tree_deinit(struct import_tree *tree);

#endif
