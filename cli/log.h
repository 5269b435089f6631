/* SPDX-License-Identifier: MIT */
#ifndef CLI_LOG_H
#define CLI_LOG_H

#include <bleproxy/loop.h>
#include <stdbool.h>

/* Standard error: complaints of the command itself and the library's log. All text is sanitised here. */

/* What log_say() calls the program, "bleproxy" else. If standard error is the journal, each line begins with its priority. */
void log_init(const char *name);
/* "bleproxy: ..." for what ends the command. */
void log_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for what is no complaint. */
void log_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "warning: kitchen: ..." for what it goes on without; proxy may be NULL, and is not named twice when the
 * text begins with it. */
void log_warn(const char *proxy, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The last words on a proxy that could not be used: "error: kitchen: ...". */
void log_error(const char *proxy, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What is left out of the log that nobody asked for. */
enum log_quiet {
    LOG_QUIET_PROXIES, /* what becomes of the proxies: the commands tell that themselves */
    LOG_QUIET_DEVICE,  /* that, how well they scan, and what operations on devices say themselves */
};
/* Options for a loop whose log goes here: at 0 errors and warnings but for the quiet ones, at 1 also information, from 2
 * on everything. */
void log_set_loop_options(unsigned verbosity, enum log_quiet quiet, struct bleproxy_loop_options *options);

/* What is being waited for, on a terminal only: one line on standard error that the next one, or any other line,
 * replaces. */
void log_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_progress_end(void);

/* Keeps lines back while the terminal that standard error is on shows something else, the latest hundred of
 * them; release prints them. Nothing is kept when standard error is elsewhere. */
void log_hold(void);
void log_release(void);

#endif
