/* SPDX-License-Identifier: MIT */
#include "wire/batch.h"

#include "wire/varint.h"

#include <endian.h>
#include <string.h>

/* Protobuf tags: field number << 3 | wire type. */
enum {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_FIXED32 = 5,
    TAG_ADVERT = 1 << 3 | WIRE_BYTES,
    TAG_ADDRESS = 1 << 3 | WIRE_VARINT,
    TAG_RSSI = 2 << 3 | WIRE_VARINT,
    TAG_ADDRESS_TYPE = 3 << 3 | WIRE_VARINT,
    TAG_DATA = 4 << 3 | WIRE_BYTES,
};

static const uint64_t address_mask = (UINT64_C(1) << 48) - 1;

/* The 8 bytes at in as a number, the first one least significant. */
static inline uint64_t batch_load(const uint8_t *in)
{
    uint64_t word;
    memcpy(&word, in, sizeof(word));
    return le64toh(word);
}

/* varint_read() at half its price: one or two bytes at once, up to eight together (an address has seven). */
static inline const uint8_t *batch_read_number(const uint8_t *in, const uint8_t *end, uint64_t *ret_value)
{
    if (in < end && *in < 0x80) {
        *ret_value = *in;
        return in + 1;
    }
    if (end - in >= 2 && in[1] < 0x80) {
        *ret_value = (in[0] & 0x7fu) | (uint64_t)in[1] << 7;
        return in + 2;
    }
    if (end - in < 8)
        return varint_read(in, end, VARINT_MAX, ret_value);
    uint64_t word = batch_load(in), last = ~word & UINT64_C(0x8080808080808080);
    if (last == 0)
        return varint_read(in, end, VARINT_MAX, ret_value);
    /* Up to the first byte without the continuation bit; then the groups of 7 bits move together by pairs. */
    word &= (last ^ (last - 1)) & UINT64_C(0x7f7f7f7f7f7f7f7f);
    word = (word & UINT64_C(0x007f007f007f007f)) | (word & UINT64_C(0x7f007f007f007f00)) >> 1;
    word = (word & UINT64_C(0x00003fff00003fff)) | (word & UINT64_C(0x3fff00003fff0000)) >> 2;
    *ret_value = (word & UINT64_C(0x000000000fffffff)) | (word & UINT64_C(0x0fffffff00000000)) >> 4;
    return in + (unsigned)__builtin_ctzll(last) / 8 + 1;
}

/* The length of a string of bytes and whether it is all there. Returns where it starts, or NULL. */
static inline const uint8_t *batch_read_bytes(const uint8_t *in, const uint8_t *end, uint64_t *ret_size)
{
    in = batch_read_number(in, end, ret_size);
    return in && *ret_size <= (uint64_t)(end - in) ? in : NULL;
}

/* Passes over the value of an unknown field. Returns the position behind it, or NULL. */
static const uint8_t *batch_skip(uint64_t tag, const uint8_t *in, const uint8_t *end)
{
    uint64_t value;
    switch (tag & 7) {
    case WIRE_VARINT:
        return varint_read(in, end, VARINT_MAX, &value);
    case WIRE_FIXED64:
        return end - in >= 8 ? in + 8 : NULL;
    case WIRE_BYTES:
        in = batch_read_bytes(in, end, &value);
        return in ? in + value : NULL;
    case WIRE_FIXED32:
        return end - in >= 4 ? in + 4 : NULL;
    }
    return NULL;
}

static int32_t batch_unzigzag(uint32_t value)
{
    return (int32_t)(value >> 1) ^ -(int32_t)(value & 1);
}

static bool batch_read_advert(const uint8_t *in, const uint8_t *end, struct batch_advert *advert)
{
    uint64_t tag, value = 0;
    while (in < end) {
        in = batch_read_number(in, end, &tag);
        if (!in)
            return false;
        switch (tag) {
        case TAG_ADDRESS:
            in = batch_read_number(in, end, &value);
            advert->address = value & address_mask;
            break;
        case TAG_RSSI:
            in = batch_read_number(in, end, &value);
            advert->rssi = batch_unzigzag((uint32_t)value);
            break;
        case TAG_ADDRESS_TYPE:
            in = batch_read_number(in, end, &value);
            advert->address_type = (uint32_t)value;
            break;
        case TAG_DATA:
            in = batch_read_bytes(in, end, &value);
            if (!in)
                return false;
            advert->data = value > 0 ? in : NULL;
            advert->size = (uint32_t)value;
            in += value;
            break;
        default:
            in = batch_skip(tag, in, end);
        }
        if (!in)
            return false;
    }
    return true;
}

int batch_next(struct batch *batch, struct batch_advert *ret_advert)
{
    const uint8_t *in = batch->position, *end = batch->end;
    while (in < end) {
        uint64_t tag = 0, size = 0;
        in = batch_read_number(in, end, &tag);
        if (in && tag != TAG_ADVERT)
            in = batch_skip(tag, in, end);
        else if (in)
            in = batch_read_bytes(in, end, &size);
        if (!in)
            return BATCH_MALFORMED;
        if (tag == TAG_ADVERT) {
            struct batch_advert advert = {0};
            if (!batch_read_advert(in, in + size, &advert))
                return BATCH_MALFORMED;
            batch->position = in + size;
            *ret_advert = advert;
            return 1;
        }
    }
    batch->position = end;
    return 0;
}

static uint32_t batch_zigzag(int32_t value)
{
    return (uint32_t)value << 1 ^ (value < 0 ? UINT32_MAX : 0);
}

static size_t batch_body_size(const struct batch_advert *advert)
{
    size_t size = 1 + varint_size(advert->address) + 1 + varint_size(batch_zigzag(advert->rssi));
    if (advert->address_type != 0)
        size += 1 + varint_size(advert->address_type);
    return size + 1 + varint_size(advert->size) + advert->size;
}

size_t batch_advert_size(const struct batch_advert *advert)
{
    size_t body = batch_body_size(advert);
    return 1 + varint_size(body) + body;
}

int batch_append(struct buffer *out, const struct batch_advert *advert)
{
    uint8_t *start;
    int r = buffer_reserve(out, batch_advert_size(advert), &start);
    if (r < 0)
        return r;
    uint8_t *to = start;
    *to++ = TAG_ADVERT;
    to = varint_write(to, batch_body_size(advert));
    *to++ = TAG_ADDRESS;
    to = varint_write(to, advert->address);
    *to++ = TAG_RSSI;
    to = varint_write(to, batch_zigzag(advert->rssi));
    if (advert->address_type != 0) {
        *to++ = TAG_ADDRESS_TYPE;
        to = varint_write(to, advert->address_type);
    }
    *to++ = TAG_DATA;
    to = varint_write(to, advert->size);
    if (advert->size > 0)
        memcpy(to, advert->data, advert->size);
    buffer_commit(out, (size_t)(to - start) + advert->size);
    return 0;
}
