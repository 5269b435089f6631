/* SPDX-License-Identifier: MIT */
#include "hub/history.h"

#include "hub/hub_private.h"
#include "hub/scanner_private.h"
#include "wire/codec.h"

void history_init(struct history *history, const struct env *env)
{
    *history = (struct history){.env = env};
    list_init(&history->sources);
}

static struct history_source *source_of(struct list *node)
{
    return list_entry(node, struct history_source, node);
}

static void history_drop(struct history *history, struct history_source *kept)
{
    list_unlink(&kept->node);
    history->n_sources--;
    history->bytes -= kept->size;
    env_free(history->env, kept);
}

void history_deinit(struct history *history)
{
    list_for_each(node, &history->sources) history_drop(history, source_of(node));
}

static struct history_source *history_get(const struct history *history, uint64_t source)
{
    list_for_each(node, &history->sources) if (source_of(node)->source == source) return source_of(node);
    return NULL;
}

bool history_has(const struct history *history, uint64_t source)
{
    return history_get(history, source) != NULL;
}

bool history_put(struct history *history, uint64_t source, const struct buffer *bytes, uint64_t until_ns,
                 bool oldest, bool loaded)
{
    struct history_source *kept = env_alloc(history->env, sizeof(*kept) + bytes->size);
    if (!kept)
        return false;
    kept->source = source;
    kept->until_ns = until_ns;
    kept->loaded = loaded;
    kept->size = bytes->size;
    memcpy(kept->bytes, buffer_data(bytes), bytes->size);
    list_append(oldest ? history->sources.next : &history->sources, &kept->node);
    history->n_sources++;
    history->bytes += kept->size;
    while (history->n_sources > HISTORY_SOURCES_MAX || history->bytes > HISTORY_BYTES_MAX)
        history_drop(history, source_of(history->sources.next));
    return true;
}

void heard_open(const struct history_source *kept, const struct env *env, struct codec_reader *ret_reader)
{
    ret_reader->in = kept->bytes;
    ret_reader->end = kept->bytes + kept->size;
    arena_init(&ret_reader->arena, env);
}

/* ---- Scanners that go and come ---- */

struct keeping {
    uint32_t rules;
    uint64_t now_ns, until_ns;
    struct buffer bytes;
    int error;
};

static void keep_sighting(struct sighting *sighting, void *user)
{
    struct keeping *keeping = user;
    const uint64_t time_ns = sighting->view.time_ns;
    uint64_t until_ns = time_after(time_ns, availability_memory_ns(keeping->rules, sighting));
    if (until_ns < keeping->now_ns || keeping->error == BLEPROXY_E_NOMEM)
        return;
    keeping->error = heard_write(&keeping->bytes, sighting, 0, time_ns);
    if (keeping->error == 0 && keeping->until_ns < until_ns)
        keeping->until_ns = until_ns;
}

void history_keep(struct hub *hub, struct scanner *scanner, uint64_t now_ns)
{
    struct history *history = &hub->history;
    struct keeping keeping = {.rules = hub->rules, .now_ns = now_ns};
    struct history_source *old = history_get(history, scanner->source);
    if (old)
        history_drop(history, old);
    if (hub->rules & BLEPROXY_RULE_HISTORY && !history->on_due)
        return; /* it is not for the scanner, and there is no file */
    buffer_init(&keeping.bytes, history->env, HISTORY_SOURCE_BYTES_MAX);
    sightings_each(&scanner->sightings, keep_sighting, &keeping);
    bool kept = keeping.error != BLEPROXY_E_NOMEM;
    if (kept && keeping.bytes.size > 0)
        kept = history_put(history, scanner->source, &keeping.bytes, keeping.until_ns, false, false);
    if (!kept)
        env_log(history->env, BLEPROXY_LOG_DEBUG, "hub", scanner->name,
                "no memory to keep what it has heard");
    buffer_deinit(&keeping.bytes);
}

static void recall(struct hub *hub, struct bleproxy_device *device, struct sighting *sighting)
{
    sighting->restored = false;
    if (!sighting->device) {
        device_enter(device, sighting);
        sightings_keep(sighting);
    }
    device_recall_name(device, sighting);
    if (!device->interval.known && sighting->interval_ns > 0 && !(hub->rules & BLEPROXY_RULE_INTERVAL))
        interval_recall(&device->interval, sighting->interval_ns);
}

void history_recall(struct hub *hub, struct bleproxy_device *device)
{
    if (device->view.time_ns > hub->history.restored_ns)
        return;
    list_for_each(node, &hub->scanners)
    {
        struct scanner *scanner = list_entry(node, struct scanner, registered);
        struct sighting *sighting = sightings_get(&scanner->sightings, device->view.address);
        if (sighting && sighting->restored)
            recall(hub, device, sighting);
    }
}

/* False: no memory. */
static bool restore(struct hub *hub, struct scanner *scanner, struct codec_reader *reader, uint64_t now_ns)
{
    struct sighting model;
    int r;
    while ((r = heard_read(reader, &model)) == CODEC_NEXT) {
        uint64_t memory_ns = availability_memory_ns(hub->rules, &model);
        if (time_after(model.view.time_ns, memory_ns) < now_ns)
            continue;
        struct sighting *sighting = sightings_restore(&scanner->sightings, &model);
        if (!sighting)
            continue;
        sighting->view.source = scanner->source;
        sighting->view.proxy = scanner->name;
        sighting->view.connectable = scanner->connectable;
        struct bleproxy_device *device = device_table_get(&hub->devices, model.view.address);
        if (device)
            recall(hub, device, sighting);
    }
    return r == 0;
}

void history_restore(struct hub *hub, struct scanner *scanner, uint64_t now_ns)
{
    struct history *history = &hub->history;
    struct history_source *kept = history_get(history, scanner->source);
    if (!kept)
        return;
    bool wanted = kept->loaded || !(hub->rules & BLEPROXY_RULE_HISTORY);
    if (wanted && scanner->sightings.by_address.count == 0) {
        struct codec_reader reader;
        heard_open(kept, history->env, &reader);
        if (!restore(hub, scanner, &reader, now_ns))
            env_log(history->env, BLEPROXY_LOG_DEBUG, "hub", scanner->name,
                    "no memory for all that it had heard");
        codec_close(&reader);
        if (history->restored_ns < kept->until_ns)
            history->restored_ns = kept->until_ns;
        searches_refresh(hub);
    }
    history_drop(history, kept);
}

static bool is_wanted(const struct sighting *sighting, uint64_t address, const char *name)
{
    const struct bleproxy_advertisement *view = &sighting->view;
    if (!sighting->restored || sighting->device || (address != 0 && view->address != address))
        return false;
    return !name || (view->name_size == strlen(name) && memcmp(view->name, name, view->name_size) == 0);
}

static bool is_better(const struct bleproxy_advertisement *view, const struct bleproxy_advertisement *than)
{
    if (!than || !view->name_size != !than->name_size)
        return !than || view->name_size > 0;
    return view->time_ns > than->time_ns;
}

const struct bleproxy_advertisement *history_find(const struct hub *hub, uint64_t address, const char *name)
{
    const struct bleproxy_advertisement *best = NULL;
    list_for_each(node, &hub->scanners)
    {
        const struct scanner *scanner = list_entry(node, struct scanner, registered);
        const struct sighting *sighting;
        for (size_t position = 0; (sighting = map_next(&scanner->sightings.by_address, &position));)
            if (is_wanted(sighting, address, name) && is_better(&sighting->view, best))
                best = &sighting->view;
    }
    return best;
}

/* Takes the device from what one has kept. False: nothing is left, or it cannot be read. */
static bool forget(struct history *history, struct history_source *kept, uint64_t address)
{
    struct codec_reader reader;
    struct sighting model;
    size_t at = 0;
    int r;
    heard_open(kept, history->env, &reader);
    while ((r = heard_read(&reader, &model)) == CODEC_NEXT && model.view.address != address)
        at = (size_t)(reader.in - kept->bytes);
    if (r == CODEC_NEXT) {
        size_t size = (size_t)(reader.in - kept->bytes) - at;
        memmove(kept->bytes + at, reader.in, (size_t)(reader.end - reader.in));
        kept->size -= size;
        history->bytes -= size;
    }
    codec_close(&reader);
    return r >= 0 && kept->size > 0;
}

void history_forget(struct history *history, uint64_t address)
{
    list_for_each(node, &history->sources)
    {
        struct history_source *kept = source_of(node);
        if (!forget(history, kept, address))
            history_drop(history, kept);
    }
}

/* ---- Every now and then ---- */

void history_watch(struct hub *hub, void (*on_due)(void *user), void *user, uint64_t now_ns)
{
    struct history *history = &hub->history;
    history->on_due = on_due;
    history->on_due_user = user;
    history->due_ns = time_after(now_ns, HISTORY_SAVE_S * NS_PER_S);
}

bool history_is_unsaved(const struct hub *hub)
{
    return hub->reports != hub->history.saved_reports;
}

void history_sweep(struct hub *hub, uint64_t now_ns)
{
    struct history *history = &hub->history;
    list_for_each(node, &history->sources)
    {
        struct history_source *kept = source_of(node);
        if (kept->until_ns < now_ns)
            history_drop(history, kept);
    }
    if (!history->on_due || now_ns < history->due_ns || !history_is_unsaved(hub))
        return;
    history->due_ns = time_after(now_ns, HISTORY_SAVE_S * NS_PER_S);
    history->saved_reports = hub->reports;
    history->on_due(history->on_due_user);
}
