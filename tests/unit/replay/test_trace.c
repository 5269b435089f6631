/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "replay/trace_reader.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <string.h>

static struct trace_reader reader;
static struct trace_event event;

static int setup(void **state)
{
    (void)state;
    memset(&reader, 0, sizeof(reader));
    return 0;
}

static int read_line(const char *text)
{
    static char memory[2 * TRACE_LINE_MAX];
    snprintf(memory, sizeof(memory), "%s", text);
    return trace_reader_next(&reader, memory, strlen(memory), &event);
}

static const char adverts_line[] =
    "{\"t\":1.000001,\"event\":\"adv\",\"source\":\"02:00:00:00:00:01\",\"address\":\"A4:C1:38:6E:F3:62\","
    "\"address_type\":1,\"rssi\":-67,\"raw\":\"020106ff\"}\n";

static void test_lines_are_read_and_written_the_same(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"t\":0.5,\"event\":\"register\",\"source\":\"02:00:00:00:00:01\",\"connectable\":true,\"mode\":"
        "null}\n",
        "{\"t\":0.5,\"event\":\"register\",\"source\":\"02:00:00:00:00:02\",\"connectable\":false,\"mode\":"
        "\"auto\"}\n",
        "{\"t\":0.5,\"event\":\"register\",\"source\":\"02:00:00:00:00:03\",\"connectable\":true,\"mode\":"
        "\"active\"}\n",
        "{\"t\":0.5,\"event\":\"register\",\"source\":\"02:00:00:00:00:04\",\"connectable\":true,\"mode\":"
        "\"passive\"}\n",
        adverts_line,
        "{\"t\":2,\"event\":\"adv\",\"source\":\"02:00:00:00:00:01\",\"address\":\"00:00:00:00:00:00\","
        "\"address_type\":255,\"rssi\":-128,\"raw\":\"\"}\n",
        "{\"t\":2,\"event\":\"paused\",\"source\":\"02:00:00:00:00:01\",\"count\":1}\n",
        "{\"t\":2,\"event\":\"paused\",\"source\":\"02:00:00:00:00:01\",\"count\":0}\n",
        "{\"t\":2,\"event\":\"fallback_interval\",\"address\":\"A4:C1:38:6E:F3:62\",\"seconds\":12.5}\n",
        "{\"t\":2.000000001,\"event\":\"tick\"}\n",
        "{\"t\":2.000000001,\"event\":\"lost\",\"count\":7}\n",
        "{\"t\":2.000000001,\"event\":\"lost\",\"count\":2147483647}\n",
        "{\"t\":9000000000,\"event\":\"unregister\",\"source\":\"02:00:00:00:00:01\"}\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char again[TRACE_LINE_SIZE];
        assert_int_equal(read_line(lines[i]), 0);
        assert_int_equal(trace_format(&event, again), strlen(lines[i]));
        assert_string_equal(again, lines[i]);
    }
    assert_int_equal(reader.line, sizeof(lines) / sizeof(lines[0]));
}

static void test_members(void **state)
{
    (void)state;
    assert_int_equal(read_line(adverts_line), 0);
    assert_int_equal(event.kind, TRACE_ADVERT);
    assert_int_equal(event.time_ns, 1000001000);
    assert_int_equal(event.source, 0x020000000001);
    assert_int_equal(event.advert.address, 0xa4c1386ef362);
    assert_int_equal(event.advert.address_type, 1);
    assert_int_equal(event.advert.rssi, -67);
    assert_hex(event.advert.raw, event.advert.raw_size, "020106ff");
}

static void test_any_order_any_case_and_more_keys(void **state)
{
    (void)state;
    assert_int_equal(
        read_line("{\"raw\":\"FFaA\",\"rssi\":127,\"name\":{\"t\":5,\"event\":[]},\"address_type\":0,\"\":1,"
                  "\"address\":\"a4-c1-38-6e-f3-62\",\"source\":\"02000000000A\",\"event\":\"\\u0061dv\","
                  "\"T\":9,\"t\":3}"),
        0);
    assert_int_equal(event.kind, TRACE_ADVERT);
    assert_int_equal(event.time_ns, 3000000000);
    assert_int_equal(event.source, 0x02000000000a);
    assert_int_equal(event.advert.address, 0xa4c1386ef362);
    assert_int_equal(event.advert.rssi, 127);
    assert_hex(event.advert.raw, event.advert.raw_size, "ffaa");
}

static void test_what_is_for_people_is_written_and_not_read(void **state)
{
    (void)state;
    char line[TRACE_LINE_SIZE], name[200];
    struct trace_event known = {.kind = TRACE_REGISTER, .time_ns = 500000000, .source = 0x020000000001};
    known.scanner.mode = BLEPROXY_MODE_NONE;
    known.scanner.time = "2026-11-26T15:30:15.123Z";
    known.scanner.name = "caf\u00e9 \"1\"";
    known.scanner.version = "0.1.0";
    trace_format(&known, line);
    assert_string_equal(line,
                        "{\"t\":0.5,\"event\":\"register\",\"source\":\"02:00:00:00:00:01\",\"connectable\":"
                        "false,\"mode\":null,\"time\":\"2026-11-26T15:30:15.123Z\","
                        "\"name\":\"caf\\u00e9 \\u00221\\u0022\",\"version\":\"0.1.0\"}\n");
    assert_int_equal(read_line(line), 0);
    assert_null(event.scanner.time);
    assert_null(event.scanner.name);
    memset(name, 1, sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    known.scanner.time = known.scanner.name = known.scanner.firmware = known.scanner.version = name;
    size_t size = trace_format(&known, line);
    assert_int_equal(size, strlen(line));
    assert_int_equal(line[size - 1], '\n');
    assert_int_equal(read_line(line), 0);
}

static void test_a_byte_order_mark_is_skipped_at_the_beginning(void **state)
{
    (void)state;
    assert_int_equal(read_line("\xef\xbb\xbf{\"t\":1,\"event\":\"tick\"}"), 0);
    assert_int_equal(event.time_ns, 1000000000);
    assert_int_equal(read_line("\xef\xbb\xbf{\"t\":1,\"event\":\"tick\"}"), BLEPROXY_E_INVALID);
    memset(&reader, 0, sizeof(reader));
    assert_int_equal(read_line("\xef\xbb\xbf"), TRACE_BLANK);
    memset(&reader, 0, sizeof(reader));
    assert_int_equal(read_line("\xef\xbb"), BLEPROXY_E_INVALID);
}

static void test_blank_lines_count(void **state)
{
    (void)state;
    assert_int_equal(read_line(""), TRACE_BLANK);
    assert_int_equal(read_line(" \t\r"), TRACE_BLANK);
    assert_int_equal(read_line("{\"t\":1,\"event\":\"tick\"}\r"), 0);
    assert_int_equal(reader.line, 3);
}

static void assert_wrong(const char *text, const char *error)
{
    assert_int_equal(read_line(text), BLEPROXY_E_INVALID);
    assert_string_equal(reader.error, error);
}

#define T "{\"t\":1,\"event\":"
#define S ",\"source\":\"02:00:00:00:00:01\""
#define A ",\"address\":\"A4:C1:38:6E:F3:62\""

static void test_complaints_say_what_is_wrong_and_what_was_expected(void **state)
{
    (void)state;
    assert_wrong("{\"t\":1", "not a JSON object: expected ',' or '}' at column 7");
    assert_wrong("{}", "\"t\" is missing: expected a number of seconds, from 0 to 9000000000");
    assert_wrong("{\"t\":\"1\"}", "\"t\" is \"1\": expected a number of seconds, from 0 to 9000000000");
    assert_wrong("{\"t\":-1}", "\"t\" is -1: expected a number of seconds, from 0 to 9000000000");
    assert_wrong("{\"t\":1e99}", "\"t\" is 1e99: expected a number of seconds, from 0 to 9000000000");
    assert_wrong("{\"t\":[1]}",
                 "\"t\" is a list or an object: expected a number of seconds, from 0 to 9000000000");
    assert_wrong("{\"t\":1,\"t\":1}", "\"t\" is there twice");
    assert_wrong("{\"t\":1}",
                 "\"event\" is missing: expected \"register\", \"unregister\", \"adv\", \"paused\", "
                 "\"fallback_interval\", \"tick\" or \"lost\"");
    assert_wrong(T "\"accepted\"}",
                 "\"event\" is \"accepted\": expected \"register\", \"unregister\", \"adv\", "
                 "\"paused\", \"fallback_interval\", \"tick\" or \"lost\"");
    assert_wrong(T "\"tick\\u0000\"}",
                 "\"event\" is \"tick\": expected \"register\", \"unregister\", \"adv\", "
                 "\"paused\", \"fallback_interval\", \"tick\" or \"lost\"");
    assert_wrong(T "\"unregister\"}", "\"source\" is missing: expected an address, \"AA:BB:CC:DD:EE:FF\"");
    assert_wrong(T "\"unregister\",\"source\":1}",
                 "\"source\" is 1: expected an address, \"AA:BB:CC:DD:EE:FF\"");
    assert_wrong(T "\"unregister\",\"source\":\"02:00:00:00:00:01\\u0000\"}",
                 "\"source\" is \"02:00:00:00:00:01\": expected an address, \"AA:BB:CC:DD:EE:FF\"");
    assert_wrong(T "\"register\"" S "}", "\"connectable\" is missing: expected true or false");
    assert_wrong(T "\"register\"" S ",\"connectable\":null}",
                 "\"connectable\" is null: expected true or false");
    assert_wrong(T "\"register\"" S ",\"connectable\":true}",
                 "\"mode\" is missing: expected \"active\", \"passive\", \"auto\" or null");
    assert_wrong(T "\"paused\"" S ",\"count\":2}", "\"count\" is 2: expected 0 or 1");
    assert_wrong(T "\"paused\"" S ",\"count\":1.0}", "\"count\" is 1.0: expected 0 or 1");
    assert_wrong(T "\"fallback_interval\"" A ",\"seconds\":-1}",
                 "\"seconds\" is -1: expected a number of seconds, at most 9000000000");
    assert_wrong(T "\"fallback_interval\"" A ",\"seconds\":true}",
                 "\"seconds\" is true: expected a number of seconds, at most 9000000000");
    assert_wrong(T "\"adv\"" S A ",\"address_type\":256,\"rssi\":-67,\"raw\":\"\"}",
                 "\"address_type\" is 256: expected a whole number from 0 to 255");
    assert_wrong(T "\"adv\"" S A ",\"address_type\":1,\"rssi\":128,\"raw\":\"\"}",
                 "\"rssi\" is 128: expected a whole number from -128 to 127");
    assert_wrong(T "\"adv\"" S A ",\"address_type\":1,\"rssi\":99999999999999999999,\"raw\":\"\"}",
                 "\"rssi\" is 99999999999999999999: expected a whole number from -128 to 127");
    assert_wrong(T "\"adv\"" S A ",\"address_type\":1,\"rssi\":-67,\"raw\":\"020\"}",
                 "\"raw\" is \"020\": expected two hexadecimal digits for each of at most 1650 bytes");
    assert_wrong(T "\"adv\"" S A ",\"address_type\":1,\"rssi\":-67,\"raw\":\"0g\"}",
                 "\"raw\" is \"0g\": expected two hexadecimal digits for each of at most 1650 bytes");
    assert_wrong(T "\"adv\"" S A ",\"address_type\":1,\"rssi\":-67,\"raw\":null}",
                 "\"raw\" is null: expected two hexadecimal digits for each of at most 1650 bytes");
    assert_wrong(T "\"adv\"" S A ",\"address_type\":1,\"rssi\":-67,\"raw\":"
                   "\"0123456789012345678901234567890123456789x\"}",
                 "\"raw\" is \"0123456789012345678901234567890123456789...\": expected two hexadecimal "
                 "digits for each "
                 "of at most 1650 bytes");
}

static void test_time_does_not_go_back(void **state)
{
    (void)state;
    assert_int_equal(read_line("{\"t\":5.25,\"event\":\"tick\"}"), 0);
    assert_int_equal(read_line("{\"t\":5.25,\"event\":\"tick\"}"), 0);
    assert_wrong("{\"t\":5.249999999,\"event\":\"tick\"}",
                 "\"t\" is 5.249999999: expected at least 5.25 as before");
    assert_int_equal(reader.line, 3);
}

static void test_the_longest_payload_and_the_longest_line(void **state)
{
    (void)state;
    char text[2 * TRACE_LINE_MAX], again[TRACE_LINE_SIZE], digits[2 * TRACE_RAW_MAX + 3] = "";
    memset(digits, 'a', sizeof(digits) - 1);
    for (int bytes = TRACE_RAW_MAX; bytes <= TRACE_RAW_MAX + 1; bytes++) {
        snprintf(text, sizeof(text), T "\"adv\"" S A ",\"address_type\":1,\"rssi\":-67,\"raw\":\"%.*s\"}",
                 2 * bytes, digits);
        assert_int_equal(read_line(text), bytes == TRACE_RAW_MAX ? 0 : BLEPROXY_E_INVALID);
        if (bytes == TRACE_RAW_MAX)
            assert_true(trace_format(&event, again) > 2 * TRACE_RAW_MAX);
    }
    for (int size = TRACE_LINE_MAX; size <= TRACE_LINE_MAX + 1; size++) {
        snprintf(text, sizeof(text), T "\"tick\"}%*s", size - (int)strlen(T "\"tick\"}"), "");
        assert_int_equal(read_line(text), size == TRACE_LINE_MAX ? 0 : BLEPROXY_E_INVALID);
    }
    assert_string_equal(reader.error, "longer than 8192 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lines_are_read_and_written_the_same, setup),
        cmocka_unit_test_setup(test_members, setup),
        cmocka_unit_test_setup(test_any_order_any_case_and_more_keys, setup),
        cmocka_unit_test_setup(test_what_is_for_people_is_written_and_not_read, setup),
        cmocka_unit_test_setup(test_a_byte_order_mark_is_skipped_at_the_beginning, setup),
        cmocka_unit_test_setup(test_blank_lines_count, setup),
        cmocka_unit_test_setup(test_complaints_say_what_is_wrong_and_what_was_expected, setup),
        cmocka_unit_test_setup(test_time_does_not_go_back, setup),
        cmocka_unit_test_setup(test_the_longest_payload_and_the_longest_line, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
