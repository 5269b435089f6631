/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_BONDS_H
#define CENTRAL_BONDS_H

#include "base/buffer.h"
#include "base/list.h"
#include "names/sanitise.h"
#include <bleproxy/pin.h>
#include <stdbool.h>

struct hub;

/* Which proxy has the bond of which device: the pure core of bleproxy_hub_bond(). None is ever forgotten to make room. */
struct bonds {
    const struct env *env;
    struct hub *hub;
    struct list list;     /* of struct bond, the newest at the end */
    size_t n, n_reserved; /* in the list and known; of bonds_reserve() */
    /* Called after every change, for who keeps them on disk; it must not change them, but for bonds_decode() and
     * bonds_saved(). May be NULL. */
    void (*on_change)(void *user);
    void *on_change_user;
};

struct bond {
    struct list node;
    struct bleproxy_bond view; /* source 0: there is none any more, which is not saved yet */
    bool unsaved;
    char proxy[SANITISE_NAME_MAX * 4 + 1];
};

void bonds_init(struct bonds *bonds, const struct env *env, struct hub *hub);
/* Idempotent; no change. */
void bonds_deinit(struct bonds *bonds);

/* Borrowed, or NULL. */
const struct bleproxy_bond *bonds_get(const struct bonds *bonds, uint64_t address);
const struct bleproxy_bond *bonds_next(const struct bonds *bonds, size_t *position);

/* A place for a bond that is being made, so that it cannot fail to be recorded: *ret_bond is for bonds_put() or
 * bonds_unreserve(). 0, BLEPROXY_E_NOMEM, BLEPROXY_E_LIMIT (BLEPROXY_BONDS_MAX). */
int bonds_reserve(struct bonds *bonds, uint64_t address, struct bond **ret_bond);
/* NULL is fine. */
void bonds_unreserve(struct bonds *bonds, struct bond *bond);
/* The proxy has it now, and no other. */
void bonds_put(struct bonds *bonds, struct bond *bond, uint64_t source, const char *proxy);
/* source: only if it is there; 0: wherever it is. 0, BLEPROXY_E_NOT_FOUND. */
int bonds_remove(struct bonds *bonds, uint64_t address, uint64_t source);

/* All of them as bytes for a file, and back. What is read is what others may have changed since the last time: own
 * changes that are not saved stay, all else is as the file has it; neither counts as a change. Encoding: 0,
 * BLEPROXY_E_NOMEM, BLEPROXY_E_LIMIT. Decoding takes all or nothing: 0, BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID (damaged,
 * or of another version). */
int bonds_encode(const struct bonds *bonds, struct buffer *out);
int bonds_decode(struct bonds *bonds, const uint8_t *bytes, size_t size);
/* What bonds_encode() made last is in the file. */
void bonds_saved(struct bonds *bonds);

#endif
