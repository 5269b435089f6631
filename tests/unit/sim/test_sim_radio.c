/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "sim/radio.h"
#include <bleproxy/advertisement.h>
#include <bleproxy/error.h>
#include <stdlib.h>
#include <string.h>

/* The virtual house: repeatable, alive, and as busy as asked for. */

enum { HEARD_MAX = 200000 };

struct listener {
    struct ear *ear;
    uint64_t digest;
    unsigned n, n_sentinels, n_named, n_responses, n_thermometers;
    int rssi_min, rssi_max;
    uint64_t addresses[HEARD_MAX];
    uint8_t thermometer[16], n_changes;
};

static struct test_env test;
static struct radio *radio;
static struct listener here, there;

static void note_ad(struct listener *listener, const struct bleproxy_ad *ad)
{
    if (ad->type == 0x09 && ad->size == 12 && memcmp(ad->data, "Reading lamp", 12) == 0)
        listener->n_responses++;
    if (ad->type == 0x09)
        listener->n_named++;
    if (ad->type == 0xff && ad->size >= 7 &&
        memcmp(ad->data,
               "\xff\xff"
               "FPEND",
               7) == 0)
        listener->n_sentinels++;
    if (ad->type == 0x16 && memcmp(ad->data, "\xd2\xfc\x40", 3) == 0) {
        listener->n_thermometers++;
        listener->n_changes =
            (uint8_t)(listener->n_changes + (memcmp(listener->thermometer, ad->data, ad->size) != 0));
        memcpy(listener->thermometer, ad->data, ad->size);
    }
}

static void on_report(void *user, const struct batch_advert *advert, uint64_t now_ns)
{
    struct listener *listener = user;
    struct bleproxy_ad ad;
    size_t position = 0, covered = 0;
    (void)now_ns;
    assert_in_range(advert->size, 1, 62);
    assert_true(advert->address > 0 && advert->address >> 48 == 0);
    assert_in_range(-advert->rssi, 30, 110);
    while (bleproxy_ad_next(advert->data, advert->size, &position, &ad)) {
        covered += ad.size + 2u;
        note_ad(listener, &ad);
    }
    assert_int_equal(covered, advert->size); /* well formed */
    listener->addresses[listener->n++ % HEARD_MAX] = advert->address;
    for (size_t i = 0; i < advert->size; i++)
        listener->digest =
            (listener->digest ^ advert->data[i] ^ (uint8_t)advert->rssi) * UINT64_C(0x100000001b3);
}

static void listen_to(const struct radio_config *config, uint64_t seconds)
{
    memset(&here, 0, sizeof(here));
    memset(&there, 0, sizeof(there));
    assert_int_equal(radio_new(config, &test.env, 0, &radio), 0);
    assert_int_equal(ear_new(radio, 1, on_report, &here, &here.ear), 0);
    assert_int_equal(ear_new(radio, 2, on_report, &there, &there.ear), 0);
    assert_true(radio_deadline(radio) == BP_NEVER);
    ear_listen(here.ear, true, 0);
    ear_listen(there.ear, true, 0);
    uint64_t now_ns;
    while ((now_ns = radio_deadline(radio)) <= seconds * NS_PER_S) {
        radio_tick(radio, now_ns);
        assert_true(radio_deadline(radio) > now_ns);
    }
}

static void leave(void)
{
    ear_free(here.ear);
    ear_free(there.ear);
    radio_free(radio);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static unsigned distinct(struct listener *listener)
{
    unsigned n = 0;
    qsort(listener->addresses, listener->n, sizeof(uint64_t), by_value);
    for (unsigned i = 0; i < listener->n; i++)
        n += i == 0 || listener->addresses[i] != listener->addresses[i - 1];
    return n;
}

static void test_same_seed_same_house(void **state)
{
    (void)state;
    struct radio_config config = {.seed = 7, .devices = 20, .rate = RADIO_RATE_NATURAL};
    listen_to(&config, 60);
    uint64_t digest = here.digest;
    assert_true(here.digest != there.digest); /* signals differ by place */
    leave();
    listen_to(&config, 60);
    assert_true(here.digest == digest);
    leave();
    config.seed = 8;
    listen_to(&config, 60);
    assert_true(here.digest != digest);
    leave();
}

static void test_life_goes_on(void **state)
{
    (void)state;
    const struct radio_config config = {.seed = 1, .rate = RADIO_RATE_NATURAL};
    listen_to(&config, 120);
    assert_in_range(here.n, 120 * 15, 120 * 60);
    assert_in_range(here.n_changes, 10, 14); /* every 10 s */
    assert_true(here.n_responses > 10 && here.n_responses < 60);
    assert_true(distinct(&here) > 57 + 3); /* wanderers change every minute */
    leave();
}

static void test_a_passive_ear_hears_no_scan_response(void **state)
{
    (void)state;
    const struct radio_config config = {.seed = 1, .rate = RADIO_RATE_NATURAL};
    listen_to(&config, 0);
    ear_set_active(here.ear, false);
    for (unsigned i = 0; i < 5000; i++)
        radio_tick(radio, radio_deadline(radio));
    assert_int_equal(here.n_responses, 0);
    assert_true(there.n_responses > 0);
    leave();
}

static void test_devices_are_distinct_and_all_heard(void **state)
{
    (void)state;
    const struct radio_config config = {.seed = 3, .payload = RADIO_REPEAT, .devices = 5000, .rate = 2500};
    listen_to(&config, 3);
    assert_in_range(here.n, 7499, 7502);
    assert_int_equal(distinct(&here), 5000);
    assert_int_equal(distinct(&there), 5000);
    leave();
}

static void test_sentinels_mark_the_load(void **state)
{
    (void)state;
    const struct radio_config config = {
        .seed = 3, .payload = RADIO_CHANGING, .devices = 10, .rate = 100, .sentinel = 50};
    listen_to(&config, 10);
    assert_int_equal(here.n_sentinels, 20);
    leave();
}

static void test_what_was_missed_is_not_made_up_for(void **state)
{
    (void)state;
    const struct radio_config config = {.seed = 3, .payload = RADIO_MIX, .devices = 10, .rate = 100};
    listen_to(&config, 1);
    unsigned n = here.n;
    radio_tick(radio, 3600 * NS_PER_S);
    assert_int_equal(here.n, n + 1);
    leave();
}

static void flood(enum radio_payload payload, unsigned *ret_changed, unsigned *ret_adverts)
{
    enum { DEVICES = 100, ROUNDS = 70 };
    static uint8_t last[DEVICES][62];
    static uint64_t known[DEVICES];
    unsigned n_known = 0;
    const struct radio_config config = {
        .seed = 3, .payload = payload, .devices = DEVICES, .rate = RADIO_RATE_FLOOD, .sentinel = 1000};
    *ret_changed = *ret_adverts = 0;
    listen_to(&config, 1);
    assert_int_equal(here.n, 0);
    unsigned n_sentinels = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t size;
        const uint8_t *burst = ear_burst(here.ear, &size);
        struct batch batch;
        struct batch_advert advert;
        batch_init(&batch, burst, size);
        unsigned n = 0;
        int r;
        for (; (r = batch_next(&batch, &advert)) == 1; n++) {
            assert_in_range(-advert.rssi, 33, 64);
            if (advert.size == 13 && memcmp(advert.data + 4, "FPEND", 5) == 0) {
                n_sentinels++;
                continue;
            }
            unsigned i = 0;
            while (i < n_known && known[i] != advert.address)
                i++;
            if (i == n_known)
                known[n_known++] = advert.address;
            else
                *ret_changed += memcmp(last[i], advert.data, advert.size) != 0;
            memcpy(last[i], advert.data, advert.size);
            ++*ret_adverts;
        }
        assert_int_equal(r, 0);
        assert_true(n == RADIO_BURST_ADVERTS || n_sentinels > 0);
    }
    assert_int_equal(n_known, DEVICES);
    assert_int_equal(n_sentinels, 1);
    *ret_adverts -= n_known;
    leave();
}

static void test_flood_changes_as_much_as_told(void **state)
{
    (void)state;
    unsigned changed, n;
    flood(RADIO_REPEAT, &changed, &n);
    assert_int_equal(changed, 0);
    flood(RADIO_CHANGING, &changed, &n);
    assert_int_equal(changed, n);
    flood(RADIO_MIX, &changed, &n);
    assert_in_range(changed * 100 / n, 17, 23);
}

static void test_nothing_to_hear_is_refused(void **state)
{
    (void)state;
    const struct radio_config none = {.payload = RADIO_REPEAT, .rate = 1};
    const struct radio_config life = {.payload = RADIO_LIFE, .rate = RADIO_RATE_FLOOD};
    const struct radio_config many = {.payload = RADIO_REPEAT, .devices = RADIO_DEVICES_MAX + 1, .rate = 1};
    assert_int_equal(radio_new(&none, &test.env, 0, &radio), BLEPROXY_E_INVALID);
    assert_int_equal(radio_new(&life, &test.env, 0, &radio), BLEPROXY_E_INVALID);
    assert_int_equal(radio_new(&many, &test.env, 0, &radio), BLEPROXY_E_INVALID);
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
        cmocka_unit_test_setup_teardown(test_same_seed_same_house, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_life_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_passive_ear_hears_no_scan_response, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_devices_are_distinct_and_all_heard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sentinels_mark_the_load, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_missed_is_not_made_up_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_flood_changes_as_much_as_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_to_hear_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
