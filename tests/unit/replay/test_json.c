/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "replay/json.h"
#include <bleproxy/error.h>
#include <json-c/json_tokener.h>
#include <stdio.h>
#include <string.h>

static char memory[4096];
static struct json_reader reader;

/* Reads all members; the outcome of the last one. */
static int read_all(const char *text)
{
    struct json_value key, value;
    int r;
    snprintf(memory, sizeof(memory), "%s", text);
    json_init(&reader, memory, strlen(memory));
    while ((r = json_next(&reader, &key, &value)) == 1)
        assert_int_equal(key.kind, JSON_STRING);
    return r;
}

static bool json_c_agrees(const char *text)
{
    struct json_tokener *tokener = json_tokener_new();
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    struct json_object *object = json_tokener_parse_ex(tokener, text, (int)strlen(text) + 1);
    bool agrees = object && json_object_is_type(object, json_type_object);
    json_object_put(object);
    json_tokener_free(tokener);
    return agrees;
}

static void test_objects(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{}",
        " { } ",
        "{\"a\":1}",
        "{ \"a\" : -0.5e+10 , \"b\":null,\"c\":true,\"d\":false, \"e\":\"\" }\r",
        "{\"a\":[],\"b\":{},\"c\":[1,[2,{\"d\":[3]}]],\"e\":{\"f\":{\"g\":\"}\"}}}",
        "{\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\":\"\\ud83d\\ude00\"}",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_all(cases[i]), 0);
        assert_true(json_c_agrees(cases[i]));
    }
}

static void test_what_is_no_object(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problem;
        size_t at;
    } cases[] = {
        {"", "'{'", 0},
        {"[1]", "'{'", 0},
        {"{", "a string", 1},
        {"{\"a", "the end of the string", 3},
        {"{\"a\"", "':'", 4},
        {"{\"a\":", "a value", 5},
        {"{\"a\":1", "',' or '}'", 6},
        {"{\"a\":1,", "a string", 7},
        {"{\"a\":1,}", "a string", 7},
        {"{\"a\":1}{", "the end of the line", 7},
        {"{'a':1}", "a string", 1},
        {"{\"a\":01}", "',' or '}'", 6},
        {"{\"a\":.5}", "a value", 5},
        {"{\"a\":1.}", "a digit", 7},
        {"{\"a\":1e}", "a digit", 7},
        {"{\"a\":-}", "a digit", 6},
        {"{\"a\":+1}", "a value", 5},
        {"{\"a\":NaN}", "a value", 5},
        {"{\"a\":-Infinity}", "a digit", 6},
        {"{\"a\":nul}", "a value", 5},
        {"{\"a\":\"\t\"}", "the end of the string", 6},
        {"{\"a\":\"\\x\"}", "an escape sequence", 7},
        {"{\"a\":\"\\u12g4\"}", "four hexadecimal digits", 10},
        {"{\"a\":[1 2]}", "',' or ']'", 8},
        {"{\"a\":[1,]}", "a value", 8},
        {"{\"a\":{1:2}}", "a string", 6},
        {"{\"a\":1 /* b */}", "',' or '}'", 7},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_all(cases[i].text), BLEPROXY_E_INVALID);
        assert_string_equal(reader.problem, cases[i].problem);
        assert_int_equal(reader.at - reader.start, cases[i].at);
    }
}

static void test_values(void **state)
{
    (void)state;
    struct json_value key, value;
    char text[] =
        "{\"n\\u0061me\":\"\\ud83d\\ude00 \\ud83d \\u0000\\t\", \"t\" :12.50, \"x\":{\"t\":1}, \"y\":true}";
    json_init(&reader, text, strlen(text));
    assert_int_equal(json_next(&reader, &key, &value), 1);
    assert_string_equal(key.text, "name");
    assert_int_equal(value.kind, JSON_STRING);
    assert_int_equal(value.size, 11);
    assert_memory_equal(value.text, "\U0001f600 \ufffd \0\t", 12);
    assert_int_equal(json_next(&reader, &key, &value), 1);
    assert_string_equal(key.text, "t");
    assert_int_equal(value.kind, JSON_NUMBER);
    assert_int_equal(value.size, 5);
    assert_memory_equal(value.text, "12.50", 5);
    assert_int_equal(json_next(&reader, &key, &value), 1);
    assert_int_equal(value.kind, JSON_NESTED);
    assert_int_equal(json_next(&reader, &key, &value), 1);
    assert_int_equal(value.kind, JSON_TRUE);
    assert_int_equal(json_next(&reader, &key, &value), 0);
}

static void test_depth_is_limited(void **state)
{
    (void)state;
    for (unsigned depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX; depth++) {
        char text[256] = "{\"a\":";
        for (unsigned i = 0; i < depth; i++)
            strcat(text, "[");
        for (unsigned i = 0; i < depth; i++)
            strcat(text, "]");
        strcat(text, "}");
        assert_int_equal(read_all(text), depth < JSON_DEPTH_MAX ? 0 : BLEPROXY_E_INVALID);
    }
    assert_string_equal(reader.problem, "no more values within values");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_what_is_no_object),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_depth_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
