/* SPDX-License-Identifier: MIT */
#include "central/failures.h"

struct failure {
    struct list node;
    struct failure *next; /* of the same device */
    uint64_t source, address;
    uint64_t last_ns;
    double db; /* as of then */
    unsigned count;
};

void failures_init(struct failures *failures, const struct env *env)
{
    *failures = (struct failures){.env = env};
    list_init(&failures->entries);
    map_init(&failures->by_address, env);
}

/* Where the one behind it in its device's chain is linked, or NULL: it is the first. */
static struct failure *failure_before(const struct failures *failures, const struct failure *failure)
{
    struct failure *before = map_get(&failures->by_address, failure->address);
    if (before == failure)
        return NULL;
    while (before->next != failure)
        before = before->next;
    return before;
}

static void failure_drop(struct failures *failures, struct failure *failure)
{
    struct failure *before = failure_before(failures, failure);
    if (before)
        before->next = failure->next;
    else if (failure->next)
        map_put(&failures->by_address, failure->address, failure->next); /* replaces: needs no memory */
    else
        map_remove(&failures->by_address, failure->address);
    list_unlink(&failure->node);
    failures->n--;
    env_free(failures->env, failure);
}

void failures_deinit(struct failures *failures)
{
    list_for_each(node, &failures->entries) failure_drop(failures, list_entry(node, struct failure, node));
    map_deinit(&failures->by_address);
}

static struct failure *failure_find(const struct failures *failures, uint64_t source, uint64_t address)
{
    struct failure *failure = map_get(&failures->by_address, address);
    while (failure && failure->source != source)
        failure = failure->next;
    return failure;
}

static double failure_weight(const struct failure *failure, uint64_t now_ns)
{
    double minutes = (double)(now_ns - failure->last_ns) / (double)(60 * NS_PER_S);
    double db = failure->db - minutes * FAILURES_FORGIVEN_DB;
    return db > 0 ? db : 0;
}

static struct failure *failure_new(struct failures *failures, uint64_t source, uint64_t address,
                                   uint64_t now_ns)
{
    struct failure *failure = env_alloc(failures->env, sizeof(*failure));
    if (!failure)
        return NULL;
    if (failures->n == FAILURES_MAX)
        failure_drop(failures, list_entry(failures->entries.next, struct failure, node));
    *failure = (struct failure){.source = source,
                                .address = address,
                                .last_ns = now_ns,
                                .next = map_get(&failures->by_address, address)};
    if (map_put(&failures->by_address, address, failure) < 0) {
        env_free(failures->env, failure);
        return NULL;
    }
    list_append(&failures->entries, &failure->node);
    failures->n++;
    return failure;
}

void failures_add(struct failures *failures, uint64_t source, uint64_t address, uint64_t since_ns,
                  uint64_t now_ns)
{
    struct failure *failure = failure_find(failures, source, address);
    if (!failure)
        failure = failure_new(failures, source, address, now_ns);
    if (!failure)
        return;
    double db = failure_weight(failure, now_ns) + FAILURE_DB;
    failure->db = db < FAILURES_DB_MAX ? db : FAILURES_DB_MAX;
    failure->count = failure->last_ns < since_ns ? 1 : failure->count + 1;
    failure->last_ns = now_ns;
    list_unlink(&failure->node);
    list_append(&failures->entries, &failure->node);
}

void failures_clear(struct failures *failures, uint64_t source, uint64_t address)
{
    struct failure *failure = failure_find(failures, source, address);
    if (failure)
        failure_drop(failures, failure);
}

double failures_db(const struct failures *failures, uint64_t source, uint64_t address, uint64_t now_ns)
{
    const struct failure *failure = failure_find(failures, source, address);
    return failure ? failure_weight(failure, now_ns) : 0;
}

unsigned failures_count(const struct failures *failures, uint64_t source, uint64_t address, uint64_t since_ns)
{
    const struct failure *failure = failure_find(failures, source, address);
    return failure && failure->last_ns >= since_ns ? failure->count : 0;
}
