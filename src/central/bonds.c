/* SPDX-License-Identifier: MIT */
#include "central/bonds.h"

#include "central/codec.h"
#include "central/interest.h"
#include <string.h>

static struct bond *bond_of(struct list *node)
{
    return list_entry(node, struct bond, node);
}

void bonds_init(struct bonds *bonds, const struct env *env, struct hub *hub)
{
    *bonds = (struct bonds){.env = env, .hub = hub};
    list_init(&bonds->list);
}

static void bond_free(struct bonds *bonds, struct bond *bond)
{
    central_interest_release(bonds->hub, bond->view.address);
    env_free(bonds->env, bond);
}

static void bond_drop(struct bonds *bonds, struct bond *bond)
{
    bonds->n -= bond->view.source != 0;
    list_unlink(&bond->node);
    bond_free(bonds, bond);
}

void bonds_deinit(struct bonds *bonds)
{
    list_for_each(node, &bonds->list) bond_drop(bonds, bond_of(node));
}

/* Also one that is there no longer. */
static struct bond *bond_find(const struct bonds *bonds, uint64_t address)
{
    list_for_each(node, &bonds->list)
    {
        if (bond_of(node)->view.address == address)
            return bond_of(node);
    }
    return NULL;
}

const struct bleproxy_bond *bonds_get(const struct bonds *bonds, uint64_t address)
{
    const struct bond *bond = bond_find(bonds, address);
    return bond && bond->view.source ? &bond->view : NULL;
}

const struct bleproxy_bond *bonds_next(const struct bonds *bonds, size_t *position)
{
    size_t i = 0;
    list_for_each(node, &bonds->list)
    {
        const struct bond *bond = bond_of(node);
        if (i++ < *position)
            continue;
        ++*position;
        if (bond->view.source)
            return &bond->view;
    }
    return NULL;
}

static int bond_new(const struct bonds *bonds, uint64_t address, struct bond **ret_bond)
{
    struct bond *bond = env_alloc(bonds->env, sizeof(*bond));
    int r = bond ? central_interest_hold(bonds->hub, address) : BLEPROXY_E_NOMEM;
    if (r < 0) {
        env_free(bonds->env, bond);
        return r;
    }
    list_init(&bond->node);
    bond->view.address = address;
    *ret_bond = bond;
    return 0;
}

int bonds_reserve(struct bonds *bonds, uint64_t address, struct bond **ret_bond)
{
    if (!bonds_get(bonds, address) && bonds->n + bonds->n_reserved >= BLEPROXY_BONDS_MAX)
        return BLEPROXY_E_LIMIT;
    int r = bond_new(bonds, address, ret_bond);
    bonds->n_reserved += r == 0;
    return r;
}

void bonds_unreserve(struct bonds *bonds, struct bond *bond)
{
    if (!bond)
        return;
    bonds->n_reserved--;
    bond_free(bonds, bond);
}

static void bonds_changed(struct bonds *bonds)
{
    if (bonds->on_change)
        bonds->on_change(bonds->on_change_user);
}

/* In the place of what was known of the device. */
static void bond_enter(struct bonds *bonds, struct bond *bond)
{
    struct bond *old = bond_find(bonds, bond->view.address);
    if (old)
        bond_drop(bonds, old);
    list_append(&bonds->list, &bond->node);
    bonds->n += bond->view.source != 0;
}

static void bond_name(struct bond *bond, const void *name, size_t size)
{
    sanitise(bond->proxy, sizeof(bond->proxy), name, size, SANITISE_NAME_MAX);
    bond->view.proxy = bond->proxy;
}

void bonds_put(struct bonds *bonds, struct bond *bond, uint64_t source, const char *proxy)
{
    const struct bleproxy_bond *known = bonds_get(bonds, bond->view.address);
    if (!source || (known && known->source == source)) {
        bonds_unreserve(bonds, bond);
        return;
    }
    bonds->n_reserved--;
    bond->view.source = source;
    bond->unsaved = true;
    bond_name(bond, proxy, strlen(proxy));
    bond_enter(bonds, bond);
    bonds_changed(bonds);
}

int bonds_remove(struct bonds *bonds, uint64_t address, uint64_t source)
{
    struct bond *bond = bond_find(bonds, address);
    if (!bond || !bond->view.source || (source && bond->view.source != source))
        return BLEPROXY_E_NOT_FOUND;
    if (bonds->on_change) {
        bonds->n--;
        bond->view.source = 0;
        bond->unsaved = true;
        bonds->on_change(bonds->on_change_user);
    } else {
        bond_drop(bonds, bond);
    }
    return 0;
}

void bonds_saved(struct bonds *bonds)
{
    list_for_each(node, &bonds->list)
    {
        struct bond *bond = bond_of(node);
        bond->unsaved = false;
        if (!bond->view.source)
            bond_drop(bonds, bond);
    }
}

/* ---- In a file ---- */

static const struct codec codec = {.magic = "blebonds", .version = 1};
/* More than one program ever makes: several may share the file. */
enum { DECODED_MAX = 4 * BLEPROXY_BONDS_MAX };
#define ADDRESS_MAX UINT64_C(0xffffffffffff)

int bonds_encode(const struct bonds *bonds, struct buffer *out)
{
    size_t begin = out->size;
    int r = codec_begin(out);
    list_for_each(node, &bonds->list)
    {
        const struct bond *bond = bond_of(node);
        KnownBond known = KNOWN_BOND__INIT;
        if (r < 0 || !bond->view.source)
            continue;
        known.address = bond->view.address;
        known.source = bond->view.source;
        known.proxy.data = (uint8_t *)(uintptr_t)bond->proxy;
        known.proxy.len = strlen(bond->proxy);
        r = codec_add(out, &known.base);
    }
    return codec_end(&codec, out, begin, r);
}

static int take_bond(struct bonds *bonds, const KnownBond *known)
{
    struct bond *bond;
    if (known->address == 0 || known->address > ADDRESS_MAX || known->source == 0 ||
        known->source > ADDRESS_MAX || bonds->n == DECODED_MAX)
        return BLEPROXY_E_INVALID;
    int r = bond_new(bonds, known->address, &bond);
    if (r < 0)
        return r;
    bond->view.source = known->source;
    bond_name(bond, known->proxy.data, known->proxy.len);
    bond_enter(bonds, bond);
    return 0;
}

/* What is stored takes the place of what was, but for changes that are not saved yet, which are the newest. */
static void bonds_replace(struct bonds *bonds, struct bonds *stored)
{
    list_for_each(node, &bonds->list)
    {
        struct bond *bond = bond_of(node);
        if (bond->unsaved)
            continue;
        bond_drop(bonds, bond);
    }
    list_for_each(own, &bonds->list)
    {
        list_unlink(own);
        bond_enter(stored, bond_of(own));
    }
    list_for_each(moved, &stored->list)
    {
        list_unlink(moved);
        list_append(&bonds->list, moved);
    }
    bonds->n = stored->n;
    stored->n = 0;
}

int bonds_decode(struct bonds *bonds, const uint8_t *bytes, size_t size)
{
    struct codec_reader reader;
    struct bonds stored;
    const ProtobufCMessage *message;
    int r = codec_open(&codec, bytes, size, bonds->env, &reader);
    if (r < 0)
        return r;
    bonds_init(&stored, bonds->env, bonds->hub);
    while ((r = codec_next(&reader, &known_bond__descriptor, &message)) == CODEC_NEXT)
        if ((r = take_bond(&stored, (const KnownBond *)message)) < 0)
            break;
    codec_close(&reader);
    if (r == 0)
        bonds_replace(bonds, &stored);
    bonds_deinit(&stored);
    return r;
}
