/* SPDX-License-Identifier: MIT */
#include "device_fixture.h"

#include "patience.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

void fixture_run(struct fixture *fixture, const int *what, int count)
{
    struct bleproxy_timer *patience = patience_new(fixture->loop);
    while (*what < count && fixture->uv)
        uv_run(fixture->uv, UV_RUN_ONCE);
    while (*what < count)
        bleproxy_loop_run(fixture->loop);
    bleproxy_timer_free(patience);
}

static void keep(struct fixture *fixture, struct bleproxy_result *kept, const struct bleproxy_result *result)
{
    assert_false(fixture->inside);
    assert_true((result->error == 0 && !result->missing) == !*result->text);
    *kept = *result;
    kept->value = NULL;
    kept->text = fixture->text;
    snprintf(fixture->text, sizeof(fixture->text), "%s", result->text);
    bleproxy_loop_stop(fixture->loop);
}

static void keep_value(struct fixture *fixture, const uint8_t *value, size_t size)
{
    assert_true(size <= sizeof(fixture->value));
    fixture->size = size;
    if (size > 0)
        memcpy(fixture->value, value, size);
}

void fixture_done(void *user, const struct bleproxy_result *result)
{
    struct fixture *fixture = user;
    fixture->n_done++;
    keep(fixture, &fixture->last, result);
    if (result->value)
        keep_value(fixture, result->value, result->size);
}

void fixture_lost(void *user, const struct bleproxy_result *result)
{
    struct fixture *fixture = user;
    fixture->n_lost++;
    keep(fixture, &fixture->lost, result);
}

void fixture_notified(void *user, uint16_t handle, const uint8_t *value, size_t size)
{
    struct fixture *fixture = user;
    assert_true(handle > 0);
    assert_false(fixture->inside);
    fixture->n_notified++;
    keep_value(fixture, value, size);
    bleproxy_loop_stop(fixture->loop);
}

static void on_started(void *user, int error)
{
    struct fixture *fixture = user;
    assert_int_equal(error, 0);
    fixture->n_started++;
    bleproxy_loop_stop(fixture->loop);
}

static void on_found(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct fixture *fixture = user;
    assert_int_equal(error, 0);
    fixture->address = advertisement->address;
    fixture->n_found++;
    bleproxy_loop_stop(fixture->loop);
}

static void open_on(struct fixture *fixture, uv_loop_t *uv, uint32_t gather_ms, const char *device,
                    const char *state_dir)
{
    const struct bleproxy_loop_options loop_options = {.gather_ms = gather_ms};
    *fixture = (struct fixture){.uv = uv, .proxy = virtual_proxy_start("2026.8", NULL, false)};
    const struct bleproxy_hub_options options = {.state_dir = state_dir};
    const struct bleproxy_proxy_config config = {.address = "127.0.0.1", .port = fixture->proxy.port};
    const struct bleproxy_filter filter = {.name = device};
    assert_int_equal(uv ? bleproxy_loop_new_uv(uv, &loop_options, &fixture->loop)
                        : bleproxy_loop_new(&loop_options, &fixture->loop),
                     0);
    assert_int_equal(bleproxy_hub_new(fixture->loop, &options, &fixture->hub), 0);
    assert_int_equal(bleproxy_manager_new(fixture->hub, &config, &fixture->manager), 0);
    assert_int_equal(bleproxy_manager_start(fixture->manager, on_started, fixture), 0);
    fixture_run(fixture, &fixture->n_started, 1);
    assert_int_equal(bleproxy_hub_find(fixture->hub, &filter, 30000, on_found, fixture, NULL), 0);
    fixture_run(fixture, &fixture->n_found, 1);
    assert_int_equal(bleproxy_peripheral_new(fixture->hub, fixture->address, &fixture->peripheral), 0);
    bleproxy_peripheral_on_disconnected(fixture->peripheral, fixture_lost, fixture);
}

void fixture_open(struct fixture *fixture, const char *device, const char *state_dir)
{
    open_on(fixture, NULL, 0, device, state_dir);
}

void fixture_open_uv(struct fixture *fixture, uv_loop_t *uv, const char *device)
{
    open_on(fixture, uv, 0, device, NULL);
}

void fixture_open_gathering(struct fixture *fixture, uint32_t gather_ms, const char *device)
{
    open_on(fixture, NULL, gather_ms, device, NULL);
}

void fixture_close(struct fixture *fixture)
{
    bleproxy_peripheral_free(fixture->peripheral);
    bleproxy_manager_free(fixture->manager);
    bleproxy_hub_free(fixture->hub);
    bleproxy_loop_free(fixture->loop);
    virtual_proxy_stop(&fixture->proxy, SIGTERM);
}

/* started: by a call that the macro wraps, so that nothing may be told from within. */
static int wait(struct fixture *fixture, int started)
{
    fixture->inside = false;
    assert_int_equal(started, 0);
    fixture_run(fixture, &fixture->n_done, fixture->n_done + 1);
    return fixture->last.error;
}

#define WAIT(fixture, call) ((fixture)->inside = true, wait(fixture, call))

int fixture_connect(struct fixture *fixture)
{
    return WAIT(fixture, bleproxy_peripheral_connect(fixture->peripheral, NULL, fixture_done, fixture, NULL));
}

int fixture_disconnect(struct fixture *fixture)
{
    return WAIT(fixture, bleproxy_peripheral_disconnect(fixture->peripheral, fixture_done, fixture, NULL));
}

int fixture_read(struct fixture *fixture, uint16_t handle)
{
    return WAIT(fixture,
                bleproxy_peripheral_read(fixture->peripheral, handle, 0, fixture_done, fixture, NULL));
}

int fixture_write(struct fixture *fixture, uint16_t handle, const void *value, size_t size,
                  enum bleproxy_write_mode mode)
{
    return WAIT(fixture, bleproxy_peripheral_write(fixture->peripheral, handle, value, size, mode, 0,
                                                   fixture_done, fixture, NULL));
}

int fixture_subscribe(struct fixture *fixture, uint16_t handle)
{
    return WAIT(fixture, bleproxy_peripheral_subscribe(fixture->peripheral, handle, 0, fixture_notified,
                                                       fixture, fixture_done, fixture, NULL));
}

uint16_t fixture_handle(const struct fixture *fixture, const char *text)
{
    struct bleproxy_uuid uuid;
    const struct bleproxy_characteristic *characteristic;
    assert_int_equal(bleproxy_uuid_parse(text, &uuid), 0);
    assert_int_equal(
        bleproxy_services_find(bleproxy_peripheral_services(fixture->peripheral), &uuid, &characteristic), 0);
    return characteristic->handle;
}
