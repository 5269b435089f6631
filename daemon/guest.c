/* SPDX-License-Identifier: MIT */
#include "guest.h"

#include "errors.h"
#include "gatt.h"
#include "link.h"
#include "manager.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEADLINE_MAX_MS = 24 * 60 * 60 * 1000,
    CONNECTS_OF_ONE_MAX = 16, /* under way: each holds a place among the devices */
};

static int fail(struct device *device, sd_bus_message *call, int error, const char *text)
{
    const struct bleproxy_result result = {.error = error, .text = text};
    return error_answer_all(device->object->tree, call, &result);
}

/* ---- Finding ---- */

/* NULL: it has none. While it is connected it may not be heard. */
static const char *name_of(const struct device *device)
{
    const struct bleproxy_hub *hub = device->adapter->config.hub;
    const struct bleproxy_device *heard = bleproxy_hub_device(hub, device->address);
    const struct bleproxy_advertisement *last =
        heard ? bleproxy_device_advertisement(heard) : bleproxy_hub_remembered(hub, device->address, NULL);
    return device->advert.name ? device->advert.name : last ? last->name : NULL;
}

static const struct device *find_connected(const struct adapter *adapter, uint64_t address,
                                           const char *wanted)
{
    for (const struct device *device = adapter->first_device; device; device = device->next) {
        const char *name = *wanted ? name_of(device) : "";
        if (device->connected && adapter_allows(adapter, device->address) &&
            (address == 0 || device->address == address) && name && strcmp(name, wanted) == 0)
            return device;
    }
    return NULL;
}

/* In this run or before. */
static const struct bleproxy_advertisement *find_heard(const struct adapter *adapter, uint64_t address,
                                                       const char *wanted)
{
    const struct bleproxy_hub *hub = adapter->config.hub;
    const struct bleproxy_device *device;
    for (size_t position = 0; (device = bleproxy_hub_next_device(hub, &position));) {
        const struct bleproxy_advertisement *last = bleproxy_device_advertisement(device);
        if ((address == 0 ? last->name && strcmp(last->name, wanted) == 0 : last->address == address) &&
            adapter_allows(adapter, last->address))
            return last;
    }
    const struct bleproxy_advertisement *before =
        bleproxy_hub_remembered(hub, address, *wanted ? wanted : NULL);
    return before && adapter_allows(adapter, before->address) ? before : NULL;
}

int guest_find(struct adapter *adapter, sd_bus_message *call, uint64_t address, const char *name)
{
    char text[BLEPROXY_ADDRESS_TEXT_SIZE] = "";
    const struct device *connected = find_connected(adapter, address, name);
    const struct bleproxy_advertisement *heard = connected ? NULL : find_heard(adapter, address, name);
    if (connected)
        bleproxy_address_format(connected->address, text);
    else if (heard)
        bleproxy_address_format(heard->address, text);
    return call_reply(adapter->tree, call, "sb", text, connected != NULL);
}

/* ---- Connecting ---- */

static int read_source(sd_bus_message *call, uint64_t *ret_source)
{
    const char *text;
    int r = sd_bus_message_read(call, "v", "s", &text);
    return r < 0 || bleproxy_address_parse(text, ret_source) == 0 ? r : -EINVAL;
}

static int read_flag(sd_bus_message *call, bool *ret_flag)
{
    int value;
    int r = sd_bus_message_read(call, "v", "b", &value);
    if (r >= 0)
        *ret_flag = value;
    return r;
}

static int read_option(sd_bus_message *call, struct bleproxy_connect_options *options)
{
    const char *key;
    int r = sd_bus_message_read(call, "s", &key);
    if (r < 0)
        return r;
    if (strcmp(key, "deadline_ms") == 0)
        return sd_bus_message_read(call, "v", "u", &options->deadline_ms);
    if (strcmp(key, "source") == 0)
        return read_source(call, &options->source);
    if (strcmp(key, "no_cache") == 0)
        return read_flag(call, &options->no_cache);
    if (strcmp(key, "ignore_bond") == 0)
        return read_flag(call, &options->ignore_bond);
    return -EINVAL;
}

static int read_options(sd_bus_message *call, struct bleproxy_connect_options *ret_options)
{
    *ret_options = (struct bleproxy_connect_options){.deadline_ms = LINK_DEADLINE_MS};
    int r = sd_bus_message_enter_container(call, 'a', "{sv}");
    while (r >= 0 && (r = sd_bus_message_enter_container(call, 'e', "sv")) > 0) {
        r = read_option(call, ret_options);
        if (r >= 0)
            r = sd_bus_message_exit_container(call);
    }
    if (ret_options->deadline_ms == 0 || ret_options->deadline_ms > DEADLINE_MAX_MS)
        return -EINVAL;
    return r;
}

bool guest_is(sd_bus_message *call)
{
    return sd_bus_message_is_method_call(call, MANAGER_INTERFACE, "Connect") > 0;
}

static int append_connection(sd_bus_message *message, const struct link *link)
{
    char source[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(bleproxy_peripheral_source(link->peripheral), source);
    int r = sd_bus_message_append(message, "oqs", link->device->object->path,
                                  bleproxy_peripheral_mtu(link->peripheral), source);
    return r < 0 ? r : gatt_append(link->gatt, message);
}

void guest_welcome(struct link *link, sd_bus_message *call)
{
    struct tree *tree = link->device->object->tree;
    sd_bus_message *message = NULL;
    tree_flush(tree);
    int r = link->gatt ? sd_bus_message_new_method_return(call, &message) : -ENOMEM;
    if (r >= 0)
        r = append_connection(message, link);
    if (r >= 0)
        r = sd_bus_send(tree->bus, message, NULL);
    if (r < 0)
        fail(link->device, call, BLEPROXY_E_NOMEM, "");
    sd_bus_message_unref(message);
}

static int use(struct link *link, sd_bus_message *call, uint64_t source)
{
    char text[ERROR_TEXT_SIZE], address[BLEPROXY_ADDRESS_TEXT_SIZE];
    if (source != 0 && source != bleproxy_peripheral_source(link->peripheral)) {
        bleproxy_address_format(link->device->address, address);
        snprintf(text, sizeof(text), "%s is connected already, through another proxy, for another program",
                 address);
        return fail(link->device, call, BLEPROXY_E_BUSY, text);
    }
    int r = link_add_user(link, sd_bus_message_get_sender(call));
    if (r >= 0)
        guest_welcome(link, call);
    return r;
}

static bool connects_too_many(const struct adapter *adapter, const char *sender)
{
    size_t n = 0;
    for (const struct device *device = adapter->first_device; device; device = device->next) {
        const struct link *link = device->link;
        n += link && link->connecting && strcmp(sd_bus_message_get_sender(link->connecting), sender) == 0;
    }
    return n >= CONNECTS_OF_ONE_MAX;
}

int guest_connect(struct adapter *adapter, sd_bus_message *call, uint64_t address)
{
    struct bleproxy_connect_options options;
    int r = read_options(call, &options);
    if (r < 0)
        return call_fail(adapter->tree, call, SD_BUS_ERROR_INVALID_ARGS,
                         "the options are deadline_ms, source, no_cache and ignore_bond");
    if (!adapter_is_powered(adapter))
        return call_fail(adapter->tree, call, ERROR_NOT_READY, "Resource Not Ready");
    if (connects_too_many(adapter, sd_bus_message_get_sender(call)))
        return call_fail(adapter->tree, call, SD_BUS_ERROR_LIMITS_EXCEEDED, "too many connections at once");
    struct device *device = adapter_get_device(adapter, address);
    struct link *link = device ? link_get(device) : NULL;
    if (!link)
        return -ENOMEM;
    if (device->blocked)
        return fail(device, call, BLEPROXY_E_REFUSED, "the device is blocked");
    switch (link->state) {
    case LINK_IDLE:
        return link_begin(link, call, &options);
    case LINK_CONNECTED:
        return use(link, call, options.source);
    case LINK_CONNECTING:
    case LINK_DISCONNECTING:
        break;
    }
    return call_fail(adapter->tree, call, ERROR_IN_PROGRESS, "In Progress");
}

int guest_release(struct adapter *adapter, sd_bus_message *call, uint64_t address)
{
    const struct device *device = adapter_find_device(adapter, address);
    return device && device->link ? link_release(device->link, call) : call_reply(adapter->tree, call, "");
}

/* ---- What proxies remember ---- */

/* A call that waits for an operation on a device. */
struct wait {
    struct adapter *adapter;
    struct bleproxy_peripheral *own; /* of a device that programs do not use; NULL: that of its link */
    uint64_t address;
    sd_bus_message *call;
};

static void wait_free(struct wait *wait)
{
    bleproxy_peripheral_free(wait->own);
    sd_bus_message_unref(wait->call);
    free(wait);
}

static void on_done(void *user, const struct bleproxy_result *result)
{
    struct wait *wait = user;
    struct tree *tree = wait->adapter->tree;
    struct device *device = adapter_find_device(wait->adapter, wait->address);
    char text[ERROR_ALL_SIZE];
    if (device)
        device_refresh_paired(device);
    bleproxy_sanitise(text, sizeof(text), result->text, strlen(result->text));
    if (result->error < 0 && result->error != BLEPROXY_E_NOT_CONNECTED) /* clearing does what can be done */
        error_answer_all(tree, wait->call, result);
    else
        call_reply(tree, wait->call, "us", result->missing, text);
    wait_free(wait);
}

/* What the call that began it has returned. */
static int begin(struct wait *wait, int r)
{
    if (r == 0)
        return 0;
    r = error_answer_all(wait->adapter->tree, wait->call, &(struct bleproxy_result){.error = r, .text = ""});
    wait_free(wait);
    return r;
}

static struct wait *make_wait(struct adapter *adapter, sd_bus_message *call, uint64_t address)
{
    struct wait *wait = malloc(sizeof(*wait));
    if (wait)
        *wait = (struct wait){adapter, NULL, address, sd_bus_message_ref(call)};
    return wait;
}

/* NULL: the call was answered, or ret_r says why it cannot be. */
static struct wait *find_link(struct adapter *adapter, sd_bus_message *call, uint64_t address,
                              struct bleproxy_peripheral **ret_peripheral, int *ret_r)
{
    struct device *device = adapter_find_device(adapter, address);
    struct wait *wait = NULL;
    if (!device || !device->link || device->link->state != LINK_CONNECTED)
        *ret_r = error_answer_all(adapter->tree, call,
                                  &(struct bleproxy_result){.error = BLEPROXY_E_NOT_CONNECTED,
                                                            .text = "the device is not connected"});
    else if (!(wait = make_wait(adapter, call, address)))
        *ret_r = -ENOMEM;
    else
        *ret_peripheral = device->link->peripheral;
    return wait;
}

int guest_pair(struct adapter *adapter, sd_bus_message *call, uint64_t address)
{
    int r;
    struct bleproxy_peripheral *peripheral;
    struct wait *wait = find_link(adapter, call, address, &peripheral, &r);
    return wait ? begin(wait, bleproxy_peripheral_pair(peripheral, on_done, wait, NULL)) : r;
}

int guest_unpair(struct adapter *adapter, sd_bus_message *call, uint64_t address)
{
    int r;
    struct bleproxy_peripheral *peripheral;
    struct wait *wait = find_link(adapter, call, address, &peripheral, &r);
    return wait ? begin(wait, bleproxy_peripheral_unpair(peripheral, on_done, wait, NULL)) : r;
}

int guest_forget_bond(struct adapter *adapter, sd_bus_message *call, uint64_t address)
{
    struct device *device = adapter_find_device(adapter, address);
    int r = bleproxy_hub_forget_bond(adapter->config.hub, address);
    if (device)
        device_refresh_paired(device);
    return r < 0 ? error_answer_all(adapter->tree, call, &(struct bleproxy_result){.error = r, .text = ""})
                 : call_reply(adapter->tree, call, "");
}

/* What is known here needs no connection to be forgotten. */
int guest_clear_cache(struct adapter *adapter, sd_bus_message *call, uint64_t address)
{
    const struct device *device = adapter_find_device(adapter, address);
    struct wait *wait = make_wait(adapter, call, address);
    if (!wait)
        return -ENOMEM;
    int r = 0;
    if (!device || !device->link)
        r = bleproxy_peripheral_new(adapter->config.hub, address, &wait->own);
    if (r == 0)
        r = bleproxy_peripheral_clear_cache(wait->own ? wait->own : device->link->peripheral, on_done, wait,
                                            NULL);
    return begin(wait, r);
}

int guest_set_parameters(struct adapter *adapter, sd_bus_message *call, uint64_t address)
{
    struct bleproxy_connection_parameters parameters;
    struct bleproxy_peripheral *peripheral;
    int r = sd_bus_message_read(call, "qqqq", &parameters.interval_min, &parameters.interval_max,
                                &parameters.latency, &parameters.timeout);
    if (r < 0)
        return r;
    struct wait *wait = find_link(adapter, call, address, &peripheral, &r);
    return wait
               ? begin(wait, bleproxy_peripheral_set_parameters(peripheral, &parameters, on_done, wait, NULL))
               : r;
}
