/* SPDX-License-Identifier: MIT */
#include "wire/frame.h"

#include "wire/varint.h"

enum {
    FRAME_VARINT_MAX = 4, /* bytes of each number in a plaintext header */
    FRAME_PLAIN_HEADER_MAX = 3 * FRAME_VARINT_MAX,
    FRAME_PLAIN_HEADER_MIN = 3,
    FRAME_NOISE_HEADER = 3,
    FRAME_BODY_MAX = 65535,
};

const struct frame_limits frame_limits_client = {
    .payload_max = FRAME_BODY_MAX,
    .type_max = (1u << 28) - 1,
    .header_max = 2 * FRAME_VARINT_MAX,
    .noise_body_max = FRAME_BODY_MAX,
    .overlong_preamble = true,
};

const struct frame_limits frame_limits_firmware = {
    .payload_max = 32768,
    .type_max = 65535,
    .header_max = 4,
    .noise_body_max = 32768,
};

/* Reads one number of a plaintext header at *position, of which only the bytes before end may be used.
 * whole says that no more bytes will follow end, because the header may not be longer. */
static int frame_read_number(const uint8_t **position, const uint8_t *end, bool whole, uint64_t *ret_value)
{
    const uint8_t *behind = varint_read(*position, end, FRAME_VARINT_MAX, ret_value);
    if (!behind)
        return whole || end - *position >= FRAME_VARINT_MAX ? FRAME_BAD_VARINT : FRAME_INCOMPLETE;
    *position = behind;
    return 0;
}

/* numbers is how many numbers of the header are still to come. */
static int frame_incomplete(size_t n, size_t numbers, size_t *ret_used)
{
    *ret_used = n + numbers > FRAME_PLAIN_HEADER_MIN ? n + numbers : FRAME_PLAIN_HEADER_MIN;
    return FRAME_INCOMPLETE;
}

static int frame_read_preamble(const uint8_t **position, const uint8_t *end,
                               const struct frame_limits *limits)
{
    uint64_t preamble;
    if (*position < end && **position >= 0x80 && !limits->overlong_preamble)
        return FRAME_BAD_PREAMBLE;
    int r = frame_read_number(position, end, false, &preamble);
    if (r != 0 || preamble == 0)
        return r;
    return preamble == 1 ? FRAME_OTHER_FRAMING : FRAME_BAD_PREAMBLE;
}

/* Cuts out the frame behind its header. */
static int frame_take(uint8_t *bytes, size_t n, size_t header, uint64_t type, uint64_t size,
                      struct frame *ret_frame, size_t *ret_used)
{
    *ret_used = header + (size_t)size;
    if (n - header < size)
        return FRAME_INCOMPLETE;
    *ret_frame = (struct frame){(uint32_t)type, bytes + header, (size_t)size};
    return 0;
}

int frame_read_plain(uint8_t *bytes, size_t n, const struct frame_limits *limits, struct frame *ret_frame,
                     size_t *ret_used)
{
    /* The usual header; limits are never as low as that. */
    if (n >= FRAME_PLAIN_HEADER_MIN && bytes[0] == 0 && (bytes[1] | bytes[2]) < 0x80)
        return frame_take(bytes, n, FRAME_PLAIN_HEADER_MIN, bytes[2], bytes[1], ret_frame, ret_used);
    const uint8_t *position = bytes, *end = bytes + n;
    int r = frame_read_preamble(&position, end, limits);
    if (r == FRAME_INCOMPLETE)
        return frame_incomplete(n, 3, ret_used);
    if (r != 0)
        return r;

    bool whole = (size_t)(end - position) >= limits->header_max;
    const uint8_t *header_end = whole ? position + limits->header_max : end;
    uint64_t size, type;
    r = frame_read_number(&position, header_end, whole, &size);
    if (r == FRAME_INCOMPLETE)
        return frame_incomplete(n, 2, ret_used);
    if (r != 0)
        return r;
    if (size > limits->payload_max)
        return FRAME_TOO_LARGE;
    r = frame_read_number(&position, header_end, whole, &type);
    if (r == FRAME_INCOMPLETE)
        return frame_incomplete(n, 1, ret_used);
    if (r != 0)
        return r;
    if (type > limits->type_max)
        return FRAME_TOO_LARGE;

    return frame_take(bytes, n, (size_t)(position - bytes), type, size, ret_frame, ret_used);
}

int frame_read_noise(uint8_t *bytes, size_t n, const struct frame_limits *limits, struct frame *ret_frame,
                     size_t *ret_used)
{
    if (n > 0 && bytes[0] != 1)
        return bytes[0] == 0 ? FRAME_OTHER_FRAMING : FRAME_BAD_PREAMBLE;
    if (n < FRAME_NOISE_HEADER) {
        *ret_used = FRAME_NOISE_HEADER;
        return FRAME_INCOMPLETE;
    }
    size_t size = (size_t)bytes[1] << 8 | bytes[2];
    if (size > limits->noise_body_max)
        return FRAME_TOO_LARGE;
    *ret_used = FRAME_NOISE_HEADER + size;
    if (n - FRAME_NOISE_HEADER < size)
        return FRAME_INCOMPLETE;
    *ret_frame = (struct frame){0, bytes + FRAME_NOISE_HEADER, size};
    return 0;
}

int frame_write_plain_header(struct buffer *out, uint32_t type, size_t payload_size)
{
    uint8_t header[1 + 2 * VARINT_MAX] = {0};
    uint8_t *end = varint_write(varint_write(header + 1, payload_size), type);
    return buffer_append(out, header, (size_t)(end - header));
}

int frame_write_noise(struct buffer *out, const void *body, size_t body_size)
{
    const uint8_t header[FRAME_NOISE_HEADER] = {1, (uint8_t)(body_size >> 8), (uint8_t)body_size};
    int r = buffer_append(out, header, sizeof(header));
    if (r < 0)
        return r;
    r = buffer_append(out, body, body_size);
    if (r < 0)
        buffer_unwrite(out, sizeof(header));
    return r;
}

void frame_reader_init(struct frame_reader *reader, const struct env *env)
{
    *reader = (struct frame_reader){0};
    buffer_init(&reader->partial, env, FRAME_PLAIN_HEADER_MAX + FRAME_BODY_MAX);
}

void frame_reader_deinit(struct frame_reader *reader)
{
    buffer_deinit(&reader->partial);
    reader->needed = 0;
}

static int frame_reader_keep(struct frame_reader *reader, uint8_t **bytes, size_t *n, size_t count)
{
    int r = buffer_append(&reader->partial, *bytes, count);
    if (r < 0)
        return r;
    *bytes += count;
    *n -= count;
    return 0;
}

/* Goes on with a frame whose start is in partial. needed never exceeds what the frame has in all, so no byte
 * of the next frame is taken. */
static int frame_reader_gather(struct frame_reader *reader, frame_read_fn *read,
                               const struct frame_limits *limits, uint8_t **bytes, size_t *n,
                               struct frame *ret_frame)
{
    for (;;) {
        size_t missing = reader->needed - reader->partial.size;
        int r = frame_reader_keep(reader, bytes, n, missing < *n ? missing : *n);
        if (r < 0)
            return r;
        size_t needed = 0;
        r = read(buffer_data(&reader->partial), reader->partial.size, limits, ret_frame, &needed);
        if (r > FRAME_INCOMPLETE)
            return r;
        reader->needed = r == 0 ? 0 : needed;
        if (r == 0 || *n == 0)
            return r;
    }
}

int frame_reader_next(struct frame_reader *reader, frame_read_fn *read, const struct frame_limits *limits,
                      uint8_t **bytes, size_t *n, struct frame *ret_frame)
{
    if (reader->needed > 0)
        return frame_reader_gather(reader, read, limits, bytes, n, ret_frame);
    if (reader->partial.size > 0)
        buffer_consume(&reader->partial, reader->partial.size);
    if (*n == 0)
        return FRAME_INCOMPLETE;
    size_t used;
    int r = read(*bytes, *n, limits, ret_frame, &used);
    if (r == 0) {
        *bytes += used;
        *n -= used;
        return 0;
    }
    if (r != FRAME_INCOMPLETE)
        return r;
    r = frame_reader_keep(reader, bytes, n, *n);
    if (r < 0)
        return r;
    reader->needed = used;
    return FRAME_INCOMPLETE;
}
