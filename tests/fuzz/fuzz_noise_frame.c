/* SPDX-License-Identifier: MIT */

/* A stream of Noise frames under the null cipher. The first byte chooses the receiver (bit 0: firmware) and
 * how the stream is cut: however it arrives, the same messages come out and it ends the same way. */
#include "noise/data_frame.h"

#include <bleproxy/error.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *reallocate(void *user, void *block, size_t size)
{
    (void)user;
    if (size > 0)
        return realloc(block, size);
    free(block);
    return NULL;
}

static const struct env env = {.reallocate = reallocate};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static uint64_t mixed(uint64_t digest, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++)
        digest = (digest ^ at[i]) * UINT64_C(0x100000001b3);
    return digest;
}

/* A message that was read, written again, reads as itself. */
static void check_rewritten(const struct frame *message)
{
    static const uint8_t key[CIPHER_KEY_SIZE];
    struct buffer out;
    struct cipher cipher;
    uint8_t *payload;
    buffer_init(&out, &env, DATA_FRAME_HEADER + UINT16_MAX);
    cipher_init(&cipher, &aead_null, key);
    check(data_frame_begin(&out, message->type, message->size, &payload) == 0);
    if (message->size > 0)
        memcpy(payload, message->data, message->size);
    check(data_frame_end(&out, &cipher, message->size) == 0);

    struct frame again;
    size_t used;
    check(frame_read_noise(buffer_data(&out), out.size, &frame_limits_client, &again, &used) == 0);
    check(used == out.size);
    cipher.nonce = 0;
    check(data_frame_open(&cipher, true, &again) == 0);
    check(again.type == message->type && again.size == message->size);
    check(message->size == 0 || memcmp(again.data, message->data, message->size) == 0);
    cipher_deinit(&cipher);
    buffer_deinit(&out);
}

/* Everything that can be observed of reading the stream in chunks, as one number. */
static uint64_t read_stream(const uint8_t *data, size_t size, bool firmware, size_t chunk)
{
    static const uint8_t key[CIPHER_KEY_SIZE];
    const struct frame_limits *limits = firmware ? &frame_limits_firmware : &frame_limits_client;
    struct frame_reader reader;
    struct cipher cipher;
    uint64_t digest = UINT64_C(0xcbf29ce484222325);
    int r = FRAME_INCOMPLETE;
    frame_reader_init(&reader, &env);
    cipher_init(&cipher, &aead_null, key);
    for (size_t at = 0; at < size && r == FRAME_INCOMPLETE; at += chunk) {
        size_t n = size - at < chunk ? size - at : chunk;
        uint8_t *received = malloc(n), *bytes = received;
        struct frame frame;
        check(received != NULL);
        memcpy(received, data + at, n);
        while ((r = frame_reader_next(&reader, frame_read_noise, limits, &bytes, &n, &frame)) == 0) {
            r = data_frame_open(&cipher, firmware, &frame);
            if (r != 0)
                break;
            check(frame.type <= UINT16_MAX && frame.size <= DATA_FRAME_PAYLOAD_MAX);
            digest = mixed(digest, &frame.type, sizeof(frame.type));
            digest = mixed(digest, &frame.size, sizeof(frame.size));
            digest = mixed(digest, frame.data, frame.size);
            check_rewritten(&frame);
        }
        free(received);
    }
    check(r != BLEPROXY_E_NOMEM);
    digest = mixed(digest, &r, sizeof(r));
    digest = mixed(digest, &cipher.nonce, sizeof(cipher.nonce));
    cipher_deinit(&cipher);
    frame_reader_deinit(&reader);
    return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    bool firmware = data[0] & 1;
    size_t chunk = 1 + (data[0] >> 1);
    check(read_stream(data + 1, size - 1, firmware, size) ==
          read_stream(data + 1, size - 1, firmware, chunk));
    return 0;
}
