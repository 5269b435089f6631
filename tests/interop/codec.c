/* SPDX-License-Identifier: MIT */
/* The library's codecs as a filter, for comparison with other implementations: one request per line on stdin,
 * one answer per line on stdout.
 * - schema: JSON, every message type with its fields, nested
 * - recode TYPE HEX: protobuf decoded and encoded again, "ok HEX"; or "unknown", "malformed", "too large"
 * - batch HEX: the same for raw advertisements, through the cursor
 * - ad HEX: JSON, what advertising data says; name and values in hexadecimal
 * - casefold: JSON, every code point that folding case changes, with those that it becomes
 * - starts TEXT,PREFIX: "yes" or "no", whether the text starts with the prefix whatever the case; both in
 *   hexadecimal */
#include "names/casefold.h"
#include "wire/batch.h"
#include "wire/fields.h"
#include "wire/message.h"

#include <bleproxy/advertisement.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEX_MAX = 64 * 1024, MESSAGE_MAX = 1024 * 1024 };

static void *reallocate(void *user, void *block, size_t size)
{
    (void)user;
    if (size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, size);
}

static void no_random(void *user, void *buf, size_t size)
{
    (void)user;
    memset(buf, 0, size);
}

static void print_hex(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        printf("%02x", bytes[i]);
}

/* The bytes, exactly as many as there are so that reading past them is noticed; the caller frees them. */
static uint8_t *parse_hex(const char *text, size_t *ret_size)
{
    size_t size = strspn(text, "0123456789abcdef") / 2;
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    if (!bytes || size > HEX_MAX) {
        fputs("codec: line too long\n", stderr);
        exit(1);
    }
    for (size_t i = 0; i < size; i++) {
        char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    *ret_size = size;
    return bytes;
}

static void print_fields(const ProtobufCMessageDescriptor *message)
{
    putchar('{');
    for (unsigned i = 0; i < message->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->fields[i];
        printf("%s\"%" PRIu32 "\":{\"name\":\"%s\",\"type\":%d,\"repeated\":%s,\"fields\":", i ? "," : "",
               field->id, field->name, (int)field->type,
               field->label == PROTOBUF_C_LABEL_REPEATED ? "true" : "false");
        if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            print_fields(field->descriptor);
        else
            fputs("null", stdout);
        putchar('}');
    }
    putchar('}');
}

static void schema(void)
{
    const char *separator = "";
    putchar('{');
    for (uint32_t type = 0; type <= MESSAGE_TYPE_LAST; type++) {
        const ProtobufCMessageDescriptor *message = message_descriptor(type);
        if (!message)
            continue;
        printf("%s\"%" PRIu32 "\":{\"name\":\"%s\",\"fields\":", separator, type, message->short_name);
        print_fields(message);
        putchar('}');
        separator = ",";
    }
    puts("}");
}

static void answer(const struct buffer *out)
{
    fputs("ok ", stdout);
    print_hex(buffer_data(out), out->size);
    putchar('\n');
}

static void recode(const struct env *env, struct arena *arena, uint32_t type, const uint8_t *bytes,
                   size_t size)
{
    ProtobufCMessage *message;
    struct buffer out;
    buffer_init(&out, env, MESSAGE_MAX);
    switch (message_unpack(arena, type, bytes, size, &message)) {
    case 0:
        if (message_pack(message, &out) == 0)
            answer(&out);
        else
            puts("not packed");
        break;
    case MESSAGE_UNKNOWN:
        puts("unknown");
        break;
    case MESSAGE_MALFORMED:
        puts("malformed");
        break;
    case MESSAGE_TOO_LARGE:
        puts("too large");
        break;
    default:
        puts("failed");
    }
    arena_reset(arena);
    buffer_deinit(&out);
}

static void batch(const struct env *env, const uint8_t *bytes, size_t size)
{
    struct batch cursor;
    struct batch_advert advert;
    struct buffer out;
    int outcome;
    buffer_init(&out, env, MESSAGE_MAX);
    batch_init(&cursor, bytes, size);
    while ((outcome = batch_next(&cursor, &advert)) == 1)
        if (batch_append(&out, &advert) < 0)
            exit(1);
    if (outcome == 0)
        answer(&out);
    else
        puts("malformed");
    buffer_deinit(&out);
}

/* The members of one kind of field, comma-separated, as an array (values NULL) or an object. */
static void print_kind(const struct bleproxy_advertisement *view, enum bleproxy_field_kind kind)
{
    size_t position = 0;
    struct bleproxy_field field;
    const char *separator = "";
    while (bleproxy_field_next(view, &position, &field)) {
        char uuid[BLEPROXY_UUID_TEXT_SIZE];
        if (field.kind != kind)
            continue;
        if (kind == BLEPROXY_FIELD_MANUFACTURER_DATA) {
            printf("%s\"%u\":\"", separator, (unsigned)field.company);
        } else {
            bleproxy_uuid_format(&field.uuid, uuid);
            printf("%s\"%s%s", separator, uuid, kind == BLEPROXY_FIELD_SERVICE_UUID ? "" : "\":\"");
        }
        if (kind != BLEPROXY_FIELD_SERVICE_UUID)
            print_hex(field.data, field.size);
        putchar('"');
        separator = ",";
    }
}

static void ad(const uint8_t *bytes, size_t size)
{
    static uint8_t memory[FIELDS_MAX];
    char name[FIELDS_NAME_MAX * 3 + 1];
    struct fields fields;
    fields_init(&fields, memory);
    fields_parse(&fields, bytes, size);
    struct bleproxy_advertisement view = {.fields = fields.bytes, .fields_size = (uint32_t)fields.size};

    fputs("{\"name\":", stdout);
    if (fields.name) {
        size_t length = fields_decode_name(name, sizeof name, fields.name, fields.name_size);
        putchar('"');
        print_hex((const uint8_t *)name, length);
        putchar('"');
    } else {
        fputs("null", stdout);
    }
    if (fields.tx_power_dbm == BLEPROXY_TX_POWER_NONE)
        fputs(",\"tx_power\":null", stdout);
    else
        printf(",\"tx_power\":%d", (int)fields.tx_power_dbm);
    printf(",\"truncated\":%s,\"service_uuids\":[", fields.truncated ? "true" : "false");
    print_kind(&view, BLEPROXY_FIELD_SERVICE_UUID);
    fputs("],\"service_data\":{", stdout);
    print_kind(&view, BLEPROXY_FIELD_SERVICE_DATA);
    fputs("},\"manufacturer_data\":{", stdout);
    print_kind(&view, BLEPROXY_FIELD_MANUFACTURER_DATA);
    puts("}}");
}

static void print_casefold(void)
{
    const char *separator = "";
    putchar('{');
    for (uint32_t character = 0; character <= 0x10ffff; character++) {
        uint32_t folded[CASEFOLD_MAX];
        size_t n = casefold_character(character, folded);
        if (n == 1 && folded[0] == character)
            continue;
        printf("%s\"%" PRIu32 "\":[", separator, character);
        for (size_t i = 0; i < n; i++)
            printf("%s%" PRIu32, i > 0 ? "," : "", folded[i]);
        putchar(']');
        separator = ",";
    }
    puts("}");
}

static void starts(const uint8_t *text, size_t size, const char *prefix_hex)
{
    size_t prefix_size;
    uint8_t *prefix = parse_hex(prefix_hex, &prefix_size);
    puts(casefold_starts_with(text, size, prefix, prefix_size) ? "yes" : "no");
    free(prefix);
}

int main(void)
{
    const struct env env = {.reallocate = reallocate, .random = no_random};
    struct arena arena;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;

    arena_init(&arena, &env);
    while ((length = getline(&line, &capacity, stdin)) > 0) {
        unsigned type = 0;
        int offset = 0;
        size_t size = 0;
        uint8_t *bytes = NULL;
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "schema") == 0) {
            schema();
        } else if (sscanf(line, "recode %u %n", &type, &offset) == 1) {
            bytes = parse_hex(line + offset, &size);
            recode(&env, &arena, type, bytes, size);
        } else if (strncmp(line, "batch ", 6) == 0) {
            bytes = parse_hex(line + 6, &size);
            batch(&env, bytes, size);
        } else if (strncmp(line, "ad ", 3) == 0) {
            bytes = parse_hex(line + 3, &size);
            ad(bytes, size);
        } else if (strcmp(line, "casefold") == 0) {
            print_casefold();
        } else if (strncmp(line, "starts ", 7) == 0 && strchr(line, ',')) {
            bytes = parse_hex(line + 7, &size);
            starts(bytes, size, strchr(line, ',') + 1);
        } else {
            fprintf(stderr, "codec: what is '%s'?\n", line);
            return 2;
        }
        free(bytes);
    }
    free(line);
    arena_deinit(&arena);
    return fflush(stdout) == 0 ? 0 : 1;
}
