/* SPDX-License-Identifier: MIT */
#include "hub/disconnect_set.h"

#include "base/list.h"
#include <bleproxy/error.h>

struct member {
    struct list node;
    disconnect_fn *on_disconnect;
    void *user;
};

struct disconnect_set {
    const struct env *env;
    struct list members;
    struct list firing; /* those whose turn is still to come */
    size_t n_members;   /* of both lists */
    unsigned references;
};

int disconnect_set_new(const struct env *env, struct disconnect_set **ret_set)
{
    struct disconnect_set *set = env_alloc(env, sizeof(*set));
    if (!set)
        return BLEPROXY_E_NOMEM;
    set->env = env;
    set->references = 1;
    list_init(&set->members);
    list_init(&set->firing);
    *ret_set = set;
    return 0;
}

struct disconnect_set *disconnect_set_ref(struct disconnect_set *set)
{
    set->references++;
    return set;
}

static void member_drop(struct disconnect_set *set, struct member *member)
{
    list_unlink(&member->node);
    set->n_members--;
    env_free(set->env, member);
}

void disconnect_set_unref(struct disconnect_set *set)
{
    if (--set->references > 0)
        return;
    list_for_each(node, &set->members) member_drop(set, list_entry(node, struct member, node));
    env_free(set->env, set);
}

static struct member *find_in(const struct list *list, disconnect_fn *on_disconnect, const void *user)
{
    list_for_each(node, list)
    {
        struct member *member = list_entry(node, struct member, node);
        if (member->on_disconnect == on_disconnect && member->user == user)
            return member;
    }
    return NULL;
}

static struct member *find_member(const struct disconnect_set *set, disconnect_fn *on_disconnect,
                                  const void *user)
{
    struct member *member = find_in(&set->members, on_disconnect, user);
    return member ? member : find_in(&set->firing, on_disconnect, user);
}

int disconnect_set_add(struct disconnect_set *set, disconnect_fn *on_disconnect, void *user)
{
    if (find_member(set, on_disconnect, user))
        return 0;
    struct member *member = env_alloc(set->env, sizeof(*member));
    if (!member)
        return BLEPROXY_E_NOMEM;
    member->on_disconnect = on_disconnect;
    member->user = user;
    list_append(&set->members, &member->node);
    set->n_members++;
    return 0;
}

void disconnect_set_remove(struct disconnect_set *set, disconnect_fn *on_disconnect, void *user)
{
    struct member *member = find_member(set, on_disconnect, user);
    if (member)
        member_drop(set, member);
}

void disconnect_set_fire(struct disconnect_set *set)
{
    disconnect_set_ref(set);
    list_for_each(node, &set->members)
    {
        list_unlink(node);
        list_append(&set->firing, node);
    }
    while (!list_empty(&set->firing)) {
        struct member *member = list_entry(set->firing.next, struct member, node);
        disconnect_fn *on_disconnect = member->on_disconnect;
        void *user = member->user;
        member_drop(set, member);
        on_disconnect(user);
    }
    disconnect_set_unref(set);
}

size_t disconnect_set_size(const struct disconnect_set *set)
{
    return set->n_members;
}
