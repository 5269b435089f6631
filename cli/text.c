/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

void text_init(void)
{
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
}

/* The bytes and columns of the first character; of at least one byte. */
static size_t first_character(const char *text, unsigned *ret_columns)
{
    wchar_t character;
    mbstate_t state = {0};
    size_t n = mbrtowc(&character, text, strlen(text), &state);
    int columns = 1;
    if (n == 0 || n == (size_t)-1 || n == (size_t)-2)
        n = 1;
    else
        columns = wcwidth(character);
    *ret_columns = columns > 0 ? (unsigned)columns : 0;
    return n;
}

unsigned text_width(const char *text)
{
    unsigned width = 0, columns;
    for (; *text; width += columns)
        text += first_character(text, &columns);
    return width;
}

unsigned text_cut(FILE *out, const char *text, unsigned width)
{
    unsigned taken = 0;
    while (*text) {
        unsigned columns;
        size_t n = first_character(text, &columns);
        if (columns > width - taken)
            break;
        fwrite(text, 1, n, out);
        text += n;
        taken += columns;
    }
    return taken;
}

void text_column(FILE *out, const char *text, unsigned width)
{
    for (unsigned taken = text_cut(out, text, width); taken < width; taken++)
        fputc(' ', out);
}
