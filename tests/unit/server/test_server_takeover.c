/* SPDX-License-Identifier: MIT */
#include "air_fixture.h"

/* Two clients and one subscription: who hears what, by firmware; and devices that hear nothing at all. */

static struct device device;
static struct peer first, second;

static void start(const char *firmware)
{
    air_start(&device, firmware);
    peer_subscribe(&first, &device);
    peer_join(&second, &device);
}

static void stop(void)
{
    peer_leave(&second);
    air_stop(&first);
}

#define SUBSCRIBE "0002420801"
#define PING      "000007"
#define PONG      "000008"

static void take(struct peer *peer)
{
    peer_take(peer);
    peer->size = 0;
}

/* A full batch of advertisements, or as many decoded ones. */
static void report(void)
{
    const struct batch_advert advert = {.address = 9, .rssi = -50};
    for (unsigned i = 0; i < SERVER_BATCH_MAX; i++)
        server_report(device.server, &advert, device.now_ns);
}

static bool gets_reports(struct peer *peer)
{
    take(peer);
    report();
    peer_take(peer);
    bool any = peer->size > 0;
    peer->size = 0;
    return any;
}

/* ---- Taking it ---- */

static void test_who_has_the_subscription_after_a_second_one_asked(void **state)
{
    (void)state;
    static const struct {
        const char *firmware;
        bool newest_wins;
    } cases[] = {{"2022.12", false}, {"2023.6", false}, {"2025.8", false}, {"2026.8", true}};
    for (size_t i = 0; i < 4; i++) {
        start(cases[i].firmware);
        peer_send(&second, SUBSCRIBE);
        assert_int_equal(gets_reports(&first), !cases[i].newest_wins);
        assert_int_equal(gets_reports(&second), cases[i].newest_wins);
        stop();
    }
}

/* The robbed one is told nothing, and all but the radio goes on for it. */
SPLIT_TEST(test_robbed_client_sees_silence)
{
    start("2026.8");
    peer_send(&second, SUBSCRIBE);
    take(&second);
    report();
    device_pass(&device, 60 * NS_PER_S - 1);
    peer_expect(&first, "");
    peer_send(&first, PING);
    peer_expect(&first, PONG);
    device_pass(&device, 60 * NS_PER_S);
    peer_expect(&first, PING);
    peer_send(&first, "000057"); /* it has nothing to give back */
    assert_true(server_is_subscribed(device.server));
    peer_send(&first, PONG SUBSCRIBE);
    take(&first);
    assert_true(gets_reports(&first));
    stop();
}

SPLIT_TEST(test_refused_client_gets_it_once_the_first_is_gone)
{
    start("2025.8");
    peer_send(&second, SUBSCRIBE);
    peer_expect(&second, "");
    peer_leave(&first);
    assert_false(gets_reports(&second)); /* nobody remembers that it asked */
    peer_send(&second, SUBSCRIBE);
    assert_true(gets_reports(&second));
    air_stop(&second);
}

/* ---- Requests about a device that has no connection: the way to learn who the subscriber is ---- */

/* What each of the clients hears of one request of the given sender. */
static void test_answers_go_to_the_subscriber_alone(void **state)
{
    (void)state;
    static const struct {
        const char *request, *answer;
    } cases[] = {
        {"0007490880808080e01f", "0012520880808080e01f18ffffffffffffffffff01"}, /* read, -1 */
        {"0009490880808080e01f1001", "0014520880808080e01f100118ffffffffffffffffff01"},
        {"0007460880808080e01f", "0012520880808080e01f18ffffffffffffffffff01"}, /* services */
        {"00074b0880808080e01f", "0012520880808080e01f18ffffffffffffffffff01"}, /* write */
        {"00074e0880808080e01f", "0012520880808080e01f18ffffffffffffffffff01"}, /* notify */
    };
    for (size_t profile = 0; profile < server_n_profiles; profile++)
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
            start(server_profiles[profile].name);
            peer_send(&first, cases[i].request);
            peer_expect(&first, cases[i].answer);
            peer_send(&second, cases[i].request); /* it asked, but the other is told */
            peer_expect(&second, "");
            peer_expect(&first, cases[i].answer);
            peer_send(&first, "000057");
            peer_send(&first, cases[i].request); /* nobody is */
            peer_expect(&first, "");
            peer_expect(&second, "");
            stop();
        }
}

/* As the table of requests has it: "1" is the device, there is no link to it. */
static void test_requests_without_a_link_by_firmware(void **state)
{
    (void)state;
    static const struct {
        const char *firmware, *disconnect, *pair, *unpair, *clear_cache;
    } cases[] = {
        {"2022.12", "1 down 0;free 3/3;", "", "", ""},
        {"2023.6", "1 down 0;free 3/3;", "", "1 paired 1 0;", "1 cleared 1 0;"},
        {"2025.8", "1 down 0;free 3/3;", "", "1 paired 1 0;", "1 cleared 1 0;"},
        {"2026.8", "1 down 0;free 3/3;", "1 paired 0 -1;", "1 unpaired 1 0;", "1 cleared 1 0;"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *expected[] = {cases[i].disconnect, cases[i].pair, cases[i].unpair, cases[i].clear_cache};
        const unsigned asked[] = {ASK_DISCONNECT, ASK_PAIR, ASK_UNPAIR, ASK_CLEAR_CACHE};
        start(cases[i].firmware);
        for (size_t request = 0; request < 4; request++) {
            ask_device(&second, asked[request], 1);
            assert_string_equal(heard(&first), expected[request]);
            assert_string_equal(heard(&second), "");
        }
        stop();
    }
}

/* ---- Deaf devices ---- */

static void expect_deaf(void)
{
    assert_false(gets_reports(&first));
    assert_true(server_is_deaf(device.server));
    peer_send(&first, PING "0007490880808080e01f");
    peer_expect(&first, PONG "0012520880808080e01f18ffffffffffffffffff01");
}

/* Climbs from rung to rung, and says at which it heard again. */
static enum server_cure cure_with_all(enum server_cure cure)
{
    server_go_deaf(device.server, cure);
    expect_deaf();
    peer_send(&first, "00027f0801"); /* active, as it is: nothing happens */
    expect_deaf();
    peer_send(&first, "00007f");
    if (gets_reports(&first))
        return SERVER_CURE_MODE;
    expect_deaf();
    peer_send(&first, SUBSCRIBE);
    if (gets_reports(&first))
        return SERVER_CURE_SUBSCRIBE;
    expect_deaf();
    peer_leave(&first);
    peer_subscribe(&first, &device);
    if (gets_reports(&first))
        return SERVER_CURE_CONNECT;
    expect_deaf();
    return SERVER_CURE_REBOOT;
}

static void test_deafness_has_its_cure(void **state)
{
    (void)state;
    static const struct {
        enum server_cure cure, cured;
    } cases[] = {
        {SERVER_CURE_MODE, SERVER_CURE_MODE},       {SERVER_CURE_SUBSCRIBE, SERVER_CURE_SUBSCRIBE},
        {SERVER_CURE_CONNECT, SERVER_CURE_CONNECT}, {SERVER_CURE_REBOOT, SERVER_CURE_REBOOT},
        {SERVER_CURE_NONE, SERVER_CURE_REBOOT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        start("2026.8");
        assert_int_equal(cure_with_all(cases[i].cure), cases[i].cured);
        server_hear(device.server);
        assert_true(gets_reports(&first));
        stop();
    }
}

static void test_each_cure_does_what_the_weaker_ones_do(void **state)
{
    (void)state;
    start("2026.8");
    server_go_deaf(device.server, SERVER_CURE_MODE);
    peer_send(&first, SUBSCRIBE);
    assert_true(gets_reports(&first));
    server_go_deaf(device.server, SERVER_CURE_SUBSCRIBE);
    peer_leave(&first);
    peer_subscribe(&first, &device);
    assert_true(gets_reports(&first));
    stop();
}

static void test_connection_from_before_the_deafness_is_no_new_one(void **state)
{
    (void)state;
    start("2026.8");
    server_go_deaf(device.server, SERVER_CURE_CONNECT);
    peer_send(&second, SUBSCRIBE);
    assert_false(gets_reports(&second));
    peer_leave(&second);
    peer_subscribe(&second, &device);
    assert_true(gets_reports(&second));
    stop();
}

static void test_deaf_device_drops_encoded_and_decoded_reports_too(void **state)
{
    (void)state;
    const uint8_t batch[] = {0x0a, 0x04, 0x08, 0x09, 0x10, 0x63};
    start("2022.12");
    assert_true(gets_reports(&first));
    server_go_deaf(device.server, SERVER_CURE_NONE);
    assert_false(gets_reports(&first));
    server_report_batch(device.server, batch, sizeof(batch), device.now_ns);
    peer_expect(&first, "");
    stop();
    start("2026.8");
    server_go_deaf(device.server, SERVER_CURE_NONE);
    server_report_batch(device.server, batch, sizeof(batch), device.now_ns);
    device_pass(&device, NS_PER_S);
    peer_expect(&first, "");
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_has_the_subscription_after_a_second_one_asked),
        cmocka_unit_test(test_robbed_client_sees_silence),
        cmocka_unit_test(test_refused_client_gets_it_once_the_first_is_gone),
        cmocka_unit_test(test_answers_go_to_the_subscriber_alone),
        cmocka_unit_test(test_requests_without_a_link_by_firmware),
        cmocka_unit_test(test_deafness_has_its_cure),
        cmocka_unit_test(test_each_cure_does_what_the_weaker_ones_do),
        cmocka_unit_test(test_connection_from_before_the_deafness_is_no_new_one),
        cmocka_unit_test(test_deaf_device_drops_encoded_and_decoded_reports_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
