/* SPDX-License-Identifier: MIT */
#include "config/import.h"

#include "config/file.h"
#include "config/import_tree.h"
#include "config/psk.h"
#include "names/sanitise.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KEYS(...) ((const char *const[]){__VA_ARGS__, NULL})

static int read_disk(void *user, const char *path, char **ret_text, size_t *ret_size)
{
    (void)user;
    return file_read(path, CONFIG_SIZE_MAX, ret_text, ret_size);
}

const struct import_ops import_disk = {.read = read_disk};

/* A text that can be a name or an address; *ret_text NULL: there is none. */
static int take_text(struct import_tree *tree, const char *const keys[], char **ret_text,
                     struct import_node *ret_node)
{
    int r = import_find_text(tree, keys, ret_text, ret_node);
    if (r == 0 && *ret_text && !sanitise_keeps(*ret_text, strlen(*ret_text))) {
        free(*ret_text);
        *ret_text = NULL;
        return import_fail(tree, *ret_node, "this holds a character that does not print");
    }
    return r;
}

static int take_name(struct import_tree *tree, struct import *import)
{
    struct import_node node;
    int r = take_text(tree, KEYS("esphome", "name"), &import->name, &node);
    if (r == 0 && !import->name)
        return import_fail(tree, node,
                           "there is no 'esphome: name:' in it: it is no ESPHome configuration, or the "
                           "name is where it cannot be found");
    return r;
}

static bool is_true(const char *text)
{
    return strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0 || strcasecmp(text, "on") == 0 ||
           strcasecmp(text, "enable") == 0;
}

/* ESPHome puts the end of the MAC address behind the name, which is known by nobody but the device. */
static int check_suffix(struct import_tree *tree)
{
    struct import_node node;
    char *text;
    int r = import_find_text(tree, KEYS("esphome", "name_add_mac_suffix"), &text, &node);
    bool has_suffix = r == 0 && text && is_true(text);
    free(text);
    return has_suffix
               ? import_fail(tree, node,
                             "its name ends with its MAC address (name_add_mac_suffix): give its address as "
                             "'wifi: use_address:', or find it with 'bleproxy discover'")
               : r;
}

static int take_address(struct import_tree *tree, struct import *import)
{
    const char *const *const places[] = {
        KEYS("wifi", "use_address"),
        KEYS("ethernet", "use_address"),
        KEYS("openthread", "use_address"),
        KEYS("wifi", "manual_ip", "static_ip"),
        KEYS("ethernet", "manual_ip", "static_ip"),
    };
    struct import_node node;
    char *domain = NULL;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        int r = take_text(tree, places[i], &import->address, &node);
        if (r < 0 || import->address)
            return r;
    }
    int r = check_suffix(tree);
    if (r == 0)
        r = take_text(tree, KEYS("wifi", "domain"), &domain, &node);
    if (r == 0 && !domain)
        r = take_text(tree, KEYS("ethernet", "domain"), &domain, &node);
    if (r == 0 && asprintf(&import->address, "%s%s", import->name, domain ? domain : ".local") < 0) {
        import->address = NULL;
        r = BLEPROXY_E_NOMEM;
    }
    free(domain);
    return r;
}

static int take_port(struct import_tree *tree, struct import *import)
{
    struct import_node node;
    char *text, *end;
    int r = import_find_text(tree, KEYS("api", "port"), &text, &node);
    if (r < 0 || !text)
        return r;
    unsigned long port = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || port == 0 || port > UINT16_MAX)
        r = import_fail(tree, node, "the port of the API is a number of 1 to %d", UINT16_MAX);
    else
        import->port = (uint32_t)port;
    free(text);
    return r;
}

static int take_key(struct import_tree *tree, struct import *import)
{
    struct import_node node;
    tree->is_secret = true;
    int r = import_find_text(tree, KEYS("api", "encryption", "key"), &import->key, &node);
    tree->is_secret = false;
    if (r == 0 && import->key && !psk_valid(import->key))
        return import_fail(tree, node, "the key is not the base64 of 32 bytes");
    if (r < 0 || import->key)
        return r;
    r = import_find(tree, KEYS("api", "encryption"), &node);
    import->wants_key = node.node != NULL;
    return r;
}

static int take_rest(struct import_tree *tree, struct import *import)
{
    struct import_node node;
    int r = import_find(tree, KEYS("api", "password"), &node);
    import->has_password = r == 0 && node.node;
    if (r == 0)
        r = import_find(tree, KEYS("bluetooth_proxy"), &node);
    import->is_proxy = r == 0 && (node.node || tree->proxy_in_remote);
    import->has_remote = tree->has_remote;
    return r;
}

int import_read(const char *path, const char *secrets_path, const struct import_ops *ops, void *user,
                struct import *ret_import, struct config_error *ret_error)
{
    struct import_tree tree = {.ops = ops, .user = user, .secrets_path = secrets_path, .error = ret_error};
    struct import import = {0};
    struct import_node root;
    int r = import_open(&tree, path, &root);
    if (r == 0)
        r = take_name(&tree, &import);
    if (r == 0)
        r = take_address(&tree, &import);
    if (r == 0)
        r = take_port(&tree, &import);
    if (r == 0)
        r = take_key(&tree, &import);
    if (r == 0)
        r = take_rest(&tree, &import);
    import_tree_deinit(&tree);
    if (r < 0)
        import_deinit(&import);
    else
        *ret_import = import;
    return r;
}

void import_deinit(struct import *import)
{
    if (import->key)
        explicit_bzero(import->key, strlen(import->key));
    free(import->key);
    free(import->name);
    free(import->address);
    *import = (struct import){0};
}
