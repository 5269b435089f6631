/* SPDX-License-Identifier: MIT */
#ifndef REPLAY_TRACE_READER_H
#define REPLAY_TRACE_READER_H

#include "replay/trace.h"

enum {
    TRACE_LINE_MAX = 8192, /* bytes of a line; what the format knows takes half of it */
    TRACE_ERROR_SIZE = 256,
};

/* Zero-initialised it stands before the first line. */
struct trace_reader {
    uint64_t line; /* the number of the one that was read last */
    uint64_t time_ns;
    char error
        [TRACE_ERROR_SIZE]; /* what is wrong with it and what was expected; may hold what a stranger wrote */
    uint8_t raw[TRACE_RAW_MAX];
};

enum { TRACE_BLANK = 1 }; /* a line without anything but white space */

/* Reads the next line, without its newline; its text is changed. 0 and the event, which borrows from the reader;
 * TRACE_BLANK; or BLEPROXY_E_INVALID, and error says why. */
int trace_reader_next(struct trace_reader *reader, char *text, size_t size, struct trace_event *ret_event);

#endif
