/* SPDX-License-Identifier: MIT */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <bleproxy/loop.h>
#include <stdbool.h>

/* From now on the first SIGINT, SIGTERM, SIGHUP or SIGQUIT ends run_loop() instead of the process; the next
 * one ends the process. Writing to a closed pipe is an error and no longer a signal. */
void run_catch_signals(void);

/* After run_catch_signals(): SIGHUP makes run_loop() call on_reload, between two turns of the loop, and ends nothing; except
 * that the terminal is gone: then it ends as before. on_reload NULL: no longer. */
void run_catch_reload(void (*on_reload)(void *user), void *user);

/* A descriptor that run_loop() waits for, too, and on_readable is called when there is something to read. fd -1: none. */
void run_watch(int fd, void (*on_readable)(void *user), void *user);

enum run_end {
    RUN_DONE,
    RUN_INTERRUPTED,
    RUN_NO_READER, /* whoever read standard output has left */
    RUN_NO_OUTPUT, /* standard output cannot be written for another reason; it was said why */
};

/* Runs the loop until *done or one of the others. Standard output is flushed each time before it waits; that
 * it is lost is told once. */
enum run_end run_loop(struct bleproxy_loop *loop, const bool *done);
/* For who reads a descriptor and runs no loop: flushes standard output and waits. DONE: there is something to read. */
enum run_end run_wait(int fd);
/* Flushes standard output, and tells how that went. */
enum run_end run_flush(void);
/* The same, for who takes keys: waits also for input on the descriptor fd (-1: none; on_input may change it). on_input is
 * called each time it has waited, whatever came: input, or that the window has another size, or only advertisements. It
 * must not wait. */
struct run_input {
    int fd;
    void (*on_input)(void *user);
    void *user;
};
enum run_end run_loop_with_input(struct bleproxy_loop *loop, const bool *done, const struct run_input *input);
/* At the end of each command: what its exit code is when the output that it made is counted in. */
int run_finish(int exit_code);
/* Nobody takes more output: run_loop() has told, or is about to. Writing on could block for ever. */
bool run_output_is_lost(void);

#endif
