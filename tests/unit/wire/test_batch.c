/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "wire/batch.h"
#include "wire/message.h"
#include <bleproxy/error.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS UINT64_C(0xa4c138112233)

enum { ADVERTS_MAX = 64 };

/* Reads the whole payload from a block of exactly its size; data then points into *ret_block, which the
 * caller frees. Returns what batch_next() ended with. */
static int read_all(const uint8_t *payload, size_t size, struct batch_advert *adverts, size_t *ret_n,
                    uint8_t **ret_block)
{
    uint8_t *block = malloc(size > 0 ? size : 1);
    memcpy(block, payload, size);
    struct batch batch;
    batch_init(&batch, block, size);
    int r;
    for (*ret_n = 0; *ret_n < ADVERTS_MAX && (r = batch_next(&batch, &adverts[*ret_n])) == 1;)
        ++*ret_n;
    *ret_block = block;
    return r;
}

static int outcome(const char *text, struct batch_advert *ret_first, size_t *ret_n)
{
    struct batch_advert adverts[ADVERTS_MAX] = {0};
    size_t size;
    uint8_t *block, *payload = hex(text, &size);
    int r = read_all(payload, size, adverts, ret_n, &block);
    *ret_first = adverts[0];
    free(block);
    return r;
}

static void test_case_48_whole_batch(void **state)
{
    (void)state;
    struct batch_advert adverts[ADVERTS_MAX];
    size_t size, n;
    uint8_t *block, *payload = hex("0a1f08b3c4c4c09398291085012212020106030316180a09544553542d30303031"
                                   "0a1608d588cd9192e21e10b301180122070201060303aafe",
                                   &size);
    assert_int_equal(read_all(payload, size, adverts, &n, &block), 0);
    assert_int_equal(n, 2);
    assert_int_equal(adverts[0].address, ADDRESS);
    assert_int_equal(adverts[0].rssi, -67);
    assert_int_equal(adverts[0].address_type, 0);
    assert_hex(adverts[0].data, adverts[0].size, "020106030316180a09544553542d30303031");
    assert_int_equal(adverts[1].address, UINT64_C(0x7b1122334455));
    assert_int_equal(adverts[1].rssi, -90);
    assert_int_equal(adverts[1].address_type, 1);
    assert_hex(adverts[1].data, adverts[1].size, "0201060303aafe");
    free(block);
}

static void test_fields_may_be_absent_repeated_unknown_and_in_any_order(void **state)
{
    (void)state;
    struct batch_advert advert;
    size_t n;
    assert_int_equal(outcome("", &advert, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(outcome("0a00", &advert, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(advert.address, 0);
    assert_null(advert.data);
    assert_int_equal(outcome("0a02 2200", &advert, &n), 0);
    assert_int_equal(n, 1);
    assert_null(advert.data);
    /* data, type, an unknown number of a long tag, rssi twice, unknown bytes, fixed32, fixed64, address */
    assert_int_equal(outcome("0a2a 2202aabb 1803 f807ffffffffffffffffff01 1005 1006 2a0201ff 3501020304"
                             "390102030405060708 0801",
                             &advert, &n),
                     0);
    assert_int_equal(n, 1);
    assert_int_equal(advert.address, 1);
    assert_int_equal(advert.rssi, 3);
    assert_int_equal(advert.address_type, 3);
    assert_int_equal(advert.size, 2);
    /* An unknown field between adverts, and address with another wire type: unknown as well. */
    assert_int_equal(outcome("1005 0a020801 1a03010203 0a03 0a0105", &advert, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(advert.address, 1);
    /* Numbers may be longer than they need to be, tags too. */
    assert_int_equal(outcome("8a8000 8800 888000 8580808000 908000 8680000a00", &advert, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(advert.address, 5);
}

static void test_addresses_have_48_bits(void **state)
{
    (void)state;
    struct batch_advert advert;
    size_t n;
    assert_int_equal(outcome("0a0b 08ffffffffffffffffff01", &advert, &n), 0);
    assert_int_equal(advert.address, (UINT64_C(1) << 48) - 1);
}

static void test_extreme_rssi(void **state)
{
    (void)state;
    struct batch_advert advert;
    size_t n;
    assert_int_equal(outcome("0a06 10ffffffff0f", &advert, &n), 0);
    assert_int_equal(advert.rssi, INT32_MIN);
    assert_int_equal(outcome("0a06 10feffffff0f", &advert, &n), 0);
    assert_int_equal(advert.rssi, INT32_MAX);
}

static void test_malformed_batches(void **state)
{
    (void)state;
    const char *payloads[] = {"0a",
                              "0a01",
                              "0a05 0801",
                              "0a ffffffffffffffffff01",
                              "0a80",
                              "0a01 08",
                              "0a02 0880",
                              "0a0c 08ffffffffffffffffffff01",
                              "0a02 2201",
                              "0a03 22ff01",
                              "0a01 2a",
                              "0a02 0b00",
                              "0a02 0c00",
                              "0a02 0f00",
                              "0a04 35010203",
                              "0a05 3901020304",

                              "08",
                              "ffffffffffffffffffff01"};
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        struct batch_advert advert;
        size_t n;
        if (outcome(payloads[i], &advert, &n) != BATCH_MALFORMED || n != 0)
            fail_msg("%s was taken", payloads[i]);
    }
    struct batch_advert advert;
    size_t n;
    assert_int_equal(outcome("0a020805 0aff", &advert, &n), BATCH_MALFORMED);
    assert_int_equal(n, 1);
    assert_int_equal(advert.address, 5);
}

static void test_appended_adverts_read_back(void **state)
{
    (void)state;
    struct test_env env;
    test_env_init(&env);
    struct buffer out;
    buffer_init(&out, &env.env, 1264);
    uint8_t data[62];
    memset(data, 0x5a, sizeof(data));
    const struct batch_advert adverts[] = {
        {.address = ADDRESS, .rssi = -67, .data = hex("0201060303 1618", NULL), .size = 7},
        {.address = (UINT64_C(1) << 48) - 1,
         .rssi = -128,
         .address_type = 3,
         .data = data,
         .size = sizeof(data)},
        {.address = 0, .rssi = 0, .address_type = 200},
        {.address = 1, .rssi = INT32_MIN},
    };
    size_t expected = 0;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(batch_append(&out, &adverts[i]), 0);
        expected += batch_advert_size(&adverts[i]);
        assert_int_equal(out.size, expected);
    }
    struct batch_advert heard[ADVERTS_MAX];
    uint8_t *block;
    size_t n;
    assert_int_equal(read_all(buffer_data(&out), out.size, heard, &n, &block), 0);
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(heard[i].address, adverts[i].address);
        assert_int_equal(heard[i].rssi, adverts[i].rssi);
        assert_int_equal(heard[i].address_type, adverts[i].address_type);
        assert_int_equal(heard[i].size, adverts[i].size);
        if (heard[i].size > 0)
            assert_memory_equal(heard[i].data, adverts[i].data, heard[i].size);
    }
    free(block);
    buffer_deinit(&out);
    test_env_deinit(&env);
}

static void test_batch_is_written_as_firmware_does(void **state)
{
    (void)state;
    struct test_env env;
    test_env_init(&env);
    struct buffer out;
    buffer_init(&out, &env.env, 16 * 79);
    const struct batch_advert zero = {0};
    assert_int_equal(batch_append(&out, &zero), 0);
    assert_hex(buffer_data(&out), out.size, "0a06 0800 1000 2200");
    buffer_consume(&out, out.size);
    const struct batch_advert vector = {.address = ADDRESS,
                                        .rssi = -67,
                                        .data = hex("020106030316180a09544553542d30303031", NULL),
                                        .size = 18};
    assert_int_equal(batch_append(&out, &vector), 0);
    assert_hex(buffer_data(&out), out.size,
               "0a1f08b3c4c4c09398291085012212020106030316180a09544553542d30303031");
    buffer_consume(&out, out.size);
    /* Sixteen full ones of a usual address and a random type. */
    uint8_t data[62] = {0};
    const struct batch_advert full = {ADDRESS, data, sizeof(data), -67, 1};
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(batch_append(&out, &full), 0);
    assert_int_equal(out.size, 1264);
    assert_int_equal(batch_append(&out, &full), BLEPROXY_E_LIMIT);
    assert_int_equal(out.size, 1264);
    buffer_deinit(&out);
    test_env_deinit(&env);
}

/* Small and large numbers alike. */
static uint64_t draw(const struct test_env *env, unsigned bits)
{
    uint64_t value;
    uint8_t shift;
    env->env.random(env->env.user, &value, sizeof(value));
    env->env.random(env->env.user, &shift, sizeof(shift));
    return value >> (64 - bits + shift % bits);
}

static void test_agrees_with_protobuf(void **state)
{
    (void)state;
    struct test_env env;
    test_env_init(&env);
    struct arena arena;
    arena_init(&arena, &env.env);
    struct buffer out;
    buffer_init(&out, &env.env, 70000);
    for (size_t round = 0; round < 3000; round++) {
        BluetoothLERawAdvertisement records[20], *pointers[20];
        uint8_t data[20][256];
        BluetoothLERawAdvertisementsResponse response = BLUETOOTH_LERAW_ADVERTISEMENTS_RESPONSE__INIT;
        response.advertisements = pointers;
        response.n_advertisements = (size_t)(draw(&env, 16) % 20);
        for (size_t i = 0; i < response.n_advertisements; i++) {
            bluetooth_leraw_advertisement__init(pointers[i] = &records[i]);
            records[i].address = draw(&env, 48);
            records[i].rssi = (int32_t)(uint32_t)draw(&env, 32);
            records[i].address_type = (uint32_t)draw(&env, 32);
            records[i].data = (ProtobufCBinaryData){(size_t)draw(&env, 8), data[i]};
            env.env.random(env.env.user, data[i], records[i].data.len);
        }
        buffer_consume(&out, out.size);
        assert_int_equal(message_pack(&response.base, &out), 0);
        /* Every other round one byte is damaged: then what protobuf takes, the cursor must take alike. */
        if (round % 2 && out.size > 0)
            buffer_data(&out)[draw(&env, 16) % out.size] ^= (uint8_t)(1u << draw(&env, 3));

        struct batch_advert adverts[ADVERTS_MAX];
        uint8_t *block;
        size_t n;
        int r = read_all(buffer_data(&out), out.size, adverts, &n, &block);
        ProtobufCMessage *message;
        if (message_unpack(&arena, MESSAGE_RAW_ADVERTISEMENTS_RESPONSE, buffer_data(&out), out.size,
                           &message) == 0) {
            const BluetoothLERawAdvertisementsResponse *decoded = (const void *)message;
            assert_int_equal(r, 0);
            assert_int_equal(n, decoded->n_advertisements);
            for (size_t i = 0; i < n; i++) {
                const BluetoothLERawAdvertisement *advert = decoded->advertisements[i];
                assert_int_equal(adverts[i].address, advert->address & ((UINT64_C(1) << 48) - 1));
                assert_int_equal(adverts[i].rssi, advert->rssi);
                assert_int_equal(adverts[i].address_type, advert->address_type);
                assert_int_equal(adverts[i].size, advert->data.len);
                if (adverts[i].size > 0)
                    assert_memory_equal(adverts[i].data, advert->data.data, advert->data.len);
            }
        } else {
            assert_int_equal(round % 2, 1);
        }
        free(block);
        arena_reset(&arena);
    }
    arena_deinit(&arena);
    buffer_deinit(&out);
    test_env_deinit(&env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_case_48_whole_batch),
        cmocka_unit_test(test_fields_may_be_absent_repeated_unknown_and_in_any_order),
        cmocka_unit_test(test_addresses_have_48_bits),
        cmocka_unit_test(test_extreme_rssi),
        cmocka_unit_test(test_malformed_batches),
        cmocka_unit_test(test_appended_adverts_read_back),
        cmocka_unit_test(test_batch_is_written_as_firmware_does),
        cmocka_unit_test(test_agrees_with_protobuf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
