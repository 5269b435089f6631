/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "hub/identities.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <string.h>

struct fixture {
    struct test_env test;
    struct identities identities;
    unsigned n_changes;
};

static void on_change(void *user)
{
    struct fixture *f = user;
    f->n_changes++;
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    test_env_init(&fixture.test);
    identities_init(&fixture.identities, &fixture.test.env);
    fixture.identities.on_change = on_change;
    fixture.identities.on_change_user = &fixture;
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    identities_deinit(&f->identities);
    test_env_deinit(&f->test);
    return 0;
}

static void put(struct fixture *f, const char *endpoint, uint64_t mac_address)
{
    assert_int_equal(identities_put(&f->identities, endpoint, mac_address), 0);
}

static void encode(struct fixture *f, const struct identities *identities, struct buffer *out)
{
    buffer_init(out, &f->test.env, 1 << 20);
    assert_int_equal(identities_encode(identities, out), 0);
}

static void test_endpoints_are_in_lower_case(void **state)
{
    (void)state;
    char endpoint[IDENTITY_ENDPOINT_SIZE], name[300];
    assert_true(identity_endpoint("Attic.LOCAL", 6053, endpoint));
    assert_string_equal(endpoint, "attic.local:6053");
    assert_true(identity_endpoint("FE80::1", 6054, endpoint));
    assert_string_equal(endpoint, "[fe80::1]:6054");
    memset(name, 'a', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_false(identity_endpoint(name, 1, endpoint));
}

static void test_what_is_put_is_known_until_it_is_removed(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(identities_get(&f->identities, "a:1"), 0);
    put(f, "a:1", 1);
    put(f, "b:1", 2);
    put(f, "a:1", 1);
    assert_int_equal(f->n_changes, 2);
    put(f, "a:1", 3);
    assert_int_equal(identities_get(&f->identities, "a:1"), 3);
    assert_int_equal(identities_remove(&f->identities, "a:1"), 0);
    assert_int_equal(identities_get(&f->identities, "a:1"), 0);
    assert_int_equal(identities_remove(&f->identities, "a:1"), BLEPROXY_E_NOT_FOUND);
    assert_int_equal(identities_remove(&f->identities, "c:1"), BLEPROXY_E_NOT_FOUND);
    identities_saved(&f->identities);
    assert_int_equal(f->identities.n, 1);
    put(f, "a:1", 4);
    assert_int_equal(identities_get(&f->identities, "a:1"), 4);
}

static void test_they_come_back_from_a_file_and_own_changes_are_the_newest(void **state)
{
    struct fixture *f = *state;
    struct buffer file;
    struct identities other;
    put(f, "a:1", 1);
    put(f, "b:1", 2);
    put(f, "c:1", 3);
    encode(f, &f->identities, &file);
    identities_init(&other, &f->test.env);
    assert_int_equal(identities_decode(&other, buffer_data(&file), file.size), 0);
    assert_int_equal(other.n, 3);
    other.on_change = on_change;
    other.on_change_user = f;
    assert_int_equal(identities_remove(&other, "a:1"), 0);
    assert_int_equal(identities_put(&other, "b:1", 9), 0);
    assert_int_equal(identities_decode(&other, buffer_data(&file), file.size),
                     0); /* another program has written it */
    assert_int_equal(identities_get(&other, "a:1"), 0);
    assert_int_equal(identities_get(&other, "b:1"), 9);
    assert_int_equal(identities_get(&other, "c:1"), 3);
    buffer_deinit(&file);
    encode(f, &other, &file);
    identities_saved(&other);
    identities_saved(&f->identities);
    assert_int_equal(identities_decode(&f->identities, buffer_data(&file), file.size), 0);
    assert_int_equal(identities_get(&f->identities, "a:1"), 0);
    assert_int_equal(identities_get(&f->identities, "b:1"), 9);
    identities_deinit(&other);
    buffer_deinit(&file);
}

static void test_a_damaged_file_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct buffer file;
    put(f, "a:1", 1);
    encode(f, &f->identities, &file);
    uint8_t *bytes = (uint8_t *)buffer_data(&file);
    identities_saved(&f->identities);
    for (size_t i = 0; i < file.size; i++) {
        bytes[i] ^= 1;
        assert_int_equal(identities_decode(&f->identities, bytes, file.size), BLEPROXY_E_INVALID);
        bytes[i] ^= 1;
        assert_int_equal(identities_decode(&f->identities, bytes, i), BLEPROXY_E_INVALID);
    }
    assert_int_equal(identities_get(&f->identities, "a:1"), 1);
    buffer_deinit(&file);
}

static void test_the_oldest_goes_where_there_are_too_many(void **state)
{
    struct fixture *f = *state;
    char endpoint[32];
    for (unsigned i = 0; i <= IDENTITIES_MAX; i++) {
        snprintf(endpoint, sizeof(endpoint), "%u:1", i);
        put(f, endpoint, i + 1);
    }
    assert_int_equal(f->identities.n, IDENTITIES_MAX);
    assert_int_equal(identities_get(&f->identities, "0:1"), 0);
    assert_int_equal(identities_get(&f->identities, "1:1"), 2);
    assert_int_equal(identities_get(&f->identities, "10000:1"), 10001);
}

static void test_without_memory_nothing_changes(void **state)
{
    struct fixture *f = *state;
    f->test.fail_after = 0;
    assert_int_equal(identities_put(&f->identities, "a:1", 1), BLEPROXY_E_NOMEM);
    f->test.fail_after = SIZE_MAX;
    assert_int_equal(f->identities.n, 0);
    assert_int_equal(f->n_changes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_endpoints_are_in_lower_case),
        TEST(test_what_is_put_is_known_until_it_is_removed),
        TEST(test_they_come_back_from_a_file_and_own_changes_are_the_newest),
        TEST(test_a_damaged_file_changes_nothing),
        TEST(test_the_oldest_goes_where_there_are_too_many),
        TEST(test_without_memory_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
