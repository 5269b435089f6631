/* SPDX-License-Identifier: MIT */
#include "sparkline.h"

#include <string.h>

enum { HEIGHTS = 8 };

void sparkline_add(struct sparkline *sparkline, uint32_t value)
{
    if (sparkline->n_values == SPARKLINE_BARS) {
        memmove(sparkline->values, sparkline->values + 1, sizeof(sparkline->values) - sizeof(value));
        sparkline->n_values--;
    }
    sparkline->values[sparkline->n_values++] = value;
}

uint32_t sparkline_max(const struct sparkline *sparkline)
{
    uint32_t max = 0;
    for (unsigned i = 0; i < sparkline->n_values; i++)
        max = sparkline->values[i] > max ? sparkline->values[i] : max;
    return max;
}

/* Whatever is not 0 has a bar. */
static const char *bar(uint32_t value, uint32_t max)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    return value == 0 ? "." : bars[((uint64_t)value * HEIGHTS + max - 1) / max - 1];
}

void sparkline_format(const struct sparkline *sparkline, unsigned n_bars, char text[SPARKLINE_TEXT_SIZE])
{
    uint32_t max = sparkline_max(sparkline);
    unsigned n = n_bars < SPARKLINE_BARS ? n_bars : SPARKLINE_BARS;
    text[0] = '\0';
    for (; n > sparkline->n_values; n--)
        strcat(text, " ");
    for (unsigned i = sparkline->n_values - n; i < sparkline->n_values; i++)
        strcat(text, bar(sparkline->values[i], max));
}
