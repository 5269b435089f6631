/* SPDX-License-Identifier: MIT */
#ifndef SERVER_FRAMING_H
#define SERVER_FRAMING_H

#include "noise/cipher.h"
#include "noise/handshake.h"
#include "wire/frame.h"

/* What all connections of one device have in common. Everything is borrowed. */
struct server_framing_identity {
    const struct env *env;
    const struct aead *aead;
    const uint8_t *psk; /* HANDSHAKE_PSK_SIZE bytes, or NULL: the device speaks plaintext only */
    bool plaintext_too; /* with psk: each client chooses by its first byte */
    const char *name;
    uint64_t mac_address;
    bool says_mac; /* in its Noise hello */
    struct frame_limits limits;
};

enum server_framing_phase {
    FRAMING_UNDECIDED,       /* the client's first byte is to come */
    FRAMING_NOISE_HELLO,     /* the client's hello is to come */
    FRAMING_NOISE_HANDSHAKE, /* the client's handshake message is to come */
    FRAMING_READY,           /* messages may travel both ways; plaintext is so from the start */
};

/* The device's side of a byte stream: plaintext or Noise, as the device was configured when it began. Once that
 * changes, only streams that are FRAMING_READY may go on. */
struct server_framing {
    const struct server_framing_identity *identity;
    enum server_framing_phase phase;
    bool noise; /* else plaintext; once it is decided */
    struct frame_reader reader;
    struct handshake handshake;
    struct cipher receive, send;
    struct buffer out;
    const char *why; /* after a failure: what was wrong */
};

/* out_max: held bytes beyond which sending fails with BLEPROXY_E_LIMIT. */
void server_framing_init(struct server_framing *framing, const struct server_framing_identity *identity,
                         size_t out_max);
/* Plaintext from now on, whatever the device is configured for. Before the first byte. */
void server_framing_trust(struct server_framing *framing);
/* Wipes keys. Idempotent. */
void server_framing_deinit(struct server_framing *framing);

/* The next message in the bytes received; advances both and answers handshakes itself. 0: *ret_frame lives
 * until the next call. FRAME_INCOMPLETE: all is used up. Else the connection must be closed once out is
 * written as far as possible (it may hold a notice of refusal): BLEPROXY_E_NOMEM, _LIMIT, _PROTOCOL,
 * _HANDSHAKE, _INVALID_KEY, _ENCRYPTION; framing->why says more. */
int server_framing_next(struct server_framing *framing, uint8_t **bytes, size_t *n, struct frame *ret_frame);

/* Appends a message to out. 0, BLEPROXY_E_NOMEM, _LIMIT, _ENCRYPTION; BLEPROXY_E_STATE before FRAMING_READY.
 */
int server_framing_send(struct server_framing *framing, uint32_t type, const uint8_t *payload, size_t size);

#endif
