/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "hub/device.h"
#include "hub/hub_private.h"
#include "hub/interest.h"

/* The hub's core without memory: several scanners, names, owners that change, those who care and who watch. */

enum { A, B, C, D, N_DEVICES = 9, N_KEPT = 3, MAX_DEVICES = 6 };

/* ---- Nothing is allocated for what is known ---- */

static void say(struct fixture *f, unsigned scanner, uint64_t address, int32_t rssi, const char *name,
                const char *data)
{
    uint8_t raw[300];
    size_t size, n = strlen(name);
    const uint8_t *bytes = hex(data, &size);
    raw[0] = (uint8_t)(n + 1);
    raw[1] = 0x09;
    memcpy(raw + 2, name, n);
    n = n > 0 ? n + 2 : 0;
    memcpy(raw + n, bytes, size);
    hear_bytes(f, f->scanners[scanner], address, rssi, raw, n + size);
}

/* Every device by all four, A and B in turn the strongest by far, none of whom agree on its name. */
static void everybody_hears(struct fixture *f, unsigned round)
{
    static const char *const names[][N_SCANNERS] = {{"Lamp 1", "Donkey", "", "Lamp"},
                                                    {"", "Donkey", "Lamp 12", "lamp 1"}};
    static const char *const data[] = {"0303d2fc 0416d2fc01 04ffaa0001", "0416d2fc02", "04ffaa0002 0303d2fc"};
    for (uint64_t address = 1; address <= 100; address++)
        for (unsigned s = 0; s < N_SCANNERS; s++) {
            bool strong = s < 2 && s == round / 20 % 2;
            say(f, s, address, strong ? -35 : -85 - (int32_t)(round % 3), names[round / 3 % 2][s],
                data[(round + s + address) % 3]);
        }
    pass_time(f, 1);
}

static void test_owners_and_names_that_change_allocate_nothing(void **state)
{
    struct fixture *f = *state;
    struct listener listener = {0};
    struct notices notices = {0};
    unsigned round = 0, n_owned_by_b = 0;
    listen(f, BLEPROXY_STREAM_CHANGES, &listener);
    watch_device(f, 7, &notices);
    while (round < 80)
        everybody_hears(f, round++);
    size_t allocations = f->test.allocations;
    for (; round < 240; round++) {
        everybody_hears(f, round);
        n_owned_by_b += bleproxy_device_advertisement(hub_device(f->hub, 50))->source == 0xA1;
    }
    assert_in_range(n_owned_by_b, 60, 100);
    assert_int_equal(f->test.allocations, allocations);
    assert_true(listener.calls > 160 * 100);
}

static void test_looking_who_is_gone_allocates_nothing(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 0, &notices);
    for (unsigned round = 0; round < 3; round++)
        everybody_hears(f, round);
    f->test.fail_after = 0;
    for (uint64_t t = 10; t <= 2000; t += 10)
        at(f, t);
    assert_int_equal(notices.connectable, 100);
    assert_int_equal(notices.any, 100);
    assert_int_equal(hub_n_devices(f->hub), 0);
    f->test.fail_after = SIZE_MAX;
}

/* ---- Memory runs out at every possible allocation ---- */

struct scene {
    struct fixture *f;
    struct bleproxy_watch *watches[2];
    struct bleproxy_subscription *subscriptions[2];
    struct bleproxy_search *search;
    struct scanner *late; /* that comes when there may be no memory */
    struct listener changes, one;
    struct notices notices, strangers;
    unsigned held;   /* interests of device 5 */
    unsigned linked; /* of device 2 */
};

static void on_found(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct scene *scene = user;
    assert_true((error == 0) == (advertisement != NULL));
    scene->search = NULL;
}

/* What is held when memory begins to run out: devices 1 to 3, known to all, with their names. */
static void open_scene(struct scene *scene, struct fixture *f)
{
    char name[20];
    *scene = (struct scene){.f = f};
    f->hub->devices.max = MAX_DEVICES;
    scene->watches[0] = watch_device(f, 1, &scene->notices);
    watch_device(f, 0, &scene->strangers);
    scene->subscriptions[0] = listen(f, BLEPROXY_STREAM_CHANGES, &scene->changes);
    for (uint64_t address = 1; address <= N_KEPT; address++) {
        assert_int_equal(interest_hold(f->hub, address), 0);
        snprintf(name, sizeof(name), "Lamp%u", (unsigned)address);
        say(f, A, address, -50, name, "04ffaa0001");
        say(f, B, address, -60, "", "04ffaa0001");
    }
}

static void come_and_go(struct scene *scene)
{
    struct fixture *f = scene->f;
    const struct scanner_config config = {
        .env = &f->test.env, .source = 0xA7, .name = "late", .connectable = true};
    if (!scene->late && scanner_new(&config, &scene->late) == 0)
        scanner_setup(scene->late, f->now_ns);
    if (scene->late)
        hub_register_scanner(f->hub, scene->late, f->now_ns); /* may fail, or be done */
    hub_unregister_scanner(f->hub, f->scanners[D], f->now_ns);
    hub_register_scanner(f->hub, f->scanners[D], f->now_ns);
}

static void make_calls(struct scene *scene)
{
    struct fixture *f = scene->f;
    const struct bleproxy_filter filter = {.address = 2, .name_prefix = "Lamp"}, sought = {.name = "nobody"};
    scene->held += interest_hold(f->hub, 5) == 0;
    scene->linked += interest_connect(f->hub, 2) == 0;
    hub_set_interval(f->hub, 4, 10 * NS_PER_S);
    if (!scene->watches[1])
        hub_watch_unavailable(f->hub, 6, on_unavailable, &scene->notices, &scene->watches[1]);
    if (!scene->subscriptions[1])
        hub_subscribe(f->hub, BLEPROXY_STREAM_OWNER, &filter, on_advertisement, &scene->one,
                      &scene->subscriptions[1]);
    if (!scene->search)
        hub_find(f->hub, &sought, 3600 * NS_PER_S, on_found, scene, f->now_ns, &scene->search);
}

/* Everything that allocates. */
static void act(struct scene *scene)
{
    struct fixture *f = scene->f;
    char name[60];
    for (uint64_t stranger = 100; stranger < 110; stranger++) /* who make way */
        say(f, D, stranger, -50, "Stranger", "04ffaa0001");
    for (uint64_t address = 1; address <= N_DEVICES; address++) {
        snprintf(name, sizeof(name), "Lamp%u, as it is called in full", (unsigned)address);
        say(f, A, address, -50, "", "04ffaa0002");
        say(f, B, address, -60, name, "0303d2fc 0416d2fc01");
        for (unsigned i = 0; i < 20; i++) /* until it owns it, whatever could be smoothed */
            say(f, C, address, -20, "", "0303d2fc 08ffbb001122334455");
    }
    make_calls(scene);
    come_and_go(scene);
    if (scene->late)
        hear(f, scene->late, 1, -70, "03030f18");
    hub_forget(f->hub, 9);
    say(f, B, 9, -60, "Nine", "04ffaa0002");
}

static void assert_nothing_is_lost(struct scene *scene)
{
    struct fixture *f = scene->f;
    char name[20];
    for (uint64_t address = 1; address <= N_KEPT; address++) {
        const struct bleproxy_device *device = hub_device(f->hub, address);
        assert_non_null(device);
        snprintf(name, sizeof(name), "Lamp%u", (unsigned)address);
        assert_non_null(bleproxy_device_name(device));
        assert_memory_equal(bleproxy_device_name(device), name, strlen(name));
        const char *text = content(bleproxy_device_advertisement(device));
        assert_true(strstr(text, "aa:01") || strstr(text, "aa:02") || strstr(text, "bb:1122334455"));
        text = content(&device->view);
        assert_true(strstr(text, "aa:01") || strstr(text, "aa:02") || strstr(text, "bb:1122334455"));
        const void *position = NULL;
        unsigned n = 0;
        for (const struct bleproxy_advertisement *report;
             (report = bleproxy_device_next_report(device, &position)); n++)
            assert_int_equal(strlen(content(report)) > 0, 1);
        assert_in_range(n, 2, 5);
        assert_true(device->member.kept);
    }
    assert_true(hub_n_devices(f->hub) <= MAX_DEVICES);
}

static void close_scene(struct scene *scene)
{
    struct fixture *f = scene->f;
    for (unsigned i = 0; i < 2; i++) {
        bleproxy_watch_free(scene->watches[i]);
        bleproxy_subscription_free(scene->subscriptions[i]);
    }
    if (scene->search)
        bleproxy_search_cancel(scene->search);
    while (scene->held-- > 0)
        interest_release(f->hub, 5);
    while (scene->linked-- > 0)
        interest_disconnect(f->hub, 2);
    for (uint64_t address = 1; address <= N_KEPT; address++)
        interest_release(f->hub, address);
    hub_set_interval(f->hub, 4, 0);
    assert_int_equal(f->hub->interests.by_address.count, 0);
    scanner_free(scene->late);
}

/* With memory for so many more allocations, then again with enough. Returns whether all of them were made. */
static bool play(uint32_t rules, size_t n)
{
    void *state;
    struct scene scene;
    assert_int_equal(fixture_setup_with(&state, rules), 0);
    struct fixture *f = state;
    open_scene(&scene, f);
    f->test.fail_after = n;
    act(&scene);
    bool enough = f->test.fail_after > 0;
    assert_nothing_is_lost(&scene);
    f->test.fail_after = SIZE_MAX;
    pass_time(f, 1);
    act(&scene);
    act(&scene);
    assert_nothing_is_lost(&scene);
    for (uint64_t address = 1; address <= N_KEPT; address++) {
        const struct bleproxy_device *device = hub_device(f->hub, address);
        char expected[80];
        snprintf(expected, sizeof(expected), "Lamp%u, as it is called in full", (unsigned)address);
        assert_string_equal(bleproxy_device_name(device), expected);
        assert_int_equal(bleproxy_device_advertisement(device)->source, 0xA2);
        strcat(expected, "| fcd2|| bb:1122334455");
        assert_string_equal(content(bleproxy_device_advertisement(device)), expected);
        assert_string_equal(content(&device->view), expected);
    }
    at(f, 5000);
    assert_true(scene.strangers.any >= MAX_DEVICES); /* displaced, or gone in the end */
    assert_int_equal(scene.notices.any, 1 + (scene.watches[1] && scene.notices.any == 2)); /* 1, maybe 6 */
    close_scene(&scene);
    fixture_teardown(&state);
    return enough;
}

static void test_no_memory_at_any_point(void **state)
{
    (void)state;
    size_t n = 0;
    while (!play(0, n))
        n++;
    assert_true(n > 50);
    for (n = 0; !play(BLEPROXY_RULES_ALL, n);)
        n++;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
#define REFERENCE(name)                                                                                      \
    {                                                                                                        \
        "reference_" #name, name, reference_setup, fixture_teardown, NULL                                    \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_owners_and_names_that_change_allocate_nothing),
        REFERENCE(test_owners_and_names_that_change_allocate_nothing),
        TEST(test_looking_who_is_gone_allocates_nothing),
        REFERENCE(test_looking_who_is_gone_allocates_nothing),
        cmocka_unit_test(test_no_memory_at_any_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
