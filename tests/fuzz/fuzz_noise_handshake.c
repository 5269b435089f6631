/* SPDX-License-Identifier: MIT */

/* What a peer sends in the handshake, and a PSK as a person types it. The first byte chooses (bit 0: we are
 * the device; bit 1: null cipher; bit 2: a PSK), the second is the size of the client's hello, which comes
 * before the message. */
#include "noise/handshake.h"

#include <bleproxy/error.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* The keys of the tests' transcript: what authenticates there does so here. user is the first byte. */
static void counting_bytes(void *user, void *buf, size_t size)
{
    uint8_t *bytes = buf;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(*(const uint8_t *)user + i);
}

static void check_done(const struct handshake *handshake)
{
    struct cipher to_server, to_client;
    check(handshake_split(handshake, &to_server, &to_client) == 0);
    check(memcmp(to_server.key, to_client.key, CIPHER_KEY_SIZE) != 0);
    cipher_deinit(&to_server);
    cipher_deinit(&to_client);
}

/* A refused step has changed nothing, and only one size is accepted. */
static void check_step(int r, size_t size, const struct handshake *handshake, const struct handshake *before)
{
    check(r == 0 || r == BLEPROXY_E_HANDSHAKE || r == BLEPROXY_E_INVALID_KEY);
    check(r != 0 || size == HANDSHAKE_MESSAGE_SIZE);
    check(r == 0 || memcmp(handshake, before, sizeof(*before)) == 0);
}

static void be_device(struct handshake *handshake, const uint8_t *message, size_t size)
{
    uint8_t first_byte = 0x40, answer[HANDSHAKE_MESSAGE_SIZE];
    const struct env env = {.random = counting_bytes, .user = &first_byte};
    struct handshake before = *handshake;
    int r = handshake_read_first(handshake, message, size);
    check_step(r, size, handshake, &before);
    check(handshake_read_second(handshake, message, size) == BLEPROXY_E_STATE);
    if (r < 0)
        return;
    before = *handshake;
    r = handshake_write_second(handshake, &env, answer);
    check_step(r, size, handshake, &before);
    if (r == 0)
        check_done(handshake);
}

static void be_client(struct handshake *handshake, const uint8_t *message, size_t size)
{
    uint8_t first_byte = 0x20, first[HANDSHAKE_MESSAGE_SIZE];
    const struct env env = {.random = counting_bytes, .user = &first_byte};
    check(handshake_write_first(handshake, &env, first) == 0);
    struct handshake before = *handshake;
    int r = handshake_read_second(handshake, message, size);
    check_step(r, size, handshake, &before);
    if (r == 0)
        check_done(handshake);
}

static void decode_psk(const uint8_t *text, size_t size)
{
    uint8_t psk[HANDSHAKE_PSK_SIZE];
    char *base64 = malloc(size + 1);
    check(base64 != NULL);
    memcpy(base64, text, size);
    base64[size] = '\0';
    int r = handshake_psk_decode(base64, psk);
    check(r == BLEPROXY_E_INVALID_KEY || (r == 0 && strlen(base64) == 44));
    free(base64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size - 2 < data[1])
        return 0;
    if (data[0] & 4) {
        decode_psk(data + 2, size - 2);
        return 0;
    }
    uint8_t psk[HANDSHAKE_PSK_SIZE], first_byte = 0;
    struct handshake handshake;
    counting_bytes(&first_byte, psk, sizeof(psk));
    handshake_init(&handshake, data[0] & 2 ? &aead_null : &aead_sodium, psk, data + 2, data[1]);
    (data[0] & 1 ? be_device : be_client)(&handshake, data + 2 + data[1], size - 2 - data[1]);
    handshake_deinit(&handshake);
    return 0;
}
