/* SPDX-License-Identifier: MIT */
#ifndef REPLAY_DECISION_H
#define REPLAY_DECISION_H

#include <bleproxy/advertisement.h>
#include <stdbool.h>

/* What a hub makes of a trace, bleproxy-record(5): one decision, a line of output. */

enum decision_kind {
    DECISION_ACCEPTED,    /* a report became the device's current one */
    DECISION_CALLBACK,    /* subscribers to changes are told of it */
    DECISION_UNAVAILABLE, /* the device is gone */
};

struct decision {
    enum decision_kind kind;
    uint64_t time_ns;
    bool connectable; /* of CALLBACK and UNAVAILABLE */
    int8_t rssi;      /* as in the report's line; 0: none was reported */
    /* Borrowed. Of UNAVAILABLE only the address is told. */
    const struct bleproxy_advertisement *advertisement;
};

enum { DECISION_LINE_SIZE = 36 * 1024 }; /* holds each line */

/* Writes the line with its newline, NUL-terminated. Returns its size without the NUL. */
size_t decision_format(const struct decision *decision, char memory[static DECISION_LINE_SIZE]);

#endif
