/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "discovery/dns.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <string.h>

static void test_a_query_is_written_and_read(void **state)
{
    (void)state;
    struct dns_writer writer;
    dns_write(&writer, 0x1234, false);
    assert_int_equal(
        dns_write_question(&writer, &(struct dns_question){.name = "kitchen.local", .type = DNS_A}), 0);
    assert_int_equal(
        dns_write_question(
            &writer, &(struct dns_question){.name = "kitchen.local", .type = DNS_AAAA, .unicast = true}),
        0);
    assert_hex(writer.bytes, writer.size,
               "1234 0000 0002 0000 0000 0000 07 6b69746368656e 05 6c6f63616c 00 0001 0001 c00c 001c 8001");
    struct dns_reader reader;
    struct dns_question question;
    struct dns_record record;
    assert_int_equal(dns_read(&reader, writer.bytes, writer.size), 0);
    assert_int_equal(reader.id, 0x1234);
    assert_false(reader.is_response);
    assert_true(dns_next_question(&reader, &question));
    assert_string_equal(question.name, "kitchen.local");
    assert_int_equal(question.type, DNS_A);
    assert_false(question.unicast);
    assert_true(dns_next_question(&reader, &question));
    assert_string_equal(question.name, "kitchen.local");
    assert_int_equal(question.type, DNS_AAAA);
    assert_true(question.unicast);
    assert_false(dns_next_question(&reader, &question));
    assert_false(dns_next_record(&reader, &record));
    assert_false(dns_next_question(&reader, &question));
}

/* What an ESPHome device answers a browser with, byte for byte: names point to one another, also within an SRV. */
static void test_a_response_of_every_type_is_read(void **state)
{
    (void)state;
    size_t size;
    const uint8_t *message =
        hex("0000 8400 0000 0002 0001 0003"
            /* _esphomelib._tcp.local PTR kitchen... */
            "0b 5f657370686f6d656c6962 04 5f746370 05 6c6f63616c 00 000c 0001 00001194 000a"
            "07 6b69746368656e c00c"
            /* kitchen._esphomelib._tcp.local TXT */
            "c02e 0010 8001 00001194 000e 0d 76657273696f6e3d312e322e33"
            /* authority: SRV 0 0 6053 kitchen.local */
            "c02e 0021 8001 00000078 0010 0000 0000 17a5 07 6b69746368656e c01d"
            /* additional: A, AAAA, and one of another type */
            "c064 0001 8001 00000078 0004 c000020a"
            "c064 001c 8001 00000078 0010 fe800000000000000000000000000001"
            "c064 002f 8001 00000078 0004 00000000",
            &size);
    struct dns_reader reader;
    struct dns_record record;
    assert_int_equal(dns_read(&reader, message, size), 0);
    assert_true(reader.is_response);
    assert_true(dns_next_record(&reader, &record));
    assert_true(dns_is_answer(&reader));
    assert_int_equal(record.type, DNS_PTR);
    assert_string_equal(record.name, "_esphomelib._tcp.local");
    assert_string_equal(record.target, "kitchen._esphomelib._tcp.local");
    assert_int_equal(record.ttl_s, 4500);
    assert_false(record.flush);
    assert_true(dns_next_record(&reader, &record));
    assert_int_equal(record.type, DNS_TXT);
    assert_true(record.flush);
    assert_int_equal(record.text_size, 14);
    assert_memory_equal(record.text, "\x0dversion=1.2.3", 14);
    assert_true(dns_next_record(&reader, &record));
    assert_false(dns_is_answer(&reader));
    assert_int_equal(record.type, DNS_SRV);
    assert_string_equal(record.target, "kitchen.local");
    assert_int_equal(record.port, 6053);
    assert_true(dns_next_record(&reader, &record));
    assert_int_equal(record.type, DNS_A);
    assert_string_equal(record.name, "kitchen.local");
    assert_hex(record.address, 4, "c000020a");
    assert_true(dns_next_record(&reader, &record));
    assert_int_equal(record.type, DNS_AAAA);
    assert_hex(record.address, 16, "fe800000000000000000000000000001");
    assert_false(dns_next_record(&reader, &record));
}

static void test_a_response_is_written_and_read(void **state)
{
    (void)state;
    uint8_t text[64];
    size_t text_size = 0;
    assert_int_equal(dns_text_append(text, sizeof(text), &text_size, "version", "2026.8.0"), 0);
    assert_int_equal(dns_text_append(text, sizeof(text), &text_size, "flag", NULL), 0);
    const struct dns_record records[] = {
        {.name = "_esphomelib._tcp.local",
         .type = DNS_PTR,
         .ttl_s = 4500,
         .target = "a b._esphomelib._tcp.local"},
        {.name = "a b._esphomelib._tcp.local",
         .type = DNS_SRV,
         .flush = true,
         .ttl_s = 120,
         .target = "a.local",
         .port = 6053},
        {.name = "a b._esphomelib._tcp.local", .type = DNS_TXT, .text = text, .text_size = text_size},
        {.name = "a b._esphomelib._tcp.local", .type = DNS_TXT},
        {.name = "a.local", .type = DNS_A, .flush = true, .ttl_s = 120, .address = {192, 0, 2, 1}},
        {.name = "a.local", .type = DNS_AAAA, .flush = true, .ttl_s = 0, .address = {0xfe, 0x80, [15] = 1}},
    };
    enum { N = sizeof(records) / sizeof(records[0]) };
    struct dns_writer writer;
    dns_write(&writer, 0, true);
    for (size_t i = 0; i < N; i++) {
        if (i == 4)
            dns_write_additional(&writer);
        assert_int_equal(dns_write_record(&writer, &records[i]), 0);
    }
    assert_int_equal(dns_write_question(&writer, &(struct dns_question){.name = "a.local", .type = DNS_A}),
                     BLEPROXY_E_INVALID);
    struct dns_reader reader;
    assert_int_equal(dns_read(&reader, writer.bytes, writer.size), 0);
    for (size_t i = 0; i < N; i++) {
        struct dns_record record;
        assert_true(dns_next_record(&reader, &record));
        assert_int_equal(dns_is_answer(&reader), i < 4);
        assert_int_equal(record.type, records[i].type);
        assert_int_equal(record.flush, records[i].flush);
        assert_int_equal(record.ttl_s, records[i].ttl_s);
        assert_int_equal(record.port, records[i].port);
        assert_memory_equal(record.address, records[i].address, 16);
        char label[DNS_LABEL_MAX + 1];
        size_t size;
        if (i > 0 && i < 4) {
            assert_true(dns_label(record.name, "_ESPHOMELIB._tcp.local", label, &size));
            assert_string_equal(label, "a b");
        }
        if (i == 2)
            assert_memory_equal(record.text, text, text_size);
        if (i == 3)
            assert_int_equal(record.text_size, 1);
    }
}

static void test_what_does_not_fit_leaves_the_message_as_it_was(void **state)
{
    (void)state;
    struct dns_writer writer;
    struct dns_reader reader;
    struct dns_record record = {.type = DNS_PTR, .ttl_s = 1, .name = "x.local"};
    dns_write(&writer, 0, true);
    unsigned written = 0;
    int error = 0;
    for (; error == 0; written += error == 0) {
        snprintf(record.target, sizeof(record.target), "%050u.n%u.local", written, written);
        error = dns_write_record(&writer, &record);
    }
    assert_int_equal(error, BLEPROXY_E_LIMIT);
    assert_in_range(written, 15, 40);
    /* A shorter one still fits, and points to nothing that was not written. */
    snprintf(record.target, sizeof(record.target), "n%u.local", written);
    while (dns_write_record(&writer, &record) == 0)
        written++;
    assert_int_equal(dns_read(&reader, writer.bytes, writer.size), 0);
    unsigned read = 0;
    for (; dns_next_record(&reader, &record); read++)
        assert_non_null(strstr(record.target, ".local"));
    assert_int_equal(read, written);
}

static void test_names_that_are_none_are_not_written(void **state)
{
    (void)state;
    static const char *const names[] = {
        "", ".", "a..b", "0123456789012345678901234567890123456789012345678901234567890123.local"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct dns_writer writer;
        dns_write(&writer, 0, false);
        struct dns_question question = {.type = DNS_A};
        snprintf(question.name, sizeof(question.name), "%s", names[i]);
        assert_int_equal(dns_write_question(&writer, &question), BLEPROXY_E_INVALID);
        assert_int_equal(writer.size, 12);
        /* A record that fails leaves room for questions. */
        struct dns_record record = {.type = DNS_PTR, .name = "a.local"};
        assert_int_equal(dns_write_record(&writer, &record), BLEPROXY_E_INVALID);
        question = (struct dns_question){.type = DNS_A, .name = "a.local"};
        assert_int_equal(dns_write_question(&writer, &question), 0);
    }
}

static void test_names_are_compared_as_dns_does(void **state)
{
    (void)state;
    assert_true(dns_name_equals("Kitchen.LOCAL", "kitchen.local"));
    assert_false(dns_name_equals("kitchen.local", "kitchen.loca"));
    assert_false(dns_name_equals("kitchen.loca", "kitchen.local"));
    assert_false(dns_name_equals("k\xc3\x84.local", "k\xc3\xa4.local"));
    assert_true(dns_name_equals("", ""));
}

static void test_labels(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        size_t size;
        const char *name;
    } cases[] = {
        {"kitchen", 7, "kitchen._esphomelib._tcp.local"},
        {"a.b", 3, "a\\.b._esphomelib._tcp.local"},
        {"a\0\nb", 4, "a\\000\\010b._esphomelib._tcp.local"},
        {"k\xc3\xa4", 3, "k\\195\\164._esphomelib._tcp.local"},
        {"\\", 1, "\\\\._esphomelib._tcp.local"},
    };
    char name[DNS_NAME_SIZE], label[DNS_LABEL_MAX + 1];
    size_t size;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(dns_name_make(name, cases[i].label, cases[i].size, "_esphomelib._tcp.local"));
        assert_string_equal(name, cases[i].name);
        assert_true(dns_label(name, "_esphomelib._tcp.local", label, &size));
        assert_int_equal(size, cases[i].size);
        assert_memory_equal(label, cases[i].label, size + 1);
    }
    assert_false(dns_label("_esphomelib._tcp.local", "_esphomelib._tcp.local", label, &size));
    assert_false(dns_label("a.b._esphomelib._tcp.local", "_esphomelib._tcp.local", label, &size));
    assert_false(dns_label("kitchen.local", "_esphomelib._tcp.local", label, &size));
    assert_false(dns_label("kitchen", "local", label, &size));
    static const char long_label[64];
    assert_false(dns_name_make(name, long_label, 64, "local"));
    assert_false(dns_name_make(name, long_label, 0, "local"));
    assert_false(dns_name_make(name, long_label, 63, "local")); /* escaped, 4 bytes each */
}

static void test_text_strings(void **state)
{
    (void)state;
    size_t size, position = 0, key_size, value_size;
    const char *key, *value;
    const uint8_t *text = hex("06 6d61633d6162 00 03 3d6162 03 6b6579 04 6b65793d 05 6b3d", &size);
    assert_true(dns_text_next(text, size, &position, &key, &key_size, &value, &value_size));
    assert_memory_equal(key, "mac", key_size);
    assert_int_equal(value_size, 2);
    assert_memory_equal(value, "ab", 2);
    assert_true(dns_text_next(text, size, &position, &key, &key_size, &value, &value_size));
    assert_int_equal(key_size, 3);
    assert_null(value);
    assert_true(dns_text_next(text, size, &position, &key, &key_size, &value, &value_size));
    assert_int_equal(key_size, 3);
    assert_non_null(value);
    assert_int_equal(value_size, 0);
    assert_false(
        dns_text_next(text, size, &position, &key, &key_size, &value, &value_size)); /* longer than it is */
    uint8_t small[8];
    size = 0;
    assert_int_equal(dns_text_append(small, sizeof(small), &size, "key", "four"), BLEPROXY_E_LIMIT);
    assert_int_equal(dns_text_append(small, sizeof(small), &size, "key", "thr"), 0);
    assert_int_equal(size, 8);
    assert_int_equal(dns_text_append(small, sizeof(small), &size, "", NULL), BLEPROXY_E_LIMIT);
}

static void test_messages_that_are_to_be_ignored(void **state)
{
    (void)state;
    static const struct {
        const char *what, *message;
    } cases[] = {
        {"nothing", ""},
        {"half a header", "0000 8400 0000"},
        {"another opcode", "0000 8c00 0000 0000 0000 0000"},
        {"an error", "0000 8403 0000 0000 0000 0000"},
        {"a record that is not there", "0000 8400 0000 0001 0000 0000"},
        {"data longer than the message",
         "0000 8400 0000 0001 0000 0000 0161 00 0001 0001 00000078 ffff c0000201"},
        {"bytes behind the end", "0000 8400 0000 0000 0000 0000 00"},
        {"a label that runs out", "0000 0000 0001 0000 0000 0000 3f61"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t size;
        const uint8_t *message = hex(cases[i].message, &size);
        struct dns_reader reader;
        if (dns_read(&reader, message, size) != BLEPROXY_E_PROTOCOL)
            fail_msg("%s", cases[i].what);
    }
}

/* Each is followed by a sound record, which is read. */
static void test_records_that_are_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *what, *record;
    } cases[] = {
        {"a name that points to itself", "c00c 0001 0001 00000078 0004 c0000201"},
        {"a name that points forward", "c0ff 0001 0001 00000078 0004 c0000201"},
        {"a target that points to itself", "0161 00 000c 0001 00000078 0002 c019"},
        {"two targets that point to each other", "0161 00 000c 0001 00000078 0004 c01b c019"},
        {"a target that ends beyond its record", "0161 00 000c 0001 00000078 0002 0161"},
        {"a target that ends before its record", "0161 00 000c 0001 00000078 0004 0161 0000"},
        {"an SRV without a target", "0161 00 0021 0001 00000078 0006 0000 0000 17a5"},
        {"an SRV cut short", "0161 00 0021 0001 00000078 0002 0000"},
        {"an A of 3 bytes", "0161 00 0001 0001 00000078 0003 c00002"},
        {"an AAAA of 4 bytes", "0161 00 001c 0001 00000078 0004 c0000201"},
        {"another class", "0161 00 0001 0003 00000078 0004 c0000201"},
        {"another type", "0161 00 0063 0001 00000078 0004 c0000201"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];
        snprintf(text, sizeof(text),
                 "0000 8400 0000 0002 0000 0000 %s 0162 00 0001 0001 00000078 0004 c0000202",
                 cases[i].record);
        size_t size;
        const uint8_t *message = hex(text, &size);
        struct dns_reader reader;
        struct dns_record record;
        if (dns_read(&reader, message, size) != 0 || !dns_next_record(&reader, &record))
            fail_msg("%s: the record behind it was lost", cases[i].what);
        if (strcmp(record.name, "b") != 0 || dns_next_record(&reader, &record))
            fail_msg("%s: it was read", cases[i].what);
    }
}

static void test_no_more_records_are_read_than_the_cap(void **state)
{
    (void)state;
    static uint8_t message[DNS_MESSAGE_MAX];
    size_t size = 12;
    unsigned n = 0;
    memcpy(message, "\0\0\x84\0", 4);
    for (; size + 15 <= sizeof(message); size += 15, n++)
        memcpy(message + size, "\0\0\x01\0\x01\0\0\0\x78\0\x04\xc0\0\x02\x01", 15);
    assert_true(n > DNS_RECORDS_MAX);
    message[6] = (uint8_t)(n >> 8);
    message[7] = (uint8_t)n;
    struct dns_reader reader;
    struct dns_record record;
    assert_int_equal(dns_read(&reader, message, size), 0);
    unsigned read = 0;
    while (dns_next_record(&reader, &record))
        read++;
    assert_int_equal(read, DNS_RECORDS_MAX);
    assert_int_equal(dns_read(&reader, message, DNS_MESSAGE_MAX + 1), BLEPROXY_E_PROTOCOL);
}

/* One "b" behind so many pointers, and a sound record behind that. */
static size_t write_chain(uint8_t *message, unsigned pointers)
{
    static const uint8_t head[] = {0, 0, 0x84, 0, 0, 0, 0, 3},
                         sound[] = "\001c\0\0\001\0\001\0\0\0x\0\004\300\0\002\002";
    size_t size = 12 + 11, at = size;
    memset(message, 0, size);
    memcpy(message, head, sizeof(head));
    message[14] = 99; /* the chain is the data of an unknown type */
    message[16] = 1;
    memcpy(message + size, "\001b", 3);
    size += 3;
    for (unsigned i = 0; i + 1 < pointers; i++, size += 2) {
        message[size] = (uint8_t)(0xc0 | at >> 8);
        message[size + 1] = (uint8_t)at;
        at = size;
    }
    message[21] = (uint8_t)((size - 23) >> 8);
    message[22] = (uint8_t)(size - 23);
    message[size++] = (uint8_t)(0xc0 | at >> 8);
    message[size++] = (uint8_t)at;
    memcpy(message + size, sound + 3, sizeof(sound) - 4);
    size += sizeof(sound) - 4;
    memcpy(message + size, sound, sizeof(sound) - 1);
    return size + sizeof(sound) - 1;
}

/* Else a message of 9,000 bytes would have thousands of pointers followed for each of hundreds of names. */
static void test_a_name_in_too_many_pieces_is_left_out(void **state)
{
    (void)state;
    static uint8_t message[DNS_MESSAGE_MAX];
    static const unsigned pointers[] = {1, 30, 200, 2000};
    for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
        struct dns_reader reader;
        struct dns_record record;
        size_t size = write_chain(message, pointers[i]);
        assert_int_equal(dns_read(&reader, message, size), 0);
        if (pointers[i] < 128) {
            assert_true(dns_next_record(&reader, &record));
            assert_string_equal(record.name, "b");
        }
        assert_true(dns_next_record(&reader, &record));
        assert_string_equal(record.name, "c");
        assert_false(dns_next_record(&reader, &record));
    }
}

/* Labels of 63 bytes that do not print take four characters each. */
static void test_a_name_longer_than_the_cap_is_left_out(void **state)
{
    (void)state;
    static uint8_t message[256] = {0, 0, 0x84, 0, 0, 0, 0, 2};
    size_t size = 12;
    message[size++] = 63;
    memset(message + size, 1, 63);
    size += 63;
    message[size++] = 4;
    memset(message + size, 1, 4);
    size += 4;
    memcpy(message + size, "\0\0\x01\0\x01\0\0\0\x78\0\x04\xc0\0\x02\x01", 15);
    size += 15;
    memcpy(message + size, "\x01\x62\0\0\x01\0\x01\0\0\0\x78\0\x04\xc0\0\x02\x01", 17);
    size += 17;
    struct dns_reader reader;
    struct dns_record record;
    assert_int_equal(dns_read(&reader, message, size), 0);
    assert_true(dns_next_record(&reader, &record));
    assert_string_equal(record.name, "b");
}

static void test_lifetimes_beyond_31_bits_are_no_goodbye(void **state)
{
    (void)state;
    size_t size;
    const uint8_t *message =
        hex("0000 8400 0000 0001 0000 0000 0161 00 0001 0001 ffffffff 0004 c0000201", &size);
    struct dns_reader reader;
    struct dns_record record;
    assert_int_equal(dns_read(&reader, message, size), 0);
    assert_true(dns_next_record(&reader, &record));
    assert_int_equal(record.ttl_s, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_query_is_written_and_read),
        cmocka_unit_test(test_a_response_of_every_type_is_read),
        cmocka_unit_test(test_a_response_is_written_and_read),
        cmocka_unit_test(test_what_does_not_fit_leaves_the_message_as_it_was),
        cmocka_unit_test(test_names_that_are_none_are_not_written),
        cmocka_unit_test(test_names_are_compared_as_dns_does),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_text_strings),
        cmocka_unit_test(test_messages_that_are_to_be_ignored),
        cmocka_unit_test(test_records_that_are_left_out),
        cmocka_unit_test(test_no_more_records_are_read_than_the_cap),
        cmocka_unit_test(test_a_name_in_too_many_pieces_is_left_out),
        cmocka_unit_test(test_a_name_longer_than_the_cap_is_left_out),
        cmocka_unit_test(test_lifetimes_beyond_31_bits_are_no_goodbye),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
