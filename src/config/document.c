/* SPDX-License-Identifier: MIT */
#include "config/document.h"

#include "config/schema.h"
#include <bleproxy/error.h>
#include <string.h>

void document_free(yaml_document_t *document)
{
    for (yaml_node_t *node = document->nodes.start; node < document->nodes.top; node++)
        if (node->type == YAML_SCALAR_NODE)
            explicit_bzero(node->data.scalar.value, node->data.scalar.length);
    yaml_document_delete(document);
}

bool document_is_null(const yaml_node_t *node)
{
    static const char *const nulls[] = {"~", "null", "Null", "NULL"};
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
        if (strcmp((const char *)node->data.scalar.value, nulls[i]) == 0)
            return true;
    return false;
}

/* The reader knows only the offset of a byte that cannot be. */
static unsigned line_at(const char *text, size_t offset)
{
    unsigned line = 1;
    for (size_t i = 0; i < offset; i++)
        line += text[i] == '\n';
    return line;
}

static int fail_syntax(const yaml_parser_t *parser, const char *text, size_t size,
                       struct config_error *ret_error)
{
    unsigned line = (unsigned)parser->problem_mark.line + 1;
    if (parser->error == YAML_MEMORY_ERROR || !parser->problem)
        return BLEPROXY_E_NOMEM; /* libyaml does not always name it when it runs out */
    if (parser->error == YAML_READER_ERROR)
        line = line_at(text, parser->problem_offset < size ? parser->problem_offset : size);
    if (parser->context && parser->context_mark.line + 1 != line)
        return config_fail(ret_error, line, "not YAML: %s in line %zu: %s", parser->context,
                           parser->context_mark.line + 1, parser->problem);
    return config_fail(ret_error, line, "not YAML: %s", parser->problem);
}

void document_wipe_parser(yaml_parser_t *parser)
{
    explicit_bzero(parser->raw_buffer.start, (size_t)(parser->raw_buffer.end - parser->raw_buffer.start));
    explicit_bzero(parser->buffer.start, (size_t)(parser->buffer.end - parser->buffer.start));
    yaml_parser_delete(parser);
}

/* libyaml's time grows with the square of the depth and of the number of anchors. */
enum { ANCHORS_MAX = 1000 };

struct shape {
    unsigned documents, depth, depth_max, anchors;
};

static int check_event(struct shape *shape, const yaml_event_t *event, struct config_error *ret_error)
{
    unsigned line = (unsigned)event->start_mark.line + 1;
    const yaml_char_t *anchor = NULL;
    if (event->type == YAML_DOCUMENT_START_EVENT && ++shape->documents > 1)
        return config_fail(ret_error, line, "only one YAML document is allowed");
    if (event->type == YAML_SCALAR_EVENT)
        anchor = event->data.scalar.anchor;
    if (event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT) {
        if (++shape->depth > shape->depth_max)
            return config_fail(ret_error, line, "nested too deeply");
        anchor = event->type == YAML_SEQUENCE_START_EVENT ? event->data.sequence_start.anchor
                                                          : event->data.mapping_start.anchor;
    }
    if (event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT)
        shape->depth--;
    if (anchor && ++shape->anchors > ANCHORS_MAX)
        return config_fail(ret_error, line, "more than %d anchors", ANCHORS_MAX);
    return 0;
}

void document_wipe_event(yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT)
        explicit_bzero(event->data.scalar.value, event->data.scalar.length);
    yaml_event_delete(event);
}

/* A pass over the whole text, before memory is spent on it. */
static int check_shape(yaml_parser_t *parser, const char *text, size_t size, unsigned depth_max,
                       struct config_error *ret_error)
{
    struct shape shape = {.depth_max = depth_max};
    bool done = false;
    while (!done) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return fail_syntax(parser, text, size, ret_error);
        done = event.type == YAML_STREAM_END_EVENT;
        int r = check_event(&shape, &event, ret_error);
        document_wipe_event(&event);
        if (r < 0)
            return r;
    }
    return 0;
}

static int load(yaml_parser_t *parser, const char *text, size_t size, yaml_document_t *ret_document,
                struct config_error *ret_error)
{
    return yaml_parser_load(parser, ret_document) ? 0 : fail_syntax(parser, text, size, ret_error);
}

int document_load(const char *text, size_t size, unsigned depth_max, yaml_document_t *ret_document,
                  struct config_error *ret_error)
{
    int r = 0;
    for (int pass = 1; pass <= 2 && r == 0; pass++) {
        yaml_parser_t parser;
        if (!yaml_parser_initialize(&parser))
            return BLEPROXY_E_NOMEM;
        yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
        r = pass == 1 ? check_shape(&parser, text, size, depth_max, ret_error)
                      : load(&parser, text, size, ret_document, ret_error);
        document_wipe_parser(&parser);
    }
    return r;
}
