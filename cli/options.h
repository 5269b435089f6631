/* SPDX-License-Identifier: MIT */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the subcommands that speak with proxies have in common. */
struct options {
    const char **proxies; /* each -p, borrowed from argv */
    size_t n_proxies;
    const char *config_path, *psk_file; /* NULL: not given */
    bool makes_config;                  /* the command makes a configuration that is not there */
    unsigned verbosity;
    uint32_t timeout_ms; /* 0: not given */
    bool json;
    char **arguments; /* what is no option, borrowed from argv */
    size_t n_arguments;
};

/* How getopt_long() knows them; a subcommand's own options begin at OPTION_OWN. */
enum { OPTION_PSK_FILE = 256, OPTION_JSON, OPTION_OWN };
#define OPTIONS_SHORT ":p:c:t:vh"
#define OPTIONS_LONG                                                                                         \
    {"proxy", required_argument, NULL, 'p'}, {"config", required_argument, NULL, 'c'},                       \
        {"timeout", required_argument, NULL, 't'}, {"psk-file", required_argument, NULL, OPTION_PSK_FILE},   \
        {"json", no_argument, NULL, OPTION_JSON}, {"verbose", no_argument, NULL, 'v'},                       \
    {                                                                                                        \
        "help", no_argument, NULL, 'h'                                                                       \
    }
#define OPTIONS_HELP_PROXIES                                                                                 \
    "  -p, --proxy HOST[:PORT]  this proxy, or the configuration's of that name; repeatable\n"               \
    "  -c, --config FILE        configuration, see bleproxy.yaml(5)\n"                                       \
    "      --psk-file FILE      key of proxies given by address; else $BLEPROXY_NOISE_PSK\n"
#define OPTIONS_HELP_GENERAL                                                                                 \
    "  -v, --verbose            show the log on standard error; twice for more\n"                            \
    "  -h, --help               this text\n"
/* Of commands that disturb nobody. */
#define OPTIONS_HELP_ASKING                                                                                  \
    OPTIONS_HELP_PROXIES                                                                                     \
    "      --json               one JSON object per line\n" OPTIONS_HELP_GENERAL
#define OPTIONS_HELP_TAKES                                                                                   \
    "This takes the proxies from Home Assistant meanwhile: each has one subscriber.\n\n"
#define OPTIONS_HELP OPTIONS_HELP_TAKES OPTIONS_HELP_ASKING

/* A subcommand: its getopt_long() table, its help, and what to do with its own options. */
struct options_table {
    const struct option *longs;
    const char *shorts; /* NULL: OPTIONS_SHORT; else these and more */
    const char *help;
    const char
        *arguments; /* what the command takes besides options, "ADDRESS CHARACTERISTIC"; NULL: nothing */
    size_t arguments_min, arguments_max;
    /* CLI_DONE or, after saying why, CLI_USAGE. */
    int (*parse)(void *user, int option, const char *value);
};

/* getopt_long(), but a long option has to be written out: --psk is not to be --psk-file, and scripts shall not break when there
 * are more options. One that is not is '?' as any that there is not, with optopt 0, and is the word before optind. */
int options_next(int argc, char **argv, const char *shorts, const struct option *longs);

/* Says what is wrong with the option for which options_next() has just given refused, '?' or ':', without a value that it may
 * have: somebody may have put a secret there. CLI_USAGE. */
int options_complain(const char *command, const struct option *longs, char **argv, int refused);

/* Says that this word of the command line, which nothing more is told of, is a key, or asks for one. CLI_USAGE. */
int options_refuse_key(void);

enum { OPTIONS_GO_ON = -1 };
/* OPTIONS_GO_ON; else an exit code: CLI_DONE after --help, CLI_USAGE after a complaint. */
int options_parse(struct options *options, const struct options_table *table, void *user, int argc,
                  char **argv);
/* Idempotent. */
void options_deinit(struct options *options);

#endif
