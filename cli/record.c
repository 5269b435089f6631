/* SPDX-License-Identifier: MIT */
#include "cli.h"
#include "events.h"
#include "fleet.h"
#include "log.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)
enum {
    SILENCE_S = 10, /* so that who replays knows that the recording went on */
    LOOK_MS = 1000, /* between looks at that; what was written is flushed then */
    NS_PER_US = 1000,
};

enum { OPTION_FORCE = OPTION_OWN };

static const struct option longs[] = {
    OPTIONS_LONG,
    {"force", no_argument, NULL, OPTION_FORCE},
    {0},
};

static const char help[] = "Usage: bleproxy record [OPTION]... FILE\n"
                           "Write what all proxies hear to FILE, with times; see bleproxy-record(5).\n"
                           "FILE - is standard output.\n"
                           "\n" OPTIONS_HELP_TAKES OPTIONS_HELP_PROXIES OPTIONS_HELP_GENERAL "\n"
                           "  -t, --timeout SECONDS    for this long; else until Ctrl-C\n"
                           "      --force              replace FILE if it exists\n";

struct record {
    struct options options;
    struct fleet fleet;
    bool force;
    const char *path;
    FILE *out;
    bool is_new;         /* the file was not there before */
    bool has_old;        /* it was, and what it holds is replaced by the first line */
    bool over;           /* nothing more to wait for */
    int error;           /* errno of a write that failed, or 0 */
    uint64_t written_ns; /* time of the last line */
    uint64_t lines, reports;
};

static int parse(void *user, int option, const char *value)
{
    struct record *record = user;
    (void)value;
    if (option == OPTION_FORCE)
        record->force = true;
    return CLI_DONE;
}

/* ---- Lines ---- */

static void fail(struct record *record)
{
    record->error = errno ? errno : EIO;
    record->over = true;
}

/* An old recording is there until there is something to take its place. False: it is still. */
static bool clear_old(struct record *record)
{
    if (record->has_old && ftruncate(fileno(record->out), 0) < 0) {
        fail(record);
        return false;
    }
    record->has_old = false;
    return true;
}

/* event's time is on the loop's clock, and becomes that since the recording began. False: it was not written. */
static bool write_event(struct record *record, struct trace_event event)
{
    char line[TRACE_LINE_SIZE];
    if (record->over || (record->out == stdout && run_output_is_lost()))
        return false;
    if (event.time_ns < record->written_ns)
        event.time_ns = record->written_ns;
    record->written_ns = event.time_ns;
    event.time_ns -= record->fleet.started_ns;
    event.time_ns -= event.time_ns % NS_PER_US;
    size_t size = trace_format(&event, line);
    if (!clear_old(record))
        return false;
    if (fwrite(line, 1, size, record->out) == size) {
        record->lines++;
        return true;
    }
    if (record->out != stdout) /* of which run_loop() tells */
        fail(record);
    return false;
}

/* What the configuration says of intervals: it decides, too, and who replays does not have it. */
static void write_intervals(struct record *record)
{
    const struct config *config = &record->fleet.proxies.config;
    for (size_t i = 0; i < config->n_devices; i++) {
        struct trace_event event = {.kind = TRACE_FALLBACK_INTERVAL,
                                    .time_ns = bleproxy_loop_now_ns(record->fleet.loop)};
        event.fallback.interval_ns = config->devices[i].interval * NS_PER_S;
        if (event.fallback.interval_ns > 0 &&
            bleproxy_address_parse(config->devices[i].address, &event.fallback.address) == 0)
            write_event(record, event);
    }
}

static void on_ready(void *user, struct member *member)
{
    struct record *record = user;
    char time[TRACE_TEXT_MAX];
    struct trace_event event;
    if (record->lines == 0)
        write_intervals(record);
    if (event_register(member, time, &event))
        write_event(record, event);
}

static void on_down(void *user, struct member *member)
{
    write_event(user, event_unregister(member));
}

static void on_lost(void *user, uint32_t n)
{
    struct record *record = user;
    write_event(record, (struct trace_event){.kind = TRACE_LOST,
                                             .time_ns = bleproxy_loop_now_ns(record->fleet.loop),
                                             .lost = n});
}

static void on_reload(void *user, const size_t *from, size_t n_members)
{
    (void)from, (void)n_members;
    struct record *record = user;
    if (record->lines > 0)
        write_intervals(record);
}

static void on_report(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct record *record = user;
    uint8_t built[STRUCTURES_MAX];
    record->reports += write_event(record, event_advert(advertisement, built));
}

static void write_tick(struct record *record)
{
    write_event(record, (struct trace_event){.kind = TRACE_TICK,
                                             .time_ns = bleproxy_loop_now_ns(record->fleet.loop)});
}

/* ---- While it lasts ---- */

static size_t n_proxies(const struct record *record)
{
    size_t n = 0;
    for (size_t i = 0; i < record->fleet.n_members; i++)
        n += record->fleet.members[i].was_ready;
    return n;
}

static const char *proxies_word(const struct record *record)
{
    return n_proxies(record) == 1 ? "proxy" : "proxies";
}

static uint64_t seconds_passed(const struct record *record)
{
    return (bleproxy_loop_now_ns(record->fleet.loop) - record->fleet.started_ns) / NS_PER_S;
}

static void on_look(void *user)
{
    struct record *record = user;
    if (bleproxy_loop_now_ns(record->fleet.loop) - record->written_ns >= SILENCE_S * NS_PER_S)
        write_tick(record);
    if (record->out == stdout)
        return; /* the lines go there already */
    if (fflush(record->out) != 0)
        fail(record);
    log_progress("%llu s: %llu reports of %zu devices by %zu %s", (unsigned long long)seconds_passed(record),
                 (unsigned long long)record->reports, bleproxy_hub_n_devices(record->fleet.hub),
                 n_proxies(record), proxies_word(record));
}

static void on_end(void *user)
{
    struct record *record = user;
    record->over = true;
}

static enum run_end listen(struct record *record)
{
    struct bleproxy_timer *timeout = NULL, *look = NULL;
    enum run_end end = RUN_DONE;
    int r = bleproxy_timer_new(record->fleet.loop, LOOK_MS, LOOK_MS, on_look, record, &look);
    if (r == 0 && record->options.timeout_ms > 0)
        r = bleproxy_timer_new(record->fleet.loop, record->options.timeout_ms, 0, on_end, record, &timeout);
    if (r == 0)
        end = run_loop(record->fleet.loop, &record->over);
    bleproxy_timer_free(timeout);
    bleproxy_timer_free(look);
    log_progress_end();
    return end;
}

/* ---- The file ---- */

static int open_file(struct record *record)
{
    struct stat status;
    record->path = record->options.arguments[0];
    if (!*record->path) {
        log_say("the name of the file is empty; - is standard output");
        return CLI_USAGE;
    }
    if (strcmp(record->path, "-") == 0) {
        record->out = stdout;
        return CLI_DONE;
    }
    int fd = open(record->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    record->is_new = fd >= 0;
    if (fd < 0 && errno == EEXIST && record->force)
        fd = open(record->path, O_WRONLY | O_CLOEXEC);
    record->has_old = fd >= 0 && !record->is_new && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    if (fd >= 0)
        record->out = fdopen(fd, "w");
    if (record->out)
        return CLI_DONE;
    if (errno == EEXIST)
        log_say("%s exists already; with --force it is replaced", record->path);
    else
        log_say("cannot write %s: %s", record->path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return CLI_USAGE;
}

/* A file that nothing was written to would be in the way of the next attempt. */
static void close_file(struct record *record)
{
    if (!record->out || record->out == stdout)
        return;
    if (fclose(record->out) != 0 && record->error == 0)
        fail(record);
    if (record->is_new && record->lines == 0)
        unlink(record->path);
}

/* ---- All of it ---- */

static void conclude(struct record *record)
{
    if (record->error != 0)
        log_say("cannot write %s: %s", record->path, strerror(record->error));
    else if (record->lines > 0)
        log_say("%llu lines: %llu reports by %zu %s in %llu s", (unsigned long long)record->lines,
                (unsigned long long)record->reports, n_proxies(record), proxies_word(record),
                (unsigned long long)seconds_passed(record));
    if (record->fleet.n_lost > 0)
        log_say("%llu more reports were left out by bleproxyd, as they were not taken in time",
                (unsigned long long)record->fleet.n_lost);
}

static int run(struct record *record)
{
    struct bleproxy_subscription *reports = NULL;
    enum run_end end = RUN_DONE;
    int r =
        bleproxy_hub_subscribe(record->fleet.hub, BLEPROXY_STREAM_REPORTS, NULL, on_report, record, &reports);
    int exit_code = (int)cli_exit_code(r);
    if (exit_code == CLI_DONE)
        exit_code = fleet_start(&record->fleet);
    if (exit_code == CLI_DONE)
        end = listen(record);
    bleproxy_subscription_free(reports);
    record->over = false;
    if (record->error == 0 && record->lines > 0)
        write_tick(record);
    close_file(record);
    if (exit_code == CLI_DONE)
        exit_code = record->error != 0 || end == RUN_NO_OUTPUT ? CLI_INTERNAL
                    : end == RUN_INTERRUPTED                   ? CLI_INTERRUPTED
                                                               : fleet_verdict(&record->fleet);
    conclude(record);
    record->over = true; /* no more lines */
    fleet_stop(&record->fleet);
    return exit_code;
}

static int record_main(struct record *record, int argc, char **argv)
{
    static const struct options_table table = {.longs = longs,
                                               .help = help,
                                               .arguments = "FILE",
                                               .arguments_min = 1,
                                               .arguments_max = 1,
                                               .parse = parse};
    int r = options_parse(&record->options, &table, record, argc, argv);
    if (r != OPTIONS_GO_ON)
        return r;
    r = fleet_open(&record->fleet, &(struct bleproxy_hub_options){.spare_links = true});
    if (r == CLI_DONE)
        r = open_file(record);
    if (r != CLI_DONE)
        return r;
    record->written_ns = record->fleet.started_ns;
    run_catch_signals();
    return run(record);
}

int cmd_record(int argc, char **argv)
{
    struct record record = {.over = false};
    record.fleet = (struct fleet){.command = "bleproxy record",
                                  .options = &record.options,
                                  .tells_plaintext = true,
                                  .reloads = true,
                                  .uses_daemon = true,
                                  .on_ready = on_ready,
                                  .on_down = on_down,
                                  .on_reload = on_reload,
                                  .on_lost = on_lost,
                                  .on_hopeless = on_end,
                                  .user = &record};
    int r = record_main(&record, argc, argv);
    fleet_close(&record.fleet);
    options_deinit(&record.options);
    return r;
}
