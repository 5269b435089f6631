/* SPDX-License-Identifier: MIT */
#include "fixture.h"

static void test_reports_are_those_of_every_proxy(void **state)
{
    struct fixture *f = *state;
    struct listener reports = {0}, owner = {0}, changes = {0};
    listen(f, BLEPROXY_STREAM_REPORTS, &reports);
    listen(f, BLEPROXY_STREAM_OWNER, &owner);
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    hear(f, f->scanners[0], 1, -50, "020106");
    hear(f, f->scanners[1], 1, -55, "020106");
    assert_int_equal(reports.calls, 2);
    assert_int_equal(reports.source, 0xA1);
    assert_int_equal(owner.calls, 1);
    assert_int_equal(owner.source, 0xA0);
    assert_int_equal(changes.calls, 1);
    hear(f, f->scanners[0], 1, -52, "020106");
    assert_int_equal(reports.calls, 3);
    assert_int_equal(owner.calls, 2);
    assert_int_equal(changes.calls, 1);
    hear(f, f->scanners[0], 1, -52, "04ff010004");
    assert_int_equal(reports.calls, 4);
    assert_int_equal(owner.calls, 3);
    assert_int_equal(changes.calls, 2);
    assert_int_equal(changes.changed, 1);
}

static void test_changes_that_only_others_heard_are_not_told(void **state)
{
    struct fixture *f = *state;
    struct listener changes = {0};
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    hear(f, f->scanners[0], 1, -50, "020106");
    hear(f, f->scanners[1], 1, -55, "04ff010004");
    assert_int_equal(changes.calls, 1);
    hear(f, f->scanners[0], 1, -50, "04ff010004");
    assert_int_equal(changes.calls, 2);
}

static void test_new_owner_with_the_same_content_is_no_change(void **state)
{
    struct fixture *f = *state;
    struct listener changes = {0}, owner = {0};
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    listen(f, BLEPROXY_STREAM_OWNER, &owner);
    hear(f, f->scanners[0], 1, -80, "04ff010004");
    hear(f, f->scanners[1], 1, -50, "04ff010004");
    assert_int_equal(owner.source, 0xA1);
    assert_int_equal(changes.calls, 1);
}

static void test_new_owner_with_other_content_is_a_change(void **state)
{
    struct fixture *f = *state;
    struct listener changes = {0};
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    hear(f, f->scanners[0], 1, -80, "04ff010004");
    hear(f, f->scanners[1], 1, -79, "04ff010005");
    scanner_pause(f->scanners[0]);
    hear(f, f->scanners[1], 1, -79, "04ff010005"); /* this proxy's repeat, but news from the owner */
    assert_int_equal(changes.calls, 2);
    assert_int_equal(changes.changed, 0);
    hear(f, f->scanners[1], 1, -79, "04ff010005");
    assert_int_equal(changes.calls, 2);
}

static void test_heir_of_an_owner_that_left_tells_what_differs(void **state)
{
    struct fixture *f = *state;
    struct listener changes = {0};
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    hear(f, f->scanners[0], 1, -60, "04ff010004");
    hear(f, f->scanners[1], 1, -60, "04ff010005");
    hear(f, f->scanners[0], 2, -60, "04ff010004");
    hear(f, f->scanners[1], 2, -60, "04ff010004");
    assert_int_equal(changes.calls, 2);
    hub_unregister_scanner(f->hub, f->scanners[0], f->now_ns);
    hear(f, f->scanners[1], 2, -60, "04ff010004");
    assert_int_equal(changes.calls, 2);
    hear(f, f->scanners[1], 1, -60, "04ff010005");
    assert_int_equal(changes.calls, 3);
}

static void test_owner_and_changes_begin_with_what_is_known(void **state)
{
    struct fixture *f = *state;
    struct listener reports = {0}, owner = {0}, changes = {0};
    for (uint64_t address = 1; address <= 5; address++)
        for (unsigned i = 0; i < 2; i++)
            hear(f, f->scanners[i], address, -50, "020106");
    listen(f, BLEPROXY_STREAM_REPORTS, &reports);
    listen(f, BLEPROXY_STREAM_OWNER, &owner);
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    assert_int_equal(reports.calls, 0);
    assert_int_equal(owner.calls, 5);
    assert_int_equal(changes.calls, 5);
    assert_int_equal(owner.source, 0xA0);
}

static void test_filter_holds_for_what_is_known_and_what_comes(void **state)
{
    struct fixture *f = *state;
    struct listener listener = {0};
    struct bleproxy_subscription *subscription;
    char name[] = "Lamp";
    const struct bleproxy_filter filter = {.name = name};
    hear(f, f->scanners[0], 1, -50, "05094c616d70");
    hear(f, f->scanners[0], 2, -50, "020106");
    assert_int_equal(
        hub_subscribe(f->hub, BLEPROXY_STREAM_OWNER, &filter, on_advertisement, &listener, &subscription), 0);
    memset(name, 'x', 4); /* it was copied */
    assert_int_equal(listener.calls, 1);
    hear(f, f->scanners[0], 2, -50, "020106");
    hear(f, f->scanners[0], 1, -50, "05094c616d70");
    assert_int_equal(listener.calls, 2);
    assert_int_equal(listener.address, 1);
}

static void test_freed_subscription_is_not_called(void **state)
{
    struct fixture *f = *state;
    struct listener listener = {0};
    struct bleproxy_subscription *subscription = listen(f, BLEPROXY_STREAM_REPORTS, &listener);
    bleproxy_subscription_free(subscription);
    bleproxy_subscription_free(NULL);
    hear(f, f->scanners[0], 1, -50, "020106");
    assert_int_equal(listener.calls, 0);
}

static void test_invalid_arguments(void **state)
{
    struct fixture *f = *state;
    struct bleproxy_subscription *subscription;
    const struct bleproxy_uuid uuid = {.size = 3};
    assert_int_equal(hub_subscribe(f->hub, BLEPROXY_STREAM_OWNER, NULL, NULL, NULL, &subscription),
                     BLEPROXY_E_INVALID);
    assert_int_equal(
        hub_subscribe(f->hub, (enum bleproxy_stream)3, NULL, on_advertisement, NULL, &subscription),
        BLEPROXY_E_INVALID);
    assert_int_equal(hub_subscribe(f->hub, BLEPROXY_STREAM_OWNER, &(struct bleproxy_filter){.service = &uuid},
                                   on_advertisement, NULL, &subscription),
                     BLEPROXY_E_INVALID);
}

static void test_no_memory(void **state)
{
    struct fixture *f = *state;
    struct bleproxy_subscription *subscription = NULL;
    for (size_t n = 0; n < 3; n++) {
        f->test.fail_after = n;
        assert_int_equal(hub_subscribe(f->hub, BLEPROXY_STREAM_OWNER,
                                       &(struct bleproxy_filter){.name = "a", .name_prefix = "b"},
                                       on_advertisement, NULL, &subscription),
                         BLEPROXY_E_NOMEM);
    }
    f->test.fail_after = SIZE_MAX;
    assert_null(subscription);
}

/* ---- What callbacks may do ---- */

struct actor {
    struct fixture *f;
    struct bleproxy_subscription *own, *before, *after;
    struct listener inner, outer;
    unsigned calls;
};

static void on_before_or_after(void *user, const struct bleproxy_advertisement *advertisement)
{
    on_advertisement(&((struct actor *)user)->outer, advertisement);
}

/* Subscribes one listener, the actor, and another listener. */
static void subscribe_actor(struct actor *actor, enum bleproxy_stream stream, bleproxy_advertisement_fn *act)
{
    struct hub *hub = actor->f->hub;
    assert_int_equal(hub_subscribe(hub, stream, NULL, on_before_or_after, actor, &actor->before), 0);
    assert_int_equal(hub_subscribe(hub, stream, NULL, act, actor, &actor->own), 0);
    assert_int_equal(hub_subscribe(hub, stream, NULL, on_before_or_after, actor, &actor->after), 0);
}

static void free_all(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct actor *actor = user;
    assert_int_equal(advertisement->address, 1);
    actor->calls++;
    bleproxy_subscription_free(actor->before);
    bleproxy_subscription_free(actor->own);
    bleproxy_subscription_free(actor->after);
}

static void test_callback_frees_all_subscriptions(void **state)
{
    struct fixture *f = *state;
    struct actor actor = {.f = f};
    subscribe_actor(&actor, BLEPROXY_STREAM_REPORTS, free_all);
    hear(f, f->scanners[0], 1, -50, "020106");
    assert_int_equal(actor.calls, 1);
    assert_int_equal(actor.outer.calls, 1);
    hear(f, f->scanners[0], 1, -50, "020106");
    assert_int_equal(actor.calls, 1);
}

static void free_own(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct actor *actor = user;
    (void)advertisement;
    actor->calls++;
    bleproxy_subscription_free(actor->own);
}

static void test_callback_frees_its_subscription_while_it_is_made(void **state)
{
    struct fixture *f = *state;
    struct actor actor = {.f = f};
    for (uint64_t address = 1; address <= 3; address++)
        hear(f, f->scanners[0], address, -50, "020106");
    assert_int_equal(hub_subscribe(f->hub, BLEPROXY_STREAM_OWNER, NULL, free_own, &actor, &actor.own), 0);
    assert_int_equal(actor.calls, 1);
    hear(f, f->scanners[0], 1, -50, "020106");
    assert_int_equal(actor.calls, 1);
}

static void subscribe_more(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct actor *actor = user;
    (void)advertisement;
    if (actor->calls++ == 0)
        listen(actor->f, BLEPROXY_STREAM_OWNER, &actor->inner);
}

static void test_subscription_made_in_a_callback_hears_a_report_once(void **state)
{
    struct fixture *f = *state;
    struct actor actor = {.f = f};
    subscribe_actor(&actor, BLEPROXY_STREAM_REPORTS, subscribe_more);
    hear(f, f->scanners[0], 1, -50, "020106");
    assert_int_equal(actor.inner.calls, 1); /* told of what is known */
    hear(f, f->scanners[0], 1, -50, "020106");
    assert_int_equal(actor.inner.calls, 2);
}

static void unregister(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct actor *actor = user;
    const struct bleproxy_device *device = hub_device(actor->f->hub, advertisement->address);
    actor->calls++;
    for (unsigned i = 0; i < N_SCANNERS; i++)
        hub_unregister_scanner(actor->f->hub, actor->f->scanners[i], actor->f->now_ns);
    if (device) { /* it stays, without a proxy */
        assert_string_equal(bleproxy_device_advertisement(device)->proxy, "");
        assert_null(bleproxy_device_advertisement(device)->raw);
    }
    assert_non_null(advertisement->fields);
}

static void test_callback_unregisters_all_scanners(void **state)
{
    struct fixture *f = *state;
    struct actor actor = {.f = f};
    subscribe_actor(&actor, BLEPROXY_STREAM_REPORTS, unregister);
    hear(f, f->scanners[0], 1, -50, "020106");
    assert_int_equal(actor.calls, 1);
    assert_int_equal(actor.outer.calls, 2); /* the report came before */
    hear(f, f->scanners[0], 1, -50, "020106");
    assert_int_equal(actor.outer.calls, 2);
}

static void test_callback_unregisters_while_being_told_what_is_known(void **state)
{
    struct fixture *f = *state;
    struct actor actor = {.f = f};
    for (uint64_t address = 1; address <= 10; address++)
        hear(f, f->scanners[address % N_SCANNERS], address, -50, "020106");
    assert_int_equal(hub_subscribe(f->hub, BLEPROXY_STREAM_CHANGES, NULL, unregister, &actor, &actor.own), 0);
    assert_int_equal(actor.calls, 1);
}

static void free_scanners(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct actor *actor = user;
    actor->calls++;
    for (unsigned i = 0; i < N_SCANNERS; i++) {
        hub_unregister_scanner(actor->f->hub, actor->f->scanners[i], actor->f->now_ns);
        scanner_free(actor->f->scanners[i]);
        actor->f->scanners[i] = NULL;
    }
    /* The view still has all that it points to. */
    assert_string_equal(advertisement->proxy, advertisement->address == 1 ? "kitchen" : "garage");
}

static void test_callback_frees_all_scanners(void **state)
{
    struct fixture *f = *state;
    struct actor actor = {.f = f};
    subscribe_actor(&actor, BLEPROXY_STREAM_REPORTS, free_scanners);
    hear(f, f->scanners[0], 1, -50, "020106");
    assert_int_equal(actor.outer.calls, 2);
}

static void test_callback_frees_all_scanners_while_being_told_what_is_known(void **state)
{
    struct fixture *f = *state;
    struct actor actor = {.f = f};
    hear(f, f->scanners[0], 1, -50, "020106");
    hear(f, f->scanners[1], 2, -50, "020106");
    assert_int_equal(hub_subscribe(f->hub, BLEPROXY_STREAM_OWNER, NULL, free_scanners, &actor, &actor.own),
                     0);
    assert_int_equal(actor.calls, 1);
}

static void free_hub(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct actor *actor = user;
    struct bleproxy_subscription *subscription;
    actor->calls++;
    hub_free(actor->f->hub, actor->f->now_ns);
    assert_int_equal(
        hub_subscribe(actor->f->hub, BLEPROXY_STREAM_OWNER, NULL, on_advertisement, NULL, &subscription),
        BLEPROXY_E_STATE);
    assert_int_equal(hub_register_scanner(actor->f->hub, actor->f->scanners[0], 0), BLEPROXY_E_STATE);
    actor->f->hub = NULL;
    assert_int_equal(advertisement->address, 1);
}

static void test_callback_frees_the_hub(void **state)
{
    struct fixture *f = *state;
    struct actor actor = {.f = f};
    subscribe_actor(&actor, BLEPROXY_STREAM_REPORTS, free_hub);
    hear(f, f->scanners[0], 1, -50, "020106");
    assert_int_equal(actor.calls, 1);
    assert_int_equal(actor.outer.calls, 1);
    hear(f, f->scanners[0], 1, -50, "020106");
    assert_int_equal(scanner_n_devices(f->scanners[0]), 1);
}

static bool free_in_predicate(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct actor *actor = user;
    (void)advertisement;
    bleproxy_subscription_free(actor->own);
    return true;
}

static void test_predicate_frees_its_subscription(void **state)
{
    struct fixture *f = *state;
    struct actor actor = {.f = f};
    const struct bleproxy_filter filter = {.predicate = free_in_predicate, .predicate_user = &actor};
    assert_int_equal(hub_subscribe(f->hub, BLEPROXY_STREAM_REPORTS, &filter, free_own, &actor, &actor.own),
                     0);
    hear(f, f->scanners[0], 1, -50, "020106");
    assert_int_equal(actor.calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reports_are_those_of_every_proxy),
        TEST(test_changes_that_only_others_heard_are_not_told),
        TEST(test_new_owner_with_the_same_content_is_no_change),
        TEST(test_new_owner_with_other_content_is_a_change),
        TEST(test_heir_of_an_owner_that_left_tells_what_differs),
        TEST(test_owner_and_changes_begin_with_what_is_known),
        TEST(test_filter_holds_for_what_is_known_and_what_comes),
        TEST(test_freed_subscription_is_not_called),
        TEST(test_invalid_arguments),
        TEST(test_no_memory),
        TEST(test_callback_frees_all_subscriptions),
        TEST(test_callback_frees_its_subscription_while_it_is_made),
        TEST(test_subscription_made_in_a_callback_hears_a_report_once),
        TEST(test_callback_unregisters_all_scanners),
        TEST(test_callback_unregisters_while_being_told_what_is_known),
        TEST(test_callback_frees_all_scanners),
        TEST(test_callback_frees_all_scanners_while_being_told_what_is_known),
        TEST(test_callback_frees_the_hub),
        TEST(test_predicate_frees_its_subscription),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
