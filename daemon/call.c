/* SPDX-License-Identifier: MIT */
#include "call.h"

#include "audience.h"
#include "tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES_MAX = 255 }; /* of a member, a signature, an interface: the bus has no longer ones */

static bool admit(const struct tree *tree, const char *name, size_t n_messages)
{
    return !tree->audience || !name || audience_admit(tree->audience, name, n_messages);
}

void call_charge(struct tree *tree, sd_bus_message *call, size_t n_messages)
{
    const char *name = sd_bus_message_get_sender(call);
    if (tree->audience && name)
        audience_charge(tree->audience, name, n_messages);
}

int call_finish(struct tree *tree, sd_bus_message *call, sd_bus_message *message, int r)
{
    if (r >= 0)
        r = sd_bus_send(tree->bus, message, NULL);
    sd_bus_message_unref(message);
    if (r < 0)
        r = sd_bus_reply_method_errno(call, r, NULL);
    return r < 0 ? r : 0;
}

static int reply(struct tree *tree, sd_bus_message *call, const char *types, va_list arguments)
{
    sd_bus_message *message = NULL;
    int r = sd_bus_message_new_method_return(call, &message);
    if (r >= 0)
        r = sd_bus_message_appendv(message, types, arguments);
    return call_finish(tree, call, message, r);
}

int call_reply(struct tree *tree, sd_bus_message *call, const char *types, ...)
{
    va_list arguments;
    tree_flush(tree);
    if (!sd_bus_message_get_expect_reply(call))
        return 0;
    va_start(arguments, types);
    int r = reply(tree, call, types, arguments);
    va_end(arguments);
    return r;
}

int call_fail(struct tree *tree, sd_bus_message *call, const char *name, const char *text)
{
    const sd_bus_error error = {.name = name, .message = text};
    tree_flush(tree);
    int r = sd_bus_message_get_expect_reply(call) ? sd_bus_reply_method_error(call, &error) : 0;
    return r < 0 ? r : 0;
}

int call_out(struct tree *tree, const char *destination, const char *path, const char *interface,
             const char *member, const char *types, ...)
{
    sd_bus_message *message = NULL;
    va_list arguments;
    tree_flush(tree);
    if (!tree->bus)
        return -ENOTCONN;
    if (!admit(tree, destination, 1))
        return -EAGAIN;
    int r = sd_bus_message_new_method_call(tree->bus, &message, destination, path, interface, member);
    va_start(arguments, types);
    if (r >= 0)
        r = sd_bus_message_appendv(message, types, arguments);
    va_end(arguments);
    if (r >= 0)
        r = sd_bus_message_set_expect_reply(message, false);
    if (r >= 0)
        r = sd_bus_send(tree->bus, message, NULL);
    sd_bus_message_unref(message);
    return r;
}

/* ---- What is called ---- */

static const struct method *find_method(const struct interface *interface, const char *member)
{
    for (const struct method *method = interface->methods; method && method->name; method++)
        if (strcmp(method->name, member) == 0)
            return method;
    return NULL;
}

/* The method that the call means, where interface is NULL in any of the object's interfaces, and whose it is. */
static const struct method *choose_method(struct object *object, const char *interface, const char *member,
                                          const struct interface **ret_interface, void **ret_data)
{
    const struct interface *const standard[] = {&introspectable_interface, &properties_interface};
    const struct method *method = NULL;
    for (size_t i = 0; i < object->n_facets && !method; i++) {
        const struct facet *facet = &object->facets[i];
        *ret_data = facet->data;
        *ret_interface = facet->interface;
        if (!interface || strcmp(facet->interface->name, interface) == 0)
            method = find_method(facet->interface, member);
    }
    for (size_t i = 0; i < 2 && !method; i++) {
        *ret_data = object;
        *ret_interface = standard[i];
        if (!interface || strcmp(standard[i]->name, interface) == 0)
            method = find_method(standard[i], member);
    }
    return method;
}

/* As BlueZ says it of objects, methods and arguments alike: there are programs that know by this text that a device is gone. */
static int fail_unknown(struct tree *tree, sd_bus_message *call, const char *name)
{
    const char *interface = sd_bus_message_get_interface(call);
    char text[NAME_BYTES_MAX * 3 + 64];
    snprintf(text, sizeof(text), "Method \"%s\" with signature \"%s\" on interface \"%s\" doesn't exist",
             sd_bus_message_get_member(call), sd_bus_message_get_signature(call, true),
             interface ? interface : "(null)");
    return call_fail(tree, call, name, text);
}

/* 0: it was answered, or is kept; or a negative errno. */
static int carry_out(struct tree *tree, sd_bus_message *call)
{
    const char *interface = sd_bus_message_get_interface(call), *member = sd_bus_message_get_member(call);
    struct object *object = object_find(tree, sd_bus_message_get_path(call));
    const struct interface *whose;
    void *data;
    if (!admit(tree, sd_bus_message_get_sender(call), sd_bus_message_get_expect_reply(call) > 0))
        return call_fail(tree, call, SD_BUS_ERROR_LIMITS_EXCEEDED, "read what you were answered before");
    if (!object)
        return fail_unknown(tree, call, SD_BUS_ERROR_UNKNOWN_OBJECT);
    const struct method *method = choose_method(object, interface, member, &whose, &data);
    if (!method || !sd_bus_message_has_signature(call, method->in))
        return fail_unknown(tree, call, SD_BUS_ERROR_UNKNOWN_METHOD);
    int r = tree->gate ? tree->gate(tree->gate_user, call, object, whose) : 1;
    return r > 0 ? method->call(call, data) : r;
}

int call_dispatch(sd_bus_message *call, void *user, sd_bus_error *error)
{
    int r = carry_out(user, call);
    return r < 0 ? sd_bus_error_set_errno(error, r) : 1; /* nobody else need look at it */
}

void call_resume(struct tree *tree, sd_bus_message *call)
{
    sd_bus_error error = SD_BUS_ERROR_NULL;
    if (call_dispatch(call, tree, &error) < 0)
        call_fail(tree, call, error.name ? error.name : SD_BUS_ERROR_FAILED, error.message);
    sd_bus_error_free(&error);
}
