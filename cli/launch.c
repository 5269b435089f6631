/* SPDX-License-Identifier: MIT */
#include "launch.h"

#include "inherit.h"
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { GUEST_FD = 3 };

/* Beside this command, as it is installed; else it is looked for in $PATH. */
static void find_daemon(char path[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - sizeof(LAUNCH_NAME));
    path[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(path, '/');
    strcpy(slash ? slash + 1 : path, LAUNCH_NAME);
    if (!slash || access(path, X_OK) < 0)
        strcpy(path, LAUNCH_NAME);
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
        _exit(LAUNCH_NO_DAEMON);
    fd = fcntl(fd, F_DUPFD_CLOEXEC, GUEST_FD + 1); /* dup2() of one to itself would leave it to be closed */
    inherit_only_below(GUEST_FD);
    dup2(null_fd, STDIN_FILENO);
    dup2(null_fd, STDOUT_FILENO);
    dup2(fd, GUEST_FD);
    execvp(path, (char *const *)(uintptr_t)words);
    _exit(LAUNCH_NO_DAEMON);
}

pid_t launch_daemon(const struct options *options, const char *directory, int *ret_fd)
{
    char path[PATH_MAX];
    int fds[2];
    find_daemon(path);
    const char **words = daemon_arguments(options, path, directory);
    if (!words || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
        free(words);
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0)
        become_daemon(path, words, fds[1]);
    free(words);
    close(fds[1]);
    if (pid > 0)
        *ret_fd = fds[0];
    else
        close(fds[0]);
    return pid;
}
