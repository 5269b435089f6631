/* SPDX-License-Identifier: MIT */
#include "discovery/browse.h"

#include "discovery/announcement.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <string.h>

#define FIRST_DELAY_MIN_NS (20 * NS_PER_MS)
#define FIRST_DELAY_MAX_NS (120 * NS_PER_MS)
#define PAUSE_MAX_NS       (3600 * NS_PER_S) /* RFC 6762, 5.2 */
#define PAUSE_NS           (100 * NS_PER_MS) /* between messages about single devices: who comes meanwhile goes along */
#define BURST_PAUSE_NS     (250 * NS_PER_MS)

struct browse {
    const struct env *env;
    const struct browse_ops *ops;
    void *user;
    struct list services;
    size_t n;
    uint64_t hash_key;
    unsigned n_addresses;      /* taken from this datagram */
    uint64_t ask_ns, pause_ns; /* when to ask who is there, and the pause after that */
    uint64_t asked_ns;         /* who is there, last */
    uint64_t hold_ns;          /* nothing before: a burst went out */
    bool is_first;             /* of the questions */
    bool told_full;
    unsigned depth; /* calls on the stack */
    bool freed;
};

/* Several questions in as few messages as it takes. */
struct asking {
    struct browse *browse;
    struct dns_writer writer;
    bool any, is_first;
    unsigned sent;
};

/* Counts what the sender has announced, with a change of that number. */
static unsigned count_of(struct browse *browse, const struct net_address *sender, int change)
{
    unsigned n = 0;
    list_for_each(node, &browse->services)
    {
        struct service *service = list_entry(node, struct service, link);
        if (service->displaced || !net_address_equals(&service->sender, sender))
            continue;
        service->n_of_sender += (unsigned)change;
        n++;
    }
    return n;
}

static void forget(struct browse *browse, struct service *service)
{
    if (!service->displaced)
        count_of(browse, &service->sender, -1);
    list_unlink(&service->link);
    env_free(browse->env, service);
    browse->n--;
}

static void enter(struct browse *browse)
{
    browse->depth++;
}

static void leave(struct browse *browse)
{
    if (--browse->depth > 0 || !browse->freed)
        return;
    list_for_each(node, &browse->services) forget(browse, list_entry(node, struct service, link));
    env_free(browse->env, browse);
}

int browse_new(const struct env *env, const struct browse_ops *ops, void *user, uint64_t now_ns,
               struct browse **ret_browse)
{
    struct browse *browse = env_alloc(env, sizeof(*browse));
    if (!browse)
        return BLEPROXY_E_NOMEM;
    browse->env = env;
    browse->ops = ops;
    browse->user = user;
    list_init(&browse->services);
    env->random(env->user, &browse->hash_key, sizeof(browse->hash_key));
    browse_restart(browse, now_ns);
    *ret_browse = browse;
    return 0;
}

void browse_free(struct browse *browse)
{
    if (!browse || browse->freed)
        return;
    enter(browse);
    browse->freed = true;
    leave(browse);
}

void browse_restart(struct browse *browse, uint64_t now_ns)
{
    uint16_t random;
    browse->env->random(browse->env->user, &random, sizeof(random));
    browse->ask_ns = time_after(now_ns, FIRST_DELAY_MIN_NS +
                                            (FIRST_DELAY_MAX_NS - FIRST_DELAY_MIN_NS) / UINT16_MAX * random);
    browse->pause_ns = NS_PER_S;
    browse->is_first = true;
}

size_t browse_count(const struct browse *browse)
{
    return browse->n;
}

/* Telling */

static struct service *find_changed(const struct browse *browse)
{
    list_for_each(node, &browse->services)
    {
        struct service *service = list_entry(node, struct service, link);
        if (service->changed)
            return service;
    }
    return NULL;
}

static void tell(struct browse *browse, struct service *service, uint64_t now_ns)
{
    bool was_reported = service->reported;
    service->changed = false;
    service->reported = service_is_complete(service);
    if (service->reported)
        browse->ops->on_service(browse->user, was_reported ? BROWSE_CHANGED : BROWSE_FOUND, service, now_ns);
    else if (was_reported)
        browse->ops->on_service(browse->user, BROWSE_GONE, service, now_ns);
}

static void tell_all(struct browse *browse, uint64_t now_ns)
{
    struct service *service;
    while (browse->depth == 1 && !browse->freed && (service = find_changed(browse)))
        tell(browse, service, now_ns);
}

/* Those whose pointer is gone, after their owner was told. */
static void forget_gone(struct browse *browse)
{
    list_for_each(node, &browse->services)
    {
        struct service *service = list_entry(node, struct service, link);
        if (!service->pointer.is_there && browse->depth == 1 && !browse->freed)
            forget(browse, service);
    }
}

/* Hearing */

static struct service *find(const struct browse *browse, const char *instance)
{
    uint64_t hash = dns_name_hash(instance, browse->hash_key);
    list_for_each(node, &browse->services)
    {
        struct service *service = list_entry(node, struct service, link);
        if (service->instance_hash == hash && dns_name_equals(service->instance, instance))
            return service;
    }
    return NULL;
}

/* The oldest one of which too little is known to be of use. */
static struct service *find_useless(const struct browse *browse)
{
    list_for_each(node, &browse->services)
    {
        struct service *service = list_entry(node, struct service, link);
        if (!service->reported && !service_is_complete(service))
            return service;
    }
    return NULL;
}

/* The newest of whoever has announced most, and more than so many; NULL: nobody has. */
static struct service *find_excessive(const struct browse *browse, unsigned n)
{
    struct service *found = NULL;
    list_for_each(node, &browse->services)
    {
        struct service *service = list_entry(node, struct service, link);
        if (service->displaced || service->n_of_sender <= n)
            continue;
        n = service->n_of_sender - 1;
        found = service;
    }
    return found;
}

/* It goes when its owner has been told. */
static void displace(struct browse *browse, struct service *service)
{
    count_of(browse, &service->sender, -1);
    service->displaced = service->changed = true;
    service->pointer.is_there = false;
}

/* Whoever announces without end does not keep others out. */
static bool make_room(struct browse *browse, const struct net_address *sender)
{
    if (browse->n < BROWSE_SERVICES_MAX)
        return true;
    struct service *useless = find_useless(browse), *excessive = NULL;
    if (!useless)
        excessive = find_excessive(browse, count_of(browse, sender, 0) + 1);
    if (!browse->told_full)
        env_log(browse->env, BLEPROXY_LOG_WARNING, "discovery", NULL,
                "over %d devices are announced: some are left out", BROWSE_SERVICES_MAX);
    browse->told_full = true;
    if (useless)
        forget(browse, useless);
    else if (excessive)
        displace(browse, excessive);
    return useless || excessive;
}

static struct service *make(struct browse *browse, const char *instance, const struct net_address *sender,
                            uint64_t now_ns)
{
    struct service model, *service;
    if (!service_init(&model, instance, now_ns) || !make_room(browse, sender))
        return NULL;
    service = env_alloc(browse->env, sizeof(*service));
    if (!service)
        return NULL;
    service_init(service, instance, now_ns);
    service->instance_hash = dns_name_hash(instance, browse->hash_key);
    service->sender = *sender;
    service->n_of_sender = count_of(browse, sender, 1) + 1;
    list_append(&browse->services, &service->link);
    browse->n++;
    return service;
}

static void feed_pointer(struct browse *browse, const struct dns_record *record, uint64_t life_ns,
                         const struct net_address *sender, uint64_t now_ns)
{
    if (!dns_name_equals(record->name, ESPHOME_SERVICE))
        return;
    struct service *service = find(browse, record->target);
    if (record->ttl_s == 0) {
        if (service)
            lifetime_end(&service->pointer, now_ns);
        return;
    }
    if (!service)
        service = make(browse, record->target, sender, now_ns);
    if (!service || service->displaced)
        return;
    service->changed |= !service->pointer.is_there;
    lifetime_renew(&service->pointer, browse->env, life_ns, now_ns);
}

static void feed_address(struct browse *browse, const struct dns_record *record, uint64_t life_ns,
                         const struct netif *netif, uint64_t now_ns)
{
    uint64_t hash = dns_name_hash(record->name, browse->hash_key);
    list_for_each(node, &browse->services)
    {
        struct service *service = list_entry(node, struct service, link);
        if (service->host_hash != hash || !service->location.is_there ||
            !dns_name_equals(service->host.name, record->name))
            continue;
        if (browse->n_addresses == BROWSE_ADDRESSES_MAX)
            return;
        browse->n_addresses++;
        service_feed_address(service, browse->env, record, life_ns, netif, now_ns);
    }
}

static void feed_service(struct browse *browse, const struct dns_record *record, uint64_t life_ns,
                         uint64_t now_ns)
{
    struct service *service = find(browse, record->name);
    if (!service)
        return;
    service_feed(service, browse->env, record, life_ns, now_ns);
    service->host_hash = dns_name_hash(service->host.name, browse->hash_key);
}

/* A record's lifetime as it is kept: of a goodbye none. */
static uint64_t lifetime_of(const struct dns_record *record, bool is_one_shot)
{
    uint32_t ttl_s = record->ttl_s < HOST_LIFETIME_MAX_S ? record->ttl_s : HOST_LIFETIME_MAX_S;
    if (is_one_shot && ttl_s > 0 && ttl_s < BROWSE_ONE_SHOT_S)
        ttl_s = BROWSE_ONE_SHOT_S;
    return ttl_s * NS_PER_S;
}

/* What later records are about must be known first, in whatever order they come: services, then hosts, then addresses. */
enum pass { PASS_POINTERS, PASS_SERVICES, PASS_ADDRESSES, N_PASSES };

static void feed_record(struct browse *browse, enum pass pass, const struct dns_record *record,
                        const struct net_address *sender, bool is_one_shot, const struct netif *netif,
                        uint64_t now_ns)
{
    uint64_t life_ns = lifetime_of(record, is_one_shot);
    bool is_address = record->type == DNS_A || record->type == DNS_AAAA;
    if (pass == PASS_POINTERS && record->type == DNS_PTR) {
        feed_pointer(browse, record, life_ns, sender, now_ns);
    } else if (pass == PASS_SERVICES && (record->type == DNS_SRV || record->type == DNS_TXT)) {
        feed_service(browse, record, life_ns, now_ns);
    } else if (pass == PASS_ADDRESSES && is_address) {
        feed_address(browse, record, life_ns, netif, now_ns);
    }
}

void browse_feed(struct browse *browse, const uint8_t *datagram, size_t size, const struct net_address *from,
                 const struct netif *netif, bool is_one_shot, uint64_t now_ns)
{
    struct dns_reader reader;
    struct dns_record record;
    if (from->port != DNS_PORT || !netif_is_neighbour(netif, from))
        return;
    enter(browse);
    browse->n_addresses = 0;
    for (int pass = 0; pass < N_PASSES; pass++) {
        if (dns_read(&reader, datagram, size) < 0 || !reader.is_response)
            break;
        while (dns_next_record(&reader, &record))
            feed_record(browse, (enum pass)pass, &record, from, is_one_shot, netif, now_ns);
    }
    tell_all(browse, now_ns);
    forget_gone(browse);
    leave(browse);
}

/* Asking */

static void flush(struct asking *asking)
{
    if (!asking->any)
        return;
    asking->any = false;
    asking->sent++;
    asking->browse->ops->send(asking->browse->user, &asking->writer, asking->is_first);
}

/* Whether there was still room in this burst. */
static bool ask(struct asking *asking, const char *name, enum dns_type type)
{
    struct dns_question question = {.type = (uint16_t)type};
    snprintf(question.name, sizeof(question.name), "%s", name);
    for (unsigned i = 0; i < 2; i++) {
        if (asking->sent >= BROWSE_BURST_MAX)
            return false;
        if (!asking->any)
            dns_write(&asking->writer, 0, false);
        int r = dns_write_question(&asking->writer, &question);
        asking->any |= r == 0;
        if (r != BLEPROXY_E_LIMIT)
            return true; /* a name that is none ("." of an SRV) is not asked for */
        flush(asking);
    }
    return true;
}

static bool ask_for(struct asking *asking, struct lifetime *lifetime, const char *name, enum dns_type type,
                    uint64_t now_ns)
{
    if (now_ns < lifetime->ask_ns)
        return true;
    if (!ask(asking, name, type) || (type == DNS_A && !ask(asking, name, DNS_AAAA)))
        return false;
    lifetime_asked(lifetime, asking->browse->env, now_ns);
    return true;
}

static bool ask_about(struct asking *asking, struct service *service, uint64_t now_ns)
{
    return ask_for(asking, &service->location, service->instance, DNS_SRV, now_ns) &&
           ask_for(asking, &service->description, service->instance, DNS_TXT, now_ns) &&
           (!service->location.is_there ||
            ask_for(asking, &service->addresses, service->host.name, DNS_A, now_ns));
}

/* Whose pointer is young enough need not answer: RFC 6762, 7.1. */
static void write_known_answers(struct browse *browse, struct dns_writer *writer, uint64_t now_ns)
{
    struct dns_record record = {.type = DNS_PTR, .name = ESPHOME_SERVICE};
    list_for_each(node, &browse->services)
    {
        const struct service *service = list_entry(node, struct service, link);
        const struct lifetime *pointer = &service->pointer;
        if (!pointer->is_there || !service->reported || pointer->expires_ns <= now_ns ||
            pointer->expires_ns - now_ns < (pointer->expires_ns - pointer->heard_ns) / 2)
            continue;
        record.ttl_s = (uint32_t)((pointer->expires_ns - now_ns) / NS_PER_S);
        snprintf(record.target, sizeof(record.target), "%s", service->instance);
        if (dns_write_record(writer, &record) == BLEPROXY_E_LIMIT)
            break;
    }
}

/* Whether one is to be asked for again. Nobody asks the same more often than once a second: those that are due meanwhile
 * wait. */
static bool pointer_is_due(struct browse *browse, uint64_t now_ns)
{
    uint64_t earliest_ns = time_after(browse->asked_ns, NS_PER_S);
    bool any = false;
    list_for_each(node, &browse->services)
    {
        struct lifetime *pointer = &list_entry(node, struct service, link)->pointer;
        if (now_ns < pointer->ask_ns)
            continue;
        any = true;
        if (now_ns < earliest_ns)
            pointer->ask_ns = earliest_ns;
    }
    return any && now_ns >= earliest_ns;
}

static void ask_who_is_there(struct asking *asking, uint64_t now_ns)
{
    struct browse *browse = asking->browse;
    if (now_ns < browse->ask_ns && !pointer_is_due(browse, now_ns))
        return;
    ask(asking, ESPHOME_SERVICE, DNS_PTR);
    write_known_answers(browse, &asking->writer, now_ns);
    asking->is_first = browse->is_first;
    flush(asking);
    asking->is_first = browse->is_first = false;
    browse->asked_ns = now_ns;
    list_for_each(node, &browse->services)
    {
        struct lifetime *pointer = &list_entry(node, struct service, link)->pointer;
        if (now_ns >= pointer->ask_ns)
            lifetime_asked(pointer, browse->env, now_ns);
    }
    if (now_ns < browse->ask_ns)
        return;
    browse->ask_ns = time_after(now_ns, browse->pause_ns);
    browse->pause_ns = time_min(browse->pause_ns * 2, PAUSE_MAX_NS);
}

static void ask_all(struct browse *browse, uint64_t now_ns)
{
    struct asking asking = {.browse = browse};
    if (now_ns < browse->hold_ns)
        return;
    ask_who_is_there(&asking, now_ns);
    unsigned before = asking.sent;
    bool all = true;
    for (struct list *node = browse->services.next; all && node != &browse->services; node = node->next)
        all = ask_about(&asking, list_entry(node, struct service, link), now_ns);
    flush(&asking);
    if (asking.sent > before)
        browse->hold_ns = time_after(now_ns, all ? PAUSE_NS : BURST_PAUSE_NS);
}

static void expire(struct browse *browse, uint64_t now_ns)
{
    list_for_each(node, &browse->services)
    {
        struct service *service = list_entry(node, struct service, link);
        service_expire(service, now_ns);
        if (lifetime_expire(&service->pointer, now_ns)) {
            service->pointer.ask_ns = BP_NEVER;
            service->changed = true;
        }
    }
    tell_all(browse, now_ns);
    forget_gone(browse);
}

uint64_t browse_deadline(const struct browse *browse)
{
    uint64_t deadline_ns = browse->ask_ns;
    list_for_each(node, &browse->services) deadline_ns =
        time_min(deadline_ns, service_deadline(list_entry(node, struct service, link)));
    return deadline_ns > browse->hold_ns ? deadline_ns : browse->hold_ns;
}

void browse_tick(struct browse *browse, uint64_t now_ns)
{
    enter(browse);
    expire(browse, now_ns);
    if (!browse->freed)
        ask_all(browse, now_ns);
    leave(browse);
}
