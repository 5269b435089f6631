/* SPDX-License-Identifier: MIT */
#include "cli.h"
#include "discover.h"
#include "log.h"
#include "proxies.h"

#include "config/append.h"
#include <bleproxy/error.h>
#include <bleproxy/proxy.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct found *discover_find(const struct found *found, size_t n_found, const char *name)
{
    for (size_t i = 0; i < n_found; i++)
        if (strcasecmp(found[i].name, name) == 0)
            return &found[i];
    return NULL;
}

static int write_config(const char *path, const struct config_entry *entries, size_t n)
{
    struct config_error why = {0};
    int r = config_append_file(path, entries, n, &why);
    if (r == BLEPROXY_E_NOMEM)
        log_say("%s", bleproxy_strerror(r));
    else if (r < 0 && why.line > 0)
        log_say("%s:%u: %s", path, why.line, why.text);
    else if (r < 0)
        log_say("%s: %s", path, why.text);
    return r == 0 ? CLI_DONE : r == BLEPROXY_E_NOMEM ? CLI_INTERNAL : CLI_USAGE;
}

static bool is_listed(const struct config_entry *entries, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(entries[i].name, name) == 0)
            return true;
    return false;
}

/* A name that needs no escapes finds it wherever it goes; else there is its address. */
static struct config_entry entry_of(const struct found *found)
{
    return (struct config_entry){.name = found->name,
                                 .address = strchr(found->host, '\\') ? found->address : found->host,
                                 .port = found->port == BLEPROXY_PORT ? 0 : found->port};
}

/* Whether another one goes by the name of this one, which is the first. */
static bool is_ambiguous(const struct found *found, size_t n_found, const struct found *device)
{
    size_t rest = n_found - (size_t)(device + 1 - found);
    return discover_find(device + 1, rest, device->name) != NULL;
}

/* Those that are to be written, in *ret_n of entries. */
static int choose(const struct config *config, const struct found *found, size_t n_found,
                  const char *const *names, size_t n_names, struct config_entry *entries, size_t *ret_n)
{
    size_t n = 0;
    for (size_t i = 0; i < n_names; i++) {
        const struct found *device = discover_find(found, n_found, names[i]);
        if (!device) {
            log_say("no device of the name '%s' has answered: nothing was added", names[i]);
            return CLI_NOT_FOUND;
        }
        if (is_ambiguous(found, n_found, device)) {
            log_say("several devices go by the name '%s': nothing was added", device->name);
            return CLI_USAGE;
        }
        if (device->configured) {
            log_warn(device->name, "is in the configuration already");
        } else if (config_find(config, device->name)) {
            log_say("the configuration has another proxy of the name '%s': nothing was added", device->name);
            return CLI_USAGE;
        } else if (!is_listed(entries, n, device->name)) {
            entries[n++] = entry_of(device);
        }
    }
    *ret_n = n;
    return CLI_DONE;
}

int discover_add(const struct options *options, const struct config *config, const struct found *found,
                 size_t n_found, const char *const *names, size_t n_names)
{
    char path[PATH_MAX];
    size_t n = 0;
    struct config_entry *entries = calloc(n_names, sizeof(*entries));
    if (!entries)
        return CLI_INTERNAL;
    int code = choose(config, found, n_found, names, n_names, entries, &n);
    if (code == CLI_DONE && n > 0)
        code = proxies_config_path(options, path, sizeof(path));
    if (code == CLI_DONE && n > 0)
        code = write_config(path, entries, n);
    for (size_t i = 0; code == CLI_DONE && i < n; i++) {
        printf("%s added to %s\n", entries[i].name, path);
        if (discover_find(found, n_found, entries[i].name)->encrypted)
            log_warn(entries[i].name,
                     "is encrypted: put its key into a file, and 'noise_psk_file' with the file's "
                     "name into its entry");
    }
    free(entries);
    return code;
}
