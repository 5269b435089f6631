/* SPDX-License-Identifier: MIT */
/* What the daemon keeps of a device: reports one after the other, each a byte of how it is taken, a byte of its length, and
 * its payload. */
#include "fuzz.h"

#include "daemon/advert.h"
#include "names/sanitise.h"

enum { HOW_ANEW = 1, HOW_DECODED = 2, NAME_MAX_BYTES = 248 };

static void check_uuid(const struct bleproxy_uuid *uuid)
{
    char text[BLEPROXY_UUID_TEXT_SIZE];
    struct bleproxy_uuid again;
    bleproxy_uuid_format(uuid, text);
    FUZZ_CHECK(bleproxy_uuid_parse(text, &again) == 0 && bleproxy_uuid_equal(uuid, &again));
}

static size_t check_data(const struct advert_data *data, bool has_uuids)
{
    size_t size = 0;
    FUZZ_CHECK(data->n <= ADVERT_ENTRIES_MAX);
    for (size_t i = 0; i < data->n; i++) {
        const struct advert_entry *entry = &data->entries[i];
        size += entry->size;
        FUZZ_CHECK(entry->data);
        if (has_uuids)
            check_uuid(&entry->uuid);
        for (size_t j = 0; j < i; j++) /* keys are unique */
            FUZZ_CHECK(data->entries[j].key != entry->key ||
                       !bleproxy_uuid_equal(&data->entries[j].uuid, &entry->uuid));
    }
    return size;
}

static void check(const struct advert *advert)
{
    FUZZ_CHECK(!advert->name || (advert->name[0] && strlen(advert->name) <= NAME_MAX_BYTES &&
                                 sanitise_keeps(advert->name, strlen(advert->name))));
    FUZZ_CHECK(advert->n_uuids <= ADVERT_ENTRIES_MAX);
    for (size_t i = 0; i < advert->n_uuids; i++) {
        check_uuid(&advert->uuids[i]);
        for (size_t j = 0; j < i; j++)
            FUZZ_CHECK(!bleproxy_uuid_equal(&advert->uuids[i], &advert->uuids[j]));
    }
    size_t size = check_data(&advert->manufacturer, false) + check_data(&advert->service, true) +
                  check_data(&advert->other, false);
    FUZZ_CHECK(size == advert->n_bytes && size <= ADVERT_BYTES_MAX);
    FUZZ_CHECK(!advert->has_modalias || advert->modalias[0] == 1 || advert->modalias[0] == 2);
}

static void take(struct advert *advert, uint8_t how, const uint8_t *payload, size_t size)
{
    char name[256] = "";
    struct bleproxy_advertisement report = {.raw = payload, .raw_size = (uint16_t)size};
    unsigned told, all = (ADVERT_MODALIAS << 1) - 1;
    if (how &
        HOW_DECODED) { /* any text that the library hands out is valid UTF-8; some of it does not print */
        report.name_size = (uint16_t)sanitise(name, sizeof(name) - 2, payload, size, size);
        name[report.name_size++] = '\x1b';
        report.name = name;
        report.raw = NULL;
        report.raw_size = 0;
    }
    unsigned changed = advert_take(advert, &report, how & HOW_ANEW, &told);
    check(advert);
    FUZZ_CHECK((changed & ~all) == 0);
    unsigned data = ADVERT_UUIDS | ADVERT_MANUFACTURER_DATA | ADVERT_SERVICE_DATA | ADVERT_OTHER_DATA;
    FUZZ_CHECK((changed & data & ~told) == 0);
    /* Hearing the same again is no news, but where everything has to make room again. */
    if (!(how & HOW_ANEW) && size <= ADVERT_RAW_MAX && report.raw)
        FUZZ_CHECK(advert_take(advert, &report, false, &told) == 0 || size == 0);
    check(advert);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct advert advert = {0};
    while (size >= 2) {
        uint8_t how = data[0];
        size_t length = data[1] < size - 2 ? data[1] : size - 2;
        /* On the heap, so that a byte too far is seen. */
        uint8_t *payload = malloc(length > 0 ? length : 1);
        FUZZ_CHECK(payload);
        memcpy(payload, data + 2, length);
        take(&advert, how, payload, length);
        free(payload);
        data += 2 + length;
        size -= 2 + length;
    }
    advert_deinit(&advert);
    return 0;
}
