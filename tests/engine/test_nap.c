/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "engine/manager.h"
#include "patience.h"
#include "virtual_proxy.h"
#include <signal.h>
#include <time.h>

static void on_wake(void *user)
{
    unsigned *n = user;
    ++*n;
}

static void test_clocks_that_go_apart_are_a_suspend(void **state)
{
    (void)state;
    unsigned n = 0;
    struct nap nap = {.fd = -1};
    struct nap_member member = {.on_wake = on_wake, .user = &n};
    list_init(&nap.members);
    assert_true(nap_look(&nap, 100 * NS_PER_S, 40 * NS_PER_S)); /* before we began: nobody is told */
    nap_join(&nap, &member);
    assert_false(nap_look(&nap, 200 * NS_PER_S, 140 * NS_PER_S)); /* the wall clock was set */
    assert_false(nap_look(&nap, 201 * NS_PER_S - 1, 140 * NS_PER_S));
    assert_int_equal(n, 0);
    assert_true(nap_look(&nap, 3800 * NS_PER_S, 141 * NS_PER_S));
    assert_int_equal(n, 1);
    assert_false(nap_look(&nap, 3801 * NS_PER_S, 142 * NS_PER_S));
    nap_leave(&member);
    assert_true(nap_look(&nap, 7000 * NS_PER_S, 143 * NS_PER_S));
    assert_int_equal(n, 1);
}

struct seen {
    struct bleproxy_loop *loop;
    enum bleproxy_proxy_state state;
    bool lost, late;
    int error;
};

static void on_state(void *user, enum bleproxy_proxy_state state, int error, const char *text)
{
    struct seen *seen = user;
    (void)text;
    seen->state = state;
    if (error) {
        seen->lost = true;
        seen->error = error;
    }
    bleproxy_loop_stop(seen->loop);
}

static void on_late(void *user)
{
    struct seen *seen = user;
    seen->late = true;
    bleproxy_loop_stop(seen->loop);
}

/* The proxy has forgotten us, without a word, while we slept: its host does not answer any more. */
static void test_a_dead_connection_is_found_out_at_once_after_a_suspend(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", NULL, false);
    const struct bleproxy_proxy_config config = {.address = "127.0.0.1", .port = proxy.port};
    struct seen seen = {0};
    struct bleproxy_hub *hub;
    struct bleproxy_manager *manager;
    struct bleproxy_timer *timer;
    assert_int_equal(bleproxy_loop_new(NULL, &seen.loop), 0);
    assert_int_equal(bleproxy_hub_new(seen.loop, NULL, &hub), 0);
    assert_int_equal(bleproxy_manager_new(hub, &config, &manager), 0);
    bleproxy_manager_watch(manager, on_state, &seen);
    assert_int_equal(bleproxy_timer_new(seen.loop, PATIENCE_MS, 0, on_late, &seen, &timer), 0);
    assert_int_equal(bleproxy_manager_start(manager, NULL, NULL), 0);
    while (seen.state != BLEPROXY_PROXY_READY && !seen.late)
        bleproxy_loop_run(seen.loop);
    kill(proxy.pid, SIGSTOP);
    uint64_t begun_ns = bleproxy_loop_now_ns(seen.loop);
    nap_look(&seen.loop->nap, seen.loop->nap.slept_ns + 3600 * NS_PER_S, 0);
    while (!seen.lost && !seen.late)
        bleproxy_loop_run(seen.loop);
    assert_int_equal(seen.error, BLEPROXY_E_PING);
    assert_true(bleproxy_loop_now_ns(seen.loop) - begun_ns < 15 * NS_PER_S); /* not 110 */
    kill(proxy.pid, SIGCONT);
    while (seen.state != BLEPROXY_PROXY_READY && !seen.late)
        bleproxy_loop_run(seen.loop);
    assert_false(seen.late);
    bleproxy_timer_free(timer);
    bleproxy_manager_free(manager);
    bleproxy_hub_free(hub);
    bleproxy_loop_free(seen.loop);
    virtual_proxy_stop(&proxy, SIGTERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clocks_that_go_apart_are_a_suspend),
        cmocka_unit_test(test_a_dead_connection_is_found_out_at_once_after_a_suspend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
