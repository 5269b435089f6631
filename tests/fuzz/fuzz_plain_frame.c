/* SPDX-License-Identifier: MIT */
/* Both framings, both sides' limits: a stream cut into pieces yields what it yields whole. Byte 0 chooses the
 * reader, byte 1 the size of the pieces. */
#include "fuzz.h"

#include "wire/frame.h"

struct digest {
    uint64_t hash; /* FNV-1a over types, sizes and bytes of all frames */
    size_t n_frames;
    int outcome;
};

static void digest_add(struct digest *digest, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        digest->hash = (digest->hash ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
}

static struct digest digest_stream(const uint8_t *data, size_t size, uint8_t choice, size_t step)
{
    frame_read_fn *read = choice & 1 ? frame_read_noise : frame_read_plain;
    const struct frame_limits *limits = choice & 2 ? &frame_limits_firmware : &frame_limits_client;
    struct frame_reader reader;
    frame_reader_init(&reader, &fuzz_env);
    struct digest digest = {.outcome = FRAME_INCOMPLETE};
    for (size_t at = 0; at < size && digest.outcome == FRAME_INCOMPLETE; at += step) {
        size_t n = step < size - at ? step : size - at;
        uint8_t *piece = malloc(n), *position = piece;
        FUZZ_CHECK(piece);
        memcpy(piece, data + at, n);
        struct frame frame;
        while ((digest.outcome = frame_reader_next(&reader, read, limits, &position, &n, &frame)) == 0) {
            digest_add(&digest, &frame.type, sizeof(frame.type));
            digest_add(&digest, &frame.size, sizeof(frame.size));
            digest_add(&digest, frame.data, frame.size);
            memset(frame.data, 0, frame.size);
            digest.n_frames++;
        }
        FUZZ_CHECK(digest.outcome != FRAME_INCOMPLETE || n == 0);
        free(piece);
    }
    frame_reader_deinit(&reader);
    return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    struct digest whole = digest_stream(data + 2, size - 2, data[0], size - 2);
    struct digest cut = digest_stream(data + 2, size - 2, data[0], (size_t)data[1] + 1);
    FUZZ_CHECK(whole.hash == cut.hash && whole.n_frames == cut.n_frames && whole.outcome == cut.outcome);
    FUZZ_CHECK(whole.outcome >= FRAME_INCOMPLETE && whole.outcome <= FRAME_TOO_LARGE);
    return 0;
}
