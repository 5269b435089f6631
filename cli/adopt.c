/* SPDX-License-Identifier: MIT */
#include "adoption.h"
#include "cli.h"
#include "config/append.h"
#include "config/file.h"
#include "key_file.h"
#include "log.h"
#include "options.h"
#include "proxies.h"
#include "run.h"

#include <bleproxy/bleproxy.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { DEFAULT_TIMEOUT_MS = 60000, CONNECT_MS = 10000 };
enum { OPTION_KEY_FILE = OPTION_OWN, OPTION_NAME };

static const struct option longs[] = {
    {"config", required_argument, NULL, 'c'},
    {"timeout", required_argument, NULL, 't'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"key-file", required_argument, NULL, OPTION_KEY_FILE},
    {"name", required_argument, NULL, OPTION_NAME},
    {0},
};

static const char help[] =
    "Usage: bleproxy adopt [OPTION]... HOST[:PORT]|NAME\n"
    "Give a proxy that has no encryption key one, and add the proxy to the configuration.\n"
    "The key is written to a file before it is sent. After an interruption the same command,\n"
    "with --key-file, goes on.\n"
    "\n"
    "      --key-file FILE      where the key is to be, or is; else NAME.key beside the configuration\n"
    "      --name NAME          what the proxy is to be called; else what it calls itself\n"
    "  -c, --config FILE        configuration, see bleproxy.yaml(5)\n" OPTIONS_HELP_GENERAL "\n"
    "  -t, --timeout SECONDS    at most this long (60)\n";

struct adopt {
    struct options options;
    struct proxies proxies;
    const struct target *target;
    const struct config_proxy *entry; /* of the configuration; NULL: it has none */
    const char *wanted_name;
    char config_path[PATH_MAX];
    char key_path[PATH_MAX]; /* "": not known before the proxy's name is */
    char key[BLEPROXY_KEY_TEXT_SIZE];
    struct adoption adoption;
    struct bleproxy_loop *loop;
    struct bleproxy_client *client;
    struct bleproxy_timer *timer;
    char text[256]; /* the last failure in words */
    bool over;
    int exit_code; /* of what was told already */
};

static int parse(void *user, int option, const char *value)
{
    struct adopt *adopt = user;
    if (option == OPTION_KEY_FILE)
        snprintf(adopt->key_path, sizeof(adopt->key_path), "%s", value);
    else
        adopt->wanted_name = value;
    if (*value && strlen(value) < sizeof(adopt->key_path))
        return CLI_DONE;
    log_say("%s cannot be empty, or as long as that", option == OPTION_NAME ? "a name" : "a file's name");
    return CLI_USAGE;
}

static void go_on(struct adopt *adopt);

static void give_up(struct adopt *adopt, int exit_code)
{
    adopt->exit_code = exit_code;
    adopt->over = true;
}

/* ---- Connecting ---- */

static void lose(struct adopt *adopt, int error, const char *text)
{
    bleproxy_sanitise(adopt->text, sizeof(adopt->text), text ? text : "", text ? strlen(text) : 0);
    adoption_failed(&adopt->adoption, error < 0 ? error : BLEPROXY_E_CLOSED);
    go_on(adopt);
}

static void on_info(void *user, int error, const struct bleproxy_device_info *info)
{
    struct adopt *adopt = user;
    if (error < 0) {
        lose(adopt, error, bleproxy_strerror(error));
        return;
    }
    adoption_connected(&adopt->adoption, info);
    go_on(adopt);
}

static void on_connected(void *user, int error, const char *text)
{
    struct adopt *adopt = user;
    if (error == 0)
        error = bleproxy_client_device_info(adopt->client, on_info, adopt);
    if (error < 0)
        lose(adopt, error, text ? text : bleproxy_strerror(error));
}

/* What was asked for completes with the same error first; a proxy that leaves afterwards does no harm. */
static void on_disconnected(void *user, int error, const char *text)
{
    (void)user, (void)error, (void)text;
}

static void connect(struct adopt *adopt)
{
    struct bleproxy_proxy_config config = target_config(adopt->target);
    config.timeouts = (struct bleproxy_timeouts){
        .connect_ms = CONNECT_MS, .handshake_ms = CONNECT_MS, .hello_ms = CONNECT_MS};
    switch (adopt->adoption.with) {
    case ADOPTION_WITH_KEY:
        config.noise_psk = adopt->key;
        break;
    case ADOPTION_WITH_NONE:
        config.noise_psk = BLEPROXY_KEY_NONE;
        break;
    case ADOPTION_WITH_PLAINTEXT:
        config.noise_psk = NULL;
        break;
    }
    bleproxy_client_free(adopt->client);
    adopt->client = NULL;
    int r = bleproxy_client_new(adopt->loop, &config, &adopt->client);
    if (r == 0)
        r = bleproxy_client_connect(adopt->client, on_connected, on_disconnected, adopt);
    if (r == 0)
        return;
    log_error(adopt->target->config.name, "%s",
              r == BLEPROXY_E_INVALID ? "this is no address" : bleproxy_strerror(r));
    give_up(adopt, (int)cli_exit_code(r));
}

/* ---- The key ---- */

static const char *name_of(const struct adopt *adopt)
{
    if (adopt->entry)
        return adopt->entry->name;
    return adopt->wanted_name        ? adopt->wanted_name
           : adopt->adoption.name[0] ? adopt->adoption.name
                                     : adopt->target->config.name;
}

/* Before anything is done that cannot be undone. */
static int check_name(const struct adopt *adopt)
{
    const struct config_proxy *other = config_find(&adopt->proxies.config, name_of(adopt));
    if (!other || adopt->entry)
        return CLI_DONE;
    log_say("%s:%u has another proxy '%s': give this one another name with --name",
            adopt->proxies.config.files[other->file], other->line, other->name);
    return CLI_USAGE;
}

/* Where the key is to be, unless that was given. */
static int choose_key_file(struct adopt *adopt)
{
    return adopt->key_path[0]
               ? CLI_DONE
               : key_file_path(adopt->config_path, name_of(adopt), adopt->key_path, sizeof(adopt->key_path));
}

/* The key file, if it is there. */
static int find_key(struct adopt *adopt)
{
    if (!adopt->key_path[0])
        return CLI_NOT_FOUND;
    int r = key_file_read(adopt->key_path, adopt->key);
    if (r == CLI_DONE)
        log_say("using the key in %s", adopt->key_path);
    return r;
}

static void write_key(struct adopt *adopt)
{
    int r = check_name(adopt);
    if (r == CLI_DONE)
        r = choose_key_file(adopt);
    if (r == CLI_DONE)
        r = find_key(adopt);
    if (r == CLI_NOT_FOUND) {
        bleproxy_key_generate(adopt->key);
        r = key_file_write(adopt->key_path, adopt->key);
    }
    if (r != CLI_DONE) {
        give_up(adopt, r);
        return;
    }
    adoption_key_written(&adopt->adoption);
    go_on(adopt);
}

static void on_set(void *user, int error)
{
    struct adopt *adopt = user;
    adoption_key_set(&adopt->adoption, error);
    go_on(adopt);
}

static void set_key(struct adopt *adopt)
{
    int r = bleproxy_client_set_key(adopt->client, adopt->key, on_set, adopt);
    if (r < 0)
        lose(adopt, r, bleproxy_strerror(r));
}

static void on_waited(void *user)
{
    struct adopt *adopt = user;
    bleproxy_timer_free(adopt->timer);
    adopt->timer = NULL;
    adoption_waited(&adopt->adoption);
    go_on(adopt);
}

static void wait(struct adopt *adopt)
{
    bleproxy_client_free(adopt->client);
    adopt->client = NULL;
    if (bleproxy_timer_new(adopt->loop, adopt->adoption.wait_ms, 0, on_waited, adopt, &adopt->timer) < 0)
        give_up(adopt, CLI_INTERNAL);
}

static void go_on(struct adopt *adopt)
{
    switch (adopt->adoption.step) {
    case ADOPTION_CONNECT:
        connect(adopt);
        return;
    case ADOPTION_WRITE_KEY:
        write_key(adopt);
        return;
    case ADOPTION_SET_KEY:
        set_key(adopt);
        return;
    case ADOPTION_WAIT:
        wait(adopt);
        return;
    case ADOPTION_DONE:
    case ADOPTION_FAILED:
        adopt->over = true;
        return;
    }
}

/* ---- How it ended ---- */

/* Once the key may be the proxy's. */
static void tell_how_to_go_on(const struct adopt *adopt)
{
    if (adopt->key[0])
        log_say("the key is in %s; keep it. To go on: bleproxy adopt --key-file %s %s", adopt->key_path,
                adopt->key_path, adopt->options.arguments[0]);
}

static int tell_failure(const struct adopt *adopt)
{
    const struct adoption *adoption = &adopt->adoption;
    const char *name = adopt->target->config.name;
    int code = CLI_FAILED;
    switch (adoption->failure) {
    case ADOPTION_ERROR:
        log_error(name, "%s", adopt->text);
        code = (int)cli_exit_code(adoption->error);
        break;
    case ADOPTION_HAS_KEY:
        if (adoption->error ==
            BLEPROXY_E_INVALID_KEY) /* its own name, after which its key file may be called */
            log_error(name, "%s", adopt->text);
        log_error(name, adopt->key[0]
                            ? "it has a key already, and not the one in the file"
                            : "it has a key already; if an adoption was interrupted, give its key file "
                              "with --key-file");
        code = CLI_AUTHENTICATION;
        break;
    case ADOPTION_CANNOT:
        log_error(name, "its firmware has no encryption: add 'api: encryption:' to its ESPHome "
                        "configuration, and flash it");
        break;
    case ADOPTION_REFUSED:
        log_error(name, "it refused the key: it may have one as part of its firmware, or could not store "
                        "this one. It has none of ours");
        break;
    case ADOPTION_NOT_TAKEN:
        log_error(name, "it was given the key and does not take it: its firmware may not know how to, or "
                        "somebody else gave it another one");
        code = CLI_AUTHENTICATION;
        break;
    case ADOPTION_NOT_BACK:
        log_error(name, "it was given the key, and cannot be reached since: %s", adopt->text);
        code = CLI_UNREACHABLE;
        break;
    case ADOPTION_OTHER_DEVICE:
        log_error(name, "another device than the one that was given the key, %s, answers there and has it",
                  adoption->mac_address);
        break;
    }
    tell_how_to_go_on(adopt);
    return code;
}

/* What is to be written by hand: an entry that is there stays as it is. */
static void tell_entry(const struct adopt *adopt, const char *reference)
{
    const struct config_proxy *entry = adopt->entry;
    printf("%s its entry, %s:%u: noise_psk_file: %s\n",
           entry->noise_psk ? "in place of the key put into" : "add to",
           adopt->proxies.config.files[entry->file], entry->line, reference);
}

static int add_entry(const struct adopt *adopt, const char *reference)
{
    struct config_error why;
    const struct config_entry entry = {.name = name_of(adopt),
                                       .address = adopt->target->config.address,
                                       .port = adopt->target->config.port,
                                       .noise_psk_file = reference};
    int r = config_append_file(adopt->config_path, &entry, 1, &why);
    if (r == 0) {
        printf("added to %s\n", adopt->config_path);
        return CLI_DONE;
    }
    if (r == BLEPROXY_E_NOMEM)
        log_say("%s", bleproxy_strerror(r));
    else
        log_say("%s: %s", why.file[0] ? why.file : adopt->config_path, why.text);
    log_say("the proxy has the key; its entry, with 'noise_psk_file: %s', is to be added by hand", reference);
    return r == BLEPROXY_E_INVALID ? CLI_USAGE : CLI_INTERNAL;
}

static int conclude(const struct adopt *adopt)
{
    const char *file = adopt->entry ? adopt->proxies.config.files[adopt->entry->file] : adopt->config_path;
    char *reference = key_file_reference(file, adopt->key_path);
    if (!reference)
        return CLI_INTERNAL;
    printf("%s %s: the key is in %s\n", name_of(adopt),
           adopt->adoption.had_key ? "has this key already" : "is encrypted from now on", adopt->key_path);
    int code = CLI_DONE;
    if (adopt->entry)
        tell_entry(adopt, reference);
    else
        code = check_name(adopt);
    if (code == CLI_DONE && !adopt->entry)
        code = add_entry(adopt, reference);
    free(reference);
    return code;
}

/* ---- All of it ---- */

static void on_timeout(void *user)
{
    struct adopt *adopt = user;
    log_error(adopt->target->config.name, "no answer in time");
    tell_how_to_go_on(adopt);
    give_up(adopt, CLI_UNREACHABLE);
}

static int run(struct adopt *adopt)
{
    struct bleproxy_timer *timeout = NULL;
    uint32_t timeout_ms = adopt->options.timeout_ms > 0 ? adopt->options.timeout_ms : DEFAULT_TIMEOUT_MS;
    if (bleproxy_timer_new(adopt->loop, timeout_ms, 0, on_timeout, adopt, &timeout) < 0)
        return CLI_INTERNAL;
    int r = adopt->entry || adopt->wanted_name ? choose_key_file(adopt) : CLI_DONE;
    if (r == CLI_DONE)
        r = find_key(adopt);
    enum run_end end = RUN_DONE;
    if (r == CLI_DONE || r == CLI_NOT_FOUND) {
        adoption_init(&adopt->adoption, r == CLI_DONE);
        go_on(adopt);
        end = run_loop(adopt->loop, &adopt->over);
        r = adopt->exit_code;
    }
    bleproxy_timer_free(timeout);
    bleproxy_timer_free(adopt->timer);
    bleproxy_client_free(adopt->client);
    if (end == RUN_INTERRUPTED) {
        tell_how_to_go_on(adopt);
        return CLI_INTERRUPTED;
    }
    if (r != CLI_DONE)
        return r;
    return adopt->adoption.step == ADOPTION_DONE ? conclude(adopt) : tell_failure(adopt);
}

/* The entry of the configuration that is about the same proxy. */
static const struct config_proxy *find_entry(const struct adopt *adopt)
{
    const struct config *config = &adopt->proxies.config;
    for (size_t i = 0; i < config->n_proxies; i++)
        if (strcasecmp(config->proxies[i].address, adopt->target->config.address) == 0 &&
            config->proxies[i].port == adopt->target->config.port)
            return &config->proxies[i];
    return NULL;
}

static int find_proxy(struct adopt *adopt)
{
    adopt->options.proxies[0] = adopt->options.arguments[0];
    adopt->options.n_proxies = 1;
    int r = proxies_init(&adopt->proxies, &adopt->options);
    if (r == CLI_DONE)
        r = proxies_config_path(&adopt->options, adopt->config_path, sizeof(adopt->config_path));
    if (r != CLI_DONE)
        return r;
    adopt->target = &adopt->proxies.targets[0];
    adopt->entry = find_entry(adopt);
    if (!adopt->entry || !adopt->entry->noise_psk || strcmp(adopt->entry->noise_psk, BLEPROXY_KEY_NONE) == 0)
        return CLI_DONE;
    log_say("%s:%u has a key for %s: 'bleproxy info -p %s' tells whether that is the proxy's",
            adopt->proxies.config.files[adopt->entry->file], adopt->entry->line, adopt->entry->name,
            adopt->entry->name);
    return CLI_USAGE;
}

static int adopt_main(struct adopt *adopt, int argc, char **argv)
{
    static const struct options_table table = {.longs = longs,
                                               .shorts = ":c:t:vh",
                                               .help = help,
                                               .arguments = "PROXY",
                                               .arguments_min = 1,
                                               .arguments_max = 1,
                                               .parse = parse};
    struct bleproxy_loop_options loop_options = {0};
    int r = options_parse(&adopt->options, &table, adopt, argc, argv);
    if (r != OPTIONS_GO_ON)
        return r;
    r = find_proxy(adopt);
    if (r != CLI_DONE)
        return r;
    log_set_loop_options(adopt->options.verbosity, LOG_QUIET_PROXIES, &loop_options);
    if (bleproxy_loop_new(&loop_options, &adopt->loop) < 0)
        return CLI_INTERNAL;
    run_catch_signals();
    return run(adopt);
}

int cmd_adopt(int argc, char **argv)
{
    struct adopt adopt = {.options = {.makes_config = true}};
    int r = adopt_main(&adopt, argc, argv);
    explicit_bzero(adopt.key, sizeof(adopt.key));
    bleproxy_loop_free(adopt.loop);
    proxies_deinit(&adopt.proxies);
    options_deinit(&adopt.options);
    return r;
}
