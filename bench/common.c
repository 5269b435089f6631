/* SPDX-License-Identifier: MIT */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double seconds(struct timeval now, struct timeval then)
{
    return (double)(now.tv_sec - then.tv_sec) + (double)(now.tv_usec - then.tv_usec) / 1e6;
}

void meter_start(struct meter *meter)
{
    getrusage(RUSAGE_SELF, &meter->usage);
    clock_gettime(CLOCK_MONOTONIC, &meter->wall);
}

void meter_print(const struct meter *meter, const char *part, long operations)
{
    struct meter now;
    meter_start(&now);
    double wall = (double)(now.wall.tv_sec - meter->wall.tv_sec) +
                  (double)(now.wall.tv_nsec - meter->wall.tv_nsec) / 1e9;
    printf("{\"part\":\"%s\",\"operations\":%ld,\"user\":%.6f,\"sys\":%.6f,\"wall\":%.6f}\n", part,
           operations, seconds(now.usage.ru_utime, meter->usage.ru_utime),
           seconds(now.usage.ru_stime, meter->usage.ru_stime), wall);
    fflush(stdout);
}

const char *read_key(const char *path)
{
    static char key[128];
    FILE *file = fopen(path, "r");
    if (!file || !fgets(key, sizeof(key), file)) {
        perror(path);
        exit(2);
    }
    fclose(file);
    key[strcspn(key, "\r\n")] = '\0';
    return key;
}
