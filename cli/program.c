/* SPDX-License-Identifier: MIT */
#include "program.h"

#include "log.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Those that end us, and those that only matter while there is a program. */
static const int endings[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
static const int others[] = {SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT, SIGCHLD};
enum { N_ENDINGS = sizeof(endings) / sizeof(endings[0]), N_OTHERS = sizeof(others) / sizeof(others[0]) };

/* ---- Before it runs ---- */

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

static bool is_in_path(const char *name)
{
    char file[PATH_MAX];
    const char *path = getenv("PATH");
    for (path = path ? path : "/bin:/usr/bin"; path;) {
        size_t length = strcspn(path, ":");
        int n = snprintf(file, sizeof(file), "%.*s/%s", length ? (int)length : 1, length ? path : ".", name);
        if (n > 0 && (size_t)n < sizeof(file) && is_program(file))
            return true;
        path = path[length] ? path + length + 1 : NULL;
    }
    return false;
}

int program_check(const char *name)
{
    if (strchr(name, '/') ? is_program(name) : is_in_path(name))
        return 0;
    if (strchr(name, '/') && access(name, F_OK) == 0) {
        log_say("%s is nothing that can be run", name);
        return PROGRAM_CANNOT_RUN;
    }
    log_say("there is no program '%s'", name);
    return PROGRAM_NOT_FOUND;
}

/* fd -1: a new one. */
static int hold(int fd, const sigset_t *signals, sigset_t *before)
{
    sigset_t ours;
    sigprocmask(SIG_BLOCK, signals, before);
    sigprocmask(SIG_BLOCK, NULL, &ours);
    return signalfd(fd, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void add_all(sigset_t *set, const int *signals, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sigaddset(set, signals[i]);
}

int program_hold_signals(struct program_signals *before)
{
    sigset_t ours;
    struct sigaction action, usual = {.sa_handler = SIG_DFL};
    sigemptyset(&ours);
    for (size_t i = 0; i < N_ENDINGS; i++) /* while it is blocked even one that is ignored would come */
        if (sigaction(endings[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&ours, endings[i]);
    sigaction(SIGCHLD, &usual, &before->child);
    int fd = hold(-1, &ours, &before->mask);
    if (fd < 0)
        log_say("cannot wait for signals: %s", strerror(errno));
    return fd;
}

int program_interrupted(int signal_fd)
{
    struct signalfd_siginfo info;
    int number = SIGTERM;
    while (read(signal_fd, &info, sizeof(info)) == sizeof(info))
        number = (int)info.ssi_signo;
    return PROGRAM_SIGNALLED + number;
}

/* ---- While it runs ---- */

/* In the child. It gets SIGTERM in place of the signal that ends us and that cannot be passed on. */
__attribute__((noreturn)) static void become(char *const *argv, const struct program_signals *before,
                                             pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigaction(SIGCHLD, &before->child, NULL);
    sigprocmask(SIG_SETMASK, &before->mask, NULL);
    if (getppid() == parent)
        execvp(argv[0], argv);
    int code = errno == ENOENT ? PROGRAM_NOT_FOUND : PROGRAM_CANNOT_RUN;
    log_say("cannot run %s: %s", argv[0], strerror(errno));
    _exit(code);
}

/* What the kernel sends, from the terminal, the program is sent as well. When we are to stop is seen by what it does. */
static void pass_on(const struct signalfd_siginfo *info, pid_t pid)
{
    int number = (int)info->ssi_signo;
    if (number != SIGCHLD && (info->ssi_code != SI_KERNEL || number == SIGCONT))
        kill(pid, number);
}

/* One that waits, as it is blocked. */
static void drop(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    sigtimedwait(&set, NULL, &(struct timespec){0, 0});
}

/* True: it has ended. */
static bool follow(pid_t pid, int *ret_code)
{
    int status;
    pid_t r;
    while ((r = waitpid(pid, &status, WNOHANG | WUNTRACED)) == pid) {
        if (WIFSTOPPED(status)) {
            kill(getpid(), SIGSTOP); /* until the shell lets both go on */
            drop(SIGCONT);           /* a second one, later, would undo another stop */
            kill(pid, SIGCONT);
            continue;
        }
        *ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : PROGRAM_SIGNALLED + WTERMSIG(status);
        return true;
    }
    return r < 0 && errno == ECHILD;
}

int program_run(char *const *argv, int signal_fd, const struct program_signals *before, int fd,
                bool (*on_input)(int fd))
{
    struct pollfd fds[] = {{.fd = signal_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    sigset_t all;
    sigemptyset(&all);
    add_all(&all, endings, N_ENDINGS); /* it may wait for what was ignored */
    add_all(&all, others, N_OTHERS);
    hold(signal_fd, &all, NULL);
    pid_t parent = getpid(), pid = fork();
    int code = PROGRAM_CANNOT_RUN;
    if (pid == 0)
        become(argv, before, parent);
    if (pid < 0) {
        log_say("cannot run %s: %s", argv[0], strerror(errno));
        return code;
    }
    while (!follow(pid, &code)) {
        struct signalfd_siginfo info;
        poll(fds, 2, -1);
        while (read(signal_fd, &info, sizeof(info)) == sizeof(info))
            pass_on(&info, pid);
        if (fds[1].revents && !on_input(fd))
            fds[1].fd = -1;
    }
    return code;
}
