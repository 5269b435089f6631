/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As large as it can become: each character of a text takes three bytes. */
static void fill(struct memory *memory)
{
    char text[MEMORY_TEXT_MAX + 1], path[MEMORY_PATH_SIZE];
    struct memory_device device = {.trusted = true, .blocked = true, .name = text, .alias = text};
    memset(text, '%', MEMORY_TEXT_MAX);
    text[MEMORY_TEXT_MAX] = '\0';
    memory->adapter_is_off = true;
    memory->adapter_alias = strdup(text);
    for (unsigned i = 0; i < MEMORY_DEVICES_MAX + 1; i++) {
        device.address = 0xC00000000000 + i;
        assert_int_equal(memory_add_device(memory, &device), 0);
    }
    for (unsigned i = 0; i < MEMORY_PATHS_MAX + 1; i++) {
        snprintf(path, sizeof(path), "dev_C0_00_00_00_00_00/service%04x/char%04x/desc%04x", i, i, i);
        assert_int_equal(memory_add_path(memory, path, false), 0);
    }
}

static void the_largest_one_can_be_read_back(void **state)
{
    struct memory memory = {0}, copy = {0};
    char *bytes;
    size_t size;
    (void)state;
    fill(&memory);
    assert_int_equal(memory_encode(&memory, &bytes, &size), 0);
    assert_true(size <= MEMORY_BYTES_MAX);
    assert_int_equal(memory_decode(&copy, bytes, size), 0);
    assert_int_equal(copy.n_devices, MEMORY_DEVICES_MAX);
    assert_int_equal(copy.n_paths, MEMORY_PATHS_MAX);
    assert_string_equal(copy.adapter_alias, memory.adapter_alias);
    for (size_t i = 0; i < copy.n_devices; i++) {
        assert_int_equal(copy.devices[i].address, memory.devices[i].address);
        assert_true(copy.devices[i].trusted && copy.devices[i].blocked);
        assert_string_equal(copy.devices[i].alias, memory.devices[i].alias);
    }
    free(bytes);
    memory_deinit(&memory);
    memory_deinit(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_one_can_be_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
