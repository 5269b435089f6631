/* SPDX-License-Identifier: MIT */
#include "attendance.h"

#include "cli.h"
#include "launch.h"
#include "log.h"
#include "place.h"
#include "proxies.h"
#include "visit.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    DEFAULT_PATIENCE_MS = 30000,
    END_PATIENCE_MS = 5000, /* it promises two seconds */
    ATTEMPTS = 3,           /* a daemon that is leaving may let somebody in who then has to look again */
    STEP_MS = 50,           /* between looks where nothing tells of a change */
    LOOK_AGAIN = -1,
};

#define DAEMON LAUNCH_NAME

/* For how long all of it may take, and what ends it before. */
struct patience {
    int signal_fd;
    uint32_t ms;
    uint64_t until_ms;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int fail(const char *what)
{
    log_say("cannot start " DAEMON ": %s: %s", what, strerror(errno));
    return CLI_INTERNAL;
}

static int left_ms(const struct patience *patience)
{
    uint64_t now = now_ms();
    return now < patience->until_ms ? (int)(patience->until_ms - now) : 0;
}

static int complain_of_silence(const struct patience *patience, const char *why)
{
    log_say("no proxy is connected after %g s: %s", patience->ms / 1000.0,
            *why ? why : DAEMON " says nothing");
    return CLI_UNREACHABLE;
}

/* Before another look. CLI_DONE, or an exit code; why is said when the time is over. */
static int wait_a_moment(const struct patience *patience, const char *why)
{
    struct pollfd fd = {.fd = patience->signal_fd, .events = POLLIN};
    int left = left_ms(patience);
    if (poll(&fd, 1, left < STEP_MS ? left : STEP_MS) == 1)
        return CLI_INTERRUPTED;
    return left > 0 ? CLI_DONE : complain_of_silence(patience, why);
}

/* ---- One that runs ---- */

/* CLI_DONE: in, or nobody is there and fd is -1. */
static int enter(struct attendance *attendance, const struct patience *patience, const char *directory,
                 bool own)
{
    int r = CLI_DONE;
    while (r == CLI_DONE && (attendance->fd = visit_enter(directory, own)) < 0 && errno == EAGAIN)
        r = wait_a_moment(patience, "the " DAEMON " that runs lets nobody in");
    return r;
}

/* ---- One of our own ---- */

static int start(struct attendance *attendance, const struct options *options, const char *directory)
{
    pid_t pid = launch_daemon(options, directory, &attendance->fd);
    if (pid < 0)
        return fail("a process");
    attendance->pid = pid;
    return CLI_DONE;
}

/* Where nobody else finds it. */
static int start_alone(struct attendance *attendance, const struct options *options, const char *place)
{
    char directory[PLACE_SIZE];
    place_sweep(place);
    attendance->directory_fd = place_make(place, directory);
    if (attendance->directory_fd < 0)
        return fail(directory);
    attendance->directory = strdup(directory);
    return attendance->directory ? start(attendance, options, directory) : fail(directory);
}

/* ---- What it says ---- */

enum news { NEWS_NONE, NEWS_READY, NEWS_GONE, NEWS_FULL, NEWS_NO_BUS };

static enum news take_line(struct attendance *attendance)
{
    const char *line = attendance->line;
    if (strncmp(line, "bus ", 4) == 0 && !visit_is_address(line + 4))
        return NEWS_NO_BUS;
    if (strncmp(line, "bus ", 4) == 0)
        snprintf(attendance->address, sizeof(attendance->address), "%s", line + 4);
    else if (strncmp(line, "waiting ", 8) == 0)
        snprintf(attendance->waiting, sizeof(attendance->waiting), "%s", line + 8);
    else if (strcmp(line, "full") == 0)
        return NEWS_FULL;
    if (strcmp(line, "ready") != 0)
        return NEWS_NONE;
    attendance->is_ready = attendance->address[0] != '\0';
    return attendance->is_ready ? NEWS_READY : NEWS_NO_BUS;
}

static enum news read_news(struct attendance *attendance)
{
    char bytes[ATTENDANCE_LINE_SIZE];
    ssize_t n = recv(attendance->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        return NEWS_GONE;
    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] != '\n') {
            if (attendance->line_size < ATTENDANCE_LINE_SIZE - 1)
                attendance->line[attendance->line_size++] = bytes[i];
            continue;
        }
        attendance->line[attendance->line_size] = '\0';
        attendance->line_size = 0;
        enum news news = take_line(attendance);
        if (news != NEWS_NONE)
            return news;
    }
    return NEWS_NONE;
}

/* Until there is a line, something to interrupt it, or the time is over. */
static enum news wait_for_news(struct attendance *attendance, const struct patience *patience, int *ret_code)
{
    struct pollfd fds[] = {{.fd = attendance->fd, .events = POLLIN},
                           {.fd = patience->signal_fd, .events = POLLIN}};
    int n = poll(fds, 2, left_ms(patience));
    if (n > 0 && fds[1].revents)
        *ret_code = CLI_INTERRUPTED;
    else if (n == 0)
        *ret_code = CLI_UNREACHABLE;
    return n > 0 && fds[0].revents ? read_news(attendance) : NEWS_NONE;
}

/* The daemon has ended, and has said why if it could. */
static int give_up(struct attendance *attendance)
{
    int status = 0;
    if (attendance->pid == 0)
        return LOOK_AGAIN;
    waitpid(attendance->pid, &status, 0);
    attendance->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == LAUNCH_NO_DAEMON)
        log_say("there is no " DAEMON " beside this command, nor in $PATH: install it");
    else if (!WIFEXITED(status) || WEXITSTATUS(status) == 0)
        log_say(DAEMON " has ended before a proxy was connected");
    else
        attendance->is_hopeless = attendance->address[0] && WEXITSTATUS(status) < LAUNCH_NO_DAEMON;
    return WIFEXITED(status) && WEXITSTATUS(status) > 0 && WEXITSTATUS(status) < LAUNCH_NO_DAEMON
               ? WEXITSTATUS(status)
               : CLI_FAILED;
}

/* What the news are the end of; LOOK_AGAIN. */
static int conclude(struct attendance *attendance, enum news news)
{
    log_progress_end();
    switch (news) {
    case NEWS_NONE:
    case NEWS_READY:
        break;
    case NEWS_GONE:
        return give_up(attendance);
    case NEWS_FULL:
        log_say("the " DAEMON " that runs has as many programs as it takes, of this user or in all");
        return CLI_FAILED;
    case NEWS_NO_BUS:
        log_say("the " DAEMON " that runs names no bus that could be used: %s", attendance->line);
        return CLI_FAILED;
    }
    return CLI_DONE;
}

static int wait_for_proxy(struct attendance *attendance, const struct patience *patience)
{
    int code = CLI_DONE;
    while (code == CLI_DONE && !attendance->is_ready) {
        enum news news = wait_for_news(attendance, patience, &code);
        if (news != NEWS_NONE)
            return conclude(attendance, news);
        log_progress("waiting for a proxy%s%s", attendance->waiting[0] ? ": " : "", attendance->waiting);
    }
    log_progress_end();
    return code == CLI_UNREACHABLE ? complain_of_silence(patience, attendance->waiting) : code;
}

/* ---- The whole ---- */

/* It keeps two that come at once from starting a daemon each: until one says its first word it may have no lobby. Where there
 * can be no lock it goes without. */
static int take_start_lock(const char *place, const struct patience *patience, int *ret_fd)
{
    char path[PLACE_SIZE];
    int r = CLI_DONE;
    snprintf(path, sizeof(path), "%s/start.lock", place);
    *ret_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    while (r == CLI_DONE && *ret_fd >= 0 && flock(*ret_fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        r = wait_a_moment(patience, "another 'bleproxy run' that starts " DAEMON " does not get on");
    return r;
}

/* The shared one, until it has a lobby. */
static int start_shared(struct attendance *attendance, const struct options *options,
                        const struct patience *patience, const char *place)
{
    char directory[PLACE_SIZE];
    int code = CLI_DONE;
    place_sweep(place);
    snprintf(directory, sizeof(directory), "%s/bus", place);
    int r = start(attendance, options, directory);
    while (r == CLI_DONE && code == CLI_DONE && !attendance->address[0]) {
        enum news news = wait_for_news(attendance, patience, &code);
        if (news != NEWS_NONE)
            r = conclude(attendance, news);
    }
    return r != CLI_DONE || code != CLI_INTERRUPTED ? r : code;
}

/* With the lock. */
static int find_or_start(struct attendance *attendance, const struct options *options,
                         const struct patience *patience, const char *place)
{
    char directory[PLACE_SIZE];
    snprintf(directory, sizeof(directory), "%s/bus", place ? place : "");
    int r = place ? enter(attendance, patience, directory, true) : CLI_DONE;
    if (r == CLI_DONE && attendance->fd < 0)
        r = enter(attendance, patience, VISIT_SYSTEM, false);
    if (r != CLI_DONE || attendance->fd >= 0)
        return r;
    return place ? start_shared(attendance, options, patience, place)
                 : start_alone(attendance, options, NULL);
}

static int attend(struct attendance *attendance, const struct options *options,
                  const struct patience *patience, const char *place)
{
    int lock = -1, r = place ? take_start_lock(place, patience, &lock) : CLI_DONE;
    if (r == CLI_DONE)
        r = find_or_start(attendance, options, patience, place);
    if (lock >= 0)
        close(lock);
    return r == CLI_DONE ? wait_for_proxy(attendance, patience) : r;
}

/* What names the configuration for this program, which another daemon may not have. */
static bool is_particular(const struct options *options)
{
    return options->n_proxies > 0 || options->psk_file || proxies_config_is_given(options);
}

int attendance_begin(struct attendance *attendance, const struct options *options, int signal_fd)
{
    char path[PATH_MAX];
    struct patience patience = {.signal_fd = signal_fd,
                                .ms = options->timeout_ms ? options->timeout_ms : DEFAULT_PATIENCE_MS};
    const char *place = place_find(path, sizeof(path)) ? path : NULL;
    patience.until_ms = now_ms() + patience.ms;
    *attendance = (struct attendance){.fd = -1, .directory_fd = -1};
    if (is_particular(options)) {
        int r = start_alone(attendance, options, place);
        return r == CLI_DONE ? wait_for_proxy(attendance, &patience) : r;
    }
    int r = LOOK_AGAIN;
    for (int i = 0; r == LOOK_AGAIN && i < ATTEMPTS; i++) {
        attendance_end(attendance);
        r = attend(attendance, options, &patience, place);
    }
    if (r == LOOK_AGAIN) {
        log_say("the " DAEMON " that runs is leaving");
        return CLI_FAILED;
    }
    return r;
}

static void wait_for_end(struct attendance *attendance)
{
    struct pollfd fd = {.fd = attendance->fd, .events = POLLIN};
    char ignored[256];
    uint64_t until_ms = now_ms() + END_PATIENCE_MS;
    if (attendance->pid == 0 && !attendance->is_ready)
        return; /* it is not ours, and may be what did not get on */
    for (uint64_t now = now_ms(); now < until_ms; now = now_ms())
        if (poll(&fd, 1, (int)(until_ms - now)) == 1 &&
            recv(fd.fd, ignored, sizeof(ignored), MSG_DONTWAIT) <= 0)
            return;
    if (attendance->pid == 0)
        return;
    log_warn(NULL, DAEMON " (process %d) does not end, and is killed", (int)attendance->pid);
    kill(attendance->pid, SIGKILL);
}

void attendance_end(struct attendance *attendance)
{
    if (attendance->fd >= 0) {
        shutdown(attendance->fd, SHUT_WR);
        wait_for_end(attendance);
        close(attendance->fd);
    }
    /* It stays if others use it. */
    if (attendance->directory_fd >= 0) {
        if (attendance->pid > 0)
            waitpid(attendance->pid, NULL, 0);
        place_remove(attendance->directory_fd, attendance->directory ? attendance->directory : "");
    }
    free(attendance->directory);
    *attendance = (struct attendance){.fd = -1, .directory_fd = -1};
}
