/* SPDX-License-Identifier: MIT */
/* What a report costs in the hub, without sockets, frames and sessions around it.
 *
 *   hub [--only NAME]... [--count N] [--repetitions N] [--reference]
 *   hub --memory
 *
 * Runs each scenario (hub_scenarios.c) again and again and prints a line of JSON: {"scenario","unit","iterations",
 * "per_iteration","best_ns","median_ns","changes"}, the times in nanoseconds of CPU for each report, or device where
 * devices are gone through, over iterations (--count; else as many as take 5 ms) in each of the repetitions; changes:
 * callbacks in an iteration, and windows of active scans. Fails when a scenario allocates once it is warm. --reference:
 * decide as habluetooth does. --memory: hub_memory.c. */
#include "hub_scenarios.h"

#include "hub_memory.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WARM_UP = 20, REPETITIONS = 15, REPETITIONS_MAX = 1000, ROUND_NS = 5000000 };

struct options {
    const char *only[64];
    size_t n_only;
    size_t count; /* 0: by time */
    size_t repetitions;
    uint32_t rules;
};

static double cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void iterate(const struct scenario *scenario, struct world *world, size_t count)
{
    for (size_t i = 0; i < count; i++)
        scenario->iterate(world);
}

static double round_ns(const struct scenario *scenario, struct world *world, size_t count)
{
    double start = cpu_ns();
    iterate(scenario, world, count);
    return cpu_ns() - start;
}

static size_t calibrate(const struct scenario *scenario, struct world *world)
{
    for (size_t count = 1;; count *= 2)
        if (round_ns(scenario, world, count) > ROUND_NS)
            return count;
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Returns whether it did not allocate. */
static bool run(const struct scenario *scenario, const struct options *options)
{
    struct world world;
    static double ns[REPETITIONS_MAX];
    world_open(&world, options->rules, scenario->n_scanners);
    scenario->prepare(&world);
    iterate(scenario, &world, WARM_UP);
    size_t per_iteration = scenario->n_devices > 0 ? scenario->n_devices : world.n_reports;
    size_t count = options->count > 0 ? options->count : calibrate(scenario, &world);
    size_t allocations = world.allocations;
    uint64_t changes = world.changes;
    for (size_t i = 0; i < options->repetitions; i++)
        ns[i] = round_ns(scenario, &world, count) / (double)(count * per_iteration);
    allocations = world.allocations - allocations;
    changes = (world.changes - changes) / (count * options->repetitions);
    qsort(ns, options->repetitions, sizeof(ns[0]), compare);
    printf("{\"scenario\":\"%s\",\"unit\":\"%s\",\"iterations\":%zu,\"per_iteration\":%zu,\"best_ns\":%.1f,"
           "\"median_ns\":%.1f,\"changes\":%llu}\n",
           scenario->name, scenario->n_devices > 0 ? "device" : "report", count, per_iteration, ns[0],
           ns[options->repetitions / 2], (unsigned long long)changes);
    fflush(stdout);
    world_close(&world);
    bool fine = scenario->allocates || allocations == 0;
    if (!fine)
        fprintf(stderr, "hub: %s: %zu allocations in %zu iterations, warm as it was\n", scenario->name,
                allocations, count * options->repetitions);
    return fine;
}

static const struct scenario *find(const char *name)
{
    for (size_t i = 0; i < n_scenarios; i++)
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    fprintf(stderr, "hub: there is no scenario %s\n", name);
    exit(2);
}

static size_t number(const char *text, size_t max)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end || value == 0 || value > max) {
        fprintf(stderr, "hub: %s: a number up to %zu is wanted\n", text, max);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"only", required_argument, NULL, 'o'},
        {"count", required_argument, NULL, 'c'},
        {"repetitions", required_argument, NULL, 'r'},
        {"reference", no_argument, NULL, 'f'},
        {"memory", no_argument, NULL, 'm'},
        {0},
    };
    struct options options = {.repetitions = REPETITIONS};
    bool memory = false, fine = true;
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        switch (option) {
        case 'o':
            if (options.n_only == sizeof(options.only) / sizeof(options.only[0]))
                return 2;
            options.only[options.n_only++] = optarg;
            break;
        case 'c':
            options.count = number(optarg, 1000000000);
            break;
        case 'r':
            options.repetitions = number(optarg, REPETITIONS_MAX);
            break;
        case 'f':
            options.rules = BLEPROXY_RULES_ALL;
            break;
        case 'm':
            memory = true;
            break;
        default:
            return 2;
        }
    }
    if (memory)
        hub_memory_print();
    else if (options.n_only > 0)
        for (size_t i = 0; i < options.n_only; i++)
            fine = run(find(options.only[i]), &options) && fine;
    else
        for (size_t i = 0; i < n_scenarios; i++)
            fine = run(&scenarios[i], &options) && fine;
    return fine ? 0 : 1;
}
