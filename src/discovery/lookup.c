/* SPDX-License-Identifier: MIT */
#include "discovery/lookup.h"

#include <bleproxy/error.h>
#include <stdio.h>
#include <string.h>

#define FIRST_PAUSE_NS NS_PER_S

struct lookup {
    struct list link;
    const struct env *env;
    uint64_t ask_ns, pause_ns; /* when to ask next, and the pause after that */
    uint64_t end_ns;
    lookup_fn *on_done;
    void *user;
    struct host host;
};

void lookups_init(struct lookups *lookups, const struct env *env, const struct lookups_ops *ops, void *user)
{
    *lookups = (struct lookups){.env = env, .ops = ops, .user = user};
    hosts_init(&lookups->hosts, env);
    list_init(&lookups->lookups);
}

void lookups_deinit(struct lookups *lookups)
{
    if (!lookups->env)
        return;
    list_for_each(node, &lookups->lookups) lookup_cancel(list_entry(node, struct lookup, link));
    hosts_deinit(&lookups->hosts);
    lookups->env = NULL;
}

bool lookup_name(const char *host, char ret_name[DNS_NAME_SIZE])
{
    size_t size = strcspn(host, ".");
    const char *rest = host + size;
    bool is_local = !*rest || strcasecmp(rest, ".local") == 0 || strcasecmp(rest, ".local.") == 0;
    return is_local && !strchr(host, ':') && dns_name_make(ret_name, host, size, "local");
}

size_t lookups_known(struct lookups *lookups, const char *name, uint64_t now_ns,
                     struct net_address *ret_addresses, size_t max)
{
    const struct host *host = hosts_find(&lookups->hosts, name);
    return host ? host_get(host, now_ns, ret_addresses, max) : 0;
}

int lookup_start(struct lookups *lookups, const char *name, lookup_fn *on_done, void *user, uint64_t now_ns,
                 struct lookup **ret_lookup)
{
    struct lookup *lookup = env_alloc(lookups->env, sizeof(*lookup));
    if (!lookup)
        return BLEPROXY_E_NOMEM;
    lookup->env = lookups->env;
    lookup->ask_ns = now_ns;
    lookup->pause_ns = FIRST_PAUSE_NS;
    lookup->end_ns = time_after(now_ns, LOOKUP_NS);
    lookup->on_done = on_done;
    lookup->user = user;
    snprintf(lookup->host.name, sizeof(lookup->host.name), "%s", name);
    list_append(&lookups->lookups, &lookup->link);
    /* Without memory for it nothing is remembered, that is all. */
    hosts_make(&lookups->hosts, name);
    *ret_lookup = lookup;
    return 0;
}

void lookup_cancel(struct lookup *lookup)
{
    list_unlink(&lookup->link);
    env_free(lookup->env, lookup);
}

/* The first address of a look-up sets its end. */
static void feed_lookup(struct lookup *lookup, const struct dns_record *record, const struct netif *netif,
                        uint64_t now_ns)
{
    bool had_any = lookup->host.n > 0;
    host_feed(&lookup->host, record, netif, now_ns);
    if (!had_any && lookup->host.n > 0) {
        lookup->ask_ns = BP_NEVER;
        lookup->end_ns = time_min(lookup->end_ns, now_ns + LOOKUP_GRACE_NS);
    }
}

void lookups_feed(struct lookups *lookups, const uint8_t *datagram, size_t size,
                  const struct net_address *from, const struct netif *netif, uint64_t now_ns)
{
    struct dns_reader reader;
    struct dns_record record;
    if (from->port != DNS_PORT || !netif_is_neighbour(netif, from) || dns_read(&reader, datagram, size) < 0 ||
        !reader.is_response)
        return;
    while (dns_next_record(&reader, &record)) {
        if (record.type != DNS_A && record.type != DNS_AAAA)
            continue;
        struct host *known = hosts_find(&lookups->hosts, record.name);
        if (known)
            host_feed(known, &record, netif, now_ns);
        list_for_each(node, &lookups->lookups)
            feed_lookup(list_entry(node, struct lookup, link), &record, netif, now_ns);
    }
}

uint64_t lookups_deadline(const struct lookups *lookups)
{
    uint64_t deadline_ns = BP_NEVER;
    list_for_each(node, &lookups->lookups)
    {
        const struct lookup *lookup = list_entry(node, struct lookup, link);
        deadline_ns = time_min(deadline_ns, time_min(lookup->ask_ns, lookup->end_ns));
    }
    return deadline_ns;
}

static int write_questions(struct dns_writer *writer, const char *name)
{
    struct dns_writer before = *writer;
    struct dns_question question = {.type = DNS_A};
    snprintf(question.name, sizeof(question.name), "%s", name);
    int r = dns_write_question(writer, &question);
    question.type = DNS_AAAA;
    if (r == 0)
        r = dns_write_question(writer, &question);
    if (r < 0)
        *writer = before;
    return r;
}

static void begin_query(struct lookups *lookups, struct dns_writer *writer)
{
    uint16_t id;
    lookups->env->random(lookups->env->user, &id, sizeof(id));
    dns_write(writer, id ? id : 1, false);
}

/* Asks for all names whose time has come, in as few messages as it takes. */
static void ask(struct lookups *lookups, uint64_t now_ns)
{
    struct dns_writer writer;
    bool any = false;
    list_for_each(node, &lookups->lookups)
    {
        struct lookup *lookup = list_entry(node, struct lookup, link);
        if (now_ns < lookup->ask_ns)
            continue;
        lookup->ask_ns = time_after(now_ns, lookup->pause_ns);
        lookup->pause_ns *= 2;
        if (!any)
            begin_query(lookups, &writer);
        if (write_questions(&writer, lookup->host.name) == BLEPROXY_E_LIMIT) {
            lookups->ops->send(lookups->user, &writer);
            begin_query(lookups, &writer);
            write_questions(&writer, lookup->host.name);
        }
        any = true;
    }
    if (any)
        lookups->ops->send(lookups->user, &writer);
}

static struct lookup *find_ended(const struct lookups *lookups, uint64_t now_ns)
{
    list_for_each(node, &lookups->lookups)
    {
        struct lookup *lookup = list_entry(node, struct lookup, link);
        if (now_ns >= lookup->end_ns)
            return lookup;
    }
    return NULL;
}

void lookups_tick(struct lookups *lookups, uint64_t now_ns)
{
    struct lookup *lookup;
    while ((lookup = find_ended(lookups, now_ns))) {
        struct net_address addresses[HOST_ADDRESSES_MAX];
        size_t n = host_get(&lookup->host, now_ns, addresses, HOST_ADDRESSES_MAX);
        lookup_fn *on_done = lookup->on_done;
        void *user = lookup->user;
        lookup_cancel(lookup);
        on_done(user, addresses, n, now_ns);
    }
    ask(lookups, now_ns);
}
