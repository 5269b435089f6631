/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <bleproxy/error.h>

enum { STATE_RUNNING = BLEPROXY_SCANNER_RUNNING, MAX_SENT = 8 };

/* A proxy that takes mode commands. */
struct proxy {
    enum bleproxy_scanner_mode sent[MAX_SENT];
    unsigned n_sent, n_done, n_opened;
    int answers[MAX_SENT];
    struct fixture *f;
    bool free_scanner;
};

static int proxy_subscribe(void *user, uint64_t now_ns)
{
    (void)user;
    (void)now_ns;
    return 0;
}

static int proxy_set_mode(void *user, enum bleproxy_scanner_mode mode, uint64_t now_ns)
{
    struct proxy *proxy = user;
    (void)now_ns;
    assert_true(proxy->n_sent < MAX_SENT);
    proxy->sent[proxy->n_sent] = mode;
    if (proxy->free_scanner) {
        scanner_free(proxy->f->scanners[0]);
        proxy->f->scanners[0] = NULL;
    }
    return proxy->answers[proxy->n_sent++];
}

static const struct scanner_ops ops = {proxy_subscribe, proxy_set_mode};

static void on_done(void *user, bool opened, uint64_t now_ns)
{
    struct proxy *proxy = user;
    (void)now_ns;
    proxy->n_done++;
    proxy->n_opened += opened;
}

static void assert_sent(const struct proxy *proxy, unsigned n, enum bleproxy_scanner_mode first,
                        enum bleproxy_scanner_mode second)
{
    assert_int_equal(proxy->n_sent, n);
    if (n > 0)
        assert_int_equal(proxy->sent[0], first);
    if (n > 1)
        assert_int_equal(proxy->sent[1], second);
}

/* Opens a window of five seconds and lets them pass. */
static void five_seconds(struct fixture *f, struct proxy *proxy)
{
    struct scanner *scanner = f->scanners[0];
    scanner_window(scanner, 5 * NS_PER_S, on_done, proxy, f->now_ns);
    if (proxy->n_done > 0)
        return;
    assert_int_equal(scanner_deadline(scanner), f->now_ns + 5 * NS_PER_S);
    scanner_tick(scanner, f->now_ns + 5 * NS_PER_S - 1);
    assert_int_equal(proxy->n_done, 0);
    pass_time(f, 5);
    scanner_tick(scanner, f->now_ns);
}

static void test_f35_window_without_session_is_refused(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    five_seconds(f, &proxy);
    assert_int_equal(proxy.n_done, 1);
    assert_int_equal(proxy.n_opened, 0);
    assert_int_equal(proxy.n_sent, 0);
}

static void test_f35_window_without_the_feature_is_refused(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    struct scanner *old;
    const struct scanner_config config = {.env = &f->test.env, .source = 1, .name = "old"};
    assert_int_equal(scanner_new(&config, &old), 0);
    scanner_bind(old, &ops, &proxy, NULL);
    scanner_window(old, NS_PER_S, on_done, &proxy, f->now_ns);
    assert_int_equal(proxy.n_done, 1);
    assert_int_equal(proxy.n_opened, 0);
    assert_int_equal(proxy.n_sent, 0);
    scanner_free(old);
}

static void test_f36_window_goes_active_and_back_to_passive(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    scanner_on_state(f->scanners[0], STATE_RUNNING, 0, 0, f->now_ns);
    five_seconds(f, &proxy);
    assert_sent(&proxy, 2, BLEPROXY_MODE_ACTIVE, BLEPROXY_MODE_PASSIVE);
    assert_int_equal(proxy.n_done, 1);
    assert_int_equal(proxy.n_opened, 1);
}

static void test_f36_window_with_nothing_known_restores_passive(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    five_seconds(f, &proxy);
    assert_sent(&proxy, 2, BLEPROXY_MODE_ACTIVE, BLEPROXY_MODE_PASSIVE);
}

static void test_f37_window_restores_active_that_the_proxy_reported(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    scanner_on_state(f->scanners[0], STATE_RUNNING, 1, 1, f->now_ns);
    five_seconds(f, &proxy);
    assert_sent(&proxy, 2, BLEPROXY_MODE_ACTIVE, BLEPROXY_MODE_ACTIVE);
}

static void test_a_window_right_after_another_restores_what_was_before_both(void **state)
{
    struct fixture *f = *state;
    struct proxy first = {0}, second = {0};
    scanner_bind(f->scanners[0], &ops, &first, NULL);
    scanner_on_state(f->scanners[0], STATE_RUNNING, 0, 0, f->now_ns);
    scanner_window(f->scanners[0], NS_PER_S, on_done, &first, f->now_ns);
    scanner_on_state(f->scanners[0], STATE_RUNNING, 1, 0, f->now_ns);
    scanner_window_close(f->scanners[0], f->now_ns);
    scanner_bind(f->scanners[0], &ops, &second, NULL);
    scanner_window(f->scanners[0], NS_PER_S, on_done, &second,
                   f->now_ns); /* it is told, and has not answered */
    scanner_window_close(f->scanners[0], f->now_ns);
    assert_sent(&second, 2, BLEPROXY_MODE_ACTIVE, BLEPROXY_MODE_PASSIVE);
}

static void test_f37_what_is_reported_during_the_window_is_not_restored(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    scanner_on_state(f->scanners[0], STATE_RUNNING, 0, 0, f->now_ns);
    scanner_window(f->scanners[0], NS_PER_S, on_done, &proxy, f->now_ns);
    scanner_on_state(f->scanners[0], STATE_RUNNING, 1, 0, f->now_ns);
    pass_time(f, 1);
    scanner_tick(f->scanners[0], f->now_ns);
    assert_sent(&proxy, 2, BLEPROXY_MODE_ACTIVE, BLEPROXY_MODE_PASSIVE);
}

/* Negative, NaN and infinite durations do not exist in unsigned nanoseconds. */
static void test_f38_window_of_zero_seconds_is_accepted(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    scanner_window(f->scanners[0], 0, on_done, &proxy, f->now_ns);
    assert_int_equal(proxy.n_done, 0);
    assert_int_equal(scanner_deadline(f->scanners[0]), f->now_ns);
    scanner_tick(f->scanners[0], f->now_ns);
    assert_int_equal(proxy.n_opened, 1);
}

static void test_f38_second_window_meanwhile_is_refused(void **state)
{
    struct fixture *f = *state;
    struct proxy first = {0}, second = {0};
    scanner_bind(f->scanners[0], &ops, &first, NULL);
    scanner_window(f->scanners[0], NS_PER_S, on_done, &first, f->now_ns);
    scanner_window(f->scanners[0], NS_PER_S, on_done, &second, f->now_ns);
    assert_int_equal(second.n_done, 1);
    assert_int_equal(second.n_opened, 0);
    assert_int_equal(first.n_done, 0);
    assert_int_equal(first.n_sent, 1);
    scanner_window_close(f->scanners[0], f->now_ns);
    assert_int_equal(first.n_opened, 1);
}

static void test_f38_error_on_entry_restores_nothing(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {.answers = {BLEPROXY_E_CLOSED}};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    five_seconds(f, &proxy);
    assert_sent(&proxy, 1, BLEPROXY_MODE_ACTIVE, BLEPROXY_MODE_NONE);
    assert_int_equal(proxy.n_opened, 0);
    assert_true(scanner_deadline(f->scanners[0]) > f->now_ns);
}

static void test_f38_error_on_restore_is_a_warning(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {.answers = {0, BLEPROXY_E_CLOSED}};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    five_seconds(f, &proxy);
    assert_int_equal(proxy.n_opened, 1);
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING], 1);
}

static void test_f39_closing_the_window_restores_and_completes(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    scanner_window(f->scanners[0], 5 * NS_PER_S, on_done, &proxy, f->now_ns);
    scanner_window_close(f->scanners[0], f->now_ns);
    assert_sent(&proxy, 2, BLEPROXY_MODE_ACTIVE, BLEPROXY_MODE_PASSIVE);
    assert_int_equal(proxy.n_opened, 1);
    scanner_window_close(f->scanners[0], f->now_ns);
    assert_int_equal(proxy.n_done, 1);
}

static void test_f39_mode_pinned_during_the_window_wins(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    scanner_set_mode(f->scanners[0], BLEPROXY_MODE_PASSIVE, f->now_ns);
    scanner_window(f->scanners[0], 5 * NS_PER_S, on_done, &proxy, f->now_ns);
    scanner_set_mode(f->scanners[0], BLEPROXY_MODE_ACTIVE, f->now_ns);
    scanner_window_close(f->scanners[0], f->now_ns);
    assert_int_equal(proxy.n_sent, 4);
    assert_int_equal(proxy.sent[3], BLEPROXY_MODE_ACTIVE);
}

static void test_unsetup_closes_the_window(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    scanner_window(f->scanners[0], 5 * NS_PER_S, on_done, &proxy, f->now_ns);
    scanner_unsetup(f->scanners[0], f->now_ns);
    assert_int_equal(proxy.n_done, 1);
    assert_int_equal(scanner_deadline(f->scanners[0]), BP_NEVER);
}

static void test_freeing_the_scanner_completes_the_window_once(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    scanner_window(f->scanners[0], 5 * NS_PER_S, on_done, &proxy, f->now_ns);
    scanner_free(f->scanners[0]);
    f->scanners[0] = NULL;
    assert_int_equal(proxy.n_done, 1);
    assert_sent(&proxy, 2, BLEPROXY_MODE_ACTIVE, BLEPROXY_MODE_PASSIVE);
}

static void test_scanner_freed_while_it_opens_a_window(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {.f = f, .free_scanner = true};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    scanner_window(f->scanners[0], 5 * NS_PER_S, on_done, &proxy, f->now_ns);
    assert_int_equal(proxy.n_done, 1);
    assert_int_equal(proxy.n_opened, 0);
}

static void test_f40_auto_is_sent_as_passive_and_kept(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    struct scanner *scanner = f->scanners[0];
    scanner_bind(scanner, &ops, &proxy, NULL);
    assert_int_equal(scanner_set_mode(scanner, BLEPROXY_MODE_AUTO, f->now_ns), 0);
    assert_sent(&proxy, 1, BLEPROXY_MODE_PASSIVE, BLEPROXY_MODE_NONE);
    scanner_on_state(scanner, STATE_RUNNING, 1, 0, f->now_ns);
    assert_int_equal(scanner_requested_mode(scanner), BLEPROXY_MODE_AUTO);
    assert_int_equal(scanner_current_mode(scanner), BLEPROXY_MODE_ACTIVE);
    scanner_on_state(scanner, BLEPROXY_SCANNER_STOPPED, 1, 0, f->now_ns);
    assert_int_equal(scanner_requested_mode(scanner), BLEPROXY_MODE_AUTO);
    assert_int_equal(scanner_current_mode(scanner), BLEPROXY_MODE_NONE);
    assert_int_equal(scanner_configured_mode(scanner), BLEPROXY_MODE_PASSIVE);
    scanner_on_state(scanner, STATE_RUNNING, 0, 0, f->now_ns);
    assert_int_equal(scanner_requested_mode(scanner), BLEPROXY_MODE_AUTO);
    assert_int_equal(scanner_current_mode(scanner), BLEPROXY_MODE_PASSIVE);
    assert_int_equal(proxy.n_sent, 1);
}

static void test_f40_without_intent_the_report_is_what_is_requested(void **state)
{
    struct fixture *f = *state;
    struct scanner *scanner = f->scanners[0];
    assert_int_equal(scanner_state(scanner), BLEPROXY_SCANNER_UNKNOWN);
    assert_int_equal(scanner_requested_mode(scanner), BLEPROXY_MODE_NONE);
    scanner_on_state(scanner, STATE_RUNNING, 1, 0, f->now_ns);
    assert_int_equal(scanner_requested_mode(scanner), BLEPROXY_MODE_ACTIVE);
    scanner_on_state(scanner, STATE_RUNNING, 0, 1, f->now_ns);
    assert_int_equal(scanner_requested_mode(scanner), BLEPROXY_MODE_PASSIVE);
    assert_int_equal(scanner_configured_mode(scanner), BLEPROXY_MODE_ACTIVE);
}

static void test_unknown_values_of_newer_firmware(void **state)
{
    struct fixture *f = *state;
    struct scanner *scanner = f->scanners[0];
    scanner_on_state(scanner, 77, 2, UINT32_MAX, f->now_ns);
    assert_int_equal(scanner_state(scanner), BLEPROXY_SCANNER_UNKNOWN);
    assert_int_equal(scanner_requested_mode(scanner), BLEPROXY_MODE_NONE);
    assert_int_equal(scanner_configured_mode(scanner), BLEPROXY_MODE_NONE);
}

static void test_mode_without_the_feature_is_an_intent_and_a_warning(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    struct scanner *old;
    const struct scanner_config config = {.env = &f->test.env, .source = 1, .name = "old"};
    assert_int_equal(scanner_new(&config, &old), 0);
    scanner_bind(old, &ops, &proxy, NULL);
    assert_int_equal(scanner_set_mode(old, BLEPROXY_MODE_ACTIVE, f->now_ns), BLEPROXY_E_UNSUPPORTED);
    assert_int_equal(proxy.n_sent, 0);
    assert_int_equal(scanner_requested_mode(old), BLEPROXY_MODE_ACTIVE);
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING], 1);
    assert_int_equal(scanner_set_mode(old, BLEPROXY_MODE_PASSIVE, f->now_ns), BLEPROXY_E_UNSUPPORTED);
    assert_int_equal(scanner_requested_mode(old), BLEPROXY_MODE_PASSIVE);
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING], 1); /* once is enough */
    scanner_free(old);
}

static void test_mode_that_is_none_is_invalid(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(scanner_set_mode(f->scanners[0], BLEPROXY_MODE_NONE, f->now_ns), BLEPROXY_E_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_f35_window_without_session_is_refused),
        TEST(test_f35_window_without_the_feature_is_refused),
        TEST(test_f36_window_goes_active_and_back_to_passive),
        TEST(test_f36_window_with_nothing_known_restores_passive),
        TEST(test_f37_window_restores_active_that_the_proxy_reported),
        TEST(test_a_window_right_after_another_restores_what_was_before_both),
        TEST(test_f37_what_is_reported_during_the_window_is_not_restored),
        TEST(test_f38_window_of_zero_seconds_is_accepted),
        TEST(test_f38_second_window_meanwhile_is_refused),
        TEST(test_f38_error_on_entry_restores_nothing),
        TEST(test_f38_error_on_restore_is_a_warning),
        TEST(test_f39_closing_the_window_restores_and_completes),
        TEST(test_f39_mode_pinned_during_the_window_wins),
        TEST(test_unsetup_closes_the_window),
        TEST(test_freeing_the_scanner_completes_the_window_once),
        TEST(test_scanner_freed_while_it_opens_a_window),
        TEST(test_f40_auto_is_sent_as_passive_and_kept),
        TEST(test_f40_without_intent_the_report_is_what_is_requested),
        TEST(test_unknown_values_of_newer_firmware),
        TEST(test_mode_without_the_feature_is_an_intent_and_a_warning),
        TEST(test_mode_that_is_none_is_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
