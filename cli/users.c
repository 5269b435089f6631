/* SPDX-License-Identifier: MIT */
#include "users.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>

bool users_find(const char *text, uid_t *ret_uid)
{
    if (text[strspn(text, "0123456789")] == '\0') {
        *ret_uid = (uid_t)strtoul(text, NULL, 10);
        return true;
    }
    const struct passwd *entry = getpwnam(text);
    if (entry)
        *ret_uid = entry->pw_uid;
    return entry != NULL;
}
