/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_PROXY_H
#define BLEPROXY_PROXY_H

#include <bleproxy/error.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { BLEPROXY_PORT = 6053 };

/* Time limits in milliseconds; 0 means the default, which is the reference client's. Slow links may want more. */
struct bleproxy_timeouts {
    uint32_t resolve_ms;    /* name look-up: 30,000 */
    uint32_t connect_ms;    /* a round of TCP connects: 60,000 */
    uint32_t handshake_ms;  /* encryption handshake: 60,000 */
    uint32_t hello_ms;      /* the proxy's greeting: 30,000 */
    uint32_t request_ms;    /* device information, capabilities: 10,000 */
    uint32_t ping_ms;       /* silence before a ping: 20,000 */
    uint32_t dead_ms;       /* an unanswered ping ends the connection after: 90,000 */
    uint32_t disconnect_ms; /* the answer to a polite disconnect: 10,000 */
    uint32_t settle_ms;     /* how long a disconnect waits for a connect under way: 5,000 */
    uint32_t silence_ms;    /* no advertisement for so long: the proxy is asked who gets them: 10,000 */
};

/* How a proxy is to scan; see <bleproxy/scanning.h>. */
enum bleproxy_scan_mode {
    BLEPROXY_SCAN_AS_CONFIGURED = 0, /* as its own configuration says, or as subscribers want it */
    BLEPROXY_SCAN_PASSIVE = 1,
    BLEPROXY_SCAN_ACTIVE = 2,
    BLEPROXY_SCAN_AUTO = 3, /* passively, and actively for seconds when that is due */
};

/* Where a proxy is and how to speak with it. Zero-initialise, then set address at least. Everything is copied
 * by whoever takes it. */
struct bleproxy_proxy_config {
    const char *address;   /* host name, IPv4 or IPv6 literal (with %scope) */
    uint16_t port;         /* 0: 6053 */
    const char *name;      /* what it is called here; NULL: what it calls itself, in the log its address */
    const char *noise_psk; /* the key as ESPHome's configuration has it: base64 of 32 bytes. NULL: plaintext.
                           * "" or malformed is BLEPROXY_E_INVALID_KEY: a key never falls back to plaintext */
    const char *password;  /* for firmware before 2026.1; NULL: none */
    const char *expected_name;         /* NULL: any; else another name that answers is BLEPROXY_E_BAD_NAME */
    const char *expected_mac;          /* 12 hexadecimal digits, lower case; NULL: any */
    const char *client_info;           /* what the proxy logs as its client; NULL: "bleproxy VERSION" */
    enum bleproxy_scan_mode scan_mode; /* pinned by a manager for each of its connections */
    struct bleproxy_timeouts timeouts;
    /* A manager whose subscription another program has taken over (firmware since 2026.7) takes it back after so many
     * seconds, then after twice as many, ... 0: never. Two programs that do this to one another share the proxy badly. */
    uint32_t reclaim_s;
    /* A manager remembers which device answers, by its MAC address, as long as its hub does or keeps it in a file, and
     * refuses another one. Not so with this. */
    bool any_device;
};

/* What a proxy's connection is doing. */
enum bleproxy_proxy_state {
    BLEPROXY_PROXY_STOPPED = 0,
    BLEPROXY_PROXY_RESOLVING = 1,
    BLEPROXY_PROXY_CONNECTING = 2,
    BLEPROXY_PROXY_HANDSHAKING = 3,
    BLEPROXY_PROXY_READY = 4,
    BLEPROXY_PROXY_WAITING = 5, /* for the next attempt */
    BLEPROXY_PROXY_STOPPING = 6,
};

#ifdef __cplusplus
}
#endif
#endif
