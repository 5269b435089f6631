/* SPDX-License-Identifier: MIT */
#ifndef REPLAY_LINE_H
#define REPLAY_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text that grows in the caller's memory. What does not fit is left out as a whole, and all that follows. */
struct line {
    char *start, *at, *end;
    bool full;
};

/* capacity > 0 counts the NUL that line_end() puts behind the text, whose size without it that returns. */
void line_init(struct line *line, char *memory, size_t capacity);
size_t line_end(struct line *line);
void line_add(struct line *line, const char *bytes, size_t size);
#define line_add_literal(line, literal) line_add((line), (literal), sizeof(literal) - 1)
void line_add_number(struct line *line, int64_t number);
/* Lower case. */
void line_add_hex(struct line *line, const uint8_t *bytes, size_t size);
/* As a JSON string, each quoted; the second holds UTF-8, of which only ASCII is written as it is. */
void line_add_address(struct line *line, uint64_t address);
void line_add_string(struct line *line, const char *utf8, size_t size);

#endif
