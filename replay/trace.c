/* SPDX-License-Identifier: MIT */
#include "replay/trace.h"

#include "replay/line.h"
#include "replay/seconds.h"
#include <string.h>

const char *const trace_kinds[] = {
    [TRACE_REGISTER] = "register", [TRACE_UNREGISTER] = "unregister",
    [TRACE_ADVERT] = "adv",        [TRACE_PAUSED] = "paused",
    [TRACE_TICK] = "tick",         [TRACE_FALLBACK_INTERVAL] = "fallback_interval",
    [TRACE_LOST] = "lost",
};

const char *const trace_modes[] = {
    [BLEPROXY_MODE_PASSIVE] = "passive",
    [BLEPROXY_MODE_ACTIVE] = "active",
    [BLEPROXY_MODE_AUTO] = "auto",
};

bool trace_kind_has_source(enum trace_kind kind)
{
    return kind != TRACE_TICK && kind != TRACE_LOST && kind != TRACE_FALLBACK_INTERVAL;
}

static void add_word(struct line *line, const char *word)
{
    line_add_literal(line, "\"");
    line_add(line, word, strlen(word));
    line_add_literal(line, "\"");
}

static void add_text(struct line *line, const char *key, const char *text)
{
    if (!text)
        return;
    line_add(line, key, strlen(key));
    line_add_string(line, text, strnlen(text, TRACE_TEXT_MAX));
}

static void add_scanner(struct line *line, const struct trace_event *event)
{
    if (event->scanner.connectable)
        line_add_literal(line, ",\"connectable\":true,\"mode\":");
    else
        line_add_literal(line, ",\"connectable\":false,\"mode\":");
    if (event->scanner.mode <= BLEPROXY_MODE_AUTO)
        add_word(line, trace_modes[event->scanner.mode]);
    else
        line_add_literal(line, "null");
    add_text(line, ",\"time\":", event->scanner.time);
    add_text(line, ",\"name\":", event->scanner.name);
    add_text(line, ",\"firmware\":", event->scanner.firmware);
    add_text(line, ",\"version\":", event->scanner.version);
}

static void add_advert(struct line *line, const struct trace_event *event)
{
    line_add_literal(line, ",\"address\":");
    line_add_address(line, event->advert.address);
    line_add_literal(line, ",\"address_type\":");
    line_add_number(line, event->advert.address_type);
    line_add_literal(line, ",\"rssi\":");
    line_add_number(line, event->advert.rssi);
    line_add_literal(line, ",\"raw\":\"");
    line_add_hex(line, event->advert.raw, event->advert.raw_size);
    line_add_literal(line, "\"");
}

static void add_rest(struct line *line, const struct trace_event *event)
{
    switch (event->kind) {
    case TRACE_REGISTER:
        add_scanner(line, event);
        break;
    case TRACE_ADVERT:
        add_advert(line, event);
        break;
    case TRACE_PAUSED:
        line_add_literal(line, ",\"count\":");
        line_add_number(line, event->paused);
        break;
    case TRACE_FALLBACK_INTERVAL:
        line_add_literal(line, ",\"address\":");
        line_add_address(line, event->fallback.address);
        line_add_literal(line, ",\"seconds\":");
        seconds_add(line, event->fallback.interval_ns);
        break;
    case TRACE_LOST:
        line_add_literal(line, ",\"count\":");
        line_add_number(line, event->lost);
        break;
    case TRACE_UNREGISTER:
    case TRACE_TICK:
        break;
    }
}

_Static_assert(TRACE_LINE_SIZE > 512 + 2 * TRACE_RAW_MAX, "each line fits");

size_t trace_format(const struct trace_event *event, char memory[static TRACE_LINE_SIZE])
{
    struct line line;
    line_init(&line, memory, TRACE_LINE_SIZE);
    line_add_literal(&line, "{\"t\":");
    seconds_add(&line, event->time_ns);
    line_add_literal(&line, ",\"event\":");
    add_word(&line, trace_kinds[event->kind]);
    if (trace_kind_has_source(event->kind)) {
        line_add_literal(&line, ",\"source\":");
        line_add_address(&line, event->source);
    }
    add_rest(&line, event);
    line_add_literal(&line, "}\n");
    return line_end(&line);
}
