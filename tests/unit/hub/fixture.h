/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HUB_FIXTURE_H
#define TESTS_HUB_FIXTURE_H

#include "support.h"

#include "base/time.h"
#include "hub/hub.h"
#include "hub/scanner.h"
#include <stdio.h>
#include <string.h>

/* A hub and some scanners on a virtual clock. */
enum { N_SCANNERS = 4 };
enum { FAR_SOURCE = 0xFA }; /* of a scanner that cannot connect */
#define T0 (50 * NS_PER_S)

struct fixture {
    struct test_env test;
    struct hub *hub;
    struct scanner *scanners[N_SCANNERS]; /* sources 0xA0, 0xA1, ... */
    uint64_t now_ns;
};

/* A scanner with all features, set up but not registered. */
static inline struct scanner *make_scanner(struct fixture *f, uint64_t source, const char *name)
{
    struct scanner *scanner;
    const struct scanner_config config = {.env = &f->test.env,
                                          .source = source,
                                          .name = name,
                                          .connectable = source != FAR_SOURCE,
                                          .watchdog = true,
                                          .has_mode = true};
    assert_int_equal(scanner_new(&config, &scanner), 0);
    scanner_setup(scanner, f->now_ns);
    return scanner;
}

/* rules: of habluetooth. */
static inline int fixture_setup_with(void **state, uint32_t rules)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    const struct bleproxy_hub_options options = {.reference = rules};
    memset(f, 0, sizeof(*f));
    test_env_init(&f->test);
    f->now_ns = T0;
    assert_int_equal(hub_new(&f->test.env, &options, f->now_ns, &f->hub), 0);
    static const char *const names[N_SCANNERS] = {"kitchen", "garage", "attic", "cellar"};
    for (unsigned i = 0; i < N_SCANNERS; i++) {
        f->scanners[i] = make_scanner(f, 0xA0 + i, names[i]);
        assert_int_equal(hub_register_scanner(f->hub, f->scanners[i], f->now_ns), 0);
    }
    *state = f;
    return 0;
}

static inline int fixture_setup(void **state)
{
    return fixture_setup_with(state, 0);
}

static inline int reference_setup(void **state)
{
    return fixture_setup_with(state, BLEPROXY_RULES_ALL);
}

/* What a test has freed itself it sets to NULL. */
static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < N_SCANNERS; i++)
        scanner_free(f->scanners[i]);
    hub_free(f->hub, f->now_ns);
    test_env_deinit(&f->test);
    return 0;
}

/* Makes the last scanner one that cannot connect. */
static inline struct scanner *far_scanner(struct fixture *f)
{
    struct scanner **far = &f->scanners[N_SCANNERS - 1];
    scanner_free(*far);
    *far = make_scanner(f, FAR_SOURCE, "far");
    assert_int_equal(hub_register_scanner(f->hub, *far, f->now_ns), 0);
    return *far;
}

static inline void hear_bytes(struct fixture *f, struct scanner *scanner, uint64_t address, int32_t rssi,
                              const uint8_t *data, size_t size)
{
    const struct batch_advert advert = {.address = address,
                                        .data = size > 0 ? data : NULL,
                                        .size = (uint32_t)size,
                                        .rssi = rssi,
                                        .address_type = 1};
    scanner_report(scanner, &advert, f->now_ns);
}

static inline void hear(struct fixture *f, struct scanner *scanner, uint64_t address, int32_t rssi,
                        const char *text)
{
    size_t size;
    const uint8_t *data = hex(text, &size);
    hear_bytes(f, scanner, address, rssi, data, size);
}

/* Without anything that is due. */
static inline void pass_time(struct fixture *f, uint64_t seconds)
{
    f->now_ns += seconds * NS_PER_S;
}

/* Lets that time after T0 come, with all that is due until then; the hub first. */
static inline void at_ns(struct fixture *f, uint64_t after_ns)
{
    for (;;) {
        struct scanner *due = NULL;
        uint64_t due_ns = f->hub ? hub_deadline(f->hub) : BP_NEVER;
        for (unsigned i = 0; i < N_SCANNERS; i++)
            if (f->scanners[i] && scanner_deadline(f->scanners[i]) < due_ns) {
                due = f->scanners[i];
                due_ns = scanner_deadline(due);
            }
        if (due_ns > T0 + after_ns)
            break;
        f->now_ns = due_ns > f->now_ns ? due_ns : f->now_ns;
        if (due)
            scanner_tick(due, f->now_ns);
        else
            hub_tick(f->hub, f->now_ns);
    }
    f->now_ns = T0 + after_ns;
}

static inline void at(struct fixture *f, uint64_t after_s)
{
    at_ns(f, after_s * NS_PER_S);
}

/* The merged content as text: name|uuids|uuid:data|company:data. */
static inline const char *content(const struct bleproxy_advertisement *view)
{
    static char text[2000];
    size_t n = (size_t)snprintf(text, sizeof(text), "%s", view->name ? view->name : "-");
    enum bleproxy_field_kind kind = 0;
    struct bleproxy_field field;
    size_t position = 0;
    while (bleproxy_field_next(view, &position, &field)) {
        assert_true(field.kind >= kind); /* grouped */
        while (kind < field.kind) {
            text[n++] = '|';
            kind++;
        }
        if (field.kind == BLEPROXY_FIELD_MANUFACTURER_DATA)
            n += (size_t)snprintf(text + n, sizeof(text) - n, " %x", field.company);
        else
            n += (size_t)snprintf(text + n, sizeof(text) - n, " %02x%02x", field.uuid.bytes[0],
                                  field.uuid.bytes[1]);
        if (field.kind != BLEPROXY_FIELD_SERVICE_UUID)
            text[n++] = ':';
        for (size_t i = 0; i < field.size; i++)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%02x", field.data[i]);
    }
    text[n] = '\0';
    return text;
}

/* Counts calls and keeps what came last. */
struct listener {
    unsigned calls;
    uint64_t address, source;
    int8_t rssi_dbm;
    uint8_t changed, connectable;
};

static inline void on_advertisement(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct listener *listener = user;
    listener->calls++;
    listener->address = advertisement->address;
    listener->source = advertisement->source;
    listener->rssi_dbm = advertisement->rssi_dbm;
    listener->changed = advertisement->changed;
    listener->connectable = advertisement->connectable;
}

/* Counts notices and keeps what came last. */
struct notices {
    unsigned connectable, any;
    struct bleproxy_advertisement last;
};

static inline void on_unavailable(void *user, const struct bleproxy_advertisement *last, bool connectable)
{
    struct notices *notices = user;
    notices->connectable += connectable;
    notices->any += !connectable;
    notices->last = *last;
}

static inline struct bleproxy_watch *watch_device(struct fixture *f, uint64_t address,
                                                  struct notices *notices)
{
    struct bleproxy_watch *watch;
    assert_int_equal(hub_watch_unavailable(f->hub, address, on_unavailable, notices, &watch), 0);
    return watch;
}

static inline struct bleproxy_subscription *listen(struct fixture *f, enum bleproxy_stream stream,
                                                   struct listener *listener)
{
    struct bleproxy_subscription *subscription;
    assert_int_equal(hub_subscribe(f->hub, stream, NULL, on_advertisement, listener, &subscription), 0);
    return subscription;
}

#endif
