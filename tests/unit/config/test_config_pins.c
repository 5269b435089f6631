/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "config/config.h"
#include "config/schema.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Devices, and which proxies are for which. */

#define PROXIES                                                                                              \
    "proxies:\n"                                                                                             \
    "- {name: kitchen, address: a}\n"                                                                        \
    "- {name: attic, address: b}\n"                                                                          \
    "- {name: hall, address: c}\n"                                                                           \
    "devices:\n" /* line 5 */
#define LOCK  "A4:C1:38:11:22:33"
#define STRAP "C0:00:00:00:00:01"

static struct config config;
static struct config_error error;

static int parse(const char *text)
{
    memset(&error, 0, sizeof(error));
    return config_parse(text, strlen(text), &config, &error);
}

static void assert_texts(const struct config_text *texts, size_t n, size_t expected, ...)
{
    va_list list;
    assert_int_equal(n, expected);
    va_start(list, expected);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(texts[i].text, va_arg(list, const char *));
        assert_int_equal(texts[i].line, va_arg(list, unsigned));
    }
    va_end(list);
}

static void test_a_whole_file(void **state)
{
    (void)state;
    assert_int_equal(parse("proxies:\n"
                           "  - name: kitchen\n"
                           "    address: a\n"
                           "    only: [" LOCK ", c00000000001]\n"
                           "  - name: attic\n"
                           "    address: b\n"
                           "    deny:\n"
                           "      - " LOCK "\n"
                           "    prefer: C0-00-00-00-00-02\n"
                           "devices:\n"
                           "  - address: " LOCK "\n"
                           "    name: the front door\n"
                           "    only: kitchen\n"
                           "  - address: " STRAP "\n"
                           "    prefer: [kitchen]\n"
                           "    deny:\n"
                           "    - attic\n"
                           "    - AC:00:00:00:00:07\n"),
                     0);
    assert_int_equal(config.n_proxies, 2);
    const struct config_proxy *kitchen = &config.proxies[0], *attic = &config.proxies[1];
    assert_texts(kitchen->only, kitchen->n_only, 2, LOCK, 4, "c00000000001", 4);
    assert_int_equal(kitchen->n_prefer + kitchen->n_deny, 0);
    assert_texts(attic->deny, attic->n_deny, 1, LOCK, 8);
    assert_texts(attic->prefer, attic->n_prefer, 1, "C0-00-00-00-00-02", 9);
    assert_int_equal(config.n_devices, 2);
    const struct config_device *lock = &config.devices[0], *strap = &config.devices[1];
    assert_string_equal(lock->address, LOCK);
    assert_string_equal(lock->name, "the front door");
    assert_int_equal(lock->line, 11);
    assert_texts(lock->only, lock->n_only, 1, "kitchen", 13);
    assert_null(strap->name);
    assert_texts(strap->prefer, strap->n_prefer, 1, "kitchen", 15);
    assert_texts(strap->deny, strap->n_deny, 2, "attic", 17, "AC:00:00:00:00:07", 18);
    config_deinit(&config);
    config_deinit(&config);
    assert_int_equal(config.n_devices, 0);
}

static void test_what_is_no_contradiction(void **state)
{
    static const char *const texts[] = {
        "devices:\n",
        "devices: []\n",
        "devices: null\n",
        "devices:\n- address: " LOCK "\n",
        PROXIES "- {address: " LOCK ", prefer: [], only: , deny: null}\n",
        PROXIES "- {address: " LOCK ", prefer: kitchen, only: [attic, kitchen]}\n",
        PROXIES "- {address: " LOCK ", prefer: [kitchen, kitchen], deny: attic}\n",
        PROXIES "- {address: " LOCK ", deny: kitchen}\n- {address: " STRAP ", prefer: kitchen}\n",
        "devices:\n- {address: " LOCK ", only: 'AC:00:00:00:00:01', prefer: ac0000000001}\n",
        "proxies:\n- {address: a, only: [" LOCK ", " STRAP "], prefer: " LOCK "}\n"
        "devices:\n- {address: " LOCK ", only: a}\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (parse(texts[i]) != 0)
            fail_msg("\n%sgives %u: %s", texts[i], error.line, error.text);
        config_deinit(&config);
    }
}

static const struct {
    const char *text;
    unsigned line;
    const char *message;
} mistakes[] = {
    /* Form */
    {PROXIES "- name: x\n", 6, "a device needs 'address'"},
    {PROXIES "- address: " LOCK "\n  prefers: kitchen\n", 7, "unknown key 'prefers'; did you mean 'prefer'?"},
    {PROXIES "- address: kitchen\n", 6, "'kitchen' is no device's address: it looks like AA:BB:CC:DD:EE:FF"},
    {PROXIES "- address: 00:00:00:00:00:00\n", 6,
     "'00:00:00:00:00:00' is no device's address: it looks like AA:BB:CC:DD:EE:FF"},
    {PROXIES "- address: " LOCK ":44\n", 6, "'address' is longer than 17 bytes"},
    {PROXIES "- address: " LOCK "\n  only: {a: b}\n", 7, "'only' must be a text, or a list of texts"},
    {PROXIES "- address: " LOCK "\n  only:\n  - [a]\n", 8, "the entries of 'only' must be texts"},
    {PROXIES "- address: " LOCK "\n  only:\n  - !secret a\n", 8,
     "tags such as '!secret' are not supported here; write the value itself"},
    {PROXIES "- address: " LOCK "\n  only: ''\n", 7,
     "'only' is present but empty; give it a value or leave it out"},
    {PROXIES "- address: " LOCK "\n  only: [kitchen, '']\n", 7,
     "'only' is present but empty; give it a value or leave it out"},
    {PROXIES "- address: " LOCK "\n- address: " STRAP "\n- address: a4c138112233\n", 8,
     "the device a4c138112233 is already listed in line 6"},
    {"proxies:\n- address: a\n  deny: [" LOCK ", x]\n", 3,
     "'x' is no device's address: it looks like AA:BB:CC:DD:EE:FF"},
    /* Proxies that are not there */
    {PROXIES "- address: " LOCK "\n  prefer: kichen\n", 7,
     "there is no proxy 'kichen'; did you mean 'kitchen'?"},
    {PROXIES "- address: " LOCK "\n  only:\n  - kitchen\n  - the shed\n", 9,
     "there is no proxy 'the shed'; give the name of one under 'proxies', or its MAC address"},
    {"devices:\n- address: " LOCK "\n  deny: a\n", 3,
     "there is no proxy 'a'; give the name of one under 'proxies', or its MAC address"},
    /* A device against itself */
    {PROXIES "- address: " LOCK "\n  prefer: kitchen\n  deny: [attic, kitchen]\n", 8,
     "'kitchen' is denied for " LOCK " here, and preferred in line 7"},
    {PROXIES "- address: " LOCK "\n  deny: attic\n  only: attic\n", 8,
     "'attic' is the only one for " LOCK " here, and denied in line 7"},
    {PROXIES "- address: " LOCK "\n  deny: AC:00:00:00:00:01\n  only: ac0000000001\n", 8,
     "'AC:00:00:00:00:01' is the only one for " LOCK " here, and denied in line 7"},
    {PROXIES "- address: " LOCK "\n  prefer: hall\n  only: [kitchen, attic]\n", 7,
     "this proxy cannot be used for " LOCK ": it is not among those under 'only' in line 8"},
    /* A proxy against itself */
    {"proxies:\n- address: a\n  prefer: " LOCK "\n  deny: a4c138112233\n", 4,
     "'a' is denied for " LOCK " here, and preferred in line 3"},
    {"proxies:\n- address: a\n  prefer: " LOCK "\n  only: " STRAP "\n", 3,
     "'a' cannot be used for " LOCK ": that is not among the devices under 'only' in line 4"},
    /* One against the other */
    {"proxies:\n- address: a\n  deny: " LOCK "\ndevices:\n- address: " LOCK "\n  prefer: a\n", 6,
     "'a' is preferred for " LOCK " here, and denied in line 3"},
    {"devices:\n- address: " LOCK "\n  deny: a\nproxies:\n- address: a\n  only: " LOCK "\n", 6,
     "'a' is the only one for " LOCK " here, and denied in line 3"},
    {"proxies:\n- address: a\n  only: " STRAP "\ndevices:\n- address: " LOCK "\n  only: a\n", 6,
     "'a' cannot be used for " LOCK ": that is not among the devices under 'only' in line 3"},
    {"proxies:\n- address: a\n  only: " LOCK "\n- address: b\ndevices:\n- address: " LOCK "\n  only: b\n", 3,
     "this proxy cannot be used for " LOCK ": it is not among those under 'only' in line 7"},
    {"proxies:\n- address: a\n  prefer: " LOCK "\n- address: b\ndevices:\n- address: " LOCK "\n  only: b\n",
     3, "this proxy cannot be used for " LOCK ": it is not among those under 'only' in line 7"},
};

static void test_every_mistake_is_told_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        assert_int_equal(parse(mistakes[i].text), BLEPROXY_E_INVALID);
        if (error.line != mistakes[i].line || strcmp(error.text, mistakes[i].message) != 0)
            fail_msg("\n%sgives %u: %s", mistakes[i].text, error.line, error.text);
    }
}

static void test_entries_are_capped_all_together(void **state)
{
    static char text[300000];
    size_t length = (size_t)sprintf(text, "proxies:\n- {address: a, name: &n n}\ndevices:\n");
    (void)state;
    for (unsigned i = 1; i <= SCHEMA_TEXTS_MAX / 2; i++)
        length += (size_t)sprintf(text + length, "- {address: %012x, prefer: [*n, *n]}\n", i);
    assert_int_equal(config_parse(text, length, &config, &error), 0);
    assert_int_equal(config.n_devices, SCHEMA_TEXTS_MAX / 2);
    config_deinit(&config);
    sprintf(text + length, "- {address: a00000000000, deny: n}\n");
    assert_int_equal(parse(text), BLEPROXY_E_INVALID);
    assert_string_equal(error.text, "there are more than 4096 entries in lists such as 'deny', all together");
    assert_int_equal(error.line, SCHEMA_TEXTS_MAX / 2 + 4);

    length = (size_t)sprintf(text, "devices:\n");
    for (unsigned i = 1; i <= CONFIG_DEVICES_MAX; i++)
        length += (size_t)sprintf(text + length, "- {address: %012x}\n", i);
    assert_int_equal(config_parse(text, length, &config, &error), 0);
    config_deinit(&config);
    sprintf(text + length, "- {address: a00000000000}\n");
    assert_int_equal(parse(text), BLEPROXY_E_INVALID);
    assert_string_equal(error.text, "'devices' has more than 10000 entries");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_file),
        cmocka_unit_test(test_what_is_no_contradiction),
        cmocka_unit_test(test_every_mistake_is_told_with_its_line),
        cmocka_unit_test(test_entries_are_capped_all_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
