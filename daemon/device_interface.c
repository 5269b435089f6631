/* SPDX-License-Identifier: MIT */
/* The interface of org.bluez.Device1: its properties, and the way to its methods. */
#include "device.h"

#include "adapter.h"
#include "link.h"
#include "pairing.h"
#include "profile.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Properties ---- */

static int append_address(sd_bus_message *message, void *data)
{
    const struct device *device = data;
    char text[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(device->address, text);
    return sd_bus_message_append(message, "s", text);
}

static int append_address_type(sd_bus_message *message, void *data)
{
    const struct device *device = data;
    bool is_public = device->address_type == BLEPROXY_ADDRESS_PUBLIC ||
                     device->address_type == BLEPROXY_ADDRESS_PUBLIC_IDENTITY;
    return sd_bus_message_append(message, "s", is_public ? "public" : "random");
}

static bool has_name(void *data)
{
    return ((const struct device *)data)->advert.name != NULL;
}

static int append_name(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "s", ((const struct device *)data)->advert.name);
}

/* By the dashes programs know that there is no name. */
static int append_alias(sd_bus_message *message, void *data)
{
    const struct device *device = data;
    char text[BLEPROXY_ADDRESS_TEXT_SIZE];
    const char *name = device->alias        ? device->alias
                       : device->configured ? device->configured
                                            : device->advert.name;
    if (name)
        return sd_bus_message_append(message, "s", name);
    bleproxy_address_format(device->address, text);
    for (char *colon = text; (colon = strchr(colon, ':'));)
        *colon = '-';
    return sd_bus_message_append(message, "s", text);
}

static int set_alias(sd_bus_message *call, void *data)
{
    struct device *device = data;
    const char *text;
    int r = sd_bus_message_read(call, "s", &text);
    if (r < 0)
        return r;
    if (strlen(text) > DEVICE_ALIAS_MAX)
        return call_fail(device->object->tree, call, ERROR_INVALID_ARGUMENTS, "the alias is too long");
    if (strcmp(text, device->alias ? device->alias : "") != 0) {
        char *copy = *text ? strdup(text) : NULL;
        if (*text && !copy)
            return -ENOMEM;
        free(device->alias);
        device->alias = copy;
        object_changed(device->object, &device_interface, DEVICE_ALIAS);
        adapter_changed(device->adapter, true);
    }
    return call_reply(device->object->tree, call, "");
}

static bool has_class(void *data)
{
    return ((const struct device *)data)->advert.has_class;
}

static int append_class(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "u", ((const struct device *)data)->advert.class);
}

static bool has_appearance(void *data)
{
    return ((const struct device *)data)->advert.has_appearance;
}

static int append_appearance(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "q", ((const struct device *)data)->advert.appearance);
}

/* The freedesktop icon of an appearance (Assigned Numbers, 2.6), as BlueZ chooses it; NULL: none. */
static const char *icon_of(uint16_t appearance)
{
    switch (appearance >> 6) {
    case 0x01:
        return "phone";
    case 0x02:
        return "computer";
    case 0x05:
        return "video-display";
    case 0x0a:
        return "multimedia-player";
    case 0x0b:
        return "scanner";
    case 0x0f:
        break;
    default:
        return NULL;
    }
    switch (appearance & 0x3f) {
    case 0x01:
        return "input-keyboard";
    case 0x02:
        return "input-mouse";
    case 0x03:
    case 0x04:
        return "input-gaming";
    case 0x05:
        return "input-tablet";
    case 0x08:
        return "scanner";
    default:
        return NULL;
    }
}

static bool has_icon(void *data)
{
    const struct device *device = data;
    return device->advert.has_appearance && icon_of(device->advert.appearance);
}

static int append_icon(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "s", icon_of(((const struct device *)data)->advert.appearance));
}

static int append_paired(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "b", ((const struct device *)data)->paired);
}

static int append_trusted(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "b", ((const struct device *)data)->trusted);
}

static int read_bool(sd_bus_message *call, struct device *device, bool *value, enum device_property property)
{
    int wanted;
    int r = sd_bus_message_read(call, "b", &wanted);
    if (r < 0)
        return r;
    if (*value != (wanted != 0)) {
        *value = wanted != 0;
        object_changed(device->object, &device_interface, property);
        adapter_changed(device->adapter, true);
    }
    return 0;
}

static int set_trusted(sd_bus_message *call, void *data)
{
    struct device *device = data;
    int r = read_bool(call, device, &device->trusted, DEVICE_TRUSTED);
    if (r >= 0)
        r = call_reply(device->object->tree, call, "");
    if (device->link)
        link_drop_unused(device->link);
    return r;
}

static int append_blocked(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "b", ((const struct device *)data)->blocked);
}

static int set_blocked(sd_bus_message *call, void *data)
{
    struct device *device = data;
    int r = read_bool(call, device, &device->blocked, DEVICE_BLOCKED);
    if (r < 0)
        return r;
    if (device->blocked && device->link)
        link_drop(device->link);
    return call_reply(device->object->tree, call, "");
}

static int append_false(sd_bus_message *message, void *data)
{
    (void)data;
    return sd_bus_message_append(message, "b", false);
}

static bool has_rssi(void *data)
{
    return ((const struct device *)data)->has_rssi;
}

static int append_rssi(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "n", ((const struct device *)data)->rssi_dbm);
}

static int append_connected(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "b", ((const struct device *)data)->connected);
}

static int append_uuids(sd_bus_message *message, void *data)
{
    const struct device *device = data;
    char text[BLEPROXY_UUID_TEXT_SIZE];
    int r = sd_bus_message_open_container(message, 'a', "s");
    for (size_t i = 0; r >= 0 && i < device->advert.n_uuids; i++) {
        bleproxy_uuid_format(&device->advert.uuids[i], text);
        r = sd_bus_message_append(message, "s", text);
    }
    return r < 0 ? r : sd_bus_message_close_container(message);
}

static bool has_modalias(void *data)
{
    return ((const struct device *)data)->advert.has_modalias;
}

static int append_modalias(sd_bus_message *message, void *data)
{
    const uint8_t *id = ((const struct device *)data)->advert.modalias;
    char text[32];
    snprintf(text, sizeof(text), "%s:v%02X%02Xp%02X%02Xd%02X%02X", id[0] == 1 ? "bluetooth" : "usb", id[3],
             id[2], id[5], id[4], id[7], id[6]);
    return sd_bus_message_append(message, "s", text);
}

static int append_adapter(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "o", ((const struct device *)data)->object->parent->path);
}

/* {key: <bytes>} */
static int append_data(sd_bus_message *message, const struct advert_data *data, char key)
{
    char text[BLEPROXY_UUID_TEXT_SIZE];
    const char entry[] = {key, 'v', '\0'}, array[] = {'{', key, 'v', '}', '\0'};
    int r = sd_bus_message_open_container(message, 'a', array);
    for (size_t i = 0; r >= 0 && i < data->n; i++) {
        const struct advert_entry *item = &data->entries[i];
        r = sd_bus_message_open_container(message, 'e', entry);
        if (key == 's')
            bleproxy_uuid_format(&item->uuid, text);
        if (r >= 0)
            r = key == 's'   ? sd_bus_message_append(message, "s", text)
                : key == 'q' ? sd_bus_message_append(message, "q", item->key)
                             : sd_bus_message_append(message, "y", (uint8_t)item->key);
        if (r >= 0)
            r = sd_bus_message_open_container(message, 'v', "ay");
        if (r >= 0)
            r = sd_bus_message_append_array(message, 'y', item->data, item->size);
        if (r >= 0)
            r = sd_bus_message_close_container(message);
        if (r >= 0)
            r = sd_bus_message_close_container(message);
    }
    return r < 0 ? r : sd_bus_message_close_container(message);
}

static bool has_manufacturer_data(void *data)
{
    return ((const struct device *)data)->advert.manufacturer.n > 0;
}

static int append_manufacturer_data(sd_bus_message *message, void *data)
{
    return append_data(message, &((const struct device *)data)->advert.manufacturer, 'q');
}

static bool has_service_data(void *data)
{
    return ((const struct device *)data)->advert.service.n > 0;
}

static int append_service_data(sd_bus_message *message, void *data)
{
    return append_data(message, &((const struct device *)data)->advert.service, 's');
}

static bool has_tx_power(void *data)
{
    const struct device *device = data;
    return device->advert.has_tx_power && device->tx_power_is_fresh;
}

static int append_tx_power(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "n", ((const struct device *)data)->advert.tx_power_dbm);
}

static int append_services_resolved(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "b", ((const struct device *)data)->services_resolved);
}

static bool has_flags(void *data)
{
    return ((const struct device *)data)->advert.has_flags;
}

static int append_flags(sd_bus_message *message, void *data)
{
    return sd_bus_message_append_array(message, 'y', &((const struct device *)data)->advert.flags, 1);
}

static bool has_other_data(void *data)
{
    return ((const struct device *)data)->advert.other.n > 0;
}

static int append_other_data(sd_bus_message *message, void *data)
{
    return append_data(message, &((const struct device *)data)->advert.other, 'y');
}

static const struct property properties[] = {
    [DEVICE_ADDRESS] = {"Address", "s", append_address, NULL, NULL},
    [DEVICE_ADDRESS_TYPE] = {"AddressType", "s", append_address_type, NULL, NULL},
    [DEVICE_NAME] = {"Name", "s", append_name, has_name, NULL},
    [DEVICE_ALIAS] = {"Alias", "s", append_alias, NULL, set_alias},
    [DEVICE_CLASS] = {"Class", "u", append_class, has_class, NULL},
    [DEVICE_APPEARANCE] = {"Appearance", "q", append_appearance, has_appearance, NULL},
    [DEVICE_ICON] = {"Icon", "s", append_icon, has_icon, NULL},
    [DEVICE_PAIRED] = {"Paired", "b", append_paired, NULL, NULL},
    [DEVICE_BONDED] = {"Bonded", "b", append_paired, NULL, NULL},
    [DEVICE_TRUSTED] = {"Trusted", "b", append_trusted, NULL, set_trusted},
    [DEVICE_BLOCKED] = {"Blocked", "b", append_blocked, NULL, set_blocked},
    [DEVICE_LEGACY_PAIRING] = {"LegacyPairing", "b", append_false, NULL, NULL},
    [DEVICE_RSSI] = {"RSSI", "n", append_rssi, has_rssi, NULL},
    [DEVICE_CONNECTED] = {"Connected", "b", append_connected, NULL, NULL},
    [DEVICE_UUIDS] = {"UUIDs", "as", append_uuids, NULL, NULL},
    [DEVICE_MODALIAS] = {"Modalias", "s", append_modalias, has_modalias, NULL},
    [DEVICE_ADAPTER] = {"Adapter", "o", append_adapter, NULL, NULL},
    [DEVICE_MANUFACTURER_DATA] = {"ManufacturerData", "a{qv}", append_manufacturer_data,
                                  has_manufacturer_data, NULL},
    [DEVICE_SERVICE_DATA] = {"ServiceData", "a{sv}", append_service_data, has_service_data, NULL},
    [DEVICE_TX_POWER] = {"TxPower", "n", append_tx_power, has_tx_power, NULL},
    [DEVICE_SERVICES_RESOLVED] = {"ServicesResolved", "b", append_services_resolved, NULL, NULL},
    [DEVICE_ADVERTISING_FLAGS] = {"AdvertisingFlags", "ay", append_flags, has_flags, NULL},
    [DEVICE_ADVERTISING_DATA] = {"AdvertisingData", "a{yv}", append_other_data, has_other_data, NULL},
    {0},
};

/* ---- Methods ---- */

static int call_connect(sd_bus_message *call, void *data)
{
    struct device *device = data;
    return link_connect(device, call);
}

static int call_disconnect(sd_bus_message *call, void *data)
{
    struct device *device = data;
    return link_disconnect(device, call);
}

static int call_pair(sd_bus_message *call, void *data)
{
    return pairing_start(data, call);
}

static int call_cancel_pairing(sd_bus_message *call, void *data)
{
    return pairing_cancel(data, call);
}

static int call_connect_profile(sd_bus_message *call, void *data)
{
    return profile_connect(data, call);
}

static int call_disconnect_profile(sd_bus_message *call, void *data)
{
    return profile_disconnect(data, call);
}

static const struct method methods[] = {
    {"Disconnect", "", "", call_disconnect},
    {"Connect", "", "", call_connect},
    {"ConnectProfile", "s", "", call_connect_profile},
    {"DisconnectProfile", "s", "", call_disconnect_profile},
    {"Pair", "", "", call_pair},
    {"CancelPairing", "", "", call_cancel_pairing},
    {0},
};
static const struct signal signals[] = {{"Disconnected", "ss"}, {0}};
#define BIT(property) (UINT64_C(1) << (property))
const struct interface device_interface = {
    .name = "org.bluez.Device1",
    .properties = properties,
    .methods = methods,
    .signals = signals,
    .passing = BIT(DEVICE_ADDRESS_TYPE) | BIT(DEVICE_NAME) | BIT(DEVICE_ALIAS) | BIT(DEVICE_CLASS) |
               BIT(DEVICE_APPEARANCE) | BIT(DEVICE_ICON) | BIT(DEVICE_RSSI) | BIT(DEVICE_UUIDS) |
               BIT(DEVICE_MODALIAS) | BIT(DEVICE_MANUFACTURER_DATA) | BIT(DEVICE_SERVICE_DATA) |
               BIT(DEVICE_TX_POWER) | BIT(DEVICE_ADVERTISING_FLAGS) | BIT(DEVICE_ADVERTISING_DATA),
};
