/* SPDX-License-Identifier: MIT */
/* The bus itself, and programs on it that are faster than the daemon. */
#include "support.h"

#include "cli/cli.h"
#include "private_bus.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
    struct private_bus bus;
    sd_bus *daemon, *program;
};

static sd_bus *connect_to(const struct private_bus *bus)
{
    sd_bus *connection = NULL;
    assert_true(sd_bus_new(&connection) >= 0);
    assert_true(sd_bus_set_address(connection, bus->address) >= 0);
    assert_true(sd_bus_set_bus_client(connection, true) >= 0);
    assert_true(sd_bus_start(connection) >= 0);
    return connection;
}

/* The daemon has its names. */
static void setup(struct fixture *f)
{
    char directory[] = "/tmp/bleproxy-bus-XXXXXX";
    if (access("/usr/bin/dbus-daemon", X_OK) < 0)
        skip();
    assert_non_null(mkdtemp(directory));
    assert_int_equal(private_bus_open(&f->bus, directory, false), CLI_DONE);
    f->daemon = connect_to(&f->bus);
    f->program = connect_to(&f->bus);
    assert_true(sd_bus_request_name(f->daemon, "org.bluez", 0) > 0);
    assert_true(sd_bus_request_name(f->daemon, "org.bleproxy1", 0) > 0);
}

static void teardown(struct fixture *f)
{
    sd_bus_close_unref(f->daemon);
    sd_bus_close_unref(f->program);
    private_bus_close(&f->bus);
    assert_int_equal(rmdir(f->bus.directory), 0); /* there before, and empty again */
}

static void test_once_it_is_sealed_nobody_can_wait_for_a_name(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    assert_int_equal(private_bus_seal(&f.bus, f.daemon), 0);
    assert_int_equal(sd_bus_request_name(f.program, "org.bluez", SD_BUS_NAME_QUEUE), -EACCES);
    assert_int_equal(sd_bus_request_name(f.program, "org.bleproxy1", SD_BUS_NAME_QUEUE), -EACCES);
    teardown(&f);
}

static void test_who_waits_for_a_name_before_it_is_sealed_is_found(void **state)
{
    (void)state;
    static const char *const names[] = {"org.bluez", "org.bleproxy1"};
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        setup(&f);
        assert_int_equal(sd_bus_request_name(f.program, names[i], SD_BUS_NAME_QUEUE), 0);
        assert_int_equal(private_bus_seal(&f.bus, f.daemon), -EBUSY);
        teardown(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once_it_is_sealed_nobody_can_wait_for_a_name),
        cmocka_unit_test(test_who_waits_for_a_name_before_it_is_sealed_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
