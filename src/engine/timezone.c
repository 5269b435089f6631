/* SPDX-License-Identifier: MIT */
#include "engine/timezone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A TZif file of version 2 and later ends in "\n<POSIX TZ>\n" (RFC 8536 section 3.3). */
static void timezone_read_file(const char *path, char zone[static TIMEZONE_SIZE])
{
    char tail[128];
    FILE *file = fopen(path, "rbe");
    if (!file)
        return;
    size_t n = 0;
    if (fseek(file, -(long)sizeof(tail), SEEK_END) == 0 || fseek(file, 0, SEEK_SET) == 0)
        n = fread(tail, 1, sizeof(tail), file);
    fclose(file);
    if (n < 2 || tail[n - 1] != '\n')
        return;
    const char *start = memrchr(tail, '\n', n - 1);
    size_t size = start ? (size_t)(tail + n - 1 - (start + 1)) : 0;
    if (start && size < TIMEZONE_SIZE) {
        memcpy(zone, start + 1, size);
        zone[size] = '\0';
    }
}

void timezone_read(char zone[static TIMEZONE_SIZE])
{
    const char *tz = getenv("TZ");
    char path[256];
    zone[0] = '\0';
    if (!tz) {
        timezone_read_file("/etc/localtime", zone);
        return;
    }
    if (*tz == ':')
        tz++;
    /* "Europe/Vienna" names a file, "CET-1CEST,M3.5.0,M10.5.0/3" is a rule itself: a rule has a digit. */
    if (*tz == '\0') {
        strcpy(zone, "UTC0");
    } else if (*tz == '/') {
        timezone_read_file(tz, zone);
    } else if (!strpbrk(tz, "0123456789") || strncmp(tz, "Etc/", 4) == 0) {
        snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", tz);
        timezone_read_file(path, zone);
    } else if (strlen(tz) < TIMEZONE_SIZE) {
        strcpy(zone, tz);
    }
}
