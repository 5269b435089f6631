/* SPDX-License-Identifier: MIT */
#include "config/psk.h"

#include "config/config.h"
#include "config/file.h"
#include <bleproxy/error.h>
#include <stdlib.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool psk_valid(const char *text)
{
    static const char last[] = "AEIMQUYcgkosw048"; /* 43 digits hold 258 bits: the last two of them are 0 */
    return strlen(text) == PSK_TEXT_LENGTH && strspn(text, alphabet) == PSK_TEXT_LENGTH - 1 &&
           strchr(last, text[PSK_TEXT_LENGTH - 2]) && text[PSK_TEXT_LENGTH - 1] == '=';
}

const char *psk_find(const char *text)
{
    size_t digits = 0;
    for (const char *c = text; *c; c++) {
        if (*c == '=' && digits >= PSK_TEXT_LENGTH - 1)
            return c + 1 - PSK_TEXT_LENGTH;
        digits = strchr(alphabet, *c) ? digits + 1 : 0;
    }
    return NULL;
}

void psk_hide(char *text)
{
    const char *key;
    while ((key = psk_find(text)))
        memset(text + (key - text), '*', PSK_TEXT_LENGTH);
}

int config_read_psk_file(const char *path, char **ret_psk)
{
    static const char white_space[] = " \t\r\n";
    char *text;
    size_t size;
    int r = file_read(path, PSK_FILE_MAX, &text, &size);
    if (r < 0)
        return r == BLEPROXY_E_LIMIT ? BLEPROXY_E_INVALID_KEY : r;
    const char *start = text + strspn(text, white_space);
    size_t length = strcspn(start, white_space);
    const char *rest = start + length;
    rest += strspn(rest, white_space);
    char *psk = strndup(start, length);
    bool whole = rest == text + size; /* not so if more words follow, or a NUL */
    file_free(text, size);
    if (!psk)
        return BLEPROXY_E_NOMEM;
    if (!whole || !psk_valid(psk)) {
        file_free(psk, length);
        return BLEPROXY_E_INVALID_KEY;
    }
    *ret_psk = psk;
    return 0;
}
