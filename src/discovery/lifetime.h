/* SPDX-License-Identifier: MIT */
#ifndef DISCOVERY_LIFETIME_H
#define DISCOVERY_LIFETIME_H

#include "base/env.h"
#include "base/time.h"

/* A record that is kept current by asking for it again (RFC 6762, 5.2): while it is missing at once and after 1, 2, 4 and
 * 8 s; once it is there at 80, 85, 90 and 95 % of its life, each up to 2 % later. */
struct lifetime {
    bool is_there;
    uint8_t asked;
    uint64_t heard_ns, expires_ns, ask_ns; /* BP_NEVER: not */
};

void lifetime_miss(struct lifetime *lifetime, uint64_t now_ns);
void lifetime_renew(struct lifetime *lifetime, const struct env *env, uint64_t life_ns, uint64_t now_ns);
/* It was said to be gone: a second is left (RFC 6762, 10.1). */
void lifetime_end(struct lifetime *lifetime, uint64_t now_ns);
/* It was asked for: sets the next time. */
void lifetime_asked(struct lifetime *lifetime, const struct env *env, uint64_t now_ns);
/* Whether it expired just now; it then is missing. */
bool lifetime_expire(struct lifetime *lifetime, uint64_t now_ns);
uint64_t lifetime_deadline(const struct lifetime *lifetime);

#endif
