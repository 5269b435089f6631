/* SPDX-License-Identifier: MIT */
#include "config/import.h"

#include "names/sanitise.h"
#include <bleproxy/error.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
};

/* The files are one behind the other, with a NUL between them: first the configuration, then secrets.yaml and each that is
 * included, by the length of its name. */
static int read_part(void *user, const char *path, char **ret_text, size_t *ret_size)
{
    const struct input *input = user;
    size_t number = strcmp(path, "main") == 0           ? 0
                    : strcmp(path, "secrets.yaml") == 0 ? 1
                                                        : 1 + strlen(path) % 7;
    const uint8_t *start = input->data, *end = input->data + input->size, *next;
    for (; number > 0; number--) {
        next = start < end ? memchr(start, 0, (size_t)(end - start)) : NULL;
        if (!next)
            return BLEPROXY_E_NOT_FOUND;
        start = next + 1;
    }
    next = start < end ? memchr(start, 0, (size_t)(end - start)) : NULL;
    size_t size = (size_t)((next ? next : end) - start);
    char *text = malloc(size + 1);
    if (!text)
        return BLEPROXY_E_NOMEM;
    if (size > 0)
        memcpy(text, start, size);
    text[size] = '\0';
    *ret_text = text;
    *ret_size = size;
    return 0;
}

/* An ESPHome configuration and what it includes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct import_ops ops = {.read = read_part};
    struct input input = {data, size};
    struct import import;
    struct config_error error = {0};
    int r = import_read("main", NULL, &ops, &input, &import, &error);
    if (r == BLEPROXY_E_INVALID) {
        size_t length = strnlen(error.text, sizeof(error.text));
        if (length == 0 || length == sizeof(error.text) || !sanitise_keeps(error.text, length))
            abort();
    }
    if (r < 0)
        return 0;
    if (!import.name[0] || !import.address[0] || import.port > UINT16_MAX ||
        !sanitise_keeps(import.name, strlen(import.name)) ||
        !sanitise_keeps(import.address, strlen(import.address)))
        abort();
    if (import.key && strlen(import.key) != 44)
        abort();
    import_deinit(&import);
    return 0;
}
