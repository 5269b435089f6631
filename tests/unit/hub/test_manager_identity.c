/* SPDX-License-Identifier: MIT */
#include "manager_fixture.h"

#include "hub/identities.h"

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
        TEST(test_another_device_at_its_address_is_refused_until_it_is_forgotten),
        TEST(test_another_device_makes_us_look_whether_the_first_is_still_known),
        TEST(test_a_device_that_does_not_say_who_it_is_is_another),
        TEST(test_who_starts_it_is_told_of_another_device_at_once),
        TEST(test_any_device_will_do_where_that_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
