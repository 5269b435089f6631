/* SPDX-License-Identifier: MIT */
#include "config/spelling.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t spelling_distance(const char *a, const char *b)
{
    size_t m = strlen(a), n = strlen(b);
    size_t cost[SPELLING_MAX + 1]
               [SPELLING_MAX + 1]; /* [i][j]: of turning the first i of a into the first j of b */
    if (m > SPELLING_MAX || n > SPELLING_MAX)
        return SIZE_MAX;
    for (size_t i = 0; i <= m; i++) {
        for (size_t j = 0; j <= n; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            size_t best = cost[i - 1][j - 1] + !same(a[i - 1], b[j - 1]);
            best = smaller(best, smaller(cost[i - 1][j], cost[i][j - 1]) + 1);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                best = smaller(best, cost[i - 2][j - 2] + 1);
            cost[i][j] = best;
        }
    }
    return cost[m][n];
}

void spelling_seek(struct spelling *spelling, const char *word)
{
    *spelling = (struct spelling){.word = word, .limit = strlen(word) < 5 ? 2 : 3};
}

bool spelling_try(struct spelling *spelling, const char *candidate)
{
    size_t length = strlen(spelling->word), distance = spelling_distance(spelling->word, candidate);
    if (length >= 2 && strncasecmp(spelling->word, candidate, length) == 0 && candidate[length] != '\0')
        distance = 1;
    if (distance >= spelling->limit)
        return false;
    spelling->limit = distance;
    spelling->nearest = candidate;
    return true;
}
