/* SPDX-License-Identifier: MIT */
#include "key_file.h"

#include "cli.h"
#include "config/config.h"
#include "config/file.h"
#include "log.h"
#include <bleproxy/error.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Beside a configuration, where it is; the service's has it. */
static const char keys[] = "keys/";

static int directory_length(const char *config_path)
{
    const char *slash = strrchr(config_path, '/');
    return slash ? (int)(slash + 1 - config_path) : 0;
}

static int make_path(const char *config_path, const char *below, const char *name, char *path, size_t size)
{
    int directory = directory_length(config_path);
    int n = snprintf(path, size, "%.*s%s%s.key", directory, config_path, below, name);
    if (n < 0 || (size_t)n >= size) {
        log_say("the name of the key file would be too long: give one with --key-file");
        return CLI_USAGE;
    }
    char *start = path + directory + strlen(below);
    for (char *c = start; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
            *c = '_';
    if (*start == '.')
        *start = '_';
    return CLI_DONE;
}

int key_file_path(const char *config_path, const char *name, char *path, size_t size)
{
    int r = make_path(config_path, "", name, path, size);
    struct stat status;
    if (r != CLI_DONE || lstat(path, &status) == 0)
        return r;
    snprintf(path, size, "%.*s%s", directory_length(config_path), config_path, keys);
    bool apart = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    return make_path(config_path, apart ? keys : "", name, path, size);
}

char *key_file_reference(const char *config_path, const char *path)
{
    size_t directory = (size_t)directory_length(config_path);
    if (strncmp(config_path, path, directory) == 0) {
        const char *name = path + directory, *slash = strchr(name, '/');
        if (!slash || (strncmp(name, keys, strlen(keys)) == 0 && !strchr(slash + 1, '/')))
            return strdup(name);
    }
    char *real = realpath(path, NULL);
    return real ? real : strdup(path);
}

int key_file_read(const char *path, char ret_key[BLEPROXY_KEY_TEXT_SIZE])
{
    char *key;
    int r = config_read_psk_file(path, &key);
    if (r == BLEPROXY_E_NOT_FOUND)
        return CLI_NOT_FOUND;
    if (r == 0) {
        r = bleproxy_key_check(key);
        snprintf(ret_key, BLEPROXY_KEY_TEXT_SIZE, "%s", key);
        file_free(key, strlen(key));
    }
    if (r == 0)
        return CLI_DONE;
    if (r == BLEPROXY_E_INVALID_KEY)
        log_say(
            "%s is there and holds no key, the base64 of 32 bytes that are not all zero; it is left as it is",
            path);
    else
        log_say("cannot read %s: %s", path, r == BLEPROXY_E_NOMEM ? bleproxy_strerror(r) : strerror(errno));
    return CLI_USAGE;
}

int key_file_write(const char *path, const char *key)
{
    char text[BLEPROXY_KEY_TEXT_SIZE + 1];
    int n = snprintf(text, sizeof(text), "%s\n", key);
    int r = file_create(path, text, (size_t)n), why = errno;
    explicit_bzero(text, sizeof(text));
    if (r == 0)
        return CLI_DONE;
    if (r == BLEPROXY_E_STATE)
        log_say("%s exists already; a key file is never replaced", path);
    else
        log_say("cannot write %s: %s", path, strerror(why));
    return r == BLEPROXY_E_STATE ? CLI_USAGE : CLI_INTERNAL;
}
