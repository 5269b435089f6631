/* SPDX-License-Identifier: MIT */
#include "proxies.h"

#include "cli.h"
#include "config/file.h"
#include "config/psk.h"
#include "log.h"
#include <bleproxy/error.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SYSTEM_CONFIG "/etc/bleproxy/bleproxy.yaml"

static int out_of_memory(void)
{
    log_say("%s", bleproxy_strerror(BLEPROXY_E_NOMEM));
    return CLI_INTERNAL;
}

/* ---- The configuration file ---- */

/* The user's own, in path; false when there is no place for one. */
static bool user_config(char *path, size_t size)
{
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n = -1;
    if (base && base[0] == '/')
        n = snprintf(path, size, "%s/bleproxy/bleproxy.yaml", base);
    else if (home && home[0] == '/')
        n = snprintf(path, size, "%s/.config/bleproxy/bleproxy.yaml", home);
    return n > 0 && (size_t)n < size;
}

static void warn(const struct config *config)
{
    for (size_t i = 0; i < config->n_warnings; i++) {
        const struct config_warning *warning = &config->warnings[i];
        if (!warning->minor)
            log_warn(NULL, "%s:%u: %s", config->files[warning->file], warning->line, warning->text);
    }
}

static int load_config(struct proxies *proxies, const struct options *options, const char *path)
{
    struct config_error error = {0};
    int r = config_load(path, &proxies->config, &error);
    if (r == 0)
        r = device_names_read(&proxies->names, &proxies->config);
    if (r == 0) {
        warn(&proxies->config);
        return CLI_DONE;
    }
    if (r == BLEPROXY_E_NOMEM)
        return out_of_memory();
    if (r == BLEPROXY_E_NOT_FOUND && options->makes_config)
        return CLI_DONE;
    if (error.file[0])
        path = error.file;
    if (error.line > 0)
        log_say("%s:%u: %s", path, error.line, error.text);
    else
        log_say("%s: %s", path, error.text);
    if (error.n_others > 0)
        log_say("that is not all: 'bleproxy check' tells everything that is wrong with the configuration");
    return CLI_USAGE;
}

bool proxies_config_is_given(const struct options *options)
{
    const char *given = getenv("BLEPROXY_CONFIG");
    return options->config_path || (given && *given);
}

/* The file in use; false, and path is where it could be, or "": there is none. */
static bool config_in_use(const struct options *options, char *path, size_t size)
{
    if (proxies_config_is_given(options)) {
        snprintf(path, size, "%s", options->config_path ? options->config_path : getenv("BLEPROXY_CONFIG"));
        return true;
    }
    bool has_home = user_config(path, size);
    if (has_home && access(path, F_OK) == 0)
        return true;
    if (access(SYSTEM_CONFIG, F_OK) == 0) {
        snprintf(path, size, "%s", SYSTEM_CONFIG);
        return true;
    }
    if (!has_home)
        *path = '\0';
    return false;
}

int proxies_config_path(const struct options *options, char *path, size_t size)
{
    if (config_in_use(options, path, size) || *path)
        return CLI_DONE;
    log_say("there is no place for a configuration file: give one with -c");
    return CLI_USAGE;
}

/* CLI_DONE also when there is none and none was asked for. */
static int find_config(struct proxies *proxies, const struct options *options)
{
    char path[PATH_MAX];
    return config_in_use(options, path, sizeof(path)) ? load_config(proxies, options, path) : CLI_DONE;
}

/* ---- Proxies by address ---- */

/* Takes "host", "host:port", "[v6]", "[v6]:port" and "v6". *ret_port stays as it is without a port. */
static bool split_address(const char *text, const char **ret_host, size_t *ret_size, uint16_t *ret_port)
{
    const char *port = NULL, *colon = strrchr(text, ':');
    *ret_host = text;
    *ret_size = strlen(text);
    if (text[0] == '[') {
        const char *close = strchr(text, ']');
        if (!close || (close[1] && close[1] != ':'))
            return false;
        *ret_host = text + 1;
        *ret_size = (size_t)(close - text) - 1;
        port = close[1] ? close + 2 : NULL;
    } else if (colon && strchr(text, ':') == colon) {
        *ret_size = (size_t)(colon - text);
        port = colon + 1;
    }
    if (port) {
        size_t digits = strspn(port, "0123456789");
        unsigned long value = strtoul(port, NULL, 10);
        if (digits == 0 || digits > 5 || port[digits] || value == 0 || value > UINT16_MAX)
            return false;
        *ret_port = (uint16_t)value;
    }
    return *ret_size > 0;
}

/* The key of proxies given by address; it is read once. */
static int find_psk(struct proxies *proxies, const struct options *options)
{
    const char *given = getenv("BLEPROXY_NOISE_PSK");
    if (proxies->psk)
        return CLI_DONE;
    if (options->psk_file) {
        int r = config_read_psk_file(options->psk_file, &proxies->psk);
        if (r == 0 && file_is_public(options->psk_file))
            log_warn(NULL, "everybody on this machine can get at the key file '%s': chmod 600 %s",
                     options->psk_file, options->psk_file);
        if (r == 0)
            return CLI_DONE;
        if (r == BLEPROXY_E_NOMEM)
            return out_of_memory();
        if (r == BLEPROXY_E_INVALID_KEY)
            log_say(
                "%s holds no key: it must be the base64 of 32 bytes, as under 'api: encryption: key' in the "
                "proxy's ESPHome configuration",
                options->psk_file);
        else
            log_say("cannot read the file that --psk-file names: %s", /* it may be a part of a key */
                    strerror(r == BLEPROXY_E_NOT_FOUND ? ENOENT : errno));
        return CLI_USAGE;
    }
    if (!given)
        return CLI_DONE;
    if (!*given)
        log_say(
            "BLEPROXY_NOISE_PSK is set, but empty: unset it for proxies that do not encrypt, or put the key "
            "there");
    else if (!psk_valid(given))
        log_say(
            "BLEPROXY_NOISE_PSK holds no key: it must be the base64 of 32 bytes, as under 'api: encryption: "
            "key' in the proxy's ESPHome configuration");
    else
        return (proxies->psk = strdup(given)) ? CLI_DONE : out_of_memory();
    return CLI_USAGE;
}

/* As the library calls a proxy that has no name; NULL: out of memory. */
static char *name_address(const char *host, uint16_t port)
{
    char *name;
    int n = port == BLEPROXY_PORT ? asprintf(&name, "%s", host)
                                  : asprintf(&name, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
    return n < 0 ? NULL : name;
}

static int target_from_address(struct proxies *proxies, const struct options *options, const char *text,
                               struct target *ret_target)
{
    const char *host;
    size_t size;
    uint16_t port = BLEPROXY_PORT;
    if (!split_address(text, &host, &size, &port)) {
        log_say("'%s' is neither a name of the configuration nor HOST, HOST:PORT or [IPV6]:PORT", text);
        return CLI_USAGE;
    }
    int r = find_psk(proxies, options);
    if (r != CLI_DONE)
        return r;
    char *copy = strndup(host, size), *name = copy ? name_address(copy, port) : NULL;
    if (!name) {
        free(copy);
        return out_of_memory();
    }
    *ret_target = (struct target){
        .config =
            {.address = copy, .port = port, .name = name, .noise_psk = proxies->psk, .any_device = true},
        .host = copy,
        .name = name,
        .similar = strpbrk(copy, ".:") ? NULL : config_find_similar(&proxies->config, copy)};
    return CLI_DONE;
}

static struct target target_from_config(const struct config_proxy *proxy)
{
    return (struct target){.config = {.address = proxy->address,
                                      .port = (uint16_t)proxy->port,
                                      .name = proxy->name,
                                      .noise_psk = proxy->noise_psk,
                                      .password = proxy->password,
                                      .expected_name = proxy->expected_name,
                                      .reclaim_s = proxy->reclaim * 60,
                                      .scan_mode = (enum bleproxy_scan_mode)proxy->scan},
                           .configured = true};
}

/* ---- Both ---- */

static void add(struct proxies *proxies, struct target *target)
{
    for (size_t i = 0; i < proxies->n_targets; i++) {
        const struct target *other = &proxies->targets[i];
        if (strcasecmp(other->config.address, target->config.address) == 0 &&
            other->config.port == target->config.port) {
            log_warn(target->config.name, "left out, for it is the same proxy as %s", other->config.name);
            free(target->host);
            free(target->name);
            return;
        }
    }
    proxies->targets[proxies->n_targets++] = *target;
}

static int pick(struct proxies *proxies, const struct options *options)
{
    bool by_address = false;
    for (size_t i = 0; i < options->n_proxies; i++) {
        struct target target;
        const struct config_proxy *configured = config_find(&proxies->config, options->proxies[i]);
        int r = CLI_DONE;
        if (configured)
            target = target_from_config(configured);
        else
            r = target_from_address(proxies, options, options->proxies[i], &target);
        if (r != CLI_DONE)
            return r;
        by_address |= !configured;
        add(proxies, &target);
    }
    if (options->psk_file && !by_address) {
        log_say("--psk-file is for proxies that -p gives by address; the others have their keys in the "
                "configuration");
        return CLI_USAGE;
    }
    if (proxies->n_targets > 0)
        return CLI_DONE;
    log_say(
        "which proxy? Give its address with -p, or list your proxies in ~/.config/bleproxy/bleproxy.yaml");
    return CLI_USAGE;
}

int proxies_load(struct proxies *proxies, const struct options *options)
{
    *proxies = (struct proxies){0};
    return find_config(proxies, options);
}

int proxies_load_own(struct proxies *proxies, const struct options *options)
{
    char path[PATH_MAX];
    *proxies = (struct proxies){0};
    return config_in_use(options, path, sizeof(path)) && strcmp(path, SYSTEM_CONFIG) != 0
               ? load_config(proxies, options, path)
               : CLI_DONE;
}

bool proxies_is_at(const char *text, const char *host, uint16_t port)
{
    const char *own;
    size_t size;
    uint16_t own_port = BLEPROXY_PORT;
    return split_address(text, &own, &size, &own_port) && own_port == port && strlen(host) == size &&
           strncasecmp(own, host, size) == 0;
}

int proxies_init(struct proxies *proxies, const struct options *options)
{
    int r = proxies_load(proxies, options);
    if (r != CLI_DONE)
        return r;
    size_t n = options->n_proxies > 0 ? options->n_proxies : proxies->config.n_proxies;
    proxies->targets = calloc(n + 1, sizeof(*proxies->targets));
    if (!proxies->targets)
        return out_of_memory();
    for (size_t i = 0; options->n_proxies == 0 && i < n; i++) {
        struct target target = target_from_config(&proxies->config.proxies[i]);
        add(proxies, &target);
    }
    return pick(proxies, options);
}

struct bleproxy_proxy_config target_config(const struct target *target)
{
    struct bleproxy_proxy_config config = target->config;
    if (!target->configured)
        config.name = NULL;
    return config;
}

/* Who gives an address has no entry with a noise_psk. */
static const char *explain_key(const char *why, char text[PROXIES_TEXT_SIZE])
{
    static const char *const words[][2] = {
        {"give its noise_psk", "give its key in BLEPROXY_NOISE_PSK or by --psk-file"},
        {"remove its noise_psk here", "give no key by BLEPROXY_NOISE_PSK or --psk-file"},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const char *at = strstr(why, words[i][0]);
        if (!at)
            continue;
        snprintf(text, PROXIES_TEXT_SIZE, "%.*s%s%s", (int)(at - why), why, words[i][1],
                 at + strlen(words[i][0]));
        return text;
    }
    return why;
}

const char *proxies_explain(const struct target *target, int error, const char *why,
                            char text[PROXIES_TEXT_SIZE])
{
    if (!target->configured &&
        (error == BLEPROXY_E_REQUIRES_ENCRYPTION || error == BLEPROXY_E_ENCRYPTION_PLAINTEXT))
        return explain_key(why, text);
    if ((error != BLEPROXY_E_RESOLVE && error != BLEPROXY_E_TIMEOUT) || !target->similar)
        return why;
    snprintf(text, PROXIES_TEXT_SIZE, "%s; did you mean '%s'?", why, target->similar);
    return text;
}

void proxies_deinit(struct proxies *proxies)
{
    for (size_t i = 0; i < proxies->n_targets; i++) {
        free(proxies->targets[i].host);
        free(proxies->targets[i].name);
    }
    free(proxies->targets);
    if (proxies->psk)
        explicit_bzero(proxies->psk, strlen(proxies->psk));
    free(proxies->psk);
    device_names_deinit(&proxies->names);
    config_deinit(&proxies->config);
    *proxies = (struct proxies){0};
}
