/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "config/import.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define NAME "esphome: {name: attic}\n"

/* A disk: path and text in turn, a NULL behind them. */
static const char *const *disk;

static int read_text(void *user, const char *path, char **ret_text, size_t *ret_size)
{
    assert_ptr_equal(user, &disk);
    for (size_t i = 0; disk[i]; i += 2) {
        if (strcmp(disk[i], path) != 0)
            continue;
        *ret_size = strlen(disk[i + 1]);
        *ret_text = strdup(disk[i + 1]);
        return *ret_text ? 0 : BLEPROXY_E_NOMEM;
    }
    return BLEPROXY_E_NOT_FOUND;
}

static const struct import_ops ops = {.read = read_text};
static struct import import;
static struct config_error error;

static int read_with(const char *secrets_path)
{
    error = (struct config_error){0};
    return import_read("home/attic.yaml", secrets_path, &ops, &disk, &import, &error);
}

#define FILES(...)                                                                                           \
    disk = (const char *const[])                                                                             \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

static void take(const char *name, const char *address, const char *key, bool is_proxy)
{
    int r = read_with(NULL);
    if (r < 0)
        fail_msg("%d: %s:%u: %s", r, error.file, error.line, error.text);
    assert_string_equal(import.name, name);
    assert_string_equal(import.address, address);
    if (key)
        assert_string_equal(import.key, key);
    else
        assert_null(import.key);
    assert_int_equal(import.is_proxy, is_proxy);
    import_deinit(&import);
}

static void refuse(const char *file, unsigned line, const char *part)
{
    assert_int_equal(read_with(NULL), BLEPROXY_E_INVALID);
    if (!strstr(error.text, part))
        fail_msg("'%s' is not in '%s'", part, error.text);
    assert_string_equal(error.file, file);
    assert_int_equal(error.line, line);
}

static void test_what_is_written_down_plainly(void **state)
{
    (void)state;
    FILES("home/attic.yaml",
          NAME "api:\n  port: 6054\n  encryption:\n    key: \"" KEY "\"\nbluetooth_proxy:\n  active: true\n");
    assert_int_equal(read_with(NULL), 0);
    assert_int_equal(import.port, 6054);
    assert_false(import.wants_key || import.has_password || import.has_remote);
    import_deinit(&import);
    take("attic", "attic.local", KEY, true);
    FILES("home/attic.yaml", NAME "bluetooth_proxy:\n");
    take("attic", "attic.local", NULL, true);
    FILES("home/attic.yaml", NAME "api:\n  password: x\n  encryption:\n");
    assert_int_equal(read_with(NULL), 0);
    assert_true(import.wants_key && import.has_password && !import.is_proxy);
    import_deinit(&import);
}

static void test_where_it_is_reached(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"wifi: {use_address: 10.0.0.2, manual_ip: {static_ip: 10.0.0.3}}", "10.0.0.2"},
        {"wifi: {manual_ip: {static_ip: 10.0.0.3}}", "10.0.0.3"},
        {"ethernet: {use_address: eth.lan}", "eth.lan"},
        {"ethernet: {manual_ip: {static_ip: 10.0.0.4}}", "10.0.0.4"},
        {"wifi: {domain: .lan}", "attic.lan"},
        {"ethernet: {domain: .lan}", "attic.lan"},
        {"wifi: {use_address: ~}", "attic.local"},
        {"wifi: {ssid: x}", "attic.local"},
        {"wifi: {use_address: }", "attic.local"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), NAME "%s\n", cases[i][0]);
        FILES("home/attic.yaml", text);
        take("attic", cases[i][1], NULL, false);
    }
    static const char *const yes[] = {"true", "True", "yes", "on", "enable"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "esphome:\n  name: attic\n  name_add_mac_suffix: %s\n", yes[i]);
        FILES("home/attic.yaml", text);
        refuse("home/attic.yaml", 3, "name_add_mac_suffix");
    }
    FILES("home/attic.yaml",
          "esphome: {name: attic, name_add_mac_suffix: true}\nwifi: {use_address: 10.0.0.2}\n");
    take("attic", "10.0.0.2", NULL, false);
}

static void test_secrets(void **state)
{
    (void)state;
    static const char text[] =
        NAME "wifi: {use_address: !secret where}\napi: {encryption: {key: !secret attic_key}}\n";
    FILES("home/attic.yaml", text, "home/secrets.yaml", "where: 10.0.0.5\nattic_key: " KEY "\n");
    take("attic", "10.0.0.5", KEY, false);
    FILES("home/attic.yaml", text, "home/secrets.yaml", "<<: !include ../all.yaml\n", "home/../all.yaml",
          "where: 10.0.0.6\nattic_key: " KEY "\n");
    take("attic", "10.0.0.6", KEY, false);
    FILES("home/attic.yaml", text, "elsewhere", "where: 10.0.0.7\nattic_key: " KEY "\n", "home/secrets.yaml",
          "");
    assert_int_equal(read_with("elsewhere"), 0);
    assert_string_equal(import.address, "10.0.0.7");
    import_deinit(&import);
    FILES("home/attic.yaml", text);
    refuse("home/attic.yaml", 2, "give it with --secrets");
    FILES("home/attic.yaml", text, "home/secrets.yaml", "where: a\n");
    refuse("home/attic.yaml", 3, "the secret 'attic_key' is not in");
}

static void test_includes_packages_and_substitutions(void **state)
{
    (void)state;
    FILES("home/attic.yaml",
          "substitutions: {devicename: $room-proxy, room: attic}\nesphome: {name: $devicename}\n"
          "wifi: !include parts/wifi.yaml\npackages:\n  - !include {file: parts/base.yaml, vars: {x: y}}\n",
          "home/parts/wifi.yaml", "use_address: ${room}.lan\n", "home/parts/base.yaml",
          "api: {encryption: {key: !secret k}}\npackages: {more: !include more.yaml}\n",
          "home/parts/more.yaml", "bluetooth_proxy:\n", "home/secrets.yaml", "k: " KEY "\n");
    take("attic-proxy", "attic.lan", KEY, true);
    FILES("home/attic.yaml", "packages:\n  base: !include base.yaml\nsubstitutions: {name: loft}\napi:\n",
          "home/base.yaml",
          "substitutions: {name: base}\nesphome: {name: '${name}'}\napi: {encryption: {key: " KEY "}}\n");
    take("loft", "loft.local", KEY, false);
    FILES("home/attic.yaml",
          NAME "x: &x {use_address: a.lan}\ny: &y {use_address: b.lan}\nwifi: {<<: [*y, *x]}\n");
    take("attic", "b.lan", NULL, false);
}

static void test_includes_give_names_to_what_they_include(void **state)
{
    (void)state;
    FILES(
        "home/attic.yaml",
        "substitutions: {room: attic, node: none, part: base}\n"
        "packages:\n  a: !include\n    file: ${part}.yaml\n    vars: {node: '${room}-proxy', k: !secret k}\n",
        "home/base.yaml",
        "defaults: {node: unused, ip: 10.0.0.1, ending: .lan}\nesphome: {name: $node}\n"
        "api: {encryption: {key: $k}}\nwifi: !include {file: wifi.yaml, vars: {ip: '$node$ending'}}\n",
        "home/wifi.yaml", "use_address: ${ip}\n", "home/secrets.yaml", "k: " KEY "\n");
    take("attic-proxy", "attic-proxy.lan", KEY, false);
    /* The same file twice, each time with other names. */
    FILES("home/attic.yaml",
          "esphome: !include {file: x.yaml, vars: {x: attic}}\nwifi: !include {file: x.yaml, vars: {x: "
          "a.lan}}\n",
          "home/x.yaml", "name: $x\nuse_address: $x\n");
    take("attic", "a.lan", NULL, false);
    FILES("home/attic.yaml", "esphome: !include {file: x.yaml, vars: {x: $x}}\n", "home/x.yaml",
          "name: $x\n");
    refuse("home/attic.yaml", 1, "the substitution 'x' is not known");
    FILES("home/attic.yaml", "packages: [!include '${x}.yaml']\n");
    refuse("home/attic.yaml", 1, "in a circle");
}

static void test_what_counts_of_several(void **state)
{
    (void)state;
    FILES("home/attic.yaml", "<<: !include a.yaml\n<<: !include b.yaml\nbluetooth_proxy:\n", "home/a.yaml",
          NAME, "home/b.yaml", "esphome: {name: b}\napi: {encryption: {key: " KEY "}}\n");
    take("attic", "attic.local", KEY, true);
    FILES("home/attic.yaml", "packages: {a: !include a.yaml, b: !include b.yaml}\n", "home/a.yaml", NAME,
          "home/b.yaml", "esphome: {name: b}\n");
    take("b", "b.local", NULL, false);
    FILES("home/attic.yaml", "packages: [!include a.yaml, !include b.yaml]\nwifi: {use_address: c}\n",
          "home/a.yaml", NAME, "home/b.yaml", "esphome: {name: b}\nwifi: {use_address: b}\n");
    take("b", "c", NULL, false);
}

static void test_what_is_removed_is_not_there(void **state)
{
    (void)state;
    static const char base[] = "bluetooth_proxy:\napi: {encryption: {key: " KEY "}}\n";
    FILES("home/attic.yaml", NAME "packages: {a: !include a.yaml}\nbluetooth_proxy: !remove\n", "home/a.yaml",
          base);
    take("attic", "attic.local", KEY, false);
    FILES("home/attic.yaml", NAME "packages: {a: !include a.yaml}\napi: {encryption: !remove }\n",
          "home/a.yaml", base);
    take("attic", "attic.local", NULL, true);
}

static void test_tags_that_are_not_followed_are_told_where_that_matters(void **state)
{
    (void)state;
    FILES("home/attic.yaml", NAME "on_boot: !lambda 'return;'\nz: !extend x\nlight: !env_var X\n");
    take("attic", "attic.local", NULL, false);
    FILES("home/attic.yaml", NAME "wifi: {use_address: !env_var HOST}\n");
    refuse("home/attic.yaml", 2, "the tag '!env_var' is not followed");
    FILES("home/attic.yaml", "substitutions: {a: !env_var A}\nesphome: {name: $a}\n");
    refuse("home/attic.yaml", 1, "the tag '!env_var' is not followed");
    FILES("home/attic.yaml", NAME "packages: !include_dir_named all\n");
    refuse("home/attic.yaml", 2, "the tag '!include_dir_named' is not followed");
    FILES("home/attic.yaml", NAME "api: {encryption: {key: !SECRET5ecret x}}\n");
    refuse("home/attic.yaml", 2, "the tag that this has is not followed");
    FILES("home/attic.yaml", "%TAG ! tag:x,2000:\n---\nesphome: {name: !secret a}\n");
    refuse("home/attic.yaml", 3, "is not followed");
}

static void test_packages_from_elsewhere_are_told(void **state)
{
    (void)state;
    FILES("home/attic.yaml",
          NAME "packages:\n  esphome.bluetooth-proxy: github://esphome/firmware/esp32-generic.yaml@main\n");
    take("attic", "attic.local", NULL, true);
    FILES("home/attic.yaml", NAME "packages:\n  a: {url: 'https://x/bluetooth-proxies', file: x.yaml}\n");
    assert_int_equal(read_with(NULL), 0);
    assert_true(import.has_remote && !import.is_proxy);
    import_deinit(&import);
}

static void test_what_cannot_be_read_is_told_with_its_place(void **state)
{
    (void)state;
    FILES("other", "");
    assert_int_equal(read_with(NULL), BLEPROXY_E_NOT_FOUND);
    FILES("home/attic.yaml", "");
    refuse("home/attic.yaml", 0, "no 'esphome: name:'");
    FILES("home/attic.yaml", "\nesphome: {name: $nobody}\n");
    refuse("home/attic.yaml", 2, "the substitution 'nobody' is not known");
    FILES("home/attic.yaml", "substitutions: {a: $b, b: $a}\nesphome: {name: $a}\n");
    refuse("home/attic.yaml", 1, "in a circle");
    FILES("home/attic.yaml", "esphome: !include lost.yaml\n");
    refuse("home/attic.yaml", 1, "'lost.yaml' that is included cannot be read");
    FILES("home/attic.yaml", "esphome: !include attic.yaml\n");
    refuse("home/attic.yaml", 0, "no 'esphome: name:'");
    FILES("home/attic.yaml", "<<: !include attic.yaml\n");
    refuse("home/attic.yaml", 1, "in a circle");
    FILES("home/attic.yaml", NAME "wifi: !include broken.yaml\n", "home/broken.yaml", "\na: [\n");
    refuse("home/broken.yaml", 3, "not YAML");
    FILES("home/attic.yaml", "esphome: {name: [a]}\n");
    refuse("home/attic.yaml", 1, "is no text");
    FILES("home/attic.yaml", NAME "api: {port: 70000}\n");
    refuse("home/attic.yaml", 2, "the port");
    FILES("home/attic.yaml", "esphome: {name: \"a\\x01b\"}\n");
    refuse("home/attic.yaml", 1, "does not print");
}

static void test_no_secret_is_shown(void **state)
{
    (void)state;
    static const char *const texts[] = {
        NAME "api: {encryption: {key: SECRET5ecret}}\n",
        NAME "api: {encryption: {key: [SECRET5ecret]}}\n",
        NAME "api: {encryption: {key: !secret SECRET5ecret=}}\n",
        NAME "api: {encryption: {key: '$SECRET5ecret+'}}\n",
        NAME "api: {encryption: {key: '${SECRET5ecret+}'}}\n",
        NAME "api: {encryption: {key: !include }}\nwifi: {use_address: x}\n",
        NAME "substitutions: {a: !secret a}\nwifi: !include '$a.yaml'\n",
        NAME "wifi: !include {file: !secret a}\n",
        NAME "api: {encryption: {key: !include SECRET5ecret}}\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        FILES("home/attic.yaml", texts[i], "home/secrets.yaml", "a: SECRET5ecret\n");
        assert_int_equal(read_with(NULL), BLEPROXY_E_INVALID);
        if (strstr(error.text, "SECRET5ecret"))
            fail_msg("%s", error.text);
    }
}

static void test_alias_upon_alias_ends(void **state)
{
    (void)state;
    char text[4096] = "packages: &p0 [";
    for (int i = 0; i < 8; i++)
        strcat(text, "[");
    for (int i = 0; i < 400; i++)
        strcat(text, i ? ",*p0" : "*p0");
    for (int i = 0; i < 8; i++)
        strcat(text, "]");
    strcat(text, "]\n");
    FILES("home/attic.yaml", text);
    refuse("home/attic.yaml", 0, "no 'esphome: name:'"); /* a list is no package */
    FILES("home/attic.yaml",
          "packages: &p [&a {packages: *p}, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n");
    refuse("home/attic.yaml", 1, "in a circle");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_down_plainly),
        cmocka_unit_test(test_where_it_is_reached),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_includes_packages_and_substitutions),
        cmocka_unit_test(test_includes_give_names_to_what_they_include),
        cmocka_unit_test(test_what_counts_of_several),
        cmocka_unit_test(test_what_is_removed_is_not_there),
        cmocka_unit_test(test_tags_that_are_not_followed_are_told_where_that_matters),
        cmocka_unit_test(test_packages_from_elsewhere_are_told),
        cmocka_unit_test(test_what_cannot_be_read_is_told_with_its_place),
        cmocka_unit_test(test_no_secret_is_shown),
        cmocka_unit_test(test_alias_upon_alias_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
