/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "adoption.h"
#include <bleproxy/error.h>
#include <string.h>

static char mac[] = "AA:BB:CC:DD:EE:FF", other_mac[] = "AA:BB:CC:DD:EE:00", name[] = "attic";
static const struct bleproxy_device_info keyless = {
    .name = name, .mac_address = mac, .api_encryption_supported = true};
static const struct bleproxy_device_info plain = {.name = name, .mac_address = mac};
static const struct bleproxy_device_info stranger = {.name = name, .mac_address = other_mac};

static struct adoption adoption;

static void expect(enum adoption_step step, enum adoption_with with)
{
    assert_int_equal(adoption.step, step);
    if (step == ADOPTION_CONNECT)
        assert_int_equal(adoption.with, with);
}

static void expect_failure(enum adoption_failure failure)
{
    assert_int_equal(adoption.step, ADOPTION_FAILED);
    assert_int_equal(adoption.failure, failure);
}

/* Up to the connection that is to prove the key. */
static void give(void)
{
    adoption_init(&adoption, false);
    expect(ADOPTION_CONNECT, ADOPTION_WITH_NONE);
    adoption_connected(&adoption, &keyless);
    expect(ADOPTION_WRITE_KEY, 0);
    assert_string_equal(adoption.name, "attic");
    assert_false(adoption.given);
    adoption_key_written(&adoption);
    expect(ADOPTION_SET_KEY, 0);
    assert_false(adoption.given);
}

static void check(int set)
{
    adoption_key_set(&adoption, set);
    expect(ADOPTION_WAIT, 0);
    assert_true(adoption.given);
    assert_true(adoption.wait_ms > 100);
    adoption_waited(&adoption);
    expect(ADOPTION_CONNECT, ADOPTION_WITH_KEY);
}

static void test_a_key_is_written_sent_and_proved(void **state)
{
    (void)state;
    give();
    check(0);
    adoption_connected(&adoption, &keyless);
    expect(ADOPTION_DONE, 0);
    assert_false(adoption.had_key);
}

static void test_plaintext_only_where_there_is_nothing_better(void **state)
{
    (void)state;
    adoption_init(&adoption, false);
    adoption_failed(&adoption, BLEPROXY_E_ENCRYPTION_PLAINTEXT);
    expect(ADOPTION_CONNECT, ADOPTION_WITH_PLAINTEXT);
    adoption_connected(&adoption, &keyless);
    expect(ADOPTION_WRITE_KEY, 0);
    static const int others[] = {BLEPROXY_E_CONNECT, BLEPROXY_E_HANDSHAKE, BLEPROXY_E_ENCRYPTION_HELLO,
                                 BLEPROXY_E_TIMEOUT};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        adoption_init(&adoption, false);
        adoption_failed(&adoption, others[i]);
        expect_failure(ADOPTION_ERROR);
        assert_int_equal(adoption.error, others[i]);
    }
}

static void test_a_proxy_with_a_key_or_without_encryption_is_told(void **state)
{
    (void)state;
    adoption_init(&adoption, false);
    adoption_failed(&adoption, BLEPROXY_E_INVALID_KEY);
    expect_failure(ADOPTION_HAS_KEY);
    adoption_init(&adoption, false);
    adoption_failed(&adoption, BLEPROXY_E_ENCRYPTION_PLAINTEXT);
    adoption_failed(&adoption, BLEPROXY_E_REQUIRES_ENCRYPTION);
    expect_failure(ADOPTION_HAS_KEY);
    adoption_init(&adoption, false);
    adoption_failed(&adoption, BLEPROXY_E_ENCRYPTION_PLAINTEXT);
    adoption_connected(&adoption, &plain);
    expect_failure(ADOPTION_CANNOT);
}

static void test_it_goes_on_with_the_key_on_disk(void **state)
{
    (void)state;
    adoption_init(&adoption, true);
    expect(ADOPTION_CONNECT, ADOPTION_WITH_KEY);
    adoption_connected(&adoption, &keyless);
    expect(ADOPTION_DONE, 0);
    assert_true(adoption.had_key);

    static const int without[] = {BLEPROXY_E_INVALID_KEY, BLEPROXY_E_ENCRYPTION_PLAINTEXT};
    for (size_t i = 0; i < 2; i++) {
        adoption_init(&adoption, true);
        adoption_failed(&adoption, without[i]);
        expect(ADOPTION_CONNECT, ADOPTION_WITH_NONE);
        adoption_connected(&adoption, &keyless);
        expect(ADOPTION_SET_KEY, 0); /* no second key */
    }
    adoption_init(&adoption, true);
    adoption_failed(&adoption, BLEPROXY_E_CONNECT);
    expect_failure(ADOPTION_ERROR);
}

static void test_a_refusal_is_final_and_no_answer_is_looked_into(void **state)
{
    (void)state;
    give();
    adoption_key_set(&adoption, BLEPROXY_E_REFUSED);
    expect_failure(ADOPTION_REFUSED);
    assert_false(adoption.given);
    give();
    check(BLEPROXY_E_CLOSED);
    adoption_connected(&adoption, &keyless);
    expect(ADOPTION_DONE, 0);
    give();
    adoption_failed(&adoption, BLEPROXY_E_CLOSED); /* before it was sent */
    expect_failure(ADOPTION_ERROR);
    assert_false(adoption.given);
}

static void test_the_proof_is_tried_for_a_while(void **state)
{
    (void)state;
    static const struct {
        int error;
        enum adoption_failure failure;
    } cases[] = {{BLEPROXY_E_INVALID_KEY, ADOPTION_NOT_TAKEN},
                 {BLEPROXY_E_ENCRYPTION_PLAINTEXT, ADOPTION_NOT_TAKEN},
                 {BLEPROXY_E_CONNECT, ADOPTION_NOT_BACK},
                 {BLEPROXY_E_TIMEOUT, ADOPTION_NOT_BACK}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        give();
        check(0);
        for (unsigned tries = 1; tries < ADOPTION_TRIES; tries++) {
            adoption_failed(&adoption, cases[i].error);
            expect(ADOPTION_WAIT, 0);
            adoption_waited(&adoption);
            expect(ADOPTION_CONNECT, ADOPTION_WITH_KEY);
        }
        adoption_failed(&adoption, cases[i].error);
        expect_failure(cases[i].failure);
        assert_true(adoption.given);
    }
}

static void test_another_device_is_told_from_it(void **state)
{
    (void)state;
    give();
    check(0);
    adoption_connected(&adoption, &stranger);
    expect_failure(ADOPTION_OTHER_DEVICE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_is_written_sent_and_proved),
        cmocka_unit_test(test_plaintext_only_where_there_is_nothing_better),
        cmocka_unit_test(test_a_proxy_with_a_key_or_without_encryption_is_told),
        cmocka_unit_test(test_it_goes_on_with_the_key_on_disk),
        cmocka_unit_test(test_a_refusal_is_final_and_no_answer_is_looked_into),
        cmocka_unit_test(test_the_proof_is_tried_for_a_while),
        cmocka_unit_test(test_another_device_is_told_from_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
