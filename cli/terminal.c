/* SPDX-License-Identifier: MIT */
#include "terminal.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* Other screen, no cursor, no wrapping; and back. */
static const char enter[] = "\033[?1049h\033[?25l\033[?7l";
static const char leave[] = TERMINAL_PLAIN "\033[?7h\033[?25h\033[?1049l";

static volatile sig_atomic_t entered; /* a live view is going on */
static volatile sig_atomic_t taken;   /* and the terminal is ours now */
static volatile sig_atomic_t changed;
static volatile sig_atomic_t continued; /* and not taken again yet */
static bool has_keys;
static struct termios as_it_was, for_keys;

bool terminal_is_live(void)
{
    const char *kind = getenv("TERM");
    return isatty(STDOUT_FILENO) && kind && *kind && strcmp(kind, "dumb") != 0;
}

bool terminal_has_colour(void)
{
    const char *refused = getenv("NO_COLOR");
    return terminal_is_live() && !(refused && *refused);
}

struct terminal_size terminal_size(void)
{
    struct winsize window;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) < 0 || window.ws_col == 0 || window.ws_row == 0)
        return (struct terminal_size){80, 24};
    return (struct terminal_size){window.ws_col, window.ws_row};
}

unsigned terminal_line(void)
{
    return isatty(STDOUT_FILENO) ? terminal_size().columns : 0;
}

/* From here to terminal_abandon(): also in signal handlers. */
static void put(const char *sequence, size_t size)
{
    ssize_t n = write(STDOUT_FILENO, sequence, size);
    (void)n; /* then nobody sees it */
}

/* In the background the terminal is another program's; without job control it is ours. */
static bool is_in_foreground(void)
{
    pid_t group = tcgetpgrp(STDOUT_FILENO);
    return group < 0 || group == getpgrp();
}

static void take(void)
{
    continued = 0;
    if (!is_in_foreground())
        return;
    taken = 1;
    if (has_keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &for_keys);
    put(enter, sizeof(enter) - 1);
}

static void take_again(void)
{
    if (entered && continued)
        take();
}

static void give_back(bool patiently)
{
    struct pollfd fd = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if (!taken)
        return;
    taken = 0;
    if (has_keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &as_it_was);
    if (patiently || poll(&fd, 1, 0) == 1)
        put(leave, sizeof(leave) - 1); /* last: it may have to wait */
}

void terminal_abandon(void)
{
    give_back(false);
}

/* Ctrl-Z: the terminal goes back as it was, until the process is continued. */
static void on_stop(int number)
{
    give_back(true);
    signal(number, SIG_DFL);
    raise(number); /* comes when this returns */
}

/* The terminal is not taken here: while it takes nothing that has to wait, and the signal that is to end us, whose handler
 * this one may have interrupted, could not come again. */
static void on_continue(int number)
{
    (void)number;
    signal(SIGTSTP, on_stop);
    continued = changed = 1;
}

static void on_resize(int number)
{
    (void)number;
    changed = 1;
}

static void prepare_keys(void)
{
    has_keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &as_it_was) == 0;
    if (!has_keys)
        return;
    for_keys = as_it_was;
    for_keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    for_keys.c_cc[VMIN] = for_keys.c_cc[VTIME] = 0;
}

void terminal_enter(bool with_keys)
{
    static bool registered;
    if (!registered)
        registered = atexit(terminal_leave) == 0;
    if (with_keys)
        prepare_keys();
    fflush(stdout);
    entered = 1;
    signal(SIGTSTP, on_stop);
    signal(SIGCONT, on_continue);
    signal(SIGWINCH, on_resize);
    take();
}

void terminal_leave(void)
{
    if (!entered)
        return;
    signal(SIGTSTP, SIG_DFL);
    signal(SIGCONT, SIG_DFL);
    signal(SIGWINCH, SIG_DFL);
    entered = 0;
    fflush(stdout);
    give_back(true);
    has_keys = false;
}

void terminal_show(const char *text)
{
    take_again();
    if (!taken)
        return;
    fputs("\033[H", stdout);
    /* What was there is erased before, not behind the text: the cursor stays on the last column of a full line. */
    for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
        fputs("\033[K", stdout);
        fwrite(text, 1, (size_t)(end - text) + 1, stdout);
    }
    fputs("\033[J", stdout);
    fputs(text, stdout);
}

bool terminal_has_changed(void)
{
    bool has = changed;
    changed = 0;
    take_again();
    return has;
}

int terminal_keys(void)
{
    return has_keys && taken ? STDIN_FILENO : -1;
}

int terminal_read_keys(char *keys, unsigned size)
{
    struct pollfd fd = {.fd = terminal_keys(), .events = POLLIN};
    if (poll(&fd, 1, 0) <= 0)
        return 0;
    ssize_t n = read(STDIN_FILENO, keys, size);
    return n > 0 ? (int)n : -1;
}
