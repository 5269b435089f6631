/* SPDX-License-Identifier: MIT */
#include "config/psk.h"

#include "config/config.h"
#include "config/file.h"
#include <bleproxy/error.h>
#include <errno.h>
#include <stdio.h>
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

/* ---- What systemd hands over ---- */

static const char *credentials(void)
{
    return getenv("CREDENTIALS_DIRECTORY");
}

bool psk_is_handed_over(void)
{
    return credentials() != NULL;
}

/* To be freed; NULL: out of memory. */
static char *credential_path(const char *path)
{
    const char *slash = strrchr(path, '/'), *start = slash ? slash : path;
    while (start > path && start[-1] != '/')
        start--;
    char *credential;
    int n = slash ? asprintf(&credential, "%s/%.*s_%s", credentials(), (int)(slash - start), start, slash + 1)
                  : asprintf(&credential, "%s/%s", credentials(), path);
    return n < 0 ? NULL : credential;
}

int psk_read(const char *path, char **ret_psk)
{
    int r = config_read_psk_file(path, ret_psk), why = errno;
    if (!psk_is_handed_over() || (r != BLEPROXY_E_NOT_FOUND && r != BLEPROXY_E_IO))
        return r;
    char *credential = credential_path(path);
    if (!credential)
        return BLEPROXY_E_NOMEM;
    int handed = config_read_psk_file(credential, ret_psk);
    free(credential);
    errno = why;
    return handed == BLEPROXY_E_NOT_FOUND || handed == BLEPROXY_E_IO ? r : handed;
}
