/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "hub/device.h"

/* One name for a device, whichever proxy has heard it: F133 and around it. A owns the device, B is heard too weakly to. */

enum { A, B, C, D };
enum { OWNED = -40, WEAK = -90 };

static void say_bytes(struct fixture *f, unsigned scanner, int32_t rssi, const void *name, size_t size)
{
    uint8_t raw[2 + FIELDS_NAME_MAX];
    assert_true(size <= FIELDS_NAME_MAX);
    raw[0] = (uint8_t)(1 + size);
    raw[1] = 0x09;
    memcpy(raw + 2, name, size);
    hear_bytes(f, f->scanners[scanner], 1, rssi, raw, 2 + size);
}

/* The scanner hears a name; A strongly. "": a packet without. */
static void say(struct fixture *f, unsigned scanner, const char *name)
{
    int32_t rssi = scanner == A ? OWNED : WEAK;
    if (name[0])
        say_bytes(f, scanner, rssi, name, strlen(name));
    else
        hear(f, f->scanners[scanner], 1, rssi, "020106");
}

static const char *or_none(const char *name)
{
    return name ? name : "(none)";
}

static void assert_device_name(struct fixture *f, const char *expected)
{
    const struct bleproxy_device *device = hub_device(f->hub, 1);
    assert_non_null(device);
    assert_string_equal(or_none(bleproxy_device_name(device)), expected);
}

/* What the device's current report says. */
static void assert_view_name(struct fixture *f, const char *expected)
{
    assert_string_equal(or_none(bleproxy_device_advertisement(hub_device(f->hub, 1))->name), expected);
}

static void assert_scanner_name(struct fixture *f, unsigned scanner, const char *expected)
{
    assert_string_equal(or_none(scanner_last(f->scanners[scanner], 1)->name), expected);
}

/* ---- Which of two names ---- */

static void test_f133_extension_replaces(void **state)
{
    struct fixture *f = *state;
    say(f, A, "Onv");
    say(f, A, "Onvis XXX");
    assert_device_name(f, "Onvis XXX");
    say(f, B, "Onvis XXX-1234");
    assert_device_name(f, "Onvis XXX-1234");
}

static void test_f133_truncation_does_not_replace(void **state)
{
    struct fixture *f = *state;
    say(f, A, "Onvis XXX");
    say(f, A, "Onv");
    assert_device_name(f, "Onvis XXX");
    say(f, B, "Onv");
    assert_device_name(f, "Onvis XXX");
    assert_scanner_name(f, B, "Onvis XXX");
}

static void test_f133_other_name_replaces_though_it_is_shorter(void **state)
{
    struct fixture *f = *state;
    say(f, A, "Onvis XXX");
    say(f, B, "Donkey");
    assert_device_name(f, "Donkey");
    assert_scanner_name(f, B, "Donkey");
}

/* One proxy alone: its packets complete each other, the longer name stays. */
static void test_shorter_name_of_the_same_proxy_is_no_rename(void **state)
{
    struct fixture *f = *state;
    say(f, A, "Onvis XXX");
    say(f, A, "Donkey");
    assert_device_name(f, "Onvis XXX");
    say(f, A, "Donkey 12");
    assert_device_name(f, "Donkey 12");
}

static void test_f133_case_alone_does_not_replace(void **state)
{
    struct fixture *f = *state;
    say(f, A, "onv");
    say(f, B, "ONV");
    assert_device_name(f, "onv");
    assert_scanner_name(f, B, "onv");
    say(f, B, "ONVis"); /* in any case it is an extension */
    assert_device_name(f, "ONVis");
}

static void test_case_is_folded_as_python_does(void **state)
{
    struct fixture *f = *state;
    say(f, A, "Stra\u00dfe");
    say(f, B, "STRASSE"); /* as long, folded, and equal */
    assert_device_name(f, "Stra\u00dfe");
    say(f, C, "strass"); /* the start of it, folded */
    assert_device_name(f, "Stra\u00dfe");
    say(f, D, "STRASSE 1");
    assert_device_name(f, "STRASSE 1");
}

static void test_equally_long_name_replaces(void **state)
{
    struct fixture *f = *state;
    say(f, A, "Lamp 1");
    say(f, B, "Lamp 2");
    assert_device_name(f, "Lamp 2");
}

/* Each proxy repeats what it has heard: neither wins for good. */
static void test_two_proxies_that_disagree_rename_back_and_forth(void **state)
{
    struct fixture *f = *state;
    struct listener changes = {0};
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    say(f, A, "Onvis XXX");
    for (unsigned i = 0; i < 5; i++) {
        say(f, B, "Donkey");
        assert_device_name(f, "Donkey");
        assert_view_name(f, "Onvis XXX");
        say(f, A, "Onvis XXX");
        assert_device_name(f, "Onvis XXX");
        assert_view_name(f, "Onvis XXX");
    }
    assert_int_equal(changes.calls, 1); /* the owner always said the same */
}

/* ---- Names that are none ---- */

static void test_f133_empty_name_is_ignored(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, OWNED, "0109");
    assert_device_name(f, "(none)");
    say(f, A, "Lamp");
    hear(f, f->scanners[A], 1, OWNED, "0109");
    hear(f, f->scanners[B], 1, WEAK, "0109");
    assert_device_name(f, "Lamp");
}

static void test_f133_own_address_is_no_name(void **state)
{
    struct fixture *f = *state;
    say(f, B, "00:00:00:00:00:01");
    assert_device_name(f, "(none)");
    say(f, A, "Lamp");
    assert_device_name(f, "Lamp");
    say(f, B, "00:00:00:00:00:01");
    assert_device_name(f, "Lamp");
    assert_scanner_name(f, B, "Lamp");
    say(f, C, "00:00:00:00:00:01"); /* longer, and not the same */
    assert_device_name(f, "Lamp");
}

static void test_address_of_another_device_is_a_name(void **state)
{
    struct fixture *f = *state;
    say(f, A, "00:00:00:00:00:02");
    assert_device_name(f, "00:00:00:00:00:02");
}

/* ---- Through proxies that do not hear it ---- */

static void test_f133_nameless_report_gains_the_name(void **state)
{
    struct fixture *f = *state;
    struct listener changes = {0};
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    say(f, A, ""); /* the owner scans passively */
    say(f, B, "Lamp");
    assert_device_name(f, "Lamp");
    assert_view_name(f, "(none)");
    assert_int_equal(changes.calls, 1);
    say(f, A, "");
    assert_view_name(f, "Lamp");
    assert_int_equal(changes.calls, 2);
    say(f, A, "");
    assert_int_equal(changes.calls, 2);
    say(f, C, "");
    assert_scanner_name(f, C, "Lamp");
}

static void test_f133_nameless_report_from_afar_gains_the_name(void **state)
{
    struct fixture *f = *state;
    struct scanner *far = far_scanner(f);
    say(f, A, "Lamp");
    hear(f, far, 1, -10, "020106");
    assert_int_equal(bleproxy_device_advertisement(hub_device(f->hub, 1))->source, FAR_SOURCE);
    assert_view_name(f, "Lamp");
}

static void test_gained_name_is_a_name_like_one_that_was_heard(void **state)
{
    struct fixture *f = *state;
    say(f, A, "Lamp 12");
    say(f, B, "");
    say(f, B, "Lamp 1"); /* shorter than what it has gained */
    assert_scanner_name(f, B, "Lamp 12");
    assert_device_name(f, "Lamp 12");
    say(f, B, "Lamp 123");
    assert_device_name(f, "Lamp 123");
    say(f, A, "Lamp 12");
    assert_view_name(f, "Lamp 123");
}

static void test_name_goes_with_ownership(void **state)
{
    struct fixture *f = *state;
    say(f, A, "Lamp");
    say_bytes(f, B, -5, "LAMP", 4);
    assert_int_equal(bleproxy_device_advertisement(hub_device(f->hub, 1))->source, 0xA1);
    assert_view_name(f, "Lamp");
}

static void test_name_outlasts_the_proxy_that_heard_it(void **state)
{
    struct fixture *f = *state;
    say(f, A, "");
    say(f, B, "Lamp");
    hub_unregister_scanner(f->hub, f->scanners[B], f->now_ns);
    assert_device_name(f, "Lamp");
    say(f, A, "");
    assert_view_name(f, "Lamp");
    hub_unregister_scanner(f->hub, f->scanners[A], f->now_ns);
    assert_device_name(f, "Lamp");
    say(f, C, "Lam");
    assert_view_name(f, "Lamp");
}

/* The hub has never seen such a report: it is dropped before. */
static void test_name_in_apple_chatter_is_not_heard(void **state)
{
    struct fixture *f = *state;
    say(f, A, "");
    hear(f, f->scanners[B], 1, WEAK, "05094c616d70 04ff4c000f");
    assert_device_name(f, "(none)");
    assert_scanner_name(f, B, "Lamp");
    hear(f, f->scanners[B], 1, WEAK, "04ff4c0010"); /* its first that counts: with the name */
    assert_device_name(f, "Lamp");
}

/* ---- Names of any bytes ---- */

static void test_nul_is_a_character(void **state)
{
    struct fixture *f = *state;
    say_bytes(f, A, OWNED, "La\0mp", 5);
    const struct bleproxy_advertisement *view = bleproxy_device_advertisement(hub_device(f->hub, 1));
    assert_int_equal(view->name_size, 5);
    assert_memory_equal(view->name, "La\0mp", 6);
    say_bytes(f, B, WEAK, "La", 2); /* a truncation */
    view = scanner_last(f->scanners[B], 1);
    assert_int_equal(view->name_size, 5);
    assert_memory_equal(view->name, "La\0mp", 6);
    say_bytes(f, C, WEAK, "La\0ma", 5); /* another */
    size_t size;
    assert_memory_equal(device_name(hub_device(f->hub, 1), &size), "La\0ma", 6);
    assert_int_equal(size, 5);
}

static void test_invalid_utf8_is_replaced_and_settles(void **state)
{
    struct fixture *f = *state;
    struct listener changes = {0};
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    for (unsigned i = 0; i < 3; i++) {
        say(f, A, "La\xff");
        say(f, B, "La\xff");
        say(f, C, "L\xc3\xa9");
    }
    assert_device_name(f, "L\u00e9");
    say(f, A, "La\xff");
    assert_device_name(f, "La\ufffd");
    assert_int_equal(changes.calls, 1);
    say(f, B, "La\xff\xff");
    assert_device_name(f, "La\ufffd\ufffd");
}

/* Each byte becomes three. */
static void test_longest_names_are_shared(void **state)
{
    struct fixture *f = *state;
    char longest[FIELDS_NAME_MAX], name[3 * FIELDS_NAME_MAX + 1] = "";
    memset(longest, 0xff, sizeof(longest));
    for (unsigned i = 0; i < FIELDS_NAME_MAX; i++)
        memcpy(name + 3 * i, "\ufffd", 4);
    say(f, A, "");
    say_bytes(f, B, WEAK, longest, sizeof(longest));
    assert_device_name(f, name);
    say(f, A, "");
    assert_view_name(f, name);
    say(f, C, "\xff");
    assert_scanner_name(f, C, name);
    assert_int_equal(scanner_last(f->scanners[C], 1)->name_size, 3 * FIELDS_NAME_MAX);
}

static void test_merged_data_survives_a_name_that_is_gained(void **state)
{
    struct fixture *f = *state;
    say(f, A, "A name of some length, to make things move");
    hear(f, f->scanners[B], 1, WEAK, "0303d2fc 0416d2fc01 04ffaa0001");
    assert_string_equal(content(scanner_last(f->scanners[B], 1)),
                        "A name of some length, to make things move| fcd2| fcd2:01| aa:01");
    assert_int_equal(scanner_last(f->scanners[B], 1)->raw_size, 14);
    hear(f, f->scanners[B], 1, WEAK, "0303d2fc 0416d2fc02 04ffaa0001"); /* patched where it lies */
    assert_string_equal(content(scanner_last(f->scanners[B], 1)),
                        "A name of some length, to make things move| fcd2| fcd2:02| aa:01");
}

/* ---- The end of a name ---- */

static void test_name_goes_with_the_device(void **state)
{
    struct fixture *f = *state;
    say(f, A, "Lamp");
    at(f, 1500);
    assert_null(hub_device(f->hub, 1));
    say(f, B, "Lam");
    assert_device_name(f, "Lam");
}

static void test_forgotten_name_is_heard_again(void **state)
{
    struct fixture *f = *state;
    say(f, A, "Lamp");
    hub_forget(f->hub, 1);
    say(f, B, "Lam");
    assert_device_name(f, "Lam");
    say(f, A, ""); /* the proxy itself knows what it is called */
    assert_device_name(f, "Lamp");
}

static void test_name_that_only_another_proxy_had_heard_is_forgotten_too(void **state)
{
    struct fixture *f = *state;
    say(f, A, "");
    say(f, B, "Lamp");
    hub_forget(f->hub, 1);
    say(f, A, "");
    assert_device_name(f, "(none)");
    say(f, B, ""); /* it has told B */
    assert_device_name(f, "Lamp");
}

/* ---- Without memory ---- */

/* The name is B's, A's view is to get it, and there is no room for it. A's value changes in place meanwhile. */
static void test_name_that_finds_no_room_is_not_lost(void **state)
{
    struct fixture *f = *state;
    const char *name = "A name that needs more room than there is";
    hear(f, f->scanners[A], 1, OWNED, "04ffaa0001");
    say(f, B, name);
    f->test.fail_after = 0;
    hear(f, f->scanners[A], 1, OWNED, "04ffaa0002");
    assert_string_equal(content(bleproxy_device_advertisement(hub_device(f->hub, 1))), "-||| aa:02");
    f->test.fail_after = SIZE_MAX;
    assert_device_name(f, name);
    hear(f, f->scanners[A], 1, OWNED, "04ffaa0002");
    assert_device_name(f, name);
    assert_view_name(f, name);
}

static void test_rename_without_memory_keeps_the_old_name_and_is_tried_again(void **state)
{
    struct fixture *f = *state;
    const char *name = "Lamp, with a name that needs more room than there is";
    static const uint8_t room[150] = {149, 0x24}; /* so that C can hold what follows */
    say(f, A, "");
    say(f, B, "Lamp");
    hear_bytes(f, f->scanners[C], 1, WEAK, room, sizeof(room));
    f->test.fail_after = 0;
    say(f, C, name);
    assert_device_name(f, "Lamp");
    assert_scanner_name(f, C, name);
    say(f, A, ""); /* nor is there room for this */
    assert_device_name(f, "Lamp");
    f->test.fail_after = SIZE_MAX;
    say(f, A, "");
    assert_view_name(f, "Lamp");
    say(f, C, name);
    assert_device_name(f, name);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, reference_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_f133_extension_replaces),
        TEST(test_f133_truncation_does_not_replace),
        TEST(test_f133_other_name_replaces_though_it_is_shorter),
        TEST(test_shorter_name_of_the_same_proxy_is_no_rename),
        TEST(test_f133_case_alone_does_not_replace),
        TEST(test_case_is_folded_as_python_does),
        TEST(test_equally_long_name_replaces),
        TEST(test_two_proxies_that_disagree_rename_back_and_forth),
        TEST(test_f133_empty_name_is_ignored),
        TEST(test_f133_own_address_is_no_name),
        TEST(test_address_of_another_device_is_a_name),
        TEST(test_f133_nameless_report_gains_the_name),
        TEST(test_f133_nameless_report_from_afar_gains_the_name),
        TEST(test_gained_name_is_a_name_like_one_that_was_heard),
        TEST(test_name_goes_with_ownership),
        TEST(test_name_outlasts_the_proxy_that_heard_it),
        TEST(test_name_in_apple_chatter_is_not_heard),
        TEST(test_nul_is_a_character),
        TEST(test_invalid_utf8_is_replaced_and_settles),
        TEST(test_longest_names_are_shared),
        TEST(test_merged_data_survives_a_name_that_is_gained),
        TEST(test_name_goes_with_the_device),
        TEST(test_forgotten_name_is_heard_again),
        TEST(test_name_that_only_another_proxy_had_heard_is_forgotten_too),
        TEST(test_name_that_finds_no_room_is_not_lost),
        TEST(test_rename_without_memory_keeps_the_old_name_and_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
