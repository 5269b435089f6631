/* SPDX-License-Identifier: MIT */
/* Runs a trace through a hub of its own: like the virtual proxy it links the static rooms. */
#include "cli.h"
#include "log.h"
#include "options.h"
#include "replay/player.h"
#include "replay/trace_reader.h"
#include "run.h"
#include "world.h"

#include <bleproxy/error.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_SIZE = 64 * 1024, OUTPUT_SIZE = 64 * 1024 };

_Static_assert(BLOCK_SIZE > (int)TRACE_LINE_MAX, "a line fits");

enum { OPTION_REFERENCE = OPTION_OWN };

static const struct option longs[] = {
    {"reference", no_argument, NULL, OPTION_REFERENCE},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static const char help[] =
    "Usage: bleproxy replay [OPTION]... [FILE]\n"
    "Show what would be decided of what 'bleproxy record' wrote, as fast as it can be.\n"
    "FILE is standard input if it is - or left out.\n"
    "\n"
    "      --reference  decide as the Python stack does\n"
    "  -h, --help       this text\n";

struct replay {
    const char *name; /* of the file, for people */
    int fd;
    bool reference;
    struct player *player;
    struct trace_reader reader;
    uint64_t events, first_ns;
    uint64_t decisions[DECISION_UNAVAILABLE + 1];
    char line[DECISION_LINE_SIZE];
    char block[BLOCK_SIZE];
    size_t held; /* bytes of block that make no whole line yet */
};

static int parse(void *user, int option, const char *value)
{
    struct replay *replay = user;
    (void)value;
    if (option == OPTION_REFERENCE)
        replay->reference = true;
    return CLI_DONE;
}

static void on_decision(void *user, const struct decision *decision)
{
    struct replay *replay = user;
    if (run_output_is_lost())
        return;
    replay->decisions[decision->kind]++;
    fwrite(replay->line, 1, decision_format(decision, replay->line), stdout);
}

static int run_line(struct replay *replay, char *text, size_t size)
{
    struct trace_event event;
    int r = trace_reader_next(&replay->reader, text, size, &event);
    if (r == TRACE_BLANK)
        return CLI_DONE;
    if (r < 0) {
        log_say("%s:%llu: %s", replay->name, (unsigned long long)replay->reader.line, replay->reader.error);
        return CLI_USAGE;
    }
    if (replay->events++ == 0)
        replay->first_ns = event.time_ns;
    r = player_run(replay->player, &event);
    if (r == BLEPROXY_E_LIMIT)
        log_say("%s:%llu: more than %d proxies at a time", replay->name,
                (unsigned long long)replay->reader.line, PLAYER_SCANNERS_MAX);
    else if (r < 0)
        log_say("%s", bleproxy_strerror(r));
    return (int)cli_exit_code(r);
}

/* The whole lines of the block; at the end of the file all that is left. */
static int run_block(struct replay *replay, bool at_end)
{
    char *text = replay->block, *end = text + replay->held, *newline;
    int r = CLI_DONE;
    while (r == CLI_DONE && !run_output_is_lost() && (newline = memchr(text, '\n', (size_t)(end - text)))) {
        r = run_line(replay, text, (size_t)(newline - text));
        text = newline + 1;
    }
    replay->held = (size_t)(end - text);
    bool is_line = at_end ? replay->held > 0 : replay->held > TRACE_LINE_MAX;
    if (r == CLI_DONE && is_line && !run_output_is_lost())
        r = run_line(replay, text, replay->held);
    memmove(replay->block, text, replay->held);
    return r;
}

/* What to exit with when the output has ended this way. */
static int end_code(enum run_end end)
{
    switch (end) {
    case RUN_INTERRUPTED:
        return CLI_INTERRUPTED;
    case RUN_NO_OUTPUT:
        return CLI_INTERNAL;
    case RUN_DONE:
    case RUN_NO_READER:
        break;
    }
    return CLI_DONE;
}

static int run(struct replay *replay)
{
    for (;;) {
        enum run_end end = run_wait(replay->fd);
        if (end != RUN_DONE)
            return end_code(end);
        ssize_t n = read(replay->fd, replay->block + replay->held, sizeof(replay->block) - replay->held);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            log_say("cannot read %s: %s", replay->name, strerror(errno));
            return CLI_USAGE;
        }
        replay->held += (size_t)n;
        int r = run_block(replay, n == 0);
        if (r != CLI_DONE || n == 0) {
            end = run_flush();
            return r != CLI_DONE ? r : end_code(end);
        }
    }
}

static void print_summary(const struct replay *replay)
{
    uint64_t ms = (replay->reader.time_ns - replay->first_ns) / 1000000;
    if (!isatty(STDERR_FILENO))
        return;
    fprintf(stderr,
            "%llu events in %llu.%03llu s: %llu reports accepted, %llu callbacks, %llu unavailable; %zu "
            "devices at "
            "the end\n",
            (unsigned long long)replay->events, (unsigned long long)ms / 1000, (unsigned long long)ms % 1000,
            (unsigned long long)replay->decisions[DECISION_ACCEPTED],
            (unsigned long long)replay->decisions[DECISION_CALLBACK],
            (unsigned long long)replay->decisions[DECISION_UNAVAILABLE], player_n_devices(replay->player));
}

static int play(struct replay *replay)
{
    static char output[OUTPUT_SIZE];
    const struct env env = {.reallocate = world_reallocate, .random = world_random};
    const struct player_config config = {
        .env = &env, .reference = replay->reference, .on_decision = on_decision, .user = replay};
    int r = player_new(&config, &replay->player);
    if (r < 0) {
        log_say("%s", bleproxy_strerror(r));
        return CLI_INTERNAL;
    }
    setvbuf(stdout, output, _IOFBF, sizeof(output));
    run_catch_signals();
    r = run(replay);
    if (r == CLI_DONE)
        print_summary(replay);
    player_free(replay->player);
    return r;
}

static int open_file(struct replay *replay, const char *path)
{
    bool is_input = !path || strcmp(path, "-") == 0;
    replay->name = is_input ? "standard input" : path;
    replay->fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (replay->fd >= 0)
        return CLI_DONE;
    log_say("cannot read %s: %s", path, strerror(errno));
    return CLI_USAGE;
}

static int replay_main(struct replay *replay, const struct options *options)
{
    if (sodium_init() < 0)
        return CLI_INTERNAL;
    int r = open_file(replay, options->n_arguments > 0 ? options->arguments[0] : NULL);
    if (r != CLI_DONE)
        return r;
    r = play(replay);
    if (replay->fd != STDIN_FILENO)
        close(replay->fd);
    return r;
}

int cmd_replay(int argc, char **argv)
{
    static const struct options_table table = {.longs = longs,
                                               .shorts = ":h",
                                               .help = help,
                                               .arguments = "[FILE]",
                                               .arguments_max = 1,
                                               .parse = parse};
    struct options options = {0};
    struct replay *replay = calloc(1, sizeof(*replay));
    int r = CLI_INTERNAL;
    if (replay) {
        r = options_parse(&options, &table, replay, argc, argv);
        if (r == OPTIONS_GO_ON)
            r = replay_main(replay, &options);
    }
    options_deinit(&options);
    free(replay);
    return r;
}
