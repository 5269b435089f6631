/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_RESULT_H
#define CENTRAL_RESULT_H

#include <bleproxy/peripheral.h>

/* How something ended, in facts. */
struct ending {
    int error;
    int32_t code;
    uint32_t missing;
    unsigned attempts;
    const char *doing; /* what was being done, before the device's address: "pairing with"; static */
    uint16_t handle;   /* of the attribute that it was done to; 0: to none */
    const uint8_t *value;
    size_t size;
};

/* The proxy it went through, if any. */
struct way {
    uint64_t source; /* 0: none */
    const char *proxy, *firmware;
    uint32_t slots_limit, slots_in_use;
};

enum { REPORT_TEXT_MAX = 640 };

/* The same for the user. */
struct report {
    struct bleproxy_result result;
    char text[REPORT_TEXT_MAX];
};

/* way NULL: no proxy had part in it. */
void report_fill(struct report *report, const struct ending *ending, uint64_t address, const struct way *way);

#endif
