/* SPDX-License-Identifier: MIT */
/* What proxies have heard, in a file of the state directory: of one program for the next. */
#include "support.h"

#include "engine/hub.h"
#include "hub/scanner.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEVICE UINT64_C(0xAABBCCDDEEFF)

struct fixture {
    struct bleproxy_loop *loop;
    struct bleproxy_hub *hub;
    char folder[64], path[128], aside[160];
    int n_warnings;
    char warning[512];
};

static void on_log(void *user, enum bleproxy_log_level level, const char *room, const char *proxy,
                   const char *text)
{
    struct fixture *fixture = user;
    (void)room, (void)proxy;
    assert_int_equal(level, BLEPROXY_LOG_WARNING);
    fixture->n_warnings++;
    snprintf(fixture->warning, sizeof(fixture->warning), "%s", text);
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.folder = "/tmp/bleproxy-state-XXXXXX"};
    const struct bleproxy_loop_options options = {
        .on_log = on_log, .log_user = &fixture, .log_level = BLEPROXY_LOG_WARNING};
    assert_int_equal(bleproxy_loop_new(&options, &fixture.loop), 0);
    assert_non_null(mkdtemp(fixture.folder));
    snprintf(fixture.path, sizeof(fixture.path), "%s/history", fixture.folder);
    snprintf(fixture.aside, sizeof(fixture.aside), "%s.damaged", fixture.path);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    bleproxy_loop_free(fixture->loop);
    unlink(fixture->path);
    unlink(fixture->aside);
    return rmdir(fixture->folder); /* which is empty, then */
}

static void begin(struct fixture *fixture)
{
    const struct bleproxy_hub_options options = {.state_dir = fixture->folder};
    assert_int_equal(bleproxy_hub_new(fixture->loop, &options, &fixture->hub), 0);
}

static struct scanner *come(struct fixture *fixture)
{
    const struct scanner_config config = {.env = &fixture->loop->env, .source = 0xA0, .name = "kitchen"};
    struct scanner *scanner;
    assert_int_equal(scanner_new(&config, &scanner), 0);
    scanner_setup(scanner, loop_now());
    assert_int_equal(hub_register_scanner(fixture->hub->core, scanner, loop_now()), 0);
    return scanner;
}

static void hear(struct scanner *scanner)
{
    static const uint8_t packet[] = {5, 9, 'L', 'a', 'm', 'p'};
    const struct batch_advert advert = {
        .address = DEVICE, .data = packet, .size = sizeof(packet), .rssi = -50};
    scanner_report(scanner, &advert, loop_now());
}

/* A program that hears the device, and its end. */
static void hear_and_end(struct fixture *fixture)
{
    begin(fixture);
    struct scanner *scanner = come(fixture);
    hear(scanner);
    scanner_free(scanner);
    bleproxy_hub_free(fixture->hub);
}

static const struct bleproxy_advertisement *remembered(struct fixture *fixture, struct scanner **ret_scanner)
{
    begin(fixture);
    *ret_scanner = come(fixture);
    return scanner_last(*ret_scanner, DEVICE);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static void test_what_was_heard_is_known_to_the_next_program(void **state)
{
    struct fixture *fixture = *state;
    struct scanner *scanner;
    struct stat status;
    uint64_t began_ns = loop_now();
    hear_and_end(fixture);
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600); /* who is next door is nobody else's business */
    for (unsigned run = 0; run < 2; run++) {       /* one that hears nothing leaves it alone */
        const struct bleproxy_advertisement *last = remembered(fixture, &scanner);
        assert_non_null(last);
        assert_string_equal(last->name, "Lamp");
        /* the wall clock may be slewed, but not by as much as a second */
        assert_true(last->time_ns + NS_PER_S > began_ns && last->time_ns < loop_now() + NS_PER_S);
        assert_int_equal(bleproxy_hub_n_devices(fixture->hub), 0);
        scanner_free(scanner);
        bleproxy_hub_free(fixture->hub);
    }
    assert_int_equal(fixture->n_warnings, 0);
}

static void test_proxies_that_are_still_there_are_saved_too(void **state)
{
    struct fixture *fixture = *state;
    struct scanner *scanner;
    begin(fixture);
    struct scanner *first = come(fixture);
    hear(first);
    bleproxy_hub_free(fixture->hub);
    scanner_free(first);
    assert_non_null(remembered(fixture, &scanner));
    scanner_free(scanner);
    bleproxy_hub_free(fixture->hub);
}

static void test_it_is_not_written_without_reports_nor_at_each(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture);
    struct scanner *scanner = come(fixture);
    scanner_free(scanner);
    bleproxy_hub_free(fixture->hub);
    assert_false(exists(fixture->path));
    begin(fixture);
    scanner = come(fixture);
    hear(scanner);
    assert_false(exists(fixture->path));
    hub_tick(fixture->hub->core, loop_now() + HISTORY_SAVE_S * NS_PER_S + NS_PER_S);
    assert_true(exists(fixture->path)); /* after a while, without an end */
    assert_int_equal(unlink(fixture->path), 0);
    scanner_free(scanner);
    bleproxy_hub_free(fixture->hub);
    assert_false(exists(fixture->path)); /* nothing was heard since */
}

static void test_without_a_directory_nothing_is_kept(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(bleproxy_hub_new(fixture->loop, NULL, &fixture->hub), 0);
    struct scanner *scanner = come(fixture);
    hear(scanner);
    scanner_free(scanner);
    bleproxy_hub_free(fixture->hub);
    assert_false(exists(fixture->path));
}

static void test_f192_a_damaged_file_is_discarded_with_a_warning(void **state)
{
    struct fixture *fixture = *state;
    struct scanner *scanner;
    hear_and_end(fixture);
    assert_int_equal(truncate(fixture->path, 30), 0);
    assert_null(remembered(fixture, &scanner));
    assert_int_equal(fixture->n_warnings, 1);
    assert_non_null(strstr(fixture->warning, fixture->aside));
    hear(scanner);
    scanner_free(scanner);
    bleproxy_hub_free(fixture->hub);
    assert_non_null(remembered(fixture, &scanner));
    assert_int_equal(fixture->n_warnings, 1);
    scanner_free(scanner);
    bleproxy_hub_free(fixture->hub);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_heard_is_known_to_the_next_program),
        TEST(test_proxies_that_are_still_there_are_saved_too),
        TEST(test_it_is_not_written_without_reports_nor_at_each),
        TEST(test_without_a_directory_nothing_is_kept),
        TEST(test_f192_a_damaged_file_is_discarded_with_a_warning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
