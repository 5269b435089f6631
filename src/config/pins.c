/* SPDX-License-Identifier: MIT */
#include "config/pins.h"

#include "config/check.h"
#include "config/errors.h"
#include "config/schema.h"
#include <bleproxy/advertisement.h>
#include <bleproxy/error.h>
#include <stdlib.h>
#include <string.h>

/* The ways to say something of a device and a proxy. */
enum relation_kind {
    PREFERS,  /* the device has the proxy under `prefer`, or the other way round */
    ONLY,     /* the device has the proxy under `only` */
    RESERVED, /* the proxy has the device under `only` */
    DENIES,
};

struct relation {
    uint64_t device, mac;             /* mac: of the proxy, when it has no entry */
    const struct config_proxy *proxy; /* NULL: see mac */
    enum relation_kind kind;
    const struct config_text *where;
};

struct relations {
    const struct config *config;
    struct relation *items;
    size_t n;
    struct config_errors *errors;
};

#define fail_at(relations, where, ...)                                                                       \
    config_fail_at(&(relations)->errors->now, (relations)->config, (where)->file, (where)->line, __VA_ARGS__)

static struct config_place_text place(const struct relations *relations, const struct config_text *here,
                                      const struct config_text *there)
{
    return config_place(relations->config, here->file, there->file, there->line);
}

static bool is_before(const struct config_text *a, const struct config_text *b)
{
    return a->file != b->file ? a->file < b->file : a->line < b->line;
}

/* The texts are valid addresses, or lacking: 0. */
static uint64_t address_of(const char *text)
{
    uint64_t address = 0;
    if (text)
        bleproxy_address_parse(text, &address);
    return address;
}

static int fail_unknown_proxy(const struct relations *relations, const struct config_text *where)
{
    const char *nearest = config_find_similar(relations->config, where->text);
    if (nearest)
        return fail_at(relations, where, "there is no proxy '%s'; did you mean '%s'?", where->text, nearest);
    return fail_at(relations, where,
                   "there is no proxy '%s'; give the name of one under 'proxies', or its MAC address",
                   where->text);
}

static int add_proxies(struct relations *relations, uint64_t device, enum relation_kind kind,
                       const struct config_text *texts, size_t n)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++) {
        struct relation relation = {.device = device, .kind = kind, .where = &texts[i]};
        if (!texts[i].text)
            continue;
        relation.proxy = config_find(relations->config, texts[i].text);
        if (!relation.proxy && bleproxy_address_parse(texts[i].text, &relation.mac) < 0)
            r = config_errors_take(relations->errors, fail_unknown_proxy(relations, &texts[i]));
        else if (device != 0)
            relations->items[relations->n++] = relation;
    }
    return r;
}

static int add_devices(struct relations *relations)
{
    for (size_t i = 0; i < relations->config->n_devices; i++) {
        const struct config_device *device = &relations->config->devices[i];
        const uint64_t address = address_of(device->address);
        int r = add_proxies(relations, address, PREFERS, device->prefer, device->n_prefer);
        if (r == 0)
            r = add_proxies(relations, address, ONLY, device->only, device->n_only);
        if (r == 0)
            r = add_proxies(relations, address, DENIES, device->deny, device->n_deny);
        if (r < 0)
            return r;
    }
    return 0;
}

static void add_addresses(struct relations *relations, const struct config_proxy *proxy,
                          enum relation_kind kind, const struct config_text *texts, size_t n)
{
    for (size_t i = 0; proxy->name && i < n; i++)
        if (texts[i].text)
            relations->items[relations->n++] = (struct relation){
                .device = address_of(texts[i].text), .proxy = proxy, .kind = kind, .where = &texts[i]};
}

static size_t count_all(const struct config *config)
{
    size_t n = 0;
    for (size_t i = 0; i < config->n_devices; i++)
        n += config->devices[i].n_prefer + config->devices[i].n_only + config->devices[i].n_deny;
    for (size_t i = 0; i < config->n_proxies; i++)
        n += config->proxies[i].n_prefer + config->proxies[i].n_only + config->proxies[i].n_deny;
    return n;
}

/* ---- Contradictions ---- */

static bool same_proxy(const struct relation *a, const struct relation *b)
{
    return a->proxy == b->proxy && a->mac == b->mac;
}

static const char *verb(enum relation_kind kind)
{
    switch (kind) {
    case PREFERS:
        return "preferred";
    case ONLY:
    case RESERVED:
        return "the only one";
    case DENIES:
        return "denied";
    }
    return "";
}

static int fail_contradiction(const struct relations *relations, const struct relation *a,
                              const struct relation *b)
{
    char device[BLEPROXY_ADDRESS_TEXT_SIZE], mac[BLEPROXY_ADDRESS_TEXT_SIZE];
    const struct relation *later = is_before(a->where, b->where) ? b : a, *earlier = later == a ? b : a;
    bleproxy_address_format(a->device, device);
    bleproxy_address_format(a->mac, mac);
    return fail_at(relations, later->where, "'%s' is %s for %s here, and %s in %s",
                   a->proxy ? a->proxy->name : mac, verb(later->kind), device, verb(earlier->kind),
                   place(relations, later->where, earlier->where).text);
}

/* The relation wants the proxy for the device. */
static bool wants(const struct relation *relation)
{
    return relation->kind != DENIES;
}

static int check_only(const struct relations *relations, const struct relation *first, size_t n,
                      const struct relation *relation)
{
    const struct relation *only = NULL;
    char device[BLEPROXY_ADDRESS_TEXT_SIZE];
    if (!wants(relation) || relation->kind == ONLY)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (first[i].kind != ONLY)
            continue;
        if (same_proxy(&first[i], relation))
            return 0;
        only = &first[i];
    }
    if (!only)
        return 0;
    bleproxy_address_format(relation->device, device);
    return fail_at(relations, relation->where,
                   "this proxy cannot be used for %s: it is not among those under 'only' in %s", device,
                   place(relations, relation->where, only->where).text);
}

static int check_reserved(const struct relations *relations, const struct relation *relation)
{
    const struct config_proxy *proxy = relation->proxy;
    char device[BLEPROXY_ADDRESS_TEXT_SIZE];
    if (!proxy || proxy->n_only == 0 || (relation->kind != PREFERS && relation->kind != ONLY))
        return 0;
    for (size_t i = 0; i < proxy->n_only; i++)
        if (address_of(proxy->only[i].text) == relation->device)
            return 0;
    bleproxy_address_format(relation->device, device);
    return fail_at(relations, relation->where,
                   "'%s' cannot be used for %s: that is not among the devices under 'only' in %s",
                   proxy->name, device, place(relations, relation->where, &proxy->only[0]).text);
}

/* One of the n relations of a device: the first that is wrong with it. */
static int check_relation(const struct relations *relations, const struct relation *first, size_t n,
                          const struct relation *relation)
{
    for (const struct relation *other = first; other < relation; other++)
        if (wants(relation) != wants(other) && same_proxy(relation, other))
            return fail_contradiction(relations, other, relation);
    int r = check_only(relations, first, n, relation);
    return r == 0 ? check_reserved(relations, relation) : r;
}

static int compare_by_device(const void *a, const void *b)
{
    const struct relation *first = a, *second = b;
    if (first->device != second->device)
        return first->device < second->device ? -1 : 1;
    return is_before(second->where, first->where) - is_before(first->where, second->where);
}

static int check_all(struct relations *relations)
{
    size_t n;
    int r = 0;
    qsort(relations->items, relations->n, sizeof(*relations->items), compare_by_device);
    for (size_t i = 0; r == 0 && i < relations->n; i += n) {
        const struct relation *first = &relations->items[i];
        for (n = 1; i + n < relations->n && first[n].device == first->device;)
            n++;
        for (size_t j = 0; r == 0 && j < n; j++)
            r = config_errors_take(relations->errors, check_relation(relations, first, n, &first[j]));
    }
    return r;
}

int config_check_pins(const struct config *config, struct config_errors *errors)
{
    size_t n = count_all(config);
    struct relations relations = {.config = config, .errors = errors};
    if (n > SCHEMA_TEXTS_MAX) {
        config_fail_at(&errors->now, config, 0, 0,
                       "there are more than %d entries in lists such as 'prefer', all together",
                       SCHEMA_TEXTS_MAX);
        return config_errors_take(errors, BLEPROXY_E_INVALID);
    }
    if (n == 0)
        return 0;
    relations.items = calloc(n, sizeof(*relations.items));
    if (!relations.items)
        return BLEPROXY_E_NOMEM;
    for (size_t i = 0; i < config->n_proxies; i++) {
        const struct config_proxy *proxy = &config->proxies[i];
        add_addresses(&relations, proxy, PREFERS, proxy->prefer, proxy->n_prefer);
        add_addresses(&relations, proxy, RESERVED, proxy->only, proxy->n_only);
        add_addresses(&relations, proxy, DENIES, proxy->deny, proxy->n_deny);
    }
    int r = add_devices(&relations);
    if (r == 0)
        r = check_all(&relations);
    free(relations.items);
    return r;
}
