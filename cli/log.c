/* SPDX-License-Identifier: MIT */
#include "log.h"

#include "config/psk.h"
#include <bleproxy/names.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_SIZE = 1024, HELD_MAX = 100 };

static struct {
    bool holding;
    size_t n; /* lines held back ever */
    char *lines[HELD_MAX];
} held;

static bool in_progress; /* a line of log_progress() is shown */
static const char *program = "bleproxy";
static bool in_journal;

/* As $JOURNAL_STREAM says it: "8:81920", its device and inode. */
static bool is_journal(int fd)
{
    struct stat status;
    unsigned long long device, inode;
    const char *stream = getenv("JOURNAL_STREAM");
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &status) == 0 &&
           status.st_dev == device && status.st_ino == inode;
}

void log_init(const char *name)
{
    program = name;
    in_journal = is_journal(STDERR_FILENO);
}

void log_progress_end(void)
{
    if (in_progress)
        fputs("\r\033[K", stderr);
    in_progress = false;
}

void log_progress(const char *format, ...)
{
    char text[LINE_SIZE], line[LINE_SIZE];
    log_progress_end();
    if (held.holding || !isatty(STDERR_FILENO))
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    bleproxy_sanitise(line, sizeof(line), text, strlen(text));
    fprintf(stderr, "%s ...", line);
    in_progress = true;
}

/* As the journal, and syslog(3), number them. */
static int priority_of(enum bleproxy_log_level level)
{
    switch (level) {
    case BLEPROXY_LOG_ERROR:
        return 3;
    case BLEPROXY_LOG_WARNING:
        return 4;
    case BLEPROXY_LOG_INFO:
        return 6;
    case BLEPROXY_LOG_DEBUG:
        return 7;
    }
    return 6;
}

static void put(enum bleproxy_log_level level, const char *text)
{
    char line[LINE_SIZE];
    size_t n = 0;
    if (in_journal)
        n = (size_t)snprintf(line, sizeof(line), "<%d>", priority_of(level));
    bleproxy_sanitise(line + n, sizeof(line) - n, text, strlen(text));
    psk_hide(line); /* one that somebody gave in the place of a name */
    log_progress_end();
    if (!held.holding) {
        fprintf(stderr, "%s\n", line);
        return;
    }
    char **place = &held.lines[held.n++ % HELD_MAX];
    free(*place);
    *place = strdup(line);
}

static void put_about(enum bleproxy_log_level level, const char *what, const char *proxy, const char *format,
                      va_list arguments)
{
    char text[LINE_SIZE], line[2 * LINE_SIZE];
    vsnprintf(text, sizeof(text), format, arguments);
    bool named = proxy && strncmp(text, proxy, strlen(proxy)) == 0 && text[strlen(proxy)] == ' ';
    if (proxy && !named)
        snprintf(line, sizeof(line), "%s: %s: %s", what, proxy, text);
    else
        snprintf(line, sizeof(line), "%s: %s", what, text);
    put(level, line);
}

void log_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put_about(BLEPROXY_LOG_ERROR, program, NULL, format, arguments);
    va_end(arguments);
}

void log_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put_about(BLEPROXY_LOG_INFO, program, NULL, format, arguments);
    va_end(arguments);
}

void log_warn(const char *proxy, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put_about(BLEPROXY_LOG_WARNING, "warning", proxy, format, arguments);
    va_end(arguments);
}

void log_error(const char *proxy, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put_about(BLEPROXY_LOG_ERROR, "error", proxy, format, arguments);
    va_end(arguments);
}

static const char *level_name(enum bleproxy_log_level level)
{
    switch (level) {
    case BLEPROXY_LOG_ERROR:
        return "error";
    case BLEPROXY_LOG_WARNING:
        return "warning";
    case BLEPROXY_LOG_INFO:
        return "info";
    case BLEPROXY_LOG_DEBUG:
        return "debug";
    }
    return "unknown";
}

static void on_log(void *user, enum bleproxy_log_level level, const char *room, const char *proxy,
                   const char *text)
{
    (void)user;
    char line[LINE_SIZE];
    if (proxy)
        snprintf(line, sizeof(line), "%s: %s: %s: %s", level_name(level), room, proxy, text);
    else
        snprintf(line, sizeof(line), "%s: %s: %s", level_name(level), room, text);
    put(level, line);
}

static void on_quiet_log(void *user, enum bleproxy_log_level level, const char *room, const char *proxy,
                         const char *text)
{
    const enum log_quiet *quiet = user;
    bool told = strcmp(room, "proxy") == 0 ||
                (*quiet == LOG_QUIET_DEVICE && (strcmp(room, "hub") == 0 || strcmp(room, "central") == 0));
    if (!told)
        on_log(user, level, room, proxy, text);
}

void log_set_loop_options(unsigned verbosity, enum log_quiet quiet, struct bleproxy_loop_options *options)
{
    static const enum log_quiet quiets[] = {LOG_QUIET_PROXIES, LOG_QUIET_DEVICE};
    options->on_log = verbosity == 0 ? on_quiet_log : on_log;
    options->log_user = (void *)(uintptr_t)&quiets[quiet];
    options->log_level = verbosity == 0   ? BLEPROXY_LOG_WARNING
                         : verbosity == 1 ? BLEPROXY_LOG_INFO
                                          : BLEPROXY_LOG_DEBUG;
}

void log_hold(void)
{
    held.holding = isatty(STDERR_FILENO);
}

void log_release(void)
{
    held.holding = false;
    for (size_t i = held.n > HELD_MAX ? held.n - HELD_MAX : 0; i < held.n; i++) {
        char **line = &held.lines[i % HELD_MAX];
        if (*line)
            fprintf(stderr, "%s\n", *line);
        free(*line);
        *line = NULL;
    }
    held.n = 0;
}
