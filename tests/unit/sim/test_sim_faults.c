/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "sim/faults.h"
#include <string.h>

/* What a bad network makes of a good stream: always the same for one seed. */

enum { STREAM = 6000 };

static struct test_env test;
static struct faults faults;
static uint8_t stream[STREAM], received[STREAM * 2];
static size_t n_received, n_pieces;
static uint64_t now_ns, longest_pause_ns;

/* A HelloResponse and then anything; or, for Noise, a hello and then anything. */
static void fill(bool noise)
{
    static const uint8_t hello[] = {0, 20, 2}, noise_hello[] = {1, 0, 20};
    for (size_t i = 0; i < STREAM; i++)
        stream[i] = (uint8_t)(i * 7);
    memcpy(stream, noise ? noise_hello : hello, 3);
}

/* Passes the stream through until it is all out, reset, or an hour has gone. */
static void run(uint64_t seed, enum fault fault, bool noise)
{
    size_t taken = 0;
    fill(noise);
    now_ns = NS_PER_S;
    n_received = n_pieces = 0;
    longest_pause_ns = 0;
    faults_init_with(&faults, &test.env, seed, fault);
    for (;;) {
        size_t n = faults_room(&faults) < STREAM - taken ? faults_room(&faults) : STREAM - taken;
        n = n < 700 ? n : 700;
        assert_int_equal(faults_take(&faults, stream + taken, n, now_ns), 0);
        taken += n;
        const uint8_t *bytes;
        size_t piece = faults_pending(&faults, now_ns, &bytes);
        if (piece > 0) {
            assert_true(n_received + piece <= sizeof(received));
            memcpy(received + n_received, bytes, piece);
            n_received += piece;
            n_pieces++;
            faults_sent(&faults, piece, now_ns);
            continue;
        }
        uint64_t deadline_ns = faults_deadline(&faults);
        if (faults_is_reset(&faults) || (deadline_ns == BP_NEVER && taken == STREAM))
            break;
        if (deadline_ns == BP_NEVER)
            continue;
        assert_true(deadline_ns > now_ns);
        if (deadline_ns - now_ns > longest_pause_ns)
            longest_pause_ns = deadline_ns - now_ns;
        now_ns = deadline_ns;
    }
    faults_deinit(&faults);
}

static bool unchanged(void)
{
    return n_received == STREAM && memcmp(received, stream, STREAM) == 0;
}

static void test_delays_lose_nothing(void **state)
{
    (void)state;
    static const enum fault delays[] = {FAULT_NONE, FAULT_HALVES, FAULT_BYTES, FAULT_STALL};
    for (uint64_t seed = 0; seed < 50; seed++)
        for (size_t i = 0; i < 4; i++) {
            run(seed, delays[i], seed % 2);
            assert_true(unchanged());
        }
}

static void test_bytes_come_one_by_one(void **state)
{
    (void)state;
    run(1, FAULT_BYTES, false);
    assert_in_range(n_pieces, 400, 420);
}

static void test_stalls_last(void **state)
{
    (void)state;
    run(1, FAULT_STALL, false);
    assert_in_range(longest_pause_ns, NS_PER_S, 180 * NS_PER_S);
}

static void test_resets_cut_the_stream(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        run(seed, FAULT_RESET, false);
        assert_true(n_received > 0 && n_received < STREAM);
        assert_memory_equal(received, stream, n_received);
    }
}

static void test_garbage_gets_in(void **state)
{
    (void)state;
    unsigned n = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        run(seed, FAULT_GARBAGE, false);
        n += !unchanged();
    }
    assert_true(n > 40); /* sometimes there is nothing to replace */
}

static void test_another_proxy_answers(void **state)
{
    (void)state;
    run(1, FAULT_WRONG_NAME, false);
    assert_memory_equal(received, "\x00\x99\x00\x02\x08\x01\x10\x09\x22\x92\x00somebody-else\x1b[31m", 29);
    assert_memory_equal(received + 29, stream + 23, STREAM - 23);
    run(1, FAULT_WRONG_NAME, true);
    assert_memory_equal(received, "\x01\x00\x14\x01somebody-else\x1b[31m\x00", 23);
    assert_memory_equal(received + 23, stream + 23, STREAM - 23);
}

static void test_oversize_is_a_long_name_or_a_frame_without_end(void **state)
{
    (void)state;
    unsigned n_names = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        run(seed, FAULT_OVERSIZE, seed % 2);
        assert_false(unchanged());
        n_names += n_received > STREAM;
    }
    assert_in_range(n_names, 10, 40);
}

static void test_same_seed_same_fault(void **state)
{
    (void)state;
    static uint8_t before[sizeof(received)];
    for (uint64_t seed = 0; seed < 50; seed++) {
        run(seed, (enum fault)(seed % FAULT_COUNT), false);
        size_t n = n_received, pieces = n_pieces;
        uint64_t end_ns = now_ns;
        memcpy(before, received, n);
        run(seed, (enum fault)(seed % FAULT_COUNT), false);
        assert_true(n == n_received && pieces == n_pieces && end_ns == now_ns);
        assert_memory_equal(before, received, n);
    }
}

static void test_every_fault_occurs_and_a_third_is_sound(void **state)
{
    (void)state;
    unsigned count[FAULT_COUNT] = {0};
    for (uint64_t seed = 0; seed < 1100; seed++) {
        faults_init(&faults, &test.env, seed);
        count[faults.fault]++;
        faults_deinit(&faults);
    }
    for (size_t i = 0; i < FAULT_COUNT; i++)
        assert_true(count[i] > 50);
    assert_in_range(count[FAULT_NONE], 300, 460);
}

static int set_up(void **state)
{
    (void)state;
    test_env_init(&test);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_env_deinit(&test);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_delays_lose_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bytes_come_one_by_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stalls_last, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_resets_cut_the_stream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_garbage_gets_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_proxy_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_oversize_is_a_long_name_or_a_frame_without_end, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_same_seed_same_fault, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_fault_occurs_and_a_third_is_sound, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
