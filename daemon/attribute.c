/* SPDX-License-Identifier: MIT */
#include "attribute.h"

#include "errors.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Calls wait as they came, options and all. What is known of these is small; each counts for at least what it takes. */
enum { OPTIONS_MAX_BYTES = 4096, OPTION_BYTES = 16, ITEM_BYTES = 8 };

/* A call that waits for the value. */
struct attribute_reader {
    struct attribute *attribute;
    struct attribute_reader *next;
    sd_bus_message *call;
    uint16_t offset;
    struct bleproxy_operation *alone; /* with a deadline of its own; NULL: it shares the request of others */
};

/* ---- Options ---- */

/* Programs send it in whatever type they have at hand. */
static int read_offset(sd_bus_message *call, uint16_t *ret_offset)
{
    union {
        uint8_t y;
        uint16_t q;
        uint32_t u;
        uint64_t t;
    } value = {0};
    char type;
    int r = sd_bus_message_peek_type(call, &type, NULL);
    if (r <= 0 || !strchr("yqnuitx", type) || sd_bus_message_read_basic(call, type, &value) < 0)
        return -EINVAL;
    uint64_t offset = type == 'y'                  ? value.y
                      : type == 'q' || type == 'n' ? value.q
                      : type == 'u' || type == 'i' ? value.u
                                                   : value.t;
    if (offset > UINT16_MAX)
        return -EINVAL;
    *ret_offset = (uint16_t)offset;
    return 0;
}

static int take_room(size_t *room, size_t size)
{
    if (size > *room)
        return -EINVAL;
    *room -= size;
    return 0;
}

static int read_type(sd_bus_message *call, struct attribute_options *options, size_t *room)
{
    const char *text;
    if (sd_bus_message_read(call, "s", &text) < 0 || take_room(room, strlen(text)) < 0)
        return -EINVAL;
    /* A write that is prepared and read back is no business of a proxy's: it is one that is confirmed. */
    options->type = strcmp(text, "command") == 0                                    ? ATTRIBUTE_WRITE_COMMAND
                    : strcmp(text, "request") == 0 || strcmp(text, "reliable") == 0 ? ATTRIBUTE_WRITE_REQUEST
                                                                                    : ATTRIBUTE_WRITE_UNKNOWN;
    return 0;
}

/* 1; 0: there is none in this container; -EINVAL: not as long as room. */
static int skip_value(sd_bus_message *call, size_t *room)
{
    union {
        uint64_t number;
        const char *text;
    } value;
    const char *contents;
    char type;
    int r = sd_bus_message_peek_type(call, &type, &contents);
    if (r <= 0)
        return r;
    r = take_room(room, type == 'y' ? 1 : ITEM_BYTES);
    if (r < 0)
        return r;
    if (!contents) {
        r = sd_bus_message_read_basic(call, type, &value);
        if (r >= 0 && strchr("sog", type))
            r = take_room(room, strlen(value.text));
        return r < 0 ? r : 1;
    }
    r = sd_bus_message_enter_container(call, type, contents);
    while (r > 0)
        r = skip_value(call, room);
    if (r >= 0)
        r = sd_bus_message_exit_container(call);
    return r < 0 ? r : 1;
}

static int read_timeout(sd_bus_message *call, uint32_t *ret_ms)
{
    return sd_bus_message_read(call, "v", "u", ret_ms) < 0 || *ret_ms > ATTRIBUTE_TIMEOUT_MAX_MS ? -EINVAL
                                                                                                 : 0;
}

static int read_option(sd_bus_message *call, struct attribute_options *options, size_t *room)
{
    const char *key, *contents;
    int r = sd_bus_message_read(call, "s", &key);
    if (r >= 0)
        r = take_room(room, OPTION_BYTES + strlen(key));
    if (r >= 0)
        r = sd_bus_message_peek_type(call, NULL, &contents);
    if (r < 0)
        return r;
    bool is_offset = strcmp(key, "offset") == 0;
    if (strcmp(key, "timeout_ms") == 0)
        return read_timeout(call, &options->timeout_ms);
    if (!is_offset && strcmp(key, "type") != 0)
        return skip_value(call, room);
    r = sd_bus_message_enter_container(call, 'v', contents);
    if (r >= 0)
        r = is_offset ? read_offset(call, &options->offset) : read_type(call, options, room);
    return r < 0 ? r : sd_bus_message_exit_container(call);
}

int attribute_read_options(sd_bus_message *call, struct attribute_options *ret_options)
{
    size_t room = OPTIONS_MAX_BYTES;
    *ret_options = (struct attribute_options){0};
    int r = sd_bus_message_enter_container(call, 'a', "{sv}");
    while (r >= 0 && (r = sd_bus_message_enter_container(call, 'e', "sv")) > 0) {
        r = read_option(call, ret_options, &room);
        if (r >= 0)
            r = sd_bus_message_exit_container(call);
    }
    return r < 0 ? r : sd_bus_message_exit_container(call);
}

/* ---- Reading ---- */

void attribute_set_value(struct attribute *attribute, const uint8_t *value, size_t size)
{
    attribute->size = size < sizeof(attribute->value) ? size : sizeof(attribute->value);
    if (attribute->size > 0)
        memcpy(attribute->value, value, attribute->size);
    attribute->has_value = true;
    object_tell(attribute->object, attribute->interface, attribute->property);
}

bool attribute_has_value(void *data)
{
    return ((const struct attribute *)data)->has_value;
}

int attribute_append_value(sd_bus_message *message, void *data)
{
    const struct attribute *attribute = data;
    return sd_bus_message_append_array(message, 'y', attribute->value, attribute->size);
}

static int answer_read(struct attribute *attribute, const struct attribute_reader *reader)
{
    struct tree *tree = attribute->object->tree;
    sd_bus_message *message = NULL;
    if (reader->offset > attribute->size)
        return call_fail(tree, reader->call, ERROR_INVALID_ARGUMENTS, "Invalid offset");
    tree_flush(tree);
    int r = sd_bus_message_new_method_return(reader->call, &message);
    if (r >= 0)
        r = sd_bus_message_append_array(message, 'y', attribute->value + reader->offset,
                                        attribute->size - reader->offset);
    return call_finish(tree, reader->call, message, r);
}

static void free_reader(struct attribute_reader *reader)
{
    sd_bus_message_unref(reader->call);
    free(reader);
}

/* Unlinks it, and it is answered. */
static void end_reader(struct attribute *attribute, struct attribute_reader **at,
                       const struct bleproxy_result *result)
{
    struct attribute_reader *reader = *at;
    *at = reader->next;
    attribute->n_readers--;
    if (result->error == 0)
        answer_read(attribute, reader);
    else
        error_answer(attribute->object->tree, reader->call, result);
    free_reader(reader);
}

/* In the order in which they came. */
static void answer_readers(struct attribute *attribute, const struct bleproxy_result *result)
{
    struct attribute_reader **at = &attribute->readers;
    while (*at) {
        if ((*at)->alone)
            at = &(*at)->next;
        else
            end_reader(attribute, at, result);
    }
}

static void on_read(void *user, const struct bleproxy_result *result)
{
    struct attribute *attribute = user;
    attribute->reading = NULL;
    if (result->error == 0 && attribute->readers)
        attribute_set_value(attribute, result->value, result->size);
    answer_readers(attribute, result);
    if (attribute->on_read)
        attribute->on_read(attribute->user, result->error == 0 ? result->value : NULL, result->size);
}

static void on_read_alone(void *user, const struct bleproxy_result *result)
{
    struct attribute_reader *reader = user;
    struct attribute *attribute = reader->attribute;
    struct attribute_reader **at = &attribute->readers;
    while (*at != reader)
        at = &(*at)->next;
    if (result->error == 0)
        attribute_set_value(attribute, result->value, result->size);
    end_reader(attribute, at, result);
}

/* NULL: no memory. */
static struct attribute_reader *make_reader(struct attribute *attribute, sd_bus_message *call,
                                            uint16_t offset)
{
    struct attribute_reader *reader = calloc(1, sizeof(*reader));
    if (reader)
        *reader = (struct attribute_reader){
            .attribute = attribute, .call = sd_bus_message_ref(call), .offset = offset};
    return reader;
}

static void append_reader(struct attribute *attribute, struct attribute_reader *reader)
{
    struct attribute_reader **last = &attribute->readers;
    while (*last)
        last = &(*last)->next;
    *last = reader;
    attribute->n_readers++;
}

/* Somebody else's patience is no business of the reader's, nor his of others. */
static int begin_reading(struct attribute *attribute, struct attribute_reader *reader, uint32_t timeout_ms)
{
    if (timeout_ms > 0)
        return bleproxy_peripheral_read(attribute->peripheral, attribute->handle, timeout_ms, on_read_alone,
                                        reader, &reader->alone);
    return attribute->reading ? 0
                              : bleproxy_peripheral_read(attribute->peripheral, attribute->handle, 0, on_read,
                                                         attribute, &attribute->reading);
}

int attribute_read(struct attribute *attribute, sd_bus_message *call)
{
    struct tree *tree = attribute->object->tree;
    struct attribute_options options;
    if (attribute_read_options(call, &options) < 0)
        return call_fail(tree, call, ERROR_INVALID_ARGUMENTS, "Invalid arguments in method call");
    if (attribute->n_readers == ATTRIBUTE_READERS_MAX)
        return call_fail(tree, call, ERROR_IN_PROGRESS, "In Progress");
    struct attribute_reader *reader = make_reader(attribute, call, options.offset);
    if (!reader)
        return -ENOMEM;
    int r = begin_reading(attribute, reader, options.timeout_ms);
    if (r < 0) {
        free_reader(reader);
        return error_answer_code(tree, call, r);
    }
    append_reader(attribute, reader); /* no operation ends before it has begun */
    return 0;
}

void attribute_fetch(struct attribute *attribute)
{
    if (!attribute->reading)
        bleproxy_peripheral_read(attribute->peripheral, attribute->handle, 0, on_read, attribute,
                                 &attribute->reading);
}

/* ---- Writing ---- */

static void on_written(void *user, const struct bleproxy_result *result)
{
    struct attribute *attribute = user;
    struct tree *tree = attribute->object->tree;
    sd_bus_message *call = attribute->writer;
    attribute->writing = NULL;
    attribute->writer = NULL;
    if (result->error == 0)
        call_reply(tree, call, "");
    else
        error_answer(tree, call, result);
    sd_bus_message_unref(call);
}

static void on_commanded(void *user, const struct bleproxy_result *result)
{
    (void)user;
    (void)result;
}

/* Without response nothing is learnt from waiting: it is answered at once, and any number may be under way. */
static int write_command(struct attribute *attribute, sd_bus_message *call, const void *value, size_t size)
{
    struct tree *tree = attribute->object->tree;
    int r = bleproxy_peripheral_write(attribute->peripheral, attribute->handle, value, size,
                                      BLEPROXY_WRITE_WITHOUT_RESPONSE, 0, on_commanded, NULL, NULL);
    return r < 0 ? error_answer_code(tree, call, r) : call_reply(tree, call, "");
}

int attribute_write(struct attribute *attribute, sd_bus_message *call, const void *value, size_t size,
                    enum bleproxy_write_mode mode, uint32_t timeout_ms)
{
    struct tree *tree = attribute->object->tree;
    if (mode == BLEPROXY_WRITE_WITHOUT_RESPONSE)
        return write_command(attribute, call, value, size);
    if (attribute->writer)
        return call_fail(tree, call, ERROR_IN_PROGRESS, "In Progress");
    int r = bleproxy_peripheral_write(attribute->peripheral, attribute->handle, value, size, mode, timeout_ms,
                                      on_written, attribute, &attribute->writing);
    if (r < 0)
        return error_answer_code(tree, call, r);
    attribute->writer = sd_bus_message_ref(call);
    return 0;
}

void attribute_deinit(struct attribute *attribute)
{
    if (attribute->reading)
        bleproxy_operation_cancel(attribute->reading);
    while (attribute->readers)
        bleproxy_operation_cancel(attribute->readers->alone);
    if (attribute->writing)
        bleproxy_operation_cancel(attribute->writing);
}
