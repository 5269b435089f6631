/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_ATTRIBUTE_H
#define DAEMON_ATTRIBUTE_H

#include "tree.h"

#include <bleproxy/bleproxy.h>

/* What a characteristic and a descriptor have in common: a value that is read and written through calls. Reads of one
 * attribute under way are one request with several answers, but for those with a deadline of their own; of writes there is
 * one at a time. */

enum {
    ATTRIBUTE_READERS_MAX = 256, /* calls that wait for one value */
    ATTRIBUTE_TIMEOUT_MAX_MS = 24 * 60 * 60 * 1000,
};

struct attribute {
    struct bleproxy_peripheral *peripheral;
    struct object *object;
    const struct interface *interface;
    unsigned property; /* its Value in the interface's table */
    uint16_t handle;   /* as operations take it */
    uint8_t value[BLEPROXY_VALUE_MAX];
    size_t size;
    bool has_value; /* read or notified at some time */
    struct bleproxy_operation *reading, *writing;
    struct attribute_reader *readers;
    size_t n_readers;
    sd_bus_message *writer;
    /* Besides those who called: whatever was read, NULL: it failed. May be NULL. */
    void (*on_read)(void *user, const uint8_t *value, size_t size);
    void *user;
};

/* The options of ReadValue, WriteValue, and those that acquire. */
struct attribute_options {
    uint16_t offset;
    uint32_t timeout_ms; /* ours: for the answer; 0: the library's */
    enum {
        ATTRIBUTE_WRITE_ANY,
        ATTRIBUTE_WRITE_COMMAND,
        ATTRIBUTE_WRITE_REQUEST,
        ATTRIBUTE_WRITE_UNKNOWN
    } type;
};

/* Reads the a{sv} that follows. 0 or a negative errno; -EINVAL: a known key has a wrong type, or there is more than anybody
 * means: a call that waits would keep it. */
int attribute_read_options(sd_bus_message *call, struct attribute_options *ret_options);
/* Answer the call, now or later. */
int attribute_read(struct attribute *attribute, sd_bus_message *call);
int attribute_write(struct attribute *attribute, sd_bus_message *call, const void *value, size_t size,
                    enum bleproxy_write_mode mode, uint32_t timeout_ms);
/* Reads it for on_read alone, if it is not being read. */
void attribute_fetch(struct attribute *attribute);
/* Keeps the value and tells it. */
void attribute_set_value(struct attribute *attribute, const uint8_t *value, size_t size);
/* Answers those who wait. Idempotent. */
void attribute_deinit(struct attribute *attribute);

/* For tables of properties; data begins with the attribute. */
bool attribute_has_value(void *data);
int attribute_append_value(sd_bus_message *message, void *data);

#endif
