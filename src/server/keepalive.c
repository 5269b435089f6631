/* SPDX-License-Identifier: MIT */
#include "server/keepalive.h"

/* ESPHome firmware: a ping after a minute of silence, the end after two and a half. */
#define KEEPALIVE_PING_NS (60 * NS_PER_S)
#define KEEPALIVE_GONE_NS (150 * NS_PER_S)

void server_keepalive_init(struct server_keepalive *keepalive, uint64_t handshake_timeout_ns, uint64_t now_ns)
{
    *keepalive = (struct server_keepalive){.received_ns = now_ns,
                                           .handshake_ns = time_after(now_ns, handshake_timeout_ns)};
}

void server_keepalive_authenticated(struct server_keepalive *keepalive)
{
    keepalive->handshake_ns = BP_NEVER;
}

void server_keepalive_received(struct server_keepalive *keepalive, uint64_t now_ns)
{
    keepalive->received_ns = now_ns;
    keepalive->pinged = false;
}

uint64_t server_keepalive_deadline(const struct server_keepalive *keepalive)
{
    uint64_t silence_ns = keepalive->pinged ? KEEPALIVE_GONE_NS : KEEPALIVE_PING_NS;
    return time_min(keepalive->handshake_ns, time_after(keepalive->received_ns, silence_ns));
}

enum keepalive_action server_keepalive_tick(struct server_keepalive *keepalive, uint64_t now_ns)
{
    if (now_ns >= keepalive->handshake_ns)
        return KEEPALIVE_LATE;
    if (now_ns < server_keepalive_deadline(keepalive))
        return KEEPALIVE_NOTHING;
    if (keepalive->pinged)
        return KEEPALIVE_GONE;
    keepalive->pinged = true;
    return KEEPALIVE_PING;
}
