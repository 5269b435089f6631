/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "sim/control.h"
#include "sim/proxy.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <string.h>

static struct control control;

static int parse(const char *line)
{
    const char *why = NULL;
    memset(&control, 0xee, sizeof(control));
    int r = control_parse(line, &control, &why);
    assert_true(r == 0 || (r == BLEPROXY_E_INVALID && why && *why));
    return r;
}

static void test_commands(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum control_command command;
    } cases[] = {
        {"list", CONTROL_LIST},         {"reboot", CONTROL_REBOOT},
        {"crash", CONTROL_CRASH},       {"deaf", CONTROL_DEAF},
        {"hear", CONTROL_HEAR},         {"rob", CONTROL_ROB},
        {"unrob", CONTROL_UNROB},       {"move 192.0.2.1:6", CONTROL_MOVE},
        {"announce", CONTROL_ANNOUNCE}, {"goodbye", CONTROL_GOODBYE},
        {"  \thear  \r", CONTROL_HEAR},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(parse(cases[i].line), 0);
        assert_int_equal(control.command, cases[i].command);
        assert_string_equal(control.proxy, "");
    }
}

static void test_arguments(void **state)
{
    (void)state;
    assert_int_equal(parse("reboot"), 0);
    assert_int_equal(control.seconds, SIM_BOOT_S);
    assert_int_equal(parse("@kitchen crash 0"), 0);
    assert_int_equal(control.seconds, 0);
    assert_string_equal(control.proxy, "kitchen");
    assert_int_equal(parse("crash 86400"), 0);
    assert_int_equal(control.seconds, 86400);
    assert_int_equal(parse("deaf"), 0);
    assert_int_equal(control.cure, SERVER_CURE_NONE);
    assert_int_equal(parse("deaf mode"), 0);
    assert_int_equal(control.cure, SERVER_CURE_MODE);
    assert_int_equal(parse("@a move [2001:db8::1]:6053"), 0);
    assert_string_equal(control.address, "[2001:db8::1]:6053");
}

static void test_what_is_no_order(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        " ",
        "lis",
        "listen",
        "LIST",
        "list all",
        "crash 86401",
        "crash -1",
        "crash 1s",
        "deaf well",
        "reboot 1 2",
        "move",
        "move a b",
        "@",
        "@ list",
        "@a @b list",
        "@a",
        "crash 18446744073709551616",
        "@this-name-has-more-than-31-bytes list",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        assert_int_equal(parse(lines[i]), BLEPROXY_E_INVALID);
}

static void test_long_lines(void **state)
{
    (void)state;
    char line[CONTROL_LINE_MAX + 1];
    memset(line, ' ', sizeof(line));
    memcpy(line, "hear", 4);
    line[CONTROL_LINE_MAX - 1] = '\0';
    assert_int_equal(parse(line), 0);
    line[CONTROL_LINE_MAX - 1] = ' ';
    line[CONTROL_LINE_MAX] = '\0';
    assert_int_equal(parse(line), BLEPROXY_E_INVALID);
    memset(line, 'x', CONTROL_LINE_MAX - 1);
    memcpy(line, "move ", 5);
    line[CONTROL_LINE_MAX - 1] = '\0';
    assert_int_equal(parse(line), 0);
    assert_int_equal(strlen(control.address), CONTROL_LINE_MAX - 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_what_is_no_order),
        cmocka_unit_test(test_long_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
