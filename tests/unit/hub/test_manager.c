/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "hub/disconnect_set.h"
#include "hub/identities.h"
#include "hub/manager.h"
#include "hub/scanner.h"
#include "hub/slots.h"
#include "session/gatt.h"
#include <bleproxy/error.h>
#include <string.h>

#define HELLO_RESPONSE "0016020801100f1a08323032362e382e3022067670726f7879"
#define DEVICE_INFO                                                                                          \
    "006e0a12067670726f78791a1141433a42433a33323a38393a30453a41382208323032362e382e302a15417567203231203230" \
    "32362c2031383a34313a343632077669727475616c6204486f73746a07562050726f787978ff0192011141433a42433a33323a" \
    "38393a30453a4141980101"
#define CAPABILITIES        "001896010a1608ff01121141433a42433a33323a38393a30453a4141"
#define DISCONNECT_REQUEST  "000005"
#define DISCONNECT_RESPONSE "000006"
#define REFUSED_PASSWORD    "0002040801"
#define RAW_ADVERT          "00215d0a1f08b3c4c4c09398291085012212020106030316180a09544553542d30303031"

/* About the device A2:C1:38:11:22:33, which is drawn for an inquiry; and what a proxy answers to everybody. */
#define REFUSED_READ "00155208b3c4c4c093d828100118ffffffffffffffffff01"
#define PONG         "000008"
static const uint8_t drawn[] = {0x33, 0x22, 0x11, 0x38, 0xc1, 0xa2, 0, 0};

enum { CALLBACKS_MAX = 2 };

struct completion {
    unsigned count;
    int error;
};

/* How far fixture_reach() goes: each stage includes those before it. */
enum stage { NEW, LOOKING_UP, DIALLING, GREETING, DESCRIBING, WIRED };

struct fixture {
    struct test_env test;
    struct hub *hub;
    struct manager *manager;
    uint64_t now_ns;
    bool resolving, open;
    unsigned attempt, n_open, n_pending;
    size_t n_unsent; /* at the last close */
    struct completion started, stopped;

    const char *act_in; /* in this callback, once ... */
    void (*act)(struct fixture *f);

    enum bleproxy_proxy_state states[32];
    unsigned n_states;
    int why; /* of the last state that had a reason */
    char text[SESSION_END_TEXT_MAX];

    unsigned n_lost; /* disconnect callbacks that ran */
    bool was_available, was_registered;
    enum bleproxy_hearing hearing; /* as on_hearing told */
    unsigned n_hearings;
    struct slot_waiter waiter;
    unsigned n_failed; /* calls that told it so */
    struct session_link link;
    unsigned n_links_ended;
};

static void maybe_act(struct fixture *f, const char *callback)
{
    if (!f->act_in || strcmp(f->act_in, callback) != 0)
        return;
    f->act_in = NULL;
    f->act(f);
}

static void on_resolve(void *user, const char *host, uint16_t port, uint64_t now_ns)
{
    struct fixture *f = user;
    assert_string_equal(host, "192.0.2.1");
    assert_int_equal(port, 6053);
    assert_int_equal(now_ns, f->now_ns);
    f->resolving = true;
}

static void on_cancel_resolve(void *user)
{
    struct fixture *f = user;
    assert_true(f->resolving);
    f->resolving = false;
}

static void on_open(void *user, unsigned attempt, const struct net_address *address, uint64_t now_ns)
{
    struct fixture *f = user;
    (void)address;
    (void)now_ns;
    assert_false(f->open);
    f->open = true;
    f->n_open++;
    f->attempt = attempt;
}

static void on_close(void *user, unsigned attempt)
{
    struct fixture *f = user;
    struct iovec vec;
    assert_true(f->open);
    assert_int_equal(attempt, f->attempt);
    f->open = false;
    f->n_unsent = proxy_pending(manager_proxy(f->manager), &vec);
}

static void get_time(void *user, struct session_time *ret_time)
{
    (void)user;
    *ret_time = (struct session_time){.epoch_seconds = 1767225600};
}

static void on_state(void *user, enum bleproxy_proxy_state state, const struct session_end *why,
                     uint64_t now_ns)
{
    static const char *const names[] = {"stopped", "resolving", "connecting", "handshaking",
                                        "ready",   "waiting",   "stopping"};
    struct fixture *f = user;
    (void)now_ns;
    f->states[f->n_states++ % 32] = state;
    if (why) {
        f->why = why->error;
        memcpy(f->text, why->text, sizeof(f->text));
    }
    maybe_act(f, names[state]);
}

static void on_pending(void *user)
{
    struct fixture *f = user;
    struct iovec vec;
    assert_true(proxy_pending(manager_proxy(f->manager), &vec) > 0);
    f->n_pending++;
}

static void on_hearing(void *user, enum bleproxy_hearing hearing, uint64_t now_ns)
{
    struct fixture *f = user;
    (void)now_ns;
    f->hearing = hearing;
    f->n_hearings++;
    maybe_act(f, bleproxy_hearing_name(hearing));
}

static void on_turn(void *user)
{
    (void)user;
}

static const struct manager_ops ops = {.resolve = on_resolve,
                                       .cancel_resolve = on_cancel_resolve,
                                       .open = on_open,
                                       .close = on_close,
                                       .get_time = get_time,
                                       .on_pending = on_pending,
                                       .on_state = on_state,
                                       .on_turn = on_turn,
                                       .on_hearing = on_hearing};

static void on_started(void *user, int error, uint64_t now_ns)
{
    struct fixture *f = user;
    (void)now_ns;
    f->started.count++;
    f->started.error = error;
    maybe_act(f, "on_started");
}

static void on_stopped(void *user, int error, uint64_t now_ns)
{
    struct fixture *f = user;
    (void)now_ns;
    f->stopped.count++;
    f->stopped.error = error;
    maybe_act(f, "on_stopped");
}

static size_t n_registered(const struct fixture *f)
{
    size_t n = 0, position = 0;
    while (hub_next_scanner(f->hub, &position))
        n++;
    return n;
}

static void on_lost(void *user)
{
    struct fixture *f = user;
    f->n_lost++;
    if (manager_scanner(f->manager))
        f->was_available = scanner_is_available(manager_scanner(f->manager));
    f->was_registered = n_registered(f) > 0;
    maybe_act(f, "lost");
}

static void on_slot(void *user, int error, uint64_t now_ns)
{
    struct fixture *f = user;
    (void)now_ns;
    assert_int_equal(error, BLEPROXY_E_NO_SLOT);
    assert_int_equal(f->n_lost % 2, 0); /* before the callbacks of the set */
    f->n_failed++;
    maybe_act(f, "waiter");
}

static void on_slots(void *user, uint64_t source, const char *proxy, const struct bleproxy_slots *slots)
{
    struct fixture *f = user;
    (void)source;
    (void)proxy;
    assert_int_equal(slots->free, 0);
    maybe_act(f, n_registered(f) > 0 ? "come" : "gone");
}

static void on_lost_too(void *user)
{
    struct fixture *f = user;
    f->n_lost++;
}

static void new_manager(struct fixture *f, const char *label)
{
    const struct proxy_config config = {.host = "192.0.2.1",
                                        .port = 6053,
                                        .session = {.env = &f->test.env,
                                                    .label = label,
                                                    .client_info = "test",
                                                    .timeouts = session_timeouts_default}};
    assert_int_equal(manager_new(f->hub, &config, &ops, f, &f->manager), 0);
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.now_ns = 1000 * NS_PER_S};
    test_env_init(&fixture.test);
    assert_int_equal(hub_new(&fixture.test.env, NULL, fixture.now_ns, &fixture.hub), 0);
    hub_watch_slots(fixture.hub, on_slots, &fixture);
    new_manager(&fixture, "kitchen");
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    manager_free(f->manager, f->now_ns);
    assert_false(f->open);
    assert_false(f->resolving);
    assert_int_equal(n_registered(f), 0);
    hub_free(f->hub, f->now_ns);
    test_env_deinit(&f->test);
    return 0;
}

static void feed(struct fixture *f, const char *text)
{
    size_t n;
    uint8_t *bytes = hex(text, &n);
    if (f->manager && f->open)
        proxy_feed(manager_proxy(f->manager), bytes, n, f->now_ns);
}

static void answer_look_up(struct fixture *f)
{
    static const struct net_address address = {.family = 4, .bytes = {192, 0, 2, 1}, .port = 6053};
    if (!f->manager || !f->resolving)
        return;
    f->resolving = false;
    proxy_resolved(manager_proxy(f->manager), &address, 1, 0, NULL, f->now_ns);
}

static bool is_in(const struct fixture *f, enum bleproxy_proxy_state state)
{
    return f->manager && proxy_state(manager_proxy(f->manager)) == state;
}

/* Leads the manager on as far as the stage, answering for the world. Callbacks may free it and set it to
 * NULL. */
static void reach(struct fixture *f, enum stage stage)
{
    if (stage >= LOOKING_UP && is_in(f, BLEPROXY_PROXY_STOPPED) && f->started.count == 0)
        (void)manager_start(f->manager, on_started, f, f->now_ns);
    if (stage >= LOOKING_UP && is_in(f, BLEPROXY_PROXY_WAITING)) {
        f->now_ns = manager_deadline(f->manager);
        manager_tick(f->manager, f->now_ns);
    }
    if (stage >= DIALLING)
        answer_look_up(f);
    if (stage >= GREETING && is_in(f, BLEPROXY_PROXY_CONNECTING))
        proxy_connected(manager_proxy(f->manager), f->attempt, f->now_ns);
    if (stage >= DESCRIBING && is_in(f, BLEPROXY_PROXY_HANDSHAKING))
        feed(f, HELLO_RESPONSE);
    if (stage >= WIRED && is_in(f, BLEPROXY_PROXY_READY))
        feed(f, DEVICE_INFO CAPABILITIES);
}

static void lose_connection(struct fixture *f)
{
    proxy_fail(manager_proxy(f->manager), BLEPROXY_E_CLOSED, NULL, f->now_ns);
}

static void wait_for(struct fixture *f, uint64_t delay_ns)
{
    f->now_ns += delay_ns;
    manager_tick(f->manager, f->now_ns);
}

static void watch_loss(struct fixture *f)
{
    struct disconnect_set *set = scanner_disconnect_set(manager_scanner(f->manager));
    assert_int_equal(disconnect_set_add(set, on_lost, f), 0);
    assert_int_equal(disconnect_set_add(set, on_lost_too, f), 0);
    struct slots *record = scanner_slot_record(manager_scanner(f->manager));
    slots_wait(record, &f->waiter, on_slot, f);
}

/* What is pending, and that it is sent. */
static bool writes(struct fixture *f, const char *text)
{
    struct iovec vec;
    size_t n, pending = proxy_pending(manager_proxy(f->manager), &vec);
    const uint8_t *bytes = hex(text, &n);
    bool found = false;
    for (size_t i = 0; i + n <= pending; i++)
        found |= memcmp((const uint8_t *)vec.iov_base + i, bytes, n) == 0;
    proxy_sent(manager_proxy(f->manager), pending);
    return found;
}

/* All that is due within that time; the proxy answers pings. */
static void pass(struct fixture *f, uint64_t seconds)
{
    uint64_t until_ns = f->now_ns + seconds * NS_PER_S;
    while (f->manager && manager_deadline(f->manager) <= until_ns) {
        uint64_t due_ns = manager_deadline(f->manager);
        f->now_ns = due_ns > f->now_ns ? due_ns : f->now_ns;
        manager_tick(f->manager, f->now_ns);
        if (f->manager && writes(f, "000007"))
            feed(f, PONG);
    }
    f->now_ns = until_ns;
}

/* It is wired, hears, and answers the first inquiry. */
static void reach_hearing(struct fixture *f)
{
    reach(f, WIRED);
    f->now_ns += NS_PER_S;
    f->test.random_bytes = drawn;
    f->test.random_left = sizeof(drawn);
    feed(f, RAW_ADVERT);
    manager_tick(f->manager, f->now_ns);
    feed(f, REFUSED_READ PONG);
    assert_true(writes(f, "000007"));
}

static void test_robbed_is_told_and_left_alone_until_it_is_taken_back(void **state)
{
    struct fixture *f = *state;
    reach_hearing(f);
    assert_int_equal(f->hearing, BLEPROXY_HEARING_WELL);
    assert_int_equal(manager_hearing(f->manager), BLEPROXY_HEARING_WELL);
    pass(f, 25);
    assert_int_equal(f->hearing, BLEPROXY_HEARING_ROBBED);
    assert_false(scanner_is_available(manager_scanner(f->manager)));

    lose_connection(f);
    assert_int_equal(f->hearing, BLEPROXY_HEARING_UNKNOWN);
    reach(f, WIRED);
    assert_int_equal(manager_state(f->manager), BLEPROXY_PROXY_READY);
    assert_int_equal(manager_hearing(f->manager), BLEPROXY_HEARING_ROBBED);
    assert_int_equal(f->hearing, BLEPROXY_HEARING_ROBBED); /* the new session's owner is told, too */
    assert_false(scanner_is_available(manager_scanner(f->manager)));
    assert_false(writes(f, "00024208"));
    pass(f, 3600);
    assert_false(writes(f, "00024208"));

    assert_int_equal(manager_reclaim(f->manager, f->now_ns), 0);
    assert_true(writes(f, "00024208"));
    assert_true(scanner_is_available(manager_scanner(f->manager)));
    f->now_ns += NS_PER_S;
    feed(f, RAW_ADVERT);
    pass(f, 1);
    assert_int_equal(f->hearing, BLEPROXY_HEARING_WELL);
}

static void free_manager(struct fixture *f)
{
    manager_free(f->manager, f->now_ns);
    f->manager = NULL;
}

static void on_link_end(void *user, int error, uint64_t now_ns)
{
    struct fixture *f = user;
    (void)now_ns;
    assert_int_equal(error, BLEPROXY_E_CLOSED);
    assert_false(
        scanner_is_available(manager_scanner(f->manager))); /* it is not tried again through this one */
    f->n_links_ended++;
    maybe_act(f, "link");
}

/* What devices say is said to the subscriber: connections that go on would be mute, and hold the other's slots. */
static void test_robbed_ends_connections_to_devices(void **state)
{
    struct fixture *f = *state;
    static const struct session_link_ops link_ops = {.on_end = on_link_end};
    for (unsigned freed = 0; freed < 2; freed++) {
        reach_hearing(f);
        assert_int_equal(session_link_attach(&f->link, proxy_session(manager_proxy(f->manager)),
                                             0xA4C138112233, &link_ops, f),
                         0);
        f->act_in = freed ? "link" : NULL;
        f->act = free_manager;
        pass(f, 15);
        assert_int_equal(f->n_links_ended, freed);
        pass(f, 10);
        assert_int_equal(f->n_links_ended, freed + 1);
        if (!freed) {
            assert_int_equal(f->hearing, BLEPROXY_HEARING_ROBBED);
            assert_false(session_has_links(proxy_session(manager_proxy(f->manager))));
            free_manager(f);
        }
        assert_null(f->manager);
        f->started = (struct completion){0, 0};
        new_manager(f, "kitchen");
    }
}

static void on_window_done(void *user, bool opened, uint64_t now_ns)
{
    struct completion *window = user;
    (void)now_ns;
    window->count++;
    window->error = !opened;
}

static void send_all(struct fixture *f)
{
    struct iovec vec;
    proxy_sent(manager_proxy(f->manager), proxy_pending(manager_proxy(f->manager), &vec));
}

/* How it scans is the other's to say. What we want is asked for when it is ours again. */
static void test_robbed_leaves_the_scan_mode_alone(void **state)
{
    struct fixture *f = *state;
    struct completion window = {0, 0};
    manager_set_scan_mode(f->manager, BLEPROXY_MODE_PASSIVE);
    reach_hearing(f);
    pass(f, 15);
    scanner_window(manager_scanner(f->manager), 3600 * NS_PER_S, on_window_done, &window, f->now_ns);
    send_all(f);
    pass(f, 10);
    assert_int_equal(f->hearing, BLEPROXY_HEARING_ROBBED);
    assert_int_equal(window.count, 1);
    assert_false(
        scanner_window_open(manager_scanner(f->manager), NS_PER_S, on_window_done, &window, f->now_ns));
    assert_int_equal(scanner_set_mode(manager_scanner(f->manager), BLEPROXY_MODE_ACTIVE, f->now_ns), 0);
    assert_false(writes(f, "7f"));
    assert_int_equal(manager_reclaim(f->manager, f->now_ns), 0);
    assert_true(writes(f, "00027f0801"));
    pass(f, 25);
    assert_int_equal(f->hearing, BLEPROXY_HEARING_ROBBED);
    send_all(f);

    lose_connection(f);
    reach(f, WIRED);
    assert_int_equal(manager_hearing(f->manager), BLEPROXY_HEARING_ROBBED);
    assert_false(writes(f, "7f"));
    pass(f, 3600);
    assert_false(writes(f, "7f"));
    assert_int_equal(manager_reclaim(f->manager, f->now_ns), 0);
    assert_true(writes(f, "00007f"));
}

static void test_deaf_reconnects(void **state)
{
    struct fixture *f = *state;
    reach_hearing(f);
    f->test.random_left = 0;
    for (unsigned i = 0; i < 400 && f->n_open == 1; i++) {
        f->test.random_bytes = drawn;
        f->test.random_left = sizeof(drawn);
        pass(f, 1);
        feed(f, REFUSED_READ PONG);
        if (writes(f, "000005"))
            feed(f, DISCONNECT_RESPONSE);
        answer_look_up(f);
    }
    assert_int_equal(f->n_open, 2);
    assert_true(test_env_logged(&f->test, "connecting anew"));
}

static void test_f01_new_manager_has_no_side_effects(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->n_states + f->n_open, 0);
    assert_false(f->resolving);
    assert_int_equal(manager_deadline(f->manager), BP_NEVER);
    assert_null(manager_scanner(f->manager));
    assert_null(manager_device_info(f->manager));
    assert_null(manager_last_end(f->manager));
}

static void test_f02_stop_aborts_a_pending_start_at_every_stage(void **state)
{
    struct fixture *f = *state;
    for (enum stage stage = LOOKING_UP; stage <= DESCRIBING; stage++) {
        f->started = f->stopped = (struct completion){0, 0};
        reach(f, stage);
        assert_int_equal(f->started.count, 0);
        manager_stop(f->manager, on_stopped, f, f->now_ns);
        feed(f, HELLO_RESPONSE DEVICE_INFO DISCONNECT_RESPONSE);
        assert_int_equal(f->started.count, 1);
        assert_int_equal(f->started.error, BLEPROXY_E_START_ABORTED);
        assert_int_equal(f->stopped.count, 1);
        assert_int_equal(f->stopped.error, 0);
        assert_int_equal(n_registered(f), 0);
        manager_free(f->manager, f->now_ns);
        assert_int_equal(f->started.count + f->stopped.count, 2);
        new_manager(f, "kitchen");
    }
}

static void test_f03_cancelled_start_is_not_an_aborted_one(void **state)
{
    struct fixture *f = *state;
    reach(f, DIALLING);
    manager_cancel_start(f->manager, f->now_ns);
    assert_int_equal(f->started.count, 1);
    assert_int_equal(f->started.error, BLEPROXY_E_CANCELLED);
    reach(f, WIRED); /* it goes on by itself */
    assert_int_equal(n_registered(f), 1);
    manager_cancel_start(f->manager, f->now_ns);
    assert_int_equal(f->started.count, 1);
}

static void test_f04_start_is_once_and_stop_before_it_is_nothing(void **state)
{
    struct fixture *f = *state;
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    assert_int_equal(f->stopped.count, 1);
    assert_int_equal(f->stopped.error, 0);
    reach(f, WIRED);
    assert_int_equal(f->started.count, 1);
    assert_int_equal(manager_start(f->manager, on_started, f, f->now_ns), BLEPROXY_E_STATE);
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    feed(f, DISCONNECT_RESPONSE);
    assert_int_equal(f->stopped.count, 2);
    assert_int_equal(manager_start(f->manager, on_started, f, f->now_ns), BLEPROXY_E_STATE);
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    assert_int_equal(f->stopped.count, 3);
    assert_int_equal(f->started.count, 1);
}

static void test_a_proxy_without_a_name_here_is_called_as_it_calls_itself(void **state)
{
    struct fixture *f = *state;
    manager_free(f->manager, f->now_ns);
    new_manager(f, NULL);
    assert_string_equal(proxy_name(manager_proxy(f->manager), "own"), "own");
    assert_string_equal(proxy_name(manager_proxy(f->manager), ""), "192.0.2.1");
    reach(f, WIRED);
    assert_string_equal(scanner_label(manager_scanner(f->manager)), manager_device_info(f->manager)->name);
}

static void test_f05_connection_wires_registers_and_completes_start(void **state)
{
    struct fixture *f = *state;
    reach(f, DESCRIBING);
    assert_int_equal(f->started.count, 0);
    assert_null(manager_scanner(f->manager));
    reach(f, WIRED);
    assert_int_equal(f->started.count, 1);
    assert_int_equal(f->started.error, 0);
    assert_int_equal(n_registered(f), 1);
    assert_string_equal(manager_device_info(f->manager)->model, "virtual");
    assert_string_equal(scanner_label(manager_scanner(f->manager)), "kitchen");
    assert_true(f->n_pending > 0);
    feed(f, RAW_ADVERT);
    assert_non_null(hub_device(f->hub, UINT64_C(0xA4C138112233)));
    static const enum bleproxy_proxy_state states[] = {BLEPROXY_PROXY_RESOLVING, BLEPROXY_PROXY_CONNECTING,
                                                       BLEPROXY_PROXY_HANDSHAKING, BLEPROXY_PROXY_READY};
    assert_int_equal(f->n_states, 4);
    assert_memory_equal(f->states, states, sizeof(states));

    lose_connection(f);
    assert_int_equal(n_registered(f), 0);
    reach(f, WIRED); /* again, with the start completed long ago */
    assert_int_equal(n_registered(f), 1);
    assert_int_equal(f->started.count, 1);
}

static void test_f06_f07_loss_fires_every_callback_with_the_proxy_unavailable(void **state)
{
    struct fixture *f = *state;
    reach(f, WIRED);
    watch_loss(f);
    struct disconnect_set *set = disconnect_set_ref(scanner_disconnect_set(manager_scanner(f->manager)));
    f->was_available = true;
    lose_connection(f);
    assert_int_equal(f->n_failed, 1);
    assert_int_equal(f->n_lost, 2);
    assert_int_equal(disconnect_set_size(set), 0);
    disconnect_set_unref(set);
    assert_false(f->was_available);
    assert_true(f->was_registered); /* unregistering is the last step */
    assert_int_equal(n_registered(f), 0);
    assert_null(manager_scanner(f->manager));
    assert_null(manager_device_info(f->manager));
    assert_int_equal(f->why, BLEPROXY_E_CLOSED);
}

static void test_stop_restores_the_mode_before_it_says_goodbye(void **state)
{
    struct fixture *f = *state;
    struct completion window = {0, 0};
    struct iovec vec;
    reach(f, WIRED);
    scanner_window(manager_scanner(f->manager), 5 * NS_PER_S, on_window_done, &window, f->now_ns);
    proxy_sent(manager_proxy(f->manager), proxy_pending(manager_proxy(f->manager), &vec));
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    assert_int_equal(window.count, 1);
    size_t n = proxy_pending(manager_proxy(f->manager), &vec);
    assert_hex(vec.iov_base, n, "00007f" DISCONNECT_REQUEST);
}

static void test_stop_takes_back_what_subscribers_wanted(void **state)
{
    struct fixture *f = *state;
    struct bleproxy_scan_request *request;
    struct iovec vec;
    reach(f, WIRED);
    assert_int_equal(hub_request_scan(f->hub, BLEPROXY_MODE_ACTIVE, &request), 0);
    proxy_sent(manager_proxy(f->manager), proxy_pending(manager_proxy(f->manager), &vec));
    hub_tick(f->hub, f->now_ns);
    size_t n = proxy_pending(manager_proxy(f->manager), &vec);
    assert_hex(vec.iov_base, n, "00027f0801");
    proxy_sent(manager_proxy(f->manager), n);
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    bleproxy_scan_request_free(request);
    hub_tick(f->hub, f->now_ns);
    n = proxy_pending(manager_proxy(f->manager), &vec);
    assert_hex(vec.iov_base, n, "00007f" DISCONNECT_REQUEST);
}

#define STATE_ACTIVE  "00067e080210011801" /* and configured so */
#define STATE_PASSIVE "00047e08021801"     /* though configured to be active */

/* The connection is lost while subscribers hold the proxy passive, and they go before it is back. */
static void test_mode_of_a_lost_session_is_given_back_by_the_next(void **state)
{
    struct fixture *f = *state;
    struct bleproxy_scan_request *request;
    struct iovec vec;
    for (unsigned with_request = 0; with_request < 2; with_request++) {
        reach(f, WIRED);
        feed(f, STATE_ACTIVE);
        assert_int_equal(hub_request_scan(f->hub, BLEPROXY_MODE_PASSIVE, &request), 0);
        hub_tick(f->hub, f->now_ns);
        lose_connection(f);
        reach(f, WIRED); /* nothing is heard of how it scans */
        send_all(f);
        lose_connection(f);
        if (!with_request)
            bleproxy_scan_request_free(request);
        reach(f, WIRED);
        if (with_request) {
            hub_tick(f->hub, f->now_ns);
            bleproxy_scan_request_free(request);
        }
        send_all(f);
        feed(f, STATE_PASSIVE);
        hub_tick(f->hub, f->now_ns);
        size_t n = proxy_pending(manager_proxy(f->manager), &vec);
        assert_true(n >= 8);
        /* Beside it the slots are asked for, as at the first state of each session. */
        assert_hex((const uint8_t *)vec.iov_base + n - 8, 8,
                   with_request ? "00005000027f0801" : "00027f0801000050");
        send_all(f);
        feed(f, STATE_PASSIVE); /* it has not done it yet: it is not told again */
        assert_int_equal(proxy_pending(manager_proxy(f->manager), &vec), 0);
        lose_connection(f);
    }
}

static void test_scan_mode_is_pinned_in_each_session(void **state)
{
    struct fixture *f = *state;
    manager_set_scan_mode(f->manager, BLEPROXY_MODE_AUTO);
    for (unsigned session = 0; session < 2; session++) {
        struct bleproxy_auto_scan info;
        struct iovec vec;
        reach(f, WIRED);
        assert_int_equal(scanner_requested_mode(manager_scanner(f->manager)), BLEPROXY_MODE_AUTO);
        assert_int_equal(hub_get_auto_scan(f->hub, scanner_source(manager_scanner(f->manager)), &info), 0);
        assert_int_equal(info.sweep_ns - f->now_ns, 240 * NS_PER_S);
        size_t n = proxy_pending(manager_proxy(f->manager), &vec);
        assert_true(n >= 3);
        assert_hex((const uint8_t *)vec.iov_base + n - 3, 3, "00007f");
        proxy_sent(manager_proxy(f->manager), n);
        lose_connection(f);
        assert_null(manager_scanner(f->manager));
    }
}

static void test_free_says_not_a_word(void **state)
{
    struct fixture *f = *state;
    struct completion window = {0, 0};
    struct iovec vec;
    reach(f, WIRED);
    scanner_window(manager_scanner(f->manager), 5 * NS_PER_S, on_window_done, &window, f->now_ns);
    proxy_sent(manager_proxy(f->manager), proxy_pending(manager_proxy(f->manager), &vec));
    f->n_unsent = 1;
    manager_free(f->manager, f->now_ns);
    f->manager = NULL;
    assert_int_equal(f->n_unsent, 0);
    assert_int_equal(window.count, 1);
}

/* What it would restore it cannot send: the session is gone. */
static void test_loss_ends_an_active_window(void **state)
{
    struct fixture *f = *state;
    struct completion window = {0, 0};
    reach(f, WIRED);
    scanner_window(manager_scanner(f->manager), 5 * NS_PER_S, on_window_done, &window, f->now_ns);
    assert_int_equal(window.count, 0);
    lose_connection(f);
    assert_int_equal(window.count, 1);
    assert_int_equal(window.error, 0);
}

static void test_f08_teardown_is_complete_although_a_callback_frees_the_manager(void **state)
{
    struct fixture *f = *state;
    reach(f, WIRED);
    watch_loss(f);
    f->act_in = "lost";
    f->act = free_manager;
    lose_connection(f);
    assert_null(f->manager);
    assert_int_equal(f->n_lost, 2);
    assert_int_equal(n_registered(f), 0);
}

static void test_f09_stop_without_memory_for_the_goodbye_tears_down(void **state)
{
    struct fixture *f = *state;
    reach(f, DESCRIBING);
    f->test.fail_after = 0;
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    lose_connection(f); /* unless it was given up already */
    f->test.fail_after = SIZE_MAX;
    assert_int_equal(f->started.error, BLEPROXY_E_START_ABORTED);
    assert_int_equal(f->started.count, 1);
    assert_int_equal(f->stopped.count, 1);
    assert_int_equal(n_registered(f), 0);
}

static void test_f10_loss_and_then_stop_fires_callbacks_once(void **state)
{
    struct fixture *f = *state;
    reach(f, WIRED);
    watch_loss(f);
    lose_connection(f);
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    assert_int_equal(f->n_lost, 2);
    assert_int_equal(f->stopped.count, 1);
}

static void test_stop_while_connected_tears_down_when_the_session_ends(void **state)
{
    struct fixture *f = *state;
    reach(f, WIRED);
    watch_loss(f);
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    assert_false(scanner_is_available(manager_scanner(f->manager)));
    assert_int_equal(f->stopped.count, 0);
    manager_stop(f->manager, on_stopped, f, f->now_ns); /* a second one does not wait */
    assert_int_equal(f->stopped.count, 1);
    assert_int_equal(f->stopped.error, BLEPROXY_E_STATE);
    feed(f, DISCONNECT_RESPONSE);
    assert_int_equal(f->stopped.count, 2);
    assert_int_equal(f->stopped.error, 0);
    assert_int_equal(f->n_lost, 2);
    assert_int_equal(f->states[f->n_states - 1], BLEPROXY_PROXY_STOPPED);
}

static void test_stop_is_over_after_15_s_at_the_latest(void **state)
{
    struct fixture *f = *state;
    reach(f, GREETING);
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    for (uint64_t end_ns = f->now_ns + 15 * NS_PER_S; f->stopped.count == 0;) {
        f->now_ns = manager_deadline(f->manager);
        assert_true(f->now_ns <= end_ns);
        manager_tick(f->manager, f->now_ns);
    }
}

static void test_description_that_never_comes_is_a_failed_attempt(void **state)
{
    struct fixture *f = *state;
    static const unsigned pauses[] = {2, 3, 6};
    for (unsigned i = 0; i < 3; i++) {
        reach(f, DESCRIBING);
        wait_for(f, 10 * NS_PER_S);
        assert_false(f->open);
        assert_true(is_in(f, BLEPROXY_PROXY_WAITING));
        assert_int_equal(f->why, BLEPROXY_E_TIMEOUT);
        assert_int_equal(manager_last_end(f->manager)->error, BLEPROXY_E_TIMEOUT);
        assert_int_equal(manager_deadline(f->manager), f->now_ns + pauses[i] * NS_PER_S);
        assert_int_equal(f->started.count, 0);
    }
    reach(f, WIRED);
    assert_int_equal(f->started.count, 1);
    assert_null(manager_last_end(f->manager));
    for (unsigned i = 0; i < f->n_states; i++)
        assert_true(f->states[i] != BLEPROXY_PROXY_READY || i == f->n_states - 1);
}

static void test_device_that_sleeps_deeply_is_retried_every_15_s(void **state)
{
    struct fixture *f = *state;
    static const unsigned pauses[] = {2, 3, 6, 10, 15, 15};
    reach(f, DESCRIBING);
    feed(f, "00020a3801" /* has_deep_sleep, nothing else */ CAPABILITIES);
    assert_int_equal(n_registered(f), 1);
    lose_connection(f);
    for (unsigned i = 0; i < 6; i++) {
        reach(f, DIALLING);
        f->open = false;
        proxy_connect_failed(manager_proxy(f->manager), f->attempt, "Connection refused", f->now_ns);
        assert_int_equal(manager_deadline(f->manager), f->now_ns + pauses[i] * NS_PER_S);
    }
}

static void test_refused_password_waits_60_s(void **state)
{
    struct fixture *f = *state;
    reach(f, DESCRIBING);
    feed(f, REFUSED_PASSWORD);
    assert_int_equal(f->why, BLEPROXY_E_INVALID_AUTH);
    assert_int_equal(manager_deadline(f->manager), f->now_ns + 60 * NS_PER_S);
    assert_int_equal(f->started.count, 1); /* whoever waits for the start is told at once */
    assert_int_equal(f->started.error, BLEPROXY_E_INVALID_AUTH);
}

static void test_missing_key_is_told_to_who_waits_for_the_start_and_attempts_go_on(void **state)
{
    struct fixture *f = *state;
    reach(f, GREETING);
    feed(f, "0100130142616420696e64696361746f722062797465");
    assert_int_equal(f->started.count, 1);
    assert_int_equal(f->started.error, BLEPROXY_E_REQUIRES_ENCRYPTION);
    assert_int_equal(manager_deadline(f->manager), f->now_ns + 60 * NS_PER_S);
    reach(f, WIRED); /* somebody has changed the proxy */
    assert_int_equal(manager_state(f->manager), BLEPROXY_PROXY_READY);
    assert_int_equal(f->started.count, 1);
}

static void test_goodbye_before_the_hello_is_a_failed_attempt(void **state)
{
    struct fixture *f = *state;
    reach(f, GREETING);
    feed(f, DISCONNECT_REQUEST);
    assert_int_equal(f->why, BLEPROXY_E_CLOSED);
    assert_int_equal(manager_last_end(f->manager)->error, BLEPROXY_E_CLOSED);
    assert_int_equal(f->started.count, 0);
    assert_int_equal(manager_deadline(f->manager), f->now_ns + 2 * NS_PER_S);
}

static void test_unreachable_proxy_tells_why_and_start_stays_pending(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 20; i++) {
        reach(f, DIALLING);
        f->open = false;
        proxy_connect_failed(manager_proxy(f->manager), f->attempt, "Connection refused", f->now_ns);
        assert_int_equal(f->why, BLEPROXY_E_CONNECT);
        assert_string_equal(f->text, "cannot connect to 192.0.2.1:6053: Connection refused");
    }
    assert_int_equal(f->started.count, 0);
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING], 1);
}

static void test_free_completes_pending_start_and_stop(void **state)
{
    struct fixture *f = *state;
    reach(f, GREETING);
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    assert_int_equal(f->started.count + f->stopped.count, 0);
    manager_free(f->manager, f->now_ns);
    f->manager = NULL;
    assert_int_equal(f->started.count, 1);
    assert_int_equal(f->started.error, BLEPROXY_E_START_ABORTED);
    assert_int_equal(f->stopped.count, 1);
    assert_int_equal(f->stopped.error, 0);
}

static void stop_manager(struct fixture *f)
{
    manager_stop(f->manager, on_stopped, f, f->now_ns);
}

static const char *const callbacks[] = {"resolving", "connecting", "handshaking", "ready",      "waiting",
                                        "stopping",  "stopped",    "on_started",  "on_stopped", "lost",
                                        "waiter",    "come",       "gone"};

/* Connected, lost, connected again and stopped, with something done in one of the callbacks. */
static void whole_life(struct fixture *f)
{
    reach(f, WIRED);
    if (f->manager && manager_scanner(f->manager))
        watch_loss(f);
    if (f->manager)
        lose_connection(f);
    reach(f, WIRED);
    if (f->manager && manager_scanner(f->manager))
        watch_loss(f);
    if (f->manager)
        manager_stop(f->manager, on_stopped, f, f->now_ns);
    feed(f, DISCONNECT_RESPONSE);
}

static void test_freed_in_each_callback(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); i++) {
        f->started = f->stopped = (struct completion){0, 0};
        f->act_in = callbacks[i];
        f->act = free_manager;
        whole_life(f);
        assert_null(f->act_in);
        assert_null(f->manager);
        assert_int_equal(f->started.count, 1);
        assert_true(f->stopped.count <= 1);
        assert_int_equal(n_registered(f), 0);
        assert_false(f->open || f->resolving);
        new_manager(f, "kitchen");
    }
}

static void test_stopped_in_each_callback(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); i++) {
        f->started = f->stopped = (struct completion){0, 0};
        f->act_in = callbacks[i];
        f->act = stop_manager;
        whole_life(f);
        assert_null(f->act_in);
        assert_int_equal(f->started.count, 1);
        assert_int_equal(f->stopped.count, 2);
        assert_int_equal(n_registered(f), 0);
        assert_true(is_in(f, BLEPROXY_PROXY_STOPPED));
        manager_free(f->manager, f->now_ns);
        new_manager(f, "kitchen");
    }
}

static void test_stopped_by_who_watches_slots_it_is_never_ready(void **state)
{
    struct fixture *f = *state;
    f->act_in = "come";
    f->act = stop_manager;
    reach(f, WIRED);
    assert_int_equal(f->started.count, 0);
    assert_int_equal(f->states[f->n_states - 1], BLEPROXY_PROXY_STOPPING);
    feed(f, DISCONNECT_RESPONSE);
    assert_int_equal(f->started.error, BLEPROXY_E_START_ABORTED);
    for (unsigned i = 0; i < f->n_states; i++)
        assert_int_not_equal(f->states[i], BLEPROXY_PROXY_READY);
}

static void free_on_advert(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct fixture *f = user;
    assert_int_equal(advertisement->source, manager_device_info(f->manager)->source);
    free_manager(f);
}

static void test_freed_by_a_subscriber_in_mid_message(void **state)
{
    struct fixture *f = *state;
    struct bleproxy_subscription *subscription;
    reach(f, WIRED);
    assert_int_equal(hub_subscribe(f->hub, BLEPROXY_STREAM_REPORTS, NULL, free_on_advert, f, &subscription),
                     0);
    feed(f,
         "00395d0a1f08b3c4c4c09398291085012212020106030316180a09544553542d303030310a1608d588cd9192e21e10b301"
         "180122070201060303aafe"); /* two in one message */
    assert_null(f->manager);
    assert_int_equal(n_registered(f), 0);
}

static void test_out_of_memory_is_a_failed_attempt_and_leaks_nothing(void **state)
{
    struct fixture *f = *state;
    for (size_t n = 0;; n++) {
        f->test.fail_after = n;
        reach(f, WIRED);
        f->test.fail_after = SIZE_MAX;
        if (manager_scanner(f->manager))
            break;
        if (is_in(f, BLEPROXY_PROXY_READY)) /* the failure is that of the request */
            wait_for(f, 10 * NS_PER_S);
        assert_true(is_in(f, BLEPROXY_PROXY_WAITING));
        assert_false(f->open);
        assert_int_equal(n_registered(f), 0);
        assert_true(n < 200);
    }
    assert_int_equal(f->started.count, 1);
    assert_int_equal(f->started.error, 0);
}

static void test_out_of_memory_in_new(void **state)
{
    struct fixture *f = *state;
    manager_free(f->manager, f->now_ns);
    const struct proxy_config config = {
        .host = "h", .port = 1, .session = {.env = &f->test.env, .label = "h", .client_info = "test"}};
    for (size_t n = 0;; n++) {
        f->test.fail_after = n;
        int error = manager_new(f->hub, &config, &ops, f, &f->manager);
        f->test.fail_after = SIZE_MAX;
        if (error == 0)
            break;
        assert_int_equal(error, BLEPROXY_E_NOMEM);
    }
}

static void test_freed_and_stopped_in_on_hearing(void **state)
{
    struct fixture *f = *state;
    static const char *const within[] = {"well", "silent", "robbed", "unknown"};
    for (unsigned i = 0; i < 8; i++) {
        f->started = f->stopped = (struct completion){0, 0};
        f->act_in = within[i / 2];
        f->act = i % 2 ? free_manager : stop_manager;
        reach(f, WIRED);
        f->now_ns += NS_PER_S;
        f->test.random_bytes = drawn;
        f->test.random_left = sizeof(drawn);
        feed(f, RAW_ADVERT);
        if (f->manager)
            manager_tick(f->manager, f->now_ns);
        feed(f, REFUSED_READ PONG);
        pass(f, 30);
        if (f->manager && f->open)
            lose_connection(f);
        assert_null(f->act_in);
        manager_free(f->manager, f->now_ns);
        new_manager(f, "kitchen");
    }
}

static void test_another_device_at_its_address_is_refused_until_it_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct identities *identities = hub_identities(f->hub);
    reach(f, WIRED);
    assert_int_equal(identities_get(identities, "192.0.2.1:6053"), 0xacbc32890ea8);
    lose_connection(f);
    assert_int_equal(identities_put(identities, "192.0.2.1:6053", 0xacbc32890ea9), 0);
    for (unsigned i = 0; i < 3; i++) {
        reach(f, WIRED);
        assert_int_not_equal(manager_state(f->manager), BLEPROXY_PROXY_READY);
        assert_int_equal(n_registered(f), 0);
        assert_int_equal(f->why, BLEPROXY_E_BAD_MAC_ADDRESS);
        assert_non_null(
            strstr(f->text, "kitchen has the MAC address AC:BC:32:89:0E:A8, but had AC:BC:32:89:0E:A9"));
        assert_non_null(strstr(f->text, "bleproxy forget"));
    }
    assert_int_equal(identities_remove(identities, "192.0.2.1:6053"), 0);
    reach(f, WIRED);
    assert_int_equal(manager_state(f->manager), BLEPROXY_PROXY_READY);
    assert_int_equal(identities_get(identities, "192.0.2.1:6053"), 0xacbc32890ea8);
}

static void forget_one(void *user)
{
    struct identities *identities = user;
    assert_int_equal(identities_remove(identities, "192.0.2.1:6053"), 0);
    identities->on_doubt = NULL;
}

/* Another program forgets it. What is known is not looked up each time that a proxy is connected. */
static void test_another_device_makes_us_look_whether_the_first_is_still_known(void **state)
{
    struct fixture *f = *state;
    struct identities *identities = hub_identities(f->hub);
    assert_int_equal(identities_put(identities, "192.0.2.1:6053", 1), 0);
    identities->on_doubt = forget_one;
    identities->on_change_user = identities;
    reach(f, WIRED);
    assert_int_equal(f->why, BLEPROXY_E_BAD_MAC_ADDRESS);
    assert_int_equal(identities_get(identities, "192.0.2.1:6053"), 1);
    reach(f, WIRED);
    assert_int_equal(manager_state(f->manager), BLEPROXY_PROXY_READY);
    assert_int_equal(identities_get(identities, "192.0.2.1:6053"), 0xacbc32890ea8);
    identities->on_doubt = forget_one;
    lose_connection(f);
    reach(f, WIRED);
    assert_non_null(identities->on_doubt);
}

static void test_a_device_that_does_not_say_who_it_is_is_another(void **state)
{
    struct fixture *f = *state;
    struct identities *identities = hub_identities(f->hub);
    reach(f, DESCRIBING);
    feed(f, "00020a3801" CAPABILITIES);
    assert_int_equal(manager_state(f->manager), BLEPROXY_PROXY_READY);
    assert_int_equal(identities->n, 0);
    lose_connection(f);
    assert_int_equal(identities_put(identities, "192.0.2.1:6053", 0xacbc32890ea8), 0);
    reach(f, DESCRIBING);
    feed(f, "00020a3801" CAPABILITIES);
    assert_int_equal(f->why, BLEPROXY_E_BAD_MAC_ADDRESS);
    assert_non_null(strstr(f->text, "kitchen has no MAC address, but had AC:BC:32:89:0E:A8"));
    reach(f, DESCRIBING);
    feed(f, "00130a1a1130303a30303a30303a30303a30303a3030" CAPABILITIES);
    assert_int_equal(f->why, BLEPROXY_E_BAD_MAC_ADDRESS);
    assert_int_equal(identities_get(identities, "192.0.2.1:6053"), 0xacbc32890ea8);
}

static void test_who_starts_it_is_told_of_another_device_at_once(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(identities_put(hub_identities(f->hub), "192.0.2.1:6053", 1), 0);
    reach(f, WIRED);
    assert_int_equal(f->started.count, 1);
    assert_int_equal(f->started.error, BLEPROXY_E_BAD_MAC_ADDRESS);
}

static void test_any_device_will_do_where_that_is_wanted(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(identities_put(hub_identities(f->hub), "192.0.2.1:6053", 1), 0);
    manager_set_limits(f->manager, &(struct manager_limits){.any_device = true});
    reach(f, WIRED);
    assert_int_equal(manager_state(f->manager), BLEPROXY_PROXY_READY);
    assert_int_equal(identities_get(hub_identities(f->hub), "192.0.2.1:6053"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_f01_new_manager_has_no_side_effects),
        TEST(test_f02_stop_aborts_a_pending_start_at_every_stage),
        TEST(test_f03_cancelled_start_is_not_an_aborted_one),
        TEST(test_f04_start_is_once_and_stop_before_it_is_nothing),
        TEST(test_a_proxy_without_a_name_here_is_called_as_it_calls_itself),
        TEST(test_f05_connection_wires_registers_and_completes_start),
        TEST(test_f06_f07_loss_fires_every_callback_with_the_proxy_unavailable),
        TEST(test_stop_restores_the_mode_before_it_says_goodbye),
        TEST(test_stop_takes_back_what_subscribers_wanted),
        TEST(test_mode_of_a_lost_session_is_given_back_by_the_next),
        TEST(test_scan_mode_is_pinned_in_each_session),
        TEST(test_free_says_not_a_word),
        TEST(test_loss_ends_an_active_window),
        TEST(test_f08_teardown_is_complete_although_a_callback_frees_the_manager),
        TEST(test_f09_stop_without_memory_for_the_goodbye_tears_down),
        TEST(test_f10_loss_and_then_stop_fires_callbacks_once),
        TEST(test_stop_while_connected_tears_down_when_the_session_ends),
        TEST(test_stop_is_over_after_15_s_at_the_latest),
        TEST(test_description_that_never_comes_is_a_failed_attempt),
        TEST(test_device_that_sleeps_deeply_is_retried_every_15_s),
        TEST(test_refused_password_waits_60_s),
        TEST(test_missing_key_is_told_to_who_waits_for_the_start_and_attempts_go_on),
        TEST(test_goodbye_before_the_hello_is_a_failed_attempt),
        TEST(test_unreachable_proxy_tells_why_and_start_stays_pending),
        TEST(test_free_completes_pending_start_and_stop),
        TEST(test_freed_in_each_callback),
        TEST(test_stopped_in_each_callback),
        TEST(test_stopped_by_who_watches_slots_it_is_never_ready),
        TEST(test_freed_by_a_subscriber_in_mid_message),
        TEST(test_robbed_is_told_and_left_alone_until_it_is_taken_back),
        TEST(test_robbed_ends_connections_to_devices),
        TEST(test_robbed_leaves_the_scan_mode_alone),
        TEST(test_deaf_reconnects),
        TEST(test_another_device_at_its_address_is_refused_until_it_is_forgotten),
        TEST(test_another_device_makes_us_look_whether_the_first_is_still_known),
        TEST(test_a_device_that_does_not_say_who_it_is_is_another),
        TEST(test_who_starts_it_is_told_of_another_device_at_once),
        TEST(test_any_device_will_do_where_that_is_wanted),
        TEST(test_freed_and_stopped_in_on_hearing),
        TEST(test_out_of_memory_is_a_failed_attempt_and_leaks_nothing),
        TEST(test_out_of_memory_in_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
