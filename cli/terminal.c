/* SPDX-License-Identifier: MIT */
#include "terminal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static volatile sig_atomic_t entered;

/* Other screen, no cursor, no wrapping; and back. */
static const char enter[] = "\033[?1049h\033[?25l\033[?7l";
static const char leave[] = TERMINAL_PLAIN "\033[?7h\033[?25h\033[?1049l";

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

/* Ctrl-Z: the terminal goes back as it was, until the process is continued. */
static void on_stop(int number)
{
    if (write(STDOUT_FILENO, leave, sizeof(leave) - 1) > 0)
        signal(number, SIG_DFL);
    raise(number); /* comes when this returns */
}

static void on_continue(int number)
{
    (void)number;
    signal(SIGTSTP, on_stop);
    if (entered && write(STDOUT_FILENO, enter, sizeof(enter) - 1) < 0)
        entered = 0;
}

void terminal_enter(void)
{
    static bool registered;
    if (!registered)
        registered = atexit(terminal_leave) == 0;
    fputs(enter, stdout);
    fflush(stdout);
    entered = 1;
    signal(SIGTSTP, on_stop);
    signal(SIGCONT, on_continue);
}

void terminal_leave(void)
{
    if (!entered)
        return;
    signal(SIGTSTP, SIG_DFL);
    signal(SIGCONT, SIG_DFL);
    entered = 0;
    fputs(leave, stdout);
    fflush(stdout);
}

void terminal_show(const char *text)
{
    fputs("\033[H", stdout);
    for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
        fwrite(text, 1, (size_t)(end - text), stdout);
        fputs("\033[K\n", stdout);
    }
    fputs(text, stdout);
    fputs("\033[J", stdout);
}
