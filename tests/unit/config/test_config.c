/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "config/config.h"
#include <bleproxy/error.h>
#include <bleproxy/hub.h>
#include <bleproxy/proxy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The key of all tests, and a password. Neither they nor a part of them may show up in a message. */
#define PSK      "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define PASSWORD "hunter2-correct-horse"

static struct config config;
static struct config_error error;

static int parse(const char *text)
{
    memset(&error, 0, sizeof(error));
    return config_parse(text, strlen(text), &config, &error);
}

static void test_a_whole_file(void **state)
{
    (void)state;
    assert_int_equal(parse("# our proxies\n"
                           "proxies:\n"
                           "  - name: kitchen\n"
                           "    address: kitchen.local\n"
                           "    noise_psk: " PSK "\n"
                           "  - address: 192.168.1.7\n"
                           "    port: 6054\n"
                           "    password: '" PASSWORD "'\n"
                           "\n"
                           "  - {name: attic, address: 'fe80::1', noise_psk_file: attic.key}\n"),
                     0);
    assert_int_equal(config.n_proxies, 3);
    const struct config_proxy *kitchen = &config.proxies[0], *second = &config.proxies[1];
    assert_string_equal(kitchen->name, "kitchen");
    assert_string_equal(kitchen->address, "kitchen.local");
    assert_int_equal(kitchen->port, 6053);
    assert_string_equal(kitchen->noise_psk, PSK);
    assert_null(kitchen->noise_psk_file);
    assert_null(kitchen->password);
    assert_int_equal(kitchen->line, 3);
    assert_string_equal(second->name, "192.168.1.7");
    assert_int_equal(second->port, 6054);
    assert_string_equal(second->password, PASSWORD);
    assert_null(second->noise_psk);
    assert_int_equal(second->line, 6);
    assert_ptr_equal(config_find(&config, "attic"), &config.proxies[2]);
    assert_string_equal(config.proxies[2].noise_psk_file, "attic.key");
    assert_int_equal(config.proxies[2].line, 10);
    assert_null(config_find(&config, "Attic"));
    config_deinit(&config);
    assert_int_equal(config.n_proxies, 0);
    config_deinit(&config);
}

static void test_files_without_proxies(void **state)
{
    (void)state;
    static const char *const texts[] = {"",           "# nothing\n",    "---\n...\n", "{}", "proxies: []\n",
                                        "proxies:\n", "proxies: null\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(parse(texts[i]), 0);
        assert_int_equal(config.n_proxies, 0);
        assert_null(config_find(&config, "a"));
        config_deinit(&config);
    }
}

static void test_null_is_plaintext_and_aliases_and_core_tags_work(void **state)
{
    (void)state;
    assert_int_equal(
        parse("proxies:\n"
              "- {address: &host example.org, name: !!str a, noise_psk: null, password: ~, port: null}\n"
              "- {address: *host, name: b, port: !!int 65535}\n"
              "- {address: yes, port: '1'}\n"),
        0);
    assert_int_equal(config.n_proxies, 3);
    assert_null(config.proxies[0].noise_psk);
    assert_null(config.proxies[0].password);
    assert_int_equal(config.proxies[0].port, 6053);
    assert_string_equal(config.proxies[1].address, "example.org");
    assert_int_equal(config.proxies[1].port, 65535);
    assert_string_equal(config.proxies[2].address, "yes");
    assert_int_equal(config.proxies[2].port, 1);
    config_deinit(&config);
}

static void test_how_proxies_scan(void **state)
{
    (void)state;
    assert_int_equal(parse("proxies:\n"
                           "- {address: a, scan: passive}\n"
                           "- {address: b, scan: 'active'}\n"
                           "- {address: c, scan: auto}\n"
                           "- {address: d, scan: null, reclaim: 30, expected_name: kitchen}\n"
                           "- {address: e}\n"),
                     0);
    static const enum bleproxy_scan_mode modes[] = {BLEPROXY_SCAN_PASSIVE, BLEPROXY_SCAN_ACTIVE,
                                                    BLEPROXY_SCAN_AUTO, BLEPROXY_SCAN_AS_CONFIGURED,
                                                    BLEPROXY_SCAN_AS_CONFIGURED};
    assert_int_equal(config.n_proxies, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(config.proxies[i].scan, modes[i]);
    assert_int_equal(config.proxies[3].reclaim, 30);
    assert_string_equal(config.proxies[3].expected_name, "kitchen");
    assert_int_equal(config.proxies[4].reclaim, 0);
    assert_null(config.proxies[4].expected_name);
    config_deinit(&config);
}

static void test_filters_and_the_rules_of_the_reference(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned filters, reference;
    } files[] = {
        {"proxies: []\n", 0, 0},
        {"filters: [apple]\n", BLEPROXY_RULE_APPLE_FILTER, 0},
        {"filters: apple\n", BLEPROXY_RULE_APPLE_FILTER, 0},
        {"filters:\n# - apple\nreference: []\n", 0, 0},
        {"filters: ~\nreference: null\n", 0, 0},
        {"reference: [interval]\n", 0, BLEPROXY_RULE_INTERVAL},
        {"reference:\n- expiry\n- routing\n- expiry\n", 0, BLEPROXY_RULE_EXPIRY | BLEPROXY_RULE_ROUTING},
        {"reference: &r [presence, history]\nfilters: []\n", 0,
         BLEPROXY_RULE_PRESENCE | BLEPROXY_RULE_HISTORY},
        {"reference: window\nfilters: &f [apple, apple]\n", BLEPROXY_RULE_APPLE_FILTER, BLEPROXY_RULE_WINDOW},
        {"reference: all\n", 0, BLEPROXY_RULES_ALL},
        {"reference: ['all', interval]\n", 0, BLEPROXY_RULES_ALL},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        assert_int_equal(parse(files[i].text), 0);
        assert_int_equal(config.filters, files[i].filters);
        assert_int_equal(config.reference, files[i].reference);
        config_deinit(&config);
    }
}

static void test_how_often_devices_advertise(void **state)
{
    (void)state;
    assert_int_equal(parse("devices:\n"
                           "- {address: C0:00:00:00:00:01, interval: 300}\n"
                           "- {address: C0:00:00:00:00:02, interval: 31536000}\n"
                           "- {address: C0:00:00:00:00:03, interval: null}\n"
                           "- {address: C0:00:00:00:00:04}\n"),
                     0);
    static const uint32_t intervals[] = {300, 31536000, 0, 0};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(config.devices[i].interval, intervals[i]);
    config_deinit(&config);
}

static void test_names_of_devices_are_their_own(void **state)
{
    (void)state;
    assert_int_equal(parse("proxies: [{address: a, name: lamp}]\n"
                           "devices:\n"
                           "- {address: C0:00:00:00:00:01, name: lamp}\n"
                           "- {address: C0:00:00:00:00:02, name: Lamp}\n"
                           "- {address: C0:00:00:00:00:03, name: null}\n"),
                     0);
    assert_string_equal(config.devices[0].name, "lamp");
    assert_string_equal(config.devices[1].name, "Lamp");
    assert_null(config.devices[2].name);
    config_deinit(&config);
}

#define P "proxies:\n"
#define D "devices:\n- address: C0:00:00:00:00:01\n"
#define KEYS                                                                                                 \
    "name, address, port, noise_psk, noise_psk_file, password, expected_name, reclaim, scan, prefer, only, " \
    "deny"
#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *text;
    unsigned line;
    const char *message;
} mistakes[] = {
    /* Keys */
    {P "- address: a\n  nose_psk: " PSK "\n", 3, "unknown key 'nose_psk'; did you mean 'noise_psk'?"},
    {P "- adress: a\n", 2, "unknown key 'adress'; did you mean 'address'?"},
    {P "- address: a\n  Port: 1\n", 3, "unknown key 'Port'; did you mean 'port'?"},
    {P "- address: a\n  pasword: " PASSWORD "\n", 3, "unknown key 'pasword'; did you mean 'password'?"},
    {P "- address: a\n\n  encryption_key: " PSK "\n", 4,
     "unknown key 'encryption_key'; the keys of a proxy are: " KEYS},
    {P "- address: a\nproxy: 1\n", 3,
     "unknown key 'proxy'; the keys of a configuration are: proxies, devices, daemon, filters, reference"},
    {"poxies: []\n", 1, "unknown key 'poxies'; did you mean 'proxies'?"},
    {P "- address: a\n  port: 1\n  port: 2\n", 4, "'port' is given twice, first in line 3"},
    {P "- address: a\n  noise_psk: " PSK "\n  noise_psk: " PSK "\n", 4,
     "'noise_psk' is given twice, first in line 3"},
    {P "- address: a\n" P, 3, "'proxies' is given twice, first in line 1"},
    {P "- ? [a, b]\n  : c\n", 2, "a key must be a word"},
    /* A secret where a key is expected */
    {P "- {address: a, noise_psk:" PSK "}\n", 2, "unknown key; the keys of a proxy are: " KEYS},
    {P "- {address: a, " PSK "}\n", 2, "unknown key; the keys of a proxy are: " KEYS},
    {P "- {address: a, password:" PASSWORD "}\n", 2, "unknown key; the keys of a proxy are: " KEYS},
    /* Types */
    {"- address: a\n", 1,
     "a configuration is written as lines of 'key: value', with these keys: proxies, devices, daemon, "
     "filters, "
     "reference"},
    {"just text\n", 1,
     "a configuration is written as lines of 'key: value', with these keys: proxies, devices, daemon, "
     "filters, "
     "reference"},
    {P "  kitchen:\n    address: a\n", 2, "'proxies' must be a list: each entry begins with '- '"},
    {P "  kitchen\n", 2, "'proxies' must be a list: each entry begins with '- '"},
    {"proxies: ''\n", 1, "'proxies' must be a list: each entry begins with '- '"},
    {P "- kitchen\n", 2, "a proxy is written as lines of 'key: value', with these keys: " KEYS},
    {P "- address: a\n-\n", 3, "a proxy is written as lines of 'key: value', with these keys: " KEYS},
    {P "- noise_psk:" PSK "\n", 2, "a proxy is written as lines of 'key: value', with these keys: " KEYS},
    {"proxies: &a [*a]\n", 1, "a proxy is written as lines of 'key: value', with these keys: " KEYS},
    {P "- address: [a]\n", 2, "'address' must be a text"},
    {P "- address: a\n  name:\n    first: a\n", 4, "'name' must be a text"},
    {P "- address: a\n  noise_psk: [" PSK "]\n", 3, "'noise_psk' must be a text"},
    {P "- address: a\n  password: {" PASSWORD "}\n", 3, "'password' must be a text"},
    {P "- address: a\n  port: [6053]\n", 3, "'port' must be a number"},
    /* Ports */
    {P "- address: a\n  port: 0\n", 3, "'port' must be a number from 1 to 65535"},
    {P "- address: a\n  port: 65536\n", 3, "'port' must be a number from 1 to 65535"},
    {P "- address: a\n  port: 99999999999999999999999999\n", 3, "'port' must be a number from 1 to 65535"},
    {P "- address: a\n  port: -1\n", 3, "'port' must be a number from 1 to 65535"},
    {P "- address: a\n  port: 6053.0\n", 3, "'port' must be a number from 1 to 65535"},
    {P "- address: a\n  port: 06053\n", 3, "'port' must be a number from 1 to 65535"},
    {P "- address: a\n  port: 0x17\n", 3, "'port' must be a number from 1 to 65535"},
    {P "- address: a\n  port: api\n", 3, "'port' must be a number from 1 to 65535"},
    {P "- address: a\n  port:\n", 3, "'port' must be a number from 1 to 65535"},
    {P "- address: a\n  port: \"1\\0\"\n", 3, "'port' must be a number from 1 to 65535"},
    {P "- address: a\n  reclaim: 0\n", 3, "'reclaim' must be a number from 1 to 10080"},
    {P "- address: a\n  reclaim: 10081\n", 3, "'reclaim' must be a number from 1 to 10080"},
    {P "- address: a\n  reclaim: never\n", 3, "'reclaim' must be a number from 1 to 10080"},
    {P "- address: a\n  expected_name: ''\n", 3,
     "'expected_name' is present but empty; give it a value or leave it out"},
    {P "- address: a\n  expected_name: 0123456789012345678901234567890123456789012345678901234567890123\n", 3,
     "'expected_name' is longer than 63 bytes"},
    {P "- address: a\n  scan: always\n", 3, "'scan' must be one of: passive, active, auto"},
    {P "- address: a\n  scan: Auto\n", 3, "'scan' must be one of: passive, active, auto"},
    {P "- address: a\n  scan: autos\n", 3, "'scan' must be one of: passive, active, auto"},
    {P "- address: a\n  scan: \"auto\\0\"\n", 3, "'scan' must be one of: passive, active, auto"},
    {P "- address: a\n  scan:\n", 3, "'scan' must be one of: passive, active, auto"},
    {P "- address: a\n  scan: [auto]\n", 3, "'scan' must be a word"},
    {P "- address: a\n  scan: {auto: 1}\n", 3, "'scan' must be a word"},
    {P "- address: a\n  scan: auto\n  scan: auto\n", 4, "'scan' is given twice, first in line 3"},
    {P "- address: a\n  scann: auto\n", 3, "unknown key 'scann'; did you mean 'scan'?"},
    {"filters: [apple, Apple]\n", 1, "'filters' has no 'Apple'; it can have: apple"},
    {"filters:\n- apple\n- samsung\n", 3, "'filters' has no 'samsung'; it can have: apple"},
    {"filters: \"apple\\0\"\n", 1, "'filters' has no 'apple'; it can have: apple"},
    {"filters: ''\n", 1, "'filters' has no ''; it can have: apple"},
    {"filters: [[apple]]\n", 1, "the entries of 'filters' must be words"},
    {"filters: {apple: 1}\n", 1, "'filters' must be a word, or a list of words"},
    {"filters: [!secret apple]\n", 1,
     "tags such as '!secret' are not supported here; write the value itself"},
    {"filters: [apple]\nfilters: []\n", 2, "'filters' is given twice, first in line 1"},
    {"filter: [apple]\n", 1, "unknown key 'filter'; did you mean 'filters'?"},
    {"reference:\n  - interval\n  - rooting\n", 3,
     "'reference' has no 'rooting'; it can have: interval, expiry, presence, history, window, routing, all"},
    {"reference: apple\n", 1,
     "'reference' has no 'apple'; it can have: interval, expiry, presence, history, window, routing, all"},
    {"reference: " A64 "\n", 1,
     "'reference' has no 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'; it can have: interval, expiry, presence, "
     "history, "
     "window, routing, all"},
    {D "  interval: 0\n", 3, "'interval' must be a number from 1 to 31536000"},
    {D "  interval: 31536001\n", 3, "'interval' must be a number from 1 to 31536000"},
    {D "  interval: 4294967297\n", 3, "'interval' must be a number from 1 to 31536000"},
    {D "  interval: 2.5\n", 3, "'interval' must be a number from 1 to 31536000"},
    {D "  interval: 5min\n", 3, "'interval' must be a number from 1 to 31536000"},
    {D "  interval: [5]\n", 3, "'interval' must be a number"},
    {D "  intervall: 5\n", 3, "unknown key 'intervall'; did you mean 'interval'?"},
    {D "  name: ''\n", 3, "'name' is present but empty; give it a value or leave it out"},
    {D "  name: \"\\e[31m\"\n", 3, "'name' holds a character that does not print"},
    {D "  name: \"a\\nb\"\n", 3, "'name' holds a character that does not print"},
    {D "  name: [a]\n", 3, "'name' must be a text"},
    {D "  name: " A64 A64 A64 A64 "\n", 3, "'name' is longer than 248 bytes"},
    {D "  name: c00000000002\n", 3, "'c00000000002' is an address; 'name' is what people call the device"},
    {D "  name: a\n- address: C0:00:00:00:00:02\n  name: a\n", 4, "the name 'a' is already taken in line 2"},
    {P "- &a {address: a}\n- {<<: *a, name: b}\n", 3,
     "merge keys, '<<', are not supported here; write the keys themselves"},
    /* Addresses and names */
    {P "- name: kitchen\n", 2, "a proxy needs 'address'"},
    {P "- {}\n", 2, "a proxy needs 'address'"},
    {P "- name: a\n  address: null\n", 3, "'address' cannot be null"},
    {P "- address: ''\n", 2, "'address' is present but empty; give it a value or leave it out"},
    {P "- address:\n", 2, "'address' is present but empty; give it a value or leave it out"},
    {P "- address: my proxy\n", 2, "'address' is a host name or an IP address, without spaces or slashes"},
    {P "- address: http://a/\n", 2, "'address' is a host name or an IP address, without spaces or slashes"},
    {P "- address: a:6053\n", 2, "'address' holds no port or brackets; give the port as 'port'"},
    {P "- address: '[::1]'\n", 2, "'address' holds no port or brackets; give the port as 'port'"},
    {P "- address: " A64 A64 A64 A64 "\n", 2, "'address' is longer than 253 bytes"},
    {P "- address: \"a\\0b\"\n", 2, "'address' holds a character that does not print"},
    {P "- address: a\n  name: \"\\e[31m\"\n", 3, "'name' holds a character that does not print"},
    {P "- address: a\n  name: \"\\u200b\"\n", 3, "'name' holds a character that does not print"},
    {P "- address: a\n  name: ''\n", 3, "'name' is present but empty; give it a value or leave it out"},
    {P "- {address: a, name: x}\n- address: b\n- {address: c, name: x}\n- {address: d, name: x}\n", 4,
     "the name 'x' is already taken in line 2"},
    {P "- address: a\n- address: a\n", 3, "the name 'a' is already taken in line 2"},
    {P "- &p {address: a, noise_psk: " PSK "}\n- *p\n", 2, "the name 'a' is already taken in line 2"},
    /* Secrets */
    {P "- address: a\n  noise_psk: ''\n", 3,
     "'noise_psk' is present but empty; give it a value or leave it out"},
    {P "- address: a\n  noise_psk:\n", 3,
     "'noise_psk' is present but empty; give it a value or leave it out"},
    {P "- address: a\n  noise_psk: # later\n  port: 1\n", 3,
     "'noise_psk' is present but empty; give it a value or leave it out"},
    {P "- address: a\n  password: \"\"\n", 3,
     "'password' is present but empty; give it a value or leave it out"},
    {P "- address: a\n  noise_psk_file: " PSK "\n", 3,
     "'noise_psk_file' is the name of a file; the key itself goes under 'noise_psk'"},
    {P "- address: 10.0.0." PSK ":1:2\n", 2,
     "'10.0.0.********************************************:1:2' is no IPv6 address"},
    {P "- address: a\n  noise_psk_file: \"\"\n", 3,
     "'noise_psk_file' is present but empty; give it a value or leave it out"},
    {P "- address: a\n  noise_psk: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n", 3,
     "'noise_psk' has 43 characters, but a key is the base64 of 32 bytes: 44"},
    {P "- address: a\n  noise_psk: " PSK PSK "\n", 3,
     "'noise_psk' has 88 characters, but a key is the base64 of 32 bytes: 44"},
    {P "- address: a\n  noise_psk: ' " PSK "'\n", 3,
     "'noise_psk' has 45 characters, but a key is the base64 of 32 bytes: 44"},
    {P "- address: a\n  noise_psk: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n", 3,
     "'noise_psk' has 44 characters, but they are not the base64 of 32 bytes"},
    {P "- address: a\n  noise_psk: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A\n", 3,
     "'noise_psk' has 44 characters, but they are not the base64 of 32 bytes"},
    {P "- address: a\n  noise_psk: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh==\n", 3,
     "'noise_psk' has 44 characters, but they are not the base64 of 32 bytes"},
    {P "- address: a\n  noise_psk: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGx_dHh8=\n", 3,
     "'noise_psk' has 44 characters, but they are not the base64 of 32 bytes"},
    {P "- address: a\n  noise_psk: \"" PSK "\\n\"\n", 3, "'noise_psk' holds a character that does not print"},
    {P "- address: a\n  noise_psk: \"" PSK "\\0\"\n", 3, "'noise_psk' holds a character that does not print"},
    {P "- address: a\n  noise_psk_file: k\n  noise_psk: " PSK "\n", 4,
     "give either 'noise_psk' or 'noise_psk_file', not both"},
    {P "- address: a\n  noise_psk: " PSK "\n  noise_psk_file: k\n", 4,
     "give either 'noise_psk' or 'noise_psk_file', not both"},
    {P "- address: a\n  noise_psk: null\n  noise_psk_file: k\n", 4,
     "give either 'noise_psk' or 'noise_psk_file', not both"},
    /* Tags */
    {P "- address: a\n  noise_psk: !secret kitchen_key\n", 3,
     "tags such as !secret are not supported here; write the value of 'noise_psk' itself, in quotes if it "
     "begins with '!'"},
    {P "- address: a\n  password: !" PASSWORD "\n", 3,
     "tags such as !secret are not supported here; write the value of 'password' itself, in quotes if it "
     "begins with '!'"},
    {P "- address: !env_var HOST\n", 2,
     "tags such as '!env_var' are not supported here; write the value itself"},
    {P "- !include kitchen.yaml\n", 2,
     "tags such as '!include' are not supported here; write the value itself"},
    {"proxies: !include proxies.yaml\n", 1,
     "tags such as '!include' are not supported here; write the value itself"},
    {"!x\nproxies: []\n", 1, "tags such as '!x' are not supported here; write the value itself"},
    {P "- !x address: a\n", 2, "tags such as '!x' are not supported here; write the value itself"},
    {P "- address: a\n  noise_psk: !!binary " PSK "\n", 3,
     "tags such as !secret are not supported here; write the value of 'noise_psk' itself, in quotes if it "
     "begins with '!'"},
    /* YAML itself */
    {P "- address: a\n---\n" P, 3, "only one YAML document is allowed"},
    {"---\n---\n", 2, "only one YAML document is allowed"},
    {P "- address: a\n  password: *" PASSWORD "\n", 3, "not YAML: found undefined alias"},
    {P "- address: &a x\n- address: &a y\n", 3,
     "not YAML: found duplicate anchor; first occurrence in line 2: second occurrence"},
    {P "- address: a\n  password: @" PASSWORD "\n", 3,
     "not YAML: found character that cannot start any token"},
    {P "- address: a\n  password: \"" PASSWORD "\n", 4,
     "not YAML: while scanning a quoted scalar in line 3: found unexpected end of stream"},
    {P "- address: a\n port: 1\n", 3,
     "not YAML: while parsing a block mapping in line 1: did not find expected key"},
    {P "\t- address: a\n", 2, "not YAML: found character that cannot start any token"},
    {P "- address: a\n  noise_psk: \xff\n", 3, "not YAML: invalid leading UTF-8 octet"},
    {P "\n\n- address: \x01\n", 4, "not YAML: control characters are not allowed"},
    {P "- noise_psk:\n  " PSK "\n  address: a\n", 4,
     "not YAML: while scanning a simple key in line 3: could not find expected ':'"},
    {"[[[[[[[[[[[[[[[[[[[[", 1, "nested too deeply"},
};

static void assert_no_secret(const char *message)
{
    static const char *const parts[] = {"hunter", "correct", "AAEC", "BgcI", "GBka", "dHh8", "kitchen_key"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (strstr(message, parts[i]))
            fail_msg("a secret in: %s", message);
}

static void test_every_mistake_is_told_with_its_line_and_no_secret(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        assert_int_equal(parse(mistakes[i].text), BLEPROXY_E_INVALID);
        if (error.line != mistakes[i].line || strcmp(error.text, mistakes[i].message) != 0)
            fail_msg("\n%sgives %u: %s", mistakes[i].text, error.line, error.text);
        assert_no_secret(error.text);
    }
}

static void test_no_text_cut_short_tells_a_secret_or_leaks(void **state)
{
    (void)state;
    static const char text[] =
        P "- name: kitchen\n  address: a\n  noise_psk: " PSK "\n  password: '" PASSWORD "'\n"
          "- {address: b, noise_psk: \"" PSK "\", password: !" PASSWORD "}\n";
    for (size_t size = 0; size < sizeof(text); size++) {
        for (unsigned kept = 0; kept < 2; kept++) {
            char *copy = malloc(size + 1); /* exactly as large, for the sanitizer to see */
            assert_non_null(copy);
            memcpy(copy, text, size);
            if (kept && size > 0)
                copy[size - 1] = '\x0b';
            memset(&error, 0, sizeof(error));
            if (config_parse(copy, size, &config, &error) == 0)
                config_deinit(&config);
            else
                assert_no_secret(error.text);
            free(copy);
        }
    }
}

static void test_size_and_number_are_capped(void **state)
{
    (void)state;
    char *text = malloc(CONFIG_SIZE_MAX + 1);
    assert_non_null(text);
    memset(text, ' ', CONFIG_SIZE_MAX + 1);
    assert_int_equal(config_parse(text, CONFIG_SIZE_MAX, &config, &error), 0);
    config_deinit(&config);
    assert_int_equal(config_parse(text, CONFIG_SIZE_MAX + 1, &config, &error), BLEPROXY_E_INVALID);
    assert_string_equal(error.text, "the file is larger than 1048576 bytes");
    assert_int_equal(error.line, 0);

    size_t length = (size_t)sprintf(text, P);
    for (unsigned i = 0; i < CONFIG_PROXIES_MAX; i++)
        length += (size_t)sprintf(text + length, "- {address: a%u}\n", i);
    assert_int_equal(config_parse(text, length, &config, &error), 0);
    assert_int_equal(config.n_proxies, CONFIG_PROXIES_MAX);
    assert_int_equal(config.proxies[CONFIG_PROXIES_MAX - 1].line, CONFIG_PROXIES_MAX + 1);
    config_deinit(&config);
    length += (size_t)sprintf(text + length, "- {address: b}\n");
    assert_int_equal(config_parse(text, length, &config, &error), BLEPROXY_E_INVALID);
    assert_string_equal(error.text, "'proxies' has more than 10000 entries");
    free(text);
}

static void test_aliases_multiply_nothing_but_what_is_capped(void **state)
{
    (void)state;
    static char text[200000];
    size_t length = (size_t)sprintf(text, "- &a0 [x, x]\n");
    for (unsigned i = 1; i < 100; i++)
        length += (size_t)sprintf(text + length, "- &a%u [*a%u, *a%u]\n", i, i - 1, i - 1);
    assert_int_equal(config_parse(text, length, &config, &error), BLEPROXY_E_INVALID);
    length = (size_t)sprintf(text, P);
    for (unsigned i = 0; i <= 1000; i++)
        length += (size_t)sprintf(text + length, "- {address: &a%u a%u}\n", i, i);
    assert_int_equal(config_parse(text, length, &config, &error), BLEPROXY_E_INVALID);
    assert_string_equal(error.text, "more than 1000 anchors");
    assert_int_equal(error.line, 1002);
}

/* ---- The daemon ---- */

static void test_users_and_devices_of_the_daemon(void **state)
{
    (void)state;
    assert_int_equal(parse("daemon:\n"
                           "  connect: [alice, 1000]\n"
                           "  pair: root\n"
                           "  deny:\n"
                           "    - a4:c1:38:11:22:33\n"),
                     0);
    const struct config_daemon *daemon = &config.daemon;
    assert_int_equal(daemon->n_connect, 2);
    assert_string_equal(daemon->connect[0].text, "alice");
    assert_string_equal(daemon->connect[1].text, "1000");
    assert_int_equal(daemon->n_pair, 1);
    assert_int_equal(daemon->pair[0].line, 3);
    assert_int_equal(daemon->n_write, 0);
    assert_int_equal(daemon->n_allow, 0);
    assert_int_equal(daemon->n_deny, 1);
    assert_int_equal(daemon->deny[0].line, 5);
    config_deinit(&config);
    assert_int_equal(config.daemon.n_connect, 0);
    assert_int_equal(parse("daemon:\n"), 0);
    config_deinit(&config);
    assert_int_equal(parse("daemon: ~\n"), 0);
    config_deinit(&config);
}

static void test_mistakes_about_the_daemon(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *message;
    } wrong[] = {
        {"daemon: on\n", 1, "'daemon' must be lines of 'key: value', further to the right"},
        {"daemon: [connect]\n", 1, "'daemon' must be lines of 'key: value', further to the right"},
        {"daemon:\n  conect: alice\n", 2, "unknown key 'conect'; did you mean 'connect'?"},
        {"daemon:\n  write: []\n", 2, "'write' is empty: name somebody, or leave it out for all"},
        {"daemon:\n  pair:\n", 2, "'pair' is empty: name somebody, or leave it out for all"},
        {"daemon:\n  allow: []\n", 2, "'allow' is empty: name somebody, or leave it out for all"},
        {"daemon:\n  connect: 'alice bob'\n", 2,
         "'alice bob' is no name of a user; several of them are a list"},
        {"daemon:\n  connect: 4294967295\n", 2, "'4294967295' is no number of a user"},
        {"daemon:\n  connect: 99999999999\n", 2, "'99999999999' is no number of a user"},
        {"daemon:\n  deny: kitchen\n", 2,
         "'kitchen' is no device's address: it looks like AA:BB:CC:DD:EE:FF"},
        {"daemon:\n  allow: A4:C1:38:11:22:33\n  deny: [a4c138112233]\n", 3,
         "a4c138112233 is both allowed and denied"},
        {"proxies: {address: a}\n", 1, "'proxies' must be a list: each entry begins with '- '"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(parse(wrong[i].text), BLEPROXY_E_INVALID);
        assert_string_equal(error.text, wrong[i].message);
        assert_int_equal(error.line, wrong[i].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_file),
        cmocka_unit_test(test_files_without_proxies),
        cmocka_unit_test(test_null_is_plaintext_and_aliases_and_core_tags_work),
        cmocka_unit_test(test_how_proxies_scan),
        cmocka_unit_test(test_filters_and_the_rules_of_the_reference),
        cmocka_unit_test(test_how_often_devices_advertise),
        cmocka_unit_test(test_names_of_devices_are_their_own),
        cmocka_unit_test(test_every_mistake_is_told_with_its_line_and_no_secret),
        cmocka_unit_test(test_no_text_cut_short_tells_a_secret_or_leaks),
        cmocka_unit_test(test_size_and_number_are_capped),
        cmocka_unit_test(test_aliases_multiply_nothing_but_what_is_capped),
        cmocka_unit_test(test_users_and_devices_of_the_daemon),
        cmocka_unit_test(test_mistakes_about_the_daemon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
