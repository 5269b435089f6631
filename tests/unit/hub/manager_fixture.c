/* SPDX-License-Identifier: MIT */
#include "manager_fixture.h"

#include "hub/disconnect_set.h"

void maybe_act(struct fixture *f, const char *callback)
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

const struct manager_ops manager_world = {.resolve = on_resolve,
                                          .cancel_resolve = on_cancel_resolve,
                                          .open = on_open,
                                          .close = on_close,
                                          .get_time = get_time,
                                          .on_pending = on_pending,
                                          .on_state = on_state,
                                          .on_turn = on_turn,
                                          .on_hearing = on_hearing};

void on_started(void *user, int error, uint64_t now_ns)
{
    struct fixture *f = user;
    (void)now_ns;
    f->started.count++;
    f->started.error = error;
    maybe_act(f, "on_started");
}

void on_stopped(void *user, int error, uint64_t now_ns)
{
    struct fixture *f = user;
    (void)now_ns;
    f->stopped.count++;
    f->stopped.error = error;
    maybe_act(f, "on_stopped");
}

void on_window_done(void *user, bool opened, uint64_t now_ns)
{
    struct completion *window = user;
    (void)now_ns;
    window->count++;
    window->error = !opened;
}

size_t n_registered(const struct fixture *f)
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

void new_manager(struct fixture *f, const char *label)
{
    const struct proxy_config config = {.host = "192.0.2.1",
                                        .port = 6053,
                                        .session = {.env = &f->test.env,
                                                    .label = label,
                                                    .client_info = "test",
                                                    .timeouts = session_timeouts_default}};
    assert_int_equal(manager_new(f->hub, &config, &manager_world, f, &f->manager), 0);
}

int setup(void **state)
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

int teardown(void **state)
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

void feed(struct fixture *f, const char *text)
{
    size_t n;
    uint8_t *bytes = hex(text, &n);
    if (f->manager && f->open)
        proxy_feed(manager_proxy(f->manager), bytes, n, f->now_ns);
}

void answer_look_up(struct fixture *f)
{
    static const struct net_address address = {.family = 4, .bytes = {192, 0, 2, 1}, .port = 6053};
    if (!f->manager || !f->resolving)
        return;
    f->resolving = false;
    proxy_resolved(manager_proxy(f->manager), &address, 1, 0, NULL, f->now_ns);
}

bool is_in(const struct fixture *f, enum bleproxy_proxy_state state)
{
    return f->manager && proxy_state(manager_proxy(f->manager)) == state;
}

void reach(struct fixture *f, enum stage stage)
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

void lose_connection(struct fixture *f)
{
    proxy_fail(manager_proxy(f->manager), BLEPROXY_E_CLOSED, NULL, f->now_ns);
}

void wait_for(struct fixture *f, uint64_t delay_ns)
{
    f->now_ns += delay_ns;
    manager_tick(f->manager, f->now_ns);
}

void watch_loss(struct fixture *f)
{
    struct disconnect_set *set = scanner_disconnect_set(manager_scanner(f->manager));
    assert_int_equal(disconnect_set_add(set, on_lost, f), 0);
    assert_int_equal(disconnect_set_add(set, on_lost_too, f), 0);
    struct slots *record = scanner_slot_record(manager_scanner(f->manager));
    slots_wait(record, &f->waiter, on_slot, f);
}

bool writes(struct fixture *f, const char *text)
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

void pass(struct fixture *f, uint64_t seconds)
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

void draw(struct fixture *f)
{
    static const uint64_t drawn = UINT64_C(0xa2c138112233);
    f->test.random_bytes = (const uint8_t *)&drawn;
    f->test.random_left = sizeof(drawn);
}

void reach_hearing(struct fixture *f)
{
    reach(f, WIRED);
    f->now_ns += NS_PER_S;
    draw(f);
    feed(f, RAW_ADVERT);
    manager_tick(f->manager, f->now_ns);
    feed(f, REFUSED_READ PONG);
    assert_true(writes(f, "000007"));
}

void free_manager(struct fixture *f)
{
    manager_free(f->manager, f->now_ns);
    f->manager = NULL;
}

void send_all(struct fixture *f)
{
    struct iovec vec;
    proxy_sent(manager_proxy(f->manager), proxy_pending(manager_proxy(f->manager), &vec));
}

void stop_manager(struct fixture *f)
{
    manager_stop(f->manager, on_stopped, f, f->now_ns);
}
