/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define ENTRY_SEPARATOR ", "
enum { WORD_SIZE = 256 };

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

unsigned text_fit(const char *text, unsigned width, size_t *ret_size)
{
    unsigned taken = 0;
    size_t size = 0;
    while (text[size]) {
        unsigned columns;
        size_t n = first_character(text + size, &columns);
        if (columns > width - taken)
            break;
        size += n;
        taken += columns;
    }
    if (ret_size)
        *ret_size = size;
    return taken;
}

const char *text_tail(const char *text, unsigned width)
{
    unsigned columns;
    for (unsigned left = text_width(text); left > width; left -= columns)
        text += first_character(text, &columns);
    return text;
}

static size_t count_entries(const char *list)
{
    size_t n = *list != '\0';
    for (; (list = strstr(list, ENTRY_SEPARATOR)); list += strlen(ENTRY_SEPARATOR))
        n++;
    return n;
}

/* The first bytes of list, which are whole entries, and how many are not among them. */
static char *shorten(const char *list, size_t size, size_t n_left)
{
    char *text;
    const char *separator = size > 0 ? ENTRY_SEPARATOR : "";
    int r = n_left > 0 ? asprintf(&text, "%.*s%s+%zu", (int)size, list, separator, n_left)
                       : asprintf(&text, "%s", list);
    return r < 0 ? NULL : text;
}

char *text_entries(const char *list, unsigned width)
{
    size_t n = count_entries(list), size = strlen(list);
    char *text = shorten(list, size, 0);
    for (size_t n_left = 1; text && text_width(text) > width && n_left <= n; n_left++) {
        free(text);
        while (size > 0 && strncmp(list + size, ENTRY_SEPARATOR, strlen(ENTRY_SEPARATOR)) != 0)
            size--;
        text = shorten(list, size, size > 0 ? n_left : n);
        size -= size > 0;
    }
    if (text && text_width(text) > width)
        text[0] = '\0';
    return text;
}

unsigned text_cut(FILE *out, const char *text, unsigned width)
{
    size_t size;
    unsigned taken = text_fit(text, width, &size);
    fwrite(text, 1, size, out);
    return taken;
}

size_t text_line(const char *text, unsigned width)
{
    size_t size, end;
    unsigned columns;
    text_fit(text, width, &size);
    if (!text[size])
        return size;
    for (end = size; end > 0 && text[end] != ' ';)
        end--;
    if (end > 0)
        return end;
    return size > 0 ? size : first_character(text, &columns);
}

void text_wrap(FILE *out, const char *text, unsigned width)
{
    unsigned taken = 0;
    while (*text) {
        char word[WORD_SIZE];
        size_t size = strcspn(text, " ");
        size_t kept = size < sizeof(word) ? size : sizeof(word) - 1;
        memcpy(word, text, kept);
        word[kept] = '\0';
        unsigned own = text_width(word);
        bool fits = width == 0 || taken + own < width;
        fprintf(out, "%s%s", taken == 0 ? "" : fits ? " " : "\n", word);
        taken = fits && taken > 0 ? taken + 1 + own : own;
        text += kept + (text[kept] == ' ');
    }
    fputc('\n', out);
}

void text_column(FILE *out, const char *text, unsigned width)
{
    for (unsigned taken = text_cut(out, text, width); taken < width; taken++)
        fputc(' ', out);
}
