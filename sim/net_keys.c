/* SPDX-License-Identifier: MIT */
#include "sim/net_keys.h"

#include <bleproxy/error.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_TEXT_SIZE = 45 };

/* The whole file as a string to be freed; "" when there is none. */
static int keys_read(const char *path, char **ret_text)
{
    FILE *file = fopen(path, "re");
    if (!file && errno != ENOENT)
        return BLEPROXY_E_IO;
    char *text = malloc(NET_KEYS_SIZE_MAX + 2);
    if (!text) {
        if (file)
            fclose(file);
        return BLEPROXY_E_NOMEM;
    }
    size_t size = file ? fread(text, 1, NET_KEYS_SIZE_MAX + 1, file) : 0;
    int r = file && ferror(file) ? BLEPROXY_E_IO : size > NET_KEYS_SIZE_MAX ? BLEPROXY_E_LIMIT : 0;
    if (file)
        fclose(file);
    text[size] = '\0';
    if (r == 0)
        *ret_text = text;
    else
        free(text);
    return r;
}

static void keys_free(char *text)
{
    sodium_memzero(text, strlen(text));
    free(text);
}

static const char *line_end(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end : line + strlen(line);
}

/* Names may hold blanks, keys do not. */
static bool is_line_of(const char *line, const char *name)
{
    size_t size = strlen(name);
    return strncmp(line, name, size) == 0 &&
           memrchr(line, ' ', (size_t)(line_end(line) - line)) == line + size;
}

int net_keys_load(const char *path, const char *name, uint8_t ret_psk[HANDSHAKE_PSK_SIZE])
{
    char *text, key[KEY_TEXT_SIZE];
    int r = keys_read(path, &text);
    if (r < 0)
        return r;
    r = 1;
    for (const char *line = text; *line && r == 1;) {
        const char *end = line_end(line);
        if (is_line_of(line, name)) {
            snprintf(key, sizeof(key), "%.*s", (int)(end - line - (long)strlen(name) - 1),
                     line + strlen(name) + 1);
            r = handshake_psk_decode(key, ret_psk);
        }
        line = *end ? end + 1 : end;
    }
    sodium_memzero(key, sizeof(key));
    keys_free(text);
    return r;
}

static void keys_write(FILE *file, const char *text, const char *name, const uint8_t *psk)
{
    for (const char *line = text; *line;) {
        const char *end = line_end(line);
        if (end > line && !is_line_of(line, name))
            fprintf(file, "%.*s\n", (int)(end - line), line);
        line = *end ? end + 1 : end;
    }
    if (!psk)
        return;
    char key[KEY_TEXT_SIZE];
    sodium_bin2base64(key, sizeof(key), psk, HANDSHAKE_PSK_SIZE, sodium_base64_VARIANT_ORIGINAL);
    fprintf(file, "%s %s\n", name, key);
    sodium_memzero(key, sizeof(key));
}

int net_keys_save(const char *path, const char *name, const uint8_t *psk)
{
    char *text, temporary[PATH_MAX];
    int size = snprintf(temporary, sizeof(temporary), "%s.new", path);
    if (size < 0 || (size_t)size >= sizeof(temporary)) {
        errno = ENAMETOOLONG;
        return BLEPROXY_E_IO;
    }
    int r = keys_read(path, &text);
    if (r < 0)
        return r;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool ok = file != NULL;
    if (ok) {
        keys_write(file, text, name, psk);
        ok = fflush(file) == 0 && !ferror(file) && fsync(fd) == 0;
        ok = fclose(file) == 0 && ok && rename(temporary, path) == 0;
    } else if (fd >= 0) {
        close(fd);
    }
    keys_free(text);
    if (ok)
        return 0;
    int error = errno;
    unlink(temporary);
    errno = error;
    return BLEPROXY_E_IO;
}
