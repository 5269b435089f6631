/* SPDX-License-Identifier: MIT */
#include "hub/history.h"

#include "hub/hub_private.h"
#include "hub/scanner_private.h"
#include "wire/codec.h"

/* The file holds HeardDevice messages, those of one scanner together; those scanners first that were there last. */
static const struct codec codec = {.magic = "bleheard", .version = 1};

/* ---- One device ---- */

static ProtobufCBinaryData binary(const void *data, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)data};
}

static uint64_t interval_of(const struct sighting *sighting)
{
    const struct bleproxy_device *device = sighting->device;
    if (!device)
        return sighting->interval_ns;
    return device->interval.known ? interval_longest_ns(&device->interval) : 0;
}

int heard_write(struct buffer *out, const struct sighting *sighting, uint64_t source, uint64_t time_ns)
{
    const struct bleproxy_advertisement *view = &sighting->view;
    HeardDevice heard = HEARD_DEVICE__INIT;
    size_t begin = out->size;
    heard.source = source;
    heard.address = view->address;
    heard.time_ns = time_ns;
    heard.interval_ns = time_min(interval_of(sighting), HUB_INTERVAL_MAX_S * NS_PER_S);
    heard.rssi = view->rssi_dbm;
    heard.rssi_known = sighting->has_rssi;
    heard.tx_power = view->tx_power_dbm;
    heard.address_type = view->address_type;
    heard.heard_once = sighting->member.heard_once;
    heard.renamed = sighting->renamed;
    heard.raw_known = view->raw != NULL;
    heard.name = binary(view->name, view->name_size);
    heard.fields = binary(view->fields, view->fields_size);
    heard.raw = binary(view->raw, view->raw_size);
    int r = codec_add(out, &heard.base);
    if (r < 0)
        buffer_unwrite(out, out->size - begin);
    return r;
}

static bool is_name(const ProtobufCBinaryData *name)
{
    char decoded[SIGHTING_NAME_CAPACITY];
    return name->len == 0 ||
           (name->len < sizeof(decoded) &&
            fields_decode_name(decoded, sizeof(decoded), name->data, name->len) == name->len &&
            memcmp(decoded, name->data, name->len) == 0);
}

static bool is_sound(const HeardDevice *heard)
{
    return heard->source >> 48 == 0 && heard->address >> 48 == 0 && heard->time_ns > 0 &&
           heard->interval_ns <= HUB_INTERVAL_MAX_S * NS_PER_S && heard->rssi >= INT8_MIN &&
           heard->rssi <= INT8_MAX && heard->tx_power >= INT16_MIN && heard->tx_power <= INT16_MAX &&
           heard->address_type <= UINT8_MAX && is_name(&heard->name) &&
           fields_is_block(heard->fields.data, heard->fields.len) && heard->raw.len <= SIGHTING_RAW_MAX;
}

int heard_read(struct codec_reader *reader, struct sighting *ret_sighting)
{
    static const uint8_t empty[1];
    const ProtobufCMessage *message;
    int r = codec_next(reader, &heard_device__descriptor, &message);
    if (r != CODEC_NEXT)
        return r;
    const HeardDevice *heard = (const HeardDevice *)message;
    if (!is_sound(heard))
        return BLEPROXY_E_INVALID;
    *ret_sighting = (struct sighting){
        .view = {.address = heard->address,
                 .source = heard->source,
                 .time_ns = heard->time_ns,
                 .rssi_dbm = (int8_t)heard->rssi,
                 .tx_power_dbm = (int16_t)heard->tx_power,
                 .address_type = (uint8_t)heard->address_type,
                 .name = heard->name.len > 0 ? (const char *)heard->name.data : NULL,
                 .name_size = (uint16_t)heard->name.len,
                 .fields = heard->fields.len > 0 ? heard->fields.data : empty,
                 .fields_size = (uint32_t)heard->fields.len},
        .has_rssi = heard->rssi_known,
        .renamed = heard->renamed,
        .interval_ns = heard->interval_ns,
        .member.heard_once = heard->heard_once,
    };
    if (heard->raw_known) {
        ret_sighting->view.raw = heard->raw.len > 0 ? heard->raw.data : empty;
        ret_sighting->view.raw_size = (uint16_t)heard->raw.len;
    }
    return CODEC_NEXT;
}

/* ---- All of them, for a file ---- */

struct encoding {
    const struct hub *hub;
    uint64_t wall_ns; /* added to a time */
    uint64_t now_ns, source;
    struct buffer *out;
    size_t begin, source_begin;
    int error;
};

static void encode(struct encoding *encoding, const struct sighting *sighting)
{
    struct buffer *out = encoding->out;
    uint64_t time_ns = sighting->view.time_ns;
    uint64_t memory_ns = availability_memory_ns(encoding->hub->rules, sighting);
    if (encoding->error < 0 || out->size - encoding->source_begin >= HISTORY_SOURCE_BYTES_MAX ||
        time_after(time_ns, memory_ns) < encoding->now_ns)
        return;
    encoding->error = heard_write(out, sighting, encoding->source, time_ns + encoding->wall_ns);
}

static void encode_sighting(struct sighting *sighting, void *user)
{
    encode(user, sighting);
}

/* Whether there is room for what it has heard; what is oldest comes last. */
static bool begin_source(struct encoding *encoding, uint64_t source)
{
    encoding->source = source;
    encoding->source_begin = encoding->out->size;
    return encoding->error == 0 && encoding->out->size - encoding->begin < HISTORY_BYTES_MAX;
}

static void encode_scanners(struct encoding *encoding)
{
    list_for_each(node, &encoding->hub->scanners)
    {
        struct scanner *scanner = list_entry(node, struct scanner, registered);
        if (hub_scanner_of(encoding->hub, scanner->source) == scanner &&
            begin_source(encoding, scanner->source))
            sightings_each(&scanner->sightings, encode_sighting, encoding);
    }
}

static void encode_kept(struct encoding *encoding)
{
    const struct list *sources = &encoding->hub->history.sources;
    for (struct list *node = sources->prev; node != sources; node = node->prev) {
        const struct history_source *kept = list_entry(node, struct history_source, node);
        if (hub_scanner_of(encoding->hub, kept->source) || !begin_source(encoding, kept->source))
            continue;
        struct codec_reader reader;
        struct sighting sighting;
        int r;
        heard_open(kept, encoding->hub->env, &reader);
        while ((r = heard_read(&reader, &sighting)) == CODEC_NEXT)
            encode(encoding, &sighting);
        codec_close(&reader);
        if (r < 0)
            encoding->error = r;
    }
}

int history_encode(const struct hub *hub, int64_t wall_ns, uint64_t now_ns, struct buffer *out)
{
    struct encoding encoding = {
        .hub = hub, .wall_ns = (uint64_t)wall_ns, .now_ns = now_ns, .out = out, .begin = out->size};
    encoding.error = codec_begin(out);
    encode_scanners(&encoding);
    encode_kept(&encoding);
    return codec_end(&codec, out, encoding.begin, encoding.error);
}

struct decoding {
    struct history history; /* so far */
    uint32_t rules;
    uint64_t wall_ns, now_ns;
    uint64_t source, until_ns; /* of the scanner whose devices come now */
    struct buffer bytes;       /* those that are fresh */
    size_t n_future;
};

/* What came of one scanner is complete. */
static int end_source(struct decoding *decoding)
{
    bool kept = decoding->bytes.size == 0 || history_put(&decoding->history, decoding->source,
                                                         &decoding->bytes, decoding->until_ns, true, true);
    buffer_unwrite(&decoding->bytes, decoding->bytes.size);
    decoding->until_ns = 0;
    return kept ? 0 : BLEPROXY_E_NOMEM;
}

/* The sighting's time becomes this clock's. False: it is too old for this clock or for its scanner, or of the future. */
static bool is_fresh(struct decoding *decoding, struct sighting *sighting, uint64_t *ret_until_ns)
{
    uint64_t wall_now_ns = decoding->now_ns + decoding->wall_ns, heard_ns = sighting->view.time_ns;
    if (heard_ns > wall_now_ns) {
        decoding->n_future++;
        return false;
    }
    uint64_t age_ns = wall_now_ns - heard_ns, memory_ns = availability_memory_ns(decoding->rules, sighting);
    if (age_ns > memory_ns || age_ns >= decoding->now_ns)
        return false;
    sighting->view.time_ns = decoding->now_ns - age_ns;
    *ret_until_ns = time_after(sighting->view.time_ns, memory_ns);
    return true;
}

static int decode_device(struct decoding *decoding, struct sighting *sighting)
{
    uint64_t source = sighting->view.source, until_ns;
    int r = 0;
    if (source != decoding->source) {
        r = end_source(decoding);
        decoding->source = source;
        if (r == 0 && history_has(&decoding->history, source))
            r = BLEPROXY_E_INVALID;
    }
    if (r < 0 || !is_fresh(decoding, sighting, &until_ns))
        return r;
    r = heard_write(&decoding->bytes, sighting, 0, sighting->view.time_ns);
    if (r == 0 && decoding->until_ns < until_ns)
        decoding->until_ns = until_ns;
    return r == BLEPROXY_E_LIMIT ? 0 : r;
}

static void take_over(struct history *history, struct history *decoded)
{
    list_for_each(node, &decoded->sources)
    {
        list_unlink(node);
        list_append(&history->sources, node);
    }
    history->n_sources += decoded->n_sources;
    history->bytes += decoded->bytes;
    history_init(decoded, decoded->env);
}

int history_decode(struct hub *hub, int64_t wall_ns, uint64_t now_ns, const uint8_t *bytes, size_t size)
{
    struct decoding decoding = {.rules = hub->rules, .wall_ns = (uint64_t)wall_ns, .now_ns = now_ns};
    struct codec_reader reader;
    struct sighting sighting;
    int r = codec_open(&codec, bytes, size, hub->env, &reader);
    if (r < 0)
        return r;
    history_init(&decoding.history, hub->env);
    buffer_init(&decoding.bytes, hub->env, HISTORY_SOURCE_BYTES_MAX);
    while ((r = heard_read(&reader, &sighting)) == CODEC_NEXT)
        if ((r = decode_device(&decoding, &sighting)) < 0)
            break;
    if (r == 0)
        r = end_source(&decoding);
    codec_close(&reader);
    buffer_deinit(&decoding.bytes);
    if (r == 0 && decoding.n_future > 0)
        env_log(hub->env, BLEPROXY_LOG_WARNING, "hub", NULL,
                "the history has %zu devices that were heard in the future: they are left out (was the clock "
                "set?)",
                decoding.n_future);
    if (r == 0)
        take_over(&hub->history, &decoding.history);
    history_deinit(&decoding.history);
    return r;
}
