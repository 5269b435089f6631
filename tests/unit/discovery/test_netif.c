/* SPDX-License-Identifier: MIT */
#include "fixture.h"

static const struct netif loopback = {.index = 1,
                                      .is_loopback = true,
                                      .n_networks = 1,
                                      .networks = {{{.family = 4, .bytes = {127, 0, 0, 1}}, 8}}};

static void test_neighbours(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const struct netif *netif;
        struct net_address address;
        bool is;
    } cases[] = {
        {"of the same network", &lan, {.family = 4, .bytes = {192, 0, 2, 254}}, true},
        {"of the next network", &lan, {.family = 4, .bytes = {192, 0, 3, 1}}, false},
        {"of the same IPv6 network", &lan, {.family = 6, .bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = 9}}, true},
        {"of the next IPv6 network", &lan, {.family = 6, .bytes = {0x20, 0x01, 0x0d, 0xb8, [7] = 1}}, false},
        {"link-local", &lan, {.family = 6, .bytes = {0xfe, 0x80, [15] = 9}}, true},
        {"the end of link-local", &lan, {.family = 6, .bytes = {0xfe, 0xbf, [15] = 9}}, true},
        {"behind link-local", &lan, {.family = 6, .bytes = {0xfe, 0xc0, [15] = 9}}, false},
        {"IPv4 link-local", &lan, {.family = 4, .bytes = {169, 254, 1, 1}}, true},
        {"this host", &loopback, {.family = 4, .bytes = {127, 0, 0, 1}}, true},
        {"this host from outside", &lan, {.family = 4, .bytes = {127, 0, 0, 1}}, false},
        {"this host by another address", &loopback, {.family = 4, .bytes = {192, 0, 2, 1}}, true},
        {"far away", &lan, {.family = 4, .bytes = {8, 8, 8, 8}}, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (netif_is_neighbour(cases[i].netif, &cases[i].address) != cases[i].is)
            fail_msg("%s", cases[i].what);
}

static void test_prefixes_of_any_length(void **state)
{
    (void)state;
    struct netif netif = {.n_networks = 1,
                          .networks = {{{.family = 4, .bytes = {0xff, 0xff, 0xff, 0xff}}, 0}}};
    for (uint8_t prefix = 0; prefix <= 32; prefix++) {
        netif.networks[0].prefix = prefix;
        for (unsigned bit = 0; bit < 32; bit++) { /* differs in this one only */
            struct net_address address = {.family = 4, .bytes = {0xff, 0xff, 0xff, 0xff}};
            address.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
            assert_int_equal(netif_is_neighbour(&netif, &address), bit >= prefix);
        }
    }
    netif.networks[0].prefix = 200; /* nonsense is no network */
    assert_false(netif_is_neighbour(&netif, &netif.networks[0].address));
}

static void test_addresses_to_connect_to(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const struct netif *netif;
        uint8_t family, bytes[16];
        bool usable;
        uint32_t scope;
    } cases[] = {
        {"of the network", &lan, 4, {192, 0, 2, 7}, true, 0},
        {"of another network", &lan, 4, {10, 1, 2, 3}, true, 0},
        {"link-local", &lan, 6, {0xfe, 0x80, [15] = 7}, true, 2},
        {"global", &lan, 6, {0x20, 0x01, [15] = 7}, true, 0},
        {"0.0.0.0", &lan, 4, {0}, false, 0},
        {"in 0/8", &lan, 4, {0, 0, 0, 1}, false, 0},
        {"multicast", &lan, 4, {224, 0, 0, 251}, false, 0},
        {"broadcast", &lan, 4, {255, 255, 255, 255}, false, 0},
        {"this host", &lan, 4, {127, 0, 0, 1}, false, 0},
        {"this host on loopback", &loopback, 4, {127, 0, 0, 1}, true, 0},
        {"::", &lan, 6, {0}, false, 0},
        {"::1", &lan, 6, {[15] = 1}, false, 0},
        {"::1 on loopback", &loopback, 6, {[15] = 1}, true, 0},
        {":: on loopback", &loopback, 6, {0}, false, 0},
        {"IPv6 multicast", &lan, 6, {0xff, 0x02, [15] = 0xfb}, false, 0},
        {"IPv4 in disguise", &lan, 6, {[10] = 0xff, 0xff, 127, 0, 0, 1}, false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct net_address address = {0};
        bool usable = netif_address(cases[i].netif, cases[i].family, cases[i].bytes, &address);
        if (usable != cases[i].usable)
            fail_msg("%s", cases[i].what);
        if (!usable)
            continue;
        assert_int_equal(address.family, cases[i].family);
        assert_int_equal(address.scope, cases[i].scope);
        assert_memory_equal(address.bytes, cases[i].bytes, 16);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_prefixes_of_any_length),
        cmocka_unit_test(test_addresses_to_connect_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
