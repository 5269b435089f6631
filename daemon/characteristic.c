/* SPDX-License-Identifier: MIT */
#include "characteristic.h"

#include "errors.h"
#include <errno.h>

enum characteristic_property {
    CHARACTERISTIC_HANDLE,
    CHARACTERISTIC_UUID,
    CHARACTERISTIC_SERVICE,
    CHARACTERISTIC_VALUE,
    CHARACTERISTIC_NOTIFYING,
    CHARACTERISTIC_FLAGS,
    CHARACTERISTIC_WRITE_ACQUIRED,
    CHARACTERISTIC_NOTIFY_ACQUIRED,
    CHARACTERISTIC_MTU,
};

static const struct interface characteristic_interface;

static bool has(const struct characteristic *characteristic, uint32_t properties)
{
    return (characteristic->properties & properties) != 0;
}

/* ---- Properties ---- */

static int append_handle(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "q", ((const struct characteristic *)data)->declaration);
}

static int append_uuid(sd_bus_message *message, void *data)
{
    char text[BLEPROXY_UUID_TEXT_SIZE];
    bleproxy_uuid_format(&((const struct characteristic *)data)->uuid, text);
    return sd_bus_message_append(message, "s", text);
}

static int append_service(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "o",
                                 ((const struct characteristic *)data)->attribute.object->parent->path);
}

static bool can_notify(void *data)
{
    return has(data, BLEPROXY_PROPERTY_NOTIFY | BLEPROXY_PROPERTY_INDICATE);
}

static int append_notifying(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "b",
                                 notify_is_notifying(&((const struct characteristic *)data)->notify));
}

/* In the order of the bits, as in BlueZ; unknown bits have no names. */
static int append_flags(sd_bus_message *message, void *data)
{
    const struct characteristic *characteristic = data;
    int r = sd_bus_message_open_container(message, 'a', "s");
    for (uint32_t bit = 1; r >= 0 && bit <= BLEPROXY_PROPERTY_WRITABLE_AUXILIARIES; bit <<= 1) {
        const char *name = bleproxy_property_name(bit);
        if (name && has(characteristic, bit))
            r = sd_bus_message_append(message, "s", name);
    }
    return r < 0 ? r : sd_bus_message_close_container(message);
}

static bool can_acquire_write(void *data)
{
    return has(data, BLEPROXY_PROPERTY_WRITE_WITHOUT_RESPONSE);
}

static int append_write_acquired(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "b",
                                 acquired_is_open(&((const struct characteristic *)data)->writer));
}

static bool can_acquire_notify(void *data)
{
    return has(data, BLEPROXY_PROPERTY_NOTIFY);
}

static int append_notify_acquired(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "b",
                                 notify_is_acquired(&((const struct characteristic *)data)->notify));
}

static int append_mtu(sd_bus_message *message, void *data)
{
    const struct characteristic *characteristic = data;
    return sd_bus_message_append(message, "q", bleproxy_peripheral_mtu(characteristic->attribute.peripheral));
}

static const struct property properties[] = {
    [CHARACTERISTIC_HANDLE] = {"Handle", "q", append_handle, NULL, NULL},
    [CHARACTERISTIC_UUID] = {"UUID", "s", append_uuid, NULL, NULL},
    [CHARACTERISTIC_SERVICE] = {"Service", "o", append_service, NULL, NULL},
    [CHARACTERISTIC_VALUE] = {"Value", "ay", attribute_append_value, attribute_has_value, NULL},
    [CHARACTERISTIC_NOTIFYING] = {"Notifying", "b", append_notifying, can_notify, NULL},
    [CHARACTERISTIC_FLAGS] = {"Flags", "as", append_flags, NULL, NULL},
    [CHARACTERISTIC_WRITE_ACQUIRED] = {"WriteAcquired", "b", append_write_acquired, can_acquire_write, NULL},
    [CHARACTERISTIC_NOTIFY_ACQUIRED] = {"NotifyAcquired", "b", append_notify_acquired, can_acquire_notify,
                                        NULL},
    [CHARACTERISTIC_MTU] = {"MTU", "q", append_mtu, NULL, NULL},
    {0},
};

/* ---- Methods ---- */

static int call_read(sd_bus_message *call, void *data)
{
    struct characteristic *characteristic = data;
    return attribute_read(&characteristic->attribute, call);
}

/* How to write where the program does not say. */
static int mode_of(const struct characteristic *characteristic, const struct attribute_options *options,
                   enum bleproxy_write_mode *ret_mode)
{
    switch (options->type) {
    case ATTRIBUTE_WRITE_COMMAND:
        *ret_mode = BLEPROXY_WRITE_WITHOUT_RESPONSE;
        return options->offset > 0 ? -ENOTSUP : 0;
    case ATTRIBUTE_WRITE_REQUEST:
        *ret_mode = BLEPROXY_WRITE_WITH_RESPONSE;
        return options->offset > 0 ? -ENOTSUP : 0;
    case ATTRIBUTE_WRITE_ANY:
        *ret_mode = has(characteristic, BLEPROXY_PROPERTY_WRITE) ? BLEPROXY_WRITE_WITH_RESPONSE
                                                                 : BLEPROXY_WRITE_WITHOUT_RESPONSE;
        return options->offset == 0 &&
                       has(characteristic, BLEPROXY_PROPERTY_WRITE | BLEPROXY_PROPERTY_WRITE_WITHOUT_RESPONSE)
                   ? 0
                   : -ENOTSUP;
    case ATTRIBUTE_WRITE_UNKNOWN:
        break;
    }
    return -ENOTSUP;
}

static int call_write(sd_bus_message *call, void *data)
{
    struct characteristic *characteristic = data;
    struct tree *tree = characteristic->attribute.object->tree;
    struct attribute_options options;
    enum bleproxy_write_mode mode;
    const void *value;
    size_t size;
    int r = sd_bus_message_read_array(call, 'y', &value, &size);
    if (r < 0)
        return r;
    if (attribute_read_options(call, &options) < 0)
        return call_fail(tree, call, ERROR_INVALID_ARGUMENTS, "Invalid arguments in method call");
    if (acquired_is_open(&characteristic->writer))
        return call_fail(tree, call, ERROR_NOT_PERMITTED, "Write acquired");
    if (mode_of(characteristic, &options, &mode) < 0)
        return call_fail(tree, call, ERROR_NOT_SUPPORTED, "Operation is not supported");
    return attribute_write(&characteristic->attribute, call, value, size, mode, options.timeout_ms);
}

static int invalid_arguments(const struct characteristic *characteristic, sd_bus_message *call)
{
    return call_fail(characteristic->attribute.object->tree, call, ERROR_INVALID_ARGUMENTS,
                     "Invalid arguments in method call");
}

static int not_supported(const struct characteristic *characteristic, sd_bus_message *call)
{
    return call_fail(characteristic->attribute.object->tree, call, ERROR_NOT_SUPPORTED,
                     "Operation is not supported");
}

static int call_start_notify(sd_bus_message *call, void *data)
{
    struct characteristic *characteristic = data;
    return can_notify(data) ? notify_start(&characteristic->notify, call) : not_supported(data, call);
}

static int call_stop_notify(sd_bus_message *call, void *data)
{
    struct characteristic *characteristic = data;
    return notify_stop(&characteristic->notify, call);
}

static int call_acquire_notify(sd_bus_message *call, void *data)
{
    struct characteristic *characteristic = data;
    struct attribute_options options;
    if (attribute_read_options(call, &options) < 0)
        return invalid_arguments(characteristic, call);
    return can_acquire_notify(data) ? notify_acquire(&characteristic->notify, call)
                                    : not_supported(data, call);
}

static void on_written(void *user, const struct bleproxy_result *result)
{
    (void)user;
    (void)result;
}

/* What cannot be written at all is lost, as on the air; what the proxy does not take yet is not. */
static bool on_value(void *user, const uint8_t *value, size_t size)
{
    struct characteristic *characteristic = user;
    int r =
        bleproxy_peripheral_write(characteristic->attribute.peripheral, characteristic->attribute.handle,
                                  value, size, BLEPROXY_WRITE_WITHOUT_RESPONSE, 0, on_written, NULL, NULL);
    return r != BLEPROXY_E_LIMIT && r != BLEPROXY_E_BUSY && r != BLEPROXY_E_NOMEM;
}

static void on_closed(void *user)
{
    struct characteristic *characteristic = user;
    acquired_close(&characteristic->writer);
    object_changed(characteristic->attribute.object, &characteristic_interface,
                   CHARACTERISTIC_WRITE_ACQUIRED);
}

static int call_acquire_write(sd_bus_message *call, void *data)
{
    struct characteristic *characteristic = data;
    struct tree *tree = characteristic->attribute.object->tree;
    struct attribute_options options;
    if (attribute_read_options(call, &options) < 0)
        return invalid_arguments(characteristic, call);
    if (!can_acquire_write(data))
        return not_supported(data, call);
    if (acquired_is_open(&characteristic->writer))
        return call_fail(tree, call, ERROR_NOT_PERMITTED, "Write acquired");
    int fd = acquired_open(&characteristic->writer, characteristic->notify.watches,
                           characteristic->notify.loop, sd_bus_message_get_sender(call));
    if (fd < 0)
        return call_fail(tree, call, ERROR_FAILED, "no socket");
    object_changed(characteristic->attribute.object, &characteristic_interface,
                   CHARACTERISTIC_WRITE_ACQUIRED);
    return acquired_answer(tree, call, fd, bleproxy_peripheral_mtu(characteristic->attribute.peripheral));
}

static const struct method methods[] = {
    {"ReadValue", "a{sv}", "ay", call_read},
    {"WriteValue", "aya{sv}", "", call_write},
    {"AcquireWrite", "a{sv}", "hq", call_acquire_write},
    {"AcquireNotify", "a{sv}", "hq", call_acquire_notify},
    {"StartNotify", "", "", call_start_notify},
    {"StopNotify", "", "", call_stop_notify},
    {0},
};
static const struct interface characteristic_interface = {
    .name = "org.bluez.GattCharacteristic1",
    .properties = properties,
    .methods = methods,
    .passing = UINT64_C(1) << CHARACTERISTIC_VALUE,
};

/* ---- Notifications ---- */

static void on_notifying(void *user)
{
    struct characteristic *characteristic = user;
    object_changed(characteristic->attribute.object, &characteristic_interface, CHARACTERISTIC_NOTIFYING);
}

static void on_notify_acquired(void *user)
{
    struct characteristic *characteristic = user;
    object_changed(characteristic->attribute.object, &characteristic_interface,
                   CHARACTERISTIC_NOTIFY_ACQUIRED);
}

static void on_notified(void *user, const uint8_t *value, size_t size)
{
    struct characteristic *characteristic = user;
    attribute_set_value(&characteristic->attribute, value, size);
}

static void on_watched(void *user, const uint8_t *value, size_t size)
{
    struct characteristic *characteristic = user;
    characteristic->on_watched(characteristic->watcher, value, size);
}

static const struct notify_ops notify_ops = {on_notifying, on_notify_acquired, on_notified, on_watched};

void characteristic_init(struct characteristic *characteristic, const struct gatt_context *context,
                         struct object *object, const struct bleproxy_characteristic *from,
                         uint16_t declaration)
{
    characteristic->attribute = (struct attribute){.peripheral = context->peripheral,
                                                   .object = object,
                                                   .interface = &characteristic_interface,
                                                   .property = CHARACTERISTIC_VALUE,
                                                   .handle = from->handle};
    characteristic->uuid = from->uuid;
    characteristic->properties = from->properties;
    characteristic->declaration = declaration;
    characteristic->writer.on_value = on_value;
    characteristic->writer.on_closed = on_closed;
    characteristic->writer.user = characteristic;
    notify_init(&characteristic->notify, object->tree, context->watches, context->loop, context->peripheral,
                from->handle, &notify_ops, characteristic);
    object_add(object, &characteristic_interface, characteristic);
}

void characteristic_deinit(struct characteristic *characteristic)
{
    bool was_notifying = notify_is_notifying(&characteristic->notify);
    if (notify_is_acquired(&characteristic->notify))
        on_notify_acquired(characteristic);
    if (acquired_is_open(&characteristic->writer))
        on_closed(characteristic);
    attribute_deinit(&characteristic->attribute);
    notify_deinit(&characteristic->notify);
    if (was_notifying)
        on_notifying(characteristic);
}

/* A device that does not let it be read is not asked for more. */
static void on_read(void *user, const uint8_t *value, size_t size)
{
    struct characteristic *characteristic = user;
    if (!value)
        return;
    characteristic->on_watched(characteristic->watcher, value, size);
    if (can_notify(characteristic) && !characteristic->is_followed)
        notify_watch(&characteristic->notify);
    characteristic->is_followed = true; /* once: it may have refused */
}

void characteristic_watch(struct characteristic *characteristic,
                          void (*on_watch)(void *user, const uint8_t *value, size_t size), void *user)
{
    characteristic->on_watched = on_watch;
    characteristic->watcher = user;
    characteristic->attribute.on_read = on_read;
    characteristic->attribute.user = characteristic;
    attribute_fetch(&characteristic->attribute);
}

void characteristic_forget_listener(struct characteristic *characteristic, const char *sender)
{
    notify_forget(&characteristic->notify, sender);
}

void characteristic_forget_writer(struct characteristic *characteristic, const char *sender)
{
    if (acquired_is_of(&characteristic->writer, sender))
        on_closed(characteristic);
}
