/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "hub/hearing.h"
#include <bleproxy/error.h>
#include <string.h>

#define T0 (1000 * NS_PER_S)

enum deafness { HEARS, DEAF_UNTIL_MODE, DEAF_UNTIL_SUBSCRIBED, DEAF_UNTIL_CONNECTED, DEAF_FOR_GOOD };

/* A proxy with one subscription, which we or a rival have, on a virtual clock. */
struct fixture {
    struct test_env test;
    struct hearing hearing;
    struct hearing_config config;
    struct hearing_session session;
    struct hearing_signs signs;
    uint64_t now_ns;

    bool ours, rival; /* who has it; the rival may be connected and not have it */
    bool answers;     /* inquiries */
    bool dead;        /* not even pings */
    bool has_links;
    enum deafness deafness;
    uint64_t interval_ns; /* between reports, 0: no devices */
    uint64_t report_ns;   /* the next */
    uint64_t inquiry_ns;  /* when its answer comes; BP_NEVER: none is under way */
    bool in_session;
    uint64_t back_ns; /* the next session begins; BP_NEVER */

    unsigned n_inquiries, n_restarts, n_subscribed, n_reconnects, n_changes;
    uint64_t subscribed_ns[64];
    enum bleproxy_hearing changes[64];
    int subscribe_error;
};

static void tells(struct fixture *f)
{
    if (f->session.tells_state && f->ours)
        f->signs.told_ns = f->now_ns;
}

static void cure(struct fixture *f, enum deafness deafness)
{
    if (f->deafness <= deafness)
        f->deafness = HEARS;
}

static int inquire(void *user, uint64_t timeout_ns, uint64_t now_ns)
{
    struct fixture *f = user;
    assert_true(f->in_session);
    assert_int_equal(f->inquiry_ns, BP_NEVER);
    f->n_inquiries++;
    f->inquiry_ns = now_ns + (f->ours && f->answers && !f->dead ? timeout_ns / 100 : timeout_ns);
    return 0;
}

static bool restart_scan(void *user, uint64_t now_ns)
{
    struct fixture *f = user;
    (void)now_ns;
    f->n_restarts++;
    cure(f, DEAF_UNTIL_MODE);
    return true;
}

static int subscribe(void *user, uint64_t now_ns)
{
    struct fixture *f = user;
    if (f->subscribe_error)
        return f->subscribe_error;
    f->subscribed_ns[f->n_subscribed++ % 64] = now_ns;
    if (f->session.newest_wins || !f->rival)
        f->ours = true;
    if (f->session.newest_wins)
        f->rival = false;
    if (f->ours)
        cure(f, DEAF_UNTIL_SUBSCRIBED);
    tells(f);
    return 0;
}

static bool reconnect(void *user, uint64_t now_ns)
{
    struct fixture *f = user;
    (void)now_ns;
    if (f->has_links)
        return false;
    f->n_reconnects++;
    f->back_ns = now_ns + 5 * NS_PER_S;
    return true;
}

static void on_change(void *user, uint64_t now_ns)
{
    struct fixture *f = user;
    assert_int_equal(now_ns, f->now_ns);
    f->changes[f->n_changes++ % 64] = f->hearing.state;
}

static const struct hearing_ops ops = {inquire, restart_scan, subscribe, reconnect, on_change};

static void begin(struct fixture *f)
{
    f->in_session = true;
    f->signs = (struct hearing_signs){.heard_ns = f->now_ns};
    bool may = hearing_may_subscribe(&f->hearing);
    f->ours = false;
    hearing_begin(&f->hearing, &f->session, &f->signs, f->now_ns);
    if (may) {
        f->ours = f->session.newest_wins || !f->rival;
        f->rival &= !f->ours;
        cure(f, DEAF_UNTIL_CONNECTED);
    }
    tells(f);
}

static void end(struct fixture *f)
{
    f->in_session = f->ours = false;
    f->inquiry_ns = BP_NEVER;
    hearing_end(&f->hearing, f->now_ns);
}

static uint64_t next_ns(const struct fixture *f)
{
    uint64_t next = f->in_session ? hearing_deadline(&f->hearing, &f->signs) : BP_NEVER;
    next = time_min(next, f->inquiry_ns);
    next = time_min(next, f->interval_ns ? f->report_ns : BP_NEVER);
    return time_min(next, f->back_ns);
}

static void happen(struct fixture *f)
{
    if (f->now_ns >= f->back_ns) {
        f->back_ns = BP_NEVER;
        end(f);
        begin(f);
    } else if (f->interval_ns && f->now_ns >= f->report_ns) {
        f->report_ns = f->now_ns + f->interval_ns;
        if (f->ours && !f->dead && f->deafness == HEARS)
            f->signs.heard_ns = f->now_ns;
    } else if (f->now_ns >= f->inquiry_ns) {
        f->inquiry_ns = BP_NEVER;
        hearing_on_inquiry(&f->hearing,
                           f->dead                 ? INQUIRY_NOTHING
                           : f->ours && f->answers ? INQUIRY_OURS
                                                   : INQUIRY_NOT_OURS,
                           &f->signs, f->now_ns);
    } else {
        hearing_tick(&f->hearing, &f->signs, f->now_ns);
    }
}

/* Lets that much time pass. */
static void pass(struct fixture *f, uint64_t seconds)
{
    uint64_t until_ns = f->now_ns + seconds * NS_PER_S;
    unsigned steps = 0;
    for (uint64_t next; (next = next_ns(f)) <= until_ns;) {
        if (next > f->now_ns)
            steps = 0;
        assert_true(steps++ < 20); /* it does not spin */
        f->now_ns = next > f->now_ns ? next : f->now_ns;
        happen(f);
    }
    f->now_ns = until_ns;
}

static void configure(struct fixture *f, uint64_t reclaim_s)
{
    f->config.reclaim_ns = reclaim_s * NS_PER_S;
    hearing_init(&f->hearing, &f->config, &ops, f);
}

static void use_firmware(struct fixture *f, const char *version)
{
    f->session.firmware = version;
    f->session.newest_wins = hearing_newest_wins(version);
    f->session.tells_state = f->session.has_watchdog = strcmp(version, "2025.5") >= 0;
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.now_ns = T0,
                               .answers = true,
                               .interval_ns = NS_PER_S,
                               .report_ns = T0 + NS_PER_S,
                               .inquiry_ns = BP_NEVER,
                               .back_ns = BP_NEVER};
    test_env_init(&fixture.test);
    fixture.config = (struct hearing_config){.env = &fixture.test.env, .label = "kitchen"};
    use_firmware(&fixture, "2026.8.0");
    configure(&fixture, 0);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    test_env_deinit(&f->test);
    return 0;
}

static void rob(struct fixture *f)
{
    f->ours = false;
    f->rival = true;
}

#define assert_hearing(f, expected) assert_string_equal(bleproxy_hearing_name((f)->hearing.state), expected)

static void test_reports_that_come_are_well_and_one_inquiry_learns_whether_it_answers(void **state)
{
    struct fixture *f = *state;
    begin(f);
    assert_hearing(f, "unknown");
    pass(f, 3600);
    assert_hearing(f, "well");
    assert_int_equal(f->n_inquiries, 1);
    assert_int_equal(f->hearing.inquiries, INQUIRIES_WORK);
    assert_int_equal(f->n_changes, 1);
    end(f);
    f->now_ns += NS_PER_S;
    begin(f);
    pass(f, 3600);
    assert_int_equal(f->n_inquiries, 1); /* known of this firmware */
    assert_int_equal(f->n_subscribed, 0);
}

static void test_other_firmware_is_inquired_anew(void **state)
{
    struct fixture *f = *state;
    begin(f);
    pass(f, 100);
    end(f);
    f->session.firmware = "2026.9.0";
    begin(f);
    pass(f, 100);
    assert_int_equal(f->n_inquiries, 2);
}

static void test_robbed_on_newest_wins_firmware_is_told_within_25_s_and_left_alone(void **state)
{
    struct fixture *f = *state;
    begin(f);
    pass(f, 100);
    rob(f);
    pass(f, 25);
    assert_hearing(f, "robbed");
    assert_non_null(strstr(hearing_text(&f->hearing), "left to it"));
    assert_true(test_env_logged(&f->test, "another program has taken over"));
    pass(f, 7 * 24 * 3600);
    assert_hearing(f, "robbed");
    assert_int_equal(f->n_subscribed + f->n_restarts + f->n_reconnects, 0);
    assert_true(f->rival);
    assert_true(f->n_inquiries <= 3);
}

static void test_robbed_survives_reconnecting_and_is_not_subscribed_again(void **state)
{
    struct fixture *f = *state;
    begin(f);
    pass(f, 100);
    rob(f);
    pass(f, 30);
    end(f);
    assert_false(hearing_may_subscribe(&f->hearing));
    f->now_ns += 10 * NS_PER_S;
    begin(f);
    pass(f, 3600);
    assert_hearing(f, "robbed");
    assert_true(f->rival);
    assert_int_equal(f->n_subscribed, 0);
}

/* A session that ends before anything has come, and another. */
static void begin_again_unconfirmed(struct fixture *f)
{
    begin(f);
    pass(f, 100);
    end(f);
    f->session.tells_state = false;
    f->now_ns += NS_PER_S;
    begin(f);
    end(f);
    f->now_ns += NS_PER_S;
    begin(f);
}

static void test_a_late_request_of_our_own_is_not_a_robbery(void **state)
{
    struct fixture *f = *state;
    begin_again_unconfirmed(f);
    pass(f, 2);
    assert_hearing(f, "well");
    f->ours =
        false; /* it belongs to the connection before, of which the proxy has not heard that it is over */
    pass(f, 40);
    assert_hearing(f, "well");
    assert_int_equal(f->n_subscribed, 1);
    assert_true(test_env_logged(&f->test, "asking for them again"));
    for (unsigned i = 0; i < f->n_changes; i++)
        assert_int_not_equal(f->changes[i], BLEPROXY_HEARING_ROBBED);
}

static void test_who_robs_it_after_a_late_request_is_left_alone(void **state)
{
    struct fixture *f = *state;
    begin_again_unconfirmed(f);
    rob(f);
    pass(f, 25);
    assert_int_equal(f->n_subscribed, 1);
    rob(f);
    pass(f, 3600);
    assert_hearing(f, "robbed");
    assert_int_equal(f->n_subscribed, 1);
    assert_true(f->rival);
}

static void test_a_robbery_long_after_the_connection_before_is_one(void **state)
{
    struct fixture *f = *state;
    begin_again_unconfirmed(f);
    pass(f, 130);
    rob(f);
    pass(f, 25);
    assert_hearing(f, "robbed");
    assert_int_equal(f->n_subscribed, 0);
}

static void test_one_lost_answer_is_not_a_robbery(void **state)
{
    struct fixture *f = *state;
    begin(f);
    pass(f, 100);
    f->interval_ns = 0; /* everybody has left */
    f->answers = false;
    pass(f, 12); /* the first inquiry is under way */
    f->answers = true;
    pass(f, 3600);
    assert_false(f->hearing.state == BLEPROXY_HEARING_ROBBED);
    for (unsigned i = 0; i < f->n_changes; i++)
        assert_int_not_equal(f->changes[i], BLEPROXY_HEARING_ROBBED);
}

static void test_a_dead_connection_is_not_a_robbery(void **state)
{
    struct fixture *f = *state;
    begin(f);
    pass(f, 100);
    f->dead = true;
    pass(f, 110); /* the keepalive ends it by then */
    assert_hearing(f, "silent");
    assert_int_equal(f->n_subscribed + f->n_restarts + f->n_reconnects, 0);
}

static void test_reclaim_takes_it_back_with_growing_pauses(void **state)
{
    struct fixture *f = *state;
    configure(f, 600);
    begin(f);
    pass(f, 100);
    for (unsigned i = 0; i < 5; i++) {
        rob(f);
        uint64_t robbed_ns = f->now_ns;
        pass(f, 25);
        assert_hearing(f, "robbed");
        assert_int_equal(f->n_subscribed, i);
        while (f->n_subscribed == i)
            pass(f, 1);
        uint64_t pause_s = (f->subscribed_ns[i] - robbed_ns) / NS_PER_S, expected_s = UINT64_C(600) << i;
        assert_true(pause_s >= expected_s && pause_s <= expected_s + 25);
        pass(f, 5);
        assert_hearing(f, "well");
        assert_false(f->rival);
        pass(f, 60);
    }
}

static void test_reclaim_pause_starts_anew_after_it_was_held_for_long(void **state)
{
    struct fixture *f = *state;
    configure(f, 600);
    begin(f);
    pass(f, 100);
    rob(f);
    pass(f, 700);
    assert_int_equal(f->n_subscribed, 1);
    pass(f, 24 * 3600);
    rob(f);
    pass(f, 700);
    assert_int_equal(f->n_subscribed, 2);
    assert_hearing(f, "well");
}

static void test_reclaim_pause_is_a_day_at_most(void **state)
{
    struct fixture *f = *state;
    configure(f, 3600);
    begin(f);
    pass(f, 100);
    for (unsigned i = 0; i < 12; i++) {
        rob(f);
        pass(f, 24 * 3600 + 60);
        assert_true(f->n_subscribed > i);
        pass(f, 10);
    }
}

static void test_reclaim_goes_on_over_sessions(void **state)
{
    struct fixture *f = *state;
    configure(f, 600);
    begin(f);
    pass(f, 100);
    rob(f);
    pass(f, 60);
    end(f);
    f->now_ns += 60 * NS_PER_S;
    begin(f);
    pass(f, 120);
    assert_int_equal(f->n_subscribed, 0);
    pass(f, 600);
    assert_int_equal(f->n_subscribed, 1);
    assert_hearing(f, "well");
}

static void test_the_user_takes_it_back(void **state)
{
    struct fixture *f = *state;
    begin(f);
    pass(f, 100);
    rob(f);
    pass(f, 100);
    assert_int_equal(hearing_take(&f->hearing, f->now_ns), 0);
    pass(f, 5);
    assert_hearing(f, "well");
    rob(f);
    pass(f, 100);
    end(f);
    assert_int_equal(hearing_take(&f->hearing, f->now_ns), BLEPROXY_E_NOT_CONNECTED);
    assert_true(hearing_may_subscribe(&f->hearing));
}

static void test_a_rival_that_gives_it_back_needs_no_help_where_the_first_wins(void **state)
{
    struct fixture *f = *state;
    use_firmware(f, "2025.8.0");
    f->rival = true;
    begin(f);
    pass(f, 25);
    assert_hearing(f, "refused");
    assert_int_equal(f->n_subscribed, 0); /* the watchdog does that until a state comes */
    f->rival = false;
    assert_int_equal(subscribe(f, f->now_ns), 0); /* the watchdog */
    pass(f, 5);
    assert_hearing(f, "well");
}

static void test_refused_by_old_firmware_asks_at_10_30_and_every_60_s(void **state)
{
    struct fixture *f = *state;
    use_firmware(f, "2023.6.0");
    begin(f);
    pass(f, 100); /* it answers inquiries */
    end(f);
    f->rival = true;
    begin(f);
    pass(f, 21);
    assert_hearing(f, "refused");
    uint64_t refused_ns = f->hearing.since_ns;
    pass(f, 300);
    static const unsigned at_s[] = {10, 40, 100, 160, 220};
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal((f->subscribed_ns[i] - refused_ns) / NS_PER_S, at_s[i]);
    f->rival = false;
    pass(f, 61);
    assert_hearing(f, "well");
    unsigned n = f->n_subscribed;
    pass(f, 3600);
    assert_int_equal(f->n_subscribed, n);
}

static void test_refused_in_a_silent_house_is_known_to_be_over(void **state)
{
    struct fixture *f = *state;
    use_firmware(f, "2023.6.0");
    begin(f);
    pass(f, 100);
    end(f);
    f->interval_ns = 0;
    f->rival = true;
    begin(f);
    pass(f, 50);
    assert_hearing(f, "refused");
    f->rival = false;
    pass(f, 70);
    assert_true(f->hearing.state == BLEPROXY_HEARING_UNKNOWN || f->hearing.state == BLEPROXY_HEARING_SILENT);
    assert_true(f->hearing.is_ours);
}

static void test_firmware_that_never_answered_is_asked_again_only_where_that_harms_nobody(void **state)
{
    struct fixture *f = *state;
    f->answers = false;
    begin(f);
    pass(f, 100);
    assert_int_equal(f->hearing.inquiries, INQUIRIES_FAIL);
    rob(f);
    pass(f, 24 * 3600);
    assert_hearing(f, "silent");
    assert_non_null(strstr(hearing_text(&f->hearing), "may have taken it over"));
    assert_int_equal(f->n_subscribed + f->n_restarts + f->n_reconnects, 0);
    end(f);
    use_firmware(f, "2023.6.0");
    f->rival = false;
    begin(f);
    pass(f, 100);
    rob(f);
    pass(f, 200);
    assert_hearing(f, "silent");
    assert_true(f->n_subscribed >= 3);
    f->rival = false;
    pass(f, 61);
    assert_hearing(f, "well");
}

static void deafness_is_cured(struct fixture *f, enum deafness deafness, unsigned within_s)
{
    begin(f);
    pass(f, 600);
    f->deafness = deafness;
    pass(f, within_s);
    assert_hearing(f, "well");
    assert_int_equal(f->deafness, HEARS);
    bool was_deaf = false;
    for (unsigned i = 0; i < f->n_changes; i++)
        was_deaf |= f->changes[i] == BLEPROXY_HEARING_DEAF;
    assert_true(was_deaf);
    assert_int_equal(f->n_restarts, 1);
}

static void test_deafness_is_cured_by_the_mode(void **state)
{
    struct fixture *f = *state;
    deafness_is_cured(f, DEAF_UNTIL_MODE, 65);
    assert_int_equal(f->n_subscribed + f->n_reconnects, 0);
}

static void test_deafness_is_cured_by_subscribing(void **state)
{
    struct fixture *f = *state;
    deafness_is_cured(f, DEAF_UNTIL_SUBSCRIBED, 95);
    assert_int_equal(f->n_subscribed, 1);
    assert_int_equal(f->n_reconnects, 0);
}

static void test_deafness_is_cured_by_reconnecting(void **state)
{
    struct fixture *f = *state;
    deafness_is_cured(f, DEAF_UNTIL_CONNECTED, 135);
    assert_int_equal(f->n_reconnects, 1);
    assert_true(test_env_logged(&f->test, "its advertisements come again"));
}

static void test_deafness_that_nothing_cures_is_reported_and_climbed_rarely(void **state)
{
    struct fixture *f = *state;
    begin(f);
    pass(f, 600);
    f->deafness = DEAF_FOR_GOOD;
    pass(f, 200);
    assert_hearing(f, "deaf");
    assert_true(test_env_logged(&f->test, "nothing helps: restart it"));
    assert_int_equal(f->n_reconnects, 1);
    pass(f, 24 * 3600);
    assert_hearing(f, "deaf");
    /* after 10, 20, 40, ... minutes: up to six hours */
    assert_in_range(f->n_reconnects, 5, 9);
    assert_in_range(f->n_inquiries, 20, 100);
    f->deafness = HEARS;
    pass(f, 2);
    assert_hearing(f, "well");
}

static void test_nobody_connected_through_it_is_disturbed(void **state)
{
    struct fixture *f = *state;
    f->has_links = true;
    begin(f);
    pass(f, 600);
    f->deafness = DEAF_UNTIL_CONNECTED;
    pass(f, 3600);
    assert_hearing(f, "deaf");
    assert_int_equal(f->n_reconnects, 0);
    assert_true(f->n_subscribed >= 1);
}

static void test_silence_while_it_connects_means_nothing(void **state)
{
    struct fixture *f = *state;
    begin(f);
    pass(f, 100);
    f->interval_ns = 0;
    f->signs.is_busy = true;
    pass(f, 30);
    assert_hearing(f, "well");
    assert_int_equal(f->n_inquiries, 1);
    pass(f, 600); /* as long as that the subscription might be lost */
    assert_hearing(f, "silent");
    assert_in_range(f->n_inquiries, 2, 8);
    assert_int_equal(f->n_restarts + f->n_subscribed + f->n_reconnects, 0);
    f->signs.is_busy = false;
    pass(f, 11);
    assert_hearing(f, "silent");
}

static void test_a_house_without_devices_is_not_deaf(void **state)
{
    struct fixture *f = *state;
    f->interval_ns = 0;
    begin(f);
    pass(f, 24 * 3600);
    assert_hearing(f, "silent");
    assert_true(f->n_reconnects <= 9);
    assert_true(f->n_inquiries <= 100);
    for (unsigned i = 0; i < f->n_changes; i++)
        assert_int_not_equal(f->changes[i], BLEPROXY_HEARING_DEAF);
    f->interval_ns = NS_PER_S;
    f->report_ns = f->now_ns;
    pass(f, 1);
    assert_hearing(f, "well");
}

/* One sensor that speaks every five minutes: the first silences are not known to be usual. */
static void test_a_house_that_is_often_silent_is_learned(void **state)
{
    struct fixture *f = *state;
    f->interval_ns = 300 * NS_PER_S;
    begin(f);
    pass(f, 7200);
    unsigned climbed = f->n_restarts, reconnects = f->n_reconnects;
    assert_true(climbed <= 2 && reconnects <= 2);
    pass(f, 7 * 24 * 3600);
    assert_int_equal(f->n_restarts, climbed);
    assert_int_equal(f->n_reconnects, reconnects);
    f->deafness = DEAF_UNTIL_MODE; /* and is found out all the same */
    pass(f, 3600);
    assert_int_equal(f->n_restarts, climbed + 1);
    assert_int_equal(f->deafness, HEARS);
}

/* Where devices speak rarely each report ends a silence: that does not make ladders rarer. */
static void test_a_proxy_that_goes_deaf_again_and_again_is_cured_each_time(void **state)
{
    struct fixture *f = *state;
    f->interval_ns = 40 * NS_PER_S;
    begin(f);
    pass(f, 600);
    for (unsigned i = 0; i < 10; i++) {
        pass(f, 3600);
        unsigned n = f->n_restarts;
        f->deafness = DEAF_UNTIL_MODE;
        pass(f, 300);
        assert_int_equal(f->deafness, HEARS);
        assert_int_equal(f->n_restarts, n + 1);
    }
}

/* One device that speaks once a minute: whether a rung has helped shows only then, and what it has cured was not usual. */
static void test_a_cure_that_shows_late_is_one(void **state)
{
    static const struct {
        enum deafness deafness;
        unsigned restarts, subscribed, reconnects;
    } cures[] = {
        {DEAF_UNTIL_CONNECTED, 1, 1, 1}, {DEAF_UNTIL_SUBSCRIBED, 1, 1, 0}, {DEAF_UNTIL_MODE, 1, 0, 0}};
    struct fixture *f = *state;
    f->interval_ns = 59 * NS_PER_S;
    begin(f);
    pass(f, 3600);
    for (unsigned i = 0; i < 12; i++) {
        f->n_restarts = f->n_subscribed = f->n_reconnects = 0;
        f->deafness = cures[i % 3].deafness;
        pass(f, 600);
        assert_int_equal(f->deafness, HEARS);
        assert_int_equal(f->n_restarts, cures[i % 3].restarts);
        assert_int_equal(f->n_subscribed, cures[i % 3].subscribed);
        assert_int_equal(f->n_reconnects, cures[i % 3].reconnects);
        pass(f, 6 * 3600);
    }
}

/* Silences of a bad day are forgotten, where there are short ones later and where there are none. */
static void test_what_was_usual_once_is_forgotten(void **state)
{
    struct fixture *f = *state;
    static const unsigned later_s[] = {20, 1};
    for (unsigned i = 0; i < 2; i++) {
        configure(f, 0);
        begin(f);
        f->interval_ns = NS_PER_S;
        pass(f, 600);
        for (unsigned j = 0; j < 20; j++) { /* nobody is at home, now and then */
            f->interval_ns = (j % 2 ? 1 : 500) * NS_PER_S;
            pass(f, 1000);
        }
        f->interval_ns = later_s[i] * NS_PER_S;
        pass(f, 6 * 3600);
        f->deafness = DEAF_UNTIL_MODE;
        pass(f, 300);
        assert_int_equal(f->deafness, DEAF_UNTIL_MODE); /* it may still be one of those */
        f->deafness = HEARS;
        pass(f, 3 * 24 * 3600);
        f->deafness = DEAF_UNTIL_MODE;
        pass(f, 300);
        assert_int_equal(f->deafness, HEARS);
        end(f);
    }
}

/* Nights do not count as days: the next one is as usual as the last, also after a long weekend. */
static void test_what_is_usual_is_not_forgotten_over_a_long_silence(void **state)
{
    struct fixture *f = *state;
    begin(f);
    for (unsigned i = 0; i < 20; i++) {
        f->interval_ns = (i % 2 ? 1 : 500) * NS_PER_S;
        pass(f, 1000);
    }
    f->deafness = DEAF_FOR_GOOD; /* nobody is there for three days */
    pass(f, 3 * 24 * 3600);
    f->deafness = HEARS;
    pass(f, 7200);
    unsigned n = f->n_restarts;
    f->deafness = DEAF_FOR_GOOD;
    pass(f, 1200);
    assert_int_equal(f->n_restarts, n);
}

/* Attempts to connect that nobody answers follow one another: another program has the answers. */
static void test_robbed_while_it_seems_to_connect_is_told(void **state)
{
    struct fixture *f = *state;
    begin(f);
    pass(f, 100);
    rob(f);
    f->signs.is_busy = true;
    pass(f, 70);
    assert_hearing(f, "robbed");
    assert_int_equal(f->n_subscribed, 0);
}

/* The subscription was taken before anything came: it was ours all the same, and is not taken back by the next session. */
static void test_where_the_newest_wins_nobody_is_refused(void **state)
{
    struct fixture *f = *state;
    begin(f);
    pass(f, 100);
    end(f);
    begin(f);
    f->signs.told_ns = 0;
    rob(f);
    pass(f, 25);
    assert_hearing(f, "robbed");
    assert_non_null(strstr(hearing_text(&f->hearing), "left to it"));
    end(f);
    begin(f);
    pass(f, 3600);
    assert_true(f->rival);
    assert_int_equal(f->n_subscribed, 0);
}

/* It was left to the other; but from this firmware nothing can be taken. */
static void test_robbed_and_then_given_older_firmware_is_asked_again(void **state)
{
    struct fixture *f = *state;
    begin(f);
    pass(f, 100);
    rob(f);
    pass(f, 30);
    end(f);
    use_firmware(f, "2025.8.0");
    begin(f);
    pass(f, 120);
    assert_hearing(f, "robbed");
    assert_true(f->n_subscribed >= 2);
    f->rival = false;
    pass(f, 70);
    assert_hearing(f, "well");
}

static void test_reclaim_pause_never_gets_shorter(void **state)
{
    struct fixture *f = *state;
    configure(f, 72 * 3600);
    begin(f);
    for (unsigned i = 0; i < 3; i++) {
        pass(f, 100);
        rob(f);
        pass(f, 71 * 3600);
        assert_int_equal(f->n_subscribed, i);
        pass(f, 2 * 3600);
        assert_int_equal(f->n_subscribed, i + 1);
    }
}

/* One night's silence does not make deafness of hours usual. */
static void test_one_long_silence_is_not_usual(void **state)
{
    struct fixture *f = *state;
    begin(f);
    pass(f, 600);
    f->deafness = DEAF_FOR_GOOD;
    pass(f, 8 * 3600);
    f->deafness = HEARS;
    pass(f, 3600);
    f->deafness = DEAF_UNTIL_MODE;
    pass(f, 300);
    assert_int_equal(f->deafness, HEARS);
}

static void test_robbed_while_deaf_is_robbed(void **state)
{
    struct fixture *f = *state;
    begin(f);
    pass(f, 600);
    f->deafness = DEAF_FOR_GOOD;
    pass(f, 70);
    assert_hearing(f, "deaf");
    rob(f);
    unsigned n = f->n_subscribed;
    pass(f, 60);
    assert_hearing(f, "robbed");
    assert_int_equal(f->n_subscribed, n); /* the ladder did not take it back */
}

static void test_subscribing_that_fails_is_tried_again(void **state)
{
    struct fixture *f = *state;
    configure(f, 60);
    begin(f);
    pass(f, 100);
    rob(f);
    f->subscribe_error = BLEPROXY_E_NOMEM;
    pass(f, 200);
    assert_hearing(f, "robbed");
    f->subscribe_error = 0;
    pass(f, 70);
    assert_hearing(f, "well");
}

static void test_which_firmware_lets_the_newest_win(void **state)
{
    (void)state;
    assert_false(hearing_newest_wins("2022.12.8"));
    assert_false(hearing_newest_wins("2025.12.0"));
    assert_false(hearing_newest_wins("2026.6.3"));
    assert_true(hearing_newest_wins("2026.7.0"));
    assert_true(hearing_newest_wins("2026.8.0-dev"));
    assert_true(hearing_newest_wins("2027.1.0"));
    assert_true(hearing_newest_wins("1.0")); /* something else: nothing is taken */
    assert_true(hearing_newest_wins(""));
}

static void test_times_follow_the_configured_silence(void **state)
{
    struct fixture *f = *state;
    f->config.silence_ns = NS_PER_S;
    f->interval_ns = 100 * NS_PER_MS;
    configure(f, 0);
    begin(f);
    pass(f, 20);
    rob(f);
    pass(f, 3);
    assert_hearing(f, "robbed");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reports_that_come_are_well_and_one_inquiry_learns_whether_it_answers),
        TEST(test_other_firmware_is_inquired_anew),
        TEST(test_robbed_on_newest_wins_firmware_is_told_within_25_s_and_left_alone),
        TEST(test_robbed_survives_reconnecting_and_is_not_subscribed_again),
        TEST(test_a_late_request_of_our_own_is_not_a_robbery),
        TEST(test_who_robs_it_after_a_late_request_is_left_alone),
        TEST(test_a_robbery_long_after_the_connection_before_is_one),
        TEST(test_one_lost_answer_is_not_a_robbery),
        TEST(test_a_dead_connection_is_not_a_robbery),
        TEST(test_reclaim_takes_it_back_with_growing_pauses),
        TEST(test_reclaim_pause_starts_anew_after_it_was_held_for_long),
        TEST(test_reclaim_pause_is_a_day_at_most),
        TEST(test_reclaim_goes_on_over_sessions),
        TEST(test_the_user_takes_it_back),
        TEST(test_a_rival_that_gives_it_back_needs_no_help_where_the_first_wins),
        TEST(test_refused_by_old_firmware_asks_at_10_30_and_every_60_s),
        TEST(test_refused_in_a_silent_house_is_known_to_be_over),
        TEST(test_firmware_that_never_answered_is_asked_again_only_where_that_harms_nobody),
        TEST(test_deafness_is_cured_by_the_mode),
        TEST(test_deafness_is_cured_by_subscribing),
        TEST(test_deafness_is_cured_by_reconnecting),
        TEST(test_deafness_that_nothing_cures_is_reported_and_climbed_rarely),
        TEST(test_nobody_connected_through_it_is_disturbed),
        TEST(test_silence_while_it_connects_means_nothing),
        TEST(test_a_house_without_devices_is_not_deaf),
        TEST(test_a_house_that_is_often_silent_is_learned),
        TEST(test_a_proxy_that_goes_deaf_again_and_again_is_cured_each_time),
        TEST(test_a_cure_that_shows_late_is_one),
        TEST(test_one_long_silence_is_not_usual),
        TEST(test_what_was_usual_once_is_forgotten),
        TEST(test_what_is_usual_is_not_forgotten_over_a_long_silence),
        TEST(test_robbed_while_it_seems_to_connect_is_told),
        TEST(test_where_the_newest_wins_nobody_is_refused),
        TEST(test_robbed_and_then_given_older_firmware_is_asked_again),
        TEST(test_reclaim_pause_never_gets_shorter),
        TEST(test_robbed_while_deaf_is_robbed),
        TEST(test_subscribing_that_fails_is_tried_again),
        TEST(test_which_firmware_lets_the_newest_win),
        TEST(test_times_follow_the_configured_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
