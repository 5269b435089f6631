/* SPDX-License-Identifier: MIT */
/* The system's resolver, in place of which stands one that answers when it is told to. */
#include "support.h"

#include "engine/handle.h"
#include "engine/loop.h"
#include <bleproxy/error.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static unsigned n_asked, n_answered; /* of all threads */
static bool answers;

int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **info);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **info);

/* Every name is 192.0.2.7 but "nobody". */
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **info)
{
    struct addrinfo numeric = {.ai_socktype = hints->ai_socktype, .ai_flags = AI_NUMERICHOST};
    pthread_mutex_lock(&mutex);
    n_asked++;
    pthread_cond_broadcast(&change);
    while (!answers)
        pthread_cond_wait(&change, &mutex);
    n_answered++;
    pthread_cond_broadcast(&change);
    pthread_mutex_unlock(&mutex);
    return strcmp(host, "nobody") == 0 ? EAI_NONAME
                                       : __real_getaddrinfo("192.0.2.7", service, &numeric, info);
}

static void wait_until_asked(unsigned wanted)
{
    pthread_mutex_lock(&mutex);
    while (n_asked < wanted)
        pthread_cond_wait(&change, &mutex);
    assert_int_equal(n_asked, wanted);
    pthread_mutex_unlock(&mutex);
}

/* All that were asked. */
static void answer(void)
{
    pthread_mutex_lock(&mutex);
    answers = true;
    pthread_cond_broadcast(&change);
    while (n_answered < n_asked)
        pthread_cond_wait(&change, &mutex);
    pthread_mutex_unlock(&mutex);
}

static struct bleproxy_loop *loop;
static unsigned n_found, n_not_found;

static int set_up(void **state)
{
    (void)state;
    answers = false;
    n_asked = n_answered = n_found = n_not_found = 0;
    return bleproxy_loop_new(NULL, &loop);
}

static int tear_down(void **state)
{
    (void)state;
    bleproxy_loop_free(loop);
    answer();
    return 0;
}

static void on_done(void *user, const struct net_address *addresses, size_t n, const char *why)
{
    assert_ptr_equal(user, &n_found);
    if (!addresses) {
        assert_non_null(why);
        n_not_found++;
        return;
    }
    assert_null(why);
    assert_int_equal(n, 1);
    assert_int_equal(addresses[0].bytes[3], 7);
    n_found++;
}

static struct system_lookup *start(const char *host)
{
    struct system_lookup *lookup;
    assert_int_equal(system_lookup_start(&loop->lookups, host, on_done, &n_found, &lookup), 0);
    return lookup;
}

static void test_names_are_found_or_not(void **state)
{
    (void)state;
    start("somebody");
    start("somebody"); /* both still wait: each has its own */
    start("nobody");
    wait_until_asked(3);
    answer();
    bleproxy_loop_run(loop);
    assert_int_equal(n_found, 2);
    assert_int_equal(n_not_found, 1);
    assert_int_equal(loop->lookups.n, 0);
}

static void test_who_asks_again_takes_over_what_still_runs(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        system_lookup_cancel(start("somebody"));
    wait_until_asked(1);
    start("somebody");
    answer();
    bleproxy_loop_run(loop);
    assert_int_equal(n_found, 1);
    assert_int_equal(n_asked, 1);
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle;
}

static void test_a_dead_server_does_not_make_threads_pile_up(void **state)
{
    (void)state;
    struct system_lookup *lookup;
    for (unsigned i = 0; i < SYSTEM_LOOKUPS_MAX; i++) {
        char host[16];
        snprintf(host, sizeof(host), "name-%u", i);
        system_lookup_cancel(start(host));
    }
    wait_until_asked(SYSTEM_LOOKUPS_MAX);
    assert_int_equal(system_lookup_start(&loop->lookups, "one more", on_done, &n_found, &lookup),
                     BLEPROXY_E_LIMIT);
    bleproxy_loop_run(loop); /* nobody waits for them */
    start("name-3");
    answer();
    uv_idle_t *busy = handle_idle_new(loop->uv, NULL); /* nobody waits for those that were given up */
    uv_idle_start(busy, on_idle);
    while (loop->lookups.n > 0)
        uv_run(loop->uv, UV_RUN_ONCE);
    handle_close((uv_handle_t *)busy);
    assert_int_equal(n_found, 1);
    start("one more");
    bleproxy_loop_run(loop);
    assert_int_equal(n_found, 2);
}

static void test_the_loop_goes_while_they_run(void **state)
{
    (void)state;
    start("somebody");
    system_lookup_cancel(start("nobody"));
    wait_until_asked(2); /* the teardown frees it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names_are_found_or_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_asks_again_takes_over_what_still_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_dead_server_does_not_make_threads_pile_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_loop_goes_while_they_run, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
