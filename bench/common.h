/* SPDX-License-Identifier: MIT */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <sys/resource.h>
#include <time.h>

/* What the clients share. */

/* What the process has used since a moment. */
struct meter {
    struct rusage usage;
    struct timespec wall;
};

void meter_start(struct meter *meter);
/* A line {"part","operations","user","sys","wall"} on standard output, in seconds. */
void meter_print(const struct meter *meter, const char *part, long operations);

double seconds(struct timeval now, struct timeval then);

/* The key in a file. Static storage; ends the program when there is none. */
const char *read_key(const char *path);

#endif
