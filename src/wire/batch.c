/* SPDX-License-Identifier: MIT */
#include "wire/batch.h"

#include "wire/tag.h"

#include <string.h>

enum {
    TAG_ADVERT = 1 << 3 | WIRE_BYTES,
    TAG_ADDRESS = 1 << 3 | WIRE_VARINT,
    TAG_RSSI = 2 << 3 | WIRE_VARINT,
    TAG_ADDRESS_TYPE = 3 << 3 | WIRE_VARINT,
    TAG_DATA = 4 << 3 | WIRE_BYTES,
};

static const uint64_t address_mask = (UINT64_C(1) << 48) - 1;

static int32_t batch_unzigzag(uint32_t value)
{
    return (int32_t)(value >> 1) ^ -(int32_t)(value & 1);
}

static bool batch_read_advert(const uint8_t *in, const uint8_t *end, struct batch_advert *advert)
{
    uint64_t tag, value = 0;
    while (in < end) {
        in = varint_read(in, end, VARINT_MAX, &tag);
        if (!in)
            return false;
        switch (tag) {
        case TAG_ADDRESS:
            in = varint_read(in, end, VARINT_MAX, &value);
            advert->address = value & address_mask;
            break;
        case TAG_RSSI:
            in = varint_read(in, end, VARINT_MAX, &value);
            advert->rssi = batch_unzigzag((uint32_t)value);
            break;
        case TAG_ADDRESS_TYPE:
            in = varint_read(in, end, VARINT_MAX, &value);
            advert->address_type = (uint32_t)value;
            break;
        case TAG_DATA:
            in = tag_read_bytes(in, end, &value);
            if (!in)
                return false;
            advert->data = value > 0 ? in : NULL;
            advert->size = (uint32_t)value;
            in += value;
            break;
        default:
            in = tag_skip(tag, in, end);
        }
        if (!in)
            return false;
    }
    return true;
}

/* batch_next(), whatever the fields and their order. Apart from it, whose usual path then needs no stack. */
static __attribute__((noinline)) int batch_next_any(struct batch *batch, struct batch_advert *ret_advert)
{
    const uint8_t *in = batch->position, *end = batch->end;
    while (in < end) {
        uint64_t tag = 0, size = 0;
        in = varint_read(in, end, VARINT_MAX, &tag);
        if (in && tag != TAG_ADVERT)
            in = tag_skip(tag, in, end);
        else if (in)
            in = tag_read_bytes(in, end, &size);
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

/* Reads what firmware writes straight through: address, signal, type unless it is 0, and data, in this order,
 * all numbers but the first two below 128. */
int batch_next(struct batch *batch, struct batch_advert *ret_advert)
{
    enum { HEADERS_MAX = 1 + 8 + 1 + 2 + 1 + 1 + 1 + 1 }; /* a tag and a number four times */
    const uint8_t *in = batch->position;
    size_t left = (size_t)(batch->end - in);
    if (left < 2 + HEADERS_MAX || in[0] != TAG_ADVERT || in[1] >= 0x80 || in[1] > left - 2 ||
        in[2] != TAG_ADDRESS)
        return batch_next_any(batch, ret_advert);
    const uint8_t *end = in + 2 + in[1];
    uint64_t word = varint_load(in + 3), last = varint_last(word);
    in += 3 + varint_word_size(last | UINT64_C(1) << 63);
    uint32_t rssi = in[1], address_type = 0;
    if (last == 0 || *in != TAG_RSSI)
        return batch_next_any(batch, ret_advert);
    in += 2;
    if (rssi >= 0x80)
        rssi = (rssi & 0x7f) | (uint32_t)*in++ << 7;
    if (in[0] == TAG_ADDRESS_TYPE) {
        address_type = in[1];
        in += 2;
    }
    uint32_t size = in[1];
    if (in[0] != TAG_DATA || (rssi >> 7 | address_type | size) >= 0x80 || in + 2 + size != end)
        return batch_next_any(batch, ret_advert);
    batch->position = end;
    ret_advert->address =
        varint_word(word, last) & address_mask; /* seven bytes, as its upper 16 bits are zero */
    ret_advert->data = size > 0 ? in + 2 : NULL;
    ret_advert->size = size;
    ret_advert->rssi = batch_unzigzag(rssi);
    ret_advert->address_type = address_type;
    return 1;
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
