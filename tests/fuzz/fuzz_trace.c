/* SPDX-License-Identifier: MIT */
/* A trace: lines that are read and run through a hub. What is read comes back when it is written; what json-c would not take
 * is not read; each decision is a line of JSON in ASCII; memory has a ceiling. */
#include "fuzz.h"

#include "replay/player.h"
#include "replay/trace_reader.h"
#include <json-c/json_tokener.h>

enum {
    LIVE_MAX = 64 * 1024 * 1024,
    DAY_S = 86400, /* no virtual time beyond it, so that an execution does not take long */
    DEPTH_MAX = 64,
};

struct run {
    struct player *player;
    struct trace_reader reader;
    struct json_tokener *tokener;
    uint64_t first_ns, now_ns;
    bool begun;
};

/* ---- Memory that is counted ---- */

static size_t live;

static void *reallocate(void *user, void *block, size_t size)
{
    enum { HEADER = 16 };
    (void)user;
    uint8_t *start = block ? (uint8_t *)block - HEADER : NULL;
    size_t before = 0;
    if (start)
        memcpy(&before, start, sizeof(before));
    live -= before;
    if (size == 0) {
        free(start);
        return NULL;
    }
    live += size;
    FUZZ_CHECK(live <= LIVE_MAX);
    start = realloc(start, HEADER + size);
    FUZZ_CHECK(start);
    memcpy(start, &size, sizeof(size));
    return start + HEADER;
}

/* ---- What must hold ---- */

static struct json_object *parse(struct run *run, const char *text, size_t size)
{
    json_tokener_reset(run->tokener);
    struct json_object *object = json_tokener_parse_ex(run->tokener, text, (int)size);
    FUZZ_CHECK(object && json_tokener_get_error(run->tokener) == json_tokener_success);
    FUZZ_CHECK(json_object_is_type(object, json_type_object));
    return object;
}

static void on_decision(void *user, const struct decision *decision)
{
    static char line[DECISION_LINE_SIZE];
    struct run *run = user;
    size_t size = decision_format(decision, line);
    FUZZ_CHECK(size > 2 && size < sizeof(line) - 1 && memcmp(line + size - 2, "}\n", 3) == 0);
    for (size_t i = 0; i < size - 1; i++)
        FUZZ_CHECK(line[i] >= 0x20 && line[i] < 0x7f);
    FUZZ_CHECK(decision->time_ns >= run->first_ns && decision->time_ns <= run->now_ns);
    json_object_put(parse(run, line, size));
}

static void check_event(const struct trace_event *event)
{
    static struct trace_reader reader;
    char line[TRACE_LINE_SIZE], copy[TRACE_LINE_SIZE], again[TRACE_LINE_SIZE];
    struct trace_event same;
    size_t size = trace_format(event, line);
    FUZZ_CHECK(size < sizeof(line) - 1 && line[size - 1] == '\n');
    memcpy(copy, line, size);
    reader = (struct trace_reader){.line = 0};
    FUZZ_CHECK(trace_reader_next(&reader, copy, size - 1, &same) == 0);
    FUZZ_CHECK(trace_format(&same, again) == size && memcmp(line, again, size) == 0);
}

/* ---- Lines ---- */

static bool run_line(struct run *run, char *text, size_t size)
{
    struct trace_event event;
    char *copy = malloc(size > 0 ? size : 1);
    FUZZ_CHECK(copy);
    if (size > 0)
        memcpy(copy, text, size);
    int r = trace_reader_next(&run->reader, text, size, &event);
    size_t mark = run->reader.line == 1 && size >= 3 && memcmp(copy, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    if (r == 0)
        json_object_put(parse(run, copy + mark, size - mark));
    free(copy);
    if (r < 0) {
        size_t length = strnlen(run->reader.error, sizeof(run->reader.error));
        FUZZ_CHECK(length > 0 && length < sizeof(run->reader.error));
        return false;
    }
    if (r == TRACE_BLANK)
        return true;
    check_event(&event);
    if (!run->begun)
        run->first_ns = event.time_ns;
    run->begun = true;
    run->now_ns = event.time_ns;
    if (event.time_ns - run->first_ns > DAY_S * UINT64_C(1000000000))
        return false;
    return player_run(run->player, &event) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct env env = {.reallocate = reallocate, .random = fuzz_random};
    struct run run = {.tokener = json_tokener_new_ex(DEPTH_MAX)};
    const struct player_config config = {.env = &env, .on_decision = on_decision, .user = &run};
    char *text = malloc(size > 0 ? size : 1), *at = text, *end = text + size, *newline;
    FUZZ_CHECK(run.tokener && text && player_new(&config, &run.player) == 0);
    json_tokener_set_flags(run.tokener, JSON_TOKENER_STRICT);
    if (size > 0)
        memcpy(text, data, size);
    bool goes_on = true;
    while (goes_on && (newline = memchr(at, '\n', (size_t)(end - at)))) {
        goes_on = run_line(&run, at, (size_t)(newline - at));
        at = newline + 1;
    }
    if (goes_on)
        run_line(&run, at, (size_t)(end - at));
    player_free(run.player);
    FUZZ_CHECK(live == 0);
    json_tokener_free(run.tokener);
    free(text);
    return 0;
}
