/* SPDX-License-Identifier: MIT */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include "server/server.h"

/* What people and tests tell virtual proxies to do: "[@PROXY] COMMAND [ARGUMENT]", one a line. */

enum control_command {
    CONTROL_LIST,
    CONTROL_REBOOT, /* [seconds off] */
    CONTROL_CRASH,  /* [seconds off] */
    CONTROL_DEAF,   /* [cure] */
    CONTROL_HEAR,
    CONTROL_ROB,
    CONTROL_UNROB,
    CONTROL_MOVE, /* address[:port] */
    CONTROL_ANNOUNCE,
    CONTROL_GOODBYE,
};

enum { CONTROL_LINE_MAX = 256, CONTROL_SECONDS_MAX = 24 * 60 * 60 };

struct control {
    enum control_command command;
    char proxy[SERVER_NAME_MAX + 1]; /* "": all of them */
    uint64_t seconds;                /* REBOOT, CRASH */
    enum server_cure cure;           /* DEAF */
    char address[CONTROL_LINE_MAX];  /* MOVE */
};

/* Words are parted by blanks. 0, or BLEPROXY_E_INVALID with *ret_why: what was expected, as words. An empty line
 * is invalid, too. */
int control_parse(const char *line, struct control *ret_control, const char **ret_why);
/* never, mode, subscribe, connect or reboot. False for others. */
bool control_parse_cure(const char *word, enum server_cure *ret_cure);

#endif
