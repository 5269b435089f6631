/* SPDX-License-Identifier: MIT */
#include "config/import.h"

#include "cli.h"
#include "config/append.h"
#include "key_file.h"
#include "log.h"
#include "options.h"
#include "proxies.h"

#include <bleproxy/error.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_SECRETS = OPTION_OWN, OPTION_ALL };

static const struct option longs[] = {
    {"config", required_argument, NULL, 'c'},
    {"help", no_argument, NULL, 'h'},
    {"secrets", required_argument, NULL, OPTION_SECRETS},
    {"all", no_argument, NULL, OPTION_ALL},
    {0},
};

static const char help[] =
    "Usage: bleproxy import [OPTION]... FILE...\n"
    "Add the proxies that these ESPHome configurations are of: name, address and key.\n"
    "Each key goes to a file of its own, NAME.key beside the configuration, or in\n"
    "'keys' there.\n"
    "\n"
    "      --secrets FILE       where !secret is looked up; else secrets.yaml beside each\n"
    "      --all                also those without bluetooth_proxy\n"
    "  -c, --config FILE        configuration, see bleproxy.yaml(5)\n"
    "  -h, --help               this text\n";

struct command {
    struct options options;
    const char *secrets_path;
    bool all;
    struct proxies proxies;
    char config_path[PATH_MAX];
};

static int parse(void *user, int option, const char *value)
{
    struct command *command = user;
    if (option == OPTION_SECRETS)
        command->secrets_path = value;
    command->all |= option == OPTION_ALL;
    return CLI_DONE;
}

static void tell(const char *path, const struct config_error *error)
{
    if (error->line > 0)
        log_say("%s:%u: %s", error->file[0] ? error->file : path, error->line, error->text);
    else
        log_say("%s: %s", error->file[0] ? error->file : path, error->text);
}

static int read_import(const struct command *command, const char *path, struct import *ret_import)
{
    struct config_error error = {0};
    int r = import_read(path, command->secrets_path, &import_disk, NULL, ret_import, &error);
    if (r == 0)
        return CLI_DONE;
    if (r == BLEPROXY_E_INVALID)
        tell(path, &error);
    else if (r == BLEPROXY_E_NOMEM)
        log_say("%s", bleproxy_strerror(r));
    else
        log_say("cannot read %s: %s", path,
                r == BLEPROXY_E_LIMIT ? "it is too large"
                                      : strerror(r == BLEPROXY_E_NOT_FOUND ? ENOENT : errno));
    return r == BLEPROXY_E_NOMEM ? CLI_INTERNAL : CLI_USAGE;
}

/* The file, which may be there already with the same key. */
static int write_key(const struct command *command, const struct import *import, char path[PATH_MAX])
{
    char key[BLEPROXY_KEY_TEXT_SIZE];
    int r = key_file_path(command->config_path, import->name, path, PATH_MAX);
    if (r == CLI_DONE)
        r = key_file_read(path, key);
    if (r == CLI_NOT_FOUND)
        return key_file_write(path, import->key);
    bool same = r == CLI_DONE && strcmp(key, import->key) == 0;
    explicit_bzero(key, sizeof(key));
    if (r != CLI_DONE || same)
        return r;
    log_say("%s holds another key; a key file is never replaced", path);
    return CLI_USAGE;
}

/* Before a key file is written. */
static int check(const char *path, const struct import *import)
{
    const struct config_entry entry = {.name = import->name, .address = import->address};
    struct config_error error;
    int r = config_check_entry(&entry, &error);
    if (r == 0)
        return CLI_DONE;
    if (r == BLEPROXY_E_NOMEM)
        log_say("%s", bleproxy_strerror(r));
    else
        log_say("%s gives a proxy '%s' at '%s', which cannot be: %s", path, import->name, import->address,
                error.text);
    return r == BLEPROXY_E_NOMEM ? CLI_INTERNAL : CLI_USAGE;
}

static int add(const struct command *command, const char *path, const struct import *import)
{
    char key_path[PATH_MAX];
    char *reference = NULL;
    struct config_error error;
    int code = check(path, import);
    if (code == CLI_DONE && import->key)
        code = write_key(command, import, key_path);
    if (code != CLI_DONE)
        return code;
    if (import->key && !(reference = key_file_reference(command->config_path, key_path)))
        return CLI_INTERNAL;
    const struct config_entry entry = {.name = import->name,
                                       .address = import->address,
                                       .port = (uint16_t)import->port,
                                       .noise_psk_file = reference};
    int r = config_append_file(command->config_path, &entry, 1, &error);
    free(reference);
    if (r < 0) {
        if (r == BLEPROXY_E_NOMEM)
            log_say("%s", bleproxy_strerror(r));
        else
            tell(command->config_path, &error);
        return r == BLEPROXY_E_INVALID ? CLI_USAGE : CLI_INTERNAL;
    }
    printf("%s (%s%s) added from %s\n", import->name, import->address,
           import->key ? ", encrypted" : ", not encrypted", path);
    return CLI_DONE;
}

static void warn(const struct command *command, const struct import *import)
{
    if (import->wants_key)
        log_warn(import->name,
                 "its configuration has 'encryption:' without a key: 'bleproxy adopt %s' gives it one, if "
                 "nobody has",
                 import->name);
    else if (!import->key && import->has_remote)
        log_warn(import->name,
                 "its packages that are not on this machine may have a key, which was not found");
    if (import->has_password)
        log_warn(import->name, "it has an API password: put that into its entry in %s, as 'password'",
                 command->config_path);
}

/* Its entry in the configuration, or NULL. */
static const struct config_proxy *find_entry(const struct config *config, const struct import *import)
{
    const struct config_proxy *entry = config_find(config, import->name);
    return entry && strcmp(entry->address, import->address) == 0 ? entry : NULL;
}

/* An entry that is there stays as it is: that it lacks the key is told, which is in its file then. */
static int complete(const struct command *command, const struct import *import,
                    const struct config_proxy *entry)
{
    char key_path[PATH_MAX];
    const char *file = command->proxies.config.files[entry->file];
    if (!import->key || entry->noise_psk) {
        bool other = import->key && strcmp(import->key, entry->noise_psk) != 0;
        log_warn(import->name, "is in the configuration already%s", other ? ", with another key" : "");
        return CLI_DONE;
    }
    int code = write_key(command, import, key_path);
    if (code != CLI_DONE)
        return code;
    char *reference = key_file_reference(file, key_path);
    if (!reference)
        return CLI_INTERNAL;
    printf(
        "%s is in the configuration already, without its key: add to its entry, %s:%u: noise_psk_file: %s\n",
        import->name, file, entry->line, reference);
    free(reference);
    return CLI_DONE;
}

static int import_one(const struct command *command, const char *path)
{
    struct import import;
    int r = read_import(command, path, &import);
    if (r != CLI_DONE)
        return r;
    const struct config_proxy *entry = find_entry(&command->proxies.config, &import);
    if (!import.is_proxy && !command->all) {
        log_warn(import.name, "left out, for %s has no bluetooth_proxy%s; --all takes it", path,
                 import.has_remote ? ", unless in a package that is not on this machine" : "");
    } else if (entry) {
        r = complete(command, &import, entry);
    } else {
        r = add(command, path, &import);
        if (r == CLI_DONE)
            warn(command, &import);
    }
    import_deinit(&import);
    return r;
}

/* What is wrong with one does not keep the others out. */
static int import_all(const struct command *command)
{
    int code = CLI_DONE;
    for (size_t i = 0; i < command->options.n_arguments; i++) {
        int r = import_one(command, command->options.arguments[i]);
        if (code == CLI_DONE)
            code = r;
    }
    if (fflush(stdout) != 0 && code == CLI_DONE)
        code = CLI_INTERNAL;
    return code;
}

int cmd_import(int argc, char **argv)
{
    static const struct options_table table = {.longs = longs,
                                               .shorts = ":c:h",
                                               .help = help,
                                               .arguments = "FILE...",
                                               .arguments_min = 1,
                                               .arguments_max = SIZE_MAX,
                                               .parse = parse};
    struct command command = {.options = {.makes_config = true}};
    int r = options_parse(&command.options, &table, &command, argc, argv);
    if (r == OPTIONS_GO_ON) {
        r = proxies_load(&command.proxies, &command.options);
        if (r == CLI_DONE)
            r = proxies_config_path(&command.options, command.config_path, sizeof(command.config_path));
        if (r == CLI_DONE)
            r = import_all(&command);
    }
    proxies_deinit(&command.proxies);
    options_deinit(&command.options);
    return r;
}
