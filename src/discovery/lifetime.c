/* SPDX-License-Identifier: MIT */
#include "discovery/lifetime.h"

enum { ASK_MISSING_MAX = 5, ASK_THERE_MAX = 4, FIRST_PERCENT = 80, STEP_PERCENT = 5, JITTER_PERCENT = 2 };

void lifetime_miss(struct lifetime *lifetime, uint64_t now_ns)
{
    *lifetime = (struct lifetime){.expires_ns = BP_NEVER, .ask_ns = now_ns};
}

static uint64_t ask_again(const struct lifetime *lifetime, const struct env *env)
{
    if (lifetime->asked == ASK_THERE_MAX)
        return BP_NEVER;
    uint32_t random;
    env->random(env->user, &random, sizeof(random));
    uint64_t percent_ns = (lifetime->expires_ns - lifetime->heard_ns) / 100;
    uint64_t jitter_ns = percent_ns * JITTER_PERCENT / 256 * (random & 0xff);
    return lifetime->heard_ns + percent_ns * (FIRST_PERCENT + STEP_PERCENT * (uint64_t)lifetime->asked) +
           jitter_ns;
}

void lifetime_renew(struct lifetime *lifetime, const struct env *env, uint64_t life_ns, uint64_t now_ns)
{
    *lifetime =
        (struct lifetime){.is_there = true, .heard_ns = now_ns, .expires_ns = time_after(now_ns, life_ns)};
    lifetime->ask_ns = ask_again(lifetime, env);
}

void lifetime_end(struct lifetime *lifetime, uint64_t now_ns)
{
    if (!lifetime->is_there)
        return;
    lifetime->expires_ns = time_min(lifetime->expires_ns, now_ns + NS_PER_S);
    lifetime->ask_ns = BP_NEVER;
}

void lifetime_asked(struct lifetime *lifetime, const struct env *env, uint64_t now_ns)
{
    if (lifetime->is_there) {
        lifetime->asked++;
        lifetime->ask_ns = ask_again(lifetime, env);
        if (lifetime->ask_ns <= now_ns) /* asked late: not twice in a row */
            lifetime->ask_ns = time_after(now_ns, NS_PER_S);
    } else {
        lifetime->ask_ns = ++lifetime->asked < ASK_MISSING_MAX
                               ? time_after(now_ns, NS_PER_S << (lifetime->asked - 1))
                               : BP_NEVER;
    }
}

bool lifetime_expire(struct lifetime *lifetime, uint64_t now_ns)
{
    if (!lifetime->is_there || now_ns < lifetime->expires_ns)
        return false;
    lifetime_miss(lifetime, now_ns);
    return true;
}

uint64_t lifetime_deadline(const struct lifetime *lifetime)
{
    return time_min(lifetime->expires_ns, lifetime->ask_ns);
}
