/* SPDX-License-Identifier: MIT */
#include "history_fixture.h"

#include "wire/codec.h"

/* The history as bytes for a file. */

static const struct codec codec = {.magic = "bleheard", .version = 1};
enum { NOW_S = 1000, MEMORY_S = BLEPROXY_DEVICE_EXPIRY_S };
#define FAR_AWAY UINT64_C(0xffffffffffff)

static struct buffer file;

static int setup(void **state)
{
    fixture_setup(state);
    struct fixture *f = *state;
    buffer_init(&file, &f->test.env, LIMIT_FILE);
    return 0;
}

static int teardown(void **state)
{
    buffer_deinit(&file);
    return fixture_teardown(state);
}

/* A hub that has had no scanners, NOW_S into the life of its clock. */
static void begin_anew(struct fixture *f)
{
    for (unsigned i = 0; i < N_SCANNERS; i++)
        lose(f, i);
    hub_free(f->hub, f->now_ns);
    f->now_ns = NOW_S * NS_PER_S;
    assert_int_equal(hub_new(&f->test.env, NULL, f->now_ns, &f->hub), 0);
}

static int decode(struct fixture *f, int64_t wall_ns)
{
    return history_decode(f->hub, wall_ns, f->now_ns, buffer_data(&file), file.size);
}

/* ---- F190: a round trip ---- */

enum { EMPTY_RAW = 2, DECODED, LOUD, LONG_NAME };

static void hear_all_kinds(struct fixture *f)
{
    static char name[400];
    struct scanner *scanner = f->scanners[A];
    BluetoothLEAdvertisementResponse decoded = BLUETOOTH_LEADVERTISEMENT_RESPONSE__INIT;
    hear(f, scanner, FAR_AWAY, 0,
         "020a85 0503d2fc0f18 0525785634121106fb349b5f80000080001000000018 0416d2fc40 0621f0debc9a"
         "1121cafebabecafebabecafebabecafebabe 05ff4c001005 05ff01000000 0409c3a974");
    pass_time(f, 3);
    hear(f, f->scanners[B], EMPTY_RAW, -128, LAMP); /* and so it has a name */
    hear(f, scanner, EMPTY_RAW, -128, "");
    decoded.address = DECODED;
    decoded.rssi = -33;
    decoded.address_type = 200;
    decoded.name.data = hex("4869", &decoded.name.len);
    scanner_report_decoded(scanner, &decoded, f->now_ns);
    for (unsigned i = 0; i < 16; i++) {
        pass_time(f, 2);
        hear(f, scanner, LOUD, 127, "020a04");
    }
    memset(name, 0xff, 248); /* which decodes to three times as much */
    decoded.address = LONG_NAME;
    decoded.name.data = (uint8_t *)name;
    decoded.name.len = 248;
    scanner_report_decoded(scanner, &decoded, f->now_ns);
}

static void test_f190_round_trip_keeps_every_field(void **state)
{
    struct fixture *f = *state;
    static const uint64_t addresses[] = {FAR_AWAY, EMPTY_RAW, DECODED, LOUD, LONG_NAME};
    enum { N = sizeof(addresses) / sizeof(addresses[0]) };
    struct bleproxy_advertisement *before[N];
    bool heard_once[N], has_rssi[N], renamed[N];
    hear_all_kinds(f);
    for (size_t i = 0; i < N; i++) {
        const struct sighting *sighting = sightings_get(&f->scanners[A]->sightings, addresses[i]);
        before[i] = test_calloc(1, sizeof(*before[i]) + 10000);
        *before[i] = sighting->view;
        uint8_t *at = (uint8_t *)(before[i] + 1);
        before[i]->name =
            sighting->view.name ? memcpy(at, sighting->view.name, sighting->view.name_size + 1u) : NULL;
        before[i]->fields = memcpy(at + 1000, sighting->view.fields, sighting->view.fields_size);
        before[i]->raw =
            sighting->view.raw ? memcpy(at + 6000, sighting->view.raw, sighting->view.raw_size) : NULL;
        heard_once[i] = sighting->member.heard_once;
        has_rssi[i] = sighting->has_rssi;
        renamed[i] = sighting->renamed;
    }
    uint64_t left_ns = f->now_ns;
    restart(f, 10, NOW_S * NS_PER_S);
    come(f, A);
    assert_int_equal(scanner_n_devices(f->scanners[A]), N);
    for (size_t i = 0; i < N; i++) {
        const struct sighting *sighting = sightings_get(&f->scanners[A]->sightings, addresses[i]);
        const struct bleproxy_advertisement *after = &sighting->view;
        assert_true(f->now_ns - after->time_ns == left_ns - before[i]->time_ns + 10 * NS_PER_S);
        assert_int_equal(after->source, before[i]->source);
        assert_int_equal(after->raw_size, before[i]->raw_size);
        assert_int_equal(after->raw != NULL, before[i]->raw != NULL);
        if (after->raw_size > 0)
            assert_memory_equal(after->raw, before[i]->raw, after->raw_size);
        assert_int_equal(after->name_size, before[i]->name_size);
        assert_int_equal(after->name != NULL, before[i]->name != NULL);
        if (after->name)
            assert_string_equal(after->name, before[i]->name);
        assert_int_equal(after->fields_size, before[i]->fields_size);
        assert_memory_equal(after->fields, before[i]->fields, after->fields_size);
        assert_int_equal(after->tx_power_dbm, before[i]->tx_power_dbm);
        assert_int_equal(after->rssi_dbm, before[i]->rssi_dbm);
        assert_int_equal(after->address_type, before[i]->address_type);
        assert_int_equal(after->connectable, before[i]->connectable);
        assert_int_equal(sighting->member.heard_once, heard_once[i]);
        assert_int_equal(sighting->has_rssi, has_rssi[i]);
        assert_int_equal(sighting->renamed, renamed[i]);
        assert_int_equal(sighting->renamed, addresses[i] == EMPTY_RAW);
        assert_true(sighting->interval_ns == (addresses[i] == LOUD ? 2 * NS_PER_S : 0));
        test_free(before[i]);
    }
}

static void test_f190_all_proxies_there_or_away(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < N_SCANNERS; i++)
        hear(f, f->scanners[i], i + 1, -50, LAMP);
    lose(f, B);
    pass_time(f, 5);
    lose(f, D);
    for (unsigned run = 0; run < 2; run++) { /* in the second all are away */
        restart(f, 10, NOW_S * NS_PER_S);
        assert_int_equal(f->hub->history.n_sources, N_SCANNERS);
    }
    for (unsigned i = 0; i < N_SCANNERS; i++) {
        const struct bleproxy_advertisement *last = scanner_last(come(f, i), i + 1);
        assert_non_null(last);
        assert_true(last->time_ns == f->now_ns - 25 * NS_PER_S);
    }
}

static void test_what_a_proxy_knows_now_is_kept_not_what_it_knew(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, LAMP);
    lose(f, A);
    f->scanners[A] = make_scanner(f, 0xA0, "kitchen");
    hear(f, f->scanners[A], 2, -50, LAMP); /* it did not come to the hub without memory */
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[A], f->now_ns), 0);
    struct scanner *twin = make_scanner(f, 0xA0, "twin");
    hear(f, twin, 3, -50, LAMP);
    assert_int_equal(hub_register_scanner(f->hub, twin, f->now_ns), 0);
    scanner_free(twin); /* what it knew is kept for the source, too */
    restart(f, 1, NOW_S * NS_PER_S);
    assert_int_equal(f->hub->history.n_sources, 1);
    come(f, A);
    assert_non_null(scanner_last(f->scanners[A], 2));
    assert_int_equal(scanner_n_devices(f->scanners[A]), 1);
}

static void test_encoding_appends(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, LAMP);
    assert_int_equal(buffer_append(&file, "before", 6), 0);
    assert_int_equal(history_encode(f->hub, WALL_NS, f->now_ns, &file), 0);
    assert_memory_equal(buffer_data(&file), "before", 6);
    begin_anew(f);
    buffer_consume(&file, 6);
    assert_int_equal(decode(f, WALL_NS + (int64_t)(T0 - f->now_ns)), 0);
    assert_int_equal(scanner_n_devices(come(f, A)), 1);
}

/* ---- Files that the test writes ---- */

static uint64_t wall_now(const struct fixture *f)
{
    return f->now_ns + (uint64_t)WALL_NS;
}

static HeardDevice heard_by(struct fixture *f, uint64_t source, uint64_t address, uint64_t age_s)
{
    HeardDevice heard = HEARD_DEVICE__INIT;
    heard.source = source;
    heard.address = address;
    heard.time_ns = wall_now(f) - age_s * NS_PER_S;
    heard.rssi = -50;
    heard.rssi_known = true;
    heard.tx_power = BLEPROXY_TX_POWER_NONE;
    return heard;
}

static void begin_file(void)
{
    buffer_unwrite(&file, file.size);
    assert_int_equal(codec_begin(&file), 0);
}

static void add(const HeardDevice *heard)
{
    assert_int_equal(codec_add(&file, &heard->base), 0);
}

static void add_heard(struct fixture *f, uint64_t source, uint64_t address, uint64_t age_s)
{
    const HeardDevice heard = heard_by(f, source, address, age_s);
    add(&heard);
}

static void end_file(void)
{
    assert_int_equal(codec_end(&codec, &file, 0, 0), 0);
}

/* ---- F191: what is not taken ---- */

static void test_f191_what_is_older_than_its_memory_is_dropped(void **state)
{
    struct fixture *f = *state;
    begin_anew(f);
    begin_file();
    add_heard(f, 0xA0, 1, MEMORY_S);
    add_heard(f, 0xA0, 2, MEMORY_S + 1);
    add_heard(f, 0xA0, 3, 0);
    HeardDevice slow = heard_by(f, 0xA0, 4, 500);
    slow.interval_ns = 200 * NS_PER_S;
    add(&slow);
    slow.address = 5;
    slow.time_ns -= NS_PER_S;
    add(&slow);
    end_file();
    assert_int_equal(decode(f, WALL_NS), 0);
    come(f, A);
    assert_non_null(scanner_last(f->scanners[A], 1));
    assert_null(scanner_last(f->scanners[A], 2));
    assert_non_null(scanner_last(f->scanners[A], 3));
    assert_non_null(scanner_last(f->scanners[A], 4));
    assert_null(scanner_last(f->scanners[A], 5));
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING], 0);
}

static void test_f191_the_future_is_dropped_with_one_warning(void **state)
{
    struct fixture *f = *state;
    begin_anew(f);
    begin_file();
    for (uint64_t address = 1; address <= 3; address++) {
        HeardDevice heard = heard_by(f, 0xA0, address, 0);
        heard.time_ns = address == 3 ? UINT64_MAX : heard.time_ns + address;
        add(&heard);
    }
    add_heard(f, 0xA0, 4, 0);
    end_file();
    assert_int_equal(decode(f, WALL_NS), 0);
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING], 1);
    assert_true(test_env_logged(&f->test, "3 devices"));
    assert_int_equal(scanner_n_devices(come(f, A)), 1);
    assert_non_null(scanner_last(f->scanners[A], 4));
}

static void test_f191_a_proxy_without_devices_is_dropped(void **state)
{
    struct fixture *f = *state;
    begin_anew(f);
    begin_file();
    add_heard(f, 0xA0, 1, MEMORY_S + 1);
    add_heard(f, 0xA1, 1, MEMORY_S - 1);
    add_heard(f, 0xA2, 1, MEMORY_S + 1);
    end_file();
    assert_int_equal(decode(f, WALL_NS), 0);
    assert_int_equal(f->hub->history.n_sources, 1);
    assert_int_equal(scanner_n_devices(come(f, B)), 1);
}

static void test_f191_what_this_clock_has_not_seen_is_dropped(void **state)
{
    struct fixture *f = *state;
    begin_anew(f);
    f->now_ns = 60 * NS_PER_S; /* the machine has just started */
    begin_file();
    add_heard(f, 0xA0, 1, 59);
    add_heard(f, 0xA0, 2, 60);
    add_heard(f, 0xA0, 3, 100);
    end_file();
    assert_int_equal(decode(f, WALL_NS), 0);
    assert_int_equal(scanner_n_devices(come(f, A)), 1);
    assert_true(scanner_last(f->scanners[A], 1)->time_ns == NS_PER_S);
}

static void test_f191_too_old_ones_are_not_even_written(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, LAMP);
    hear(f, f->scanners[B], 1, -50, LAMP);
    lose(f, B);
    pass_time(f, MEMORY_S + 1);
    assert_int_equal(history_encode(f->hub, WALL_NS, f->now_ns, &file), 0);
    assert_int_equal(file.size, 20); /* the header */
}

static void test_a_clock_that_was_set_back(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, LAMP);
    assert_int_equal(history_encode(f->hub, WALL_NS, f->now_ns, &file), 0);
    begin_anew(f);
    assert_int_equal(decode(f, -(int64_t)(500 * NS_PER_S)), 0); /* even to before 1970 */
    assert_int_equal(f->hub->history.n_sources, 0);
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING], 1);
}

/* ---- F192: damage ---- */

static void assert_refused(struct fixture *f)
{
    assert_int_equal(decode(f, WALL_NS), BLEPROXY_E_INVALID);
    assert_int_equal(f->hub->history.n_sources, 0);
    assert_int_equal(f->hub->history.bytes, 0);
}

static void test_f192_missing_raw_is_tolerated(void **state)
{
    struct fixture *f = *state;
    begin_anew(f);
    begin_file();
    add_heard(f, 0xA0, 1, 1);
    end_file();
    assert_int_equal(decode(f, WALL_NS), 0);
    const struct bleproxy_advertisement *last = scanner_last(come(f, A), 1);
    assert_null(last->raw);
    assert_int_equal(last->raw_size, 0);
    assert_null(last->name);
    hear(f, f->scanners[A], 1, -40, LAMP);
    assert_string_equal(content(scanner_last(f->scanners[A], 1)), "Lamp");
}

static void test_f192_any_damage_discards_the_whole(void **state)
{
    struct fixture *f = *state;
    begin_anew(f);
    begin_file();
    add_heard(f, 0xA0, 1, 1);
    add_heard(f, 0xA1, 1, 1);
    end_file();
    for (size_t i = 0; i < file.size; i++) {
        buffer_data(&file)[i] ^= 0x10;
        assert_refused(f);
        buffer_data(&file)[i] ^= 0x10;
    }
    size_t size = file.size;
    while (file.size > 0) {
        buffer_unwrite(&file, 1);
        assert_refused(f);
    }
    buffer_commit(&file, size);
    assert_int_equal(decode(f, WALL_NS), 0);
}

static void test_f192_another_version_is_discarded(void **state)
{
    struct fixture *f = *state;
    const struct codec newer = {.magic = codec.magic, .version = codec.version + 1},
                       other = {.magic = "bleproxy", .version = codec.version};
    begin_anew(f);
    begin_file();
    add_heard(f, 0xA0, 1, 1);
    assert_int_equal(codec_end(&newer, &file, 0, 0), 0);
    assert_refused(f);
    assert_int_equal(codec_end(&other, &file, 0, 0), 0);
    assert_refused(f);
    end_file();
    assert_int_equal(decode(f, WALL_NS), 0);
}

static void with_fields(HeardDevice *heard, const char *text)
{
    heard->fields.data = hex(text, &heard->fields.len);
}

static void with_name(HeardDevice *heard, const char *text)
{
    heard->name.data = hex(text, &heard->name.len);
}

static void test_f192_wrong_shape_discards_the_whole(void **state)
{
    struct fixture *f = *state;
    static uint8_t much[FIELDS_MAX + 1];
    begin_anew(f);
    for (unsigned i = 0;; i++) {
        HeardDevice heard = heard_by(f, 0xA1, 1, 1);
        switch (i) {
        case 0:
            heard.source = FAR_AWAY + 1;
            break;
        case 1:
            heard.address = FAR_AWAY + 1;
            break;
        case 2:
            heard.time_ns = 0;
            break;
        case 3:
            heard.interval_ns = HUB_INTERVAL_MAX_S * NS_PER_S + 1;
            break;
        case 4:
            heard.rssi = 128;
            break;
        case 5:
            heard.rssi = -129;
            break;
        case 6:
            heard.tx_power = -32769;
            break;
        case 7:
            heard.tx_power = 32768;
            break;
        case 8:
            heard.address_type = 256;
            break;
        case 9:
            with_name(&heard, "ff"); /* no UTF-8 */
            break;
        case 10:
            memset(much, 'a', sizeof(much));
            heard.name = (ProtobufCBinaryData){.data = much, .len = SIGHTING_NAME_CAPACITY};
            break;
        case 11:
            with_fields(&heard, "0102"); /* cut */
            break;
        case 12:
            with_fields(&heard, "04020000ffff");
            break;
        case 13:
            heard.fields = (ProtobufCBinaryData){.data = much, .len = sizeof(much)};
            break;
        case 14:
            heard.raw = (ProtobufCBinaryData){.data = much, .len = SIGHTING_RAW_MAX + 1};
            break;
        case 15: /* the proxy was there already */
            break;
        default:
            return;
        }
        begin_file();
        add_heard(f, 0xA1, 7, 1);
        add_heard(f, 0xA0, 1, 1);
        add(&heard);
        end_file();
        assert_refused(f);
    }
}

static void test_what_newer_files_may_hold_besides_is_skipped(void **state)
{
    struct fixture *f = *state;
    begin_anew(f);
    begin_file();
    HeardDevice heard = heard_by(f, 0xA0, 1, 1);
    uint8_t unknown[] = {1};
    ProtobufCMessageUnknownField field = {
        .tag = 99, .wire_type = PROTOBUF_C_WIRE_TYPE_VARINT, .len = sizeof(unknown), .data = unknown};
    heard.base.unknown_fields = &field;
    heard.base.n_unknown_fields = 1;
    add(&heard);
    end_file();
    assert_int_equal(decode(f, WALL_NS), 0);
    assert_int_equal(scanner_n_devices(come(f, A)), 1);
}

static void test_a_device_twice_is_one(void **state)
{
    struct fixture *f = *state;
    begin_anew(f);
    begin_file();
    add_heard(f, 0xA0, 1, 1);
    add_heard(f, 0xA0, 1, 2);
    end_file();
    assert_int_equal(decode(f, WALL_NS), 0);
    assert_int_equal(scanner_n_devices(come(f, A)), 1);
    assert_true(scanner_last(f->scanners[A], 1)->time_ns == f->now_ns - NS_PER_S);
}

/* ---- Limits ---- */

static void test_a_file_of_too_many_proxies(void **state)
{
    struct fixture *f = *state;
    begin_anew(f);
    begin_file();
    for (uint64_t source = 1; source <= HISTORY_SOURCES_MAX + 10; source++)
        add_heard(f, source, 1, 1);
    end_file();
    assert_int_equal(decode(f, WALL_NS), 0);
    assert_int_equal(f->hub->history.n_sources, HISTORY_SOURCES_MAX);
    assert_true(history_has(&f->hub->history, 1)); /* the last that were there come first */
    assert_false(history_has(&f->hub->history, HISTORY_SOURCES_MAX + 1));
}

static void test_a_file_of_too_many_bytes(void **state)
{
    struct fixture *f = *state;
    static uint8_t raw[SIGHTING_RAW_MAX];
    const uint64_t n_sources = HISTORY_BYTES_MAX / HISTORY_SOURCE_BYTES_MAX + 2;
    begin_anew(f);
    begin_file();
    for (uint64_t source = 1; source <= n_sources; source++) {
        for (uint64_t address = 1; address <= 400; address++) {
            HeardDevice heard = heard_by(f, source, address, 1);
            heard.raw_known = true;
            heard.raw = (ProtobufCBinaryData){.data = raw, .len = sizeof(raw)};
            add(&heard);
        }
    }
    end_file();
    assert_int_equal(decode(f, WALL_NS), 0);
    assert_in_range(f->hub->history.bytes, HISTORY_BYTES_MAX - HISTORY_SOURCE_BYTES_MAX, HISTORY_BYTES_MAX);
    assert_true(history_has(&f->hub->history, 1));
    assert_false(history_has(&f->hub->history, n_sources));
    buffer_unwrite(&file, file.size); /* and what is written then has a limit, too */
    assert_int_equal(history_encode(f->hub, WALL_NS, f->now_ns, &file), 0);
    assert_in_range(file.size, HISTORY_BYTES_MAX - HISTORY_SOURCE_BYTES_MAX,
                    HISTORY_BYTES_MAX + 2 * HISTORY_SOURCE_BYTES_MAX);
}

static void test_a_buffer_without_room_is_left_as_it_was(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, LAMP);
    assert_int_equal(buffer_append(&file, "x", 1), 0);
    file.limit = 50;
    assert_int_equal(history_encode(f->hub, WALL_NS, f->now_ns, &file), BLEPROXY_E_LIMIT);
    assert_int_equal(file.size, 1);
}

static void test_no_memory_to_encode(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, LAMP);
    hear(f, f->scanners[B], 1, -50, LAMP);
    lose(f, B);
    for (size_t missing = 0;; missing++) {
        buffer_deinit(&file);
        buffer_init(&file, &f->test.env, LIMIT_FILE);
        f->test.fail_after = missing;
        int r = history_encode(f->hub, WALL_NS, f->now_ns, &file);
        f->test.fail_after = SIZE_MAX;
        if (r == 0) {
            assert_in_range(missing, 2, 100);
            return;
        }
        assert_int_equal(r, BLEPROXY_E_NOMEM);
        assert_int_equal(file.size, 0);
    }
}

static void test_no_memory_to_decode(void **state)
{
    struct fixture *f = *state;
    begin_anew(f);
    begin_file();
    add_heard(f, 0xA0, 1, 1);
    add_heard(f, 0xA1, 1, 1);
    end_file();
    for (size_t missing = 0;; missing++) {
        f->test.fail_after = missing;
        int r = decode(f, WALL_NS);
        f->test.fail_after = SIZE_MAX;
        if (r == 0) {
            assert_in_range(missing, 3, 100);
            assert_int_equal(f->hub->history.n_sources, 2);
            return;
        }
        assert_int_equal(r, BLEPROXY_E_NOMEM);
        assert_int_equal(f->hub->history.n_sources, 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_f190_round_trip_keeps_every_field),
        TEST(test_f190_all_proxies_there_or_away),
        TEST(test_what_a_proxy_knows_now_is_kept_not_what_it_knew),
        TEST(test_encoding_appends),
        TEST(test_f191_what_is_older_than_its_memory_is_dropped),
        TEST(test_f191_the_future_is_dropped_with_one_warning),
        TEST(test_f191_a_proxy_without_devices_is_dropped),
        TEST(test_f191_what_this_clock_has_not_seen_is_dropped),
        TEST(test_f191_too_old_ones_are_not_even_written),
        TEST(test_a_clock_that_was_set_back),
        TEST(test_f192_missing_raw_is_tolerated),
        TEST(test_f192_any_damage_discards_the_whole),
        TEST(test_f192_another_version_is_discarded),
        TEST(test_f192_wrong_shape_discards_the_whole),
        TEST(test_what_newer_files_may_hold_besides_is_skipped),
        TEST(test_a_device_twice_is_one),
        TEST(test_a_file_of_too_many_proxies),
        TEST(test_a_file_of_too_many_bytes),
        TEST(test_a_buffer_without_room_is_left_as_it_was),
        TEST(test_no_memory_to_encode),
        TEST(test_no_memory_to_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
