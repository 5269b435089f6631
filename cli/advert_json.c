/* SPDX-License-Identifier: MIT */
#include "advert_json.h"

#include "json.h"
#include <stdio.h>

/* With all six decimals: %f of a double that size would round them. */
static struct json_object *json_time(int64_t time_us)
{
    char text[32];
    snprintf(text, sizeof(text), "%lld.%06lld", (long long)(time_us / 1000000),
             (long long)(time_us % 1000000));
    return json_object_new_double_s((double)time_us / 1e6, text);
}

static void add_fields(struct json_object *object, const struct bleproxy_advertisement *advertisement)
{
    struct json_object *uuids = json_object_new_array(), *services = json_object_new_object(),
                       *manufacturers = json_object_new_object();
    struct bleproxy_field field;
    for (size_t position = 0; bleproxy_field_next(advertisement, &position, &field);) {
        char key[BLEPROXY_UUID_TEXT_SIZE];
        switch (field.kind) {
        case BLEPROXY_FIELD_SERVICE_UUID:
            bleproxy_uuid_format(&field.uuid, key);
            json_object_array_add(uuids, json_object_new_string(key));
            break;
        case BLEPROXY_FIELD_SERVICE_DATA:
            bleproxy_uuid_format(&field.uuid, key);
            json_object_object_add(services, key, json_hex(field.data, field.size));
            break;
        case BLEPROXY_FIELD_MANUFACTURER_DATA:
            snprintf(key, sizeof(key), "%u", field.company);
            json_object_object_add(manufacturers, key, json_hex(field.data, field.size));
            break;
        }
    }
    json_object_object_add(object, "service_uuids", uuids);
    json_object_object_add(object, "service_data", services);
    json_object_object_add(object, "manufacturer_data", manufacturers);
}

struct json_object *advert_json(const struct bleproxy_advertisement *advertisement, int64_t time_us,
                                const char *proxy)
{
    struct json_object *object = json_object_new_object();
    int rssi = advertisement->rssi_dbm, tx_power = advertisement->tx_power_dbm;
    json_object_object_add(object, "time", json_time(time_us));
    json_object_object_add(object, "address", json_address(advertisement->address));
    json_object_object_add(object, "address_type", json_object_new_int(advertisement->address_type));
    json_object_object_add(object, "name", json_text(advertisement->name));
    json_object_object_add(object, "rssi", rssi == BLEPROXY_RSSI_NONE ? NULL : json_object_new_int(rssi));
    json_object_object_add(object, "tx_power",
                           tx_power == BLEPROXY_TX_POWER_NONE ? NULL : json_object_new_int(tx_power));
    json_object_object_add(object, "source", json_address(advertisement->source));
    json_object_object_add(object, "proxy", json_text(proxy));
    json_object_object_add(object, "connectable", json_object_new_boolean(advertisement->connectable));
    add_fields(object, advertisement);
    json_object_object_add(object, "raw",
                           advertisement->raw ? json_hex(advertisement->raw, advertisement->raw_size) : NULL);
    return object;
}
