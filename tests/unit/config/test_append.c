/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "config/append.h"
#include <bleproxy/error.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct config_entry kitchen = {"kitchen", "kitchen.local", 6053};
static const struct config_entry strange = {"a \"b\": #c\\", "1234", 6054};
static struct config_error error;

static char *append(const char *text, const struct config_entry *entries, size_t n)
{
    char *result;
    size_t size;
    memset(&error, 0, sizeof(error));
    int r = config_append(text, strlen(text), entries, n, &result, &size, &error);
    if (r < 0) {
        assert_int_equal(r, BLEPROXY_E_INVALID);
        assert_true(error.text[0]);
        return NULL;
    }
    assert_int_equal(strlen(result), size);
    return result;
}

static void test_where_it_goes(void **state)
{
    (void)state;
    static const struct {
        const char *what, *before, *after;
    } cases[] = {
        {"an empty file", "", "proxies:\n  - name: kitchen\n    address: kitchen.local\n"},
        {"comments only", "# hello\n", "# hello\nproxies:\n  - name: kitchen\n    address: kitchen.local\n"},
        {"no end of line", "# hello", "# hello\nproxies:\n  - name: kitchen\n    address: kitchen.local\n"},
        {"nothing behind the key", "proxies: # none yet\ndevices:\n",
         "proxies: # none yet\n  - name: kitchen\n    address: kitchen.local\ndevices:\n"},
        {"a list", "proxies:\n  - address: a\n",
         "proxies:\n  - address: a\n  - name: kitchen\n    address: kitchen.local\n"},
        {"a list without an end of line", "proxies:\n  - address: a",
         "proxies:\n  - address: a\n  - name: kitchen\n    address: kitchen.local\n"},
        {"a list at the margin", "proxies:\n- address: a\n",
         "proxies:\n- address: a\n- name: kitchen\n  address: kitchen.local\n"},
        {"a list far in", "proxies:\n       -   address: a\n           name: b # c\n",
         "proxies:\n       -   address: a\n           name: b # c\n       - name: kitchen\n         address: "
         "kitchen.local\n"},
        {"something behind the list",
         "proxies:\n  - address: a\n\n# devices\ndevices:\n  - address: AA:BB:CC:DD:EE:FF\n",
         "proxies:\n  - address: a\n  - name: kitchen\n    address: kitchen.local\n\n# devices\ndevices:\n"
         "  - address: AA:BB:CC:DD:EE:FF\n"},
        {"another list before it", "devices:\n  - address: AA:BB:CC:DD:EE:FF\nproxies:\n  - address: a\n",
         "devices:\n  - address: AA:BB:CC:DD:EE:FF\nproxies:\n  - address: a\n  - name: kitchen\n"
         "    address: kitchen.local\n"},
        {"another list only", "devices:\n  - address: AA:BB:CC:DD:EE:FF\n",
         "devices:\n  - address: AA:BB:CC:DD:EE:FF\nproxies:\n  - name: kitchen\n    address: "
         "kitchen.local\n"},
        {"brackets in an entry",
         "proxies:\n  - address: a\n    deny: [AA:BB:CC:DD:EE:FF,\n      AA:BB:CC:DD:EE:00]\n",
         "proxies:\n  - address: a\n    deny: [AA:BB:CC:DD:EE:FF,\n      AA:BB:CC:DD:EE:00]\n  - name: "
         "kitchen\n"
         "    address: kitchen.local\n"},
        {"an entry in brackets", "proxies:\n  - {address: a}\n",
         "proxies:\n  - {address: a}\n  - name: kitchen\n    address: kitchen.local\n"},
        {"a list in an entry", "proxies:\n  - address: a\n    deny:\n      - AA:BB:CC:DD:EE:FF\n",
         "proxies:\n  - address: a\n    deny:\n      - AA:BB:CC:DD:EE:FF\n  - name: kitchen\n    address: "
         "kitchen.local\n"},
        {"an alias at the end",
         "proxies:\n  - address: a\n    name: &n b\n  - address: c\n    password: *n\n",
         "proxies:\n  - address: a\n    name: &n b\n  - address: c\n    password: *n\n  - name: kitchen\n"
         "    address: kitchen.local\n"},
        {"a text of several lines", "proxies:\n  - address: |-\n      a\n",
         "proxies:\n  - address: |-\n      a\n  - name: kitchen\n    address: kitchen.local\n"},
        {"other ends of lines", "proxies:\r\n  - address: a\r\n",
         "proxies:\r\n  - address: a\r\n  - name: kitchen\r\n    address: kitchen.local\r\n"},
        {"an umlaut before it",
         "# K\xc3\xbc"
         "che\nproxies:\n  - address: a # \xc3\xa4\n",
         "# K\xc3\xbc"
         "che\nproxies:\n  - address: a # \xc3\xa4\n  - name: kitchen\n    address: kitchen.local\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *after = append(cases[i].before, &kitchen, 1);
        if (!after)
            fail_msg("%s: refused: %s", cases[i].what, error.text);
        if (strcmp(after, cases[i].after) != 0)
            fail_msg("%s:\n%s", cases[i].what, after);
        free(after);
    }
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what, *text, *why;
    } cases[] = {
        {"a list in brackets", "proxies: [{address: a}]\n", "not written as a list"},
        {"an empty list in brackets", "proxies: []\n", "not written as a list"},
        {"null", "proxies: null\n", "not written as a list"},
        {"a file in brackets", "{proxies: [{address: a}]}\n", "not written as a list"},
        {"a document that ends", "proxies:\n  - address: a\n...\n", NULL},
        {"a document that ends without proxies", "devices:\n...\n", "nothing can be added"},
        {"no YAML", "proxies: [\n", "not YAML"},
        {"no configuration", "hello: world\n", "unknown key"},
        {"its name", "proxies:\n  - address: a\n    name: kitchen\n", "nothing can be added"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *after = append(cases[i].text, &kitchen, 1);
        if ((after != NULL) != (cases[i].why == NULL))
            fail_msg("%s", cases[i].what);
        if (cases[i].why && !strstr(error.text, cases[i].why))
            fail_msg("%s: %s", cases[i].what, error.text);
        free(after);
    }
}

static void test_strange_names_are_quoted_and_ports_are_told(void **state)
{
    (void)state;
    const struct config_entry both[] = {kitchen, strange};
    char *after = append("proxies:\n", both, 2);
    assert_non_null(after);
    assert_string_equal(after, "proxies:\n  - name: kitchen\n    address: kitchen.local\n"
                               "  - name: \"a \\\"b\\\": #c\\\\\"\n    address: \"1234\"\n    port: 6054\n");
    free(after);
    static const char *const words[] = {"null", "Yes", "12", "-", "~", "*a", "k\xc3\xbcrz", "a.b-c_d"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        after = append("", &(const struct config_entry){words[i], "a", 6053}, 1);
        assert_non_null(after);
        free(after);
    }
}

static char directory[] = "/tmp/bleproxy-test-XXXXXX";

static const char *path_of(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
    return path;
}

static void assert_file(const char *name, const char *expected, mode_t mode)
{
    char text[64] = "";
    struct stat status;
    FILE *file = fopen(path_of(name), "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(text, expected);
    assert_int_equal(stat(path_of(name), &status), 0);
    assert_int_equal(status.st_mode & 07777, mode);
}

static void test_a_file_is_replaced(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    assert_int_equal(file_replace(path_of("new"), "one", 3), 0);
    assert_file("new", "one", 0600);
    assert_int_equal(chmod(path_of("new"), 0640), 0);
    assert_int_equal(symlink("new", path_of("link")), 0);
    assert_int_equal(file_replace(path_of("link"), "two", 3), 0);
    assert_file("new", "two", 0640);
    struct stat status;
    assert_int_equal(lstat(path_of("link"), &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(file_replace(path_of("none/new"), "one", 3), BLEPROXY_E_IO);
    assert_int_equal(errno, ENOENT);
    unlink(path_of("link"));
    unlink(path_of("new"));
    assert_int_equal(rmdir(directory), 0); /* nothing else was left behind */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_it_goes),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_strange_names_are_quoted_and_ports_are_told),
        cmocka_unit_test(test_a_file_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
