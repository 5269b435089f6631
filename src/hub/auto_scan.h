/* SPDX-License-Identifier: MIT */
#ifndef HUB_AUTO_SCAN_H
#define HUB_AUTO_SCAN_H

#include <stdbool.h>
#include <stdint.h>

struct hub;

static inline void auto_scan_on_accepted(struct hub *hub, uint64_t address, uint64_t source, uint64_t now_ns)
{
    (void)hub, (void)address, (void)source, (void)now_ns;
}
static inline bool auto_scan_wants(const struct hub *hub, uint64_t address)
{
    (void)hub, (void)address;
    return false;
}
static inline void auto_scan_rescue(struct hub *hub, uint64_t address, uint64_t challenger, uint64_t owner,
                                    uint64_t now_ns)
{
    (void)hub, (void)address, (void)challenger, (void)owner, (void)now_ns;
}
static inline uint64_t auto_scan_accept_after_ns(const struct hub *hub, uint64_t address)
{
    (void)hub, (void)address;
    return 0;
}

#endif
