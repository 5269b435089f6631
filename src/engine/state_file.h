/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_STATE_FILE_H
#define ENGINE_STATE_FILE_H

#include "base/buffer.h"
#include "engine/loop.h"
#include "engine/ticker.h"

/* Something that is kept in a file between runs: how it becomes bytes, and what is said of it. */
struct state_codec {
    const char *name;    /* of the file */
    const char *what;    /* "the services cache" */
    const char *without; /* what follows when it is lost: "services are discovered anew" */
    /* 0 or BLEPROXY_E_*; decoding BLEPROXY_E_INVALID: damaged, or of another version. */
    int (*encode)(const void *object, struct buffer *out);
    int (*decode)(void *object, const uint8_t *bytes, size_t size);
    /* What was encoded last is in the file. May be NULL. */
    void (*saved)(void *object);
    /* Several programs write it: what the others wrote is decoded before it is written. */
    bool shared;
    uint32_t delay_ms; /* from a change to writing; 0: at once */
};

/* Trouble with the file is a warning in the log, never more. Embedded, zeroed before its first use. */
struct state_file {
    struct bleproxy_loop *loop;
    const struct state_codec *codec;
    void *object;
    char *directory, *path;
    bool dirty;      /* what is in the file is not what there is */
    bool unread;     /* it is there and could not be read: it is left as it is */
    uint64_t due_ns; /* when it is to be written, or BP_NEVER */
    struct ticker ticker;
};

/* Reads the codec's file in the directory into the object. A damaged one is renamed to NAME.damaged; one that
 * cannot be read is never written. 0 or BLEPROXY_E_NOMEM. */
int state_file_init(struct state_file *file, struct bleproxy_loop *loop, const char *directory,
                    const struct state_codec *codec, void *object);
/* The object has changed: it is written when the codec's delay has passed, as a whole or not at all, and is on the disk
 * then. user is the file, so that this can be the object's callback. */
void state_file_changed(void *user);
/* Of a shared one: what other programs have written since counts from now on. user is the file. */
void state_file_doubted(void *user);
/* Writes what is not written yet. Idempotent; also on zeroed memory. */
void state_file_deinit(struct state_file *file);

#endif
