/* SPDX-License-Identifier: MIT */
#ifndef CLI_SPARKLINE_H
#define CLI_SPARKLINE_H

#include <stdint.h>

/* How a number went of late, in bars: ▂▄▆█. */
enum {
    SPARKLINE_BARS = 30,
    SPARKLINE_TEXT_SIZE = 3 * SPARKLINE_BARS + 1,
};
struct sparkline {
    uint32_t values[SPARKLINE_BARS]; /* the newest is last */
    unsigned n_values;
};

/* The oldest goes when there are SPARKLINE_BARS already. */
void sparkline_add(struct sparkline *sparkline, uint32_t value);
/* Of all that it holds: the full height of a bar. 0 when it holds none. */
uint32_t sparkline_max(const struct sparkline *sparkline);
/* The newest bars, n_bars at most, the newest at the right end. A value of 0 is a dot; what is not known yet is blank. */
void sparkline_format(const struct sparkline *sparkline, unsigned n_bars, char text[SPARKLINE_TEXT_SIZE]);

#endif
