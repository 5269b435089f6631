/* SPDX-License-Identifier: MIT */
#include "hub/crowd.h"

#include "base/time.h"

enum { LOOKED_AT = 32 }; /* of those heard again: the longest silent of so many, all of them in turn */

void crowd_init(struct crowd *crowd)
{
    list_init(&crowd->once);
    list_init(&crowd->repeated);
    list_init(&crowd->kept);
}

void crowd_enter(struct crowd *crowd, struct crowd_member *member, bool heard_once)
{
    member->heard_once = heard_once;
    member->kept = false;
    list_append(heard_once ? &crowd->once : &crowd->repeated, &member->node);
}

void crowd_leave(struct crowd_member *member)
{
    list_unlink(&member->node);
}

void crowd_keep(struct crowd *crowd, struct crowd_member *member, bool kept)
{
    if (member->kept == kept)
        return;
    member->kept = kept;
    member->heard_once = false;
    list_unlink(&member->node);
    list_append(kept ? &crowd->kept : &crowd->repeated, &member->node);
}

static struct crowd_member *member_of(struct list *node)
{
    return list_entry(node, struct crowd_member, node);
}

static struct crowd_member *choose_repeated(struct crowd *crowd, uint64_t (*heard_ns)(struct crowd_member *),
                                            const struct crowd_member *spared)
{
    struct crowd_member *chosen = NULL, *first = NULL;
    for (unsigned i = 0; i < LOOKED_AT && !list_empty(&crowd->repeated); i++) {
        struct crowd_member *member = member_of(crowd->repeated.next);
        if (member == first)
            break;
        first = first ? first : member;
        list_unlink(&member->node);
        list_append(&crowd->repeated, &member->node);
        if (member != spared && (!chosen || heard_ns(member) < heard_ns(chosen)))
            chosen = member;
    }
    return chosen;
}

struct crowd_member *crowd_choose(struct crowd *crowd, uint64_t (*heard_ns)(struct crowd_member *),
                                  const struct crowd_member *spared, bool urgent, uint64_t now_ns)
{
    struct list *oldest = crowd->once.next;
    if (spared && oldest == &spared->node)
        oldest = oldest->next;
    if (oldest != &crowd->once)
        return member_of(oldest);
    struct crowd_member *chosen = choose_repeated(crowd, heard_ns, spared);
    bool silent = chosen && time_after(heard_ns(chosen), CROWD_SILENCE_S * NS_PER_S) < now_ns;
    return silent || urgent ? chosen : NULL;
}
