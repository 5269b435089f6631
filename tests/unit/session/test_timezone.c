/* SPDX-License-Identifier: MIT */
#include "client.h"

#include "session/timezone.h"

static void expect_month_rule(const struct timezone_rule *rule, uint32_t month, uint32_t week, uint32_t day,
                              int32_t time_seconds)
{
    assert_int_equal(rule->type, TIMEZONE_RULE_MONTH_WEEK_DAY);
    assert_int_equal(rule->month, month);
    assert_int_equal(rule->week, week);
    assert_int_equal(rule->day_of_week, day);
    assert_int_equal(rule->time_seconds, time_seconds);
}

static void test_offsets_are_positive_west_of_utc(void **state)
{
    static const struct {
        const char *text;
        int32_t offset;
    } cases[] = {
        {"UTC0", 0},          {"EST5", 18000},     {"<+0530>-5:30", -19800},  {"<-03>3", 10800},
        {"NPT-5:45", -20700}, {"LMT+0:01:15", 75}, {"<+1245>-12:45", -45900}, {"AAA24", 86400},
    };
    struct posix_timezone zone;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(timezone_parse(cases[i].text, &zone));
        assert_int_equal(zone.std_offset_seconds, cases[i].offset);
        assert_int_equal(zone.dst_offset_seconds, 0);
        assert_int_equal(zone.dst_start.type, TIMEZONE_RULE_NONE);
        assert_int_equal(zone.dst_end.type, TIMEZONE_RULE_NONE);
    }
}

static void test_summer_time_by_month_week_and_day(void **state)
{
    struct posix_timezone zone;
    (void)state;
    assert_true(timezone_parse("CET-1CEST,M3.5.0,M10.5.0/3", &zone));
    assert_int_equal(zone.std_offset_seconds, -3600);
    assert_int_equal(zone.dst_offset_seconds, -7200);
    expect_month_rule(&zone.dst_start, 3, 5, 0, 7200);
    expect_month_rule(&zone.dst_end, 10, 5, 0, 10800);
    /* Half an hour of summer time, southern hemisphere. */
    assert_true(timezone_parse("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", &zone));
    assert_int_equal(zone.std_offset_seconds, -37800);
    assert_int_equal(zone.dst_offset_seconds, -39600);
    expect_month_rule(&zone.dst_start, 10, 1, 0, 7200);
    /* Times before midnight and beyond a day. */
    assert_true(timezone_parse("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", &zone));
    expect_month_rule(&zone.dst_start, 3, 5, 0, -3600);
    expect_month_rule(&zone.dst_end, 10, 5, 0, 0);
    assert_true(timezone_parse("IST-2IDT,M3.4.4/26,M10.5.0", &zone));
    expect_month_rule(&zone.dst_start, 3, 4, 4, 26 * 3600);
}

static void test_summer_time_by_day_of_the_year(void **state)
{
    struct posix_timezone zone;
    (void)state;
    assert_true(timezone_parse("AAA3BBB,J60/1:30,300", &zone));
    assert_int_equal(zone.dst_start.type, TIMEZONE_RULE_JULIAN);
    assert_int_equal(zone.dst_start.day, 60);
    assert_int_equal(zone.dst_start.time_seconds, 5400);
    assert_int_equal(zone.dst_end.type, TIMEZONE_RULE_DAY);
    assert_int_equal(zone.dst_end.day, 300);
    assert_int_equal(zone.dst_end.time_seconds, 7200);
}

static void test_summer_time_without_rules(void **state)
{
    struct posix_timezone zone;
    (void)state;
    assert_true(timezone_parse("EST5EDT", &zone));
    assert_int_equal(zone.dst_offset_seconds, 4 * 3600);
    expect_month_rule(&zone.dst_start, 3, 2, 0, 7200);
    expect_month_rule(&zone.dst_end, 11, 1, 0, 7200);
}

static void test_anything_else_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "UTC",
        "Europe/Berlin",
        ":CET-1",
        "CE-1",
        "<+03-3",
        "<+>-3",
        "CET25",
        "CET-1:60",
        "CET-1CEST,",
        "CET-1C",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M0.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,M3.5.0/168,M10.5.0",
        "CET-1CEST,J0,J100",
        "CET-1CEST,J366,J1",
        "CET-1CEST,366,1",
        "CET-1CEST,M3.5.0,M10.5.0 ",
        "CET99999999999999999999",
        "CET-1CEST,M3.5.0,M10.5.0/3:",
        "CET-1:",
        "CET-",
    };
    struct posix_timezone zone = {.std_offset_seconds = 42};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (timezone_parse(texts[i], &zone))
            fail_msg("'%s' was accepted", texts[i]);
    assert_int_equal(zone.std_offset_seconds, 42);
}

SPLIT_TEST(test_time_with_summer_time_is_sent_in_numbers_too)
{
    c->time = (struct session_time){1767225600, "CET-1CEST,M3.5.0,M10.5.0/3"};
    client_connect(c, HELLO_15);
    client_feed(c, "000024");
    client_expect(c, "0040250d00b95569121a4345542d31434553542c4d332e352e302c4d31302e352e302f331a1d089f"
                     "3810bf701a0908c070180120032805220a08e0a8011801200a2805");
}

SPLIT_TEST(test_time_with_an_unreadable_zone_has_only_its_text)
{
    c->time = (struct session_time){1767225600, "Mars/Olympus"};
    client_connect(c, HELLO_15);
    client_feed(c, "000024");
    client_expect(c, "0013250d00b95569120c4d6172732f4f6c796d707573");
}

SPLIT_TEST(test_time_without_a_zone)
{
    c->time = (struct session_time){1767225600, ""};
    client_connect(c, HELLO_15);
    client_feed(c, "000024");
    client_expect(c, "0005250d00b95569");
}

SPLIT_TEST(test_time_is_not_told_when_that_is_not_wanted)
{
    c->config.no_time = true;
    client_connect(c, HELLO_15);
    client_feed(c, "000024");
    client_expect(c, "");
    assert_int_equal(c->events[EVENT_TIME], 0);
}

static void disconnect_in_get_time(void *user, struct session_time *ret_time)
{
    struct client *c = user;
    *ret_time = c->time;
    session_disconnect(c->session, true, c->now_ns);
}

SPLIT_TEST(test_time_is_not_told_after_the_end)
{
    c->ops.get_time = disconnect_in_get_time;
    client_connect(c, HELLO_15);
    client_feed(c, "000024");
    client_expect(c, "000005");
    client_expect_end(c, 0, "was disconnected");
}

SPLIT_TEST(test_time_without_a_clock)
{
    c->ops.get_time = NULL;
    client_connect(c, HELLO_15);
    client_feed(c, "000024");
    client_expect(c, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets_are_positive_west_of_utc),
        cmocka_unit_test(test_summer_time_by_month_week_and_day),
        cmocka_unit_test(test_summer_time_by_day_of_the_year),
        cmocka_unit_test(test_summer_time_without_rules),
        cmocka_unit_test(test_anything_else_is_refused),
        cmocka_unit_test(test_time_with_summer_time_is_sent_in_numbers_too),
        cmocka_unit_test(test_time_with_an_unreadable_zone_has_only_its_text),
        cmocka_unit_test(test_time_without_a_zone),
        cmocka_unit_test(test_time_is_not_told_when_that_is_not_wanted),
        cmocka_unit_test(test_time_is_not_told_after_the_end),
        cmocka_unit_test(test_time_without_a_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
