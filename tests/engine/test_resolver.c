/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "engine/resolver.h"
#include <arpa/inet.h>
#include <bleproxy/error.h>
#include <net/if.h>
#include <string.h>

static struct net_address literal(const char *host)
{
    struct net_address address;
    assert_int_equal(resolver_literal(host, 6053, &address), 0);
    assert_int_equal(address.port, 6053);
    return address;
}

static void test_literals_need_no_look_up(void **state)
{
    (void)state;
    struct net_address address = literal("192.0.2.7");
    assert_int_equal(address.family, 4);
    assert_memory_equal(address.bytes, ((uint8_t[]){192, 0, 2, 7}), 4);
    address = literal("2001:db8::7");
    assert_int_equal(address.family, 6);
    assert_int_equal(address.scope, 0);
    assert_int_equal(address.bytes[15], 7);
}

static void test_a_scope_is_a_number_or_an_interface(void **state)
{
    (void)state;
    assert_int_equal(literal("fe80::1%12").scope, 12);
    assert_int_equal(literal("fe80::1%lo").scope, if_nametoindex("lo"));
}

static void test_the_rest_are_names(void **state)
{
    (void)state;
    static const char *const names[] = {
        "kitchen.local",
        "",
        "1.2.3",
        "1.2.3.4%lo",
        "fe80::1%",
        "fe80::1%0",
        "fe80::1%no-such",
        "fe80::1%-1",
        "fe80::1% 1",
        "fe80::1%1x",
        "fe80::1%4294967297",
        "1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16:17:18:19:20:21:22:23:24:25",
    };
    struct net_address address;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(resolver_literal(names[i], 1, &address), BLEPROXY_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literals_need_no_look_up),
        cmocka_unit_test(test_a_scope_is_a_number_or_an_interface),
        cmocka_unit_test(test_the_rest_are_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
