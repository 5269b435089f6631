/* SPDX-License-Identifier: MIT */
#include "config/schema.h"

#include "config/document.h"
#include "config/errors.h"
#include "config/psk.h"
#include "config/spelling.h"
#include "names/sanitise.h"
#include <bleproxy/error.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHOWN_MAX = 32, /* characters of a key or tag in a message */
    KEYS_TEXT_SIZE = 160,
};

struct reader {
    yaml_document_t *document;
    const void *user;
    struct config_errors *errors;
    struct config_error *error; /* errors->now */
    size_t n_texts;             /* of SCHEMA_TEXTS, so far */
    bool too_many_texts;
};

static int read_object(struct reader *reader, const struct schema *schema, const yaml_node_t *node,
                       void *object);

int config_fail(struct config_error *ret_error, unsigned line, const char *format, ...)
{
    char text[sizeof(ret_error->text) * 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    psk_hide(text); /* one that stands where a name should */
    sanitise(ret_error->text, sizeof(ret_error->text), text, strlen(text), SIZE_MAX);
    ret_error->line = line;
    return BLEPROXY_E_INVALID;
}

static unsigned line_of(const yaml_node_t *node)
{
    return (unsigned)node->start_mark.line + 1;
}

static void *member(void *object, size_t offset)
{
    return (char *)object + offset;
}

static bool has_core_tag(const yaml_node_t *node)
{
    static const char *const core[] = {YAML_STR_TAG, YAML_INT_TAG, YAML_NULL_TAG, YAML_SEQ_TAG, YAML_MAP_TAG};
    for (size_t i = 0; i < sizeof(core) / sizeof(core[0]); i++)
        if (strcmp((const char *)node->tag, core[i]) == 0)
            return true;
    return false;
}

/* An unquoted secret that begins with '!' is a tag for YAML, so the tag of a secret is not shown. */
static int check_tag(const struct reader *reader, const yaml_node_t *node, const struct schema_key *key)
{
    if (has_core_tag(node))
        return 0;
    if (key && key->type == SCHEMA_SECRET)
        return config_fail(reader->error, line_of(node),
                           "tags such as !secret are not supported here; write the value of '%s' itself, in "
                           "quotes if it begins with '!'",
                           key->name);
    return config_fail(reader->error, line_of(node),
                       "tags such as '%.*s' are not supported here; write the value itself", SHOWN_MAX,
                       (const char *)node->tag);
}

/* A copy in *ret_text. */
static int read_value_text(const struct reader *reader, const struct schema_key *key, const yaml_node_t *node,
                           char **ret_text)
{
    const char *value = (const char *)node->data.scalar.value;
    size_t length = node->data.scalar.length;
    unsigned line = line_of(node);
    if (length == 0)
        return config_fail(reader->error, line, "'%s' is present but empty; give it a value or leave it out",
                           key->name);
    if (length > key->max)
        return config_fail(reader->error, line, "'%s' is longer than %zu bytes", key->name, key->max);
    if (!sanitise_keeps(value, length))
        return config_fail(reader->error, line, "'%s' holds a character that does not print", key->name);
    int r = key->check ? key->check(value, line, reader->error) : 0;
    if (r < 0)
        return r;
    *ret_text = strdup(value);
    return *ret_text ? 0 : BLEPROXY_E_NOMEM;
}

static void free_text(const struct schema_key *key, char *text)
{
    if (key->type == SCHEMA_SECRET && text)
        explicit_bzero(text, strlen(text));
    free(text);
}

static void free_texts(struct config_text *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(texts[i].text);
    free(texts);
}

static int read_text(const struct reader *reader, const struct schema_key *key, const yaml_node_t *node,
                     void *object)
{
    char *before, *copy = NULL;
    int r = read_value_text(reader, key, node, &copy);
    memcpy(&before, member(object, key->offset), sizeof(before));
    free_text(key, before);
    memcpy(member(object, key->offset), &copy, sizeof(copy));
    return r;
}

static int read_item(const struct reader *reader, const struct schema_key *key, const yaml_node_t *item,
                     char **ret_text)
{
    int r = check_tag(reader, item, key);
    if (r == 0 && item->type != YAML_SCALAR_NODE)
        r = config_fail(reader->error, line_of(item), "the entries of '%s' must be texts", key->name);
    return r == 0 ? read_value_text(reader, key, item, ret_text) : r;
}

static int read_texts(struct reader *reader, const struct schema_key *key, const yaml_node_t *node,
                      void *object)
{
    bool list = node->type == YAML_SEQUENCE_NODE;
    const yaml_node_item_t *items = list ? node->data.sequence.items.start : NULL;
    size_t n = list ? (size_t)(node->data.sequence.items.top - items) : 1;
    if (n > SCHEMA_TEXTS_MAX - reader->n_texts) {
        if (reader->too_many_texts)
            return 0; /* that was told */
        reader->too_many_texts = true;
        return config_fail(reader->error, line_of(node),
                           "there are more than %d entries in lists such as '%s', all together",
                           SCHEMA_TEXTS_MAX, key->name);
    }
    reader->n_texts += n;
    size_t *count = member(object, key->count_offset);
    struct config_text *before, *texts = n > 0 ? calloc(n, sizeof(*texts)) : NULL;
    if (n > 0 && !texts)
        return BLEPROXY_E_NOMEM;
    memcpy(&before, member(object, key->offset), sizeof(before));
    free_texts(before, *count);
    *count = 0;
    memcpy(member(object, key->offset), &texts, sizeof(texts));
    for (; *count < n; ++*count) {
        const yaml_node_t *item = list ? yaml_document_get_node(reader->document, items[*count]) : node;
        texts[*count].line = line_of(item);
        int r = config_errors_take(reader->errors, read_item(reader, key, item, &texts[*count].text));
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_number(const struct reader *reader, const struct schema_key *key, const yaml_node_t *node,
                       void *object)
{
    const char *value = (const char *)node->data.scalar.value;
    size_t length = node->data.scalar.length, number = 0;
    for (size_t i = 0; i < length && number <= key->max; i++)
        number = value[i] >= '0' && value[i] <= '9' ? number * 10 + (size_t)(value[i] - '0') : SIZE_MAX / 16;
    if (number < 1 || number > key->max || value[0] == '0')
        return config_fail(reader->error, line_of(node), "'%s' must be a number from 1 to %zu", key->name,
                           key->max);
    *(uint32_t *)member(object, key->offset) = (uint32_t)number;
    return 0;
}

static const struct schema_choice *find_choice(const struct schema_key *key, const yaml_node_t *node)
{
    for (const struct schema_choice *choice = key->choices; choice->word; choice++)
        if (strlen(choice->word) == node->data.scalar.length &&
            memcmp(choice->word, node->data.scalar.value, node->data.scalar.length) == 0)
            return choice;
    return NULL;
}

static void list_choices(const struct schema_key *key, char text[KEYS_TEXT_SIZE])
{
    size_t length = 0;
    for (const struct schema_choice *choice = key->choices; choice->word; choice++)
        if (length < KEYS_TEXT_SIZE)
            length += (size_t)snprintf(text + length, KEYS_TEXT_SIZE - length, "%s%s",
                                       choice > key->choices ? ", " : "", choice->word);
}

static int read_choice(const struct reader *reader, const struct schema_key *key, const yaml_node_t *node,
                       void *object)
{
    char words[KEYS_TEXT_SIZE];
    const struct schema_choice *choice = find_choice(key, node);
    if (choice) {
        *(unsigned *)member(object, key->offset) = choice->value;
        return 0;
    }
    list_choices(key, words);
    return config_fail(reader->error, line_of(node), "'%s' must be one of: %s", key->name, words);
}

static int read_bit(const struct reader *reader, const struct schema_key *key, const yaml_node_t *node,
                    void *object)
{
    char words[KEYS_TEXT_SIZE];
    int r = check_tag(reader, node, key);
    if (r < 0)
        return r;
    if (node->type != YAML_SCALAR_NODE)
        return config_fail(reader->error, line_of(node), "the entries of '%s' must be words", key->name);
    const struct schema_choice *choice = find_choice(key, node);
    if (choice) {
        *(unsigned *)member(object, key->offset) |= choice->value;
        return 0;
    }
    list_choices(key, words);
    return config_fail(reader->error, line_of(node), "'%s' has no '%.*s'; it can have: %s", key->name,
                       SHOWN_MAX, (const char *)node->data.scalar.value, words);
}

static int read_bits(const struct reader *reader, const struct schema_key *key, const yaml_node_t *node,
                     void *object)
{
    if (node->type != YAML_SEQUENCE_NODE)
        return read_bit(reader, key, node, object);
    const yaml_node_item_t *end = node->data.sequence.items.top;
    int r = 0;
    for (const yaml_node_item_t *item = node->data.sequence.items.start; r == 0 && item < end; item++)
        r = config_errors_take(
            reader->errors, read_bit(reader, key, yaml_document_get_node(reader->document, *item), object));
    return r;
}

static int read_list(struct reader *reader, const struct schema_key *key, const yaml_node_t *node,
                     void *object)
{
    const yaml_node_item_t *items = node->data.sequence.items.start;
    size_t n = (size_t)(node->data.sequence.items.top - items);
    size_t *count = member(object, key->count_offset);
    if (n > key->max - *count)
        return config_fail(reader->error, line_of(node), "'%s' has more than %zu entries", key->name,
                           key->max);
    if (n == 0)
        return 0;
    void *before, *array;
    memcpy(&before, member(object, key->offset), sizeof(before));
    array = reallocarray(before, *count + n, key->items->size);
    if (!array)
        return BLEPROXY_E_NOMEM;
    memcpy(member(object, key->offset), &array, sizeof(array));
    memset(member(array, *count * key->items->size), 0, n * key->items->size);
    for (size_t i = 0; i < n; i++) {
        const yaml_node_t *item = yaml_document_get_node(reader->document, items[i]);
        int r = config_errors_take(
            reader->errors, read_object(reader, key->items, item, member(array, *count * key->items->size)));
        ++*count;
        if (r < 0)
            return r;
    }
    return 0;
}

/* One value, or a list of them. */
static bool takes_several(const struct schema_key *key)
{
    return key->type == SCHEMA_TEXTS || key->type == SCHEMA_BITS;
}

static const char *what_it_must_be(const struct schema_key *key)
{
    switch (key->type) {
    case SCHEMA_TEXT:
    case SCHEMA_SECRET:
        return "a text";
    case SCHEMA_NUMBER:
        return "a number";
    case SCHEMA_CHOICE:
        return "a word";
    case SCHEMA_TEXTS:
        return "a text, or a list of texts";
    case SCHEMA_BITS:
        return "a word, or a list of words";
    case SCHEMA_LIST:
        return "a list: each entry begins with '- '";
    case SCHEMA_OBJECT:
        return "lines of 'key: value', further to the right";
    }
    return "";
}

static bool fits(const struct schema_key *key, const yaml_node_t *node)
{
    if (node->type == YAML_SEQUENCE_NODE)
        return key->type == SCHEMA_LIST || takes_several(key);
    if (node->type == YAML_MAPPING_NODE)
        return key->type == SCHEMA_OBJECT;
    return key->type != SCHEMA_LIST && key->type != SCHEMA_OBJECT;
}

static int read_value(struct reader *reader, const struct schema_key *key, const yaml_node_t *node,
                      void *object)
{
    int r = check_tag(reader, node, key);
    if (r < 0)
        return r;
    if (document_is_null(node))
        return key->required ? config_fail(reader->error, line_of(node), "'%s' cannot be null", key->name)
                             : 0;
    bool list = key->type == SCHEMA_LIST || key->type == SCHEMA_OBJECT || takes_several(key),
         empty = node->type == YAML_SCALAR_NODE && node->data.scalar.length == 0;
    if (list && empty && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return 0; /* a list with all of its entries commented out */
    if (!fits(key, node))
        return config_fail(reader->error, line_of(node), "'%s' must be %s", key->name, what_it_must_be(key));
    switch (key->type) {
    case SCHEMA_TEXT:
    case SCHEMA_SECRET:
        return read_text(reader, key, node, object);
    case SCHEMA_NUMBER:
        return read_number(reader, key, node, object);
    case SCHEMA_CHOICE:
        return read_choice(reader, key, node, object);
    case SCHEMA_TEXTS:
        return read_texts(reader, key, node, object);
    case SCHEMA_BITS:
        return read_bits(reader, key, node, object);
    case SCHEMA_LIST:
        return read_list(reader, key, node, object);
    case SCHEMA_OBJECT:
        return read_object(reader, key->items, node, member(object, key->offset));
    }
    return BLEPROXY_E_INVALID;
}

static void list_keys(const struct schema *schema, char text[KEYS_TEXT_SIZE])
{
    size_t length = 0;
    for (size_t i = 0; i < schema->n_keys && length < KEYS_TEXT_SIZE; i++)
        length += (size_t)snprintf(text + length, KEYS_TEXT_SIZE - length, "%s%s", i > 0 ? ", " : "",
                                   schema->keys[i].name);
}

static const struct schema_key *nearest_key(const struct schema *schema, const char *name)
{
    const struct schema_key *nearest = NULL;
    struct spelling spelling;
    spelling_seek(&spelling, name);
    for (size_t i = 0; i < schema->n_keys; i++)
        if (spelling_try(&spelling, schema->keys[i].name))
            nearest = &schema->keys[i];
    return nearest;
}

/* A key that does not look like one is not shown: it may be a secret whose own key lacks the space behind its
 * colon. */
static bool looks_like_key(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)name[i]) && name[i] != '_' && name[i] != '-')
            return false;
    return length > 0 && length <= SHOWN_MAX;
}

/* The keys of an object, as far as they were read. */
struct keys {
    unsigned lines[SCHEMA_KEYS_MAX]; /* of each key of the schema; 0: it is not there */
    bool meant[SCHEMA_KEYS_MAX];     /* a misspelt one is taken for it */
};

static int fail_unknown_key(const struct reader *reader, const struct schema *schema, const yaml_node_t *node,
                            struct keys *keys)
{
    const char *name = (const char *)node->data.scalar.value;
    char list[KEYS_TEXT_SIZE];
    list_keys(schema, list);
    if (strcmp(name, "<<") == 0) {
        memset(keys->meant, true, sizeof(keys->meant));
        return config_fail(reader->error, line_of(node),
                           "merge keys, '<<', are not supported here; write the keys themselves");
    }
    if (!looks_like_key(name, node->data.scalar.length))
        return config_fail(reader->error, line_of(node), "unknown key; the keys of %s are: %s", schema->noun,
                           list);
    const struct schema_key *nearest = nearest_key(schema, name);
    if (!nearest)
        return config_fail(reader->error, line_of(node), "unknown key '%s'; the keys of %s are: %s", name,
                           schema->noun, list);
    keys->meant[nearest - schema->keys] = true;
    return config_fail(reader->error, line_of(node), "unknown key '%s'; did you mean '%s'?", name,
                       nearest->name);
}

static const struct schema_key *find_key(const struct schema *schema, const yaml_node_t *node)
{
    for (size_t i = 0; i < schema->n_keys; i++)
        if (strlen(schema->keys[i].name) == node->data.scalar.length &&
            memcmp(schema->keys[i].name, node->data.scalar.value, node->data.scalar.length) == 0)
            return &schema->keys[i];
    return NULL;
}

static int read_pair(struct reader *reader, const struct schema *schema, const yaml_node_pair_t *pair,
                     struct keys *keys, void *object)
{
    const yaml_node_t *name = yaml_document_get_node(reader->document, pair->key);
    if (name->type != YAML_SCALAR_NODE)
        return config_fail(reader->error, line_of(name), "a key must be a word");
    int r = check_tag(reader, name, NULL);
    if (r < 0)
        return r;
    const struct schema_key *key = find_key(schema, name);
    if (!key)
        return fail_unknown_key(reader, schema, name, keys);
    unsigned *line = &keys->lines[key - schema->keys];
    if (*line > 0)
        return config_fail(reader->error, line_of(name), "'%s' is given twice, first in line %u", key->name,
                           *line);
    *line = line_of(name);
    return read_value(reader, key, yaml_document_get_node(reader->document, pair->value), object);
}

static int check_required(const struct reader *reader, const struct schema *schema, const yaml_node_t *node,
                          const struct keys *keys)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < schema->n_keys; i++)
        if (schema->keys[i].required && keys->lines[i] == 0 && !keys->meant[i])
            r = config_errors_take(reader->errors, config_fail(reader->error, line_of(node), "%s needs '%s'",
                                                               schema->noun, schema->keys[i].name));
    return r;
}

static int read_object(struct reader *reader, const struct schema *schema, const yaml_node_t *node,
                       void *object)
{
    int r = check_tag(reader, node, NULL);
    if (r < 0)
        return r;
    if (node->type != YAML_MAPPING_NODE) {
        char list[KEYS_TEXT_SIZE];
        list_keys(schema, list);
        return config_fail(reader->error, line_of(node),
                           "%s is written as lines of 'key: value', with these keys: %s", schema->noun, list);
    }
    struct keys keys = {0};
    const yaml_node_pair_t *end = node->data.mapping.pairs.top;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; r == 0 && pair < end; pair++)
        r = config_errors_take(reader->errors, read_pair(reader, schema, pair, &keys, object));
    if (r == 0)
        r = check_required(reader, schema, node, &keys);
    if (r < 0 || !schema->complete)
        return r;
    return schema->complete(object, line_of(node), keys.lines, reader->user, reader->error);
}

int schema_read(const struct schema *schema, yaml_document_t *document, const yaml_node_t *node, void *object,
                const void *user, struct config_errors *errors)
{
    struct reader reader = {.document = document, .user = user, .errors = errors, .error = &errors->now};
    return config_errors_take(errors, read_object(&reader, schema, node, object));
}

void schema_free(const struct schema *schema, void *object)
{
    for (size_t i = 0; i < schema->n_keys; i++) {
        const struct schema_key *key = &schema->keys[i];
        if (key->type == SCHEMA_NUMBER || key->type == SCHEMA_CHOICE || key->type == SCHEMA_BITS)
            continue;
        if (key->type == SCHEMA_OBJECT) {
            schema_free(key->items, member(object, key->offset));
            continue;
        }
        char *value;
        memcpy(&value, member(object, key->offset), sizeof(value));
        if (key->type == SCHEMA_TEXTS) {
            free_texts((struct config_text *)(void *)value, *(size_t *)member(object, key->count_offset));
            continue;
        }
        for (size_t j = 0; key->type == SCHEMA_LIST && j < *(size_t *)member(object, key->count_offset); j++)
            schema_free(key->items, value + j * key->items->size);
        free_text(key, value);
    }
    memset(object, 0, schema->size);
}
