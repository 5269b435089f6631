/* SPDX-License-Identifier: MIT */
/* What the daemon has kept of itself, from a file: byte 0 says how the rest is to be read. 0: as the whole file. 1: as its
 * lines, to which the checksum is added. */
#include "fuzz.h"

#include "daemon/memory.h"

#include <inttypes.h>
#include <stdio.h>

static void check(const struct memory *memory)
{
    FUZZ_CHECK(memory->n_devices <= MEMORY_DEVICES_MAX && memory->n_paths <= MEMORY_PATHS_MAX);
    for (size_t i = 0; i < memory->n_devices; i++) {
        const struct memory_device *device = &memory->devices[i];
        FUZZ_CHECK(device->address != 0 && device->address >> 48 == 0 && device->address_type < 4);
        FUZZ_CHECK(!device->name || strlen(device->name) <= MEMORY_TEXT_MAX);
        FUZZ_CHECK(!device->alias || strlen(device->alias) <= MEMORY_TEXT_MAX);
    }
    for (size_t i = 0; i < memory->n_paths; i++)
        FUZZ_CHECK(memory_is_path(memory->paths[i].text));
}

/* What was decoded is encoded, and that decodes to the same. */
static void check_round_trip(const struct memory *memory)
{
    struct memory again = {0};
    char *first, *second;
    size_t first_size, second_size;
    FUZZ_CHECK(memory_encode(memory, &first, &first_size) == 0);
    FUZZ_CHECK(memory_decode(&again, first, first_size) == 0);
    FUZZ_CHECK(memory_encode(&again, &second, &second_size) == 0);
    FUZZ_CHECK(first_size == second_size && memcmp(first, second, first_size) == 0);
    memory_deinit(&again);
    free(first);
    free(second);
}

static void fuzz_file(const char *bytes, size_t size)
{
    struct memory memory = {0};
    if (memory_decode(&memory, bytes, size) == 0) {
        check(&memory);
        check_round_trip(&memory);
    } else {
        FUZZ_CHECK(memory.n_devices == 0 && memory.n_paths == 0 && !memory.adapter_alias);
    }
    memory_deinit(&memory);
}

static void fuzz_lines(const char *lines, size_t size)
{
    char *file = malloc(size + 32);
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    FUZZ_CHECK(file);
    memcpy(file, lines, size);
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ (uint8_t)lines[i]) * UINT64_C(0x100000001b3);
    int n = snprintf(file + size, 32, "end %016" PRIx64 "\n", sum);
    fuzz_file(file, size + (size_t)n);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 2 == 0)
        fuzz_file((const char *)data + 1, size - 1);
    else
        fuzz_lines((const char *)data + 1, size - 1);
    return 0;
}
