/* SPDX-License-Identifier: MIT */
/* Two names compared. Byte 0 is the size of the first one, the rest are both. */
#include "fuzz.h"

#include "names/casefold.h"
#include "names/utf8.h"

/* The text folded as a whole, one number for each character or byte that is none; the caller frees it. */
static uint32_t *fold(const uint8_t *text, size_t size, size_t *ret_n)
{
    uint32_t *folded = malloc((size * CASEFOLD_MAX + 1) * sizeof(*folded));
    size_t n = 0;
    FUZZ_CHECK(folded);
    while (size > 0) {
        uint32_t character;
        size_t length = utf8_decode(text, size, &character);
        FUZZ_CHECK(length <= size);
        if (length == 0)
            folded[n++] = 0x80000000u + text[0];
        else
            n += casefold_character(character, folded + n);
        text += length > 0 ? length : 1;
        size -= length > 0 ? length : 1;
    }
    *ret_n = n;
    return folded;
}

/* A copy exactly as large, for the sanitizer to see. */
static uint8_t *copy(const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);
    FUZZ_CHECK(exact);
    memcpy(exact, bytes, size);
    return exact;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t a_size = data[0] < size - 1 ? data[0] : size - 1, b_size = size - 1 - a_size, n_a, n_b;
    uint8_t *a = copy(data + 1, a_size), *b = copy(data + 1 + a_size, b_size);
    uint32_t *a_folded = fold(a, a_size, &n_a), *b_folded = fold(b, b_size, &n_b);
    bool alike = memcmp(a_folded, b_folded, (n_a < n_b ? n_a : n_b) * sizeof(*a_folded)) == 0;
    FUZZ_CHECK(casefold_starts_with(a, a_size, b, b_size) == (alike && n_b <= n_a));
    FUZZ_CHECK(casefold_starts_with(b, b_size, a, a_size) == (alike && n_a <= n_b));
    FUZZ_CHECK(casefold_starts_with(a, a_size, a, a_size) && casefold_starts_with(a, a_size, NULL, 0));
    free(a);
    free(b);
    free(a_folded);
    free(b_folded);
    return 0;
}
