/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "hub/device.h"
#include "hub/hub_private.h"

/* Those who are told that a device is gone, and what they may do then. */

enum { A, B, C, D };

static void hear_from(struct fixture *f, unsigned scanner, uint64_t address)
{
    hear(f, f->scanners[scanner], address, -50, "020106");
}

struct diary {
    struct fixture *f;
    struct bleproxy_watch *watch;
    char text[200]; /* "c1 a1": connectable notice of device 1, then that of all */
};

static void write_down(void *user, const struct bleproxy_advertisement *last, bool connectable)
{
    struct diary *diary = user;
    size_t n = strlen(diary->text);
    snprintf(diary->text + n, sizeof(diary->text) - n, "%s%c%u", n > 0 ? " " : "", connectable ? 'c' : 'a',
             (unsigned)last->address);
}

static void keep_diary(struct diary *diary, struct fixture *f, uint64_t address,
                       bleproxy_unavailable_fn *on_gone)
{
    diary->f = f;
    assert_int_equal(hub_watch_unavailable(f->hub, address, on_gone, diary, &diary->watch), 0);
}

static void test_connections_first_then_all(void **state)
{
    struct fixture *f = *state;
    struct diary diary = {0};
    keep_diary(&diary, f, 0, write_down);
    for (uint64_t address = 1; address <= 2; address++) {
        assert_int_equal(hub_set_interval(f->hub, address, 1 * NS_PER_S), 0);
        hear_from(f, A, address);
    }
    at(f, 301);
    assert_int_equal(strlen(diary.text), strlen("c1 c2 a1 a2"));
    assert_memory_equal(diary.text, "c", 1);
    assert_memory_equal(diary.text + 3, "c", 1);
}

static void test_watchers_of_one_and_of_all(void **state)
{
    struct fixture *f = *state;
    struct diary first = {0}, second = {0}, all = {0};
    keep_diary(&first, f, 1, write_down);
    keep_diary(&second, f, 2, write_down);
    keep_diary(&all, f, 0, write_down);
    hear_from(f, A, 1);
    at(f, 2000);
    assert_string_equal(first.text, "c1 a1");
    assert_string_equal(second.text, "");
    assert_string_equal(all.text, "c1 a1");
}

/* The last report is told as it was, though nobody remembers it. */
static void test_last_report_is_whole(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 1, &notices);
    hear(f, f->scanners[A], 1, -61, "05094c616d70 0303d2fc 0416d2fc01 04ffaa0001");
    at(f, 400);
    assert_int_equal(notices.connectable, 1);
    assert_string_equal(content(&notices.last), "Lamp| fcd2| fcd2:01| aa:01");
    assert_int_equal(notices.last.rssi_dbm, -61);
    assert_int_equal(notices.last.time_ns, T0);
    assert_int_equal(notices.last.source, 0xA0);
    assert_string_equal(notices.last.proxy, "kitchen");
    assert_null(notices.last.raw);
    at(f, 1300);
    assert_int_equal(notices.any, 1);
    assert_int_equal(notices.last.time_ns, T0);
}

static void test_forgotten_device_is_not_missed(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 0, &notices);
    hear_from(f, A, 1);
    hub_forget(f->hub, 1);
    hub_forget(f->hub, 2); /* unknown */
    at(f, 3000);
    assert_int_equal(notices.connectable + notices.any, 0);
    assert_int_equal(hub_n_devices(f->hub), 0);
}

static void test_watching_is_refused_when_it_makes_no_sense(void **state)
{
    struct fixture *f = *state;
    struct bleproxy_watch *watch = NULL;
    assert_int_equal(hub_watch_unavailable(f->hub, 1, NULL, NULL, &watch), BLEPROXY_E_INVALID);
    bleproxy_watch_free(NULL);
    for (f->test.fail_after = 0;; f->test.fail_after++) {
        size_t n = f->test.fail_after;
        int r = hub_watch_unavailable(f->hub, 1, write_down, NULL, &watch);
        f->test.fail_after = n;
        if (r == 0)
            break;
        assert_int_equal(r, BLEPROXY_E_NOMEM);
        assert_null(watch);
    }
    f->test.fail_after = SIZE_MAX;
    bleproxy_watch_free(watch);
    assert_int_equal(f->hub->interests.by_address.count, 0);
}

/* ---- Callbacks that make calls ---- */

static void free_own_watch(void *user, const struct bleproxy_advertisement *last, bool connectable)
{
    struct diary *diary = user;
    write_down(user, last, connectable);
    bleproxy_watch_free(diary->watch);
    diary->watch = NULL;
}

static void test_callback_frees_its_watch(void **state)
{
    struct fixture *f = *state;
    struct diary once = {0}, all = {0};
    keep_diary(&once, f, 0, free_own_watch);
    keep_diary(&all, f, 0, write_down);
    hear_from(f, A, 1);
    hear_from(f, A, 2);
    at(f, 2000);
    assert_int_equal(strlen(once.text), strlen("c1"));
    assert_int_equal(strlen(all.text), strlen("c1 c2 a1 a2"));
}

static struct diary *other_diary;

static void free_other_watch(void *user, const struct bleproxy_advertisement *last, bool connectable)
{
    write_down(user, last, connectable);
    bleproxy_watch_free(other_diary->watch);
    other_diary->watch = NULL;
}

static void test_callback_frees_the_watch_that_is_next(void **state)
{
    struct fixture *f = *state;
    struct diary first = {0}, next = {0}, last = {0};
    keep_diary(&first, f, 1, free_other_watch);
    keep_diary(&next, f, 1, write_down);
    keep_diary(&last, f, 1, write_down);
    other_diary = &next;
    hear_from(f, A, 1);
    at(f, 2000);
    assert_string_equal(first.text, "c1 a1");
    assert_string_equal(next.text, "");
    assert_string_equal(last.text, "c1 a1");
}

static void watch_more(void *user, const struct bleproxy_advertisement *last, bool connectable)
{
    struct diary *diary = user;
    write_down(user, last, connectable);
    if (!other_diary->watch)
        keep_diary(other_diary, diary->f, last->address, write_down);
}

static void test_watch_begun_in_a_callback_waits_for_the_next_notice(void **state)
{
    struct fixture *f = *state;
    struct diary first = {0}, more = {0};
    keep_diary(&first, f, 1, watch_more);
    other_diary = &more;
    hear_from(f, A, 1);
    at(f, 2000);
    assert_string_equal(first.text, "c1 a1");
    assert_string_equal(more.text, "a1");
}

static struct listener late_listener;

static void subscribe_now(void *user, const struct bleproxy_advertisement *last, bool connectable)
{
    struct diary *diary = user;
    struct bleproxy_subscription *subscription;
    const struct bleproxy_filter filter = {.address = last->address};
    write_down(user, last, connectable);
    assert_int_equal(hub_subscribe(diary->f->hub, BLEPROXY_STREAM_CHANGES, &filter, on_advertisement,
                                   &late_listener, &subscription),
                     0);
    assert_int_equal(hub_set_interval(diary->f->hub, last->address, 77 * NS_PER_S), 0);
    hub_forget(diary->f->hub, last->address);
    hub_forget(diary->f->hub, 3 - last->address);
}

static void test_callback_subscribes_and_forgets(void **state)
{
    struct fixture *f = *state;
    struct diary diary = {0};
    late_listener = (struct listener){0};
    keep_diary(&diary, f, 0, subscribe_now);
    hear_from(f, A, 1);
    hear_from(f, A, 2);
    at(f, 5000);
    assert_int_equal(strlen(diary.text), strlen("c1")); /* the first forgets both */
    assert_int_equal(late_listener.calls, 0);
    assert_int_equal(hub_n_devices(f->hub), 0);
    hear_from(f, A, 1);
    hear_from(f, A, 2);
    assert_int_equal(late_listener.calls, 1);
}

static void unregister_all(void *user, const struct bleproxy_advertisement *last, bool connectable)
{
    struct diary *diary = user;
    struct fixture *f = diary->f;
    for (unsigned i = 0; i < N_SCANNERS; i++) {
        if (!f->scanners[i])
            continue;
        hub_unregister_scanner(f->hub, f->scanners[i], f->now_ns);
        if (i % 2 == 0) {
            scanner_free(f->scanners[i]);
            f->scanners[i] = NULL;
        }
    }
    write_down(user, last, connectable);
    assert_true(strlen(last->proxy) <= strlen("kitchen"));
    assert_int_equal(last->name_size, 4);
}

static void test_callback_unregisters_scanners(void **state)
{
    struct fixture *f = *state;
    struct diary diary = {0};
    keep_diary(&diary, f, 0, unregister_all);
    for (uint64_t address = 1; address <= 4; address++)
        hear(f, f->scanners[address - 1], address, -50, "05094c616d70");
    at(f, 295);
    for (uint64_t address = 2; address <= 4; address++) /* these are remembered until then */
        hear(f, f->scanners[address - 1], address, -50, "05094c616d70");
    at(f, 5000);
    assert_int_equal(strlen(diary.text), strlen("c1 c2 c3 c4 a1 a2 a3 a4"));
    assert_int_equal(hub_n_devices(f->hub), 0);
}

static void free_hub(void *user, const struct bleproxy_advertisement *last, bool connectable)
{
    struct diary *diary = user;
    struct fixture *f = diary->f;
    struct hub *hub = f->hub;
    struct bleproxy_watch *watch;
    f->hub = NULL;
    hub_free(hub, f->now_ns);
    write_down(user, last, connectable);
    assert_string_equal(last->name, "Lamp");
    assert_int_equal(hub_watch_unavailable(hub, 1, write_down, user, &watch), BLEPROXY_E_STATE);
}

/* With the notices of which kind. */
static void free_hub_in_a_sweep(struct fixture *f, uint64_t interval_s, const char *expected)
{
    struct diary diary = {0}, other = {0};
    struct scanner *far = far_scanner(f);
    keep_diary(&diary, f, 0, free_hub);
    keep_diary(&other, f, 0, write_down);
    for (uint64_t address = 1; address <= 9; address++) {
        assert_int_equal(hub_set_interval(f->hub, address, interval_s * NS_PER_S), 0);
        hear(f, interval_s ? far : f->scanners[A], address, -50, "05094c616d70");
    }
    for (uint64_t t = 30; f->hub && t < 3000; t += 30)
        at(f, t);
    assert_null(f->hub);
    assert_int_equal(strlen(diary.text), 2);
    assert_memory_equal(diary.text, expected, 1);
    assert_string_equal(other.text, "");
}

static void test_callback_frees_the_hub_when_a_device_is_not_connectable_any_more(void **state)
{
    free_hub_in_a_sweep(*state, 0, "c");
}

static void test_callback_frees_the_hub_when_a_device_is_gone(void **state)
{
    free_hub_in_a_sweep(*state, 1, "a");
}

static void free_watch_and_hub(void *user, const struct bleproxy_advertisement *last, bool connectable)
{
    struct diary *diary = user;
    bleproxy_watch_free(diary->watch);
    free_hub(user, last, connectable);
}

static void test_callback_frees_hub_and_watch_as_its_device_is_displaced(void **state)
{
    struct fixture *f = *state;
    struct diary diary = {0};
    f->hub->devices.max = 1;
    keep_diary(&diary, f, 0, free_watch_and_hub);
    hear(f, f->scanners[A], 1, -50, "05094c616d70");
    hear(f, f->scanners[A], 2, -50, "020106");
    assert_null(f->hub);
    assert_string_equal(diary.text, "c1");
    assert_non_null(scanner_last(f->scanners[A], 2));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, reference_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_connections_first_then_all),
        TEST(test_watchers_of_one_and_of_all),
        TEST(test_last_report_is_whole),
        TEST(test_forgotten_device_is_not_missed),
        TEST(test_watching_is_refused_when_it_makes_no_sense),
        TEST(test_callback_frees_its_watch),
        TEST(test_callback_frees_the_watch_that_is_next),
        TEST(test_watch_begun_in_a_callback_waits_for_the_next_notice),
        TEST(test_callback_subscribes_and_forgets),
        TEST(test_callback_unregisters_scanners),
        TEST(test_callback_frees_the_hub_when_a_device_is_not_connectable_any_more),
        TEST(test_callback_frees_the_hub_when_a_device_is_gone),
        TEST(test_callback_frees_hub_and_watch_as_its_device_is_displaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
