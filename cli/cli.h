/* SPDX-License-Identifier: MIT */
#ifndef CLI_CLI_H
#define CLI_CLI_H

/* Exit codes of the command; bleproxy(1) promises them. */
enum cli_exit {
    CLI_DONE = 0,
    CLI_INTERNAL = 1,       /* or the output cannot be written */
    CLI_USAGE = 2,          /* or configuration */
    CLI_AUTHENTICATION = 3, /* or encryption */
    CLI_UNREACHABLE = 4,
    CLI_FAILED = 5,
    CLI_NOT_FOUND = 6, /* in time */
    CLI_INTERRUPTED = 130,
};

/* The code for a BLEPROXY_E_*, or CLI_DONE for 0. */
enum cli_exit cli_exit_code(int error);

/* Subcommands: they get their own arguments, argv[0] being for messages, and return an exit code. */
int cmd_scan(int argc, char **argv);
int cmd_devices(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_why(int argc, char **argv);
int cmd_discover(int argc, char **argv);
int cmd_forget(int argc, char **argv);
int cmd_adopt(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_services(int argc, char **argv);
int cmd_read(int argc, char **argv);
int cmd_write(int argc, char **argv);
int cmd_notify(int argc, char **argv);
int cmd_pair(int argc, char **argv);
int cmd_unpair(int argc, char **argv);
int cmd_clear_cache(int argc, char **argv);
int cmd_params(int argc, char **argv);
int cmd_slots(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_run(int argc, char **argv); /* in a build without D-Bus it says no more than that */
int cmd_sim(int argc, char **argv);

#endif
