/* SPDX-License-Identifier: MIT */
#include "config/import_tree.h"

#include "config/document.h"
#include "config/file.h"
#include "config/schema.h"
#include <bleproxy/error.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 40 };

static const struct import_node nowhere = {0, NULL, 0};

int import_fail(struct import_tree *tree, struct import_node where, const char *format, ...)
{
    char text[sizeof(tree->error->text) * 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    snprintf(tree->error->file, sizeof(tree->error->file), "%s",
             where.file < tree->n_files ? tree->files[where.file].path : "");
    return config_fail(tree->error, where.node ? (unsigned)where.node->start_mark.line + 1 : 0, "%s", text);
}

static int take_step(struct import_tree *tree, struct import_node where, unsigned nesting)
{
    if (tree->steps++ < IMPORT_STEPS_MAX && nesting < IMPORT_NESTING_MAX)
        return 0;
    return import_fail(tree, where,
                       "includes, packages or substitutions are nested too deeply, or in a circle");
}

static bool is_scalar(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE;
}

static const char *text_of(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

static bool has_tag(const yaml_node_t *node, const char *tag)
{
    return strcmp((const char *)node->tag, tag) == 0;
}

/* ---- Files ---- */

static char *join(const char *beside, const char *name)
{
    char *path;
    const char *slash = strrchr(beside, '/');
    int directory = slash && name[0] != '/' ? (int)(slash + 1 - beside) : 0;
    return asprintf(&path, "%.*s%s", directory, beside, name) < 0 ? NULL : path;
}

static int add_file(struct import_tree *tree, const char *path, const char *text, size_t size)
{
    struct import_file *files = reallocarray(tree->files, tree->n_files + 1, sizeof(*files));
    if (!files)
        return BLEPROXY_E_NOMEM;
    tree->files = files;
    struct import_file *file = &files[tree->n_files];
    file->path = strdup(path);
    if (!file->path)
        return BLEPROXY_E_NOMEM;
    snprintf(tree->error->file, sizeof(tree->error->file), "%s", path);
    int r = document_load(text, size, IMPORT_DEPTH_MAX, &file->document, tree->error);
    if (r < 0)
        free(file->path);
    else
        tree->n_files++;
    return r;
}

int import_open(struct import_tree *tree, const char *path, struct import_node *ret_root)
{
    char *text;
    size_t size;
    for (unsigned i = 0; i < tree->n_files; i++) {
        if (strcmp(tree->files[i].path, path) == 0) {
            *ret_root = (struct import_node){i, yaml_document_get_root_node(&tree->files[i].document), 0};
            return 0;
        }
    }
    if (tree->n_files == IMPORT_FILES_MAX)
        return import_fail(tree, nowhere, "more than %d files are included", IMPORT_FILES_MAX);
    int r = tree->ops->read(tree->user, path, &text, &size);
    if (r < 0)
        return r;
    r = add_file(tree, path, text, size);
    file_free(text, size);
    if (r < 0)
        return r;
    struct import_file *file = &tree->files[tree->n_files - 1];
    *ret_root =
        (struct import_node){(unsigned)tree->n_files - 1, yaml_document_get_root_node(&file->document), 0};
    return 0;
}

void import_tree_deinit(struct import_tree *tree)
{
    for (size_t i = 0; i < tree->n_files; i++) {
        free(tree->files[i].path);
        document_free(&tree->files[i].document);
    }
    free(tree->files);
    free(tree->scopes);
    tree->files = NULL;
    tree->scopes = NULL;
    tree->n_files = tree->n_scopes = 0;
}

/* A part of another node. */
static struct import_node node_in(const struct import_tree *tree, struct import_node whole, int index)
{
    return (struct import_node){whole.file, yaml_document_get_node(&tree->files[whole.file].document, index),
                                whole.scope};
}

static struct import_node root_of(const struct import_tree *tree)
{
    return (struct import_node){0, yaml_document_get_root_node(&tree->files[0].document), 0};
}

/* ---- Values ---- */

static int look_up(struct import_tree *tree, struct import_node mapping, const char *key, unsigned nesting,
                   struct import_node *ret_node);
static int resolve(struct import_tree *tree, struct import_node *node, unsigned nesting);

static int expand_text(struct import_tree *tree, struct import_node where, unsigned nesting, char **ret_text);

/* A scope for each way by which a file is included, however often it is looked at. */
static int enter_scope(struct import_tree *tree, struct import_node from, const struct import_scope *scope,
                       unsigned *ret_scope)
{
    for (size_t i = 1; i < tree->n_scopes; i++) {
        const struct import_scope *known = &tree->scopes[i];
        if (known->vars.node == scope->vars.node && known->defaults.node == scope->defaults.node &&
            known->outer == scope->outer) {
            *ret_scope = (unsigned)i;
            return 0;
        }
    }
    if (!tree->scopes)
        tree->scopes = calloc(IMPORT_SCOPES_MAX, sizeof(*tree->scopes));
    if (!tree->scopes)
        return BLEPROXY_E_NOMEM;
    if (tree->n_scopes == 0)
        tree->n_scopes = 1;
    if (tree->n_scopes == IMPORT_SCOPES_MAX)
        return import_fail(tree, from, "files are included with 'vars' in more than %d ways",
                           IMPORT_SCOPES_MAX);
    tree->scopes[tree->n_scopes] = *scope;
    *ret_scope = (unsigned)tree->n_scopes++;
    return 0;
}

/* The file that *node includes, in the scope that it gives it. */
static int open_included(struct import_tree *tree, struct import_node *node, const char *path,
                         struct import_node vars, unsigned nesting)
{
    struct import_scope scope = {.vars = vars, .outer = node->scope};
    struct import_node root;
    int r = import_open(tree, path, &root);
    if (r < 0)
        return r;
    root.scope = node->scope;
    r = look_up(tree, root, "defaults", nesting + 1, &scope.defaults);
    if (r == 0 && (scope.vars.node || scope.defaults.node))
        r = enter_scope(tree, *node, &scope, &root.scope);
    *node = root;
    return r;
}

static int open_include(struct import_tree *tree, struct import_node *node, unsigned nesting)
{
    struct import_node from = *node, file = from, vars = nowhere;
    char *name = NULL, *path = NULL;
    int r = 0;
    if (!is_scalar(from.node)) {
        r = look_up(tree, from, "file", nesting + 1, &file);
        if (r == 0)
            r = look_up(tree, from, "vars", nesting + 1, &vars);
    }
    if (r == 0 && file.node && is_scalar(file.node))
        r = expand_text(tree, file, nesting + 1, &name);
    if (r == 0 && !name)
        r = import_fail(tree, from, "!include without a file's name");
    if (r == 0 && !(path = join(tree->files[from.file].path, name)))
        r = BLEPROXY_E_NOMEM;
    if (r == 0)
        r = open_included(tree, node, path, vars, nesting);
    if (r == BLEPROXY_E_NOT_FOUND || r == BLEPROXY_E_IO || r == BLEPROXY_E_LIMIT)
        r = import_fail(tree, from, "the file '%s' that is included cannot be read",
                        tree->is_secret || file.file != from.file ? "..." : text_of(file.node));
    free(name);
    free(path);
    return r;
}

static int open_secrets(struct import_tree *tree, struct import_node from, bool beside_first,
                        struct import_node *ret_root)
{
    char *path = tree->secrets_path ? strdup(tree->secrets_path)
                                    : join(tree->files[beside_first ? 0 : from.file].path, "secrets.yaml");
    if (!path)
        return BLEPROXY_E_NOMEM;
    int r = import_open(tree, path, ret_root);
    free(path);
    if (r != BLEPROXY_E_NOT_FOUND)
        return r == BLEPROXY_E_IO || r == BLEPROXY_E_LIMIT
                   ? import_fail(tree, from, "the file of the secrets cannot be read")
                   : r;
    *ret_root = nowhere;
    return 0;
}

/* What is not a name may be the secret itself. */
static bool can_be_shown(const char *name)
{
    size_t n = 0;
    while (isalnum((unsigned char)name[n]) || name[n] == '_' || name[n] == '-')
        n++;
    return n > 0 && !name[n] && n <= SHOWN_MAX;
}

static int open_secret(struct import_tree *tree, struct import_node *node, unsigned nesting)
{
    const char *name = is_scalar(node->node) ? text_of(node->node) : "";
    struct import_node from = *node, secret = nowhere, root;
    bool found = false;
    for (int first = 0; first < 2 && !secret.node; first++) {
        int r = open_secrets(tree, from, first == 1, &root);
        if (r == 0 && root.node) {
            found = true;
            r = look_up(tree, root, name, nesting + 1, &secret);
        }
        if (r < 0)
            return r;
    }
    if (secret.node) {
        *node = secret;
        return 0;
    }
    if (!found)
        return import_fail(tree, from, "there is no file with the secrets: give it with --secrets");
    if (can_be_shown(name))
        return import_fail(tree, from, "the secret '%s' is not in the file of the secrets", name);
    return import_fail(tree, from, "the secret is not in the file of the secrets");
}

static int resolve(struct import_tree *tree, struct import_node *node, unsigned nesting)
{
    while (node->node) {
        int r = take_step(tree, *node, nesting++);
        if (r < 0)
            return r;
        if (has_tag(node->node, "!include"))
            r = open_include(tree, node, nesting);
        else if (has_tag(node->node, "!secret"))
            r = open_secret(tree, node, nesting);
        else
            return 0;
        if (r < 0)
            return r;
    }
    return 0;
}

/* In the mappings that the merge key names, the first one that has it. */
static int look_up_merged(struct import_tree *tree, struct import_node merged, const char *key,
                          unsigned nesting, struct import_node *ret_node)
{
    int r = resolve(tree, &merged, nesting);
    if (r < 0 || !merged.node)
        return r;
    if (merged.node->type == YAML_MAPPING_NODE)
        return look_up(tree, merged, key, nesting + 1, ret_node);
    if (merged.node->type != YAML_SEQUENCE_NODE)
        return 0;
    const yaml_node_item_t *end = merged.node->data.sequence.items.top;
    for (const yaml_node_item_t *item = merged.node->data.sequence.items.start;
         r == 0 && item < end && !ret_node->node; item++) {
        struct import_node one = node_in(tree, merged, *item);
        r = resolve(tree, &one, nesting);
        if (r == 0 && one.node && one.node->type == YAML_MAPPING_NODE)
            r = look_up(tree, one, key, nesting + 1, ret_node);
    }
    return r;
}

/* The value that the mapping itself has, not resolved. */
static int look_up_own(struct import_tree *tree, struct import_node mapping, const char *key,
                       unsigned nesting, struct import_node *ret_node)
{
    const yaml_node_pair_t *end = mapping.node->data.mapping.pairs.top;
    for (const yaml_node_pair_t *pair = mapping.node->data.mapping.pairs.start; pair < end; pair++) {
        struct import_node name = node_in(tree, mapping, pair->key);
        int r = take_step(tree, name, nesting);
        if (r < 0)
            return r;
        if (is_scalar(name.node) && strcmp(text_of(name.node), key) == 0) {
            *ret_node = node_in(tree, mapping, pair->value);
            return 0;
        }
    }
    return 0;
}

/* The value of a key, resolved; node NULL: the mapping has none. There may be several merge keys: the first one that has
 * it counts. */
static int look_up(struct import_tree *tree, struct import_node mapping, const char *key, unsigned nesting,
                   struct import_node *ret_node)
{
    *ret_node = nowhere;
    if (!mapping.node || mapping.node->type != YAML_MAPPING_NODE)
        return 0;
    int r = look_up_own(tree, mapping, key, nesting, ret_node);
    if (r < 0 || ret_node->node)
        return r < 0 ? r : resolve(tree, ret_node, nesting);
    const yaml_node_pair_t *end = mapping.node->data.mapping.pairs.top;
    for (const yaml_node_pair_t *pair = mapping.node->data.mapping.pairs.start;
         r == 0 && pair < end && !ret_node->node; pair++) {
        struct import_node name = node_in(tree, mapping, pair->key);
        if (is_scalar(name.node) && strcmp(text_of(name.node), "<<") == 0)
            r = look_up_merged(tree, node_in(tree, mapping, pair->value), key, nesting + 1, ret_node);
    }
    return r;
}

/* ---- Packages ---- */

static int find_in(struct import_tree *tree, struct import_node root, const char *const keys[],
                   unsigned nesting, struct import_node *ret_node);

/* "github://esphome/firmware/bluetooth-proxy/esp32-generic.yaml@main", or the like with keys of its own. */
static void note_remote(struct import_tree *tree, const char *name, const char *url)
{
    tree->has_remote = true;
    tree->proxy_in_remote |= strstr(url, "bluetooth-proxy") || strstr(name, "bluetooth-proxy") ||
                             strstr(url, "bluetooth_proxy") || strstr(name, "bluetooth_proxy");
}

static int find_in_package(struct import_tree *tree, const char *name, struct import_node package,
                           const char *const keys[], unsigned nesting, struct import_node *ret_node)
{
    struct import_node url;
    int r = resolve(tree, &package, nesting);
    if (r < 0 || !package.node)
        return r;
    if (is_scalar(package.node)) {
        note_remote(tree, name, text_of(package.node));
        return 0;
    }
    r = look_up(tree, package, "url", nesting + 1, &url);
    if (r < 0)
        return r;
    if (url.node) {
        note_remote(tree, name, is_scalar(url.node) ? text_of(url.node) : "");
        return 0;
    }
    return find_in(tree, package, keys, nesting + 1, ret_node);
}

/* What a later one says counts. */
static int find_in_packages(struct import_tree *tree, struct import_node packages, const char *const keys[],
                            unsigned nesting, struct import_node *ret_node)
{
    int r = 0;
    if (packages.node->type == YAML_SEQUENCE_NODE) {
        const yaml_node_item_t *start = packages.node->data.sequence.items.start;
        for (const yaml_node_item_t *item = packages.node->data.sequence.items.top;
             r == 0 && item-- > start && !ret_node->node;)
            r = find_in_package(tree, "", node_in(tree, packages, *item), keys, nesting, ret_node);
    }
    if (packages.node->type == YAML_MAPPING_NODE) {
        const yaml_node_pair_t *start = packages.node->data.mapping.pairs.start;
        for (const yaml_node_pair_t *pair = packages.node->data.mapping.pairs.top;
             r == 0 && pair-- > start && !ret_node->node;) {
            struct import_node name = node_in(tree, packages, pair->key);
            r = find_in_package(tree, is_scalar(name.node) ? text_of(name.node) : "",
                                node_in(tree, packages, pair->value), keys, nesting, ret_node);
        }
    }
    return r;
}

/* What packages say is not to count. */
static bool is_removed(struct import_node node)
{
    return has_tag(node.node, "!remove");
}

/* Of what is needed: !env_var, !include_dir_named and others make something of the text that is not known here. */
static int check_followed(struct import_tree *tree, struct import_node node)
{
    static const char standard[] = "tag:yaml.org,2002:";
    const char *tag = (const char *)node.node->tag;
    if (!is_scalar(node.node) || strncmp(tag, standard, sizeof(standard) - 1) == 0)
        return 0;
    return tree->is_secret ? import_fail(tree, node, "the tag that this has is not followed here")
                           : import_fail(tree, node, "the tag '%.*s' is not followed here", SHOWN_MAX, tag);
}

static int find_in(struct import_tree *tree, struct import_node root, const char *const keys[],
                   unsigned nesting, struct import_node *ret_node)
{
    struct import_node node = root, packages;
    int r = take_step(tree, root, nesting);
    for (size_t i = 0; r == 0 && keys[i] && node.node && !is_removed(node); i++) {
        struct import_node next;
        r = check_followed(tree, node);
        if (r == 0)
            r = look_up(tree, node, keys[i], nesting + 1, &next);
        if (r == 0)
            node = next;
    }
    if (r < 0)
        return r;
    *ret_node = node;
    if (node.node)
        return 0;
    r = look_up(tree, root, "packages", nesting + 1, &packages);
    if (r == 0 && packages.node)
        r = check_followed(tree, packages);
    return r == 0 && packages.node ? find_in_packages(tree, packages, keys, nesting + 1, ret_node) : r;
}

int import_find(struct import_tree *tree, const char *const keys[], struct import_node *ret_node)
{
    *ret_node = nowhere;
    int r = find_in(tree, root_of(tree), keys, 0, ret_node);
    if (r == 0 && ret_node->node && is_removed(*ret_node))
        *ret_node = nowhere;
    return r;
}

/* ---- Texts ---- */

static int expand(struct import_tree *tree, struct import_node where, const char *text, unsigned nesting,
                  FILE *out);

/* The value of a name where it is used: the innermost scope counts, then the substitutions. */
static int find_value(struct import_tree *tree, struct import_node where, const char *name, unsigned nesting,
                      struct import_node *ret_value)
{
    const char *const keys[] = {"substitutions", name, NULL};
    *ret_value = nowhere;
    for (unsigned scope = where.scope; scope > 0; scope = tree->scopes[scope].outer) {
        int r = look_up(tree, tree->scopes[scope].vars, name, nesting + 1, ret_value);
        if (r == 0 && !ret_value->node)
            r = look_up(tree, tree->scopes[scope].defaults, name, nesting + 1, ret_value);
        if (r < 0 || ret_value->node)
            return r;
    }
    return find_in(tree, root_of(tree), keys, nesting + 1, ret_value);
}

static int expand_one(struct import_tree *tree, struct import_node where, const char *name, unsigned nesting,
                      FILE *out)
{
    struct import_node value;
    int r = find_value(tree, where, name, nesting, &value);
    if (r < 0)
        return r;
    if (!value.node || !is_scalar(value.node))
        return !tree->is_secret && can_be_shown(name)
                   ? import_fail(tree, where, "the substitution '%s' is not known", name)
                   : import_fail(tree, where, "a substitution cannot be done here");
    r = check_followed(tree, value);
    return r == 0 ? expand(tree, value, text_of(value.node), nesting + 1, out) : r;
}

/* ${name} and $name. */
static int expand(struct import_tree *tree, struct import_node where, const char *text, unsigned nesting,
                  FILE *out)
{
    static const char name_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    int r = take_step(tree, where, nesting);
    while (r == 0 && *text) {
        size_t plain = strcspn(text, "$");
        if (plain <= IMPORT_TEXT_MAX && fwrite(text, 1, plain, out) != plain)
            return BLEPROXY_E_NOMEM;
        if (plain > IMPORT_TEXT_MAX || ftell(out) > IMPORT_TEXT_MAX)
            return import_fail(tree, where, "a value is longer than %d bytes", IMPORT_TEXT_MAX);
        text += plain;
        if (!*text)
            break;
        bool braces = text[1] == '{';
        const char *start = text + 1 + braces;
        size_t length = braces ? strcspn(start, "}") : strspn(start, name_characters);
        if (length == 0 || (braces && !start[length])) {
            putc('$', out);
            text++;
            continue;
        }
        char *name = strndup(start, length);
        if (!name)
            return BLEPROXY_E_NOMEM;
        r = expand_one(tree, where, name, nesting, out);
        free(name);
        text = start + length + braces;
    }
    return r;
}

/* Of a scalar; *ret_text NULL: nothing is left of it. To be wiped and freed. */
static int expand_text(struct import_tree *tree, struct import_node where, unsigned nesting, char **ret_text)
{
    char text[2 * IMPORT_TEXT_MAX]; /* in one place, so that it can be wiped */
    *ret_text = NULL;
    if (where.node->data.scalar.length == 0)
        return 0;
    if (where.node->data.scalar.length > IMPORT_TEXT_MAX)
        return import_fail(tree, where, "a value is longer than %d bytes", IMPORT_TEXT_MAX);
    FILE *out = fmemopen(text, sizeof(text), "w");
    if (!out)
        return BLEPROXY_E_NOMEM;
    setvbuf(out, NULL, _IONBF, 0);
    int r = expand(tree, where, text_of(where.node), nesting, out);
    long length = ftell(out);
    fclose(out);
    if (r == 0 && length > 0)
        *ret_text = strndup(text, (size_t)length);
    explicit_bzero(text, sizeof(text));
    return r == 0 && length > 0 && !*ret_text ? BLEPROXY_E_NOMEM : r;
}

int import_find_text(struct import_tree *tree, const char *const keys[], char **ret_text,
                     struct import_node *ret_node)
{
    int r = import_find(tree, keys, ret_node);
    *ret_text = NULL;
    if (r < 0 || !ret_node->node || document_is_null(ret_node->node))
        return r;
    r = check_followed(tree, *ret_node);
    if (r == 0 && !is_scalar(ret_node->node))
        r = import_fail(tree, *ret_node, "the value of '%s' is no text", keys[0]);
    return r == 0 ? expand_text(tree, *ret_node, 0, ret_text) : r;
}
