/* SPDX-License-Identifier: MIT */
/* The advertisement cursor against protobuf: what protobuf takes, the cursor takes alike; what the cursor
 * takes, written again, reads back. */
#include "fuzz.h"

#include "wire/batch.h"
#include "wire/message.h"

static void check_same(const struct batch_advert *a, const struct batch_advert *b)
{
    FUZZ_CHECK(a->address == b->address && a->rssi == b->rssi && a->address_type == b->address_type);
    FUZZ_CHECK(a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0));
}

static void check_writes(const struct batch_advert *advert)
{
    struct buffer out;
    buffer_init(&out, &fuzz_env, SIZE_MAX);
    FUZZ_CHECK(batch_append(&out, advert) == 0);
    FUZZ_CHECK(out.size == batch_advert_size(advert));
    struct batch batch;
    struct batch_advert again;
    batch_init(&batch, buffer_data(&out), out.size);
    FUZZ_CHECK(batch_next(&batch, &again) == 1);
    check_same(advert, &again);
    FUZZ_CHECK(batch_next(&batch, &again) == 0);
    buffer_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena, &fuzz_env);
    ProtobufCMessage *message = NULL;
    message_unpack(&arena, MESSAGE_RAW_ADVERTISEMENTS_RESPONSE, data, size, &message);
    const BluetoothLERawAdvertisementsResponse *decoded = (const void *)message;

    struct batch batch;
    struct batch_advert advert;
    size_t n = 0;
    int r;
    batch_init(&batch, data, size);
    while ((r = batch_next(&batch, &advert)) == 1) {
        FUZZ_CHECK(advert.size == 0 ||
                   (advert.data >= data && advert.size <= (size_t)(data + size - advert.data)));
        check_writes(&advert);
        if (decoded) {
            FUZZ_CHECK(n < decoded->n_advertisements);
            const BluetoothLERawAdvertisement *other = decoded->advertisements[n];
            check_same(&advert, &(struct batch_advert){.address = other->address & ((UINT64_C(1) << 48) - 1),
                                                       .data = other->data.data,
                                                       .size = (uint32_t)other->data.len,
                                                       .rssi = other->rssi,
                                                       .address_type = other->address_type});
        }
        n++;
    }
    FUZZ_CHECK(r == 0 || (r == BATCH_MALFORMED && !decoded));
    FUZZ_CHECK(!decoded || n == decoded->n_advertisements);
    arena_deinit(&arena);
    return 0;
}
