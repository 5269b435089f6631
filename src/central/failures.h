/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_FAILURES_H
#define CENTRAL_FAILURES_H

#include "base/env.h"
#include "base/list.h"
#include "base/map.h"
#include "base/time.h"

/* Attempts that failed, by proxy and device; they outlive the connect that made them. Each weighs FAILURE_DB, all
 * together at most FAILURES_DB_MAX, and so many decibels are forgiven in a minute; a success forgives all. The pairs
 * that failed last are remembered. */
enum { FAILURE_DB = 10, FAILURES_DB_MAX = 40, FAILURES_FORGIVEN_DB = 5, FAILURES_MAX = 256 };

struct failures {
    const struct env *env;
    struct list entries;   /* the one that failed last at the end */
    struct map by_address; /* the first of each device */
    size_t n;
};

void failures_init(struct failures *failures, const struct env *env);
/* Idempotent. */
void failures_deinit(struct failures *failures);
/* One more. since_ns: earlier ones are no longer counted. Out of memory it is not remembered. */
void failures_add(struct failures *failures, uint64_t source, uint64_t address, uint64_t since_ns,
                  uint64_t now_ns);
void failures_clear(struct failures *failures, uint64_t source, uint64_t address);
/* What they weigh by now. */
double failures_db(const struct failures *failures, uint64_t source, uint64_t address, uint64_t now_ns);
/* How many there were since then, forgiven or not. */
unsigned failures_count(const struct failures *failures, uint64_t source, uint64_t address,
                        uint64_t since_ns);

#endif
