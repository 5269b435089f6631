/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "config/append.h"
#include "config/config.h"
#include "config/file.h"
#include <bleproxy/error.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct config_entry attic = {.name = "attic", .address = "10.0.0.2"};
static struct config_error error;

static void check(const char *before, const struct config_entry *entry, const char *expected)
{
    char *text;
    size_t size;
    error = (struct config_error){0};
    int r = config_append(before, strlen(before), entry, 1, &text, &size, &error);
    if (r < 0)
        fail_msg("%s: line %u: %s", before, error.line, error.text);
    assert_string_equal(text, expected);
    assert_int_equal(size, strlen(expected));
    struct config config;
    assert_int_equal(config_parse(text, size, &config, &error), 0);
    config_deinit(&config);
    free(text);
}

static void check_refused(const char *before, const struct config_entry *entry, unsigned line,
                          const char *part)
{
    char *text;
    size_t size;
    error = (struct config_error){0};
    assert_int_equal(config_append(before, strlen(before), entry, 1, &text, &size, &error),
                     BLEPROXY_E_INVALID);
    if (!strstr(error.text, part))
        fail_msg("'%s' is not in '%s'", part, error.text);
    assert_int_equal(error.line, line);
}

#define ATTIC "  - name: attic\n    address: 10.0.0.2\n"

static void test_it_goes_behind_the_others(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"", "proxies:\n" ATTIC},
        {"# mine\n", "# mine\nproxies:\n" ATTIC},
        {"# mine", "# mine\nproxies:\n" ATTIC},
        {"---\n", "---\nproxies:\n" ATTIC},
        {"filters: apple\n", "filters: apple\nproxies:\n" ATTIC},
        {"filters: [apple]", "filters: [apple]\nproxies:\n" ATTIC},
        {"proxies:\n", "proxies:\n" ATTIC},
        {"proxies: # none\n# - name: b\nfilters: apple\n",
         "proxies: # none\n" ATTIC "# - name: b\nfilters: apple\n"},
        {"proxies:\n  - address: a\n", "proxies:\n  - address: a\n" ATTIC},
        {"proxies:\n  - address: a", "proxies:\n  - address: a\n" ATTIC},
        {"proxies:\n  - address: a # here\n\n\nfilters: apple # there\n",
         "proxies:\n  - address: a # here\n" ATTIC "\n\nfilters: apple # there\n"},
        {"proxies:\n  - address: a\n    # port: 1\n  # - address: b\n\ndevices:\n",
         "proxies:\n  - address: a\n    # port: 1\n" ATTIC "  # - address: b\n\ndevices:\n"},
        {"proxies:\n- address: a\n  prefer:\n  - A4:C1:38:11:22:33\nfilters: apple\n",
         "proxies:\n- address: a\n  prefer:\n  - A4:C1:38:11:22:33\n- name: attic\n  address: "
         "10.0.0.2\nfilters: apple\n"},
        {"filters: apple\nproxies:\n    - {address: a,\n       port: 1}\n\n",
         "filters: apple\nproxies:\n    - {address: a,\n       port: 1}\n    - name: attic\n      address: "
         "10.0.0.2\n\n"},
        {"proxies:\n  - address: >-\n      a\n  - &b {address: b}\nfilters: apple\n",
         "proxies:\n  - address: >-\n      a\n  - &b {address: b}\n" ATTIC "filters: apple\n"},
        {"proxies:\n  - address: b\n    name: |-\n      c\n\nfilters: apple\n",
         "proxies:\n  - address: b\n    name: |-\n      c\n\n" ATTIC "filters: apple\n"},
        {"\xef\xbb\xbfproxies:\n  - address: a\n", "\xef\xbb\xbfproxies:\n  - address: a\n" ATTIC},
        {"proxies: &p\n  - &a {address: a}\n", "proxies: &p\n  - &a {address: a}\n" ATTIC},
        {"proxies: !!seq # all\n  # of them\n  - address: a",
         "proxies: !!seq # all\n  # of them\n  - address: a\n" ATTIC},
        {"proxies:\n  - address: b\n    prefer: []\n", "proxies:\n  - address: b\n    prefer: []\n" ATTIC},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        check(files[i][0], &attic, files[i][1]);
}

static void test_it_goes_into_brackets(void **state)
{
    (void)state;
    check("proxies: []\n", &attic, "proxies: [{name: attic, address: 10.0.0.2}]\n");
    check("proxies: [{address: a}] # é\n", &attic,
          "proxies: [{address: a}, {name: attic, address: 10.0.0.2}] # é\n");
    check("proxies: [{address: a,}, ]", &attic, "proxies: [{address: a,}, {name: attic, address: 10.0.0.2}]");
    check("proxies: [\n  {address: é, only: [A4:C1:38:11:22:33]} # [\n]\n", &attic,
          "proxies: [\n  {address: é, only: [A4:C1:38:11:22:33]} # [\n, {name: attic, address: 10.0.0.2}]\n");
    check("\xef\xbb\xbfproxies: [] # é\n", &attic,
          "\xef\xbb\xbfproxies: [{name: attic, address: 10.0.0.2}] # é\n");
    check("{filters: apple, proxies: [{name: 'é', address: a}]}", &attic,
          "{filters: apple, proxies: [{name: 'é', address: a}, {name: attic, address: 10.0.0.2}]}");
}

static void test_all_that_an_entry_has_is_written_and_quoted_where_it_must(void **state)
{
    (void)state;
    check("",
          &(struct config_entry){.name = "the \"new\" one: \\",
                                 .address = "fe80::1%eth0",
                                 .port = 6054,
                                 .noise_psk_file = "keys/new #1.key"},
          "proxies:\n  - name: \"the \\\"new\\\" one: \\\\\"\n    address: \"fe80::1%eth0\"\n    port: 6054\n"
          "    noise_psk_file: \"keys/new #1.key\"\n");
    static const char *const names[] = {"null", "~", "No", "17", "-",  "1.5", "a: b",
                                        "#",    "é", "!a", "&a", "*a", "=",   "{"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char expected[64];
        snprintf(expected, sizeof(expected), "proxies:\n  - name: \"%s\"\n    address: a.local\n", names[i]);
        check("", &(struct config_entry){.name = names[i], .address = "a.local"}, expected);
    }
    check("", &(struct config_entry){.address = "a.local"}, "proxies:\n  - address: a.local\n");
}

static void test_several_at_once(void **state)
{
    (void)state;
    const struct config_entry entries[] = {
        attic, {.name = "b", .address = "b", .port = 6053}, {.name = "b", .address = "c"}};
    char *text;
    size_t size;
    assert_int_equal(config_append("", 0, entries, 2, &text, &size, &error), 0);
    assert_string_equal(text, "proxies:\n" ATTIC "  - name: b\n    address: b\n");
    free(text);
    assert_int_equal(config_append("", 0, entries, 3, &text, &size, &error), BLEPROXY_E_INVALID);
    assert_non_null(strstr(error.text, "there is a proxy 'b' already"));
}

static void test_lines_end_as_they_did(void **state)
{
    (void)state;
    check("proxies:\r\n  - address: a\r\nfilters: apple\r\n", &attic,
          "proxies:\r\n  - address: a\r\n  - name: attic\r\n    address: 10.0.0.2\r\nfilters: apple\r\n");
}

static void test_what_cannot_be_added_is_refused(void **state)
{
    (void)state;
    check_refused("proxies:\n  - {name: attic, address: b}\n", &attic, 2, "there is a proxy 'attic' already");
    check_refused("proxies:\n  - {address: 10.0.0.2}\n", &(struct config_entry){.address = "10.0.0.2"}, 2,
                  "already");
    check_refused("proxies: ~\n", &attic, 1, "cannot be added to");
    check_refused("filters: apple\nproxies: null\n", &attic, 2, "cannot be added to");
    check_refused("{filters: apple}\n", &attic, 1, "cannot be added to");
    check_refused("--- {}\n", &attic, 1, "cannot be added to");
    check_refused("filters: apple\n...\n", &attic, 1, "cannot be added to");
    check_refused("proxies:\n  - adress: b\n", &attic, 2, "did you mean 'address'");
    check_refused("", &(struct config_entry){.name = "", .address = "a"}, 0, "empty");
    check_refused("", &(struct config_entry){.name = "a\nb", .address = "a"}, 0, "does not print");
    check_refused("", &(struct config_entry){.name = "a", .address = "a b"}, 0, "without spaces");
    check_refused("proxies: []\n", &(struct config_entry){.name = "a", .address = "a:6053"}, 0,
                  "holds no port");
    check_refused("proxies: [\n", &attic, 2, "not YAML");
    check_refused("\xff\xfe", &attic, 0, "cannot be added to"); /* UTF-16 */
}

/* ---- Files ---- */

static char directory[] = "/tmp/bleproxy-test-XXXXXX";

static const char *path_of(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
    return path;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void assert_text(const char *path, const char *expected)
{
    char text[1024];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(text, expected);
}

static unsigned mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

/* A process of its own each, all at once. */
static void test_no_entry_is_lost_when_several_are_added_at_once(void **state)
{
    (void)state;
    enum { N = 16 };
    char place[] = "/tmp/bleproxy-test-XXXXXX", path[80], made[64], name[16];
    pid_t children[N];
    assert_non_null(mkdtemp(place));
    snprintf(made, sizeof(made), "%s/new", place);
    snprintf(path, sizeof(path), "%s/a.yaml", made);
    for (int i = 0; i < N; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] > 0)
            continue;
        snprintf(name, sizeof(name), "p%d", i);
        _exit(config_append_file(path, &(struct config_entry){.name = name, .address = "a"}, 1, &error) != 0);
    }
    for (int i = 0; i < N; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    struct config config;
    assert_int_equal(config_load(path, &config, &error), 0);
    assert_int_equal(config.n_proxies, N);
    config_deinit(&config);
    unlink(path);
    rmdir(made);
    rmdir(place);
}

/* Its process is killed in the middle of writing. */
static void test_no_half_of_a_file_is_left_under_its_name(void **state)
{
    (void)state;
    static const char text[] = "more than ten bytes";
    char place[] = "/tmp/bleproxy-test-XXXXXX", path[64], command[128];
    int status;
    assert_non_null(mkdtemp(place));
    snprintf(path, sizeof(path), "%s/a.key", place);
    for (int replaces = 0; replaces < 2; replaces++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            const struct rlimit size = {10, 10}, core = {0, 0};
            signal(SIGXFSZ, SIG_DFL);
            setrlimit(RLIMIT_CORE, &core);
            setrlimit(RLIMIT_FSIZE, &size);
            _exit(replaces ? file_replace(path, text, strlen(text)) : file_create(path, text, strlen(text)));
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
        if (replaces) {
            assert_text(path, "whole");
        } else {
            assert_int_equal(access(path, F_OK), -1);
            assert_int_equal(file_create(path, "whole", 5), 0);
            assert_int_equal(mode_of(path), 0600);
            assert_int_equal(file_create(path, text, strlen(text)), BLEPROXY_E_STATE);
        }
    }
    assert_int_equal(file_replace(path, text, strlen(text)), 0);
    assert_text(path, text);
    snprintf(command, sizeof(command), "rm -r %s", place);
    assert_int_equal(system(command), 0);
}

/* The superuser may write it. */
static void test_a_file_that_may_not_be_written_is_left_alone(void **state)
{
    (void)state;
    char place[] = "/tmp/bleproxy-test-XXXXXX", path[64];
    int status;
    assert_non_null(mkdtemp(place));
    assert_int_equal(chmod(place, 0777), 0);
    snprintf(path, sizeof(path), "%s/a.yaml", place);
    write_text(path, "proxies: []\n");
    assert_int_equal(chmod(path, 0444), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool other = getuid() != 0 || setuid(65534) == 0;
        int r = config_append_file(path, &attic, 1, &error);
        _exit(!other || r != BLEPROXY_E_IO || !strstr(error.text, "cannot be written: Permission denied"));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_text(path, "proxies: []\n");
    unlink(path);
    rmdir(place);
}

static void test_files(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    const char *new = path_of("a/b/new.yaml");
    assert_int_equal(config_append_file(new, &attic, 1, &error), 0);
    assert_text(new, "proxies:\n" ATTIC);
    assert_int_equal(mode_of(new), 0600);
    assert_int_equal(mode_of(path_of("a/b")), 0700);

    const char *real = path_of("real.yaml"), *link = path_of("link.yaml");
    write_text(real, "filters: apple\n");
    assert_int_equal(chmod(real, 0640), 0);
    assert_int_equal(symlink("real.yaml", link), 0);
    assert_int_equal(config_append_file(link, &attic, 1, &error), 0);
    assert_text(real, "filters: apple\nproxies:\n" ATTIC);
    assert_int_equal(mode_of(real), 0640);
    char target[64];
    assert_int_equal(readlink(link, target, sizeof(target)), 9);

    assert_int_equal(config_append_file(link, &attic, 1, &error), BLEPROXY_E_INVALID);
    assert_int_equal(error.line, 3);
    assert_text(real, "filters: apple\nproxies:\n" ATTIC);
    assert_int_equal(mkdir(path_of("conf.d"), 0755), 0);
    write_text(path_of("conf.d/b.yaml"), "proxies:\n  - {name: b, address: b}\n");
    assert_int_equal(config_append_file(link, &(struct config_entry){.name = "b", .address = "c"}, 1, &error),
                     BLEPROXY_E_INVALID);
    assert_string_equal(error.file, path_of("conf.d/b.yaml"));
    assert_int_equal(error.line, 2);
    assert_int_equal(config_append_file(path_of("conf.d"), &attic, 1, &error), BLEPROXY_E_IO);
    assert_non_null(strstr(error.text, "cannot be read"));
    static const char *const all[] = {"a/b/new.yaml", "real.yaml", "link.yaml", "conf.d/b.yaml"};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        assert_int_equal(unlink(path_of(all[i])), 0);
    rmdir(path_of("a/b"));
    rmdir(path_of("a"));
    rmdir(path_of("conf.d"));
    assert_int_equal(rmdir(directory), 0); /* nothing else was left there */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_goes_behind_the_others),
        cmocka_unit_test(test_it_goes_into_brackets),
        cmocka_unit_test(test_all_that_an_entry_has_is_written_and_quoted_where_it_must),
        cmocka_unit_test(test_several_at_once),
        cmocka_unit_test(test_lines_end_as_they_did),
        cmocka_unit_test(test_what_cannot_be_added_is_refused),
        cmocka_unit_test(test_no_entry_is_lost_when_several_are_added_at_once),
        cmocka_unit_test(test_no_half_of_a_file_is_left_under_its_name),
        cmocka_unit_test(test_a_file_that_may_not_be_written_is_left_alone),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
