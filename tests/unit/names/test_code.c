/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <bleproxy/gatt.h>
#include <bleproxy/peripheral.h>
#include <ctype.h>
#include <string.h>

typedef const struct bleproxy_code *code_fn(int32_t code);

/* Beyond this no table has anything. */
enum { FIRST = -1000, LAST = 1000 };

/* A sentence that goes behind others: small, without full stop. */
static void assert_sentence(const char *text)
{
    assert_non_null(text);
    assert_true(strlen(text) > 5);
    assert_true(islower((unsigned char)text[0]));
    assert_int_not_equal(text[strlen(text) - 1], '.');
}

static void assert_entry(code_fn *table, int32_t code)
{
    const struct bleproxy_code *entry = table(code);
    if (!entry)
        fail_msg("no text for %d", code);
    assert_int_equal(entry->code, code);
    assert_int_equal(strspn(entry->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), strlen(entry->name));
    assert_sentence(entry->meaning);
    assert_sentence(entry->advice);
}

static void assert_table(code_fn *table, size_t n_expected)
{
    size_t n = 0;
    for (int32_t code = FIRST; code <= LAST; code++) {
        if (!table(code))
            continue;
        assert_entry(table, code);
        n++;
    }
    assert_int_equal(n, n_expected); /* so none is there twice, or out of sight */
    assert_null(table(INT32_MIN));
    assert_null(table(INT32_MAX));
}

static void test_every_connection_reason_of_the_api_has_name_meaning_and_advice(void **state)
{
    static const struct {
        int32_t code;
        const char *name;
    } reasons[] = {
        {0, "CONN_UNKNOWN"},           {0x01, "CONN_L2C_FAILURE"},     {0x08, "CONN_TIMEOUT"},
        {0x13, "TERMINATE_PEER_USER"}, {0x16, "TERMINATE_LOCAL_HOST"}, {0x22, "LMP_TIMEOUT"},
        {0x3e, "FAIL_ESTABLISH"},      {0x85, "GATT_ERROR"},           {0x100, "CONN_CANCEL"},
        {0x101, "CONN_NONE"},          {-1, "NOT_CONNECTED"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        assert_entry(bleproxy_connection_reason, reasons[i].code);
        assert_string_equal(bleproxy_connection_reason(reasons[i].code)->name, reasons[i].name);
    }
}

static void test_hci_reasons_pass_through_and_are_explained(void **state)
{
    static const int32_t reasons[] = {0x02, 0x05, 0x06, 0x0c, 0x12, 0x1f, 0x29, 0x3b, 0x3d};
    (void)state;
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        assert_entry(bleproxy_connection_reason, reasons[i]);
    assert_table(bleproxy_connection_reason, 53);
}

static void test_every_gatt_status_of_the_api_has_name_meaning_and_advice(void **state)
{
    static const int32_t others[] = {-2, -1, 224, 225, 239, 253, 254, 255, 257, 258, 259};
    (void)state;
    for (int32_t code = 1; code <= 17; code++)
        assert_entry(bleproxy_gatt_status, code);
    for (int32_t code = 128; code <= 146; code++)
        assert_entry(bleproxy_gatt_status, code);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_entry(bleproxy_gatt_status, others[i]);
    assert_null(bleproxy_gatt_status(0));
    assert_table(bleproxy_gatt_status, 50);
}

static void test_connection_reasons_are_not_gatt_statuses(void **state)
{
    (void)state;
    assert_string_equal(bleproxy_connection_reason(8)->name, "CONN_TIMEOUT");
    assert_string_equal(bleproxy_gatt_status(8)->name, "INSUFFICIENT_AUTHORIZATION");
    assert_string_equal(bleproxy_connection_reason(0x13)->name, "TERMINATE_PEER_USER");
    assert_string_equal(bleproxy_gatt_status(0x13)->name, "VALUE_NOT_ALLOWED");
    assert_null(bleproxy_gatt_status(0x22));
    assert_null(bleproxy_gatt_status(0x3e));
    assert_null(bleproxy_gatt_status(0x100));
    assert_null(bleproxy_connection_reason(4));
}

static void test_pairing_reasons_are_the_same_with_the_offset_of_esp32s(void **state)
{
    (void)state;
    for (int32_t reason = 0x01; reason <= 0x0e; reason++) {
        assert_entry(bleproxy_pairing_reason, reason);
        assert_string_equal(bleproxy_pairing_reason(77 + reason)->name,
                            bleproxy_pairing_reason(reason)->name);
    }
    assert_entry(bleproxy_pairing_reason, 0x0f);
    assert_string_equal(bleproxy_pairing_reason(78)->name, "PASSKEY_ENTRY_FAILED");
    assert_string_equal(bleproxy_pairing_reason(97)->name, "ENCRYPTION_FAILED");
    assert_table(bleproxy_pairing_reason, 43);
}

static void test_the_ten_properties_have_the_names_of_bluez(void **state)
{
    static const char *const names[] = {"broadcast",
                                        "read",
                                        "write-without-response",
                                        "write",
                                        "notify",
                                        "indicate",
                                        "authenticated-signed-writes",
                                        "extended-properties",
                                        "reliable-write",
                                        "writable-auxiliaries"};
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        const char *name = bleproxy_property_name(UINT32_C(1) << bit);
        if (bit < 10)
            assert_string_equal(name, names[bit]);
        else
            assert_null(name);
    }
    assert_null(bleproxy_property_name(0));
    assert_null(bleproxy_property_name(BLEPROXY_PROPERTY_READ | BLEPROXY_PROPERTY_WRITE));
}

static void test_every_cause_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int cause = BLEPROXY_CAUSE_NONE; cause <= BLEPROXY_CAUSE_ATTRIBUTE; cause++) {
        const char *name = bleproxy_cause_name((enum bleproxy_cause)cause);
        assert_string_not_equal(name, "unknown");
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        for (int other = BLEPROXY_CAUSE_NONE; other < cause; other++)
            assert_string_not_equal(name, bleproxy_cause_name((enum bleproxy_cause)other));
    }
    assert_string_equal(bleproxy_cause_name(BLEPROXY_CAUSE_NOT_HEARD), "not_heard");
    assert_string_equal(bleproxy_cause_name(BLEPROXY_CAUSE_ATTRIBUTE + 1), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_connection_reason_of_the_api_has_name_meaning_and_advice),
        cmocka_unit_test(test_hci_reasons_pass_through_and_are_explained),
        cmocka_unit_test(test_every_gatt_status_of_the_api_has_name_meaning_and_advice),
        cmocka_unit_test(test_connection_reasons_are_not_gatt_statuses),
        cmocka_unit_test(test_pairing_reasons_are_the_same_with_the_offset_of_esp32s),
        cmocka_unit_test(test_the_ten_properties_have_the_names_of_bluez),
        cmocka_unit_test(test_every_cause_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
