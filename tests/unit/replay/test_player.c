/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "replay/player.h"
#include "replay/trace_reader.h"
#include <stdio.h>
#include <string.h>

struct fixture {
    struct test_env test;
    struct player *player;
    struct trace_reader reader;
    char log[2000]; /* "accepted 1.5 A -67, ..." for each decision */
};

static void on_decision(void *user, const struct decision *decision)
{
    static const char *const kinds[] = {"accepted", "callback", "unavailable"};
    struct fixture *f = user;
    size_t size = strlen(f->log);
    snprintf(f->log + size, sizeof(f->log) - size, "%s%s %.4g %c %d", size > 0 ? ", " : "",
             kinds[decision->kind], (double)decision->time_ns / 1e9,
             (int)('A' + decision->advertisement->source % 16 - 1), decision->rssi);
}

static int setup(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    memset(f, 0, sizeof(*f));
    test_env_init(&f->test);
    const struct player_config config = {.env = &f->test.env, .on_decision = on_decision, .user = f};
    assert_int_equal(player_new(&config, &f->player), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    player_free(f->player);
    test_env_deinit(&f->test);
    return 0;
}

static int play(struct fixture *f, const char *text)
{
    char memory[1000];
    struct trace_event event;
    snprintf(memory, sizeof(memory), "%s", text);
    assert_int_equal(trace_reader_next(&f->reader, memory, strlen(memory), &event), 0);
    return player_run(f->player, &event);
}

static void registers(struct fixture *f, double t, unsigned source)
{
    char text[200];
    snprintf(text, sizeof(text),
             "{\"t\":%.9f,\"event\":\"register\",\"source\":\"02000000000%u\",\"connectable\":true,\"mode\":"
             "\"auto\"}",
             t, source);
    assert_int_equal(play(f, text), 0);
}

static void hear(struct fixture *f, double t, unsigned source, int rssi, const char *raw)
{
    char text[300];
    snprintf(text, sizeof(text),
             "{\"t\":%.9f,\"event\":\"adv\",\"source\":\"02000000000%u\",\"address\":\"A4:C1:38:6E:F3:62\","
             "\"address_type\":1,\"rssi\":%d,\"raw\":\"%s\"}",
             t, source, rssi, raw);
    assert_int_equal(play(f, text), 0);
}

static void about(struct fixture *f, const char *event, double t, unsigned source)
{
    char text[200];
    snprintf(text, sizeof(text), "{\"t\":%.9f,%s,\"source\":\"02000000000%u\"}", t, event, source);
    assert_int_equal(play(f, text), 0);
}

static void assert_log(struct fixture *f, const char *expected)
{
    assert_string_equal(f->log, expected);
    f->log[0] = '\0';
}

static void test_reports_are_accepted_and_changes_called_back(void **state)
{
    struct fixture *f = *state;
    registers(f, 1000, 1);
    hear(f, 1000.5, 1, -67, "020106");
    assert_log(f, "accepted 1000 A -67, callback 1000 A -67");
    hear(f, 1001, 1, 0, "020106");
    assert_log(f, "accepted 1001 A 0");
    hear(f, 1002, 1, -60, "03ff4c00");
    assert_log(f, "accepted 1002 A -60, callback 1002 A -60");
    assert_int_equal(player_n_devices(f->player), 1);
}

static void test_who_is_not_registered_is_ignored(void **state)
{
    struct fixture *f = *state;
    about(f, "\"event\":\"unregister\"", 0, 1);
    about(f, "\"event\":\"paused\",\"count\":1", 0, 1);
    hear(f, 0, 1, -60, "");
    registers(f, 1, 1);
    hear(f, 1, 2, -60, "");
    assert_log(f, "");
    about(f, "\"event\":\"unregister\"", 2, 1);
    hear(f, 2, 1, -60, "");
    assert_log(f, "");
    registers(f, 3, 1);
    hear(f, 3, 1, -60, "");
    assert_log(f, "accepted 3 A -60, callback 3 A -60");
}

static void test_registering_twice_changes_nothing(void **state)
{
    struct fixture *f = *state;
    registers(f, 0, 1);
    hear(f, 1, 1, -60, "");
    f->log[0] = '\0';
    registers(f, 2, 1);
    hear(f, 2, 1, -60, "");
    assert_log(f, "accepted 2 A -60");
}

static void test_a_paused_proxy_loses_its_device(void **state)
{
    struct fixture *f = *state;
    registers(f, 0, 1);
    registers(f, 0, 2);
    hear(f, 1, 1, -50, "");
    hear(f, 1, 2, -60, "");
    assert_log(f, "accepted 1 A -50, callback 1 A -50");
    about(f, "\"event\":\"paused\",\"count\":1", 1, 1);
    about(f, "\"event\":\"paused\",\"count\":1", 1, 1);
    hear(f, 2, 2, -60, "");
    assert_log(f, "accepted 2 B -60");
    about(f, "\"event\":\"paused\",\"count\":1", 2, 2);
    about(f, "\"event\":\"paused\",\"count\":1", 2, 2); /* said again, not counted */
    about(f, "\"event\":\"paused\",\"count\":0", 2, 2);
    hear(f, 3, 1, -60, "");
    assert_log(f, "");
}

static void test_silent_devices_go(void **state)
{
    struct fixture *f = *state;
    registers(f, 0, 1);
    hear(f, 1, 1, -50, "");
    assert_int_equal(play(f, "{\"t\":100,\"event\":\"tick\"}"), 0);
    assert_int_equal(player_n_devices(f->player), 1);
    assert_int_equal(play(f, "{\"t\":5000,\"event\":\"tick\"}"), 0);
    assert_int_equal(player_n_devices(f->player), 0);
}

static void test_scanners_are_limited(void **state)
{
    struct fixture *f = *state;
    struct trace_event event = {.kind = TRACE_REGISTER, .source = 1};
    for (; event.source <= PLAYER_SCANNERS_MAX; event.source++)
        assert_int_equal(player_run(f->player, &event), 0);
    assert_int_equal(player_run(f->player, &event), BLEPROXY_E_LIMIT);
    event.kind = TRACE_UNREGISTER;
    event.source = 1;
    assert_int_equal(player_run(f->player, &event), 0);
    event.kind = TRACE_REGISTER;
    assert_int_equal(player_run(f->player, &event), 0);
}

static void test_out_of_memory(void **state)
{
    struct fixture *f = *state;
    bool done = false;
    for (size_t n = 0; !done; n++) {
        player_free(f->player);
        f->player = NULL;
        f->test.fail_after = n;
        const struct player_config config = {.env = &f->test.env, .on_decision = on_decision, .user = f};
        const struct trace_event event = {.kind = TRACE_REGISTER, .source = 1};
        int r = player_new(&config, &f->player);
        if (r == 0)
            r = player_run(f->player, &event);
        done = r == 0;
        assert_true(done || r == BLEPROXY_E_NOMEM);
        f->test.fail_after = SIZE_MAX;
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reports_are_accepted_and_changes_called_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_is_not_registered_is_ignored, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registering_twice_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_paused_proxy_loses_its_device, setup, teardown),
        cmocka_unit_test_setup_teardown(test_silent_devices_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scanners_are_limited, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_of_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
