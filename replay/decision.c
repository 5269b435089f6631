/* SPDX-License-Identifier: MIT */
#include "replay/decision.h"

#include "hub/sighting.h"
#include "replay/line.h"
#include "replay/seconds.h"
#include <string.h>

/* Six characters for each byte of a name; of the fields service UUIDs and service data grow most, to 42 characters for an
 * entry of six bytes. */
_Static_assert(DECISION_LINE_SIZE > 512 + 6 * SIGHTING_NAME_CAPACITY + 7 * FIELDS_MAX, "each line fits");

static void add_bool(struct line *line, bool value)
{
    if (value)
        line_add_literal(line, "true");
    else
        line_add_literal(line, "false");
}

/* The reference stack calls a device without a name by its address. */
static void add_name(struct line *line, const struct bleproxy_advertisement *advertisement)
{
    char address[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(advertisement->address, address);
    if (!advertisement->name || advertisement->name_size == 0 ||
        (advertisement->name_size == sizeof(address) - 1 &&
         memcmp(advertisement->name, address, sizeof(address) - 1) == 0))
        line_add_literal(line, "null");
    else
        line_add_string(line, advertisement->name, advertisement->name_size);
}

static void add_key(struct line *line, const struct bleproxy_field *field)
{
    char uuid[BLEPROXY_UUID_TEXT_SIZE];
    line_add_literal(line, "\"");
    if (field->kind == BLEPROXY_FIELD_MANUFACTURER_DATA) {
        line_add_number(line, field->company);
    } else {
        bleproxy_uuid_format(&field->uuid, uuid);
        line_add(line, uuid, sizeof(uuid) - 1);
    }
    line_add_literal(line, "\"");
}

/* Those of one kind, from *position on, which are grouped. */
static void add_group(struct line *line, const struct bleproxy_advertisement *advertisement,
                      enum bleproxy_field_kind kind, size_t *position)
{
    struct bleproxy_field field;
    size_t next = *position;
    bool first = true;
    while (bleproxy_field_next(advertisement, &next, &field) && field.kind == kind) {
        if (!first)
            line_add_literal(line, ",");
        first = false;
        add_key(line, &field);
        if (kind != BLEPROXY_FIELD_SERVICE_UUID) {
            line_add_literal(line, ":\"");
            line_add_hex(line, field.data, field.size);
            line_add_literal(line, "\"");
        }
        *position = next;
    }
}

static void add_report(struct line *line, const struct decision *decision)
{
    const struct bleproxy_advertisement *advertisement = decision->advertisement;
    size_t position = 0;
    line_add_literal(line, ",\"source\":");
    line_add_address(line, advertisement->source);
    line_add_literal(line, ",\"rssi\":");
    line_add_number(line, decision->rssi);
    line_add_literal(line, ",\"name\":");
    add_name(line, advertisement);
    line_add_literal(line, ",\"service_uuids\":[");
    add_group(line, advertisement, BLEPROXY_FIELD_SERVICE_UUID, &position);
    line_add_literal(line, "],\"service_data\":{");
    add_group(line, advertisement, BLEPROXY_FIELD_SERVICE_DATA, &position);
    line_add_literal(line, "},\"manufacturer_data\":{");
    add_group(line, advertisement, BLEPROXY_FIELD_MANUFACTURER_DATA, &position);
    line_add_literal(line, "},\"tx_power\":");
    if (advertisement->tx_power_dbm == BLEPROXY_TX_POWER_NONE)
        line_add_literal(line, "null");
    else
        line_add_number(line, advertisement->tx_power_dbm);
}

size_t decision_format(const struct decision *decision, char memory[static DECISION_LINE_SIZE])
{
    static const char *const kinds[] = {
        [DECISION_ACCEPTED] = "accepted",
        [DECISION_CALLBACK] = "callback",
        [DECISION_UNAVAILABLE] = "unavailable",
    };
    struct line line;
    line_init(&line, memory, DECISION_LINE_SIZE);
    line_add_literal(&line, "{\"t\":");
    seconds_add(&line, decision->time_ns);
    line_add_literal(&line, ",\"event\":\"");
    line_add(&line, kinds[decision->kind], strlen(kinds[decision->kind]));
    line_add_literal(&line, "\",\"address\":");
    line_add_address(&line, decision->advertisement->address);
    if (decision->kind != DECISION_UNAVAILABLE)
        add_report(&line, decision);
    if (decision->kind != DECISION_ACCEPTED) {
        line_add_literal(&line, ",\"connectable\":");
        add_bool(&line, decision->connectable);
    }
    line_add_literal(&line, "}\n");
    return line_end(&line);
}
