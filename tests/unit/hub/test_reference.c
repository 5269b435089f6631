/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "hub/device.h"
#include "reference.h"
#include <stdlib.h>

/* The hub with BLEPROXY_RULES_ALL and reference.c hear the same, at random, and must agree on everything after each step:
 * owners, strengths, names, content, intervals, what is told as a change, and who is gone when. BLEPROXY_TEST_SIZE is how
 * many times SEEDS seeds are played; BLEPROXY_TEST_ONLY=reference_seed_7 plays one. */
enum { SEEDS = 8, STEPS = 2500 };

static const struct packet packets[] = {
    {.hex = "020106", .name = ""},
    {.hex = "020107", .name = ""},
    {.hex = "05094c616d70", .name = "Lamp"},
    {.hex = "04094c616d", .name = "Lam"},
    {.hex = "05096c414d50", .name = "lAMP"},
    {.hex = "08094c616d70203132", .name = "Lamp 12"},
    {.hex = "08096c616d70203334", .name = "lamp 34"},
    {.hex = "0709446f6e6b6579", .name = "Donkey"},
    {.hex = "0609c389 74c3a9", .name = "\u00c9t\u00e9"},
    {.hex = "0609c3a9 74c3a9", .name = "\u00e9t\u00e9"},
    {.hex = "0409 43c39f", .name = "C\u00df"},
    {.hex = "0409 435353", .name = "CSS"},
    {.hex = "120930303a30303a30303a30303a30303a3032", .name = "00:00:00:00:00:02"},
    {.hex = "0303d2fc", .name = "", .uuids = {1, {{"fcd2", ""}}}},
    {.hex = "03030f18", .name = "", .uuids = {1, {{"180f", ""}}}},
    {.hex = "0503d2fc0f18", .name = "", .uuids = {2, {{"fcd2", ""}, {"180f", ""}}}},
    {.hex = "0416d2fc01", .name = "", .services = {1, {{"fcd2", "01"}}}},
    {.hex = "0416d2fc02", .name = "", .services = {1, {{"fcd2", "02"}}}},
    {.hex = "04ffaa0001", .name = "", .companies = {1, {{"aa", "01"}}}},
    {.hex = "04ffaa0002", .name = "", .companies = {1, {{"aa", "02"}}}},
    {.hex = "04ffbb0001 04ffaa0002", .name = "", .companies = {2, {{"bb", "01"}, {"aa", "02"}}}},
    {.hex = "05ff4c001005", .name = "", .companies = {1, {{"4c", "1005"}}}},
    {.hex = "05ff4c000f05", .name = "", .companies = {1, {{"4c", "0f05"}}}},
    {.hex = "05094c616d70 0416d2fc01 04ffaa0001",
     .name = "Lamp",
     .services = {1, {{"fcd2", "01"}}},
     .companies = {1, {{"aa", "01"}}}},
};
enum { N_PACKETS = sizeof(packets) / sizeof(packets[0]) };

struct play {
    struct fixture *f;
    struct reference reference;
    struct told told[REFERENCE_TOLD]; /* by the hub */
    unsigned n_told;
    unsigned seed, step;
    const char *action;
    int base_dbm[REFERENCE_SCANNERS][REFERENCE_DEVICES];
    unsigned said[REFERENCE_DEVICES]; /* the packet that a device repeats */
    bool silent[REFERENCE_DEVICES];
    double pace_s;
    unsigned calm; /* one in so many steps acts */
    bool exact;    /* strengths and times are such as meet thresholds exactly */
};

/* What has happened in all plays, lest it be nothing. */
static struct {
    unsigned owners, demoted, learned, changes, gone, gone_connectable, names;
} seen;

static uint32_t draw(struct play *play, uint32_t bound)
{
    uint32_t value;
    play->f->test.env.random(play->f->test.env.user, &value, sizeof(value));
    return value % bound;
}

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

static const struct bleproxy_device *device_of(const struct play *play, unsigned device)
{
    return hub_device(play->f->hub, device);
}

static uint64_t source_of(unsigned scanner)
{
    return scanner == REFERENCE_SCANNERS - 1 ? FAR_SOURCE : 0xA0 + scanner;
}

static void differ(const struct play *play, unsigned device, const char *what)
{
    fail_msg("seed %u, step %u (%s at %g s), device %u: %s", play->seed, play->step, play->action,
             play->reference.now, device, what);
}

static void expect(const struct play *play, unsigned device, double ours, double theirs, const char *what)
{
    char text[200];
    if (ours == theirs)
        return;
    snprintf(text, sizeof(text), "%s is %g, should be %g", what, ours, theirs);
    differ(play, device, text);
}

static void expect_text(const struct play *play, unsigned device, const char *ours, const char *theirs,
                        const char *what)
{
    char text[1000];
    if (strcmp(ours, theirs) == 0)
        return;
    snprintf(text, sizeof(text), "%s is \"%.400s\", should be \"%.400s\"", what, ours, theirs);
    differ(play, device, text);
}

/* ---- What is told ---- */

static void note(struct play *play, struct told told)
{
    assert_true(play->n_told < REFERENCE_TOLD);
    told.time = seconds(play->f->now_ns);
    play->told[play->n_told++] = told;
}

static unsigned scanner_of(uint64_t source)
{
    return source == FAR_SOURCE ? REFERENCE_SCANNERS - 1 : (unsigned)source - 0xA0;
}

static void on_change(void *user, const struct bleproxy_advertisement *advertisement)
{
    note(user, (struct told){.device = (unsigned)advertisement->address,
                             .scanner = scanner_of(advertisement->source),
                             .connectable = advertisement->connectable,
                             .is_change = true});
}

static void on_gone(void *user, const struct bleproxy_advertisement *last, bool connectable)
{
    note(user, (struct told){.device = (unsigned)last->address,
                             .scanner = connectable ? 0 : scanner_of(last->source),
                             .connectable = connectable});
}

/* Each sweep looks at all devices once for those who connect, then for all; in which order of devices nobody says. */
static int compare_told(const void *a, const void *b)
{
    const struct told *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->connectable != y->connectable)
        return x->connectable ? -1 : 1;
    return (x->device > y->device) - (x->device < y->device);
}

static void compare_what_was_told(struct play *play)
{
    struct reference *reference = &play->reference;
    for (unsigned i = 1; i < play->n_told; i++)
        if (play->told[i].time == play->told[i - 1].time && play->told[i].connectable &&
            !play->told[i - 1].connectable)
            differ(play, play->told[i].device, "those who connect are told after all");
    qsort(play->told, play->n_told, sizeof(play->told[0]), compare_told);
    qsort(reference->told, reference->n_told, sizeof(reference->told[0]), compare_told);
    for (unsigned i = 0; i < play->n_told && i < reference->n_told; i++) {
        const struct told *ours = &play->told[i], *theirs = &reference->told[i];
        expect(play, theirs->device, ours->is_change, theirs->is_change, "kind of what was told");
        expect(play, theirs->device, ours->device, theirs->device, "device that was told of");
        expect(play, theirs->device, ours->time, theirs->time, "time at which it was told");
        expect(play, theirs->device, ours->scanner, theirs->scanner, "source that was told");
        expect(play, theirs->device, ours->connectable, theirs->connectable, "connectable as told");
        seen.changes += theirs->is_change;
        seen.gone += !theirs->is_change && !theirs->connectable;
        seen.gone_connectable += !theirs->is_change && theirs->connectable;
    }
    expect(play, 0, play->n_told, reference->n_told, "number of things told");
    play->n_told = 0;
    reference->n_told = 0;
}

/* ---- What is known ---- */

/* A name that is the address is what was heard, but none. */
static const char *content_but_address(const struct bleproxy_advertisement *view)
{
    struct bleproxy_advertisement copy = *view;
    char address[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(view->address, address);
    if (view->name && strcmp(view->name, address) == 0)
        copy.name = NULL;
    return content(&copy);
}

static void compare_signals(struct play *play, unsigned device)
{
    const struct reference *reference = &play->reference;
    for (unsigned s = 0; s < REFERENCE_SCANNERS; s++) {
        bool has = reference->has_bucket[device] && reference->has_strength[device][s];
        double ours = 0;
        expect(play, device, signals_get(&device_of(play, device)->signals, source_of(s), &ours), has,
               "whether it is smoothed");
        expect(play, device, ours, has ? reference->strength[device][s] : 0, "strength");
        expect(play, device, signals_is_demoted(&device_of(play, device)->signals, source_of(s)),
               reference->demoted[device][s], "whether it has lost the device");
        seen.demoted += reference->demoted[device][s];
    }
}

static void compare_device(struct play *play, unsigned device)
{
    const struct reference *reference = &play->reference;
    const struct record *all = &reference->all[device], *best = &reference->connectable[device];
    const struct bleproxy_device *ours = device_of(play, device);
    expect(play, device, ours != NULL, all->known, "whether it is known");
    if (!ours)
        return;
    const struct bleproxy_advertisement *view = bleproxy_device_advertisement(ours);
    expect(play, device, scanner_of(view->source), all->scanner, "owner");
    expect(play, device, seconds(view->time_ns), all->time, "time");
    expect(play, device, view->rssi_dbm, all->rssi ? all->rssi : BLEPROXY_RSSI_NONE, "RSSI");
    expect_text(play, device, content_but_address(view), reference_content(all), "content");
    expect(play, device, ours->connectable.known, best->known, "whether there is a connectable owner");
    if (best->known) {
        expect(play, device, scanner_of(ours->connectable.source), best->scanner, "connectable owner");
        expect(play, device, seconds(ours->connectable.time_ns), best->time, "its time");
    }
    const char *name = bleproxy_device_name(ours);
    expect_text(play, device, name ? name : "", reference->names[device], "name");
    expect(play, device, ours->interval.known, reference->has_interval[device],
           "whether the interval is known");
    expect(play, device, seconds(ours->interval.learned_ns),
           reference->has_interval[device] ? reference->interval[device] : 0, "interval");
    compare_signals(play, device);
    seen.learned += reference->has_interval[device];
    seen.names += name && strcmp(reference_content(all), "-") != 0 && !view->name;
}

static void compare(struct play *play)
{
    compare_what_was_told(play);
    for (unsigned device = 1; device < REFERENCE_DEVICES; device++)
        compare_device(play, device);
}

/* ---- What happens ---- */

/* In quarters of a second. */
static unsigned draw_pause(struct play *play)
{
    static const unsigned most[] = {4, 4, 4, 4, 4, 4, 4, 4, 20, 20, 20, 20, 60, 60, 240, 1500};
    static const unsigned exact[] = {0, 6, 12, 18, 24, 30, 60, 90};
    if (play->exact && draw(play, 8) != 0)
        return exact[draw(play, 8)];
    return (unsigned)(draw(play, most[draw(play, 16)] * 4 + 1) * play->pace_s);
}

static void pass(struct play *play)
{
    play->action = "time passes";
    double now = play->reference.now + draw_pause(play) / 4.0;
    reference_advance(&play->reference, now);
    at_ns(play->f, (uint64_t)(now * 1e9) - T0);
    compare(play);
}

static int draw_strength(struct play *play)
{
    static const int exact[] = {-38, -54, -70, -71, -86, -87};
    return play->exact ? exact[draw(play, 6)] : -40 - (int)draw(play, 70);
}

static void hear_one(struct play *play)
{
    unsigned s = draw(play, REFERENCE_SCANNERS), device = 1 + draw(play, REFERENCE_DEVICES - 1);
    if (!play->reference.sources[s].registered || play->silent[device])
        return;
    if (draw(play, 3) == 0)
        play->said[device] = draw(play, N_PACKETS);
    const struct packet *packet = &packets[play->said[device]];
    int rssi = play->base_dbm[s][device];
    if (!play->exact)
        rssi += (int)draw(play, 13) - 6;
    if (draw(play, 20) == 0)
        rssi = 0;
    play->action = packet->hex;
    uint64_t before = play->reference.all[device].scanner;
    hear(play->f, play->f->scanners[s], device, rssi, packet->hex);
    reference_hear(&play->reference, s, device, rssi, packet);
    seen.owners += play->reference.all[device].scanner != before;
    compare(play);
    const struct bleproxy_advertisement *view = scanner_last(play->f->scanners[s], device);
    assert_non_null(view);
    expect_text(play, device, content_but_address(view),
                reference_content(&play->reference.sources[s].cache[device]), "what its scanner knows");
}

static void toggle_registration(struct play *play, unsigned s)
{
    struct fixture *f = play->f;
    play->action = "registration";
    if (play->reference.sources[s].registered) {
        reference_unregister(&play->reference, s);
        scanner_free(f->scanners[s]);
        f->scanners[s] = NULL;
    } else {
        reference_register(&play->reference, s);
        f->scanners[s] = make_scanner(f, source_of(s), "again");
        assert_int_equal(hub_register_scanner(f->hub, f->scanners[s], f->now_ns), 0);
    }
}

static void toggle_pause(struct play *play, unsigned s)
{
    if (!play->reference.sources[s].registered)
        return;
    play->action = "pause";
    if (play->reference.sources[s].pauses > 0 && draw(play, 4) != 0) {
        reference_resume(&play->reference, s);
        scanner_resume(play->f->scanners[s]);
    } else {
        reference_pause(&play->reference, s);
        scanner_pause(play->f->scanners[s]);
    }
}

static void set_interval(struct play *play, unsigned device)
{
    static const unsigned intervals[] = {0, 1, 10, 60, 300, 2000};
    unsigned interval = intervals[draw(play, 6)];
    play->action = "interval";
    reference_set_interval(&play->reference, device, interval);
    assert_int_equal(hub_set_interval(play->f->hub, device, interval * NS_PER_S), 0);
}

static void act(struct play *play)
{
    unsigned s = draw(play, REFERENCE_SCANNERS), device = 1 + draw(play, REFERENCE_DEVICES - 1);
    switch (draw(play, 8)) {
    case 0:
        toggle_registration(play, s);
        break;
    case 1:
    case 2:
        toggle_pause(play, s);
        break;
    case 3:
        set_interval(play, device);
        break;
    case 4:
        play->action = "forget";
        reference_forget(&play->reference, device);
        hub_forget(play->f->hub, device);
        break;
    case 5:
        play->base_dbm[s][device] = draw_strength(play);
        break;
    default:
        play->silent[device] = draw(play, 3) == 0;
        break;
    }
    compare(play);
}

static void play_setup(struct play *play, struct fixture *f)
{
    static const double paces[] = {0.25, 1, 1, 3};
    struct bleproxy_subscription *changes;
    struct bleproxy_watch *watch;
    play->f = f;
    f->test.random_state += play->seed * UINT64_C(0xbf58476d1ce4e5b9);
    far_scanner(f);
    assert_int_equal(hub_subscribe(f->hub, BLEPROXY_STREAM_CHANGES, NULL, on_change, play, &changes), 0);
    assert_int_equal(hub_watch_unavailable(f->hub, 0, on_gone, play, &watch), 0);
    reference_init(&play->reference, seconds(f->now_ns));
    play->pace_s = paces[draw(play, 4)];
    play->calm = play->seed % 2 == 0 ? 12 : 80;
    play->exact = play->seed % 4 >= 2;
    for (unsigned s = 0; s < REFERENCE_SCANNERS; s++)
        for (unsigned device = 1; device < REFERENCE_DEVICES; device++)
            play->base_dbm[s][device] = draw_strength(play);
}

static void test_play(void **state)
{
    unsigned seed = *(const unsigned *)*state;
    void *fixture;
    assert_int_equal(reference_setup(&fixture), 0);
    static struct play memory;
    struct play *play = &memory;
    memory = (struct play){.seed = seed};
    play_setup(play, fixture);
    for (play->step = 0; play->step < STEPS; play->step++) {
        if (draw(play, play->calm) == 0)
            act(play);
        if (draw(play, 3) == 0)
            pass(play);
        else
            hear_one(play);
    }
    fixture_teardown(&fixture);
}

static void test_something_has_happened(void **state)
{
    (void)state;
    assert_true(seen.owners > 100);
    assert_true(seen.demoted > 100);
    assert_true(seen.learned > 100);
    assert_true(seen.changes > 1000);
    assert_true(seen.gone > 10);
    assert_true(seen.gone_connectable > 20);
    assert_true(seen.names > 10);
}

int main(void)
{
    const char *text = getenv("BLEPROXY_TEST_SIZE"), *only = getenv("BLEPROXY_TEST_ONLY");
    unsigned long size = text ? strtoul(text, NULL, 10) : 1;
    unsigned n_seeds = SEEDS * (unsigned)(size > 0 ? size : 1), n = 0;
    struct CMUnitTest *tests = calloc(n_seeds + 1, sizeof(*tests));
    unsigned *seeds = calloc(n_seeds, sizeof(*seeds));
    char(*names)[32] = calloc(n_seeds, sizeof(*names));
    if (!tests || !seeds || !names)
        abort();
    for (unsigned seed = 0; seed < n_seeds; seed++) {
        snprintf(names[seed], sizeof(names[seed]), "reference_seed_%u", seed);
        seeds[seed] = seed;
        if (!only || strcmp(only, names[seed]) == 0)
            tests[n++] = (struct CMUnitTest){
                .name = names[seed], .test_func = test_play, .initial_state = &seeds[seed]};
    }
    if (!only)
        tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_something_has_happened);
    int failed = _cmocka_run_group_tests("reference", tests, n, NULL, NULL);
    free(names);
    free(seeds);
    free(tests);
    return failed;
}
