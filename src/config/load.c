/* SPDX-License-Identifier: MIT */
#include "config/check.h"
#include "config/errors.h"
#include "config/file.h"
#include "config/part.h"
#include "config/schema.h"

#include <bleproxy/error.h>
#include <bleproxy/key.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DROP_INS "conf.d"
enum { TWINS_MAX = 1000 }; /* proxies that are compared with all before them */

static struct config_source source_of(const struct config *config, unsigned file)
{
    const char *path = config->files[file], *slash = strrchr(path, '/');
    return (struct config_source){path, slash ? (size_t)(slash + 1 - path) : 0, file};
}

/* Takes path, which may be NULL: there was no memory for it. */
static int add_file(struct config *config, char *path)
{
    char **files = path ? reallocarray(config->files, config->n_files + 1, sizeof(*files)) : NULL;
    if (!files) {
        free(path);
        return BLEPROXY_E_NOMEM;
    }
    config->files = files;
    files[config->n_files++] = path;
    return 0;
}

static int read_file(struct config *config, unsigned file, struct config_errors *errors)
{
    char *text;
    size_t size;
    struct config_error *error = &errors->now;
    config_error_in(error, config, file);
    int r = file_read(config->files[file], CONFIG_SIZE_MAX, &text, &size);
    if (r == BLEPROXY_E_NOT_FOUND)
        config_fail(error, 0, "there is no such file");
    if (r == BLEPROXY_E_IO)
        config_fail(error, 0, "the file cannot be read: %s", strerror(errno));
    if (r == BLEPROXY_E_LIMIT)
        return config_fail(error, 0, "the file is larger than %d bytes", CONFIG_SIZE_MAX);
    if (r < 0)
        return r;
    const struct config_source source = source_of(config, file);
    r = config_read_part(text, size, &source, config, errors);
    file_free(text, size);
    return r;
}

/* ---- Drop-ins ---- */

static int is_drop_in(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".yaml") == 0;
}

/* As bytes: the same order whatever the user's language. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_drop_ins(struct config *config, const char *directory, struct dirent *const *entries, size_t n,
                        struct config_error *ret_error)
{
    if (n > CONFIG_DROP_INS_MAX)
        return config_fail(ret_error, 0, "there are more than %d files in %s", CONFIG_DROP_INS_MAX,
                           directory);
    for (size_t i = 0; i < n; i++) {
        char *path;
        int r = add_file(config, asprintf(&path, "%s/%s", directory, entries[i]->d_name) < 0 ? NULL : path);
        if (r < 0)
            return r;
    }
    return 0;
}

static int find_drop_ins(struct config *config, struct config_error *ret_error)
{
    const struct config_source source = source_of(config, 0);
    char *directory = config_path(&source, DROP_INS);
    struct dirent **entries;
    if (!directory)
        return BLEPROXY_E_NOMEM;
    int r = 0, n = scandir(directory, &entries, is_drop_in, compare_names);
    if (n < 0 && errno != ENOENT && errno != ENOTDIR)
        r = errno == ENOMEM ? BLEPROXY_E_NOMEM
                            : config_fail(ret_error, 0, "%s cannot be read: %s", directory, strerror(errno));
    if (n >= 0) {
        r = add_drop_ins(config, directory, entries, (size_t)n, ret_error);
        for (int i = 0; i < n; i++)
            free(entries[i]);
        free(entries);
    }
    free(directory);
    return r;
}

/* ---- Warnings ---- */

static int warn(struct config *config, const struct config_warning *where, const char *format, ...)
{
    struct config_error error; /* sanitises the text */
    if (config->n_warnings == CONFIG_WARNINGS_MAX)
        return 0;
    struct config_warning *warnings =
        reallocarray(config->warnings, config->n_warnings + 1, sizeof(*warnings));
    if (!warnings)
        return BLEPROXY_E_NOMEM;
    va_list arguments;
    va_start(arguments, format);
    char text[sizeof(error.text)];
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    config_fail(&error, 0, "%s", text);
    config->warnings = warnings;
    warnings[config->n_warnings] = *where;
    snprintf(warnings[config->n_warnings].text, sizeof(warnings->text), "%s", error.text);
    config->n_warnings++;
    return 0;
}

static int warn_of_key_file(struct config *config, const struct config_proxy *proxy)
{
    const struct config_source source = source_of(config, proxy->file);
    char *path = config_path(&source, proxy->noise_psk_file);
    if (!path)
        return BLEPROXY_E_NOMEM;
    int r = 0;
    if (file_is_public(path))
        r = warn(config, &(struct config_warning){.file = proxy->file, .line = proxy->psk_line},
                 "everybody on this machine can get at the key file '%s': chmod 600 %s",
                 proxy->noise_psk_file, path);
    free(path);
    return r;
}

static int warn_of_keys_inside(struct config *config, unsigned file)
{
    for (size_t i = 0; i < config->n_proxies; i++) {
        const struct config_proxy *proxy = &config->proxies[i];
        bool inside = (proxy->noise_psk && !proxy->noise_psk_file) || proxy->password;
        if (proxy->file == file && inside && file_is_public(config->files[file]))
            return warn(config, &(struct config_warning){.file = file, .minor = true},
                        "everybody on this machine can get at the keys in it: chmod 600 %s",
                        config->files[file]);
    }
    return 0;
}

/* In a link's own network an address says nothing without the link. */
static bool lacks_link(const char *address)
{
    return strncasecmp(address, "fe80:", 5) == 0 && !strchr(address, '%');
}

static int warn_of_proxy(struct config *config, const struct config_proxy *proxy)
{
    static const char none[] = BLEPROXY_KEY_NONE;
    const struct config_warning where = {.file = proxy->file, .line = proxy->line, .minor = true};
    int r = 0;
    if (lacks_link(proxy->address))
        r = warn(config, &where, "'%s' is of one link only, which is to be named: %s%%eth0, for instance",
                 proxy->address, proxy->address);
    if (r == 0 && proxy->noise_psk && strcmp(proxy->noise_psk, none) == 0)
        r = warn(
            config, &where,
            "the key of '%s' is what proxies without a key take, and no secret: 'bleproxy adopt %s' gives "
            "it one",
            proxy->name, proxy->name);
    return r;
}

/* The later one would be left out. */
static int warn_of_twins(struct config *config)
{
    int r = 0;
    for (size_t i = 1; r == 0 && i < config->n_proxies && i < TWINS_MAX; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct config_proxy *proxy = &config->proxies[i], *other = &config->proxies[j];
            if (strcasecmp(proxy->address, other->address) != 0 || proxy->port != other->port)
                continue;
            r = warn(config,
                     &(struct config_warning){.file = proxy->file, .line = proxy->line, .minor = true},
                     "'%s' has the address of '%s' in %s", proxy->name, other->name,
                     config_place(config, proxy->file, other->file, other->line).text);
            break;
        }
    }
    return r;
}

static int warn_of_all(struct config *config)
{
    int r = warn_of_twins(config);
    for (size_t i = 0; r == 0 && i < config->n_proxies; i++)
        r = warn_of_proxy(config, &config->proxies[i]);
    for (size_t i = 0; r == 0 && i < config->n_proxies; i++)
        if (config->proxies[i].noise_psk_file)
            r = warn_of_key_file(config, &config->proxies[i]);
    for (unsigned file = 0; r == 0 && file < config->n_files; file++)
        r = warn_of_keys_inside(config, file);
    return r;
}

/* ---- All of it ---- */

static int read_all(struct config *config, struct config_errors *errors)
{
    int first = read_file(config, 0, errors), r = config_errors_take(errors, first);
    if (r < 0 || first == BLEPROXY_E_NOT_FOUND || first == BLEPROXY_E_IO)
        return r < 0 ? r : first;
    bool all_read = first == 0;
    config_error_in(&errors->now, config, 0);
    r = find_drop_ins(config, &errors->now);
    all_read &= r == 0;
    r = config_errors_take(errors, r);
    for (unsigned file = 1; r == 0 && file < config->n_files; file++) {
        r = read_file(config, file, errors);
        all_read &= r == 0;
        r = config_errors_take(errors, r);
    }
    if (r == 0)
        r = config_check(config, all_read, errors);
    return r == 0 && errors->n > 0 ? BLEPROXY_E_INVALID : r;
}

int config_load_all(const char *path, struct config *ret_config, struct config_errors *ret_errors)
{
    struct config config = {0};
    int r = add_file(&config, strdup(path));
    if (r == 0)
        r = read_all(&config, ret_errors);
    if (r == 0)
        r = warn_of_all(&config);
    if (r < 0)
        config_deinit(&config);
    else
        *ret_config = config;
    return r;
}

int config_load(const char *path, struct config *ret_config, struct config_error *ret_error)
{
    struct config_errors errors = {0};
    int r = config_load_all(path, ret_config, &errors);
    config_errors_first(&errors, ret_error);
    config_errors_deinit(&errors);
    return r;
}
