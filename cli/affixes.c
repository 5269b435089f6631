/* SPDX-License-Identifier: MIT */
#include "affixes.h"

#include <stdbool.h>
#include <string.h>

static bool is_separator(char c)
{
    return c == '-' || c == '_' || c == '.' || c == ' ';
}

static size_t common_begin(const char *const *labels, size_t n)
{
    size_t common = strlen(labels[0]);
    for (size_t i = 1; i < n; i++) {
        size_t same = 0;
        while (same < common && labels[i][same] == labels[0][same])
            same++;
        common = same;
    }
    while (common > 0 && !is_separator(labels[0][common - 1]))
        common--;
    return common;
}

static size_t common_end(const char *const *labels, size_t n)
{
    size_t length = strlen(labels[0]), common = length;
    for (size_t i = 1; i < n; i++) {
        size_t own = strlen(labels[i]), same = 0;
        while (same < common && same < own && labels[i][own - 1 - same] == labels[0][length - 1 - same])
            same++;
        common = same;
    }
    while (common > 0 && !is_separator(labels[0][length - common]))
        common--;
    return common;
}

void affixes_print(FILE *out, const struct affixes *affixes, const char *label)
{
    fwrite(label + affixes->begin, 1, strlen(label) - affixes->begin - affixes->end, out);
}

struct affixes affixes_find(const char *const *labels, size_t n)
{
    struct affixes affixes = {0};
    if (n < 2)
        return affixes;
    affixes = (struct affixes){common_begin(labels, n), common_end(labels, n)};
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(labels[i]);
        if (affixes.begin >= length)
            affixes.begin = 0;
        if (affixes.end >= length - affixes.begin)
            affixes.end = 0;
    }
    return affixes;
}
