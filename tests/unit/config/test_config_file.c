/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "config/config.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PSK "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static char directory[] = "/tmp/bleproxy-test-XXXXXX";
static struct config config;
static struct config_error error;

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void write_file(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void write_text(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path_of("a.key"));
    unlink(path_of("a.yaml"));
    return rmdir(directory);
}

static int load(const char *name)
{
    memset(&error, 0, sizeof(error));
    return config_load(path_of(name), &config, &error);
}

static void test_key_files(void **state)
{
    (void)state;
    static const char *const good[] = {PSK, PSK "\n", "\n  " PSK "\t\r\n\n"};
    static const char *const bad[] = {"", "\n", "AAEC", (PSK " " PSK), PSK "\n#", ("a" PSK)};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        write_text("a.key", good[i]);
        char *psk = NULL;
        assert_int_equal(config_read_psk_file(path_of("a.key"), &psk), 0);
        assert_string_equal(psk, PSK);
        free(psk);
    }
    char *psk = NULL;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_text("a.key", bad[i]);
        assert_int_equal(config_read_psk_file(path_of("a.key"), &psk), BLEPROXY_E_INVALID_KEY);
    }
    write_file("a.key", PSK "\0", sizeof(PSK));
    assert_int_equal(config_read_psk_file(path_of("a.key"), &psk), BLEPROXY_E_INVALID_KEY);
    char large[2048];
    memset(large, ' ', sizeof(large));
    memcpy(large, PSK, strlen(PSK));
    write_file("a.key", large, 1024);
    assert_int_equal(config_read_psk_file(path_of("a.key"), &psk), 0);
    free(psk);
    psk = NULL;
    write_file("a.key", large, 1025);
    assert_int_equal(config_read_psk_file(path_of("a.key"), &psk), BLEPROXY_E_INVALID_KEY);
    assert_int_equal(config_read_psk_file(path_of("none"), &psk), BLEPROXY_E_NOT_FOUND);
    assert_int_equal(config_read_psk_file(directory, &psk), BLEPROXY_E_IO);
    assert_null(psk);
}

static void test_a_relative_key_file_lies_beside_the_configuration(void **state)
{
    (void)state;
    write_text("a.key", PSK "\n");
    write_text("a.yaml", "proxies:\n- address: a\n  noise_psk_file: a.key\n");
    assert_int_equal(load("a.yaml"), 0);
    assert_string_equal(config.proxies[0].noise_psk, PSK);
    assert_string_equal(config.proxies[0].noise_psk_file, "a.key");
    config_deinit(&config);

    char text[400];
    snprintf(text, sizeof(text), "proxies:\n- address: a\n  noise_psk_file: %s\n", path_of("a.key"));
    write_text("a.yaml", text);
    assert_int_equal(load("a.yaml"), 0);
    assert_string_equal(config.proxies[0].noise_psk, PSK);
    config_deinit(&config);
}

static void test_a_configuration_in_the_working_directory(void **state)
{
    (void)state;
    char before[4096];
    assert_non_null(getcwd(before, sizeof(before)));
    write_text("a.key", PSK "\n");
    write_text("a.yaml", "proxies:\n- address: a\n  noise_psk_file: a.key\n");
    assert_int_equal(chdir(directory), 0);
    assert_int_equal(config_load("a.yaml", &config, &error), 0);
    assert_string_equal(config.proxies[0].noise_psk, PSK);
    config_deinit(&config);
    assert_int_equal(chdir(before), 0);
}

static void test_what_is_wrong_with_a_key_file_is_told_where_it_is_named(void **state)
{
    (void)state;
    write_text("a.yaml", "proxies:\n- address: a\n  noise_psk_file: none.key\n");
    assert_int_equal(load("a.yaml"), BLEPROXY_E_INVALID);
    assert_int_equal(error.line, 3);
    assert_string_equal(error.text, "there is no key file 'none.key'");

    write_text("a.yaml", "proxies:\n- address: a\n\n  noise_psk_file: a.key\n");
    write_text("a.key", "hunter2\n");
    assert_int_equal(load("a.yaml"), BLEPROXY_E_INVALID);
    assert_int_equal(error.line, 4);
    assert_string_equal(error.text, "the key file 'a.key' does not hold a key, the base64 of 32 bytes");

    write_text("a.yaml", "proxies:\n- address: a\n  noise_psk_file: /\n");
    assert_int_equal(load("a.yaml"), BLEPROXY_E_INVALID);
    assert_string_equal(error.text, "the key file '/' cannot be read: Is a directory");
}

static void test_a_key_that_only_root_reads_is_what_the_service_was_handed(void **state)
{
    (void)state;
    static const char other[] = "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    write_text("a.yaml", "proxies:\n- address: a\n  noise_psk_file: keys/a.key\n");
    write_text("keys_a.key", PSK "\n");
    assert_int_equal(load("a.yaml"), BLEPROXY_E_INVALID);
    setenv("CREDENTIALS_DIRECTORY", directory, 1);
    assert_int_equal(load("a.yaml"), 0);
    assert_string_equal(config.proxies[0].noise_psk, PSK);
    config_deinit(&config);

    write_text("a.yaml", "proxies:\n- address: a\n  noise_psk_file: /nowhere/keys/a.key\n");
    assert_int_equal(load("a.yaml"), 0);
    assert_string_equal(config.proxies[0].noise_psk, PSK);
    config_deinit(&config);

    /* The file counts where it can be read. */
    write_text("a.yaml", "proxies:\n- address: a\n  noise_psk_file: keys/a.key\n");
    assert_int_equal(mkdir(path_of("keys"), 0700), 0);
    write_text("keys/a.key", other);
    assert_int_equal(load("a.yaml"), 0);
    assert_string_equal(config.proxies[0].noise_psk, other);
    config_deinit(&config);
    unlink(path_of("keys/a.key"));
    rmdir(path_of("keys"));

    write_text("keys_a.key", "hunter2\n");
    assert_int_equal(load("a.yaml"), BLEPROXY_E_INVALID);
    assert_string_equal(error.text, "the key file 'keys/a.key' does not hold a key, the base64 of 32 bytes");
    unlink(path_of("keys_a.key"));
    assert_int_equal(load("a.yaml"), BLEPROXY_E_INVALID);
    assert_string_equal(error.text, "there is no key file 'keys/a.key'");
    write_text("a.yaml", "proxies:\n- address: a\n  noise_psk_file: /\n");
    assert_int_equal(load("a.yaml"), BLEPROXY_E_INVALID);
    assert_string_equal(
        error.text,
        "the key file '/' cannot be read: Is a directory, and the service was not given it at its start");
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void test_files_that_cannot_be_read(void **state)
{
    (void)state;
    assert_int_equal(load("none.yaml"), BLEPROXY_E_NOT_FOUND);
    assert_string_equal(error.text, "there is no such file");
    assert_int_equal(error.line, 0);
    assert_int_equal(load("."), BLEPROXY_E_IO);
    assert_string_equal(error.text, "the file cannot be read: Is a directory");
    write_text("a.yaml", "");
    assert_int_equal(truncate(path_of("a.yaml"), CONFIG_SIZE_MAX + 1), 0);
    assert_int_equal(load("a.yaml"), BLEPROXY_E_INVALID);
    assert_string_equal(error.text, "the file is larger than 1048576 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_files),
        cmocka_unit_test(test_a_relative_key_file_lies_beside_the_configuration),
        cmocka_unit_test(test_a_configuration_in_the_working_directory),
        cmocka_unit_test(test_what_is_wrong_with_a_key_file_is_told_where_it_is_named),
        cmocka_unit_test(test_a_key_that_only_root_reads_is_what_the_service_was_handed),
        cmocka_unit_test(test_files_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
