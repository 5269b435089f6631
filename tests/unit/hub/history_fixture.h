/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HUB_HISTORY_FIXTURE_H
#define TESTS_HUB_HISTORY_FIXTURE_H

#include "fixture.h"

#include "hub/history.h"
#include "hub/hub_private.h"
#include "hub/scanner_private.h"

#define LAMP       "05094c616d70" /* a name, as in a scan response */
#define NAMELESS   "020106"
#define WALL_NS    (INT64_C(1700000000) * (int64_t)NS_PER_S)
#define LIMIT_FILE (64 * 1024 * 1024)

enum { A, B, C, D };

/* The proxy loses its connection, and has one again. */
static inline void lose(struct fixture *f, unsigned i)
{
    scanner_free(f->scanners[i]);
    f->scanners[i] = NULL;
}

static inline struct scanner *come(struct fixture *f, unsigned i)
{
    static const char *const names[N_SCANNERS] = {"kitchen", "garage", "attic", "cellar"};
    f->scanners[i] = make_scanner(f, 0xA0 + i, names[i]);
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[i], f->now_ns), 0);
    return f->scanners[i];
}

/* The program ends and begins anew, as another process would that far into the life of its clock: with a new hub and no
 * proxy yet. */
static inline void restart(struct fixture *f, uint64_t after_s, uint64_t now_ns)
{
    struct buffer file;
    const struct bleproxy_hub_options options = {.reference = f->hub->rules};
    uint64_t wall_ns = f->now_ns + (uint64_t)WALL_NS + after_s * NS_PER_S;
    buffer_init(&file, &f->test.env, LIMIT_FILE);
    assert_int_equal(history_encode(f->hub, WALL_NS, f->now_ns, &file), 0);
    for (unsigned i = 0; i < N_SCANNERS; i++)
        lose(f, i);
    hub_free(f->hub, f->now_ns);
    f->now_ns = now_ns;
    assert_int_equal(hub_new(&f->test.env, &options, f->now_ns, &f->hub), 0);
    assert_int_equal(
        history_decode(f->hub, (int64_t)(wall_ns - now_ns), now_ns, buffer_data(&file), file.size), 0);
    buffer_deinit(&file);
}

static inline const char *name_of(const struct fixture *f, uint64_t address)
{
    const struct bleproxy_device *device = hub_device(f->hub, address);
    assert_non_null(device);
    const char *name = bleproxy_device_name(device);
    return name ? name : "";
}

#endif
