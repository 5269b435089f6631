/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_MEMORY_H
#define DAEMON_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What outlives the daemon, and its form in a file: lines of words, of which the last is a checksum.
 *
 *     bleproxyd 1
 *     adapter off Cellar%20radio
 *     device C0:FF:EE:00:00:01 1 trusted,blocked Lamp -
 *     link dev_C0_FF_EE_00_00_01
 *     path dev_C0_FF_EE_00_00_01/service0001
 *     end 0123456789abcdef
 *
 * In a device's line stand its address type, what the user has set, its name and its alias; "-" is none. Links and paths are
 * the objects that were on the bus, below the adapter: link is a device that was connected. */

enum {
    MEMORY_BYTES_MAX = 3 * 1024 * 1024, /* more than there can be */
    MEMORY_DEVICES_MAX = 1024,
    MEMORY_PATHS_MAX = 16384,
    MEMORY_TEXT_MAX = 248, /* bytes of a name or an alias */
    MEMORY_PATH_SIZE = 64,
};

struct memory_device {
    uint64_t address;
    uint8_t address_type; /* enum bleproxy_address_type */
    bool trusted, blocked;
    char *name, *alias; /* valid UTF-8, the name without control characters; NULL: none */
};

struct memory_path {
    char text[MEMORY_PATH_SIZE]; /* "dev_C0_FF_EE_00_00_01/service0001/char0002" */
    bool is_connected;           /* a device that was */
};

/* Zero-initialised it is empty. */
struct memory {
    bool adapter_is_off;
    char *adapter_alias; /* as above */
    struct memory_device *devices;
    size_t n_devices;
    struct memory_path *paths; /* those above before those below */
    size_t n_paths;
};

/* Both copy; what there is no room for is left out. 0, or -ENOMEM. */
int memory_add_device(struct memory *memory, const struct memory_device *device);
int memory_add_path(struct memory *memory, const char *path, bool is_connected);
/* Idempotent. */
void memory_deinit(struct memory *memory);

/* The file's bytes, to be freed. 0 or -ENOMEM. */
int memory_encode(const struct memory *memory, char **ret_bytes, size_t *ret_size);
/* All or nothing, into an empty one. 0; -EINVAL: damaged, or of another version; -ENOMEM. */
int memory_decode(struct memory *memory, const char *bytes, size_t size);

/* Whether that is a path of ours, below an adapter. */
bool memory_is_path(const char *path);

#endif
