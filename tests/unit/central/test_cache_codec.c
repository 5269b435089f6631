/* SPDX-License-Identifier: MIT */
#include "services_fixture.h"

#include "central/cache.h"
#include <bleproxy/error.h>

#define NORDIC "6e400001-b5a3-f393-e0a9-e50e24dcca9e"

static const struct row rich[] = {
    {'s', "1800", 1, 0},   {'c', "2a00", 3, UINT32_MAX},
    {'s', NORDIC, 9, 0},   {'c', "12345678", 11, 0x10},
    {'d', "2902", 12, 0},  {'d', "00000000-0000-1000-8000-00805f9b34fb", 13, 0},
    {'c', NULL, 65535, 0},
};
static const struct row plain[] = {{'s', "180f", 1, 0}, {'c', "2a19", 3, 2}};

enum { A = 0xa1, B = 0xb2, LIMIT = 64 * 1024 * 1024 };
#define FAR UINT64_C(0xffffffffffff)

static struct test_env test;
static struct cache from, into;
static struct buffer file;

static int setup(void **state)
{
    (void)state;
    test_env_init(&test);
    cache_init(&from, &test.env);
    cache_init(&into, &test.env);
    buffer_init(&file, &test.env, LIMIT);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cache_deinit(&from);
    cache_deinit(&into);
    buffer_deinit(&file);
    test_env_deinit(&test);
    return 0;
}

static void put_services(uint64_t address, const struct row *rows, size_t n)
{
    struct services *services = fixture_services(&test.env, rows, n);
    assert_int_equal(cache_put_services(&from, address, services), 0);
    services_unref(services);
}

/* Two databases, two MTUs, one device in common. */
static void fill(void)
{
    put_services(A, ROWS(rich));
    put_services(FAR, ROWS(plain));
    assert_int_equal(cache_put_mtu(&from, FAR, 65535), 0);
    assert_int_equal(cache_put_mtu(&from, B, 23), 0);
    assert_int_equal(cache_encode(&from, &file), 0);
}

static int decode(void)
{
    return cache_decode(&into, buffer_data(&file), file.size);
}

static void assert_lists_equal(const struct list *a, const struct list *b)
{
    struct list *j = b->next;
    for (struct list *i = a->next; i != a; i = i->next, j = j->next) {
        const struct cache_entry *x = list_entry(i, struct cache_entry, link);
        const struct cache_entry *y = list_entry(j, struct cache_entry, link);
        assert_ptr_not_equal(j, b);
        assert_true(x->address == y->address);
        assert_int_equal(x->mtu, y->mtu);
        assert_int_equal(x->services != NULL, y->services != NULL);
        if (x->services)
            assert_services_equal(&x->services->view, &y->services->view);
    }
    assert_ptr_equal(j, b);
}

static void assert_caches_equal(void)
{
    assert_int_equal(from.n_services, into.n_services);
    assert_int_equal(from.n_mtus, into.n_mtus);
    assert_lists_equal(&from.services, &into.services);
    assert_lists_equal(&from.mtus, &into.mtus);
}

static void assert_empty(const struct cache *cache)
{
    assert_true(list_empty(&cache->services) && list_empty(&cache->mtus));
    assert_int_equal(cache->n_services + cache->n_mtus, 0);
}

static void test_an_empty_cache_comes_back(void **state)
{
    (void)state;
    assert_int_equal(cache_encode(&from, &file), 0);
    assert_hex(buffer_data(&file), file.size, "626c6570726f7879 01000000 00000000 00000000");
    assert_int_equal(decode(), 0);
    assert_empty(&into);
}

static void test_the_format_is_what_it_was(void **state)
{
    (void)state;
    put_services(A, ROWS(plain));
    assert_int_equal(cache_put_mtu(&from, B, 247), 0);
    assert_int_equal(cache_encode(&from, &file), 0);
    assert_hex(buffer_data(&file), file.size,
               "626c6570726f7879 01000000 1b000000 dcdee487"
               "13 08a101 1a0e 1001 1a07 1003 1802 289954 208f30"
               "06 08b201 10f701");
}

static void test_everything_comes_back_in_the_order_of_use(void **state)
{
    (void)state;
    fill();
    assert_int_equal(decode(), 0);
    assert_caches_equal();
    assert_non_null(cache_services(&from, A)); /* used: now the last one */
    buffer_consume(&file, file.size);
    assert_int_equal(cache_encode(&from, &file), 0);
    cache_deinit(&into);
    assert_int_equal(decode(), 0);
    assert_caches_equal();
    assert_true(list_entry(into.services.prev, struct cache_entry, link)->address == A);
}

static void not_called(void *user)
{
    (void)user;
    fail();
}

static void test_reading_a_file_is_no_change(void **state)
{
    (void)state;
    fill();
    into.on_change = not_called;
    assert_int_equal(decode(), 0);
}

static void test_it_is_appended_to_what_the_buffer_holds(void **state)
{
    (void)state;
    assert_int_equal(buffer_append(&file, "xyz", 3), 0);
    fill();
    assert_memory_equal(buffer_data(&file), "xyz", 3);
    assert_int_equal(cache_decode(&into, buffer_data(&file) + 3, file.size - 3), 0);
    assert_caches_equal();
}

/* The largest databases: 128-bit UUIDs, handles of three bytes, all services or all but one characteristics. */
static struct services *largest(bool flat)
{
    static BluetoothGATTCharacteristic messages[SERVICES_ATTRIBUTES_MAX], *list[SERVICES_ATTRIBUTES_MAX];
    static uint64_t words[2] = {UINT64_MAX, UINT64_MAX};
    struct services_builder builder;
    struct services *services = NULL;
    services_builder_init(&builder, &test.env);
    BluetoothGATTService service = BLUETOOTH_GATTSERVICE__INIT;
    service.n_uuid = 2;
    service.uuid = words;
    service.handle = UINT16_MAX;
    for (uint32_t i = 0; flat && i < SERVICES_ATTRIBUTES_MAX; i++, service.handle--)
        services_builder_add(&builder, &service);
    for (uint32_t i = 0; i < SERVICES_ATTRIBUTES_MAX; i++) {
        list[i] = &messages[i];
        bluetooth_gattcharacteristic__init(list[i]);
        list[i]->handle = UINT16_MAX - 1 - i;
        list[i]->properties = UINT32_MAX;
        list[i]->n_uuid = 2;
        list[i]->uuid = words;
    }
    service.characteristics = list;
    service.n_characteristics = SERVICES_ATTRIBUTES_MAX - 1;
    if (!flat)
        services_builder_add(&builder, &service);
    assert_int_equal(services_builder_finish(&builder, &services), 0);
    return services;
}

static void test_a_full_cache_of_the_largest_databases_comes_back(void **state)
{
    (void)state;
    struct services *flat = largest(true), *deep = largest(false);
    for (uint64_t i = 0; i < CACHE_DEVICES_MAX; i++) {
        assert_int_equal(cache_put_services(&from, FAR - i, i % 2 ? flat : deep), 0);
        assert_int_equal(cache_put_mtu(&from, FAR - 2 * i, 517), 0);
    }
    services_unref(flat);
    services_unref(deep);
    assert_int_equal(cache_encode(&from, &file), 0);
    assert_int_equal(decode(), 0);
    assert_caches_equal();
}

static void test_truncation_at_every_byte_is_found(void **state)
{
    (void)state;
    fill();
    for (size_t size = 0; size < file.size; size++) {
        assert_int_equal(cache_decode(&into, buffer_data(&file), size), BLEPROXY_E_INVALID);
        assert_empty(&into);
    }
    assert_int_equal(cache_decode(&into, NULL, 0), BLEPROXY_E_INVALID);
}

static void test_bytes_behind_the_end_are_found(void **state)
{
    (void)state;
    fill();
    assert_int_equal(buffer_append(&file, "\0", 1), 0);
    assert_int_equal(decode(), BLEPROXY_E_INVALID);
}

static void test_every_flipped_bit_is_found(void **state)
{
    (void)state;
    fill();
    for (size_t bit = 0; bit < file.size * 8; bit++) {
        buffer_data(&file)[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(decode(), BLEPROXY_E_INVALID);
        assert_empty(&into);
        buffer_data(&file)[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(decode(), 0);
}

/* CRC-32 bit by bit, as the standard defines it. */
static uint32_t crc_32(const uint8_t *bytes, size_t size)
{
    uint32_t sum = UINT32_MAX;
    for (size_t i = 0; i < size * 8; i++) {
        sum ^= (uint32_t)bytes[i / 8] >> i % 8 & 1;
        sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
    }
    return ~sum;
}

/* A file of that content and a right header. */
static int decode_content(const void *content, size_t size)
{
    uint32_t numbers[] = {1, (uint32_t)size, crc_32(content, size)};
    uint8_t header[20] = "bleproxy";
    for (size_t i = 0; i < 12; i++)
        header[8 + i] = (uint8_t)(numbers[i / 4] >> i % 4 * 8);
    buffer_consume(&file, file.size);
    assert_int_equal(buffer_append(&file, header, sizeof(header)), 0);
    assert_int_equal(buffer_append(&file, content, size), 0);
    return decode();
}

static void test_content_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what, *content;
    } cases[] = {
        {"nothing said", "00"},
        {"only an address", "03 08a101"},
        {"a length beyond the end", "07 08b201 10f701"},
        {"a length without end", "ffffffffffffffffffffff"},
        {"a huge length", "ffffffffffffffffff01"},
        {"no protobuf", "02 0807 01ff"},
        {"an address of 49 bits", "0a 0880808080808040 1017"},
        {"an MTU of 17 bits", "07 08b201 10808004"},
        {"an MTU below the least", "05 08b201 1016"},
        {"a service without handle", "07 08a101 1a02 2001"},
        {"a good device, then a bad one", "06 08b201 10f701 00"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t size;
        const uint8_t *content = hex(cases[i].content, &size);
        if (decode_content(content, size) != BLEPROXY_E_INVALID)
            fail_msg("taken: %s", cases[i].what);
        assert_empty(&into);
    }
    assert_int_equal(decode_content("\x06\x08\xb2\x01\x10\xf7\x01", 7), 0); /* all that it takes */
    assert_int_equal(cache_mtu(&into, B), 247);
}

static void test_devices_beyond_the_cap_are_refused(void **state)
{
    (void)state;
    uint8_t mtus[(CACHE_DEVICES_MAX + 1) * 6], services[(CACHE_DEVICES_MAX + 1) * 8];
    for (size_t i = 0; i <= CACHE_DEVICES_MAX; i++) {
        uint8_t low = (uint8_t)(0x80 | (i & 0x7f)), high = (uint8_t)(1 + (i >> 7));
        memcpy(mtus + i * 6, (uint8_t[]){5, 0x08, low, high, 0x10, 0x17}, 6);
        memcpy(services + i * 8, (uint8_t[]){7, 0x08, low, high, 0x1a, 2, 0x10, 1}, 8);
    }
    assert_int_equal(decode_content(mtus, sizeof(mtus)), BLEPROXY_E_INVALID);
    assert_int_equal(decode_content(services, sizeof(services)), BLEPROXY_E_INVALID);
    assert_empty(&into);
    assert_int_equal(decode_content(mtus, sizeof(mtus) - 6), 0);
    cache_deinit(&into);
    assert_int_equal(decode_content(services, sizeof(services) - 8), 0);
    assert_int_equal(into.n_services, CACHE_DEVICES_MAX);
}

static void test_attributes_beyond_the_cap_are_refused(void **state)
{
    (void)state;
    static uint8_t content[8 + (SERVICES_ATTRIBUTES_MAX + 1) * 6];
    for (size_t n = SERVICES_ATTRIBUTES_MAX; n <= SERVICES_ATTRIBUTES_MAX + 1; n++) {
        size_t length = 2 + n * 6;
        memcpy(content,
               (uint8_t[]){(uint8_t)(0x80 | length), (uint8_t)(0x80 | length >> 7), (uint8_t)(length >> 14),
                           0x08, 1},
               5);
        for (size_t i = 0; i < n; i++) {
            size_t handle = i + 0x4000; /* of three bytes */
            memcpy(content + 5 + i * 6,
                   (uint8_t[]){0x1a, 4, 0x10, (uint8_t)(0x80 | handle), (uint8_t)(0x80 | handle >> 7),
                               (uint8_t)(handle >> 14)},
                   6);
        }
        assert_int_equal(decode_content(content, 3 + length),
                         n > SERVICES_ATTRIBUTES_MAX ? BLEPROXY_E_INVALID : 0);
        cache_deinit(&into);
    }
}

static void test_a_bomb_of_empty_messages_is_refused(void **state)
{
    (void)state;
    static uint8_t content[4 + 200000]; /* 100,000 services of two bytes would unpack to over 8 MB */
    memcpy(content, (uint8_t[]){0xc0, 0x9a, 0x0c}, 3);
    for (size_t i = 3; i + 1 < 3 + 200000; i += 2)
        content[i] = 0x1a;
    assert_int_equal(decode_content(content, 3 + 200000), BLEPROXY_E_INVALID);
    assert_empty(&into);
}

static void test_each_failing_allocation_of_encoding(void **state)
{
    (void)state;
    fill();
    size_t size = file.size, n = 0;
    for (int r = BLEPROXY_E_NOMEM; r != 0; n++) {
        struct buffer out;
        buffer_init(&out, &test.env, LIMIT);
        test.fail_after = n;
        r = cache_encode(&from, &out);
        test.fail_after = SIZE_MAX;
        assert_true(r == 0 || r == BLEPROXY_E_NOMEM);
        assert_int_equal(out.size, r == 0 ? size : 0);
        buffer_deinit(&out);
    }
    assert_true(n > 2);
}

static void test_each_failing_allocation_of_decoding(void **state)
{
    (void)state;
    fill();
    size_t n = 0;
    for (int r = BLEPROXY_E_NOMEM; r != 0; n++) {
        test.fail_after = n;
        r = decode();
        assert_true(r == 0 || r == BLEPROXY_E_NOMEM);
        if (r < 0)
            assert_empty(&into);
    }
    test.fail_after = SIZE_MAX;
    assert_true(n > 6);
    assert_caches_equal();
}

static void test_a_buffer_with_too_low_a_limit_is_left_as_it_was(void **state)
{
    (void)state;
    fill();
    for (size_t limit = 0; limit < file.size; limit++) {
        struct buffer out;
        buffer_init(&out, &test.env, limit);
        assert_int_equal(cache_encode(&from, &out), BLEPROXY_E_LIMIT);
        assert_int_equal(out.size, 0);
        buffer_deinit(&out);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_an_empty_cache_comes_back),
        TEST(test_the_format_is_what_it_was),
        TEST(test_everything_comes_back_in_the_order_of_use),
        TEST(test_reading_a_file_is_no_change),
        TEST(test_it_is_appended_to_what_the_buffer_holds),
        TEST(test_a_full_cache_of_the_largest_databases_comes_back),
        TEST(test_truncation_at_every_byte_is_found),
        TEST(test_bytes_behind_the_end_are_found),
        TEST(test_every_flipped_bit_is_found),
        TEST(test_content_that_makes_no_sense_is_refused),
        TEST(test_devices_beyond_the_cap_are_refused),
        TEST(test_attributes_beyond_the_cap_are_refused),
        TEST(test_a_bomb_of_empty_messages_is_refused),
        TEST(test_each_failing_allocation_of_encoding),
        TEST(test_each_failing_allocation_of_decoding),
        TEST(test_a_buffer_with_too_low_a_limit_is_left_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
