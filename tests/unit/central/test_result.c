/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "central/result.h"
#include <bleproxy/device_info.h>
#include <string.h>

#define ADDRESS UINT64_C(0xA4C138112233)

static const struct way kitchen = {
    .source = 1, .proxy = "kitchen", .firmware = "2023.2.1", .slots_limit = 3, .slots_in_use = 2};

static const struct report *report_of(const struct ending *ending, const struct way *way)
{
    static struct report report;
    report_fill(&report, ending, ADDRESS, way);
    return &report;
}

static void test_success_says_nothing(void **state)
{
    (void)state;
    const struct ending ending = {.doing = "reading", .handle = 1, .value = (const uint8_t *)"x", .size = 1};
    const struct report *report = report_of(&ending, &kitchen);
    assert_string_equal(report->result.text, "");
    assert_int_equal(report->result.size, 1);
    assert_int_equal(report->result.source, 1);
    assert_int_equal(report->result.cause, BLEPROXY_CAUSE_NONE);
}

static void test_each_error_has_cause_and_text(void **state)
{
    (void)state;
    static const struct {
        int error;
        int32_t code;
        enum bleproxy_cause cause;
        const char *text;
    } all[] = {
        {BLEPROXY_E_NOMEM, 0, BLEPROXY_CAUSE_CALLER,
         "pairing with A4:C1:38:11:22:33 through kitchen failed: "},
        {BLEPROXY_E_CANCELLED, 0, BLEPROXY_CAUSE_CALLER, "was cancelled"},
        {BLEPROXY_E_NOT_HEARD, 0, BLEPROXY_CAUSE_NOT_HEARD, "failed: "},
        {BLEPROXY_E_NO_PROXY, 0, BLEPROXY_CAUSE_NO_PROXY, "failed: "},
        {BLEPROXY_E_NO_SLOT, 0, BLEPROXY_CAUSE_SLOTS, "2 of the proxy's 3"},
        {BLEPROXY_E_TIMEOUT, 0, BLEPROXY_CAUSE_TIMEOUT, "no answer in time"},
        {BLEPROXY_E_LIMIT, 0, BLEPROXY_CAUSE_PEER, "failed: "},
        {BLEPROXY_E_NO_SERVICES, 0, BLEPROXY_CAUSE_FIRMWARE, "failed: "},
        {BLEPROXY_E_CLOSED, 0, BLEPROXY_CAUSE_PROXY, "failed: "},
        {BLEPROXY_E_PING, 0, BLEPROXY_CAUSE_PROXY, "failed: "},
        {BLEPROXY_E_LINK, 0x3e, BLEPROXY_CAUSE_RANGE, "0x3e = 62"},
        {BLEPROXY_E_LINK, -1, BLEPROXY_CAUSE_FIRMWARE, "NOT_CONNECTED, -1"},
        {BLEPROXY_E_DISCONNECTED, 0x15, BLEPROXY_CAUSE_PEER,
         "the connection to A4:C1:38:11:22:33 through kitchen was lost"},
        {BLEPROXY_E_GATT, 0x0f, BLEPROXY_CAUSE_KEY, "0x0f = 15"},
        {BLEPROXY_E_GATT, 0x08, BLEPROXY_CAUSE_KEY, "INSUFFICIENT_AUTHORIZATION"},
        {BLEPROXY_E_GATT, -2, BLEPROXY_CAUSE_FIRMWARE, "-2"},
        {BLEPROXY_E_GATT, 0x13, BLEPROXY_CAUSE_ATTRIBUTE, "0x13"},
        {BLEPROXY_E_PAIRING, 0x55, BLEPROXY_CAUSE_KEY, "0x55"},
        {BLEPROXY_E_REFUSED, 0x12345, BLEPROXY_CAUSE_FIRMWARE, "no name (0x12345 = 74565)"},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        const struct ending ending = {.error = all[i].error, .code = all[i].code, .doing = "pairing with"};
        const struct report *report = report_of(&ending, &kitchen);
        assert_int_equal(report->result.error, all[i].error);
        assert_int_equal(report->result.code, all[i].code);
        assert_int_equal(report->result.cause, all[i].cause);
        assert_ptr_equal(report->result.text, report->text);
        if (!strstr(report->text, all[i].text))
            fail_msg("%s", report->text);
    }
}

/* The same number means different things in the two tables. */
static void test_connection_reasons_are_not_gatt_statuses(void **state)
{
    (void)state;
    const struct ending lost = {.error = BLEPROXY_E_DISCONNECTED, .code = 0x08};
    assert_non_null(strstr(report_of(&lost, &kitchen)->text, "CONN_TIMEOUT"));
    assert_null(strstr(report_of(&lost, &kitchen)->text, "AUTHORIZATION"));
}

static void test_missing_feature(void **state)
{
    (void)state;
    const struct ending partly = {.missing = BLEPROXY_FEATURE_CACHE_CLEARING,
                                  .doing = "clearing the cache of"};
    const struct report *report = report_of(&partly, &kitchen);
    assert_int_equal(report->result.error, 0);
    assert_non_null(strstr(report->text, "2023.4"));
    assert_non_null(strstr(report->text, "2023.2.1"));
    const struct ending none = {
        .error = BLEPROXY_E_UNSUPPORTED, .missing = UINT32_C(1) << 31, .doing = "pairing with"};
    report = report_of(&none, NULL);
    assert_int_equal(report->result.missing, UINT32_C(1) << 31);
    assert_int_equal(report->result.source, 0);
    assert_non_null(strstr(report->text, "unknown version"));
}

/* Every code that has a name, with the longest names of all else. */
static void test_no_text_is_cut(void **state)
{
    (void)state;
    char proxy[129];
    memset(proxy, 'x', sizeof(proxy) - 1);
    proxy[sizeof(proxy) - 1] = '\0';
    const struct way way = {.source = 1, .proxy = proxy, .firmware = ""};
    static const int errors[] = {BLEPROXY_E_LINK, BLEPROXY_E_DISCONNECTED, BLEPROXY_E_GATT,
                                 BLEPROXY_E_PAIRING, BLEPROXY_E_REFUSED};
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        for (int32_t code = -10; code < 0x400; code++) {
            const struct bleproxy_code *named = bleproxy_gatt_status(code);
            if (errors[i] == BLEPROXY_E_LINK || errors[i] == BLEPROXY_E_DISCONNECTED)
                named = bleproxy_connection_reason(code);
            if (errors[i] == BLEPROXY_E_PAIRING)
                named = bleproxy_pairing_reason(code);
            const struct ending ending = {
                .error = errors[i], .code = code, .handle = 0xffff, .doing = "unsubscribing from"};
            bool unsaid = errors[i] == BLEPROXY_E_DISCONNECTED && code == 0;
            const char *text = report_of(&ending, &way)->text;
            const char *end = unsaid ? "connect again" : named ? named->advice : "try again";
            size_t n = strlen(text), n_end = strlen(end);
            if (n < n_end || strcmp(text + n - n_end, end) != 0)
                fail_msg("cut: %s", text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_success_says_nothing),
        cmocka_unit_test(test_each_error_has_cause_and_text),
        cmocka_unit_test(test_connection_reasons_are_not_gatt_statuses),
        cmocka_unit_test(test_missing_feature),
        cmocka_unit_test(test_no_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
