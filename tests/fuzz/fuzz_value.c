/* SPDX-License-Identifier: MIT */
/* A value of a characteristic as text. Bytes 0 and 1 are the UUID within 0x2a00 to 0x2bff, byte 2 the capacity, the rest
 * the value. */
#include "fuzz.h"

#include "names/sanitise.h"
#include <bleproxy/names.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    struct bleproxy_uuid uuid = {2, {(uint8_t)(0x2a | (data[0] & 1)), data[1]}};
    size_t capacity = (size_t)data[2] + 1;
    char *out = malloc(capacity), all[4096]; /* exactly as large, for the sanitizer to see */
    FUZZ_CHECK(out);
    size_t whole = bleproxy_value_format(&uuid, data + 3, size - 3, all, sizeof(all));
    size_t written = bleproxy_value_format(&uuid, data + 3, size - 3, out, capacity);
    FUZZ_CHECK(whole < sizeof(all) && strlen(all) == whole && sanitise_keeps(all, whole));
    FUZZ_CHECK(written < capacity && strlen(out) == written);
    FUZZ_CHECK(written <= whole && memcmp(out, all, written) == 0);
    free(out);
    return 0;
}
