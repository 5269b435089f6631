/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "hub/sighting.h"

static const struct bleproxy_advertisement *heard(struct fixture *f, const char *text)
{
    hear(f, f->scanners[0], 1, -50, text);
    return scanner_last(f->scanners[0], 1);
}

static void test_f100_fields_are_merged_per_key(void **state)
{
    struct fixture *f = *state;
    const struct bleproxy_advertisement *view;
    /* wohand, uuid 0d00, data of it, company 1 */
    view = heard(f, "0709776f68616e64 0303000d 0416000d64 04ff010001");
    assert_string_equal(content(view), "wohand| 0d00| 0d00:64| 1:01");
    assert_int_equal(view->changed, 1);
    view = heard(f, "0303010d 0416010d65 04ff010001 04ff020002");
    assert_string_equal(content(view), "wohand| 0d00 0d01| 0d00:64 0d01:65| 1:01 2:02");
    assert_int_equal(view->changed, 1);
    view = heard(f, "04ff010004 04ff020002 04ff030003");
    assert_string_equal(content(view), "wohand| 0d00 0d01| 0d00:64 0d01:65| 1:04 2:02 3:03");
    view = heard(f, "04ff010004 04ff020001");
    assert_string_equal(content(view), "wohand| 0d00 0d01| 0d00:64 0d01:65| 1:04 2:01 3:03");
    assert_int_equal(view->changed, 1);
    view = heard(f, "04ff030003");
    assert_string_equal(content(view), "wohand| 0d00 0d01| 0d00:64 0d01:65| 1:04 2:01 3:03");
    assert_int_equal(view->changed, 0);
}

static void test_f101_longer_name_replaces_and_shorter_or_none_keeps(void **state)
{
    struct fixture *f = *state;
    const struct bleproxy_advertisement *view = heard(f, "03084c61"); /* La */
    assert_string_equal(view->name, "La");
    assert_int_equal(view->name_size, 2);
    heard(f, "05094c616d70"); /* the same view shows it */
    assert_string_equal(view->name, "Lamp");
    assert_int_equal(view->changed, 1);
    heard(f, "02084c");
    assert_string_equal(view->name, "Lamp");
    assert_int_equal(view->changed, 0);
    heard(f, "020106");
    assert_string_equal(view->name, "Lamp");
    assert_int_equal(view->changed, 0);
}

static void test_f101_equally_long_name_replaces(void **state)
{
    struct fixture *f = *state;
    heard(f, "05094c616d70");
    const struct bleproxy_advertisement *view = heard(f, "050970616d4c");
    assert_string_equal(view->name, "pamL");
    assert_int_equal(view->changed, 1);
}

static void test_f101_lengths_are_compared_in_characters(void **state)
{
    struct fixture *f = *state;
    const struct bleproxy_advertisement *view = heard(f, "0709c3a4c3b6c3bc"); /* three letters, six bytes */
    heard(f, "050961626364");                                                 /* four letters, four bytes */
    assert_string_equal(view->name, "abcd");
    heard(f, "0709c3a4c3b6c3bc");
    assert_string_equal(view->name, "abcd");
}

static void test_name_that_is_not_utf8(void **state)
{
    struct fixture *f = *state;
    const struct bleproxy_advertisement *view = heard(f, "0409ff41fe");
    assert_string_equal(view->name, "\xef\xbf\xbd"
                                    "A\xef\xbf\xbd");
    heard(f, "020106");
    heard(f, "0409ff41fe");
    assert_int_equal(view->changed, 0);
}

static void test_longest_name_with_every_byte_replaced(void **state)
{
    struct fixture *f = *state;
    uint8_t raw[250] = {249, 0x09};
    memset(raw + 2, 0xff, 248);
    hear_bytes(f, f->scanners[0], 1, -50, raw, sizeof(raw));
    assert_int_equal(scanner_last(f->scanners[0], 1)->name_size, 248 * 3);
}

static void test_f102_identical_packet_refreshes_only_time_and_strength(void **state)
{
    struct fixture *f = *state;
    struct listener changes = {0}, owner = {0};
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    listen(f, BLEPROXY_STREAM_OWNER, &owner);
    const struct bleproxy_advertisement *view = heard(f, "05094c616d70 020a04");
    const struct bleproxy_advertisement before = *view;
    pass_time(f, 3);
    hear(f, f->scanners[0], 1, -61, "05094c616d70 020a04");
    assert_ptr_equal(view->fields, before.fields);
    assert_ptr_equal(view->name, before.name);
    assert_ptr_equal(view->raw, before.raw);
    assert_int_equal(view->time_ns, before.time_ns + 3 * NS_PER_S);
    assert_int_equal(view->rssi_dbm, -61);
    assert_int_equal(view->tx_power_dbm, 4);
    assert_int_equal(view->changed, 0);
    assert_int_equal(changes.calls, 1);
    assert_int_equal(owner.calls, 2);
}

static void test_transmit_power_and_raw_bytes_are_of_this_packet(void **state)
{
    struct fixture *f = *state;
    const struct bleproxy_advertisement *view = heard(f, "020a04 03030d18");
    assert_int_equal(view->tx_power_dbm, 4);
    heard(f, "020106");
    assert_int_equal(view->tx_power_dbm, BLEPROXY_TX_POWER_NONE);
    assert_hex(view->raw, view->raw_size, "020106");
    assert_string_equal(content(view), "-| 180d");
}

static void test_what_a_scanner_adds_to_a_view(void **state)
{
    struct fixture *f = *state;
    const struct bleproxy_advertisement *view = heard(f, "020106");
    assert_int_equal(view->source, 0xA0);
    assert_string_equal(view->proxy, "kitchen");
    assert_int_equal(view->connectable, 1);
    assert_int_equal(view->address, 1);
    assert_int_equal(view->time_ns, T0);
    assert_null(view->name);
}

static void test_address_type_is_that_of_first_sight(void **state)
{
    struct fixture *f = *state;
    const struct bleproxy_advertisement *view = heard(f, "020106");
    const struct batch_advert other = {.address = 1, .data = (const uint8_t *)"", .address_type = 0};
    scanner_report(f->scanners[0], &other, f->now_ns);
    assert_int_equal(view->address_type, 1);
}

static void test_address_types_that_do_not_fit_are_the_largest(void **state)
{
    struct fixture *f = *state;
    static const uint32_t sent[] = {0, 3, 255, 256, UINT32_MAX};
    static const uint8_t expected[] = {0, 3, 255, 255, 255};
    for (uint64_t i = 0; i < 5; i++) {
        const struct batch_advert advert = {
            .address = i, .data = (const uint8_t *)"", .address_type = sent[i]};
        scanner_report(f->scanners[0], &advert, f->now_ns);
        assert_int_equal(scanner_last(f->scanners[0], i)->address_type, expected[i]);
    }
}

static void test_strength_zero_is_none_and_others_are_clamped(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int32_t sent;
        int8_t expected;
    } cases[] = {{0, BLEPROXY_RSSI_NONE},
                 {-1, -1},
                 {-128, -128},
                 {-129, -128},
                 {127, 127},
                 {128, 127},
                 {INT32_MIN, INT8_MIN},
                 {INT32_MAX, INT8_MAX}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        hear(f, f->scanners[0], 1, cases[i].sent, "020106");
        assert_int_equal(scanner_last(f->scanners[0], 1)->rssi_dbm, cases[i].expected);
    }
}

static void test_empty_packet_is_a_sighting(void **state)
{
    struct fixture *f = *state;
    const struct bleproxy_advertisement *view = heard(f, "");
    assert_non_null(view->raw);
    assert_int_equal(view->raw_size, 0);
    assert_int_equal(view->changed, 1);
    heard(f, "");
    assert_int_equal(view->changed, 0);
}

static void test_only_48_bits_of_an_address_count(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[0], UINT64_C(0xffff000000000001), -50, "020106");
    assert_int_equal(scanner_last(f->scanners[0], 1)->address, 1);
}

static void test_oversized_packet_is_dropped_and_counted(void **state)
{
    struct fixture *f = *state;
    static uint8_t raw[SIGHTING_RAW_MAX + 1];
    struct bleproxy_hub_statistics statistics;
    hear_bytes(f, f->scanners[0], 1, -50, raw, SIGHTING_RAW_MAX + 1);
    assert_null(scanner_last(f->scanners[0], 1));
    hub_get_statistics(f->hub, &statistics);
    assert_int_equal(statistics.oversized, 1);
    hear_bytes(f, f->scanners[0], 1, -50, raw, SIGHTING_RAW_MAX);
    assert_int_equal(scanner_last(f->scanners[0], 1)->raw_size, SIGHTING_RAW_MAX);
}

/* ---- Against a straightforward model ---- */

enum { MODEL_KEYS = 4, MODEL_ROUNDS = 20000 };

/* Device with names of letters, and data of one byte per key. Order of first sight is kept in lists. */
struct model {
    char name[16];
    unsigned uuids[MODEL_KEYS], n_uuids;
    struct pair {
        unsigned key, value;
    } services[MODEL_KEYS], companies[MODEL_KEYS];
    unsigned n_services, n_companies;
};

static unsigned draw(struct fixture *f, unsigned bound)
{
    uint32_t value;
    f->test.env.random(f->test.env.user, &value, sizeof(value));
    return value % bound;
}

static void model_put(struct pair *pairs, unsigned *n, unsigned key, unsigned value)
{
    for (unsigned i = 0; i < *n; i++)
        if (pairs[i].key == key) {
            pairs[i].value = value;
            return;
        }
    pairs[(*n)++] = (struct pair){key, value};
}

static void model_add_uuid(struct model *model, unsigned uuid)
{
    for (unsigned i = 0; i < model->n_uuids; i++)
        if (model->uuids[i] == uuid)
            return;
    model->uuids[model->n_uuids++] = uuid;
}

static const char *model_content(const struct model *model)
{
    static char text[2000];
    int n = sprintf(text, "%s", model->name[0] ? model->name : "-");
    if (model->n_uuids + model->n_services + model->n_companies > 0)
        n += sprintf(text + n, "|");
    for (unsigned i = 0; i < model->n_uuids; i++)
        n += sprintf(text + n, " %04x", model->uuids[i]);
    if (model->n_services + model->n_companies > 0)
        n += sprintf(text + n, "|");
    for (unsigned i = 0; i < model->n_services; i++)
        n += sprintf(text + n, " %04x:%02x", model->services[i].key, model->services[i].value);
    if (model->n_companies > 0)
        n += sprintf(text + n, "|");
    for (unsigned i = 0; i < model->n_companies; i++)
        n += sprintf(text + n, " %x:%02x", model->companies[i].key, model->companies[i].value);
    return text;
}

/* One random packet, given to the model as to the scanner. Keys do not repeat within a packet. */
static size_t model_packet(struct fixture *f, struct model *model, uint8_t *raw)
{
    size_t n = 0;
    if (draw(f, 3) == 0) {
        char name[8];
        size_t size = 1 + draw(f, 6);
        for (size_t i = 0; i < size; i++)
            name[i] = (char)('a' + draw(f, 3));
        name[size] = '\0';
        raw[n++] = (uint8_t)(size + 1);
        raw[n++] = 0x09;
        memcpy(raw + n, name, size);
        n += size;
        if (strlen(model->name) <= size)
            strcpy(model->name, name);
    }
    if (draw(f, 2) == 0) {
        unsigned uuid = draw(f, MODEL_KEYS);
        memcpy(raw + n, (uint8_t[]){3, 0x03, (uint8_t)uuid, 0x18}, 4);
        n += 4;
        model_add_uuid(model, 0x1800 + uuid);
    }
    unsigned start = draw(f, MODEL_KEYS), count = draw(f, MODEL_KEYS);
    for (unsigned i = 0; i < count; i++) {
        unsigned key = (start + i) % MODEL_KEYS, value = draw(f, 2);
        memcpy(raw + n, (uint8_t[]){4, 0x16, (uint8_t)key, 0xfe, (uint8_t)value}, 5);
        n += 5;
        model_put(model->services, &model->n_services, 0xfe00 + key, value);
    }
    count = draw(f, 3);
    for (unsigned i = 0; i < count; i++) {
        unsigned key = (start + i) % MODEL_KEYS, value = draw(f, 2);
        memcpy(raw + n, (uint8_t[]){4, 0xff, (uint8_t)key, 0x01, (uint8_t)value}, 5);
        n += 5;
        model_put(model->companies, &model->n_companies, 0x100 + key, value);
    }
    return n;
}

static void test_random_packets_merge_as_in_a_simple_model(void **state)
{
    struct fixture *f = *state;
    struct model models[8];
    memset(models, 0, sizeof(models));
    hub_unregister_scanner(f->hub, f->scanners[0], f->now_ns); /* which would remember names for longer */
    for (unsigned round = 0; round < MODEL_ROUNDS; round++) {
        unsigned device = draw(f, 8);
        if (draw(f, 500) == 0) { /* it falls silent for long and starts anew */
            pass_time(f, 340);
            scanner_tick(f->scanners[0], f->now_ns);
            memset(models, 0, sizeof(models));
        }
        const struct bleproxy_advertisement *view = scanner_last(f->scanners[0], device);
        char before[2000] = "new";
        if (view)
            strcpy(before, content(view));
        uint8_t raw[80];
        size_t size = model_packet(f, &models[device], raw);
        hear_bytes(f, f->scanners[0], device, -50, raw, size);
        view = scanner_last(f->scanners[0], device);
        assert_string_equal(content(view), model_content(&models[device]));
        assert_int_equal(view->changed, strcmp(before, content(view)) != 0);
        assert_int_equal(view->raw_size, size);
        assert_memory_equal(view->raw, raw, size);
    }
}

static void test_of_repeated_keys_the_last_counts_whichever_changed(void **state)
{
    struct fixture *f = *state;
    const struct bleproxy_advertisement *view = heard(f, "04160dfe01 04160dfe02 04ff010001 04ff010002");
    assert_string_equal(content(view), "-|| fe0d:02| 1:02");
    heard(f, "04160dfe03 04160dfe02 04ff010001 04ff010002");
    assert_string_equal(content(view), "-|| fe0d:02| 1:02");
    assert_int_equal(view->changed, 0);
    heard(f, "04160dfe03 04160dfe02 04ff010003 04ff010002");
    assert_string_equal(content(view), "-|| fe0d:02| 1:02");
    assert_int_equal(view->changed, 0);
    /* The same UUID in its long form */
    view = heard(f, "04160dfe01 1221fb349b5f80000080001000000dfe000002");
    assert_string_equal(content(view), "-|| fe0d:02| 1:02");
    heard(f, "04160dfe03 1221fb349b5f80000080001000000dfe000002");
    assert_string_equal(content(view), "-|| fe0d:02| 1:02");
    assert_int_equal(view->changed, 0);
}

/* One random structure: few keys, short values, so that packets repeat and resemble each other. */
static size_t random_structure(struct fixture *f, uint8_t *raw)
{
    static const char *const structures[] = {
        "020106",     "020a04",     "0303180f",   "04094c616d", "03160dfe",
        "04160dfe00", "04160afe00", "05160dfe00", "04ff010000", "04ff020000",
        "05ff010000", "03ff0100",   "0220fe",     "00",         "1221fb349b5f80000080001000000dfe000000"};
    size_t size;
    const uint8_t *structure = hex(structures[draw(f, sizeof(structures) / sizeof(structures[0]))], &size);
    memcpy(raw, structure, size);
    if (size > 2)
        raw[size - 1] = (uint8_t)(raw[size - 1] + draw(f, 2));
    return size;
}

/* The other scanner hears every second packet with padding before it: no packet resembles the last one. */
static void test_likeness_to_the_last_packet_makes_no_difference(void **state)
{
    struct fixture *f = *state;
    uint8_t padded[80] = {0}, *raw = padded + 1;
    size_t size = 0;
    for (unsigned round = 0; round < MODEL_ROUNDS; round++) {
        if (size == 0 || draw(f, 8) == 0) {
            size = 0;
            for (unsigned n = draw(f, 4); n > 0; n--)
                size += random_structure(f, raw + size);
        } else {
            raw[draw(f, (unsigned)size)] ^= (uint8_t)draw(f, 2);
        }
        hear_bytes(f, f->scanners[0], 1, -50, raw, size);
        hear_bytes(f, f->scanners[1], 2, -50, raw - round % 2, size + round % 2);
        const struct bleproxy_advertisement *a = scanner_last(f->scanners[0], 1);
        const struct bleproxy_advertisement *b = scanner_last(f->scanners[1], 2);
        assert_int_equal(a->name_size, b->name_size);
        if (a->name_size > 0)
            assert_memory_equal(a->name, b->name, a->name_size);
        assert_true(fields_equal(a->fields, a->fields_size, b->fields, b->fields_size));
        assert_int_equal(a->changed, b->changed);
        assert_int_equal(a->tx_power_dbm, b->tx_power_dbm);
        assert_memory_equal(a->raw, raw, size);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_f100_fields_are_merged_per_key),
        TEST(test_f101_longer_name_replaces_and_shorter_or_none_keeps),
        TEST(test_f101_equally_long_name_replaces),
        TEST(test_f101_lengths_are_compared_in_characters),
        TEST(test_name_that_is_not_utf8),
        TEST(test_longest_name_with_every_byte_replaced),
        TEST(test_f102_identical_packet_refreshes_only_time_and_strength),
        TEST(test_transmit_power_and_raw_bytes_are_of_this_packet),
        TEST(test_what_a_scanner_adds_to_a_view),
        TEST(test_address_type_is_that_of_first_sight),
        TEST(test_address_types_that_do_not_fit_are_the_largest),
        TEST(test_strength_zero_is_none_and_others_are_clamped),
        TEST(test_empty_packet_is_a_sighting),
        TEST(test_only_48_bits_of_an_address_count),
        TEST(test_oversized_packet_is_dropped_and_counted),
        TEST(test_random_packets_merge_as_in_a_simple_model),
        TEST(test_of_repeated_keys_the_last_counts_whichever_changed),
        TEST(test_likeness_to_the_last_packet_makes_no_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
