/* SPDX-License-Identifier: MIT */
#include "cli.h"
#include "config/config.h"
#include "json.h"
#include "log.h"
#include "options.h"
#include "proxies.h"
#include "users.h"

#include <bleproxy/error.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static const struct option longs[] = {
    {"config", required_argument, NULL, 'c'},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static const char help[] = "Usage: bleproxy check [OPTION]...\n"
                           "Check the configuration, its drop-ins and the key files that they name.\n"
                           "\n"
                           "  -c, --config FILE        configuration, see bleproxy.yaml(5)\n"
                           "      --json               each problem as a JSON object on a line of its own\n"
                           "  -h, --help               this text\n";

static int parse(void *user, int option, const char *value)
{
    (void)user, (void)option, (void)value;
    return CLI_USAGE;
}

struct problem {
    bool is_error;
    const char *file, *text;
    unsigned line; /* 0: the file as a whole */
};

static void tell(const struct options *options, const struct problem *problem)
{
    char line[16] = "";
    if (options->json) {
        struct json_object *object = json_object_new_object();
        json_object_object_add(object, "severity", json_text(problem->is_error ? "error" : "warning"));
        json_object_object_add(object, "file", json_text(problem->file));
        json_object_object_add(object, "line",
                               problem->line > 0 ? json_object_new_int((int)problem->line) : NULL);
        json_object_object_add(object, "message", json_text(problem->text));
        json_print(object);
        return;
    }
    if (problem->line > 0)
        snprintf(line, sizeof(line), ":%u", problem->line);
    if (problem->is_error)
        log_say("%s%s: %s", problem->file, line, problem->text);
    else
        log_warn(NULL, "%s%s: %s", problem->file, line, problem->text);
}

static const char *plural(size_t n, const char *one, const char *several)
{
    return n == 1 ? one : several;
}

static void conclude(const struct config *config, size_t n_warnings)
{
    size_t n_drop_ins = config->n_files - 1;
    printf("%s", config->files[0]);
    if (n_drop_ins > 0)
        printf(" and %zu %s", n_drop_ins, plural(n_drop_ins, "drop-in", "drop-ins"));
    printf(": %zu %s, %zu %s", config->n_proxies, plural(config->n_proxies, "proxy", "proxies"),
           config->n_devices, plural(config->n_devices, "device", "devices"));
    if (n_warnings > 0)
        printf(", %zu %s", n_warnings, plural(n_warnings, "warning", "warnings"));
    putchar('\n');
}

static void tell_errors(const struct options *options, const struct config_errors *errors)
{
    for (size_t i = 0; i < errors->n; i++) {
        const struct config_error *error = &errors->items[i];
        tell(options, &(struct problem){true, error->file, error->text, error->line});
    }
    if (errors->more)
        log_say("these are the first %d errors: there are more", CONFIG_ERRORS_MAX);
}

/* As bleproxyd does. How many there are not. */
static size_t check_users(const struct options *options, const struct config *config,
                          const struct config_text *users, size_t n)
{
    char text[256];
    size_t n_missing = 0;
    uid_t uid;
    for (size_t i = 0; i < n; i++) {
        if (users_find(users[i].text, &uid))
            continue;
        snprintf(text, sizeof(text), USERS_NONE, users[i].text);
        tell(options, &(struct problem){false, config->files[users[i].file], text, users[i].line});
        n_missing++;
    }
    return n_missing;
}

/* 1 if none is. */
static size_t check_proxies(const struct options *options, const struct config *config)
{
    if (config->n_proxies > 0)
        return 0;
    tell(options,
         &(struct problem){.file = config->files[0],
                           .text = "no proxy is listed: 'bleproxy discover' shows those of the local "
                                   "network, and adds them with --add NAME"});
    return 1;
}

/* How many there are. */
static size_t tell_warnings(const struct options *options, const struct config *config)
{
    const struct config_daemon *daemon = &config->daemon;
    for (size_t i = 0; i < config->n_warnings; i++) {
        const struct config_warning *warning = &config->warnings[i];
        tell(options, &(struct problem){false, config->files[warning->file], warning->text, warning->line});
    }
    return config->n_warnings + check_proxies(options, config) +
           check_users(options, config, daemon->connect, daemon->n_connect) +
           check_users(options, config, daemon->pair, daemon->n_pair) +
           check_users(options, config, daemon->write, daemon->n_write);
}

static int check(const struct options *options, const char *path)
{
    struct config config;
    struct config_errors errors = {0};
    int r = config_load_all(path, &config, &errors);
    if (r == BLEPROXY_E_NOMEM)
        log_say("%s", bleproxy_strerror(r));
    else
        tell_errors(options, &errors);
    config_errors_deinit(&errors);
    if (r < 0)
        return r == BLEPROXY_E_NOMEM ? CLI_INTERNAL : CLI_USAGE;
    size_t n_warnings = tell_warnings(options, &config);
    if (!options->json)
        conclude(&config, n_warnings);
    config_deinit(&config);
    return fflush(stdout) == 0 ? CLI_DONE : CLI_INTERNAL;
}

int cmd_check(int argc, char **argv)
{
    static const struct options_table table = {
        .longs = longs, .shorts = ":c:h", .help = help, .parse = parse};
    struct options options = {0};
    char path[PATH_MAX];
    int r = options_parse(&options, &table, NULL, argc, argv);
    if (r == OPTIONS_GO_ON) {
        r = proxies_config_path(&options, path, sizeof(path));
        if (r == CLI_DONE)
            r = check(&options, path);
    }
    options_deinit(&options);
    return r;
}
