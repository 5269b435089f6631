/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "config/config.h"
#include <bleproxy/error.h>
#include <bleproxy/hub.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PSK "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static char directory[32];
static struct config config;
static struct config_error error;

static const char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void write_text(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static const char *const all[] = {"conf.d/10-b.yaml", "conf.d/9-a.yaml", "conf.d/.c.yaml",
                                  "conf.d/d.yaml~",   "conf.d/e.conf",   "conf.d/.yaml",
                                  "conf.d/a.key",     "main.yaml",       "a.key",
                                  "conf.d/lost.yaml", "conf.d/key.yaml"};

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/bleproxy-test-XXXXXX");
    return mkdtemp(directory) && mkdir(path_of("conf.d"), 0755) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    config_deinit(&config);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        unlink(path_of(all[i]));
    rmdir(path_of("conf.d"));
    return rmdir(directory);
}

static int load(void)
{
    error = (struct config_error){0};
    return config_load(path_of("main.yaml"), &config, &error);
}

static void assert_fails(const char *file, unsigned line, const char *part)
{
    assert_int_equal(load(), BLEPROXY_E_INVALID);
    assert_string_equal(error.file, path_of(file));
    assert_int_equal(error.line, line);
    if (!strstr(error.text, part))
        fail_msg("'%s' is not in '%s'", part, error.text);
}

static void test_lists_grow_in_the_order_of_the_names(void **state)
{
    (void)state;
    write_text("main.yaml",
               "proxies:\n  - {name: hall, address: a, only: A4:C1:38:00:00:01}\nfilters: apple\n");
    write_text("conf.d/9-a.yaml", "# all of it is for later\n");
    write_text("conf.d/10-b.yaml", "reference: expiry\nproxies:\n  - {name: attic, address: b}\ndevices:\n"
                                   "  - {address: A4:C1:38:00:00:01, prefer: hall, deny: attic}\n");
    write_text("conf.d/.c.yaml", "not: read\n");
    write_text("conf.d/d.yaml~", "not: read\n");
    write_text("conf.d/e.conf", "not: read\n");
    write_text("conf.d/.yaml", "not: read\n");
    assert_int_equal(load(), 0);
    assert_int_equal(config.n_files, 3);
    assert_string_equal(config.files[0], path_of("main.yaml"));
    assert_string_equal(config.files[1], path_of("conf.d/10-b.yaml"));
    assert_string_equal(config.files[2], path_of("conf.d/9-a.yaml"));
    assert_int_equal(config.n_proxies, 2);
    assert_string_equal(config.proxies[1].name, "attic");
    assert_int_equal(config.proxies[0].file, 0);
    assert_int_equal(config.proxies[1].file, 1);
    assert_int_equal(config.devices[0].prefer[0].file, 1);
    assert_int_equal(config.filters, BLEPROXY_RULE_APPLE_FILTER);
    assert_int_equal(config.reference, BLEPROXY_RULE_EXPIRY);
    assert_int_equal(config.n_warnings, 0);
}

static void test_errors_name_the_file(void **state)
{
    (void)state;
    write_text("main.yaml", "proxies:\n  - {name: hall, address: a}\n");
    write_text("conf.d/10-b.yaml", "\nproxies:\n  - {name: hall, address: b}\n");
    assert_fails("conf.d/10-b.yaml", 3, "the name 'hall' is already taken in line 2 of ");
    assert_non_null(strstr(error.text, "/main.yaml"));
    write_text("conf.d/10-b.yaml", "proxies:\n  - {name: attic, adress: b}\n");
    assert_fails("conf.d/10-b.yaml", 2, "did you mean 'address'?");
    write_text("conf.d/10-b.yaml", "proxies: [\n");
    assert_fails("conf.d/10-b.yaml", 2, "not YAML");
    write_text("conf.d/10-b.yaml", "devices:\n  - {address: A4:C1:38:00:00:01, prefer: hell}\n");
    assert_fails("conf.d/10-b.yaml", 2, "did you mean 'hall'?");
    write_text("conf.d/9-a.yaml", "devices:\n  - {address: A4:C1:38:00:00:01}\n");
    write_text("conf.d/10-b.yaml", "devices:\n\n  - {address: A4:C1:38:00:00:01, prefer: hall}\n");
    assert_fails("conf.d/9-a.yaml", 2, "already listed in line 3 of ");
    write_text("conf.d/9-a.yaml", "devices:\n  - {address: A4:C1:38:00:00:02, name: lamp}\n");
    write_text("conf.d/10-b.yaml", "devices:\n\n  - {address: A4:C1:38:00:00:01, name: lamp}\n");
    assert_fails("conf.d/9-a.yaml", 2, "the name 'lamp' is already taken in line 3 of ");
    write_text("conf.d/10-b.yaml", "devices:\n\n  - {address: A4:C1:38:00:00:01, prefer: hall}\n");
    write_text("main.yaml", "proxies:\n  - {name: hall, address: a, deny: A4:C1:38:00:00:01}\n");
    write_text("conf.d/9-a.yaml", "");
    assert_fails("conf.d/10-b.yaml", 3, "denied in line 2 of ");
    write_text("main.yaml", "proxies:\n  - {name: hall, addres: a}\n");
    assert_fails("main.yaml", 2, "did you mean 'address'?");
}

static void test_a_key_file_lies_beside_the_file_that_names_it(void **state)
{
    (void)state;
    write_text("main.yaml", "");
    write_text("a.key", PSK);
    chmod(path_of("a.key"), 0600);
    write_text("conf.d/key.yaml", "proxies:\n  - address: a\n    noise_psk_file: a.key\n");
    assert_fails("conf.d/key.yaml", 3, "there is no key file 'a.key'");
    write_text("conf.d/key.yaml", "proxies:\n  - address: a\n    noise_psk_file: ../a.key\n");
    assert_int_equal(load(), 0);
    assert_string_equal(config.proxies[0].noise_psk, PSK);
    assert_int_equal(config.n_warnings, 0);
}

static void test_keys_that_everybody_can_read_are_warned_of(void **state)
{
    (void)state;
    write_text("main.yaml", "proxies:\n  - address: a\n    noise_psk_file: a.key\n");
    write_text("a.key", PSK);
    static const struct {
        unsigned mode;
        size_t n_warnings;
    } cases[] = {{0600, 0}, {0640, 0}, {0644, 1}, {0602, 1}, {0400, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        chmod(path_of("a.key"), cases[i].mode);
        chmod(path_of("main.yaml"), 0644);
        assert_int_equal(load(), 0);
        assert_int_equal(config.n_warnings, cases[i].n_warnings);
        if (config.n_warnings > 0) {
            assert_int_equal(config.warnings[0].line, 3);
            assert_false(config.warnings[0].minor);
            assert_non_null(strstr(config.warnings[0].text, "key file 'a.key': chmod 600 "));
        }
        config_deinit(&config);
    }
    write_text("main.yaml", "proxies:\n  - address: a\n    noise_psk: " PSK "\n");
    assert_int_equal(load(), 0);
    assert_int_equal(config.n_warnings, 1);
    assert_true(config.warnings[0].minor);
    assert_null(strstr(config.warnings[0].text, PSK));
    config_deinit(&config);
    chmod(path_of("main.yaml"), 0600);
    assert_int_equal(load(), 0);
    assert_int_equal(config.n_warnings, 0);
}

static void test_there_are_not_too_many(void **state)
{
    (void)state;
    char name[64];
    write_text("main.yaml", "");
    for (unsigned i = 0; i <= CONFIG_DROP_INS_MAX; i++) {
        snprintf(name, sizeof(name), "conf.d/x%u.yaml", i);
        write_text(name, "");
    }
    assert_fails("main.yaml", 0, "more than 256 files");
    unlink(path_of(name));
    assert_int_equal(load(), 0);
    for (unsigned i = 0; i < CONFIG_DROP_INS_MAX; i++) {
        snprintf(name, sizeof(name), "conf.d/x%u.yaml", i);
        unlink(path_of(name));
    }
}

static void test_a_file_that_is_gone_or_cannot_be_read_is_named(void **state)
{
    (void)state;
    assert_int_equal(load(), BLEPROXY_E_NOT_FOUND);
    assert_string_equal(error.text, "there is no such file");
    write_text("main.yaml", "");
    assert_int_equal(symlink("nowhere", path_of("conf.d/lost.yaml")), 0);
    assert_fails("conf.d/lost.yaml", 0, "there is no such file");
}

/* What is expected of config_load_all(): file, line and a part of the text. */
struct expected {
    const char *file;
    unsigned line;
    const char *part;
};

static void assert_all(const struct expected *expected, size_t n)
{
    struct config_errors errors = {0};
    assert_int_equal(config_load_all(path_of("main.yaml"), &config, &errors), BLEPROXY_E_INVALID);
    for (size_t i = 0; i < errors.n || i < n; i++) {
        const struct config_error *one = &errors.items[i];
        if (i >= errors.n)
            fail_msg("'%s' was not told", expected[i].part);
        if (i >= n || strcmp(one->file, path_of(expected[i].file)) != 0 || one->line != expected[i].line ||
            !strstr(one->text, expected[i].part))
            fail_msg("%zu: %s:%u: %s", i, one->file, one->line, one->text);
    }
    assert_false(errors.more);
    load();
    assert_string_equal(error.text, errors.items[0].text);
    assert_int_equal(error.n_others, n - 1);
    config_errors_deinit(&errors);
    config_errors_deinit(&errors);
}

#define ASSERT_ALL(...)                                                                                      \
    assert_all((const struct expected[]){__VA_ARGS__},                                                       \
               sizeof((const struct expected[]){__VA_ARGS__}) / sizeof(struct expected))

static void test_all_mistakes_are_told_in_the_order_of_their_lines(void **state)
{
    (void)state;
    write_text("main.yaml", "filter: apple\n"
                            "proxies:\n"
                            "  - {name: hall, adress: a, port: 0}\n"
                            "  - {name: attic, address: AA:BB:CC:DD:EE:FF, noise_psk_file: lost.key}\n"
                            "  - name: loft\n"
                            "    noise_psk: short\n"
                            "  - attic\n"
                            "  - {name: hall, address: b, only: [C0:00:00:00:00:01, hall, kitchen]}\n"
                            "reference: [expiri, window, rooting]\n"
                            "devices:\n"
                            "  - {address: C0:00:00:00:00:01, prefer: [hall, hell], deny: hall}\n"
                            "  - {address: C0:00:00:00:00:02, intervall: 1, only: [atic, loft]}\n"
                            "  - {address: C0:00:00:00:00:01}\n"
                            "  - {address: C0, prefer: [lofd, hall], deny: hall, <<: {name: a}}\n");
    write_text("conf.d/10-b.yaml", "proxies:\n  - {name: loft, address: c}\n  - {name: hall, address: d}\n");
    write_text("conf.d/9-a.yaml", "devices:\n  - {address: C0:00:00:00:00:01}\n  - {}\nproxies: 5\n");
    ASSERT_ALL(
        {"main.yaml", 1, "did you mean 'filters'?"}, {"main.yaml", 3, "did you mean 'address'?"},
        {"main.yaml", 3, "'port' must be a number"}, {"main.yaml", 4, "is a MAC address"},
        {"main.yaml", 4, "there is no key file 'lost.key'"}, {"main.yaml", 5, "a proxy needs 'address'"},
        {"main.yaml", 6, "'noise_psk' has 5 characters"}, {"main.yaml", 7, "a proxy is written as lines of"},
        {"main.yaml", 8, "'hall' is no device's"}, {"main.yaml", 8, "'kitchen' is no device's"},
        {"main.yaml", 8, "the name 'hall' is already taken in line 3"},
        {"main.yaml", 9, "'reference' has no 'expiri'"}, {"main.yaml", 9, "'reference' has no 'rooting'"},
        {"main.yaml", 11, "there is no proxy 'hell'"}, {"main.yaml", 11, "'hall' is preferred for"},
        {"main.yaml", 12, "did you mean 'interval'?"},
        {"main.yaml", 12, "there is no proxy 'atic'; did you mean 'attic'?"},
        {"main.yaml", 13, "the device C0:00:00:00:00:01 is already listed in line 11"},
        {"main.yaml", 14, "'C0' is no device's address"}, {"main.yaml", 14, "merge keys"},
        {"main.yaml", 14, "there is no proxy 'lofd'; did you mean 'loft'?"},
        {"conf.d/10-b.yaml", 2, "the name 'loft' is already taken in line 5 of "},
        {"conf.d/10-b.yaml", 3, "the name 'hall' is already taken in line 3 of "},
        {"conf.d/9-a.yaml", 2, "already listed in line 11 of "},
        {"conf.d/9-a.yaml", 3, "a device needs 'address'"},
        {"conf.d/9-a.yaml", 4, "'proxies' must be a list"});
}

static void test_what_follows_from_a_mistake_is_not_told(void **state)
{
    (void)state;
    write_text("main.yaml", "proxies:\n  - &p {name: hall, adress: a}\n  - *p\n"
                            "devices: [{address: C0:00:00:00:00:01, prefer: attic}]\n");
    write_text("conf.d/10-b.yaml", "proxies:\n  - {name: attic, address: b\n");
    write_text("conf.d/9-a.yaml", "proxies:\n  - {name: loft, addres: b}\n");
    ASSERT_ALL({"main.yaml", 2, "did you mean 'address'?"}, {"main.yaml", 2, "'hall' is already taken"},
               {"conf.d/10-b.yaml", 3, "not YAML"}, {"conf.d/9-a.yaml", 2, "did you mean 'address'?"});
}

static void test_the_first_ones_are_told_when_there_are_too_many(void **state)
{
    (void)state;
    char text[16384] = "proxies:\n  - {name: same, address: a}\n";
    size_t length = strlen(text);
    for (int i = 0; i < CONFIG_ERRORS_MAX; i++)
        length +=
            (size_t)snprintf(text + length, sizeof(text) - length, "  - {name: same, address: a%d}\n", i);
    for (int i = 0; i < CONFIG_ERRORS_MAX; i++)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "  - {nam: n%d, address: b}\n", i);
    write_text("main.yaml", text);
    struct config_errors errors = {0};
    assert_int_equal(config_load_all(path_of("main.yaml"), &config, &errors), BLEPROXY_E_INVALID);
    assert_int_equal(errors.n, CONFIG_ERRORS_MAX);
    assert_true(errors.more);
    for (size_t i = 0; i < errors.n; i++)
        assert_int_equal(errors.items[i].line, 3 + i);
    config_errors_deinit(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lists_grow_in_the_order_of_the_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_errors_name_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_key_file_lies_beside_the_file_that_names_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_keys_that_everybody_can_read_are_warned_of, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_there_are_not_too_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_mistakes_are_told_in_the_order_of_their_lines, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_follows_from_a_mistake_is_not_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_first_ones_are_told_when_there_are_too_many, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_file_that_is_gone_or_cannot_be_read_is_named, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
