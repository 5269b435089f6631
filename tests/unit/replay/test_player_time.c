/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "base/time.h"
#include "hub/hub.h"
#include "hub/scanner.h"
#include "replay/player.h"
#include <stdio.h>
#include <string.h>

/* A hub and scanners that only have timers, and write down when they are called. A report brings its scanner's timer
 * nearer. */

enum { HUB_S = 60, SCANNER_S = 30, REPORT_S = 5 };

struct hub {
    const struct env *env;
    uint64_t due_ns;
};

struct scanner {
    const struct env *env;
    uint64_t source, due_ns;
    unsigned pauses;
};

static struct test_env test;
static struct player *player;
static char calls[2000];

static void note(const char *what, uint64_t now_ns)
{
    size_t size = strlen(calls);
    snprintf(calls + size, sizeof(calls) - size, "%s%s %g", size > 0 ? ", " : "", what,
             (double)(now_ns - PLAYER_EPOCH_NS) / 1e9);
}

static void note_scanner(const char *what, const struct scanner *scanner, uint64_t now_ns)
{
    char text[40];
    snprintf(text, sizeof(text), "%s%c", what, (int)('A' + scanner->source - 1));
    note(text, now_ns);
}

int hub_new(const struct env *env, const struct bleproxy_hub_options *options, uint64_t now_ns,
            struct hub **ret_hub)
{
    (void)options;
    *ret_hub = env_alloc(env, sizeof(**ret_hub));
    assert_non_null(*ret_hub);
    (*ret_hub)->env = env;
    (*ret_hub)->due_ns = now_ns + HUB_S * NS_PER_S;
    return 0;
}

void hub_free(struct hub *hub, uint64_t now_ns)
{
    (void)now_ns;
    env_free(hub->env, hub);
}

uint64_t hub_deadline(const struct hub *hub)
{
    return hub->due_ns;
}

void hub_tick(struct hub *hub, uint64_t now_ns)
{
    note("hub", now_ns);
    hub->due_ns = now_ns + HUB_S * NS_PER_S;
}

int hub_register_scanner(struct hub *hub, struct scanner *scanner, uint64_t now_ns)
{
    (void)hub;
    note_scanner("+", scanner, now_ns);
    return 0;
}

void hub_unregister_scanner(struct hub *hub, struct scanner *scanner, uint64_t now_ns)
{
    (void)hub;
    note_scanner("-", scanner, now_ns);
}

int hub_subscribe(struct hub *hub, enum bleproxy_stream stream, const struct bleproxy_filter *filter,
                  bleproxy_advertisement_fn *on_advertisement, void *user,
                  struct bleproxy_subscription **ret_subscription)
{
    (void)hub;
    (void)stream;
    (void)filter;
    (void)on_advertisement;
    (void)user;
    *ret_subscription = NULL;
    return 0;
}

int hub_watch_unavailable(struct hub *hub, uint64_t address, bleproxy_unavailable_fn *on_unavailable,
                          void *user, struct bleproxy_watch **ret_watch)
{
    (void)hub;
    (void)address;
    (void)on_unavailable;
    (void)user;
    *ret_watch = NULL;
    return 0;
}

int hub_set_interval(struct hub *hub, uint64_t address, uint64_t interval_ns)
{
    (void)hub;
    (void)address;
    (void)interval_ns;
    return 0;
}

size_t hub_n_devices(const struct hub *hub)
{
    (void)hub;
    return 0;
}

int scanner_new(const struct scanner_config *config, struct scanner **ret_scanner)
{
    *ret_scanner = env_alloc(config->env, sizeof(**ret_scanner));
    assert_non_null(*ret_scanner);
    (*ret_scanner)->env = config->env;
    (*ret_scanner)->source = config->source;
    (*ret_scanner)->due_ns = BP_NEVER;
    return 0;
}

void scanner_free(struct scanner *scanner)
{
    env_free(scanner->env, scanner);
}

void scanner_setup(struct scanner *scanner, uint64_t now_ns)
{
    scanner->due_ns = now_ns + SCANNER_S * NS_PER_S;
}

void scanner_unsetup(struct scanner *scanner, uint64_t now_ns)
{
    (void)now_ns;
    scanner->due_ns = BP_NEVER;
}

uint64_t scanner_deadline(const struct scanner *scanner)
{
    return scanner->due_ns;
}

void scanner_tick(struct scanner *scanner, uint64_t now_ns)
{
    assert_true(now_ns == scanner->due_ns);
    note_scanner("", scanner, now_ns);
    scanner->due_ns += SCANNER_S * NS_PER_S;
}

void scanner_report(struct scanner *scanner, const struct batch_advert *advert, uint64_t now_ns)
{
    (void)advert;
    note_scanner("report ", scanner, now_ns);
    scanner->due_ns = time_min(scanner->due_ns, now_ns + REPORT_S * NS_PER_S);
}

int scanner_set_mode(struct scanner *scanner, enum bleproxy_scanner_mode mode, uint64_t now_ns)
{
    (void)scanner;
    (void)mode;
    (void)now_ns;
    return 0;
}

uint64_t scanner_source(const struct scanner *scanner)
{
    return scanner->source;
}

unsigned scanner_pauses(const struct scanner *scanner)
{
    return scanner->pauses;
}

void scanner_pause(struct scanner *scanner)
{
    scanner->pauses++;
}

void scanner_resume(struct scanner *scanner)
{
    scanner->pauses--;
}

/* ---- The tests ---- */

static int setup(void **state)
{
    (void)state;
    calls[0] = '\0';
    test_env_init(&test);
    const struct player_config config = {.env = &test.env};
    return player_new(&config, &player);
}

static int teardown(void **state)
{
    (void)state;
    player_free(player);
    test_env_deinit(&test);
    return 0;
}

static void play(enum trace_kind kind, double seconds, uint64_t source)
{
    const struct trace_event event = {.kind = kind, .time_ns = (uint64_t)(seconds * 1e9), .source = source};
    assert_int_equal(player_run(player, &event), 0);
}

static void assert_calls(const char *expected)
{
    assert_string_equal(calls, expected);
    calls[0] = '\0';
}

static void test_timers_run_in_order_of_due_time(void **state)
{
    (void)state;
    play(TRACE_REGISTER, 0, 1);
    play(TRACE_REGISTER, 10, 2);
    assert_calls("+A 0, +B 10");
    play(TRACE_TICK, 75, 0);
    assert_calls("A 30, B 40, hub 60, A 60, B 70");
}

static void test_what_is_due_at_the_time_of_a_line_goes_before_it(void **state)
{
    (void)state;
    play(TRACE_REGISTER, 0, 1);
    play(TRACE_ADVERT, 29.999999999, 1);
    play(TRACE_ADVERT, 30, 1);
    assert_calls("+A 0, report A 30, A 30, report A 30");
}

static void test_of_timers_due_at_once_the_hub_is_first_then_scanners_as_registered(void **state)
{
    (void)state;
    play(TRACE_REGISTER, 270, 3);
    play(TRACE_REGISTER, 270, 1);
    play(TRACE_REGISTER, 270, 2);
    play(TRACE_UNREGISTER, 280, 3);
    play(TRACE_REGISTER, 280, 3);
    calls[0] = '\0';
    play(TRACE_TICK, 330, 0);
    assert_calls("A 300, B 300, C 310, hub 330, A 330, B 330");
}

static void test_a_report_may_bring_a_timer_nearer(void **state)
{
    (void)state;
    play(TRACE_REGISTER, 0, 1);
    play(TRACE_ADVERT, 1, 1);
    play(TRACE_TICK, 10, 0);
    assert_calls("+A 0, report A 1, A 6");
}

static void test_a_scanner_that_is_gone_has_no_timer(void **state)
{
    (void)state;
    play(TRACE_REGISTER, 0, 1);
    play(TRACE_UNREGISTER, 10, 1);
    play(TRACE_TICK, 70, 0);
    assert_calls("+A 0, -A 10, hub 60");
}

static void test_one_registered_again_begins_anew(void **state)
{
    (void)state;
    play(TRACE_REGISTER, 0, 1);
    play(TRACE_UNREGISTER, 10, 1);
    play(TRACE_REGISTER, 20, 1);
    play(TRACE_REGISTER, 25, 1);
    play(TRACE_TICK, 50, 0);
    assert_calls("+A 0, -A 10, +A 20, A 50");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_timers_run_in_order_of_due_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_due_at_the_time_of_a_line_goes_before_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_of_timers_due_at_once_the_hub_is_first_then_scanners_as_registered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_report_may_bring_a_timer_nearer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_scanner_that_is_gone_has_no_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_registered_again_begins_anew, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
