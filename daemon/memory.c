/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <bleproxy/advertisement.h>
#include <bleproxy/names.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char first_line[] = "bleproxyd 1";
enum { LINE_MAX_BYTES = 2048, WORDS_MAX = 6, CHECKSUM_SIZE = 17 };

/* The longest lines, with the space or the newline behind each word: what is written can be read back. */
#define TEXT_WORD_MAX   (3 * (size_t)MEMORY_TEXT_MAX + 1)
#define DEVICE_LINE_MAX (sizeof("device AA:BB:CC:DD:EE:FF 0 trusted,blocked ") - 1 + 2 * TEXT_WORD_MAX)
#define PATH_LINE_MAX   (sizeof("path ") - 1 + MEMORY_PATH_SIZE)
#define OTHER_LINES_MAX                                                                                      \
    (sizeof(first_line) + sizeof("adapter off ") + TEXT_WORD_MAX + sizeof("end ") + CHECKSUM_SIZE)
_Static_assert(DEVICE_LINE_MAX < LINE_MAX_BYTES, "a device's line can be read back");
_Static_assert(MEMORY_DEVICES_MAX *DEVICE_LINE_MAX + MEMORY_PATHS_MAX * PATH_LINE_MAX + OTHER_LINES_MAX <=
                   MEMORY_BYTES_MAX,
               "all of it can be read back");

/* ---- What it holds ---- */

void memory_deinit(struct memory *memory)
{
    for (size_t i = 0; i < memory->n_devices; i++) {
        free(memory->devices[i].name);
        free(memory->devices[i].alias);
    }
    free(memory->devices);
    free(memory->paths);
    free(memory->adapter_alias);
    *memory = (struct memory){0};
}

/* Room for one more; arrays grow by halves of themselves, and by 16. NULL: no memory. */
static void *grow(void *array, size_t n, size_t size)
{
    bool is_full = n == 0 || (n >= 16 && (n & (n - 1)) == 0);
    size_t capacity = n < 16 ? 16 : 2 * n;
    return is_full ? realloc(array, capacity * size) : array;
}

static int copy_text(const char *text, char **ret_copy)
{
    *ret_copy = text ? strdup(text) : NULL;
    return text && !*ret_copy ? -ENOMEM : 0;
}

int memory_add_device(struct memory *memory, const struct memory_device *device)
{
    struct memory_device copy = *device;
    if (memory->n_devices == MEMORY_DEVICES_MAX)
        return 0;
    struct memory_device *devices = grow(memory->devices, memory->n_devices, sizeof(*devices));
    if (!devices)
        return -ENOMEM;
    memory->devices = devices;
    int r = copy_text(device->name, &copy.name);
    int r_alias = copy_text(device->alias, &copy.alias);
    if (r < 0 || r_alias < 0) {
        free(copy.name);
        free(copy.alias);
        return -ENOMEM;
    }
    devices[memory->n_devices++] = copy;
    return 0;
}

int memory_add_path(struct memory *memory, const char *path, bool is_connected)
{
    if (memory->n_paths == MEMORY_PATHS_MAX || strlen(path) >= MEMORY_PATH_SIZE)
        return 0;
    struct memory_path *paths = grow(memory->paths, memory->n_paths, sizeof(*paths));
    if (!paths)
        return -ENOMEM;
    memory->paths = paths;
    struct memory_path *added = &paths[memory->n_paths++];
    *added = (struct memory_path){.is_connected = is_connected};
    memcpy(added->text, path, strlen(path));
    return 0;
}

/* ---- Words ---- */

/* FNV-1a of 64 bits: against accidents, not against anybody. */
static void checksum(const char *bytes, size_t size, char text[CHECKSUM_SIZE])
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ (uint8_t)bytes[i]) * UINT64_C(0x100000001b3);
    snprintf(text, CHECKSUM_SIZE, "%016" PRIx64, sum);
}

static bool is_plain(char c)
{
    return (unsigned char)c > ' ' && c != '%' && c != 0x7f;
}

static void write_text(FILE *file, const char *text)
{
    if (!text) {
        putc('-', file);
        return;
    }
    bool is_dash = strcmp(text, "-") == 0;
    for (; *text; text++)
        if (is_plain(*text) && !is_dash)
            putc(*text, file);
        else
            fprintf(file, "%%%02x", (unsigned char)*text);
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* How many bytes the character has, by Unicode's table of well-formed UTF-8; 0: it is none. */
static size_t character_size(const unsigned char *at)
{
    unsigned low = 0x80, high = 0xbf;
    size_t size = at[0] < 0x80                    ? 1
                  : at[0] >= 0xc2 && at[0] < 0xe0 ? 2
                  : at[0] >= 0xe0 && at[0] < 0xf0 ? 3
                  : at[0] >= 0xf0 && at[0] < 0xf5 ? 4
                                                  : 0;
    if (at[0] == 0xe0)
        low = 0xa0;
    else if (at[0] == 0xed)
        high = 0x9f;
    else if (at[0] == 0xf0)
        low = 0x90;
    else if (at[0] == 0xf4)
        high = 0x8f;
    for (size_t i = 1; i < size; i++, low = 0x80, high = 0xbf)
        if (at[i] < low || at[i] > high) /* as the end is */
            return 0;
    return size;
}

static bool is_utf8(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t size = 1;
    for (; *at && size > 0; at += size)
        size = character_size(at);
    return size > 0;
}

/* 0; -EINVAL; -ENOMEM. "-" is NULL. */
static int read_text(const char *word, char **ret_text)
{
    char text[MEMORY_TEXT_MAX + 1];
    size_t n = 0;
    *ret_text = NULL;
    if (strcmp(word, "-") == 0)
        return 0;
    for (; *word; word++) {
        int c = (unsigned char)*word;
        if (c == '%') {
            int high = digit_of(word[1]), low = high < 0 ? -1 : digit_of(word[2]);
            c = low < 0 ? 0 : high << 4 | low;
            word += low < 0 ? 0 : 2;
        }
        if (c == 0 || n == MEMORY_TEXT_MAX)
            return -EINVAL;
        text[n++] = (char)c;
    }
    text[n] = '\0';
    if (n == 0 || !is_utf8(text))
        return -EINVAL;
    return copy_text(text, ret_text);
}

/* ---- Paths ---- */

static bool is_hex(const char *text, size_t n, const char *digits)
{
    return strspn(text, digits) >= n;
}

/* "/service0001": behind it, or NULL. */
static const char *skip_step(const char *path, const char *name)
{
    size_t length = strlen(name);
    if (strncmp(path, name, length) != 0 || !is_hex(path + length, 4, "0123456789abcdef"))
        return NULL;
    return path + length + 4;
}

bool memory_is_path(const char *path)
{
    static const char *const steps[] = {"/service", "/char", "/desc"};
    if (strncmp(path, "dev", 3) != 0)
        return false;
    path += 3;
    for (size_t i = 0; i < 6; i++, path += 3)
        if (path[0] != '_' || !is_hex(path + 1, 2, "0123456789ABCDEF"))
            return false;
    for (size_t i = 0; path && *path && i < sizeof(steps) / sizeof(steps[0]); i++)
        path = skip_step(path, steps[i]);
    return path && !*path;
}

/* ---- Writing ---- */

static void write_device(FILE *file, const struct memory_device *device)
{
    char address[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(device->address, address);
    fprintf(file, "device %s %u %s%s%s%s ", address, device->address_type, device->trusted ? "trusted" : "",
            device->trusted && device->blocked ? "," : "", device->blocked ? "blocked" : "",
            device->trusted || device->blocked ? "" : "-");
    write_text(file, device->name);
    putc(' ', file);
    write_text(file, device->alias);
    putc('\n', file);
}

static void write_all(FILE *file, const struct memory *memory)
{
    fprintf(file, "%s\nadapter %s ", first_line, memory->adapter_is_off ? "off" : "on");
    write_text(file, memory->adapter_alias);
    putc('\n', file);
    for (size_t i = 0; i < memory->n_devices; i++)
        write_device(file, &memory->devices[i]);
    for (size_t i = 0; i < memory->n_paths; i++)
        fprintf(file, "%s %s\n", memory->paths[i].is_connected ? "link" : "path", memory->paths[i].text);
}

int memory_encode(const struct memory *memory, char **ret_bytes, size_t *ret_size)
{
    char sum[CHECKSUM_SIZE], *bytes = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&bytes, &size);
    if (!file)
        return -ENOMEM;
    write_all(file, memory);
    bool done = fflush(file) == 0;
    if (done) {
        checksum(bytes, size, sum);
        fprintf(file, "end %s\n", sum);
    }
    done = fclose(file) == 0 && done;
    if (!done) {
        free(bytes);
        return -ENOMEM;
    }
    *ret_bytes = bytes;
    *ret_size = size;
    return 0;
}

/* ---- Reading ---- */

static int read_adapter(struct memory *memory, char *const *words, size_t n)
{
    if (n != 3 || memory->adapter_alias || (strcmp(words[1], "on") != 0 && strcmp(words[1], "off") != 0))
        return -EINVAL;
    memory->adapter_is_off = strcmp(words[1], "off") == 0;
    return read_text(words[2], &memory->adapter_alias);
}

static bool read_flags(const char *word, struct memory_device *device)
{
    device->trusted = strncmp(word, "trusted", 7) == 0;
    device->blocked = strcmp(word, "blocked") == 0 || strcmp(word, "trusted,blocked") == 0;
    return device->blocked || strcmp(word, "trusted") == 0 || strcmp(word, "-") == 0;
}

/* The name is as advertisements' names are kept. */
static bool is_name(const char *text)
{
    char clean[MEMORY_TEXT_MAX + 1];
    return !text || (bleproxy_sanitise(clean, sizeof(clean), text, strlen(text)) > 0 && !strcmp(clean, text));
}

static bool is_known(const struct memory *memory, uint64_t address)
{
    for (size_t i = 0; i < memory->n_devices; i++)
        if (memory->devices[i].address == address)
            return true;
    return false;
}

static int read_device(struct memory *memory, char *const *words, size_t n)
{
    struct memory_device device = {0};
    if (n != 6 || bleproxy_address_parse(words[1], &device.address) < 0 || device.address == 0 ||
        strlen(words[2]) != 1 || words[2][0] < '0' || words[2][0] > '3' || !read_flags(words[3], &device) ||
        is_known(memory, device.address))
        return -EINVAL;
    device.address_type = (uint8_t)(words[2][0] - '0');
    int r = read_text(words[4], &device.name);
    if (r == 0)
        r = read_text(words[5], &device.alias);
    if (r == 0 && !is_name(device.name))
        r = -EINVAL;
    if (r == 0)
        r = memory_add_device(memory, &device);
    free(device.name);
    free(device.alias);
    return r;
}

static int read_path(struct memory *memory, char *const *words, size_t n)
{
    bool is_connected = strcmp(words[0], "link") == 0;
    if (n != 2 || !memory_is_path(words[1]) || (is_connected && strchr(words[1], '/')))
        return -EINVAL;
    return memory_add_path(memory, words[1], is_connected);
}

static int read_line(struct memory *memory, char *line)
{
    char *words[WORDS_MAX + 1], *rest = line;
    size_t n = 0;
    while (rest && n <= WORDS_MAX)
        words[n++] = strsep(&rest, " ");
    if (rest || n > WORDS_MAX)
        return -EINVAL;
    if (strcmp(words[0], "adapter") == 0)
        return read_adapter(memory, words, n);
    if (strcmp(words[0], "device") == 0)
        return read_device(memory, words, n);
    if (strcmp(words[0], "path") == 0 || strcmp(words[0], "link") == 0)
        return read_path(memory, words, n);
    return -EINVAL;
}

/* The line at *at, without its end; *at is behind it. False: it is too long, or has none. */
static bool take_line(const char **at, const char *end, char line[LINE_MAX_BYTES])
{
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    size_t size = newline ? (size_t)(newline - *at) : LINE_MAX_BYTES;
    if (size >= LINE_MAX_BYTES || memchr(*at, '\0', size))
        return false;
    memcpy(line, *at, size);
    line[size] = '\0';
    *at = newline + 1;
    return true;
}

/* Up to the line of the checksum. */
static int read_lines(struct memory *memory, const char *at, const char *end)
{
    char line[LINE_MAX_BYTES];
    int r = take_line(&at, end, line) && strcmp(line, first_line) == 0 ? 0 : -EINVAL;
    while (r == 0 && at < end)
        r = take_line(&at, end, line) ? read_line(memory, line) : -EINVAL;
    return r;
}

int memory_decode(struct memory *memory, const char *bytes, size_t size)
{
    char sum[CHECKSUM_SIZE], last[4 + CHECKSUM_SIZE + 1];
    const size_t last_size = sizeof(last) - 1; /* "end ", the digits, a newline */
    if (size < last_size || size > MEMORY_BYTES_MAX)
        return -EINVAL;
    checksum(bytes, size - last_size, sum);
    snprintf(last, sizeof(last), "end %s\n", sum);
    if (memcmp(bytes + size - last_size, last, last_size) != 0)
        return -EINVAL;
    int r = read_lines(memory, bytes, bytes + size - last_size);
    if (r < 0)
        memory_deinit(memory);
    return r;
}
