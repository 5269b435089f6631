/* SPDX-License-Identifier: MIT */
#include "proxy/dial.h"

#include <bleproxy/error.h>
#include <stdio.h>

#define STAGGER_NS (100 * NS_PER_MS)

enum { WHY_MAX = 128, NO_ATTEMPT = DIAL_ADDRESSES_MAX, SILENT_ROUNDS_MAX = 2 };

enum attempt_state {
    ATTEMPT_WAITING,
    ATTEMPT_OPENING,
    ATTEMPT_CONNECTED,
    ATTEMPT_FAILED,
    ATTEMPT_DROPPED, /* takes no part in later rounds */
};

struct attempt {
    struct net_address address;
    enum attempt_state state;
};

struct dial {
    const struct env *env;
    const struct dial_ops *ops;
    void *user;
    struct attempt attempts[DIAL_ADDRESSES_MAX]; /* interleaved by family */
    unsigned n_attempts;
    unsigned newest; /* the attempt started last, or NO_ATTEMPT */
    uint64_t round_ns;
    uint64_t next_ns;      /* when the next waiting address is tried */
    uint64_t round_end_ns; /* BP_NEVER before the start */
    unsigned n_silent;     /* rounds that ended without an answer */
    int error;             /* how the last attempt ended */
    char why[WHY_MAX];
    bool running, done, freed;
};

/* Takes one address of each family in turn, beginning with the family that comes first. */
static void interleave(struct dial *dial, const struct net_address *addresses, size_t n_addresses)
{
    bool first_turn = true;
    bool taken[DIAL_ADDRESSES_MAX] = {false};
    while (dial->n_attempts < n_addresses) {
        for (size_t i = 0; i < n_addresses; i++) {
            if (taken[i] || (addresses[i].family == addresses[0].family) != first_turn)
                continue;
            taken[i] = true;
            dial->attempts[dial->n_attempts++].address = addresses[i];
            break;
        }
        first_turn = !first_turn;
    }
}

int dial_new(const struct env *env, const struct dial_ops *ops, void *user,
             const struct net_address *addresses, size_t n_addresses, uint64_t round_ns,
             struct dial **ret_dial)
{
    if (n_addresses == 0)
        return BLEPROXY_E_INVALID;
    struct dial *dial = env_alloc(env, sizeof(*dial));
    if (!dial)
        return BLEPROXY_E_NOMEM;
    dial->env = env;
    dial->ops = ops;
    dial->user = user;
    dial->round_ns = round_ns;
    dial->newest = NO_ATTEMPT;
    dial->next_ns = dial->round_end_ns = BP_NEVER;
    interleave(dial, addresses, n_addresses < DIAL_ADDRESSES_MAX ? n_addresses : DIAL_ADDRESSES_MAX);
    *ret_dial = dial;
    return 0;
}

static unsigned first_in(const struct dial *dial, enum attempt_state state)
{
    unsigned i = 0;
    while (i < dial->n_attempts && dial->attempts[i].state != state)
        i++;
    return i < dial->n_attempts ? i : NO_ATTEMPT;
}

/* Whether any was open. */
static bool close_opening(struct dial *dial)
{
    bool any = false;
    unsigned i;
    while ((i = first_in(dial, ATTEMPT_OPENING)) != NO_ATTEMPT) {
        any = true;
        dial->attempts[i].state = ATTEMPT_FAILED;
        dial->ops->close(dial->user, i);
    }
    return any;
}

static void finish(struct dial *dial, int error, unsigned winner, uint64_t now_ns)
{
    close_opening(dial);
    if (dial->done)
        return;
    dial->done = true;
    dial->ops->on_done(dial->user, error, winner, dial->why, now_ns);
}

static void begin_round(struct dial *dial, uint64_t now_ns)
{
    dial->newest = NO_ATTEMPT;
    dial->next_ns = now_ns;
    dial->round_end_ns = time_after(now_ns, dial->round_ns);
}

/* Drops the first address of each family that is left, and has the others tried again. */
static void end_round(struct dial *dial, uint64_t now_ns)
{
    bool dropped[2] = {false, false};
    for (unsigned i = 0; i < dial->n_attempts; i++) {
        struct attempt *attempt = &dial->attempts[i];
        bool *family_dropped = &dropped[attempt->address.family == 4];
        if (attempt->state == ATTEMPT_DROPPED)
            continue;
        attempt->state = *family_dropped ? ATTEMPT_WAITING : ATTEMPT_DROPPED;
        *family_dropped = true;
    }
    if (first_in(dial, ATTEMPT_WAITING) == NO_ATTEMPT)
        finish(dial, dial->error, NO_ATTEMPT, now_ns);
    else
        begin_round(dial, now_ns);
}

/* Does the next thing that is due; false when there is none. */
static bool step(struct dial *dial, uint64_t now_ns)
{
    unsigned winner = first_in(dial, ATTEMPT_CONNECTED);
    unsigned waiting = first_in(dial, ATTEMPT_WAITING);
    if (winner != NO_ATTEMPT) {
        finish(dial, 0, winner, now_ns);
    } else if (now_ns >= dial->round_end_ns) {
        if (close_opening(dial)) {
            dial->n_silent++;
            dial->error = BLEPROXY_E_TIMEOUT;
            snprintf(dial->why, sizeof(dial->why), "no answer within %u s",
                     (unsigned)(dial->round_ns / NS_PER_S));
        }
        if (!dial->done && dial->n_silent >= SILENT_ROUNDS_MAX)
            finish(dial, dial->error, NO_ATTEMPT, now_ns);
        else if (!dial->done)
            end_round(dial, now_ns);
    } else if (waiting != NO_ATTEMPT && now_ns >= dial->next_ns) {
        dial->newest = waiting;
        dial->next_ns = time_after(now_ns, STAGGER_NS);
        dial->attempts[waiting].state = ATTEMPT_OPENING;
        dial->ops->open(dial->user, waiting, &dial->attempts[waiting].address, now_ns);
    } else if (waiting == NO_ATTEMPT && first_in(dial, ATTEMPT_OPENING) == NO_ATTEMPT) {
        end_round(dial, now_ns);
    } else {
        return false;
    }
    return true;
}

/* Calls from within the ops only leave their mark; the loop that called the op goes on with it. */
static void run(struct dial *dial, uint64_t now_ns)
{
    if (dial->running)
        return;
    dial->running = true;
    while (!dial->done && step(dial, now_ns))
        ;
    dial->running = false;
    if (dial->freed)
        env_free(dial->env, dial);
}

void dial_free(struct dial *dial)
{
    if (!dial || dial->freed)
        return;
    unsigned winner = first_in(dial, ATTEMPT_CONNECTED);
    if (!dial->done && winner != NO_ATTEMPT)
        dial->attempts[winner].state = ATTEMPT_OPENING; /* the owner has not been told of it */
    dial->done = dial->freed = true;
    close_opening(dial);
    if (!dial->running)
        env_free(dial->env, dial);
}

void dial_start(struct dial *dial, uint64_t now_ns)
{
    begin_round(dial, now_ns);
    run(dial, now_ns);
}

/* The attempt if it is under way, else NULL. */
static struct attempt *opening(struct dial *dial, unsigned attempt)
{
    bool is = !dial->done && attempt < dial->n_attempts && dial->attempts[attempt].state == ATTEMPT_OPENING;
    return is ? &dial->attempts[attempt] : NULL;
}

void dial_connected(struct dial *dial, unsigned attempt, uint64_t now_ns)
{
    struct attempt *winner = opening(dial, attempt);
    if (!winner || first_in(dial, ATTEMPT_CONNECTED) != NO_ATTEMPT)
        return;
    winner->state = ATTEMPT_CONNECTED;
    run(dial, now_ns);
}

void dial_failed(struct dial *dial, unsigned attempt, const char *why, uint64_t now_ns)
{
    struct attempt *loser = opening(dial, attempt);
    if (!loser)
        return;
    loser->state = ATTEMPT_FAILED;
    dial->error = BLEPROXY_E_CONNECT;
    snprintf(dial->why, sizeof(dial->why), "%s", why);
    if (attempt == dial->newest)
        dial->next_ns = now_ns;
    run(dial, now_ns);
}

struct net_address dial_address(const struct dial *dial, unsigned attempt)
{
    return dial->attempts[attempt].address;
}

uint64_t dial_deadline(const struct dial *dial)
{
    if (dial->done)
        return BP_NEVER;
    bool waiting = first_in(dial, ATTEMPT_WAITING) != NO_ATTEMPT;
    return waiting ? time_min(dial->next_ns, dial->round_end_ns) : dial->round_end_ns;
}

void dial_tick(struct dial *dial, uint64_t now_ns)
{
    run(dial, now_ns);
}
