/* SPDX-License-Identifier: MIT */
#include "run.h"

#include "cli.h"
#include "log.h"
#include "terminal.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted; /* not told yet */
static volatile sig_atomic_t hung_up;     /* not answered yet */
static bool lost;                         /* standard output */
static bool unwritten;                    /* and not for want of a reader */
static bool had_terminal;
static void (*reload)(void *user);
static void *reload_user;
static struct {
    int fd; /* -1: none */
    void (*on_readable)(void *user);
    void *user;
} watched = {.fd = -1};
static const int endings[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
enum { N_ENDINGS = sizeof(endings) / sizeof(endings[0]) };

/* The second one: it is not waited any longer for the end that the first one asked for. */
static void on_last_signal(int number)
{
    terminal_abandon();
    signal(number, SIG_DFL);
    raise(number);
}

static void on_signal(int number)
{
    interrupted = 1;
    signal(number, on_last_signal);
}

/* The kernel sends it when the terminal is gone, a shell that leaves passes it on, and everybody else means the
 * configuration. */
static void on_hangup(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code == SI_KERNEL || !reload)
        on_signal(number);
    else
        hung_up = 1;
}

static bool has_terminal(void)
{
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

void run_catch_reload(void (*on_reload)(void *user), void *user)
{
    struct sigaction action = {.sa_sigaction = on_hangup, .sa_flags = SA_SIGINFO}, before;
    reload = on_reload;
    reload_user = user;
    had_terminal = has_terminal();
    sigemptyset(&action.sa_mask);
    if (on_reload && sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &action, NULL);
}

static void answer_hangup(void)
{
    if (!hung_up)
        return;
    hung_up = 0;
    if (had_terminal && !has_terminal())
        interrupted = 1;
    else if (reload)
        reload(reload_user);
}

/* Without SA_RESTART: a write to a reader who has stopped reading can be interrupted, too. */
void run_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal}, before;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < N_ENDINGS; i++)
        if (sigaction(endings[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(endings[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static short output_events(short wanted)
{
    struct pollfd fd = {.fd = STDOUT_FILENO, .events = wanted};
    return poll(&fd, 1, 0) == 1 ? fd.revents : 0;
}

/* False: something was lost, now or before, and errno is why; 0: not known any more, as it is what the loop has left. */
static bool write_out(void)
{
    bool failed = ferror(stdout);
    if (fflush(stdout) < 0)
        return false;
    errno = errno == EAGAIN || errno == EINTR ? 0 : errno;
    return !failed;
}

static enum run_end flush(void)
{
    bool stuck = interrupted && output_events(POLLOUT) == 0;
    if (lost || (!stuck && write_out()))
        return RUN_DONE;
    int why = errno;
    lost = true;
    __fpurge(stdout); /* the next attempt, at exit, would hang or fail again */
    if (interrupted)
        return RUN_INTERRUPTED;
    if (output_events(0) & (POLLERR | POLLHUP))
        return RUN_NO_READER;
    unwritten = true;
    log_say("cannot write to standard output%s%s", why ? ": " : "", why ? strerror(why) : "");
    return RUN_NO_OUTPUT;
}

bool run_output_is_lost(void)
{
    return lost || interrupted || ferror(stdout);
}

void run_watch(int fd, void (*on_readable)(void *user), void *user)
{
    watched.fd = fd;
    watched.on_readable = on_readable;
    watched.user = user;
}

/* The signals are let in only while it works or waits, not between looking for one and waiting. input_fd -1: none;
 * timeout_ms < 0: for ever. */
static void wait_readable(int fd, int input_fd, int timeout_ms)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
                           {.fd = input_fd, .events = POLLIN},
                           {.fd = watched.fd, .events = POLLIN}};
    sigset_t ours, before;
    sigemptyset(&ours);
    for (size_t i = 0; i < N_ENDINGS; i++)
        sigaddset(&ours, endings[i]);
    sigprocmask(SIG_BLOCK, &ours, &before);
    if (!interrupted && !hung_up) {
        struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
        ppoll(fds, 3, timeout_ms < 0 ? NULL : &timeout, &before);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (fds[2].revents != 0)
        watched.on_readable(watched.user);
}

enum run_end run_flush(void)
{
    enum run_end end = flush();
    if (interrupted)
        end = RUN_INTERRUPTED;
    interrupted = 0;
    return end;
}

int run_finish(int exit_code)
{
    flush();
    return unwritten && exit_code != CLI_INTERRUPTED ? CLI_INTERNAL : exit_code;
}

enum run_end run_loop_with_input(struct bleproxy_loop *loop, const bool *done, const struct run_input *input)
{
    for (;;) {
        answer_hangup();
        enum run_end end = run_flush();
        if (end != RUN_DONE || *done)
            return end;
        wait_readable(bleproxy_loop_fd(loop), input->fd, bleproxy_loop_timeout_ms(loop));
        bleproxy_loop_process(loop);
        if (input->on_input)
            input->on_input(input->user);
    }
}

enum run_end run_loop(struct bleproxy_loop *loop, const bool *done)
{
    return run_loop_with_input(loop, done, &(const struct run_input){.fd = -1});
}

enum run_end run_wait(int fd)
{
    enum run_end end = run_flush();
    if (end != RUN_DONE)
        return end;
    wait_readable(fd, -1, -1);
    return run_flush();
}
