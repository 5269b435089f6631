/* SPDX-License-Identifier: MIT */
/* What proxies have heard, from a file: byte 0 says how the rest is to be read. 0: as the whole file. 1: as what stands
 * behind the header, which is made to fit. Then the proxies come, and hear what they remember again. */
#include "fuzz.h"

#include "hub/history.h"
#include "hub/hub_private.h"
#include "hub/scanner_private.h"
#include "wire/codec.h"

enum { FILE_MAX = 64 * 1024 * 1024 };
#define NOW_NS (1000 * NS_PER_S)

static struct hub *new_hub(void)
{
    struct hub *hub;
    FUZZ_CHECK(hub_new(&fuzz_env, NULL, NOW_NS, &hub) == 0);
    return hub;
}

static void check_sighting(struct sighting *sighting, void *user)
{
    const struct bleproxy_advertisement *view = &sighting->view;
    struct bleproxy_field field;
    size_t position = 0, n = 0;
    FUZZ_CHECK(view->address >> 48 == 0 && view->source == *(uint64_t *)user);
    FUZZ_CHECK(view->time_ns > 0 && view->time_ns <= NOW_NS);
    FUZZ_CHECK(view->raw_size <= SIGHTING_RAW_MAX && view->fields_size <= FIELDS_MAX);
    FUZZ_CHECK(view->name ? view->name[view->name_size] == '\0' : view->name_size == 0);
    while (bleproxy_field_next(view, &position, &field))
        n += field.size;
    FUZZ_CHECK(n <= view->fields_size);
}

static void hear_again(struct sighting *sighting, void *user)
{
    static const uint8_t packet[] = {2,   1,   6,   3,   3, 0xd2, 0xfc, 5, 9,
                                     'L', 'a', 'm', 'p', 4, 0xff, 0x4c, 0, 1};
    struct batch_advert advert = {.address = sighting->view.address, .data = packet, .size = sizeof(packet)};
    for (uint32_t size = sizeof(packet); size > 0; size--) {
        advert.size = size;
        scanner_report(user, &advert, NOW_NS);
    }
}

static void come(struct hub *hub, uint64_t source)
{
    const struct scanner_config config = {.env = &fuzz_env, .source = source, .name = "proxy"};
    struct scanner *scanner;
    FUZZ_CHECK(scanner_new(&config, &scanner) == 0);
    FUZZ_CHECK(hub_register_scanner(hub, scanner, NOW_NS) == 0);
    FUZZ_CHECK(scanner_n_devices(scanner) > 0);
    sightings_each(&scanner->sightings, check_sighting, &source);
    sightings_each(&scanner->sightings, hear_again, scanner);
    sightings_each(&scanner->sightings, check_sighting, &source);
}

static void free_scanners(struct hub *hub)
{
    while (!list_empty(&hub->scanners))
        scanner_free(list_entry(hub->scanners.next, struct scanner, registered));
}

/* What was decoded is encoded, and that decodes to the same. */
static struct hub *check_round_trip(const struct hub *hub)
{
    struct buffer first, second;
    struct hub *again = new_hub();
    buffer_init(&first, &fuzz_env, FILE_MAX);
    buffer_init(&second, &fuzz_env, FILE_MAX);
    FUZZ_CHECK(history_encode(hub, 7, NOW_NS, &first) == 0);
    FUZZ_CHECK(history_decode(again, 7, NOW_NS, buffer_data(&first), first.size) == 0);
    FUZZ_CHECK(history_encode(again, 7, NOW_NS, &second) == 0);
    FUZZ_CHECK(first.size == second.size && memcmp(first.block, second.block, first.size) == 0);
    buffer_deinit(&first);
    buffer_deinit(&second);
    return again;
}

static void fuzz_file(const uint8_t *bytes, size_t size)
{
    struct hub *hub = new_hub();
    struct history *history = &hub->history;
    int r = history_decode(hub, 0, NOW_NS, bytes, size);
    FUZZ_CHECK(r == 0 || (r == BLEPROXY_E_INVALID && history->n_sources == 0));
    FUZZ_CHECK(history->n_sources <= HISTORY_SOURCES_MAX && history->bytes <= HISTORY_BYTES_MAX);
    struct hub *again = check_round_trip(hub);
    while (!list_empty(&history->sources))
        come(hub, list_entry(history->sources.next, struct history_source, node)->source);
    hub_free(check_round_trip(hub), NOW_NS);
    free_scanners(hub);
    hub_free(hub, NOW_NS);
    for (uint64_t address = 0; address < 4; address++)
        hub_forget(again, address);
    hub_free(again, NOW_NS);
}

static void fuzz_content(const uint8_t *content, size_t size)
{
    static const struct codec codec = {.magic = "bleheard", .version = 1};
    struct buffer file;
    buffer_init(&file, &fuzz_env, FILE_MAX);
    FUZZ_CHECK(codec_begin(&file) == 0 && buffer_append(&file, content, size) == 0);
    FUZZ_CHECK(codec_end(&codec, &file, 0, 0) == 0);
    fuzz_file(buffer_data(&file), file.size);
    buffer_deinit(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 2 == 0)
        fuzz_file(data + 1, size - 1);
    else
        fuzz_content(data + 1, size - 1);
    return 0;
}
