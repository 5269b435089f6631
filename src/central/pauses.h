/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_PAUSES_H
#define CENTRAL_PAUSES_H

#include <stddef.h>
#include <stdint.h>

/* How long proxies did not listen, because they were connecting devices: what they did not hear meanwhile may be there
 * nonetheless. Pauses that follow each other closely count as one busy time, whose beginning is remembered. */
enum { PAUSES_MAX = 64, PAUSES_GAP_S = 5 };

struct pauses {
    struct pause {
        uint64_t source;
        unsigned n;          /* under way */
        uint64_t began_ns;   /* the busy time, */
        uint64_t ended_ns;   /* and the last pause in it, unless one is under way */
        uint64_t resumed_ns; /* when the one under way began */
        uint64_t total_ns;   /* of the pauses in it that are over */
    } table[PAUSES_MAX];
    size_t n;
};

/* Of more than PAUSES_MAX proxies the one whose busy time is over longest is forgotten. */
void pauses_begin(struct pauses *pauses, uint64_t source, uint64_t now_ns);
void pauses_end(struct pauses *pauses, uint64_t source, uint64_t now_ns);
/* How much of the time since then it did not listen, as far as is remembered. */
uint64_t pauses_since(const struct pauses *pauses, uint64_t source, uint64_t since_ns, uint64_t now_ns);

#endif
