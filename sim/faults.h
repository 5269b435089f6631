/* SPDX-License-Identifier: MIT */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "base/buffer.h"
#include "base/time.h"

/* A bad network and a bad proxy between a server's output and its transport. Which of it, and when, follows
 * from the seed: most connections get one fault, some none. Bytes in, bytes out at other times, or a reset.
 */
enum fault {
    FAULT_NONE,
    FAULT_HALVES,     /* every piece arrives in two parts */
    FAULT_BYTES,      /* byte by byte for a while */
    FAULT_STALL,      /* silence of up to three minutes in the middle */
    FAULT_RESET,      /* the connection is reset, usually inside a frame */
    FAULT_GARBAGE,    /* random bytes in between */
    FAULT_WRONG_NAME, /* another proxy answers the hello */
    FAULT_OVERSIZE,   /* the first frame announces more than fits, or carries fields of thousands of bytes */
};
enum { FAULT_COUNT = FAULT_OVERSIZE + 1 };

struct faults {
    enum fault fault;
    uint64_t dice;
    struct buffer held; /* taken from the server, not yet let through */
    uint64_t passed;    /* bytes let through so far */
    uint64_t at;        /* byte of the stream at which the fault happens */
    uint64_t ready_ns;  /* nothing is let through before */
    size_t portion;     /* bytes that may go now */
    bool started, happened;
};

enum { FAULTS_HELD_MAX = 16 * 1024 }; /* the server's own backlog counts as it does without faults */

void faults_init(struct faults *faults, const struct env *env, uint64_t seed);
/* As above with a chosen fault. */
void faults_init_with(struct faults *faults, const struct env *env, uint64_t seed, enum fault fault);
void faults_deinit(struct faults *faults);
const char *faults_name(enum fault fault);

/* How many bytes it takes now. */
size_t faults_room(const struct faults *faults);
/* n <= faults_room(). 0 or BLEPROXY_E_NOMEM. */
int faults_take(struct faults *faults, const uint8_t *bytes, size_t n, uint64_t now_ns);
/* What may be written now: how many bytes, 0 for none before faults_deadline(). */
size_t faults_pending(struct faults *faults, uint64_t now_ns, const uint8_t **ret_bytes);
void faults_sent(struct faults *faults, size_t n, uint64_t now_ns);
uint64_t faults_deadline(const struct faults *faults);
/* The connection is to be reset now; nothing is pending any more. */
bool faults_is_reset(const struct faults *faults);

#endif
