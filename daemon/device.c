/* SPDX-License-Identifier: MIT */
#include "device.h"

#include "adapter.h"
#include "link.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)

struct device *device_new(struct adapter *adapter, uint64_t address)
{
    char name[32], text[BLEPROXY_ADDRESS_TEXT_SIZE];
    struct device *device = calloc(1, sizeof(*device));
    if (!device)
        return NULL;
    bleproxy_address_format(address, text);
    for (char *colon = text; (colon = strchr(colon, ':'));)
        *colon = '_';
    snprintf(name, sizeof(name), "dev_%s", text);
    device->adapter = adapter;
    device->address = address;
    device->paired = bleproxy_hub_bond(adapter->config.hub, address) != NULL;
    device->object = object_new(adapter->object, name);
    if (!device->object) {
        free(device);
        return NULL;
    }
    object_add(device->object, &device_interface, device);
    device_review_name(device);
    return device;
}

void device_free(struct device *device)
{
    if (!device)
        return;
    link_free(device->link);
    object_free(device->object);
    advert_deinit(&device->advert);
    free(device->alias);
    free(device->configured);
    free(device);
}

bool device_is_remembered(const struct device *device)
{
    return device->trusted || device->blocked || device->paired || device->alias;
}

bool device_is_kept(const struct device *device)
{
    return device_is_remembered(device) || (device->link && device->link->state != LINK_IDLE);
}

static void changed(struct device *device, enum device_property property)
{
    object_changed(device->object, &device_interface, property);
}

/* Otherwise than by what it advertises. */
static bool is_called(const struct device *device)
{
    return device->alias || device->configured;
}

/* Without memory for another one it keeps what it has. */
void device_review_name(struct device *device)
{
    const struct adapter_config *config = &device->adapter->config;
    const char *name = config->name_device(config->user, device->address);
    if (strcmp(name ? name : "", device->configured ? device->configured : "") == 0)
        return;
    char *copy = name ? strdup(name) : NULL;
    if (name && !copy)
        return;
    free(device->configured);
    device->configured = copy;
    if (!device->alias)
        changed(device, DEVICE_ALIAS);
}

void device_set_remembered(struct device *device, const struct bleproxy_advertisement *heard)
{
    char text[DEVICE_ALIAS_MAX + 1];
    device->address_type = heard->address_type;
    changed(device, DEVICE_ADDRESS_TYPE);
    if (!heard->name || bleproxy_sanitise(text, sizeof(text), heard->name, heard->name_size) == 0)
        return;
    device->advert.name = strdup(text);
    changed(device, DEVICE_NAME);
    if (!is_called(device))
        changed(device, DEVICE_ALIAS);
}

static uint32_t bits_of(unsigned parts)
{
    static const struct {
        unsigned part;
        uint32_t bits;
    } table[] = {
        {ADVERT_NAME, 1u << DEVICE_NAME | 1u << DEVICE_ALIAS},
        {ADVERT_UUIDS, 1u << DEVICE_UUIDS},
        {ADVERT_MANUFACTURER_DATA, 1u << DEVICE_MANUFACTURER_DATA},
        {ADVERT_SERVICE_DATA, 1u << DEVICE_SERVICE_DATA},
        {ADVERT_OTHER_DATA, 1u << DEVICE_ADVERTISING_DATA},
        {ADVERT_FLAGS, 1u << DEVICE_ADVERTISING_FLAGS},
        {ADVERT_TX_POWER, 1u << DEVICE_TX_POWER},
        {ADVERT_APPEARANCE, 1u << DEVICE_APPEARANCE | 1u << DEVICE_ICON},
        {ADVERT_CLASS, 1u << DEVICE_CLASS},
        {ADVERT_MODALIAS, 1u << DEVICE_MODALIAS},
    };
    uint32_t bits = 0;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (parts & table[i].part)
            bits |= table[i].bits;
    return bits;
}

void device_tell(struct device *device)
{
    for (unsigned i = 0; i < 32 && device->pending >> i; i++)
        if (device->pending & 1u << i)
            changed(device, i);
    device->pending = 0;
}

bool device_tick(struct device *device, uint64_t now_ns)
{
    if (device->pending == 0 || now_ns < device->told_ns + DEVICE_PACE_MS * NS_PER_MS)
        return device->pending != 0;
    device_tell(device);
    device->told_ns = now_ns;
    return false;
}

static void take_rssi(struct device *device, int8_t rssi_dbm, unsigned telling)
{
    int step = telling & DEVICE_TELL_SIGNAL ? 1 : DEVICE_RSSI_STEP_DB;
    if (rssi_dbm == BLEPROXY_RSSI_NONE || (device->has_rssi && abs(rssi_dbm - device->rssi_dbm) < step))
        return;
    device->has_rssi = true;
    device->rssi_dbm = rssi_dbm;
    device->pending |= 1u << DEVICE_RSSI;
}

void device_report(struct device *device, const struct bleproxy_advertisement *report, unsigned telling)
{
    bool duplicates = telling & DEVICE_TELL_DUPLICATES;
    unsigned told;
    unsigned parts = advert_take(&device->advert, report, duplicates, &told);
    if (duplicates)
        parts |= told & (ADVERT_MANUFACTURER_DATA | ADVERT_SERVICE_DATA);
    if (!device->tx_power_is_fresh && device->advert.has_tx_power)
        parts |= ADVERT_TX_POWER;
    device->tx_power_is_fresh = true;
    if (device->address_type != report->address_type) {
        device->address_type = report->address_type;
        device->pending |= 1u << DEVICE_ADDRESS_TYPE;
    }
    device->heard_ns = report->time_ns;
    device->pending |= bits_of(parts) & ~(is_called(device) ? 1u << DEVICE_ALIAS : 0);
    if (parts & ADVERT_NAME && device_is_remembered(device))
        adapter_changed(device->adapter, false);
    take_rssi(device, report->rssi_dbm, telling);
}

void device_repeat_signal(struct device *device)
{
    if (device->has_rssi)
        changed(device, DEVICE_RSSI);
}

void device_forget_signal(struct device *device)
{
    if (device->has_rssi)
        changed(device, DEVICE_RSSI);
    if (device->advert.has_tx_power && device->tx_power_is_fresh)
        changed(device, DEVICE_TX_POWER);
    device->has_rssi = device->tx_power_is_fresh = false;
    device->pending &= ~(1u << DEVICE_RSSI | 1u << DEVICE_TX_POWER);
}

void device_set_connected(struct device *device, bool connected)
{
    if (device->connected == connected)
        return;
    device->connected = connected;
    changed(device, DEVICE_CONNECTED);
    adapter_changed(device->adapter, true);
}

void device_set_services_resolved(struct device *device, bool resolved)
{
    if (device->services_resolved == resolved)
        return;
    device->services_resolved = resolved;
    changed(device, DEVICE_SERVICES_RESOLVED);
    adapter_changed(device->adapter, true);
}

void device_refresh_paired(struct device *device)
{
    bool paired = bleproxy_hub_bond(device->adapter->config.hub, device->address) != NULL;
    if (device->paired == paired)
        return;
    device->paired = paired;
    changed(device, DEVICE_PAIRED);
    changed(device, DEVICE_BONDED);
    adapter_changed(device->adapter, true);
}
