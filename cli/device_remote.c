/* SPDX-License-Identifier: MIT */
/* Devices that a bleproxyd talks to: values by BlueZ's interfaces, the rest by org.bleproxy1.Manager. */
#include "device.h"
#include "device_tree.h"
#include "remote_bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHARACTERISTIC "org.bluez.GattCharacteristic1"
#define DESCRIPTOR     "org.bluez.GattDescriptor1"
#define PROPERTIES     "org.freedesktop.DBus.Properties"
#define NS_PER_MS      UINT64_C(1000000)
enum {
    AGAIN_MS = 100, /* while another program has it connecting, or disconnecting */
    ANSWER_MS = 30000,
    DEED_MS = 120000,   /* the daemon has limits of its own */
    PATIENCE_MS = 5000, /* for the daemon to tell that it is late */
    PATHS_MAX = 64,
};

struct way {
    struct device_tree tree;
    uint16_t mtu;
    uint64_t source, only_source; /* of the link; what it must be, 0: any */
    uint64_t until_ns;            /* connecting */
    struct bleproxy_timer *again;
    bleproxy_result_fn *on_connected;
};

/* A call under way, or signals that are listened for. */
struct request {
    struct device *device;
    bleproxy_result_fn *on_done;
    void *user;
    int (*read)(sd_bus_message *reply, struct bleproxy_result *result); /* what it answers; may be NULL */
    uint16_t handle;
    bleproxy_notification_fn *on_notification;
};

static struct remote *remote_of(const struct device *device)
{
    return device->fleet.remote;
}

static int error_of(int r)
{
    return r == -ENOMEM ? BLEPROXY_E_NOMEM : r < 0 ? BLEPROXY_E_CLOSED : 0;
}

/* ---- Calls ---- */

static int on_reply(sd_bus_message *reply, void *user, sd_bus_error *error)
{
    const struct request *request = user;
    struct remote_result end;
    (void)error;
    if (request->device->over && request->user == request->device)
        return 0;
    if (remote_is_done(reply, request->device->label, &end) && request->read &&
        request->read(reply, &end.result) < 0) {
        end.result.error = BLEPROXY_E_PROTOCOL;
        snprintf(end.text, sizeof(end.text), "%s: bleproxyd answers in another way than it should",
                 request->device->label);
    }
    if (!end.result.text)
        end.result.text = end.text;
    request->on_done(request->user, &end.result);
    return 0;
}

static struct request *make_request(struct device *device, bleproxy_result_fn *on_done, void *user)
{
    struct request *request = calloc(1, sizeof(*request));
    if (request)
        *request = (struct request){.device = device, .on_done = on_done, .user = user};
    return request;
}

/* Takes the call, of which r says whether it could be made, and the request. */
static int send(struct device *device, sd_bus_message *call, int r, uint64_t timeout_ms,
                struct request *request)
{
    if (r >= 0 && request)
        return error_of(remote_send(remote_of(device), call, timeout_ms, on_reply, request, free));
    sd_bus_message_unref(call);
    free(request);
    return error_of(r < 0 ? r : -ENOMEM);
}

static int new_call(struct device *device, sd_bus_message **ret_call, const char *method)
{
    char address[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(device->address, address);
    int r = remote_new_call(remote_of(device), ret_call, REMOTE_PATH, REMOTE_INTERFACE, method);
    return r < 0 ? r : sd_bus_message_append(*ret_call, "s", address);
}

/* ---- Finding ---- */

static uint64_t way_find(struct device *device, bool *ret_is_connected)
{
    char address[BLEPROXY_ADDRESS_TEXT_SIZE];
    const struct bleproxy_filter *filter = &device->filter;
    sd_bus_message *reply = NULL;
    const char *text;
    uint64_t found = 0;
    int is_connected = 0;
    if (filter->address)
        bleproxy_address_format(filter->address, address);
    if (remote_call(remote_of(device), &reply, "FindDevice", "s", filter->address ? address : filter->name) <
            0 ||
        sd_bus_message_read(reply, "sb", &text, &is_connected) < 0 ||
        bleproxy_address_parse(text, &found) < 0)
        found = 0;
    sd_bus_message_unref(reply);
    *ret_is_connected = found != 0 && is_connected;
    return found;
}

/* ---- Connecting ---- */

static void begin(struct device *device);

static void fail(struct device *device, int error, const char *text)
{
    char sentence[256];
    snprintf(sentence, sizeof(sentence), "%s: %s", device->label, text);
    device->way->on_connected(device, &(struct bleproxy_result){.error = error, .text = sentence});
}

static void on_again(void *user)
{
    struct device *device = user;
    bleproxy_timer_free(device->way->again);
    device->way->again = NULL;
    begin(device);
}

static bool is_busy(sd_bus_message *reply)
{
    return sd_bus_message_is_method_error(reply, "org.bluez.Error.InProgress") > 0;
}

static int read_connection(sd_bus_message *reply, struct way *way)
{
    const char *path, *source;
    int r = sd_bus_message_read(reply, "oqs", &path, &way->mtu, &source);
    if (r >= 0 && (way->mtu < BLEPROXY_MTU_DEFAULT || bleproxy_address_parse(source, &way->source) < 0))
        r = -EBADMSG;
    device_tree_deinit(&way->tree);
    return r < 0 ? r : device_tree_read(&way->tree, reply);
}

static int on_connect(sd_bus_message *reply, void *user, sd_bus_error *error)
{
    struct device *device = user;
    struct way *way = device->way;
    struct remote_result end;
    (void)error;
    if (device->over || !way)
        return 0;
    if (is_busy(reply) && bleproxy_loop_now_ns(device->fleet.loop) < way->until_ns &&
        bleproxy_timer_new(device->fleet.loop, AGAIN_MS, 0, on_again, device, &way->again) == 0)
        return 0;
    if (!remote_is_done(reply, device->label, &end)) {
        end.result.text = end.text;
        way->on_connected(device, &end.result);
    } else if (read_connection(reply, way) < 0) {
        fail(device, BLEPROXY_E_PROTOCOL, "bleproxyd answers in another way than it should");
    } else {
        way->on_connected(device, &(struct bleproxy_result){.source = way->source, .text = ""});
    }
    return 0;
}

static int append_options(const struct device *device, sd_bus_message *call, uint32_t left_ms)
{
    char source[BLEPROXY_ADDRESS_TEXT_SIZE];
    const struct way *way = device->way;
    int r = sd_bus_message_open_container(call, 'a', "{sv}");
    if (r >= 0)
        r = sd_bus_message_append(call, "{sv}", "deadline_ms", "u", left_ms);
    if (r >= 0 && device->no_cache)
        r = sd_bus_message_append(call, "{sv}", "no_cache", "b", 1);
    if (r >= 0 && device_ignores_bond(device))
        r = sd_bus_message_append(call, "{sv}", "ignore_bond", "b", 1);
    if (way->only_source != 0)
        bleproxy_address_format(way->only_source, source);
    if (r >= 0 && way->only_source != 0)
        r = sd_bus_message_append(call, "{sv}", "source", "s", source);
    return r < 0 ? r : sd_bus_message_close_container(call);
}

static int try_to(struct device *device)
{
    uint64_t now_ns = bleproxy_loop_now_ns(device->fleet.loop), until_ns = device->way->until_ns;
    uint32_t left_ms = until_ns > now_ns ? (uint32_t)((until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS) : 0;
    sd_bus_message *call = NULL;
    int r = new_call(device, &call, "Connect");
    left_ms = left_ms > 0 ? left_ms : 1;
    if (r >= 0)
        r = append_options(device, call, left_ms);
    if (r >= 0)
        return remote_send(remote_of(device), call, (uint64_t)left_ms + PATIENCE_MS, on_connect, device,
                           NULL);
    sd_bus_message_unref(call);
    return r;
}

static void begin(struct device *device)
{
    int r = try_to(device);
    if (r < 0)
        fail(device, error_of(r), "bleproxyd cannot be asked");
}

static int on_end(sd_bus_message *signal, void *user, sd_bus_error *error)
{
    struct device *device = user;
    const char *address, *text;
    int32_t code, reason;
    uint64_t which;
    char sentence[1024];
    (void)error;
    if (sd_bus_message_read(signal, "siis", &address, &reason, &code, &text) < 0 ||
        bleproxy_address_parse(address, &which) < 0 || which != device->address || !device->connected ||
        device->over)
        return 0;
    if (reason >= 0) {
        snprintf(sentence, sizeof(sentence), "%s: another program has disconnected it", device->label);
        reason = BLEPROXY_E_DISCONNECTED;
    } else {
        bleproxy_sanitise(sentence, sizeof(sentence), text, strlen(text));
    }
    device_lost(device, &(struct bleproxy_result){.error = reason, .code = code, .text = sentence});
    return 0;
}

/* One of those that -p names: the daemon has others, too. */
static int choose_source(struct device *device)
{
    struct bleproxy_path paths[PATHS_MAX];
    size_t n;
    if (device->options.n_proxies == 0)
        return 0;
    if (!remote_ops->paths(remote_of(device), device->address, paths, PATHS_MAX, &n))
        return BLEPROXY_E_CLOSED;
    if (n == 0)
        return BLEPROXY_E_NO_PROXY;
    device->way->only_source = paths[0].source;
    return 0;
}

static int way_connect(struct device *device, uint32_t deadline_ms, bleproxy_result_fn *on_connected)
{
    device->way = calloc(1, sizeof(*device->way));
    if (!device->way)
        return BLEPROXY_E_NOMEM;
    device->way->on_connected = on_connected;
    int r = choose_source(device);
    if (r < 0)
        return r;
    r = remote_listen(remote_of(device), REMOTE_PATH, REMOTE_INTERFACE, "Disconnected", on_end, device, NULL);
    device->way->until_ns = bleproxy_loop_now_ns(device->fleet.loop) + deadline_ms * NS_PER_MS;
    return error_of(r < 0 ? r : try_to(device));
}

/* It goes on for other programs that use it. */
static int way_disconnect(struct device *device, bleproxy_result_fn *on_done, void *user)
{
    sd_bus_message *call = NULL;
    int r = new_call(device, &call, "Release");
    return send(device, call, r, PATIENCE_MS, make_request(device, on_done, user));
}

static const struct bleproxy_services *way_services(const struct device *device)
{
    return &device->way->tree.services;
}

static uint16_t way_mtu(const struct device *device)
{
    return device->way->mtu;
}

static uint64_t way_source(const struct device *device)
{
    return device->way->source;
}

/* ---- Values ---- */

/* A method of the attribute's object. */
static int new_value_call(struct device *device, sd_bus_message **ret_call, uint16_t handle,
                          const char *method)
{
    bool is_descriptor;
    const char *path = device_tree_path(&device->way->tree, handle, &is_descriptor);
    return !path ? -ENOENT
                 : remote_new_call(remote_of(device), ret_call, path,
                                   is_descriptor ? DESCRIPTOR : CHARACTERISTIC, method);
}

static uint64_t patience_ms(const struct device *device)
{
    uint32_t given_ms = device->options.timeout_ms;
    return (uint64_t)(given_ms > 0 ? given_ms : ANSWER_MS) + PATIENCE_MS;
}

/* type NULL: nothing is written. */
static int append_value_options(const struct device *device, sd_bus_message *call, const char *type)
{
    int r = sd_bus_message_open_container(call, 'a', "{sv}");
    if (r >= 0 && device->options.timeout_ms > 0)
        r = sd_bus_message_append(call, "{sv}", "timeout_ms", "u", device->options.timeout_ms);
    if (r >= 0 && type)
        r = sd_bus_message_append(call, "{sv}", "type", "s", type);
    return r < 0 ? r : sd_bus_message_close_container(call);
}

static int read_value(sd_bus_message *reply, struct bleproxy_result *result)
{
    const void *value;
    int r = sd_bus_message_read_array(reply, 'y', &value, &result->size);
    result->value = value;
    return r >= 0 && result->size > BLEPROXY_VALUE_MAX ? -EBADMSG : r;
}

static int way_read(struct device *device, uint16_t handle, bleproxy_result_fn *on_read)
{
    struct request *request = make_request(device, on_read, device);
    sd_bus_message *call = NULL;
    int r = new_value_call(device, &call, handle, "ReadValue");
    if (r >= 0)
        r = append_value_options(device, call, NULL);
    if (request)
        request->read = read_value;
    return send(device, call, r, patience_ms(device), request);
}

static bool is_configuration(const struct device *device, uint16_t handle)
{
    static const struct bleproxy_uuid configuration = {.size = 2, .bytes = {0x29, 0x02}};
    const struct bleproxy_descriptor *descriptor =
        bleproxy_services_descriptor_at(&device->way->tree.services, handle, NULL);
    return descriptor && bleproxy_uuid_equal(&descriptor->uuid, &configuration);
}

static bool is_command(const struct device *device, uint16_t handle, enum bleproxy_write_mode mode)
{
    const struct bleproxy_characteristic *characteristic =
        bleproxy_services_at(&device->way->tree.services, handle);
    return characteristic &&
           (mode == BLEPROXY_WRITE_WITHOUT_RESPONSE ||
            (mode == BLEPROXY_WRITE_DEFAULT && !(characteristic->properties & BLEPROXY_PROPERTY_WRITE) &&
             (characteristic->properties & BLEPROXY_PROPERTY_WRITE_WITHOUT_RESPONSE)));
}

static int way_write(struct device *device, uint16_t handle, const void *value, size_t size,
                     enum bleproxy_write_mode mode, bleproxy_result_fn *on_written)
{
    bool commands = is_command(device, handle, mode);
    sd_bus_message *call = NULL;
    if (size > BLEPROXY_VALUE_MAX || (commands && size > (size_t)(device->way->mtu - BLEPROXY_MTU_OVERHEAD)))
        return BLEPROXY_E_TOO_LONG;
    if (is_configuration(device, handle))
        return BLEPROXY_E_INVALID;
    int r = new_value_call(device, &call, handle, "WriteValue");
    if (r >= 0)
        r = sd_bus_message_append_array(call, 'y', value, size);
    if (r >= 0)
        r = append_value_options(device, call, commands ? "command" : "request");
    return send(device, call, r, patience_ms(device), make_request(device, on_written, device));
}

static int on_changed(sd_bus_message *signal, void *user, sd_bus_error *error)
{
    const struct request *request = user;
    const char *interface, *key;
    const void *value;
    size_t size;
    (void)error;
    int r = sd_bus_message_read(signal, "s", &interface);
    if (r < 0 || strcmp(interface, CHARACTERISTIC) != 0)
        return 0;
    r = sd_bus_message_enter_container(signal, 'a', "{sv}");
    while (r >= 0 && (r = sd_bus_message_enter_container(signal, 'e', "sv")) > 0) {
        r = sd_bus_message_read(signal, "s", &key);
        if (r >= 0 && strcmp(key, "Value") != 0) {
            r = sd_bus_message_skip(signal, "v");
        } else if (r >= 0 && (r = sd_bus_message_enter_container(signal, 'v', "ay")) >= 0 &&
                   (r = sd_bus_message_read_array(signal, 'y', &value, &size)) >= 0) {
            if (size <= BLEPROXY_VALUE_MAX)
                request->on_notification(request->device, request->handle, value, size);
            r = sd_bus_message_exit_container(signal);
        }
        if (r >= 0)
            r = sd_bus_message_exit_container(signal);
    }
    return 0;
}

/* By signals, which several programs can have at a time. */
static int way_subscribe(struct device *device, uint16_t handle, bleproxy_notification_fn *on_notification,
                         bleproxy_result_fn *on_subscribed)
{
    struct request *values = make_request(device, NULL, NULL);
    sd_bus_message *call = NULL;
    int r = new_value_call(device, &call, handle, "StartNotify");
    if (r >= 0 && !values)
        r = -ENOMEM;
    if (r < 0) {
        free(values);
        return send(device, call, r, 0, NULL);
    }
    values->handle = handle;
    values->on_notification = on_notification;
    r = remote_listen(remote_of(device), sd_bus_message_get_path(call), PROPERTIES, "PropertiesChanged",
                      on_changed, values, free);
    return send(device, call, r, DEED_MS, make_request(device, on_subscribed, device));
}

/* ---- What proxies remember ---- */

static int read_done(sd_bus_message *reply, struct bleproxy_result *result)
{
    return sd_bus_message_read(reply, "us", &result->missing, &result->text);
}

static int way_do_deed(struct device *device, enum device_deed deed, bleproxy_result_fn *on_done)
{
    static const char *const methods[] = {
        [DEVICE_PAIR] = "Pair", [DEVICE_UNPAIR] = "Unpair", [DEVICE_CLEAR_CACHE] = "ClearCache"};
    struct request *request = make_request(device, on_done, device);
    sd_bus_message *call = NULL;
    int r = new_call(device, &call, methods[deed]);
    if (request)
        request->read = read_done;
    return send(device, call, r, DEED_MS, request);
}

static int way_set_parameters(struct device *device, const struct bleproxy_connection_parameters *parameters,
                              bleproxy_result_fn *on_set)
{
    struct request *request = make_request(device, on_set, device);
    sd_bus_message *call = NULL;
    int r = new_call(device, &call, "SetParameters");
    if (r >= 0)
        r = sd_bus_message_append(call, "qqqq", parameters->interval_min, parameters->interval_max,
                                  parameters->latency, parameters->timeout);
    if (request)
        request->read = read_done;
    return send(device, call, r, DEED_MS, request);
}

/* For what is asked once, outside the loop. */
static int ask(struct device *device, sd_bus_message **ret_reply, const char *method, uint64_t address)
{
    char text[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(address, text);
    int r = remote_call(remote_of(device), ret_reply, method, "s", text);
    return r == -EIO ? BLEPROXY_E_NOT_FOUND : error_of(r);
}

static int way_forget_services(struct device *device, uint64_t address)
{
    return ask(device, NULL, "ClearCache", address);
}

static int way_forget_bond(struct device *device, uint64_t address)
{
    return ask(device, NULL, "ForgetBond", address);
}

static uint64_t way_bond(struct device *device, char *proxy, size_t size)
{
    sd_bus_message *reply = NULL;
    const char *name, *text;
    uint64_t source = 0;
    if (ask(device, &reply, "FindBond", device->address) == 0 &&
        sd_bus_message_read(reply, "ss", &name, &text) >= 0 && bleproxy_address_parse(text, &source) == 0)
        bleproxy_sanitise(proxy, size, name, strlen(name));
    sd_bus_message_unref(reply);
    return source;
}

static void way_free(struct device *device)
{
    struct way *way = device->way;
    if (!way)
        return;
    bleproxy_timer_free(way->again);
    device_tree_deinit(&way->tree);
    free(way);
    device->way = NULL;
}

static const struct device_ops ops = {
    .find = way_find,
    .connect = way_connect,
    .disconnect = way_disconnect,
    .services = way_services,
    .mtu = way_mtu,
    .source = way_source,
    .read = way_read,
    .write = way_write,
    .subscribe = way_subscribe,
    .do_deed = way_do_deed,
    .set_parameters = way_set_parameters,
    .forget_services = way_forget_services,
    .forget_bond = way_forget_bond,
    .bond = way_bond,
    .free = way_free,
};
const struct device_ops *const device_remote = &ops;
