/* SPDX-License-Identifier: MIT */
#include "sim/faults.h"

#include "sim/dice.h"
#include <bleproxy/error.h>
#include <string.h>

enum {
    HALF_PAUSE_MS = 30,
    BYTES_ONE_BY_ONE = 400,
    STALL_MAX_S = 180,
    GARBAGE_MAX = 64,
    AT_MAX = 3000, /* faults in the middle of a stream happen within this many bytes of its start */
    OVERSIZE_NAME = 4096,
};

const char *faults_name(enum fault fault)
{
    switch (fault) {
    case FAULT_NONE:
        return "none";
    case FAULT_HALVES:
        return "halves";
    case FAULT_BYTES:
        return "bytes";
    case FAULT_STALL:
        return "stall";
    case FAULT_RESET:
        return "reset";
    case FAULT_GARBAGE:
        return "garbage";
    case FAULT_WRONG_NAME:
        return "wrong name";
    case FAULT_OVERSIZE:
        return "oversize";
    }
    return "?";
}

void faults_init_with(struct faults *faults, const struct env *env, uint64_t seed, enum fault fault)
{
    *faults = (struct faults){.fault = fault, .dice = seed};
    faults->at = 1 + dice_roll(&faults->dice) % AT_MAX;
    buffer_init(&faults->held, env, FAULTS_HELD_MAX + OVERSIZE_NAME + GARBAGE_MAX + 16);
}

void faults_init(struct faults *faults, const struct env *env, uint64_t seed)
{
    uint64_t dice = seed;
    /* A third of the connections is sound. */
    uint64_t choice = dice_roll(&dice) % (FAULT_COUNT + FAULT_COUNT / 2 - 1);
    faults_init_with(faults, env, dice, choice < FAULT_COUNT ? (enum fault)choice : FAULT_NONE);
}

void faults_deinit(struct faults *faults)
{
    buffer_deinit(&faults->held);
}

size_t faults_room(const struct faults *faults)
{
    if (faults_is_reset(faults) || faults->held.size >= FAULTS_HELD_MAX)
        return 0;
    return FAULTS_HELD_MAX - faults->held.size;
}

/* Bytes at the front of a stream that pretend to be somebody else's first frame. */
static int faults_forge(struct faults *faults, bool noise, const char *name, size_t name_size)
{
    uint8_t bytes[OVERSIZE_NAME + 32];
    size_t size = 0;
    if (noise) {
        size_t body = name_size + 2;
        bytes[size++] = 1;
        bytes[size++] = (uint8_t)(body >> 8);
        bytes[size++] = (uint8_t)body;
        bytes[size++] = 1;
    } else {
        /* HelloResponse {major 1, minor 9, name} */
        size_t body = 4 + 3 + name_size;
        const uint8_t head[] = {0,    (uint8_t)(body | 0x80),      (uint8_t)(body >> 7),     2, 8, 1, 16, 9,
                                0x22, (uint8_t)(name_size | 0x80), (uint8_t)(name_size >> 7)};
        memcpy(bytes, head, sizeof(head));
        size = sizeof(head);
    }
    memcpy(bytes + size, name, name_size);
    size += name_size;
    if (noise)
        bytes[size++] = 0;
    return buffer_append(&faults->held, bytes, size);
}

/* The size of the first frame of a server's output: a Noise hello or a HelloResponse, both small. 0: not
 * known. */
static size_t first_frame(const uint8_t *bytes, size_t n)
{
    size_t size = n < 3 ? 0 : bytes[0] == 1 ? 3 + (size_t)(bytes[1] << 8 | bytes[2]) : 3 + (size_t)bytes[1];
    return size <= n ? size : 0;
}

/* Replaces the first frame. Returns how many bytes of the server's it stands for. */
static size_t faults_start(struct faults *faults, const uint8_t *bytes, size_t n, int *ret_error)
{
    char name[OVERSIZE_NAME];
    size_t replaced = first_frame(bytes, n);
    bool noise = bytes[0] == 1;
    *ret_error = 0;
    if (replaced == 0)
        return 0;
    if (faults->fault == FAULT_WRONG_NAME) {
        *ret_error = faults_forge(faults, noise, "somebody-else\x1b[31m", 18);
        return replaced;
    }
    if (dice_roll(&faults->dice) % 2 == 0) {
        memset(name, 'A', sizeof(name));
        *ret_error = faults_forge(faults, noise, name, sizeof(name));
        return replaced;
    }
    /* A frame of the size 65535, or of 2097151, that never comes whole. */
    const uint8_t head[] = {noise, 0xff, 0xff, 0x7f, 0x02};
    *ret_error = buffer_append(&faults->held, head, sizeof(head));
    return replaced;
}

int faults_take(struct faults *faults, const uint8_t *bytes, size_t n, uint64_t now_ns)
{
    int r = 0;
    if (n == 0)
        return 0;
    if (!faults->started && (faults->fault == FAULT_WRONG_NAME || faults->fault == FAULT_OVERSIZE)) {
        size_t replaced = faults_start(faults, bytes, n, &r);
        bytes += replaced;
        n -= replaced;
    }
    if (faults->held.size == 0 && faults->ready_ns < now_ns)
        faults->ready_ns = now_ns;
    faults->started = true;
    return r < 0 ? r : buffer_append(&faults->held, bytes, n);
}

static void faults_insert_garbage(struct faults *faults)
{
    uint8_t garbage[GARBAGE_MAX];
    size_t size = 1 + dice_roll(&faults->dice) % sizeof(garbage);
    for (size_t i = 0; i < size; i++)
        garbage[i] = (uint8_t)dice_roll(&faults->dice);
    /* Takes the place of what comes next. */
    if (size > faults->held.size)
        size = faults->held.size;
    memcpy(buffer_data(&faults->held), garbage, size);
}

/* How many of the held bytes may go before something happens; more than 0. */
static size_t faults_portion(struct faults *faults)
{
    size_t held = faults->held.size;
    switch (faults->fault) {
    case FAULT_NONE:
    case FAULT_WRONG_NAME:
    case FAULT_OVERSIZE:
        return held;
    case FAULT_HALVES:
        return held > 1 ? held / 2 : held;
    case FAULT_BYTES:
        return faults->passed < BYTES_ONE_BY_ONE ? 1 : held;
    case FAULT_STALL:
    case FAULT_RESET:
    case FAULT_GARBAGE:
        return !faults->happened && faults->at - faults->passed < held ? (size_t)(faults->at - faults->passed)
                                                                       : held;
    }
    return held;
}

size_t faults_pending(struct faults *faults, uint64_t now_ns, const uint8_t **ret_bytes)
{
    if (now_ns < faults->ready_ns || faults->held.size == 0 || faults_is_reset(faults))
        return 0;
    if (faults->portion == 0)
        faults->portion = faults_portion(faults);
    *ret_bytes = buffer_data(&faults->held);
    return faults->portion;
}

void faults_sent(struct faults *faults, size_t n, uint64_t now_ns)
{
    buffer_consume(&faults->held, n);
    faults->passed += n;
    faults->portion -= n;
    if (faults->portion > 0)
        return;
    switch (faults->fault) {
    case FAULT_NONE:
    case FAULT_WRONG_NAME:
    case FAULT_OVERSIZE:
        return;
    case FAULT_HALVES:
        faults->ready_ns = now_ns + HALF_PAUSE_MS * NS_PER_MS;
        return;
    case FAULT_BYTES:
        if (faults->passed < BYTES_ONE_BY_ONE)
            faults->ready_ns = now_ns + NS_PER_MS;
        return;
    case FAULT_STALL:
    case FAULT_RESET:
    case FAULT_GARBAGE:
        break;
    }
    if (faults->happened || faults->passed < faults->at)
        return;
    faults->happened = true;
    if (faults->fault == FAULT_STALL)
        faults->ready_ns = now_ns + (1 + dice_roll(&faults->dice) % STALL_MAX_S) * NS_PER_S;
    if (faults->fault == FAULT_GARBAGE)
        faults_insert_garbage(faults);
}

uint64_t faults_deadline(const struct faults *faults)
{
    return faults->held.size > 0 && faults->portion == 0 && !faults_is_reset(faults) ? faults->ready_ns
                                                                                     : BP_NEVER;
}

bool faults_is_reset(const struct faults *faults)
{
    return faults->fault == FAULT_RESET && faults->happened;
}
