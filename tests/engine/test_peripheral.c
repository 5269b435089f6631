/* SPDX-License-Identifier: MIT */
/* Devices as programs use them: through the public API on real sockets, behind a virtual proxy. */
#include "device_fixture.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The C library's, counted. */
static int n_writes;

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    n_writes++;
    return syscall(SYS_sendmsg, fd, message, flags);
}

static void test_a_device_is_connected_used_and_left(void **state)
{
    (void)state;
    struct fixture fixture;
    uint8_t value[BLEPROXY_VALUE_MAX];
    fixture_open(&fixture, "Virtual UART", NULL);
    assert_false(bleproxy_peripheral_is_connected(fixture.peripheral));
    assert_int_equal(bleproxy_peripheral_services(fixture.peripheral)->n_services, 0);
    assert_int_equal(fixture_connect(&fixture), 0);
    assert_int_equal(fixture.last.attempts, 1);
    assert_true(bleproxy_peripheral_is_connected(fixture.peripheral));
    assert_int_equal(bleproxy_peripheral_address(fixture.peripheral), fixture.address);
    assert_true(bleproxy_peripheral_source(fixture.peripheral) == fixture.last.source);
    assert_int_equal(bleproxy_peripheral_mtu(fixture.peripheral), 517);
    assert_int_equal(bleproxy_peripheral_services(fixture.peripheral)->n_services, 3);

    uint16_t store = fixture_handle(&fixture, UART_STORE), echo = fixture_handle(&fixture, UART_ECHO),
             speak = fixture_handle(&fixture, UART_WRITE);
    for (size_t i = 0; i < sizeof(value); i++)
        value[i] = (uint8_t)(i * 7);
    assert_int_equal(fixture_write(&fixture, store, value, sizeof(value), BLEPROXY_WRITE_DEFAULT), 0);
    assert_int_equal(fixture_read(&fixture, store), 0);
    assert_int_equal(fixture.size, sizeof(value));
    assert_memory_equal(fixture.value, value, sizeof(value));

    assert_int_equal(fixture_subscribe(&fixture, echo), 0);
    assert_int_equal(fixture_write(&fixture, speak, "hello", 5, BLEPROXY_WRITE_WITHOUT_RESPONSE), 0);
    fixture_run(&fixture, &fixture.n_notified, 1);
    assert_int_equal(fixture.size, 5);
    assert_memory_equal(fixture.value, "hello", 5);

    assert_int_equal(fixture_disconnect(&fixture), 0);
    assert_int_equal(fixture.n_lost, 1);
    assert_int_equal(fixture.lost.error, 0);
    assert_false(bleproxy_peripheral_is_connected(fixture.peripheral));
    assert_int_equal(bleproxy_peripheral_read(fixture.peripheral, store, 0, fixture_done, &fixture, NULL),
                     BLEPROXY_E_NOT_CONNECTED);
    assert_int_equal(fixture_connect(&fixture), 0); /* and again */
    fixture_close(&fixture);
    assert_int_equal(fixture.n_lost, 1);
}

static void test_writes_of_one_turn_leave_in_one_piece(void **state)
{
    (void)state;
    enum { WRITES = 20 };
    struct fixture fixture;
    fixture_open(&fixture, "Virtual UART", NULL);
    assert_int_equal(fixture_connect(&fixture), 0);
    uint16_t store = fixture_handle(&fixture, UART_STORE);
    int done = fixture.n_done;
    n_writes = 0;
    for (int i = 0; i < WRITES; i++)
        assert_int_equal(bleproxy_peripheral_write(fixture.peripheral, store, &i, sizeof(i),
                                                   BLEPROXY_WRITE_WITHOUT_RESPONSE, 0, fixture_done, &fixture,
                                                   NULL),
                         0);
    fixture_run(&fixture, &fixture.n_done, done + WRITES);
    assert_int_equal(n_writes, 1);
    assert_int_equal(fixture_read(&fixture, store), 0);
    const int last = WRITES - 1;
    assert_memory_equal(fixture.value, &last, sizeof(last));
    fixture_close(&fixture);
}

/* A burst's notifications begin with their number. */
static void in_order(void *user, uint16_t handle, const uint8_t *value, size_t size)
{
    struct fixture *fixture = user;
    assert_true(size >= 2);
    assert_int_equal(value[0] | value[1] << 8, fixture->n_notified & 0xffff);
    fixture_notified(fixture, handle, value, size);
}

static void test_a_thousand_notifications_come_in_order(void **state)
{
    (void)state;
    struct fixture fixture;
    const uint8_t thousand[] = {0xe8, 0x03};
    fixture_open(&fixture, "Virtual UART", NULL);
    assert_int_equal(fixture_connect(&fixture), 0);
    uint16_t burst = fixture_handle(&fixture, UART_BURST);
    assert_int_equal(bleproxy_peripheral_subscribe(fixture.peripheral, burst, 0, in_order, &fixture,
                                                   fixture_done, &fixture, NULL),
                     0);
    fixture_run(&fixture, &fixture.n_done, 2);
    assert_int_equal(fixture.last.error, 0);
    assert_int_equal(fixture_write(&fixture, burst, thousand, sizeof(thousand), BLEPROXY_WRITE_DEFAULT), 0);
    fixture_run(&fixture, &fixture.n_notified, 1000);
    fixture_close(&fixture);
    assert_int_equal(fixture.n_notified, 1000);
}

/* With the files that are kept in it, of which there may be any, and no others. */
static void remove_folder(const char *folder)
{
    static const char *const names[] = {"services", "bonds", "history", "proxies"};
    char path[64];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
}

static void test_services_outlive_the_program_in_a_file(void **state)
{
    (void)state;
    char folder[] = "/tmp/bleproxy-state-XXXXXX", path[64];
    struct fixture fixture;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/services", folder);
    for (int run = 0; run < 2; run++) {
        fixture_open(&fixture, "Virtual Tower", folder);
        assert_int_equal(fixture_connect(&fixture), 0);
        assert_int_equal(bleproxy_peripheral_services(fixture.peripheral)->n_services, 16);
        fixture_close(&fixture);
        assert_int_equal(access(path, F_OK), 0);
    }
    remove_folder(folder);
}

static int operate(struct fixture *fixture,
                   int (*begin)(struct bleproxy_peripheral *peripheral, bleproxy_result_fn *on_done,
                                void *user, struct bleproxy_operation **ret_operation))
{
    int before = fixture->n_done;
    assert_int_equal(begin(fixture->peripheral, fixture_done, fixture, NULL), 0);
    fixture_run(fixture, &fixture->n_done, before + 1);
    return fixture->last.error;
}

/* A program that is killed when the device is paired knows of the bond the next time. */
static void test_a_bond_outlives_the_program_in_a_file(void **state)
{
    (void)state;
    char folder[] = "/tmp/bleproxy-state-XXXXXX", bonds[64], text[BLEPROXY_PATH_TEXT_SIZE];
    struct fixture fixture;
    assert_non_null(mkdtemp(folder));
    snprintf(bonds, sizeof(bonds), "%s/bonds", folder);
    fixture_open(&fixture, "Virtual Lock", folder);
    assert_null(bleproxy_hub_bond(fixture.hub, fixture.address));
    assert_int_equal(fixture_connect(&fixture), 0);
    assert_int_equal(access(bonds, F_OK), -1);
    assert_int_equal(operate(&fixture, bleproxy_peripheral_pair), 0);
    assert_int_equal(access(bonds, F_OK), 0); /* already */
    const uint64_t source = bleproxy_peripheral_source(fixture.peripheral), address = fixture.address;
    fixture_close(&fixture);

    fixture_open(&fixture, "Virtual Lock", folder);
    size_t position = 0;
    const struct bleproxy_bond *bond = bleproxy_hub_next_bond(fixture.hub, &position);
    assert_non_null(bond);
    assert_true(bond->address == address && bond->source == source);
    assert_string_equal(bond->proxy, bleproxy_manager_device_info(fixture.manager)->name);
    assert_null(bleproxy_hub_next_bond(fixture.hub, &position));
    assert_ptr_equal(bleproxy_hub_bond(fixture.hub, address), bond);
    bleproxy_hub_explain_path(fixture.hub, address, text, sizeof(text));
    assert_non_null(strstr(text, "it can be connected: through "));
    assert_int_equal(fixture_connect(&fixture), 0);
    bleproxy_hub_explain_path(fixture.hub, address, text, sizeof(text));
    assert_non_null(strstr(text, "it is connected through "));
    assert_non_null(strstr(text, ", by this program"));
    assert_int_equal(operate(&fixture, bleproxy_peripheral_unpair), 0);
    assert_null(bleproxy_hub_bond(fixture.hub, address));
    assert_int_equal(bleproxy_hub_forget_bond(fixture.hub, address), BLEPROXY_E_NOT_FOUND);
    fixture_close(&fixture);
    remove_folder(folder);
}

static void test_pins_and_paths(void **state)
{
    (void)state;
    struct fixture fixture;
    struct bleproxy_path paths[2];
    char text[BLEPROXY_PATH_TEXT_SIZE];
    size_t n = 0;
    fixture_open(&fixture, "Virtual UART", NULL);
    const uint64_t address = fixture.address;
    const char *name = bleproxy_manager_device_info(fixture.manager)->name;
    bleproxy_hub_paths(fixture.hub, address, paths, 2, &n);
    assert_int_equal(n, 1);
    assert_int_equal(paths[0].obstacle, BLEPROXY_OBSTACLE_NONE);
    assert_string_equal(paths[0].proxy, name);
    assert_true(paths[0].score_dbm == paths[0].smoothed_dbm && paths[0].slots_limit == 3);
    assert_int_equal(bleproxy_hub_pin(fixture.hub, address, "shed", BLEPROXY_PIN_ONLY), 0);
    bleproxy_hub_paths(fixture.hub, address, paths, 2, &n);
    assert_int_equal(paths[0].obstacle, BLEPROXY_OBSTACLE_NOT_ALLOWED);
    bleproxy_hub_explain_path(fixture.hub, address, text, sizeof(text));
    assert_non_null(strstr(text, "it may only be connected through shed, which is not connected"));
    const struct bleproxy_connect_options once = {.attempts = 1};
    assert_int_equal(bleproxy_peripheral_connect(fixture.peripheral, &once, fixture_done, &fixture, NULL), 0);
    fixture_run(&fixture, &fixture.n_done, 1);
    assert_int_equal(fixture.last.error, BLEPROXY_E_NO_PROXY);
    assert_non_null(strstr(fixture.text, "shed, which is not connected"));
    assert_int_equal(bleproxy_hub_pin(fixture.hub, address, name, BLEPROXY_PIN_ONLY), 0);
    assert_int_equal(fixture_connect(&fixture), 0);
    assert_int_equal(bleproxy_hub_unpin(fixture.hub, address, "shed", BLEPROXY_PIN_ONLY), 0);
    assert_int_equal(bleproxy_hub_unpin(fixture.hub, address, "shed", BLEPROXY_PIN_ONLY),
                     BLEPROXY_E_NOT_FOUND);
    fixture_close(&fixture);
}

struct watch {
    struct bleproxy_loop *loop;
    int n_calls;
    uint32_t free, limit;
    uint64_t allocated;
};

static void on_slots(void *user, uint64_t source, const char *proxy, const struct bleproxy_slots *slots)
{
    struct watch *watch = user;
    assert_true(source != 0 && *proxy);
    watch->n_calls++;
    watch->free = slots->free;
    watch->limit = slots->limit;
    watch->allocated = slots->n_allocated > 0 ? slots->allocated[0] : 0;
    bleproxy_loop_stop(watch->loop);
}

static void test_slots_are_watched(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, "Virtual Battery", NULL);
    struct watch watch = {.loop = fixture.loop, .free = 3};
    bleproxy_hub_watch_slots(fixture.hub, on_slots, &watch);
    assert_int_equal(fixture_connect(&fixture), 0);
    while (watch.free != 2)
        fixture_run(&fixture, &watch.n_calls, watch.n_calls + 1);
    assert_int_equal(watch.limit, 3);
    assert_true(watch.allocated == fixture.address);
    assert_int_equal(fixture_disconnect(&fixture), 0);
    while (watch.free != 3)
        fixture_run(&fixture, &watch.n_calls, watch.n_calls + 1);
    int seen = watch.n_calls;
    bleproxy_hub_watch_slots(fixture.hub, NULL, NULL);
    assert_int_equal(fixture_connect(&fixture), 0);
    fixture_close(&fixture);
    assert_int_equal(watch.n_calls, seen);
}

static void test_a_lost_proxy_ends_the_link_and_what_is_under_way(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, "Virtual Mute", NULL);
    assert_int_equal(fixture_connect(&fixture), 0);
    const struct bleproxy_service *service = bleproxy_peripheral_services(fixture.peripheral)->services;
    assert_int_equal(bleproxy_peripheral_read(fixture.peripheral, service->characteristics[0].handle, 0,
                                              fixture_done, &fixture, NULL),
                     0);
    virtual_proxy_stop(&fixture.proxy, SIGKILL);
    fixture_run(&fixture, &fixture.n_lost, 1);
    assert_int_equal(fixture.n_done, 2);
    assert_true(fixture.last.error < 0);
    assert_int_equal(fixture.lost.cause, BLEPROXY_CAUSE_PROXY);
    assert_false(bleproxy_peripheral_is_connected(fixture.peripheral));
    fixture_close(&fixture);
}

static void test_wrong_use_is_refused_at_once(void **state)
{
    (void)state;
    struct fixture fixture;
    struct bleproxy_peripheral *other;
    static const uint8_t big[BLEPROXY_VALUE_MAX + 1];
    fixture_open(&fixture, "Virtual UART", NULL);
    assert_int_equal(bleproxy_peripheral_new(fixture.hub, 0, &other), BLEPROXY_E_INVALID);
    assert_int_equal(fixture_connect(&fixture), 0);
    uint16_t store = fixture_handle(&fixture, UART_STORE);
    assert_int_equal(bleproxy_peripheral_connect(fixture.peripheral, NULL, fixture_done, &fixture, NULL),
                     BLEPROXY_E_BUSY);
    assert_int_equal(bleproxy_peripheral_read(fixture.peripheral, 0xffff, 0, fixture_done, &fixture, NULL),
                     BLEPROXY_E_NO_ATTRIBUTE);
    assert_int_equal(bleproxy_peripheral_write(fixture.peripheral, store, big, sizeof(big),
                                               BLEPROXY_WRITE_DEFAULT, 0, fixture_done, &fixture, NULL),
                     BLEPROXY_E_TOO_LONG);
    assert_int_equal(bleproxy_peripheral_subscribe(fixture.peripheral, store, 0, fixture_notified, &fixture,
                                                   fixture_done, &fixture, NULL),
                     BLEPROXY_E_PROPERTY);
    const struct bleproxy_connection_parameters parameters = {.interval_min = 1};
    assert_int_equal(
        bleproxy_peripheral_set_parameters(fixture.peripheral, &parameters, fixture_done, &fixture, NULL),
        BLEPROXY_E_INVALID);
    fixture_close(&fixture);
    assert_int_equal(fixture.n_done, 1);
}

static void test_a_foreign_loop_carries_operations(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, "Virtual Battery", NULL);
    struct pollfd fd = {.fd = bleproxy_loop_fd(fixture.loop), .events = POLLIN};
    uint16_t level = 0;
    assert_int_equal(bleproxy_peripheral_connect(fixture.peripheral, NULL, fixture_done, &fixture, NULL), 0);
    for (int turns = 0; fixture.n_done < 21; turns++) {
        assert_true(turns < 10000);
        int done = fixture.n_done;
        assert_true(poll(&fd, 1, bleproxy_loop_timeout_ms(fixture.loop)) >= 0);
        bleproxy_loop_process(fixture.loop);
        if (fixture.n_done == done)
            continue;
        assert_int_equal(fixture.last.error, 0);
        if (!level)
            level = fixture_handle(&fixture, "2a19");
        assert_int_equal(bleproxy_peripheral_read(fixture.peripheral, level, 0, fixture_done, &fixture, NULL),
                         0);
    }
    fixture_close(&fixture);
    assert_int_equal(fixture.n_done, 22); /* the last one is cancelled */
    assert_int_equal(fixture.last.error, BLEPROXY_E_CANCELLED);
}

static void test_gathering_holds_back_nothing_that_devices_say(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open_gathering(&fixture, 1000, "Virtual UART");
    assert_int_equal(fixture_connect(&fixture), 0);
    assert_int_equal(fixture_subscribe(&fixture, fixture_handle(&fixture, UART_ECHO)), 0);
    for (int i = 0; i < 5; i++) {
        uint64_t began = bleproxy_loop_now_ns(fixture.loop);
        assert_int_equal(bleproxy_peripheral_write(fixture.peripheral, fixture_handle(&fixture, UART_WRITE),
                                                   "hello", 5, BLEPROXY_WRITE_WITHOUT_RESPONSE, 0,
                                                   fixture_done, &fixture, NULL),
                         0);
        fixture_run(&fixture, &fixture.n_notified, i + 1);
        assert_true(bleproxy_loop_now_ns(fixture.loop) - began < UINT64_C(500000000)); /* not a round of it */
    }
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_device_is_connected_used_and_left),
        cmocka_unit_test(test_writes_of_one_turn_leave_in_one_piece),
        cmocka_unit_test(test_a_thousand_notifications_come_in_order),
        cmocka_unit_test(test_services_outlive_the_program_in_a_file),
        cmocka_unit_test(test_a_bond_outlives_the_program_in_a_file),
        cmocka_unit_test(test_pins_and_paths),
        cmocka_unit_test(test_slots_are_watched),
        cmocka_unit_test(test_a_lost_proxy_ends_the_link_and_what_is_under_way),
        cmocka_unit_test(test_wrong_use_is_refused_at_once),
        cmocka_unit_test(test_a_foreign_loop_carries_operations),
        cmocka_unit_test(test_gathering_holds_back_nothing_that_devices_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
