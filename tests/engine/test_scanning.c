/* SPDX-License-Identifier: MIT */
/* Scanning on purpose through the public API, against virtual proxies, which are configured to scan actively. */
#include "patience.h"
#include "support.h"
#include "virtual_proxy.h"

#include <bleproxy/bleproxy.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { LOOK_EVERY_MS = 20 };

struct seen {
    struct virtual_proxy proxy;
    struct bleproxy_loop *loop;
    struct bleproxy_hub *hub;
    struct bleproxy_manager *manager;
    int n_started, n_stopped, n_swept, n_cancelled;
    enum bleproxy_scanner_mode mode; /* what is waited for */
    uint64_t address;                /* of the first device heard */
    struct bleproxy_active_scan *request;
    bool inside; /* a call of the test is on the stack: "never from within" */
};

static void on_started(void *user, int error)
{
    struct seen *seen = user;
    assert_int_equal(error, 0);
    seen->n_started++;
    bleproxy_loop_stop(seen->loop);
}

static void on_stopped(void *user, int error)
{
    struct seen *seen = user;
    (void)error;
    seen->n_stopped++;
    bleproxy_loop_stop(seen->loop);
}

static void look(void *user)
{
    struct seen *seen = user;
    struct bleproxy_scanner *scanner = bleproxy_manager_scanner(seen->manager);
    if (scanner && bleproxy_scanner_mode(scanner) == seen->mode)
        bleproxy_loop_stop(seen->loop);
}

/* Until the proxy itself says that it scans like that. */
static void wait_for(struct seen *seen, enum bleproxy_scanner_mode mode)
{
    struct bleproxy_timer *patience = patience_new(seen->loop), *looks;
    seen->mode = mode;
    assert_int_equal(bleproxy_timer_new(seen->loop, LOOK_EVERY_MS, LOOK_EVERY_MS, look, seen, &looks), 0);
    bleproxy_loop_run(seen->loop);
    bleproxy_timer_free(looks);
    bleproxy_timer_free(patience);
}

static void open_with(struct seen *seen, const char *firmware, enum bleproxy_scan_mode mode)
{
    *seen = (struct seen){.proxy = virtual_proxy_start(firmware, NULL, false)};
    const struct bleproxy_proxy_config config = {
        .address = "127.0.0.1", .port = seen->proxy.port, .scan_mode = mode};
    assert_int_equal(bleproxy_loop_new(NULL, &seen->loop), 0);
    assert_int_equal(bleproxy_hub_new(seen->loop, NULL, &seen->hub), 0);
    assert_int_equal(bleproxy_manager_new(seen->hub, &config, &seen->manager), 0);
    assert_int_equal(bleproxy_manager_start(seen->manager, on_started, seen), 0);
}

static void close_all(struct seen *seen)
{
    if (seen->manager) {
        bleproxy_manager_stop(seen->manager, on_stopped, seen);
        run_until(seen->loop, &seen->n_stopped, 1);
        bleproxy_manager_free(seen->manager);
    }
    bleproxy_hub_free(seen->hub);
    bleproxy_loop_free(seen->loop);
    virtual_proxy_stop(&seen->proxy, SIGTERM);
}

static uint64_t source_of(const struct seen *seen)
{
    return bleproxy_manager_device_info(seen->manager)->source;
}

static void on_swept(void *user, int error, bool scanned)
{
    struct seen *seen = user;
    assert_false(seen->inside);
    assert_true(error == 0 || error == BLEPROXY_E_CANCELLED);
    seen->n_swept += scanned;
    seen->n_cancelled += error == BLEPROXY_E_CANCELLED;
    bleproxy_loop_stop(seen->loop);
}

static void test_requests_for_all_proxies(void **state)
{
    (void)state;
    struct seen seen;
    struct bleproxy_scan_request *passive, *active;
    open_with(&seen, "2026.8", BLEPROXY_SCAN_AS_CONFIGURED);
    assert_int_equal(bleproxy_hub_request_scan(seen.hub, BLEPROXY_MODE_PASSIVE, &passive), 0);
    wait_for(&seen, BLEPROXY_MODE_PASSIVE); /* it was made before the proxy was there */
    assert_int_equal(bleproxy_hub_request_scan(seen.hub, BLEPROXY_MODE_ACTIVE, &active), 0);
    wait_for(&seen, BLEPROXY_MODE_ACTIVE);
    bleproxy_scan_request_free(active);
    wait_for(&seen, BLEPROXY_MODE_PASSIVE);
    bleproxy_scan_request_free(passive);
    wait_for(&seen, BLEPROXY_MODE_ACTIVE); /* as it is configured */
    assert_int_equal(bleproxy_hub_request_scan(seen.hub, BLEPROXY_MODE_AUTO, &active), BLEPROXY_E_INVALID);
    close_all(&seen);
}

static void test_mode_auto_and_a_sweep(void **state)
{
    (void)state;
    struct seen seen;
    struct bleproxy_auto_scan info;
    struct bleproxy_sweep *sweep;
    open_with(&seen, "2026.8", BLEPROXY_SCAN_AUTO);
    wait_for(&seen, BLEPROXY_MODE_PASSIVE);
    assert_int_equal(bleproxy_hub_get_auto_scan(seen.hub, source_of(&seen), &info), 0);
    assert_int_equal(info.window_ns, 0);
    assert_true(info.next_ns == info.sweep_ns && info.sweep_ns > bleproxy_loop_now_ns(seen.loop));
    seen.inside = true;
    assert_int_equal(bleproxy_hub_sweep(seen.hub, 0, on_swept, &seen, &sweep), 0);
    seen.inside = false;
    wait_for(&seen, BLEPROXY_MODE_ACTIVE);
    assert_int_equal(bleproxy_hub_get_auto_scan(seen.hub, source_of(&seen), &info), 0);
    assert_true(info.window_open && info.window_ns > 0);
    assert_int_equal(info.window_ms, BLEPROXY_SWEEP_DEFAULT_MS);
    bleproxy_sweep_cancel(sweep);
    assert_int_equal(seen.n_cancelled, 1);
    wait_for(&seen, BLEPROXY_MODE_PASSIVE);
    close_all(&seen);
}

static void test_a_sweep_is_over_in_time(void **state)
{
    (void)state;
    struct seen seen;
    open_with(&seen, "2026.8", BLEPROXY_SCAN_AUTO);
    wait_for(&seen, BLEPROXY_MODE_PASSIVE);
    uint64_t begun_ns = bleproxy_loop_now_ns(seen.loop);
    assert_int_equal(bleproxy_hub_sweep(seen.hub, 1, on_swept, &seen, NULL), 0);
    run_until(seen.loop, &seen.n_swept, 1);
    assert_true(bleproxy_loop_now_ns(seen.loop) - begun_ns >= BLEPROXY_SWEEP_MIN_MS * UINT64_C(1000000));
    wait_for(&seen, BLEPROXY_MODE_PASSIVE);
    close_all(&seen);
}

static void count_done(void *user, int error, bool scanned)
{
    struct seen *seen = user;
    assert_int_equal(error, 0);
    assert_false(scanned);
    seen->n_started = 100;
    bleproxy_loop_stop(seen->loop);
}

static void test_a_sweep_of_proxies_that_are_not_auto_is_over_at_once(void **state)
{
    (void)state;
    struct seen seen;
    open_with(&seen, "2026.8", BLEPROXY_SCAN_PASSIVE);
    wait_for(&seen, BLEPROXY_MODE_PASSIVE);
    assert_int_equal(bleproxy_hub_sweep(seen.hub, 35000, count_done, &seen, NULL), 0);
    run_until(seen.loop, &seen.n_started, 100);
    close_all(&seen);
}

static void test_a_sweep_without_proxies_is_over_at_once(void **state)
{
    (void)state;
    struct seen seen = {.n_started = 0};
    assert_int_equal(bleproxy_loop_new(NULL, &seen.loop), 0);
    assert_int_equal(bleproxy_hub_new(seen.loop, NULL, &seen.hub), 0);
    assert_int_equal(bleproxy_hub_sweep(seen.hub, 0, count_done, &seen, NULL), 0);
    run_until(seen.loop, &seen.n_started, 100);
    bleproxy_hub_free(seen.hub);
    bleproxy_loop_free(seen.loop);
}

static void test_a_sweep_is_over_in_time_without_its_proxy(void **state)
{
    (void)state;
    struct seen seen;
    open_with(&seen, "2026.8", BLEPROXY_SCAN_AUTO);
    wait_for(&seen, BLEPROXY_MODE_PASSIVE);
    assert_int_equal(bleproxy_hub_sweep(seen.hub, 1, on_swept, &seen, NULL), 0);
    wait_for(&seen, BLEPROXY_MODE_ACTIVE);
    bleproxy_manager_stop(seen.manager, on_stopped, &seen);
    run_until(seen.loop, &seen.n_stopped, 1);
    run_until(seen.loop, &seen.n_swept, 1);
    bleproxy_manager_free(seen.manager);
    seen.manager = NULL;
    close_all(&seen);
}

static void on_advert(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct seen *seen = user;
    if (seen->address)
        return;
    seen->address = advertisement->address;
    /* In the middle of what the scanner does: the device is known by then. */
    assert_int_equal(bleproxy_hub_request_active_scan(seen->hub, seen->address, 60000, 5000, &seen->request),
                     0);
    bleproxy_loop_stop(seen->loop);
}

static void test_requests_for_a_device(void **state)
{
    (void)state;
    struct seen seen;
    struct bleproxy_subscription *subscription;
    struct bleproxy_active_scan_info info;
    struct bleproxy_active_scan *other;
    size_t position = 0;
    open_with(&seen, "2026.8", BLEPROXY_SCAN_AUTO);
    assert_int_equal(
        bleproxy_hub_subscribe(seen.hub, BLEPROXY_STREAM_REPORTS, NULL, on_advert, &seen, &subscription), 0);
    while (!seen.request)
        bleproxy_loop_run(seen.loop);
    bleproxy_active_scan_get(seen.request, &info);
    assert_int_equal(info.address, seen.address);
    assert_int_equal(info.source, source_of(&seen));
    assert_true(info.due_ns > bleproxy_loop_now_ns(seen.loop));
    assert_int_equal(info.scanned_ns, 0);
    assert_int_equal(bleproxy_hub_request_active_scan(seen.hub, 1, 0, 0, &other), 0);
    assert_ptr_equal(bleproxy_hub_next_active_scan(seen.hub, &position), seen.request);
    assert_ptr_equal(bleproxy_hub_next_active_scan(seen.hub, &position), other);
    assert_null(bleproxy_hub_next_active_scan(seen.hub, &position));
    assert_int_equal(bleproxy_hub_request_active_scan(seen.hub, 1, 1, 0, &other), BLEPROXY_E_INVALID);
    bleproxy_active_scan_free(seen.request);
    close_all(&seen); /* the other request goes with the hub */
}

static void free_everything(void *user, int error, bool scanned)
{
    struct seen *seen = user;
    (void)error, (void)scanned;
    if (!seen->hub)
        return; /* the second one: the hub completes it as it goes */
    struct bleproxy_hub *hub = seen->hub;
    bleproxy_manager_free(seen->manager);
    seen->hub = NULL;
    seen->manager = NULL;
    bleproxy_hub_free(hub);
    bleproxy_loop_stop(seen->loop);
}

static void test_everything_is_freed_by_a_sweep(void **state)
{
    (void)state;
    for (int cancel = 0; cancel < 2; cancel++) {
        struct seen seen;
        struct bleproxy_sweep *sweep;
        struct bleproxy_scan_request *request;
        open_with(&seen, "2026.8", cancel ? BLEPROXY_SCAN_AUTO : BLEPROXY_SCAN_ACTIVE);
        run_until(seen.loop, &seen.n_started, 1);
        assert_int_equal(bleproxy_hub_request_scan(seen.hub, BLEPROXY_MODE_ACTIVE, &request), 0);
        assert_int_equal(bleproxy_hub_sweep(seen.hub, 0, free_everything, &seen, &sweep), 0);
        assert_int_equal(bleproxy_hub_sweep(seen.hub, 0, free_everything, &seen, NULL), 0);
        if (cancel)
            bleproxy_sweep_cancel(sweep);
        else
            bleproxy_loop_run(seen.loop);
        assert_null(seen.hub);
        close_all(&seen);
    }
}

static void test_old_firmware_scans_as_it_is_configured(void **state)
{
    (void)state;
    struct seen seen;
    struct bleproxy_auto_scan info;
    struct bleproxy_scan_request *request;
    open_with(&seen, "2023.6", BLEPROXY_SCAN_AUTO);
    run_until(seen.loop, &seen.n_started, 1);
    assert_int_equal(bleproxy_hub_get_auto_scan(seen.hub, source_of(&seen), &info), BLEPROXY_E_NOT_FOUND);
    assert_int_equal(bleproxy_hub_request_scan(seen.hub, BLEPROXY_MODE_ACTIVE, &request), 0);
    assert_int_equal(bleproxy_hub_sweep(seen.hub, 0, count_done, &seen, NULL), 0);
    run_until(seen.loop, &seen.n_started, 100);
    close_all(&seen);
}

static void test_a_mode_that_does_not_exist_is_refused(void **state)
{
    (void)state;
    struct bleproxy_loop *loop;
    struct bleproxy_hub *hub;
    struct bleproxy_manager *manager;
    const struct bleproxy_proxy_config config = {.address = "127.0.0.1",
                                                 .scan_mode = (enum bleproxy_scan_mode)4};
    assert_int_equal(bleproxy_loop_new(NULL, &loop), 0);
    assert_int_equal(bleproxy_hub_new(loop, NULL, &hub), 0);
    assert_int_equal(bleproxy_manager_new(hub, &config, &manager), BLEPROXY_E_INVALID);
    bleproxy_hub_free(hub);
    bleproxy_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_for_all_proxies),
        cmocka_unit_test(test_mode_auto_and_a_sweep),
        cmocka_unit_test(test_a_sweep_is_over_in_time),
        cmocka_unit_test(test_a_sweep_of_proxies_that_are_not_auto_is_over_at_once),
        cmocka_unit_test(test_a_sweep_without_proxies_is_over_at_once),
        cmocka_unit_test(test_a_sweep_is_over_in_time_without_its_proxy),
        cmocka_unit_test(test_requests_for_a_device),
        cmocka_unit_test(test_everything_is_freed_by_a_sweep),
        cmocka_unit_test(test_old_firmware_scans_as_it_is_configured),
        cmocka_unit_test(test_a_mode_that_does_not_exist_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
