/* SPDX-License-Identifier: MIT */
#include "config/append.h"

#include "config/file.h"
#include "config/schema.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_PORT = 6053 };

/* Where entries go: behind a line, with so many spaces before the dash. */
struct place {
    bool found;   /* there is a key `proxies` with something, or nothing, behind it */
    bool is_flow; /* the list, or the whole file, is in brackets */
    size_t line;  /* lines before the place */
    size_t indent;
};

/* Follows the events of the file up to the end of its list of proxies. */
struct search {
    struct place place;
    unsigned depth;
    bool is_key;   /* at the depth of the root mapping: a key comes next */
    bool is_ours;  /* the value that follows is the list */
    unsigned list; /* depth within the list, 0: outside */
    bool done;
};

/* The first line behind what ends at the mark. */
static size_t line_behind(const yaml_mark_t *start, const yaml_mark_t *end)
{
    return end->column == 0 && end->line > start->line ? end->line : end->line + 1;
}

static void begin_list(struct search *search, const yaml_event_t *event)
{
    struct place *place = &search->place;
    search->is_ours = false;
    place->found = true;
    place->line = line_behind(&event->start_mark, &event->end_mark);
    place->indent = 2;
    if (event->type == YAML_SEQUENCE_START_EVENT) {
        search->list = search->depth;
        place->is_flow = event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
        place->indent = event->start_mark.column;
    } else { /* nothing, or a word like null, behind which nothing can be written */
        search->done = true;
        place->is_flow = event->type != YAML_SCALAR_EVENT || event->data.scalar.length > 0;
    }
}

static bool is_proxies(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT && strcmp((const char *)event->data.scalar.value, "proxies") == 0;
}

/* Whether the event has text of its own: the end of a block is told where the next thing begins. */
static bool has_text(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT || event->type == YAML_ALIAS_EVENT ||
           ((event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT) &&
            event->end_mark.index > event->start_mark.index);
}

static void take_event(struct search *search, const yaml_event_t *event)
{
    bool begins = event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT;
    bool ends = event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT;
    bool is_node = begins || event->type == YAML_SCALAR_EVENT || event->type == YAML_ALIAS_EVENT;
    bool in_root = search->depth == 1;
    search->depth += begins;
    if (search->depth == 1 && begins) {
        search->is_key = true;
        search->place.is_flow = event->type != YAML_MAPPING_START_EVENT ||
                                event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE ||
                                event->start_mark.column > 0;
    } else if (in_root && is_node && search->is_ours) {
        begin_list(search, event);
    } else if (in_root && is_node && search->is_key && is_proxies(event)) {
        search->is_ours = true;
    } else if (search->list > 0 && has_text(event)) {
        search->place.line = line_behind(&event->start_mark, &event->end_mark);
    }
    if (in_root && is_node)
        search->is_key = !search->is_key;
    if (ends && search->list == search->depth)
        search->done = true;
    search->depth -= ends;
}

/* The text is a configuration. 0 or BLEPROXY_E_NOMEM. */
static int find_place(const char *text, size_t size, struct place *ret_place)
{
    struct search search = {0};
    yaml_parser_t parser;
    yaml_event_t event;
    if (!yaml_parser_initialize(&parser))
        return BLEPROXY_E_NOMEM;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    bool ended = false, ok = true;
    while (!ended && !search.done && (ok = yaml_parser_parse(&parser, &event))) {
        take_event(&search, &event);
        ended = event.type == YAML_STREAM_END_EVENT;
        if (event.type == YAML_SCALAR_EVENT)
            explicit_bzero(event.data.scalar.value, event.data.scalar.length);
        yaml_event_delete(&event);
    }
    explicit_bzero(parser.raw_buffer.start, (size_t)(parser.raw_buffer.end - parser.raw_buffer.start));
    explicit_bzero(parser.buffer.start, (size_t)(parser.buffer.end - parser.buffer.start));
    yaml_parser_delete(&parser);
    if (!ok)
        return BLEPROXY_E_NOMEM;
    *ret_place = search.place;
    return 0;
}

/* The offset of the beginning of a line, or the size when there are not so many. */
static size_t offset_of(const char *text, size_t size, size_t line)
{
    size_t offset = 0;
    while (line > 0 && offset < size)
        line -= text[offset++] == '\n';
    return offset;
}

static bool is_plain(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(text, words[i]) == 0)
            return false;
    return *text && strchr(letters, *text) && text[strspn(text, others)] == '\0';
}

static void write_value(FILE *out, const char *text)
{
    if (is_plain(text)) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putc('\\', out);
        putc(*text, out);
    }
    putc('"', out);
}

static void write_entries(FILE *out, const struct config_entry *entries, size_t n, size_t indent,
                          const char *end)
{
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "%*s- name: ", (int)indent, "");
        write_value(out, entries[i].name);
        fprintf(out, "%s%*s  address: ", end, (int)indent, "");
        write_value(out, entries[i].address);
        fputs(end, out);
        if (entries[i].port != DEFAULT_PORT)
            fprintf(out, "%*s  port: %u%s", (int)indent, "", entries[i].port, end);
    }
}

static int insert(const char *text, size_t size, const struct place *place,
                  const struct config_entry *entries, size_t n, char **ret_text, size_t *ret_size)
{
    size_t offset = place->found ? offset_of(text, size, place->line) : size;
    bool is_open = offset > 0 && text[offset - 1] != '\n'; /* the last line has no end */
    const char *first_end = memchr(text, '\n', size);
    const char *end = first_end && first_end > text && first_end[-1] == '\r' ? "\r\n" : "\n";
    char *lines;
    size_t n_lines;
    FILE *out = open_memstream(&lines, &n_lines);
    if (!out)
        return BLEPROXY_E_NOMEM;
    fputs(is_open ? end : "", out);
    if (!place->found)
        fprintf(out, "proxies:%s", end);
    write_entries(out, entries, n, place->found ? place->indent : 2, end);
    if (fclose(out) != 0)
        return BLEPROXY_E_NOMEM;
    char *joined = malloc(size + n_lines + 1);
    if (joined) {
        memcpy(joined, text, offset);
        memcpy(joined + offset, lines, n_lines);
        memcpy(joined + offset + n_lines, text + offset, size - offset);
        joined[size + n_lines] = '\0';
        *ret_text = joined;
        *ret_size = size + n_lines;
    }
    free(lines);
    return joined ? 0 : BLEPROXY_E_NOMEM;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_proxy(const struct config_proxy *a, const struct config_proxy *b)
{
    return same_text(a->name, b->name) && same_text(a->address, b->address) && a->port == b->port &&
           same_text(a->noise_psk, b->noise_psk) && same_text(a->noise_psk_file, b->noise_psk_file) &&
           same_text(a->password, b->password) && a->scan == b->scan && a->n_prefer == b->n_prefer &&
           a->n_only == b->n_only && a->n_deny == b->n_deny;
}

/* Whatever the file looks like: what was in it still is, and the entries are, too. */
static bool is_as_wanted(const struct config *before, const struct config *after,
                         const struct config_entry *entries, size_t n)
{
    if (after->n_proxies != before->n_proxies + n || after->n_devices != before->n_devices)
        return false;
    for (size_t i = 0; i < before->n_proxies; i++)
        if (!same_proxy(&before->proxies[i], &after->proxies[i]))
            return false;
    for (size_t i = 0; i < n; i++) {
        const struct config_proxy *proxy = &after->proxies[before->n_proxies + i];
        if (!same_text(proxy->name, entries[i].name) || !same_text(proxy->address, entries[i].address) ||
            proxy->port != entries[i].port)
            return false;
    }
    return true;
}

int config_append(const char *text, size_t size, const struct config_entry *entries, size_t n_entries,
                  char **ret_text, size_t *ret_size, struct config_error *ret_error)
{
    struct config before, after;
    struct config_error refused;
    struct place place = {0};
    char *joined = NULL;
    size_t joined_size = 0;
    int r = config_parse(text, size, &before, ret_error);
    if (r < 0)
        return r;
    r = find_place(text, size, &place);
    if (r == 0 && place.is_flow)
        r = config_fail(
            ret_error, (unsigned)place.line,
            "'proxies' is not written as a list with a '-' before each proxy: nothing can be added to it");
    if (r == 0)
        r = insert(text, size, &place, entries, n_entries, &joined, &joined_size);
    if (r == 0) {
        r = config_parse(joined, joined_size, &after, &refused);
        bool good = r == 0 && is_as_wanted(&before, &after, entries, n_entries);
        if (r == 0)
            config_deinit(&after);
        if (r != BLEPROXY_E_NOMEM && !good)
            r = config_fail(ret_error, 0, "it is written so that nothing can be added to it%s%s",
                            r < 0 ? ": " : "", r < 0 ? refused.text : "");
    }
    config_deinit(&before);
    if (r < 0) {
        file_free(joined, joined_size);
        return r;
    }
    *ret_text = joined;
    *ret_size = joined_size;
    return 0;
}
