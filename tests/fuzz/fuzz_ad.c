/* SPDX-License-Identifier: MIT */
/* Advertising data: byte 0 says where the rest is cut in two payloads of one device; both are parsed and
 * merged. */
#include "fuzz.h"

#include "wire/fields.h"

struct memory {
    uint8_t bytes[FIELDS_MAX];
};

static void check_block(const struct fields *fields)
{
    FUZZ_CHECK(fields->size <= FIELDS_MAX);
    FUZZ_CHECK(fields->uuids_end <= fields->services_end && fields->services_end <= fields->size);
    struct bleproxy_advertisement view = {.fields = fields->bytes, .fields_size = (uint32_t)fields->size};
    struct bleproxy_field field;
    size_t position = 0;
    enum bleproxy_field_kind last = BLEPROXY_FIELD_SERVICE_UUID;
    while (bleproxy_field_next(&view, &position, &field)) {
        FUZZ_CHECK(position <= fields->size && field.kind >= last);
        last = field.kind;
        size_t size;
        switch (field.kind) {
        case BLEPROXY_FIELD_SERVICE_UUID:
            FUZZ_CHECK(field.size == 0 && bleproxy_has_service(&view, &field.uuid));
            break;
        case BLEPROXY_FIELD_SERVICE_DATA: /* keys are unique */
            FUZZ_CHECK(bleproxy_service_data(&view, &field.uuid, &size) == field.data && size == field.size);
            break;
        case BLEPROXY_FIELD_MANUFACTURER_DATA:
            FUZZ_CHECK(bleproxy_manufacturer_data(&view, field.company, &size) == field.data &&
                       size == field.size);
            break;
        }
    }
    FUZZ_CHECK(position == fields->size);
}

static void check_name(const struct fields *fields)
{
    char name[FIELDS_NAME_MAX + 1];
    size_t written = fields_decode_name(name, sizeof(name), fields->name, fields->name_size);
    FUZZ_CHECK(written < sizeof(name) && name[written] == '\0');
    /* What comes out is UTF-8: decoding it changes nothing. */
    char again[sizeof(name)];
    FUZZ_CHECK(fields_decode_name(again, sizeof(again), (const uint8_t *)name, written) == written);
    FUZZ_CHECK(memcmp(name, again, written) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t cut = data[0] < size - 1 ? data[0] : size - 1;
    static struct memory first, second, merged, again;
    struct fields a, b, c, d;
    fields_init(&a, first.bytes);
    fields_init(&b, second.bytes);
    fields_init(&c, merged.bytes);
    fields_init(&d, again.bytes);
    fields_parse(&a, data + 1, cut);
    fields_parse(&b, data + 1 + cut, size - 1 - cut);
    bool changed = fields_merge(&c, a.bytes, a.size, &b);
    check_block(&a);
    check_block(&b);
    check_block(&c);
    check_name(&a);
    check_name(&b);
    FUZZ_CHECK(changed == (c.size != a.size || memcmp(c.bytes, a.bytes, a.size) != 0));
    /* Hearing the same again is no news. */
    FUZZ_CHECK(!fields_merge(&d, c.bytes, c.size, &b) || c.truncated);
    check_block(&d);
    return 0;
}
