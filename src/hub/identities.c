/* SPDX-License-Identifier: MIT */
#include "hub/identities.h"

#include "wire/codec.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <string.h>

#define ADDRESS_MAX UINT64_C(0xffffffffffff)

struct identity {
    struct list node;
    uint64_t mac_address; /* 0: it is forgotten, which is not saved yet */
    bool unsaved;
    char endpoint[]; /* with its NUL */
};

static struct identity *identity_of(struct list *node)
{
    return list_entry(node, struct identity, node);
}

static void drop(struct identities *identities, struct identity *identity)
{
    identities->n--;
    list_unlink(&identity->node);
    env_free(identities->env, identity);
}

static void append(struct identities *identities, struct identity *identity)
{
    list_append(&identities->list, &identity->node);
    identities->n++;
}

void identities_init(struct identities *identities, const struct env *env)
{
    *identities = (struct identities){.env = env};
    list_init(&identities->list);
}

void identities_deinit(struct identities *identities)
{
    list_for_each(node, &identities->list) drop(identities, identity_of(node));
}

bool identity_endpoint(const char *host, uint16_t port, char ret_endpoint[IDENTITY_ENDPOINT_SIZE])
{
    int n = snprintf(ret_endpoint, IDENTITY_ENDPOINT_SIZE, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host,
                     (unsigned)port);
    for (char *c = ret_endpoint; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return n < IDENTITY_ENDPOINT_SIZE;
}

static struct identity *find(const struct identities *identities, const char *endpoint)
{
    list_for_each(node, &identities->list) if (strcmp(identity_of(node)->endpoint, endpoint) ==
                                               0) return identity_of(node);
    return NULL;
}

uint64_t identities_get(const struct identities *identities, const char *endpoint)
{
    const struct identity *identity = find(identities, endpoint);
    return identity ? identity->mac_address : 0;
}

void identities_doubt(struct identities *identities)
{
    if (identities->on_doubt)
        identities->on_doubt(identities->on_change_user);
}

static int add(struct identities *identities, const void *endpoint, size_t size,
               struct identity **ret_identity)
{
    struct identity *identity = env_alloc(identities->env, sizeof(*identity) + size + 1);
    if (!identity)
        return BLEPROXY_E_NOMEM;
    memcpy(identity->endpoint, endpoint, size);
    append(identities, identity);
    *ret_identity = identity;
    return 0;
}

static void changed(struct identities *identities)
{
    if (identities->on_change)
        identities->on_change(identities->on_change_user);
}

int identities_put(struct identities *identities, const char *endpoint, uint64_t mac_address)
{
    struct identity *identity = find(identities, endpoint);
    if (identity && identity->mac_address == mac_address)
        return 0;
    if (!identity && identities->n >= IDENTITIES_MAX)
        drop(identities, identity_of(identities->list.next));
    int r = identity ? 0 : add(identities, endpoint, strlen(endpoint), &identity);
    if (r < 0)
        return r;
    identity->mac_address = mac_address;
    identity->unsaved = true;
    changed(identities);
    return 0;
}

int identities_remove(struct identities *identities, const char *endpoint)
{
    struct identity *identity = find(identities, endpoint);
    if (!identity || identity->mac_address == 0)
        return BLEPROXY_E_NOT_FOUND;
    identity->mac_address = 0;
    identity->unsaved = true;
    if (identities->on_change)
        changed(identities);
    else
        drop(identities, identity);
    return 0;
}

/* ---- In a file ---- */

static const struct codec codec = {.magic = "bleproxs", .version = 1};

int identities_encode(const struct identities *identities, struct buffer *out)
{
    size_t begin = out->size;
    int r = codec_begin(out);
    list_for_each(node, &identities->list)
    {
        const struct identity *identity = identity_of(node);
        KnownProxy known = KNOWN_PROXY__INIT;
        if (r < 0 || identity->mac_address == 0)
            continue;
        known.endpoint.data = (uint8_t *)(uintptr_t)identity->endpoint;
        known.endpoint.len = strlen(identity->endpoint);
        known.mac_address = identity->mac_address;
        r = codec_add(out, &known.base);
    }
    return codec_end(&codec, out, begin, r);
}

static int take(struct identities *identities, const KnownProxy *known)
{
    struct identity *identity;
    const ProtobufCBinaryData *endpoint = &known->endpoint;
    if (known->mac_address == 0 || known->mac_address > ADDRESS_MAX || endpoint->len == 0 ||
        endpoint->len >= IDENTITY_ENDPOINT_SIZE || memchr(endpoint->data, '\0', endpoint->len) ||
        identities->n >= IDENTITIES_MAX)
        return BLEPROXY_E_INVALID;
    int r = add(identities, endpoint->data, endpoint->len, &identity);
    if (r == 0)
        identity->mac_address = known->mac_address;
    return r;
}

/* What is stored takes the place of what was, but for changes that are not saved yet, which are the newest. */
static void replace(struct identities *identities, struct identities *stored)
{
    list_for_each(node, &identities->list)
    {
        struct identity *own = identity_of(node), *old = own->unsaved ? find(stored, own->endpoint) : NULL;
        if (!own->unsaved)
            drop(identities, own);
        else if (old)
            drop(stored, old);
    }
    list_for_each(moved, &stored->list)
    {
        list_unlink(moved);
        stored->n--;
        append(identities, identity_of(moved));
    }
}

int identities_decode(struct identities *identities, const uint8_t *bytes, size_t size)
{
    struct codec_reader reader;
    struct identities stored;
    const ProtobufCMessage *message;
    int r = codec_open(&codec, bytes, size, identities->env, &reader);
    if (r < 0)
        return r;
    identities_init(&stored, identities->env);
    while ((r = codec_next(&reader, &known_proxy__descriptor, &message)) == CODEC_NEXT)
        if ((r = take(&stored, (const KnownProxy *)message)) < 0)
            break;
    codec_close(&reader);
    if (r == 0)
        replace(identities, &stored);
    identities_deinit(&stored);
    return r;
}

void identities_saved(struct identities *identities)
{
    list_for_each(node, &identities->list)
    {
        struct identity *identity = identity_of(node);
        identity->unsaved = false;
        if (identity->mac_address == 0)
            drop(identities, identity);
    }
}
