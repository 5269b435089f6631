/* SPDX-License-Identifier: MIT */
#include "names/casefold.h"

#include "names/utf8.h"

/* Where bytes that are not UTF-8 go: among the surrogates, which UTF-8 does not have. */
enum { NOT_UTF8 = 0xdc00 };

static const struct fold {
    uint32_t first;
    uint8_t span; /* to the last one */
    uint8_t step;
    uint16_t distance;      /* to what each becomes, modulo 2^16: all stay in their plane */
    uint16_t second, third; /* follow that, unless 0 */
} folds[] = {
#define FOLD(first, last, step, to) FOLD_FULL(first, last, step, to, 0, 0)
#define FOLD_FULL(first, last, step, to, second, third)                                                      \
    {first, (last) - (first), step, (uint16_t)((to) - (first)), second, third},
#include "names/casefold.inc"
#undef FOLD
#undef FOLD_FULL
};

enum { N_FOLDS = sizeof(folds) / sizeof(folds[0]) };

static const struct fold *fold_find(uint32_t character)
{
    size_t first = 0, end = N_FOLDS;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (folds[middle].first + folds[middle].span < character)
            first = middle + 1;
        else
            end = middle;
    }
    if (first == N_FOLDS || character < folds[first].first)
        return NULL;
    return (character - folds[first].first) % folds[first].step == 0 ? &folds[first] : NULL;
}

size_t casefold_character(uint32_t character, uint32_t ret_folded[CASEFOLD_MAX])
{
    ret_folded[0] = character;
    if (character < 0x80) {
        if (character >= 'A' && character <= 'Z')
            ret_folded[0] = character - 'A' + 'a';
        return 1;
    }
    const struct fold *fold = fold_find(character);
    if (!fold)
        return 1;
    ret_folded[0] = (character & ~0xffffu) | ((character + fold->distance) & 0xffff);
    ret_folded[1] = fold->second;
    ret_folded[2] = fold->third;
    return fold->third ? 3 : fold->second ? 2 : 1;
}

/* A text's characters, folded, one by one. */
struct cursor {
    const uint8_t *text;
    size_t size;
    uint32_t folded[CASEFOLD_MAX];
    size_t at, n;
};

/* Whether there was another one. */
static bool cursor_next(struct cursor *cursor, uint32_t *ret_character)
{
    if (cursor->at == cursor->n) {
        if (cursor->size == 0)
            return false;
        uint32_t character;
        size_t length = utf8_decode(cursor->text, cursor->size, &character);
        if (length == 0) {
            character = NOT_UTF8 + cursor->text[0];
            length = 1;
        }
        cursor->text += length;
        cursor->size -= length;
        cursor->n = casefold_character(character, cursor->folded);
        cursor->at = 0;
    }
    *ret_character = cursor->folded[cursor->at++];
    return true;
}

bool casefold_starts_with(const void *text, size_t size, const void *prefix, size_t prefix_size)
{
    struct cursor all = {.text = text, .size = size}, start = {.text = prefix, .size = prefix_size};
    uint32_t character, wanted;
    while (cursor_next(&start, &wanted))
        if (!cursor_next(&all, &character) || character != wanted)
            return false;
    return true;
}
