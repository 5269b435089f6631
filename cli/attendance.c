/* SPDX-License-Identifier: MIT */
#include "attendance.h"

#include "cli.h"
#include "log.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    DEFAULT_PATIENCE_MS = 30000,
    END_PATIENCE_MS = 5000, /* it promises two seconds */
    ATTEMPTS = 3,           /* a daemon that is leaving may let somebody in who then has to look again */
    GUEST_FD = 3,
    EXIT_NO_DAEMON = 127,
    LOOK_AGAIN = -1,
};

#define SYSTEM_LOBBY "/run/bleproxy/lobby"
#define DAEMON       "bleproxyd"

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

/* ---- One that runs ---- */

/* Where the daemons of this user are, "$XDG_RUNTIME_DIR/bleproxy"; false: there is no such place. */
static bool find_place(char *path, size_t size)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    int n = runtime && runtime[0] == '/' ? snprintf(path, size, "%s/bleproxy", runtime) : -1;
    return n > 0 && (size_t)n < size && (mkdir(path, 0755) == 0 || errno == EEXIST);
}

static int enter(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof(address.sun_path))
        return -1;
    memcpy(address.sun_path, path, length + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* ---- One of our own ---- */

/* Beside this command, as it is installed; else it is looked for in $PATH. */
static void find_daemon(char path[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - sizeof(DAEMON));
    path[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(path, '/');
    strcpy(slash ? slash + 1 : path, DAEMON);
    if (!slash || access(path, X_OK) < 0)
        strcpy(path, DAEMON);
}

/* "-vv", and the options that say which proxies. The array is to be freed, not what is in it. */
static const char **daemon_arguments(const struct options *options, const char *daemon, const char *directory)
{
    size_t n = 0;
    const char **words = calloc(2 * options->n_proxies + 16, sizeof(*words));
    if (!words)
        return NULL;
    words[n++] = daemon;
    words[n++] = "--private";
    words[n++] = directory;
    words[n++] = "--guest=3";
    for (unsigned i = 0; i < options->verbosity && i < 2; i++)
        words[n++] = "-v";
    for (size_t i = 0; i < options->n_proxies; i++) {
        words[n++] = "-p";
        words[n++] = options->proxies[i];
    }
    if (options->config_path) {
        words[n++] = "-c";
        words[n++] = options->config_path;
    }
    if (options->psk_file) {
        words[n++] = "--psk-file";
        words[n++] = options->psk_file;
    }
    return words;
}

/* In the child. A session of its own: what the terminal sends to the program is not for it. */
__attribute__((noreturn)) static void become_daemon(const char *path, const char **words, int fd)
{
    sigset_t none;
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    setsid();
    unsetenv("NOTIFY_SOCKET"); /* a manager that there is watches the program */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (null_fd < 0)
        _exit(EXIT_NO_DAEMON);
    fd = fcntl(fd, F_DUPFD_CLOEXEC, GUEST_FD + 1); /* dup2() of one to itself would leave it to be closed */
    dup2(null_fd, STDIN_FILENO);
    dup2(null_fd, STDOUT_FILENO);
    dup2(fd, GUEST_FD);
    execvp(path, (char *const *)(uintptr_t)words);
    _exit(EXIT_NO_DAEMON);
}

static int start(struct attendance *attendance, const struct options *options, const char *directory)
{
    char path[PATH_MAX];
    int fds[2];
    find_daemon(path);
    const char **words = daemon_arguments(options, path, directory);
    if (!words || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
        free(words);
        return fail("a socket");
    }
    attendance->pid = fork();
    if (attendance->pid == 0)
        become_daemon(path, words, fds[1]);
    free(words);
    close(fds[1]);
    attendance->fd = fds[0];
    if (attendance->pid > 0)
        return CLI_DONE;
    attendance->pid = 0;
    return fail("a process");
}

/* Where nobody else finds it. */
static int start_alone(struct attendance *attendance, const struct options *options)
{
    char place[PATH_MAX], directory[PATH_MAX + 32];
    const char *parent = find_place(place, sizeof(place)) ? place : "/tmp";
    snprintf(directory, sizeof(directory), "%s/%sXXXXXX", parent, parent == place ? "run-" : "bleproxy-run-");
    if (!mkdtemp(directory))
        return fail(directory);
    attendance->directory = strdup(directory);
    return attendance->directory ? start(attendance, options, directory) : fail(directory);
}

/* ---- What it says ---- */

static int take_line(struct attendance *attendance)
{
    const char *line = attendance->line;
    if (strncmp(line, "bus ", 4) == 0)
        snprintf(attendance->address, sizeof(attendance->address), "%s", line + 4);
    else if (strncmp(line, "waiting ", 8) == 0)
        snprintf(attendance->waiting, sizeof(attendance->waiting), "%s", line + 8);
    return strcmp(line, "ready") == 0;
}

enum news { NEWS_NONE, NEWS_READY, NEWS_GONE };

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
        if (take_line(attendance))
            return NEWS_READY;
    }
    return NEWS_NONE;
}

/* Until there is a line, something to interrupt it, or the time is over. */
static enum news wait_for_news(struct attendance *attendance, int signal_fd, uint64_t until_ms, int *ret_code)
{
    struct pollfd fds[] = {{.fd = attendance->fd, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};
    uint64_t now = now_ms();
    int n = poll(fds, 2, now < until_ms ? (int)(until_ms - now) : 0);
    if (fds[1].revents)
        *ret_code = CLI_INTERRUPTED;
    else if (n == 0)
        *ret_code = CLI_UNREACHABLE;
    return fds[0].revents ? read_news(attendance) : NEWS_NONE;
}

static int complain_of_silence(const struct attendance *attendance, uint32_t patience_ms)
{
    log_say("no proxy is connected after %g s: %s", patience_ms / 1000.0,
            attendance->waiting[0] ? attendance->waiting : DAEMON " says nothing");
    return CLI_UNREACHABLE;
}

/* The daemon has ended, and has said why if it could. */
static int give_up(struct attendance *attendance)
{
    int status = 0;
    if (attendance->pid == 0)
        return LOOK_AGAIN;
    waitpid(attendance->pid, &status, 0);
    attendance->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_DAEMON)
        log_say("there is no " DAEMON " beside this command, nor in $PATH: install it");
    else if (!WIFEXITED(status) || WEXITSTATUS(status) == 0)
        log_say(DAEMON " has ended before a proxy was connected");
    return WIFEXITED(status) && WEXITSTATUS(status) > 0 && WEXITSTATUS(status) < EXIT_NO_DAEMON
               ? WEXITSTATUS(status)
               : CLI_FAILED;
}

static int wait_for_proxy(struct attendance *attendance, const struct options *options, int signal_fd)
{
    uint32_t patience_ms = options->timeout_ms ? options->timeout_ms : DEFAULT_PATIENCE_MS;
    uint64_t until_ms = now_ms() + patience_ms;
    int code = CLI_DONE;
    while (code == CLI_DONE) {
        enum news news = wait_for_news(attendance, signal_fd, until_ms, &code);
        if (news != NEWS_NONE)
            log_progress_end();
        if (news == NEWS_READY)
            return CLI_DONE;
        if (news == NEWS_GONE)
            return give_up(attendance);
        log_progress("waiting for a proxy%s%s", attendance->waiting[0] ? ": " : "", attendance->waiting);
    }
    log_progress_end();
    return code == CLI_UNREACHABLE ? complain_of_silence(attendance, patience_ms) : code;
}

/* ---- The whole ---- */

/* The lock keeps two that come at once from starting one each: until the daemon says its first word it may have no lobby. */
static int attend(struct attendance *attendance, const struct options *options, int signal_fd,
                  const char *place)
{
    char path[PATH_MAX + 16], directory[PATH_MAX + 16];
    snprintf(path, sizeof(path), "%s/start.lock", place);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), r = CLI_DONE, code = CLI_DONE;
    if (lock >= 0)
        flock(lock, LOCK_EX);
    snprintf(directory, sizeof(directory), "%s/bus", place);
    snprintf(path, sizeof(path), "%s/bus/lobby", place);
    attendance->fd = enter(path);
    if (attendance->fd < 0)
        attendance->fd = enter(SYSTEM_LOBBY);
    if (attendance->fd < 0)
        r = start(attendance, options, directory);
    uint64_t until_ms = now_ms() + DEFAULT_PATIENCE_MS;
    while (r == CLI_DONE && code == CLI_DONE && attendance->pid > 0 && !attendance->address[0]) {
        enum news news = wait_for_news(attendance, signal_fd, until_ms, &code);
        if (news == NEWS_READY)
            break;
        if (news == NEWS_GONE)
            r = give_up(attendance);
    }
    if (lock >= 0)
        close(lock);
    if (r != CLI_DONE || code == CLI_INTERRUPTED)
        return r != CLI_DONE ? r : code;
    return wait_for_proxy(attendance, options, signal_fd);
}

int attendance_begin(struct attendance *attendance, const struct options *options, int signal_fd)
{
    char place[PATH_MAX];
    bool is_particular = options->n_proxies > 0 || options->config_path || options->psk_file;
    *attendance = (struct attendance){.fd = -1};
    if (is_particular || !find_place(place, sizeof(place))) {
        int r = start_alone(attendance, options);
        return r == CLI_DONE ? wait_for_proxy(attendance, options, signal_fd) : r;
    }
    int r = LOOK_AGAIN;
    for (int i = 0; r == LOOK_AGAIN && i < ATTEMPTS; i++) {
        attendance_end(attendance);
        r = attend(attendance, options, signal_fd, place);
    }
    if (r == LOOK_AGAIN) {
        log_say("the " DAEMON " that runs is leaving");
        return CLI_FAILED;
    }
    return r;
}

/* A daemon that was killed has left its files. */
static void tidy(const char *directory)
{
    static const char *const names[] = {"lobby", "socket", "policy.conf", "policy.conf.new", "lock"};
    char path[PATH_MAX + 32];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        unlink(path);
    }
    rmdir(directory);
}

static void wait_for_end(struct attendance *attendance)
{
    struct pollfd fd = {.fd = attendance->fd, .events = POLLIN};
    char ignored[256];
    uint64_t until_ms = now_ms() + END_PATIENCE_MS;
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
    if (attendance->directory) {
        if (attendance->pid > 0)
            waitpid(attendance->pid, NULL, 0);
        tidy(attendance->directory);
    }
    free(attendance->directory);
    *attendance = (struct attendance){.fd = -1};
}
