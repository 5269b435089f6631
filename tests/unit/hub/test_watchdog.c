/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <bleproxy/error.h>

/* A proxy that is asked to subscribe again. */
struct proxy {
    unsigned n_subscribed;
    uint64_t at_ns;
    int answer;
    struct fixture *f;
    bool free_scanner;
};

static int proxy_subscribe(void *user, uint64_t now_ns)
{
    struct proxy *proxy = user;
    proxy->n_subscribed++;
    proxy->at_ns = now_ns;
    if (proxy->free_scanner) {
        scanner_free(proxy->f->scanners[0]);
        proxy->f->scanners[0] = NULL;
    }
    return proxy->answer;
}

static int proxy_set_mode(void *user, enum bleproxy_scanner_mode mode, uint64_t now_ns)
{
    (void)user;
    (void)mode;
    (void)now_ns;
    return 0;
}

static const struct scanner_ops ops = {proxy_subscribe, proxy_set_mode};

/* Ticks at every deadline until that many seconds after setup. */
static void run_until(struct fixture *f, uint64_t seconds)
{
    while (scanner_deadline(f->scanners[0]) <= T0 + seconds * NS_PER_S) {
        f->now_ns = scanner_deadline(f->scanners[0]);
        scanner_tick(f->scanners[0], f->now_ns);
    }
    f->now_ns = T0 + seconds * NS_PER_S;
}

static void test_f41_subscribes_again_at_10_40_100_160_s(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    static const unsigned at_s[] = {10, 40, 100, 160};
    for (unsigned i = 0; i < 4; i++) {
        run_until(f, at_s[i] - 1);
        assert_int_equal(proxy.n_subscribed, i);
        run_until(f, at_s[i]);
        assert_int_equal(proxy.n_subscribed, i + 1);
        assert_int_equal(proxy.at_ns, T0 + at_s[i] * NS_PER_S);
    }
}

static void test_f41_state_in_time_prevents_it(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    run_until(f, 9);
    scanner_on_state(f->scanners[0], 0, 0, 0, f->now_ns);
    run_until(f, 1000);
    assert_int_equal(proxy.n_subscribed, 0);
}

static void test_f41_state_before_setup_prevents_it(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    scanner_unsetup(f->scanners[0], T0);
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    scanner_on_state(f->scanners[0], 2, 0, 0, T0);
    scanner_setup(f->scanners[0], T0);
    run_until(f, 1000);
    assert_int_equal(proxy.n_subscribed, 0);
}

static void test_f41_state_later_ends_it(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    run_until(f, 50);
    scanner_on_state(f->scanners[0], 2, 0, 0, f->now_ns);
    run_until(f, 1000);
    assert_int_equal(proxy.n_subscribed, 2);
}

static void test_f41_unsetup_ends_it(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    scanner_unsetup(f->scanners[0], f->now_ns);
    run_until(f, 1000);
    assert_int_equal(proxy.n_subscribed, 0);
}

static void test_f41_connection_error_ends_it(void **state)
{
    struct fixture *f = *state;
    static const int errors[] = {BLEPROXY_E_NOT_CONNECTED, BLEPROXY_E_CLOSED, BLEPROXY_E_PING,
                                 BLEPROXY_E_PROTOCOL};
    for (unsigned i = 0; i < 4; i++) {
        struct proxy proxy = {.answer = errors[i]};
        scanner_unsetup(f->scanners[0], T0);
        scanner_setup(f->scanners[0], T0);
        scanner_bind(f->scanners[0], &ops, &proxy, NULL);
        run_until(f, 1000);
        assert_int_equal(proxy.n_subscribed, 1);
    }
}

static void test_f41_other_error_does_not_end_it(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {.answer = BLEPROXY_E_NOMEM};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    run_until(f, 160);
    assert_int_equal(proxy.n_subscribed, 4);
}

static void test_f41_without_session_it_ends(void **state)
{
    struct fixture *f = *state;
    run_until(f, 1000);
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING], 1);
}

static void test_f41_scanner_freed_while_subscribing(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {.f = f, .free_scanner = true};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    scanner_tick(f->scanners[0], T0 + 10 * NS_PER_S);
    assert_int_equal(proxy.n_subscribed, 1);
}

static void test_f42_warns_at_attempts_0_1_2_and_every_tenth(void **state)
{
    struct fixture *f = *state;
    struct proxy proxy = {0};
    scanner_bind(f->scanners[0], &ops, &proxy, NULL);
    for (unsigned attempt = 0; attempt <= 20; attempt++) {
        /* Other devices keep the scanner from falling silent, which would log too. */
        hear(f, f->scanners[0], 1, -50, "");
        size_t warnings = f->test.n_logs[BLEPROXY_LOG_WARNING], debugs = f->test.n_logs[BLEPROXY_LOG_DEBUG];
        while (proxy.n_subscribed == attempt) {
            f->now_ns = scanner_deadline(f->scanners[0]);
            hear(f, f->scanners[0], 1, -50, "");
            scanner_tick(f->scanners[0], f->now_ns);
        }
        bool loud = attempt < 3 || attempt == 10 || attempt == 20;
        assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING] - warnings, loud);
        assert_int_equal(f->test.n_logs[BLEPROXY_LOG_DEBUG] - debugs, !loud);
    }
}

static void test_f13_without_the_features_there_is_no_watchdog(void **state)
{
    struct fixture *f = *state;
    struct scanner *plain;
    const struct scanner_config config = {.env = &f->test.env, .source = 1, .name = "plain"};
    assert_int_equal(scanner_new(&config, &plain), 0);
    struct proxy proxy = {0};
    scanner_bind(plain, &ops, &proxy, NULL);
    scanner_setup(plain, T0);
    for (unsigned i = 0; i < 100; i++)
        scanner_tick(plain, scanner_deadline(plain));
    assert_int_equal(proxy.n_subscribed, 0);
    scanner_free(plain);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_f41_subscribes_again_at_10_40_100_160_s),
        TEST(test_f41_state_in_time_prevents_it),
        TEST(test_f41_state_before_setup_prevents_it),
        TEST(test_f41_state_later_ends_it),
        TEST(test_f41_unsetup_ends_it),
        TEST(test_f41_connection_error_ends_it),
        TEST(test_f41_other_error_does_not_end_it),
        TEST(test_f41_without_session_it_ends),
        TEST(test_f41_scanner_freed_while_subscribing),
        TEST(test_f42_warns_at_attempts_0_1_2_and_every_tenth),
        TEST(test_f13_without_the_features_there_is_no_watchdog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
