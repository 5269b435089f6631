/* SPDX-License-Identifier: MIT */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <stdint.h>

/* The least that a program must do to receive notifications from a plaintext proxy: wait, receive, cut frames, read
 * three fields, call somebody. No state, no errors, no time: they end the program. */
struct bare {
    uint64_t address;
    uint8_t address_type;
    uint16_t handle,
        cccd; /* of the control that is told how many to send, which sends them; of its configuration */
    int fd, poll;
};

/* Connects to the proxy and the device, and subscribes. */
void bare_open(struct bare *bare, const char *host, uint16_t port);
/* Asks for n notifications and receives them. */
void bare_receive(struct bare *bare, uint16_t n);
void bare_close(struct bare *bare);

#endif
