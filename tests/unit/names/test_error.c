/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <bleproxy/device_info.h>
#include <bleproxy/error.h>
#include <ctype.h>
#include <string.h>

static const int errors[] = {
    BLEPROXY_E_NOMEM,
    BLEPROXY_E_INVALID,
    BLEPROXY_E_STATE,
    BLEPROXY_E_CANCELLED,
    BLEPROXY_E_START_ABORTED,
    BLEPROXY_E_TIMEOUT,
    BLEPROXY_E_LIMIT,
    BLEPROXY_E_NOT_FOUND,
    BLEPROXY_E_UNSUPPORTED,
    BLEPROXY_E_IO,
    BLEPROXY_E_RESOLVE,
    BLEPROXY_E_RESOLVE_TIMEOUT,
    BLEPROXY_E_CONNECT,
    BLEPROXY_E_CLOSED,
    BLEPROXY_E_PING,
    BLEPROXY_E_NOT_CONNECTED,
    BLEPROXY_E_PROTOCOL,
    BLEPROXY_E_VERSION,
    BLEPROXY_E_BAD_NAME,
    BLEPROXY_E_BAD_MAC_ADDRESS,
    BLEPROXY_E_REQUEST_FAILED,
    BLEPROXY_E_REQUIRES_ENCRYPTION,
    BLEPROXY_E_ENCRYPTION_PLAINTEXT,
    BLEPROXY_E_ENCRYPTION_HELLO,
    BLEPROXY_E_HANDSHAKE,
    BLEPROXY_E_INVALID_KEY,
    BLEPROXY_E_ENCRYPTION,
    BLEPROXY_E_INVALID_AUTH,
    BLEPROXY_E_NOT_HEARD,
    BLEPROXY_E_NO_PROXY,
    BLEPROXY_E_NO_SLOT,
    BLEPROXY_E_LINK,
    BLEPROXY_E_DISCONNECTED,
    BLEPROXY_E_GATT,
    BLEPROXY_E_PAIRING,
    BLEPROXY_E_REFUSED,
    BLEPROXY_E_BUSY,
    BLEPROXY_E_NO_SERVICES,
    BLEPROXY_E_NO_ATTRIBUTE,
    BLEPROXY_E_AMBIGUOUS,
    BLEPROXY_E_PROPERTY,
    BLEPROXY_E_TOO_LONG,
};
enum { N_ERRORS = sizeof(errors) / sizeof(errors[0]) };

static void test_every_error_has_a_sentence_and_a_name_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ERRORS; i++) {
        const char *sentence = bleproxy_strerror(errors[i]), *name = bleproxy_error_name(errors[i]);
        assert_string_not_equal(name, "unknown");
        assert_true(islower((unsigned char)sentence[0]));
        assert_int_not_equal(sentence[strlen(sentence) - 1], '.');
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(sentence, bleproxy_strerror(errors[j]));
            assert_string_not_equal(name, bleproxy_error_name(errors[j]));
        }
    }
}

static void test_no_other_number_has_a_text_of_its_own(void **state)
{
    (void)state;
    assert_string_equal(bleproxy_strerror(0), "success");
    assert_string_equal(bleproxy_error_name(0), "ok");
    size_t named = 0;
    for (int error = -1000; error <= 1000; error++)
        named += strcmp(bleproxy_error_name(error), "unknown") != 0;
    assert_int_equal(named, N_ERRORS + 1);
    assert_string_equal(bleproxy_error_name(INT32_MIN), "unknown");
    assert_string_equal(bleproxy_strerror(INT32_MAX), "an error unknown to this version");
}

static void test_a_missing_key_is_explained(void **state)
{
    (void)state;
    assert_string_equal(bleproxy_error_name(BLEPROXY_E_REQUIRES_ENCRYPTION), "requires_encryption");
    assert_non_null(strstr(bleproxy_strerror(BLEPROXY_E_REQUIRES_ENCRYPTION), "give its noise_psk"));
}

static void test_the_eight_features_have_names_releases_and_costs(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        uint32_t feature = UINT32_C(1) << bit;
        assert_int_equal(bleproxy_feature_name(feature) != NULL, bit < 8);
        assert_int_equal(bleproxy_feature_since(feature) != NULL, bit < 8);
        assert_int_equal(bleproxy_feature_cost(feature) != NULL, bit < 8);
    }
    assert_string_equal(bleproxy_feature_name(BLEPROXY_FEATURE_RAW_ADVERTISEMENTS), "raw_advertisements");
    assert_string_equal(bleproxy_feature_since(BLEPROXY_FEATURE_RAW_ADVERTISEMENTS), "2023.6");
    assert_string_equal(bleproxy_feature_since(BLEPROXY_FEATURE_ACTIVE_CONNECTIONS), "2022.10");
    assert_null(bleproxy_feature_name(0));
    assert_null(bleproxy_feature_name(BLEPROXY_FEATURE_PASSIVE_SCAN | BLEPROXY_FEATURE_PAIRING));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_error_has_a_sentence_and_a_name_of_its_own),
        cmocka_unit_test(test_no_other_number_has_a_text_of_its_own),
        cmocka_unit_test(test_a_missing_key_is_explained),
        cmocka_unit_test(test_the_eight_features_have_names_releases_and_costs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
