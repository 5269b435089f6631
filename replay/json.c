/* SPDX-License-Identifier: MIT */
#include "replay/json.h"

#include <bleproxy/error.h>
#include <stdint.h>
#include <string.h>

void json_init(struct json_reader *reader, char *text, size_t size)
{
    *reader = (struct json_reader){.start = text, .at = text, .end = text + size};
}

static bool expected(struct json_reader *reader, const char *what)
{
    if (!reader->problem)
        reader->problem = what;
    return false;
}

static void skip_space(struct json_reader *reader)
{
    while (reader->at < reader->end &&
           (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\r' || *reader->at == '\n'))
        reader->at++;
}

static bool take(struct json_reader *reader, char c)
{
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

static bool take_word(struct json_reader *reader, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(reader->end - reader->at) < size || memcmp(reader->at, word, size) != 0)
        return expected(reader, "a value");
    reader->at += size;
    return true;
}

/* ---- Numbers ---- */

static bool take_digits(struct json_reader *reader)
{
    const char *start = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return reader->at > start || expected(reader, "a digit");
}

static bool take_number(struct json_reader *reader)
{
    take(reader, '-');
    if (!take(reader, '0') && !take_digits(reader))
        return false;
    if (take(reader, '.') && !take_digits(reader))
        return false;
    if (!take(reader, 'e') && !take(reader, 'E'))
        return true;
    if (!take(reader, '-'))
        take(reader, '+');
    return take_digits(reader);
}

/* ---- Strings ---- */

static bool take_unit(struct json_reader *reader, uint32_t *ret_unit)
{
    uint32_t unit = 0;
    for (size_t i = 0; i < 4; i++) {
        char c = reader->at < reader->end ? *reader->at : '\0', lower = (char)(c | 0x20);
        if (c >= '0' && c <= '9')
            unit = unit << 4 | (uint32_t)(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            unit = unit << 4 | (uint32_t)(lower - 'a' + 10);
        else
            return expected(reader, "four hexadecimal digits");
        reader->at++;
    }
    *ret_unit = unit;
    return true;
}

static char *encode(char *out, uint32_t code)
{
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    unsigned size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (unsigned i = size - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(leads[size] | code);
    return out + size;
}

/* Behind "\u". Of a pair that makes one character both; a lone half becomes U+FFFD. */
static bool take_character(struct json_reader *reader, char **out)
{
    uint32_t code, low;
    if (!take_unit(reader, &code))
        return false;
    if (code >= 0xd800 && code < 0xdc00 && reader->end - reader->at >= 2 && reader->at[0] == '\\' &&
        reader->at[1] == 'u') {
        char *behind = reader->at;
        reader->at += 2;
        if (!take_unit(reader, &low))
            return false;
        if (low >= 0xdc00 && low < 0xe000)
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        else
            reader->at = behind;
    }
    if (code >= 0xd800 && code < 0xe000)
        code = 0xfffd;
    *out = encode(*out, code);
    return true;
}

static bool take_escape(struct json_reader *reader, char **out)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    char c = reader->at < reader->end ? *reader->at : '\0';
    const char *letter = c ? strchr(letters, c) : NULL;
    if (!letter && c != 'u')
        return expected(reader, "an escape sequence");
    reader->at++;
    if (c == 'u')
        return take_character(reader, out);
    *(*out)++ = meanings[letter - letters];
    return true;
}

/* No decoded text is longer than what stands for it. */
static bool take_string(struct json_reader *reader, struct json_value *ret_string)
{
    if (!take(reader, '"'))
        return expected(reader, "a string");
    char *start = reader->at, *out = start;
    for (;;) {
        if (reader->at == reader->end || (unsigned char)*reader->at < 0x20)
            return expected(reader, "the end of the string");
        char c = *reader->at++;
        if (c == '"')
            break;
        if (c != '\\')
            *out++ = c;
        else if (!take_escape(reader, &out))
            return false;
    }
    *out = '\0';
    *ret_string = (struct json_value){JSON_STRING, start, (size_t)(out - start)};
    return true;
}

/* ---- Values ---- */

static bool take_value(struct json_reader *reader, unsigned depth, struct json_value *ret_value);

static bool take_list(struct json_reader *reader, unsigned depth)
{
    struct json_value ignored;
    skip_space(reader);
    if (take(reader, ']'))
        return true;
    do {
        skip_space(reader);
        if (!take_value(reader, depth, &ignored))
            return false;
        skip_space(reader);
    } while (take(reader, ','));
    return take(reader, ']') || expected(reader, "',' or ']'");
}

static bool take_member(struct json_reader *reader, unsigned depth, struct json_value *ret_key,
                        struct json_value *ret_value)
{
    skip_space(reader);
    if (!take_string(reader, ret_key))
        return false;
    skip_space(reader);
    if (!take(reader, ':'))
        return expected(reader, "':'");
    skip_space(reader);
    return take_value(reader, depth, ret_value);
}

static bool take_object(struct json_reader *reader, unsigned depth)
{
    struct json_value key, value;
    skip_space(reader);
    if (take(reader, '}'))
        return true;
    do {
        if (!take_member(reader, depth, &key, &value))
            return false;
        skip_space(reader);
    } while (take(reader, ','));
    return take(reader, '}') || expected(reader, "',' or '}'");
}

static bool take_nested(struct json_reader *reader, unsigned depth, struct json_value *ret_value)
{
    *ret_value = (struct json_value){JSON_NESTED, "", 0};
    if (depth == JSON_DEPTH_MAX)
        return expected(reader, "no more values within values");
    return *reader->at++ == '[' ? take_list(reader, depth + 1) : take_object(reader, depth + 1);
}

static bool take_value(struct json_reader *reader, unsigned depth, struct json_value *ret_value)
{
    const char *start = reader->at;
    switch (reader->at < reader->end ? *start : '\0') {
    case '"':
        return take_string(reader, ret_value);
    case '[':
    case '{':
        return take_nested(reader, depth, ret_value);
    case 'n':
        *ret_value = (struct json_value){JSON_NULL, "null", 4};
        return take_word(reader, "null");
    case 't':
        *ret_value = (struct json_value){JSON_TRUE, "true", 4};
        return take_word(reader, "true");
    case 'f':
        *ret_value = (struct json_value){JSON_FALSE, "false", 5};
        return take_word(reader, "false");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        if (!take_number(reader))
            return false;
        *ret_value = (struct json_value){JSON_NUMBER, start, (size_t)(reader->at - start)};
        return true;
    }
    return expected(reader, "a value");
}

int json_next(struct json_reader *reader, struct json_value *ret_key, struct json_value *ret_value)
{
    bool first = !reader->begun;
    skip_space(reader);
    if (first && !take(reader, '{')) {
        expected(reader, "'{'");
        return BLEPROXY_E_INVALID;
    }
    reader->begun = true;
    skip_space(reader);
    if (take(reader, '}')) {
        skip_space(reader);
        if (reader->at == reader->end)
            return 0;
        expected(reader, "the end of the line");
        return BLEPROXY_E_INVALID;
    }
    if (!first && !take(reader, ','))
        expected(reader, "',' or '}'");
    else if (take_member(reader, 1, ret_key, ret_value))
        return 1;
    return BLEPROXY_E_INVALID;
}
