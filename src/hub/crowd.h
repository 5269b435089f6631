/* SPDX-License-Identifier: MIT */
#ifndef HUB_CROWD_H
#define HUB_CROWD_H

#include "base/list.h"
#include <stdint.h>

/* Entries of a table with a limit that strangers can fill: who makes way for a newcomer. Those heard once make way first,
 * the longest silent of them before the others: inventing addresses pushes out nothing that is heard again and again. */
struct crowd {
    struct list once;     /* heard once, longest silent first */
    struct list repeated; /* heard again, in no order */
    struct list kept;     /* somebody cares about them: they never make way */
};

struct crowd_member {
    struct list node;
    bool heard_once, kept;
};

enum { CROWD_SILENCE_S = 60 }; /* who was heard again makes way only after that */

void crowd_init(struct crowd *crowd);
void crowd_enter(struct crowd *crowd, struct crowd_member *member, bool heard_once);
/* Idempotent on members that have entered. */
void crowd_leave(struct crowd_member *member);
void crowd_keep(struct crowd *crowd, struct crowd_member *member, bool kept);

/* Counts a further report. */
static inline void crowd_again(struct crowd *crowd, struct crowd_member *member)
{
    if (!member->heard_once)
        return;
    member->heard_once = false;
    if (member->kept)
        return;
    list_unlink(&member->node);
    list_append(&crowd->repeated, &member->node);
}

/* Who makes way at now_ns, or NULL: nobody. heard_ns tells when a member was last heard. spared: is not chosen; may be
 * NULL. urgent: the newcomer is one to be kept, and need not wait for a silence. Looks at a few members only. */
struct crowd_member *crowd_choose(struct crowd *crowd, uint64_t (*heard_ns)(struct crowd_member *),
                                  const struct crowd_member *spared, bool urgent, uint64_t now_ns);

#endif
