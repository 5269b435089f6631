/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "patience.h"
#include "virtual_proxy.h"
#include <bleproxy/bleproxy.h>
#include <signal.h>
#include <string.h>

/* Two programs want the advertisements of one proxy, on real sockets. Silence is short, so that it does not take long. */
enum { SILENCE_MS = 400 };

struct program {
    struct bleproxy_loop *loop;
    struct bleproxy_hub *hub;
    struct bleproxy_manager *manager;
    struct bleproxy_subscription *subscription;
    enum bleproxy_hearing hearing;
    unsigned n_reports;
};

static bool is_late;

static void on_late(void *user)
{
    is_late = true;
    bleproxy_loop_stop(user);
}

static void on_hearing(void *user, enum bleproxy_hearing hearing, const char *text)
{
    struct program *program = user;
    assert_non_null(text);
    program->hearing = hearing;
    bleproxy_loop_stop(program->loop);
}

static void on_report(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct program *program = user;
    (void)advertisement;
    program->n_reports++;
    bleproxy_loop_stop(program->loop);
}

static void begin(struct program *program, struct bleproxy_loop *loop, const struct virtual_proxy *proxy,
                  uint32_t reclaim_s)
{
    const struct bleproxy_proxy_config config = {.address = "127.0.0.1",
                                                 .port = proxy->port,
                                                 .timeouts.silence_ms = SILENCE_MS,
                                                 .reclaim_s = reclaim_s};
    *program = (struct program){.loop = loop};
    assert_int_equal(bleproxy_hub_new(loop, NULL, &program->hub), 0);
    assert_int_equal(bleproxy_hub_subscribe(program->hub, BLEPROXY_STREAM_REPORTS, NULL, on_report, program,
                                            &program->subscription),
                     0);
    assert_int_equal(bleproxy_manager_new(program->hub, &config, &program->manager), 0);
    bleproxy_manager_watch_hearing(program->manager, on_hearing, program);
    assert_int_equal(bleproxy_manager_start(program->manager, NULL, NULL), 0);
}

static void end(struct program *program)
{
    bleproxy_manager_free(program->manager);
    bleproxy_hub_free(program->hub);
}

static void await(const struct program *program, enum bleproxy_hearing hearing)
{
    struct bleproxy_timer *timer;
    is_late = false;
    assert_int_equal(bleproxy_timer_new(program->loop, PATIENCE_MS, 0, on_late, program->loop, &timer), 0);
    while (program->hearing != hearing && !is_late)
        bleproxy_loop_run(program->loop);
    bleproxy_timer_free(timer);
    if (is_late)
        fail_msg("%s, not %s", bleproxy_hearing_name(program->hearing), bleproxy_hearing_name(hearing));
}

static void await_reports(struct program *program, unsigned n)
{
    struct bleproxy_timer *timer;
    is_late = false;
    program->n_reports = 0;
    assert_int_equal(bleproxy_timer_new(program->loop, PATIENCE_MS, 0, on_late, program->loop, &timer), 0);
    while (program->n_reports < n && !is_late)
        bleproxy_loop_run(program->loop);
    bleproxy_timer_free(timer);
    assert_false(is_late);
}

static void test_where_the_first_wins_the_second_waits_and_follows(void **state)
{
    (void)state;
    static const char *const firmware[] = {"2025.8", "2023.6"};
    static const enum bleproxy_hearing lost[] = {BLEPROXY_HEARING_REFUSED, BLEPROXY_HEARING_SILENT};
    struct virtual_proxy proxies[2];
    struct program first[2], second[2];
    struct bleproxy_loop *loop;
    for (unsigned i = 0; i < 2; i++)
        proxies[i] = virtual_proxy_start(firmware[i], NULL, false);
    assert_int_equal(bleproxy_loop_new(NULL, &loop), 0);
    for (unsigned i = 0; i < 2; i++) {
        begin(&first[i], loop, &proxies[i], 0);
        await(&first[i], BLEPROXY_HEARING_WELL);
        begin(&second[i], loop, &proxies[i], 0);
        await(&second[i], lost[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        await_reports(&first[i], 50);
        await(&first[i], BLEPROXY_HEARING_WELL);
        assert_int_equal(second[i].n_reports, 0);
    }
    for (unsigned i = 0; i < 2; i++)
        end(&first[i]);
    for (unsigned i = 0; i < 2; i++) {
        await(&second[i], BLEPROXY_HEARING_WELL); /* in the first case the watchdog asks, after 10 s */
        end(&second[i]);
    }
    bleproxy_loop_free(loop);
    for (unsigned i = 0; i < 2; i++)
        virtual_proxy_stop(&proxies[i], SIGTERM);
}

static void test_where_the_newest_wins_the_first_leaves_it_until_it_is_told(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", NULL, false);
    struct bleproxy_loop *loop;
    struct program first, second;
    const char *text;
    assert_int_equal(bleproxy_loop_new(NULL, &loop), 0);
    begin(&first, loop, &proxy, 0);
    await(&first, BLEPROXY_HEARING_WELL);
    begin(&second, loop, &proxy, 0);
    await(&first, BLEPROXY_HEARING_ROBBED);
    assert_int_equal(bleproxy_manager_hearing(first.manager, NULL, &text), BLEPROXY_HEARING_ROBBED);
    assert_non_null(strstr(text, "left to it"));
    assert_false(bleproxy_scanner_is_available(bleproxy_manager_scanner(first.manager)));
    await_reports(&second, 100);
    await(&second, BLEPROXY_HEARING_WELL);
    assert_int_equal(first.hearing, BLEPROXY_HEARING_ROBBED);
    assert_int_equal(bleproxy_manager_reclaim(first.manager), 0);
    await_reports(&first, 10);
    await(&first, BLEPROXY_HEARING_WELL);
    await(&second, BLEPROXY_HEARING_ROBBED);
    end(&first);
    end(&second);
    bleproxy_loop_free(loop);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void test_where_the_newest_wins_it_is_taken_back_in_time_if_that_is_configured(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", NULL, false);
    struct bleproxy_loop *loop;
    struct program first, second;
    assert_int_equal(bleproxy_loop_new(NULL, &loop), 0);
    begin(&first, loop, &proxy, 1);
    await(&first, BLEPROXY_HEARING_WELL);
    begin(&second, loop, &proxy, 0);
    await(&first, BLEPROXY_HEARING_ROBBED);
    await(&first, BLEPROXY_HEARING_WELL);
    await(&second, BLEPROXY_HEARING_ROBBED);
    end(&first);
    end(&second);
    bleproxy_loop_free(loop);
    virtual_proxy_stop(&proxy, SIGTERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_the_first_wins_the_second_waits_and_follows),
        cmocka_unit_test(test_where_the_newest_wins_the_first_leaves_it_until_it_is_told),
        cmocka_unit_test(test_where_the_newest_wins_it_is_taken_back_in_time_if_that_is_configured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
