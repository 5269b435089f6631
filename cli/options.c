/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "cli.h"
#include "config/spelling.h"
#include "log.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MAX_S = 4000000, OPTION_TEXT_SIZE = 64 };

/* Seconds, also with decimals. */
static int parse_timeout(const char *text, uint32_t *ret_ms)
{
    char *end;
    double seconds = isdigit((unsigned char)*text) ? strtod(text, &end) : 0;
    if (!(seconds >= 0.001 && seconds <= TIMEOUT_MAX_S) || *end) {
        log_say("-t takes a number of seconds, more than 0 and up to %d: not '%s'", TIMEOUT_MAX_S, text);
        return CLI_USAGE;
    }
    *ret_ms = (uint32_t)(seconds * 1000);
    return CLI_DONE;
}

static int parse_common(struct options *options, const struct options_table *table, void *user, int option)
{
    switch (option) {
    case 'p':
        options->proxies[options->n_proxies++] = optarg;
        return CLI_DONE;
    case 'c':
        options->config_path = optarg;
        return CLI_DONE;
    case 't':
        return parse_timeout(optarg, &options->timeout_ms);
    case 'v':
        options->verbosity++;
        return CLI_DONE;
    case OPTION_PSK_FILE:
        options->psk_file = optarg;
        return CLI_DONE;
    case OPTION_JSON:
        options->json = true;
        return CLI_DONE;
    }
    return table->parse(user, option, optarg);
}

int options_refuse_key(void)
{
    log_say("a key is never taken from the command line, where everybody can read it: put it into a file for "
            "--psk-file or --key-file, into BLEPROXY_NOISE_PSK or into the configuration");
    return CLI_USAGE;
}

int options_next(int argc, char **argv, const char *shorts, const struct option *longs)
{
    int index = -1, option = getopt_long(argc, argv, shorts, longs, &index);
    if (index < 0 || option == -1 || option == '?')
        return option;
    bool apart = optarg && optarg == argv[optind - 1];
    if (option == ':' || strcspn(argv[optind - 1 - apart] + 2, "=") == strlen(longs[index].name))
        return option;
    optind -= apart;
    optopt = 0;
    return '?';
}

/* name: without "--", and without a value. */
static void complain_of_long(const char *command, const struct option *longs, const char *name)
{
    struct spelling spelling;
    spelling_seek(&spelling, name);
    for (const struct option *option = longs; option->name; option++)
        spelling_try(&spelling, option->name);
    if (!spelling.nearest)
        log_say("there is no option --%s; see '%s --help'", name, command);
    else if (strcmp(spelling.nearest, name) == 0)
        log_say("the option --%s takes no value; see '%s --help'", name, command);
    else
        log_say("there is no option --%s; did you mean --%s?", name, spelling.nearest);
}

int options_complain(const char *command, const struct option *longs, char **argv, int refused)
{
    const char *word = argv[optind - 1];
    char text[OPTION_TEXT_SIZE];
    snprintf(text, sizeof(text), "%s", word);
    text[strcspn(text, "=")] = '\0';
    bool value_missing = refused == ':';
    bool is_long = strncmp(word, "--", 2) == 0 && (value_missing || strchr(word, '=') || optopt == 0);
    if (!is_long)
        snprintf(text, sizeof(text), "-%c", optopt);
    if (value_missing)
        log_say("the option %s needs a value; see '%s --help'", text, command);
    else if (strstr(text, "psk") || strstr(text, "key"))
        return options_refuse_key();
    else if (is_long)
        complain_of_long(command, longs, text + strlen("--"));
    else
        log_say("there is no option %s; see '%s --help'", text, command);
    return CLI_USAGE;
}

static int check_arguments(const struct options *options, const struct options_table *table,
                           const char *command)
{
    if (options->n_arguments >= table->arguments_min && options->n_arguments <= table->arguments_max)
        return OPTIONS_GO_ON;
    if (!table->arguments)
        log_say("'%s' is not an option: proxies are given with -p; see '%s --help'", options->arguments[0],
                command);
    else
        log_say("usage: %s [OPTION]... %s; see '%s --help'", command, table->arguments, command);
    return CLI_USAGE;
}

int options_parse(struct options *options, const struct options_table *table, void *user, int argc,
                  char **argv)
{
    options->proxies = calloc((size_t)argc, sizeof(*options->proxies));
    if (!options->proxies)
        return CLI_INTERNAL;
    optind = 1;
    opterr = 0;
    int option;
    const char *shorts = table->shorts ? table->shorts : OPTIONS_SHORT;
    while ((option = options_next(argc, argv, shorts, table->longs)) != -1) {
        if (option == 'h') {
            fputs(table->help, stdout);
            return CLI_DONE;
        }
        int r = option == '?' || option == ':' ? options_complain(argv[0], table->longs, argv, option)
                                               : parse_common(options, table, user, option);
        if (r != CLI_DONE)
            return r;
    }
    options->arguments = argv + optind;
    options->n_arguments = (size_t)(argc - optind);
    return check_arguments(options, table, argv[0]);
}

void options_deinit(struct options *options)
{
    free(options->proxies);
    options->proxies = NULL;
}
