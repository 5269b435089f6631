/* SPDX-License-Identifier: MIT */
#include "names/sanitise.h"

#include <bleproxy/names.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte is the capacity, the second the limit of characters, the rest a stranger's text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t capacity = (size_t)data[0] + 1, max_chars = data[1];
    char *out = malloc(capacity), *again = malloc(capacity); /* exactly as large, for the sanitizer to see */
    if (!out || !again)
        abort();
    size_t written = sanitise(out, capacity, data + 2, size - 2, max_chars);
    if (written >= capacity || out[written] != '\0' || strlen(out) != written ||
        !sanitise_keeps(out, written))
        abort();
    if (bleproxy_sanitise(again, capacity, out, written) != written || memcmp(out, again, written) != 0)
        abort();
    free(out);
    free(again);
    return 0;
}
