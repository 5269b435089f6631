/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <bleproxy/names.h>
#include <string.h>

static const struct {
    uint16_t characteristic;
    const char *value, *text; /* "": no text */
} cases[] = {
    {0x2a00, "4c61 6d70", "Lamp"},
    {0x2a00, "4c 1b5b33316d 61 00", "L[31ma"}, /* a terminal's escape */
    {0x2a00, "", ""},
    {0x2a29, "c3a4 ff 62", "äb"},
    {0x2a01, "c000", "Watch (0x00c0)"},
    {0x2a01, "4505", "Sensor (0x0545)"},
    {0x2a01, "ffff", "0xffff"},
    {0x2a01, "c0", ""},
    {0x2a01, "c00000", ""},
    {0x2a04, "0600 800c 0000 c800", "interval 7.50 to 4000.00 ms, latency 0, timeout 2000 ms"},
    {0x2a04, "ffff ffff 0400 ffff", "interval any to any ms, latency 4, timeout any"},
    {0x2a04, "0600 800c 0000 c8", ""},
    {0x2a05, "0100 ffff", "handles 0x0001 to 0xffff"},
    {0x2a05, "0100", ""},
    {0x2a06, "02", "high alert"},
    {0x2a06, "03", ""},
    {0x2a07, "f4", "-12 dBm"},
    {0x2a08, "ea07 0b 16 0f 1e 05", "2026-11-22 15:30:05"},
    {0x2a08, "0000 00 00 0f 1e 05", ""}, /* date not known */
    {0x2a08, "ea07 0d 16 0f 1e 05", ""},
    {0x2a08, "ea07 0b 16 18 1e 05", ""},
    {0x2a08, "ea07 0b 16 0f 1e", ""},
    {0x2a08, "ea07 0b 16 0f 1e 05 00", ""},
    {0x2a19, "57", "87 %"},
    {0x2a19, "64", "100 %"},
    {0x2a19, "65", ""},
    {0x2a19, "", ""},
    {0x2a19, "5757", ""},
    {0x2a1a, "bb", "present, not discharging, charging, level good"},
    {0x2a1a, "00", "not known"},
    {0x2a1c, "00 6f0100 ff", "36.7 °C"},
    {0x2a1c, "05 d50300 ff 06", "98.1 °F, mouth"},
    {0x2a1c, "02 f4ffff ff ea07 0b 16 0f 1e 05", "-1.2 °C, 2026-11-22 15:30:05"},
    {0x2a1e, "00 250000 00", "37 °C"},
    {0x2a1c, "00 ffff7f 00", ""}, /* not a number */
    {0x2a1c, "00 020080 00", ""}, /* minus infinity */
    {0x2a1c, "00 6f0100 7f", ""},
    {0x2a1c, "00 6f0100 ff 00", ""},
    {0x2a1c, "02 6f0100 ff", ""},
    {0x2a1d, "01", "armpit"},
    {0x2a23, "78563412fe ffeedd", "ddeefffe12345678"},
    {0x2a2b, "ea07 0b 16 0f 1e 05 07 80 01", "2026-11-22 15:30:05"},
    {0x2a2b, "ea07 0b 16 0f 1e 05 08 80 01", ""},
    {0x2a2b, "ea07 0b 16 0f 1e 05 07", ""},
    {0x2a37, "00 48", "72 bpm"},
    {0x2a37, "01 4801", "328 bpm"},
    {0x2a37, "06 48", "72 bpm, contact"},
    {0x2a37, "04 48", "72 bpm, no contact"},
    {0x2a37, "02 48", "72 bpm"}, /* the sensor does not tell */
    {0x2a37, "1e 48 7800 5503 4803", "72 bpm, contact, 120 kJ, RR 833 820 ms"},
    {0x2a37, "10 48", "72 bpm, RR ms"},
    {0x2a37, "10 48 55", ""},
    {0x2a37, "00 48 55", ""},
    {0x2a37, "01 48", ""},
    {0x2a37, "00", ""},
    {0x2a37, "", ""},
    {0x2a38, "01", "chest"},
    {0x2a38, "0101", ""},
    {0x2a4e, "01", "report protocol"},
    {0x2a50, "01 4c00 3412 2301", "Bluetooth vendor 0x004c (Apple, Inc.), product 0x1234, version 1.2.3"},
    {0x2a50, "02 6d04 19b0 0010", "USB vendor 0x046d, product 0xb019, version 10.0.0"},
    {0x2a50, "03 6d04 19b0 0010", ""},
    {0x2a50, "01 4c00 3412 23", ""},
    {0x2a6c, "feffff", "-0.02 m"},
    {0x2a6d, "cd760f00", "1013.453 hPa"},
    {0x2a6e, "6608", "21.50 °C"},
    {0x2a6e, "cdff", "-0.51 °C"},
    {0x2a6e, "0080", "not known"},
    {0x2a6e, "66", ""},
    {0x2a6f, "1012", "46.24 %"},
    {0x2a6f, "ffff", "not known"},
    {0x2a76, "07", "7"},
    {0x2a98, "b436", "70.020 kg"},
    {0x2a9d, "00 b436", "70.020 kg"},
    {0x2a9d, "01 b436", "140.04 lb"},
    {0x2a9d, "00 ffff", "measurement unsuccessful"},
    {0x2a9d, "0e b436 ea070b160f1e05 02 e100 ea06",
     "70.020 kg, 2026-11-22 15:30:05, user 2, BMI 22.5, 1.770 m"},
    {0x2a9d, "09 b436 e100 c102", "140.04 lb, BMI 22.5, 70.5 in"},
    {0x2a9d, "0e b436 ea070b160f1e05 02 e100 ea", ""},
    {0x2aa6, "01", "supported"},
    {0x2afb, "ffff ff", "not known"},
    {0x2afb, "102700", "100.00 lx"},
    {0x2b04, "57", "43.5 %"},
    {0x2b18, "d300", "3.296875 V"},
    {0x2b8c, "9001", "400 ppm"},
    {0x2a18, "00", ""}, /* no format known */
    {0x2b2a, "00", ""},
};

static struct bleproxy_uuid uuid_16(uint16_t value)
{
    return (struct bleproxy_uuid){2, {(uint8_t)(value >> 8), (uint8_t)value}};
}

static void test_values_read_as_the_standard_has_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[256] = "untouched";
        size_t size;
        const uint8_t *value = hex(cases[i].value, &size);
        struct bleproxy_uuid uuid = uuid_16(cases[i].characteristic);
        size_t written = bleproxy_value_format(&uuid, value, size, out, sizeof(out));
        if (strcmp(out, cases[i].text) != 0 || written != strlen(out))
            fail_msg("%04x %s: \"%s\"", cases[i].characteristic, cases[i].value, out);
    }
}

static void test_other_uuids_have_no_format(void **state)
{
    (void)state;
    char out[16];
    struct bleproxy_uuid uuid = {4, {0x2a, 0x19, 0, 1}};
    assert_int_equal(bleproxy_value_format(&uuid, hex("57", NULL), 1, out, sizeof(out)), 0);
    uuid.size = 16;
    assert_int_equal(bleproxy_value_format(&uuid, hex("57", NULL), 1, out, sizeof(out)), 0);
    uuid = uuid_16(0x180f);
    assert_int_equal(bleproxy_value_format(&uuid, hex("57", NULL), 1, out, sizeof(out)), 0);
}

static void test_text_is_cut_at_a_character(void **state)
{
    (void)state;
    static const char *const fitting[] = {"",      "2",      "21",     "21.",     "21.5",
                                          "21.50", "21.50 ", "21.50 ", "21.50 °", "21.50 °C"};
    struct bleproxy_uuid uuid = uuid_16(0x2a6e);
    for (size_t room = 0; room < sizeof(fitting) / sizeof(fitting[0]); room++) {
        char out[16];
        memset(out, '#', sizeof(out));
        assert_int_equal(bleproxy_value_format(&uuid, hex("6608", NULL), 2, out, room + 1),
                         strlen(fitting[room]));
        assert_string_equal(out, fitting[room]);
        assert_int_equal(out[room + 1], '#');
    }
}

static void test_the_longest_heart_rate_measurement_is_cut(void **state)
{
    (void)state;
    uint8_t value[512] = {0x10, 72};
    char out[2048];
    memset(value + 2, 0xff, sizeof(value) - 2);
    struct bleproxy_uuid uuid = uuid_16(0x2a37);
    size_t written = bleproxy_value_format(&uuid, value, sizeof(value), out, sizeof(out));
    assert_true(written > 400 && written < 600);
    assert_memory_equal(out, "72 bpm, RR 63999 63999 ", 23);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_read_as_the_standard_has_them),
        cmocka_unit_test(test_other_uuids_have_no_format),
        cmocka_unit_test(test_text_is_cut_at_a_character),
        cmocka_unit_test(test_the_longest_heart_rate_measurement_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
