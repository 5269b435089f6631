/* SPDX-License-Identifier: MIT */
#include "central/codec.h"

#include "wire/varint.h"
#include <bleproxy/error.h>
#include <string.h>

enum {
    VERSION_AT = CODEC_MAGIC_SIZE,
    SIZE_AT = VERSION_AT + 4,
    CHECKSUM_AT = SIZE_AT + 4,
    HEADER_SIZE = CHECKSUM_AT + 4,
};

static void write_32(uint8_t *out, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t read_32(const uint8_t *in)
{
    return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

/* CRC-32 of IEEE 802.3, four bits at a time. */
static uint32_t checksum(const uint8_t *bytes, size_t size)
{
    static const uint32_t remainders[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t sum = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        sum ^= bytes[i];
        sum = sum >> 4 ^ remainders[sum & 15];
        sum = sum >> 4 ^ remainders[sum & 15];
    }
    return ~sum;
}

int codec_begin(struct buffer *out)
{
    static const uint8_t blank[HEADER_SIZE];
    return buffer_append(out, blank, sizeof(blank));
}

int codec_add(struct buffer *out, const ProtobufCMessage *message)
{
    uint8_t length[VARINT_MAX];
    const uint8_t *end = varint_write(length, message_packed_size(message));
    int r = buffer_append(out, length, (size_t)(end - length));
    return r < 0 ? r : message_pack(message, out);
}

int codec_end(const struct codec *codec, struct buffer *out, size_t begin, int r)
{
    if (r == 0 && out->size - begin > UINT32_MAX)
        r = BLEPROXY_E_LIMIT;
    if (r < 0) {
        buffer_unwrite(out, out->size - begin);
        return r;
    }
    uint8_t *header = buffer_data(out) + begin, *rest = header + HEADER_SIZE;
    size_t size = out->size - begin - HEADER_SIZE;
    memcpy(header, codec->magic, CODEC_MAGIC_SIZE);
    write_32(header + VERSION_AT, codec->version);
    write_32(header + SIZE_AT, (uint32_t)size);
    write_32(header + CHECKSUM_AT, checksum(rest, size));
    return r;
}

int codec_open(const struct codec *codec, const uint8_t *bytes, size_t size, const struct env *env,
               struct codec_reader *ret_reader)
{
    if (size < HEADER_SIZE || memcmp(bytes, codec->magic, CODEC_MAGIC_SIZE) != 0 ||
        read_32(bytes + VERSION_AT) != codec->version || read_32(bytes + SIZE_AT) != size - HEADER_SIZE ||
        read_32(bytes + CHECKSUM_AT) != checksum(bytes + HEADER_SIZE, size - HEADER_SIZE))
        return BLEPROXY_E_INVALID;
    ret_reader->in = bytes + HEADER_SIZE;
    ret_reader->end = bytes + size;
    arena_init(&ret_reader->arena, env);
    return 0;
}

int codec_next(struct codec_reader *reader, const ProtobufCMessageDescriptor *descriptor,
               const ProtobufCMessage **ret_message)
{
    struct arena *arena = &reader->arena;
    uint64_t size;
    if (reader->in == reader->end)
        return 0;
    const uint8_t *in = varint_read(reader->in, reader->end, VARINT_MAX, &size);
    if (!in || size > (size_t)(reader->end - in))
        return BLEPROXY_E_INVALID;
    arena_reset(arena);
    const ProtobufCMessage *message =
        protobuf_c_message_unpack(descriptor, &arena->allocator, (size_t)size, in);
    if (!message)
        return arena->no_memory ? BLEPROXY_E_NOMEM : BLEPROXY_E_INVALID;
    reader->in = in + size;
    *ret_message = message;
    return CODEC_NEXT;
}

void codec_close(struct codec_reader *reader)
{
    arena_deinit(&reader->arena);
}
