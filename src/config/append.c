/* SPDX-License-Identifier: MIT */
#include "config/append.h"

#include "config/check.h"
#include "config/document.h"
#include "config/errors.h"
#include "config/file.h"
#include "config/part.h"
#include "config/schema.h"
#include "names/sanitise.h"
#include <bleproxy/error.h>
#include <bleproxy/proxy.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- Where ---- */

/* How the file has its list of proxies. */
enum style {
    STYLE_NONE,  /* not at all */
    STYLE_EMPTY, /* `proxies:`, with nothing behind it */
    STYLE_BLOCK, /* a line with a dash for each entry */
    STYLE_FLOW,  /* [in, brackets] */
    STYLE_OTHER,
};

/* Lines count from 0, columns in characters. */
struct place {
    enum style style;
    size_t key_line, key_column; /* of `proxies`, or of the first key there is */
    size_t dash_column;          /* block */
    size_t line, column; /* block and empty: the last line that belongs to it; flow: the closing bracket */
    bool root_is_block, has_root;
};

struct search {
    struct place place;
    unsigned depth, flow; /* flow: a bit for each depth, whether it is in brackets */
    bool is_value;        /* at depth 1: the next event is a value, not a key */
    bool is_proxies;      /* this value is that of `proxies` */
};

static void take_value(struct search *search, const yaml_event_t *event)
{
    struct place *place = &search->place;
    if (event->type == YAML_SEQUENCE_START_EVENT) {
        bool block = event->data.sequence_start.style == YAML_BLOCK_SEQUENCE_STYLE;
        place->style = block ? STYLE_BLOCK : STYLE_FLOW;
        /* An anchor and a tag are before the dash. */
        bool bare = !event->data.sequence_start.anchor && !event->data.sequence_start.tag;
        place->dash_column = bare ? event->start_mark.column : event->end_mark.column;
    } else if (event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0 &&
               event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        place->style = STYLE_EMPTY;
        place->line = event->end_mark.line;
    } else {
        place->style = STYLE_OTHER;
    }
}

/* The end of a block is where the next thing begins, and says nothing. */
static void note_end(struct search *search, const yaml_event_t *event, bool closes)
{
    struct place *place = &search->place;
    bool is_flow = closes && (search->flow >> search->depth & 1);
    if (place->style == STYLE_FLOW && is_flow && search->depth == 1) {
        place->line = event->start_mark.line;
        place->column = event->start_mark.column;
    }
    if (place->style != STYLE_BLOCK || (closes && !is_flow))
        return;
    /* A text of several lines ends at the beginning of the line behind them. */
    bool behind = event->end_mark.column == 0 && event->end_mark.line > 0;
    place->line = event->end_mark.line - behind;
}

static bool is_flow_start(const yaml_event_t *event)
{
    return event->type == YAML_SEQUENCE_START_EVENT
               ? event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE
               : event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
}

static void take_event(struct search *search, const yaml_event_t *event)
{
    bool opens = event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT,
         closes = event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT,
         node = opens || event->type == YAML_SCALAR_EVENT || event->type == YAML_ALIAS_EVENT;
    struct place *place = &search->place;
    if (closes)
        search->depth--;
    if (search->depth == 0 && node && !(event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0)) {
        place->has_root = true;
        place->root_is_block = event->type == YAML_MAPPING_START_EVENT &&
                               event->data.mapping_start.style == YAML_BLOCK_MAPPING_STYLE;
        place->key_column = event->start_mark.column;
    } else if (search->depth == 1 && node && !search->is_value) {
        search->is_proxies = event->type == YAML_SCALAR_EVENT &&
                             strcmp((const char *)event->data.scalar.value, "proxies") == 0;
        if (search->is_proxies)
            place->key_line = event->start_mark.line;
        search->is_value = true;
    } else if (search->depth == 1 && node) {
        search->is_value = false;
        if (search->is_proxies)
            take_value(search, event);
    }
    if (search->is_proxies && (node || closes) && (search->depth > 1 || !search->is_value))
        note_end(search, event, closes);
    if (opens) {
        search->flow &= ~(1u << search->depth);
        search->flow |= (unsigned)is_flow_start(event) << search->depth;
        search->depth++;
    }
}

/* The text was read as a configuration before: it is one document, and not deep. */
static int find_place(const char *text, size_t size, struct place *ret_place)
{
    struct search search = {0};
    yaml_parser_t parser;
    bool done = false, ok = true;
    if (!yaml_parser_initialize(&parser))
        return BLEPROXY_E_NOMEM;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    while (ok && !done) {
        yaml_event_t event;
        ok = yaml_parser_parse(&parser, &event);
        if (!ok)
            break;
        done = event.type == YAML_DOCUMENT_END_EVENT || event.type == YAML_STREAM_END_EVENT;
        take_event(&search, &event);
        document_wipe_event(&event);
    }
    document_wipe_parser(&parser);
    *ret_place = search.place;
    return ok ? 0 : BLEPROXY_E_NOMEM;
}

/* ---- Positions in the text ---- */

/* Of the first byte of a line; the size when there are fewer. */
static size_t line_offset(const char *text, size_t size, size_t line)
{
    size_t offset = 0;
    while (line > 0 && offset < size)
        line -= text[offset++] == '\n';
    return offset;
}

static size_t column_offset(const char *text, size_t size, size_t offset, size_t column)
{
    static const char mark[] = {'\xef', '\xbb', '\xbf'}; /* of the byte order, which has no column */
    if (offset == 0 && size >= sizeof(mark) && memcmp(text, mark, sizeof(mark)) == 0)
        offset = sizeof(mark);
    for (; column > 0 && offset < size; column--) {
        offset++;
        while (offset < size && ((unsigned char)text[offset] & 0xc0) == 0x80)
            offset++;
    }
    return offset;
}

/* Behind comments that are indented further than the entries' dashes: they are about the last entry. */
static size_t skip_comments(const char *text, size_t size, size_t offset, size_t dash_column)
{
    for (;;) {
        size_t end = offset, column = 0;
        while (end < size && text[end] == ' ')
            end++, column++;
        if (end == size || text[end] != '#' || column <= dash_column)
            return offset;
        while (end < size && text[end] != '\n')
            end++;
        if (end == size)
            return size;
        offset = end + 1;
    }
}

/* ---- What ---- */

/* No quotes needed: neither anything that YAML reads as something else, nor a character that means something. */
static bool is_plain(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(text, words[i]) == 0)
            return false;
    return strspn(text, allowed) == strlen(text) && text[0] != '-' &&
           (strpbrk(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ||
            strchr(text, '.') != strrchr(text, '.'));
}

static void print_value(FILE *out, const char *value)
{
    if (is_plain(value)) {
        fputs(value, out);
        return;
    }
    fputc('"', out);
    for (const char *c = value; *c; c++)
        fprintf(out, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    fputc('"', out);
}

/* The keys of the entry, with this between them. */
static void print_entry(FILE *out, const struct config_entry *entry, const char *between)
{
    if (entry->name) {
        fputs("name: ", out);
        print_value(out, entry->name);
        fputs(between, out);
    }
    fputs("address: ", out);
    print_value(out, entry->address);
    if (entry->port && entry->port != BLEPROXY_PORT)
        fprintf(out, "%sport: %u", between, entry->port);
    if (entry->noise_psk_file) {
        fprintf(out, "%snoise_psk_file: ", between);
        print_value(out, entry->noise_psk_file);
    }
}

static void print_block(FILE *out, const struct config_entry *entry, size_t column, const char *newline)
{
    char between[80];
    snprintf(between, sizeof(between), "%s%*s", newline, (int)column + 2, "");
    fprintf(out, "%*s- ", (int)column, "");
    print_entry(out, entry, between);
    fputs(newline, out);
}

/* ---- The text with it ---- */

enum { COLUMN_MAX = 64, INDENT = 2 };

struct edit {
    const char *text;
    size_t size;
    const struct config_entry *entry;
    struct place place;
    const char *newline; /* as the file has it */
};

/* What is inserted, and where. comma: in brackets, there is something before it. */
static size_t print_insertion(const struct edit *edit, bool comma, FILE *out)
{
    const struct place *place = &edit->place;
    size_t offset = edit->size;
    if (place->style == STYLE_FLOW) {
        fputs(comma ? ", {" : "{", out);
        print_entry(out, edit->entry, ", ");
        fputc('}', out);
        return column_offset(edit->text, edit->size, line_offset(edit->text, edit->size, place->line),
                             place->column);
    }
    if (place->style != STYLE_NONE)
        offset = line_offset(edit->text, edit->size, place->line + 1);
    if (place->style == STYLE_BLOCK)
        offset = skip_comments(edit->text, edit->size, offset, place->dash_column);
    if (offset > 0 && edit->text[offset - 1] != '\n')
        fputs(edit->newline, out);
    size_t column = place->style == STYLE_BLOCK ? place->dash_column : place->key_column + INDENT;
    if (place->style == STYLE_NONE)
        fprintf(out, "%*sproxies:%s", (int)place->key_column, "", edit->newline);
    print_block(out, edit->entry, column, edit->newline);
    return offset;
}

static int insert(const struct edit *edit, bool comma, char **ret_text, size_t *ret_size)
{
    char *piece = NULL;
    size_t piece_size = 0;
    FILE *out = open_memstream(&piece, &piece_size);
    if (!out)
        return BLEPROXY_E_NOMEM;
    size_t offset = print_insertion(edit, comma, out);
    if (fclose(out) != 0) {
        free(piece);
        return BLEPROXY_E_NOMEM;
    }
    char *text = malloc(edit->size + piece_size + 1);
    if (text) {
        memcpy(text, edit->text, offset);
        memcpy(text + offset, piece, piece_size);
        memcpy(text + offset + piece_size, edit->text + offset, edit->size - offset);
        *ret_size = edit->size + piece_size;
        text[*ret_size] = '\0';
        *ret_text = text;
    }
    free(piece);
    return text ? 0 : BLEPROXY_E_NOMEM;
}

/* ---- Whether it says what it should ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_proxy(const struct config_proxy *a, const struct config_proxy *b)
{
    return same_text(a->name, b->name) && same_text(a->address, b->address) && a->port == b->port &&
           same_text(a->noise_psk, b->noise_psk) && same_text(a->noise_psk_file, b->noise_psk_file) &&
           same_text(a->password, b->password) && same_text(a->expected_name, b->expected_name) &&
           a->reclaim == b->reclaim && a->scan == b->scan && a->n_prefer == b->n_prefer &&
           a->n_only == b->n_only && a->n_deny == b->n_deny;
}

static bool is_entry(const struct config_proxy *proxy, const struct config_entry *entry)
{
    return same_text(proxy->name, entry->name ? entry->name : entry->address) &&
           same_text(proxy->address, entry->address) && (!entry->port || proxy->port == entry->port) &&
           same_text(proxy->noise_psk_file, entry->noise_psk_file) && !proxy->noise_psk && !proxy->password &&
           !proxy->expected_name && proxy->reclaim == 0 && proxy->scan == BLEPROXY_SCAN_AS_CONFIGURED &&
           proxy->n_prefer + proxy->n_only + proxy->n_deny == 0;
}

static bool is_extended(const struct config *before, const struct config *after,
                        const struct config_entry *entry)
{
    if (after->n_proxies != before->n_proxies + 1 || after->n_devices != before->n_devices ||
        after->filters != before->filters || after->reference != before->reference)
        return false;
    for (size_t i = 0; i < before->n_proxies; i++)
        if (!same_proxy(&before->proxies[i], &after->proxies[i]))
            return false;
    return is_entry(&after->proxies[before->n_proxies], entry);
}

/* As config_parse(), for one of several files. */
static int read_one(const char *text, size_t size, struct config *ret_config, struct config_error *ret_error)
{
    static const struct config_source source = {0};
    struct config_errors errors = {0};
    int r = config_errors_take(&errors, config_read_part(text, size, &source, ret_config, &errors));
    config_errors_first(&errors, ret_error);
    if (r == 0 && errors.n > 0)
        r = BLEPROXY_E_INVALID;
    config_errors_deinit(&errors);
    return r;
}

static int try_insert(const struct edit *edit, const struct config *before, bool comma, char **ret_text,
                      size_t *ret_size)
{
    struct config_error error;
    struct config after = {0};
    char *text;
    size_t size;
    int r = insert(edit, comma, &text, &size);
    if (r < 0)
        return r;
    r = read_one(text, size, &after, &error);
    if (r == 0 && !is_extended(before, &after, edit->entry))
        r = BLEPROXY_E_INVALID;
    config_deinit(&after);
    if (r < 0) {
        file_free(text, size);
        return r;
    }
    *ret_text = text;
    *ret_size = size;
    return 0;
}

static int fail_style(const struct place *place, struct config_error *ret_error)
{
    return config_fail(
        ret_error, place->has_root ? (unsigned)place->key_line + 1 : 0,
        "'proxies' is written in a way that cannot be added to; write it as a list whose entries "
        "begin with '- '");
}

int config_check_entry(const struct config_entry *entry, struct config_error *ret_error)
{
    const char *name = entry->name ? entry->name : entry->address;
    const char *const values[] = {name, entry->address, entry->noise_psk_file};
    struct config config = {0};
    char *text;
    size_t size;
    *ret_error = (struct config_error){0};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        if (values[i] && (!values[i][0] || !sanitise_keeps(values[i], strlen(values[i]))))
            return config_fail(ret_error, 0, "a value is empty or holds a character that does not print");
    const struct edit alone = {.text = "", .entry = entry, .newline = "\n"};
    int r = insert(&alone, false, &text, &size);
    if (r < 0)
        return r;
    r = read_one(text, size, &config, ret_error);
    ret_error->line = 0; /* of a text that is nowhere */
    config_deinit(&config);
    file_free(text, size);
    return r;
}

static int check_entry(const struct config_entry *entry, const struct config *config,
                       struct config_error *ret_error)
{
    const char *name = entry->name ? entry->name : entry->address;
    int r = config_check_entry(entry, ret_error);
    const struct config_proxy *same = r == 0 ? config_find(config, name) : NULL;
    return same ? config_fail_at(ret_error, config, same->file, same->line, "there is a proxy '%s' already",
                                 name)
                : r;
}

static int append(struct edit *edit, const struct config *before, char **ret_text, size_t *ret_size,
                  struct config_error *ret_error)
{
    int r = check_entry(edit->entry, before, ret_error);
    if (r == 0)
        r = find_place(edit->text, edit->size, &edit->place);
    if (r < 0)
        return r;
    const struct place *place = &edit->place;
    if (place->style == STYLE_OTHER ||
        (place->style != STYLE_FLOW && place->has_root && !place->root_is_block) ||
        place->key_column > COLUMN_MAX || place->dash_column > COLUMN_MAX)
        return fail_style(place, ret_error);
    r = try_insert(edit, before, place->style == STYLE_FLOW && before->n_proxies > 0, ret_text, ret_size);
    if (r == BLEPROXY_E_INVALID && place->style == STYLE_FLOW)
        r = try_insert(edit, before, false, ret_text, ret_size); /* [a, b,] */
    return r == BLEPROXY_E_INVALID ? fail_style(place, ret_error) : r;
}

static int append_one(const char *text, size_t size, const struct config_entry *entry, char **ret_text,
                      size_t *ret_size, struct config_error *ret_error)
{
    struct config before = {0};
    const char *first = memchr(text, '\n', size);
    struct edit edit = {.text = text,
                        .size = size,
                        .entry = entry,
                        .newline = first && first > text && first[-1] == '\r' ? "\r\n" : "\n"};
    int r = read_one(text, size, &before, ret_error);
    if (r == 0)
        r = append(&edit, &before, ret_text, ret_size, ret_error);
    config_deinit(&before);
    return r;
}

int config_append(const char *text, size_t size, const struct config_entry *entries, size_t n_entries,
                  char **ret_text, size_t *ret_size, struct config_error *ret_error)
{
    char *whole = malloc(size + 1);
    int r = whole ? 0 : BLEPROXY_E_NOMEM;
    if (whole) {
        memcpy(whole, text, size);
        whole[size] = '\0';
    }
    for (size_t i = 0; r == 0 && i < n_entries; i++) {
        char *longer = NULL;
        size_t longer_size = 0;
        r = append_one(whole, size, &entries[i], &longer, &longer_size, ret_error);
        if (r < 0)
            break;
        file_free(whole, size);
        whole = longer;
        size = longer_size;
    }
    if (r < 0) {
        file_free(whole, size);
        return r;
    }
    *ret_text = whole;
    *ret_size = size;
    return 0;
}

/* ---- Files ---- */

/* A new configuration is made for its owner alone. */
static int read_or_begin(const char *path, char **ret_text, size_t *ret_size, struct config_error *ret_error)
{
    int r = file_read(path, CONFIG_SIZE_MAX, ret_text, ret_size);
    if (r == BLEPROXY_E_NOT_FOUND) {
        *ret_size = 0;
        *ret_text = calloc(1, 1);
        return *ret_text ? 0 : BLEPROXY_E_NOMEM;
    }
    if (r == BLEPROXY_E_IO)
        config_fail(ret_error, 0, "the file cannot be read: %s", strerror(errno));
    if (r == BLEPROXY_E_LIMIT)
        r = config_fail(ret_error, 0, "the file is larger than %d bytes", CONFIG_SIZE_MAX);
    return r;
}

/* A drop-in may have the name. */
static int check_drop_ins(const char *path, const struct config_entry *entries, size_t n_entries,
                          struct config_error *ret_error)
{
    struct config config;
    int r = config_load(path, &config, ret_error);
    if (r == BLEPROXY_E_NOT_FOUND)
        return 0;
    if (r < 0)
        return r;
    for (size_t i = 0; r == 0 && i < n_entries; i++)
        r = check_entry(&entries[i], &config, ret_error);
    config_deinit(&config);
    return r;
}

static int replace(const char *path, const struct config_entry *entries, size_t n_entries,
                   struct config_error *ret_error)
{
    char *before, *after;
    size_t before_size, after_size;
    int r = check_drop_ins(path, entries, n_entries, ret_error);
    if (r < 0)
        return r;
    ret_error->file[0] = '\0';
    r = read_or_begin(path, &before, &before_size, ret_error);
    if (r < 0)
        return r;
    r = config_append(before, before_size, entries, n_entries, &after, &after_size, ret_error);
    file_free(before, before_size);
    if (r < 0)
        return r;
    r = file_replace(path, after, after_size);
    if (r == BLEPROXY_E_IO)
        config_fail(ret_error, 0, "the file cannot be written: %s", strerror(errno));
    file_free(after, after_size);
    return r;
}

int config_append_file(const char *path, const struct config_entry *entries, size_t n_entries,
                       struct config_error *ret_error)
{
    int lock;
    *ret_error = (struct config_error){0};
    int r = file_lock(path, &lock);
    if (r == BLEPROXY_E_IO)
        config_fail(ret_error, 0, "the file cannot be written: %s",
                    errno == EAGAIN ? "another program is doing that" : strerror(errno));
    if (r < 0)
        return r;
    r = replace(path, entries, n_entries, ret_error);
    if (lock >= 0)
        close(lock);
    return r;
}
