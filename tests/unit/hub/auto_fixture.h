/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HUB_AUTO_FIXTURE_H
#define TESTS_HUB_AUTO_FIXTURE_H

#include "hub/scanner_private.h"

#include "fixture.h"
#include <bleproxy/error.h>

/* The hub of fixture.h, whose scanners have proxies that note how they are told to scan, and a house in which devices
 * advertise every ten seconds. Times are seconds from T0 on. */
enum { MAX_SENT = 256, MAX_AIRED = 16, AIR_EVERY_S = 10, MAX_ROUNDS = 200000 };

struct proxy {
    struct auto_house *house;
    struct scanner *scanner;
    int answer;                            /* to the next messages */
    void (*act)(struct auto_house *house); /* once, from within the next message */
};

struct auto_house {
    struct fixture *f;
    struct proxy proxies[N_SCANNERS];
    struct {
        uint64_t at_ns;
        unsigned proxy;
        enum bleproxy_scanner_mode mode;
    } sent[MAX_SENT];
    size_t n_sent;
    struct {
        unsigned proxy;
        uint64_t address;
        int32_t rssi;
    } aired[MAX_AIRED];
    size_t n_aired;
    uint64_t air_ns;
    unsigned n_wakes; /* of the hub's deadline */
    unsigned n_done, n_cancelled, n_swept;
    struct bleproxy_sweep *sweep;
    struct bleproxy_active_scan *request;
    bool inside; /* a call of the test is on the stack: "never from within" */
};

static struct auto_house house;

static inline int house_set_mode(void *user, enum bleproxy_scanner_mode mode, uint64_t now_ns)
{
    struct proxy *proxy = user;
    struct auto_house *h = proxy->house;
    int answer = proxy->answer;
    assert_true(h->n_sent < MAX_SENT);
    h->sent[h->n_sent].at_ns = now_ns;
    h->sent[h->n_sent].proxy = (unsigned)(proxy - h->proxies);
    h->sent[h->n_sent].mode = mode;
    if (answer == 0)
        h->n_sent++;
    if (proxy->act) {
        void (*act)(struct auto_house * house_) = proxy->act;
        proxy->act = NULL;
        act(h);
    }
    return answer;
}

static inline int house_subscribe(void *user, uint64_t now_ns)
{
    (void)user, (void)now_ns;
    return 0;
}

static const struct scanner_ops house_ops = {house_subscribe, house_set_mode};

static inline void house_wake(void *user)
{
    struct auto_house *h = user;
    h->n_wakes++;
}

static inline int house_setup(void **state)
{
    fixture_setup(state);
    memset(&house, 0, sizeof(house));
    house.f = *state;
    house.air_ns = T0 + 5 * NS_PER_S;
    for (unsigned i = 0; i < N_SCANNERS; i++) {
        house.proxies[i] = (struct proxy){.house = &house, .scanner = house.f->scanners[i]};
        scanner_bind(house.f->scanners[i], &house_ops, &house.proxies[i], NULL);
        /* The subscription is accepted: it has nothing to do with this. */
        scanner_on_state(house.f->scanners[i], BLEPROXY_SCANNER_RUNNING, 0, 0, house.f->now_ns);
    }
    hub_watch_deadline(house.f->hub, house_wake, &house);
    return 0;
}

static inline int house_teardown(void **state)
{
    return fixture_teardown(state);
}

static inline void set_mode(unsigned proxy, enum bleproxy_scanner_mode mode)
{
    assert_int_equal(scanner_set_mode(house.f->scanners[proxy], mode, house.f->now_ns), 0);
}

/* From now on the proxy hears the device every ten seconds. */
static inline void air(unsigned proxy, uint64_t address, int32_t rssi)
{
    for (size_t i = 0; i < house.n_aired; i++)
        if (house.aired[i].proxy == proxy && house.aired[i].address == address) {
            house.aired[i].rssi = rssi;
            return;
        }
    assert_true(house.n_aired < MAX_AIRED);
    house.aired[house.n_aired].proxy = proxy;
    house.aired[house.n_aired].address = address;
    house.aired[house.n_aired++].rssi = rssi;
}

static inline void silence(unsigned proxy, uint64_t address)
{
    air(proxy, address, INT32_MAX);
}

/* The next report of each at once. */
static inline void hear_all(void)
{
    for (size_t i = 0; i < house.n_aired; i++)
        if (house.aired[i].rssi != INT32_MAX && house.f->scanners[house.aired[i].proxy])
            hear(house.f, house.f->scanners[house.aired[i].proxy], house.aired[i].address,
                 house.aired[i].rssi, "020106");
}

static inline uint64_t next_deadline(void)
{
    uint64_t next_ns = time_min(hub_deadline(house.f->hub), house.air_ns);
    for (unsigned i = 0; i < N_SCANNERS; i++)
        if (house.f->scanners[i])
            next_ns = time_min(next_ns, scanner_deadline(house.f->scanners[i]));
    return next_ns;
}

/* Lets time pass, keeping all appointments. */
static inline void run_to(double seconds)
{
    struct fixture *f = house.f;
    uint64_t until_ns = T0 + (uint64_t)(seconds * 1e9 + 0.5), next_ns;
    for (unsigned round = 0; (next_ns = next_deadline()) <= until_ns; round++) {
        assert_true(round < MAX_ROUNDS);
        if (f->now_ns < next_ns)
            f->now_ns = next_ns;
        if (f->now_ns >= house.air_ns) {
            house.air_ns += AIR_EVERY_S * NS_PER_S;
            hear_all();
        }
        for (unsigned i = 0; i < N_SCANNERS; i++)
            if (f->scanners[i] && f->now_ns >= scanner_deadline(f->scanners[i]))
                scanner_tick(f->scanners[i], f->now_ns);
        if (f->now_ns >= hub_deadline(f->hub))
            hub_tick(f->hub, f->now_ns);
    }
    f->now_ns = until_ns;
}

static inline double seconds_of(uint64_t ns)
{
    return (double)(int64_t)(ns - T0) / 1e9;
}

/* What proxies were told since T0, from the first message on: "kitchen 240 active, kitchen 255 passive". */
static inline const char *messages(size_t first)
{
    static char text[4096];
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = first; i < house.n_sent; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %g %s", n > 0 ? ", " : "",
                              scanner_name(house.proxies[house.sent[i].proxy].scanner),
                              seconds_of(house.sent[i].at_ns),
                              house.sent[i].mode == BLEPROXY_MODE_ACTIVE ? "active" : "passive");
    return text;
}

/* The windows since T0, by beginning: "kitchen 240+15, garage 255+15"; one that is open: "kitchen 240+". */
static inline const char *windows(void)
{
    static const char *const names[] = {"kitchen", "garage", "attic", "cellar"};
    static char text[4096];
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < house.n_sent; i++) {
        if (house.sent[i].mode != BLEPROXY_MODE_ACTIVE)
            continue;
        size_t end = i + 1;
        while (end < house.n_sent && house.sent[end].proxy != house.sent[i].proxy)
            end++;
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %g+", n > 0 ? ", " : "",
                              names[house.sent[i].proxy], seconds_of(house.sent[i].at_ns));
        if (end < house.n_sent)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%g",
                                  seconds_of(house.sent[end].at_ns) - seconds_of(house.sent[i].at_ns));
    }
    return text;
}

/* The request is the caller's. */
static inline struct bleproxy_active_scan *want(uint64_t address, uint32_t interval_s, uint32_t duration_s)
{
    struct bleproxy_active_scan *request;
    assert_int_equal(hub_request_active_scan(house.f->hub, address, interval_s * 1000, duration_s * 1000,
                                             house.f->now_ns, &request),
                     0);
    return request;
}

static inline struct bleproxy_active_scan_info info_of(const struct bleproxy_active_scan *request)
{
    struct bleproxy_active_scan_info info;
    bleproxy_active_scan_get(request, &info);
    return info;
}

static inline double due(const struct bleproxy_active_scan *request)
{
    uint64_t due_ns = info_of(request).due_ns;
    return due_ns ? seconds_of(due_ns) : -1;
}

static inline void on_swept(void *user, int error, bool swept)
{
    struct auto_house *h = user;
    assert_false(h->inside);
    h->n_done++;
    h->n_cancelled += error == BLEPROXY_E_CANCELLED;
    h->n_swept += swept;
    assert_true(error == 0 || error == BLEPROXY_E_CANCELLED);
}

static inline struct bleproxy_sweep *sweep_for(uint32_t duration_s)
{
    struct bleproxy_sweep *sweep;
    house.inside = true;
    assert_int_equal(hub_sweep(house.f->hub, duration_s * 1000, on_swept, &house, house.f->now_ns, &sweep),
                     0);
    house.inside = false;
    return sweep;
}

#define HOUSE_TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

#endif
