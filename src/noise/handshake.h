/* SPDX-License-Identifier: MIT */
#ifndef NOISE_HANDSHAKE_H
#define NOISE_HANDSHAKE_H

#include "base/env.h"
#include "noise/cipher.h"

/* Noise_NNpsk0_25519_ChaChaPoly_SHA256, revision 34, with empty payloads. The client is the initiator. */
enum { HANDSHAKE_PSK_SIZE = 32, HANDSHAKE_MESSAGE_SIZE = 32 + CIPHER_TAG_SIZE };

enum handshake_state {
    HANDSHAKE_WIPED, /* before init and after deinit */
    HANDSHAKE_INITIAL,
    HANDSHAKE_SENT,     /* initiator: message 1 is written */
    HANDSHAKE_RECEIVED, /* responder: message 1 is read */
    HANDSHAKE_DONE,
};

struct handshake {
    enum handshake_state state;
    const struct aead *aead;
    uint8_t hash[32], chaining_key[32], key[CIPHER_KEY_SIZE], psk[HANDSHAKE_PSK_SIZE];
    uint8_t ephemeral_private[32], ephemeral_public[32], peer_public[32];
};

/* The prologue is "NoiseAPIInit", the u16 big-endian size of the client's hello body, and that body (at most
 * 65535 bytes; NULL when there are none). */
void handshake_init(struct handshake *handshake, const struct aead *aead,
                    const uint8_t psk[HANDSHAKE_PSK_SIZE], const uint8_t *client_hello,
                    size_t client_hello_size);
/* Wipes everything. Idempotent. */
void handshake_deinit(struct handshake *handshake);

/* The four steps. 0, or the handshake is as it was before and the result is
 * - BLEPROXY_E_STATE: it is the turn of another step;
 * - BLEPROXY_E_HANDSHAKE: another size; or, in both steps of the second message, a peer's key of low order;
 * - BLEPROXY_E_INVALID_KEY: the tag is wrong, so the peer has another PSK.
 * env gives the ephemeral private key. message is written only on success. */
int handshake_write_first(struct handshake *handshake, const struct env *env,
                          uint8_t message[HANDSHAKE_MESSAGE_SIZE]);
int handshake_read_first(struct handshake *handshake, const uint8_t *message, size_t size);
int handshake_write_second(struct handshake *handshake, const struct env *env,
                           uint8_t message[HANDSHAKE_MESSAGE_SIZE]);
int handshake_read_second(struct handshake *handshake, const uint8_t *message, size_t size);

/* The session's keys, once DONE (else BLEPROXY_E_STATE). Initialises both ciphers. */
int handshake_split(const struct handshake *handshake, struct cipher *ret_client_to_server,
                    struct cipher *ret_server_to_client);

/* Decodes a base64 PSK: 44 characters of the standard alphabet, the last one '='. As other decoders do,
 * ignores the 2 bits that the last digit has too many. Takes the same time for every key. 0, or
 * BLEPROXY_E_INVALID_KEY with psk zeroed. */
int handshake_psk_decode(const char *base64, uint8_t psk[HANDSHAKE_PSK_SIZE]);

#endif
