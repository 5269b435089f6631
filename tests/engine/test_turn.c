/* SPDX-License-Identifier: MIT */
/* What the loop does in each turn before it waits: what a program writes leaves once, and not a turn later; what is due
 * has its turn beside the sockets. */
#include "engine/ticker.h"
#include "support.h"

#include <arpa/inet.h>
#include <bleproxy/bleproxy.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The C library's, counted, for a socket that has so much room. */
static int n_writes;
static size_t room = SIZE_MAX;

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    n_writes++;
    struct iovec *vec = message->msg_iov;
    vec->iov_len = vec->iov_len < room ? vec->iov_len : room;
    room -= room < SIZE_MAX ? vec->iov_len : 0;
    if (vec->iov_len > 0)
        return syscall(SYS_sendmsg, fd, message, flags);
    errno = EAGAIN;
    return -1;
}

static const uint8_t hello[] = {0x00, 0x02, 0x02, 0x08, 0x01};
static const uint8_t ping[] = {0x00, 0x00, 0x07}, pong[] = {0x00, 0x00, 0x08}, goodbye[] = {0x00, 0x00, 0x05};

/* A client, and its proxy in the same process. */
struct pair {
    struct bleproxy_loop *loop;
    struct bleproxy_client *client;
    int fd;
    int n_connected, n_pongs;
};

static void on_connected(void *user, int error, const char *text)
{
    struct pair *pair = user;
    (void)text;
    assert_int_equal(error, 0);
    pair->n_connected++;
    bleproxy_loop_stop(pair->loop);
}

static void on_pong(void *user, int error, uint64_t round_trip_ns)
{
    struct pair *pair = user;
    (void)error, (void)round_trip_ns;
    pair->n_pongs++;
    bleproxy_loop_stop(pair->loop);
}

/* Whatever the client has sent, without waiting for more. */
static size_t drain(const struct pair *pair, uint8_t bytes[static 4096])
{
    ssize_t n = recv(pair->fd, bytes, 4096, MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0;
}

static void say(const struct pair *pair, const uint8_t *bytes, size_t size)
{
    assert_int_equal(send(pair->fd, bytes, size, MSG_NOSIGNAL), size);
}

static void pair_open(struct pair *pair, struct bleproxy_loop *loop)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    uint8_t bytes[4096];
    *pair = (struct pair){.loop = loop, .fd = -1};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    const struct bleproxy_proxy_config config = {.address = "127.0.0.1", .port = ntohs(address.sin_port)};
    assert_int_equal(bleproxy_client_new(loop, &config, &pair->client), 0);
    assert_int_equal(bleproxy_client_connect(pair->client, on_connected, NULL, pair), 0);
    while (pair->fd < 0) {
        bleproxy_loop_process(loop);
        pair->fd = accept(listener, NULL, NULL);
    }
    close(listener);
    say(pair, hello, sizeof(hello));
    while (pair->n_connected == 0)
        bleproxy_loop_run(loop);
    while (drain(pair, bytes) > 0)
        continue;
    n_writes = 0;
}

static void pair_close(struct pair *pair)
{
    bleproxy_client_free(pair->client);
    close(pair->fd);
}

static struct bleproxy_loop *new_loop(void)
{
    struct bleproxy_loop *loop;
    assert_int_equal(bleproxy_loop_new(NULL, &loop), 0);
    return loop;
}

static void burst(struct pair *pair)
{
    for (int i = 0; i < 10; i++)
        assert_int_equal(bleproxy_client_ping(pair->client, on_pong, pair), 0);
}

static void on_burst(void *user)
{
    struct pair *pair = user;
    burst(pair);
    bleproxy_loop_stop(pair->loop);
}

static void test_what_is_written_in_one_turn_leaves_in_one_piece(void **state)
{
    (void)state;
    struct bleproxy_loop *loop = new_loop();
    struct bleproxy_timer *timer;
    struct pair pair;
    uint8_t bytes[4096];
    pair_open(&pair, loop);
    burst(&pair); /* between turns */
    assert_int_equal(n_writes, 0);
    bleproxy_loop_process(loop);
    assert_int_equal(n_writes, 1);
    assert_int_equal(drain(&pair, bytes), 10 * sizeof(ping));
    /* In a callback, which ends the run: nobody knows when the next one comes. */
    assert_int_equal(bleproxy_timer_new(loop, 0, 0, on_burst, &pair, &timer), 0);
    bleproxy_loop_run(loop);
    assert_int_equal(n_writes, 2);
    assert_int_equal(drain(&pair, bytes), 10 * sizeof(ping));
    bleproxy_timer_free(timer);
    pair_close(&pair);
    bleproxy_loop_free(loop);
}

static void test_each_connection_writes_once(void **state)
{
    (void)state;
    enum { PAIRS = 3 };
    struct bleproxy_loop *loop = new_loop();
    struct pair pairs[PAIRS];
    uint8_t bytes[4096];
    for (int i = 0; i < PAIRS; i++)
        pair_open(&pairs[i], loop);
    for (int i = 0; i < PAIRS; i++)
        burst(&pairs[i]);
    bleproxy_loop_process(loop);
    assert_int_equal(n_writes, PAIRS);
    for (int i = 0; i < PAIRS; i++) {
        assert_int_equal(drain(&pairs[i], bytes), 10 * sizeof(ping));
        pair_close(&pairs[i]);
    }
    bleproxy_loop_free(loop);
}

static void test_a_foreign_loop_does_not_wait_while_something_is_to_be_written(void **state)
{
    (void)state;
    struct bleproxy_loop *loop = new_loop();
    struct pair pair;
    uint8_t bytes[4096];
    pair_open(&pair, loop);
    assert_true(bleproxy_loop_timeout_ms(loop) > 1000);
    burst(&pair);
    assert_int_equal(bleproxy_loop_timeout_ms(loop), 0);
    bleproxy_loop_process(loop);
    assert_true(bleproxy_loop_timeout_ms(loop) > 1000);
    assert_int_equal(drain(&pair, bytes), 10 * sizeof(ping));
    pair_close(&pair);
    bleproxy_loop_free(loop);
}

static void test_an_answer_leaves_in_the_turn_of_its_question(void **state)
{
    (void)state;
    struct bleproxy_loop *loop = new_loop();
    struct pair pair;
    uint8_t bytes[4096];
    pair_open(&pair, loop);
    say(&pair, ping, sizeof(ping));
    struct pollfd fd = {.fd = bleproxy_loop_fd(loop), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 10000), 1);
    bleproxy_loop_process(loop);
    assert_int_equal(drain(&pair, bytes), sizeof(pong));
    assert_memory_equal(bytes, pong, sizeof(pong));
    pair_close(&pair);
    bleproxy_loop_free(loop);
}

static void test_what_was_written_before_the_end_is_not_lost(void **state)
{
    (void)state;
    struct bleproxy_loop *loop = new_loop();
    struct pair pair;
    uint8_t bytes[4096];
    pair_open(&pair, loop);
    assert_int_equal(bleproxy_client_disconnect(pair.client), 0);
    bleproxy_client_free(pair.client);
    bleproxy_loop_free(loop);
    assert_int_equal(drain(&pair, bytes), sizeof(goodbye));
    assert_memory_equal(bytes, goodbye, sizeof(goodbye));
    close(pair.fd);
}

static void test_a_full_socket_gets_the_rest_when_it_has_room(void **state)
{
    (void)state;
    struct bleproxy_loop *loop = new_loop();
    struct pair pair;
    uint8_t bytes[4096];
    pair_open(&pair, loop);
    room = sizeof(ping) + 1;
    burst(&pair);
    bleproxy_loop_process(loop);
    assert_int_equal(drain(&pair, bytes), sizeof(ping) + 1);
    burst(&pair); /* behind what waits */
    bleproxy_loop_process(loop);
    assert_int_equal(drain(&pair, bytes), 0);
    room = SIZE_MAX;
    bleproxy_loop_process(loop);
    assert_int_equal(drain(&pair, bytes), 20 * sizeof(ping) - sizeof(ping) - 1);
    pair_close(&pair);
    assert_int_equal(pair.n_pongs, 20);
    bleproxy_loop_free(loop);
}

/* ---- Deadlines ---- */

enum { TICKS_MAX = 1000 };

struct hurry {
    struct ticker ticker;
    int n_ticks;
};

static uint64_t always_due(void *user)
{
    const struct hurry *hurry = user;
    return hurry->n_ticks < TICKS_MAX ? 0 : BP_NEVER;
}

static void hurry_tick(void *user, uint64_t now_ns)
{
    struct hurry *hurry = user;
    (void)now_ns;
    hurry->n_ticks++;
    ticker_update(&hurry->ticker);
}

static void test_what_is_always_due_starves_no_socket(void **state)
{
    (void)state;
    struct bleproxy_loop *loop = new_loop();
    struct pair pair;
    struct hurry hurry = {0};
    pair_open(&pair, loop);
    assert_int_equal(bleproxy_client_ping(pair.client, on_pong, &pair), 0);
    bleproxy_loop_process(loop);
    say(&pair, pong, sizeof(pong));
    assert_int_equal(ticker_init(&hurry.ticker, loop, always_due, hurry_tick, &hurry), 0);
    ticker_update(&hurry.ticker);
    bleproxy_loop_run(loop); /* until the pong */
    assert_int_equal(pair.n_pongs, 1);
    assert_in_range(hurry.n_ticks, 1, TICKS_MAX - 1);
    ticker_deinit(&hurry.ticker);
    pair_close(&pair);
    bleproxy_loop_free(loop);
}

/* One takes the other's turn away. */
struct rivals {
    struct turn_member members[2];
    int n_runs;
};

static void rival_run(void *user)
{
    struct rivals *rivals = user;
    rivals->n_runs++;
    list_unlink(&rivals->members[0].link);
    list_unlink(&rivals->members[1].link);
}

static void test_a_turn_may_be_taken_away_while_others_have_theirs(void **state)
{
    (void)state;
    struct bleproxy_loop *loop = new_loop();
    struct rivals rivals = {0};
    for (size_t i = 0; i < 2; i++) {
        turn_member_init(&rivals.members[i], rival_run, &rivals);
        turn_add(&loop->due, &rivals.members[i]);
        turn_add(&loop->due, &rivals.members[i]); /* idempotent */
    }
    bleproxy_loop_run(loop);
    assert_int_equal(rivals.n_runs, 1);
    bleproxy_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_in_one_turn_leaves_in_one_piece),
        cmocka_unit_test(test_each_connection_writes_once),
        cmocka_unit_test(test_a_foreign_loop_does_not_wait_while_something_is_to_be_written),
        cmocka_unit_test(test_an_answer_leaves_in_the_turn_of_its_question),
        cmocka_unit_test(test_what_was_written_before_the_end_is_not_lost),
        cmocka_unit_test(test_a_full_socket_gets_the_rest_when_it_has_room),
        cmocka_unit_test(test_what_is_always_due_starves_no_socket),
        cmocka_unit_test(test_a_turn_may_be_taken_away_while_others_have_theirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
