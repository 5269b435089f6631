/* SPDX-License-Identifier: MIT */
/* The interfaces of D-Bus itself, with the errors of BlueZ's own D-Bus library, by which programs go. */
#include "tree.h"

#include <bleproxy/names.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- org.freedesktop.DBus.Properties ---- */

static bool exists(const struct property *property, void *data)
{
    return !property->exists || property->exists(data);
}

static int append_variant(sd_bus_message *message, const struct property *property, void *data)
{
    int r = sd_bus_message_open_container(message, 'v', property->signature);
    if (r >= 0)
        r = property->append(message, data);
    return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_entry(sd_bus_message *message, const struct property *property, void *data)
{
    int r = sd_bus_message_open_container(message, 'e', "sv");
    if (r >= 0)
        r = sd_bus_message_append(message, "s", property->name);
    if (r >= 0)
        r = append_variant(message, property, data);
    return r < 0 ? r : sd_bus_message_close_container(message);
}

int facet_append_properties(sd_bus_message *message, const struct facet *facet, uint64_t mask)
{
    int r = sd_bus_message_open_container(message, 'a', "{sv}");
    const struct property *properties = facet->interface->properties;
    for (unsigned i = 0; r >= 0 && properties && properties[i].name; i++)
        if (mask & (UINT64_C(1) << i) && exists(&properties[i], facet->data))
            r = append_entry(message, &properties[i], facet->data);
    return r < 0 ? r : sd_bus_message_close_container(message);
}

/* The facet of that name. ret_facet NULL with 0: one that every object has, without properties. -ENOENT: none. */
static int find_facet(const struct object *object, const char *name, const struct facet **ret_facet)
{
    for (size_t i = 0; i < object->n_facets; i++) {
        if (strcmp(object->facets[i].interface->name, name) == 0) {
            *ret_facet = &object->facets[i];
            return 0;
        }
    }
    *ret_facet = NULL;
    return strcmp(name, introspectable_interface.name) == 0 || strcmp(name, properties_interface.name) == 0
               ? 0
               : -ENOENT;
}

static const struct property *find_property(const struct facet *facet, const char *name)
{
    const struct property *property = facet ? facet->interface->properties : NULL;
    while (property && property->name && strcmp(property->name, name) != 0)
        property++;
    return property && property->name ? property : NULL;
}

enum { SHOWN_SIZE = 65 }; /* of a name that a program gave, in an error */

static int no_interface(struct object *object, sd_bus_message *call, const char *name)
{
    char text[128], shown[SHOWN_SIZE];
    bleproxy_sanitise(shown, sizeof(shown), name, strlen(name));
    snprintf(text, sizeof(text), "No such interface '%s'", shown);
    return call_fail(object->tree, call, ERROR_BUS_INVALID_ARGS, text);
}

static int no_property(struct object *object, sd_bus_message *call, const char *error, const char *name)
{
    char text[128], shown[SHOWN_SIZE];
    bleproxy_sanitise(shown, sizeof(shown), name, strlen(name));
    snprintf(text, sizeof(text), "No such property '%s'", shown);
    return call_fail(object->tree, call, error, text);
}

static int get(sd_bus_message *call, void *data)
{
    struct object *object = data;
    const struct facet *facet;
    sd_bus_message *message = NULL;
    const char *interface, *name;
    int r = sd_bus_message_read(call, "ss", &interface, &name);
    if (r < 0)
        return r;
    if (find_facet(object, interface, &facet) < 0)
        return no_interface(object, call, interface);
    const struct property *property = find_property(facet, name);
    if (!property || !exists(property, facet->data))
        return no_property(object, call, ERROR_BUS_INVALID_ARGS, name);
    r = sd_bus_message_new_method_return(call, &message);
    if (r >= 0)
        r = append_variant(message, property, facet->data);
    tree_flush(object->tree);
    return call_finish(object->tree, call, message, r);
}

static int get_all(sd_bus_message *call, void *data)
{
    struct object *object = data;
    const struct facet *facet;
    sd_bus_message *message = NULL;
    const char *interface;
    int r = sd_bus_message_read(call, "s", &interface);
    if (r < 0)
        return r;
    if (find_facet(object, interface, &facet) < 0)
        return no_interface(object, call, interface);
    r = sd_bus_message_new_method_return(call, &message);
    if (r >= 0)
        r = facet ? facet_append_properties(message, facet, UINT64_MAX)
                  : sd_bus_message_append(message, "a{sv}", 0);
    tree_flush(object->tree);
    return call_finish(object->tree, call, message, r);
}

static int set(sd_bus_message *call, void *data)
{
    struct object *object = data;
    const struct facet *facet;
    const char *interface, *name, *contents;
    int r = sd_bus_message_read(call, "ss", &interface, &name);
    if (r < 0)
        return r;
    if (find_facet(object, interface, &facet) < 0)
        return no_interface(object, call, interface);
    const struct property *property = find_property(facet, name);
    if (!property)
        return no_property(object, call, SD_BUS_ERROR_UNKNOWN_PROPERTY, name);
    if (!property->set)
        return call_fail(object->tree, call, SD_BUS_ERROR_PROPERTY_READ_ONLY,
                         "the property can only be read");
    r = sd_bus_message_peek_type(call, NULL, &contents);
    if (r < 0)
        return r;
    if (strcmp(contents, property->signature) != 0)
        return call_fail(object->tree, call, SD_BUS_ERROR_INVALID_SIGNATURE, "the property has another type");
    r = sd_bus_message_enter_container(call, 'v', contents);
    return r < 0 ? r : property->set(call, facet->data);
}

static const struct method properties_methods[] = {
    {"Get", "ss", "v", get},
    {"GetAll", "s", "a{sv}", get_all},
    {"Set", "ssv", "", set},
    {0},
};
static const struct signal properties_signals[] = {{"PropertiesChanged", "sa{sv}as"}, {0}};
const struct interface properties_interface = {
    .name = "org.freedesktop.DBus.Properties",
    .methods = properties_methods,
    .signals = properties_signals,
};

/* ---- org.freedesktop.DBus.ObjectManager ---- */

static int append_interface(sd_bus_message *message, const char *name, const struct facet *facet)
{
    int r = sd_bus_message_open_container(message, 'e', "sa{sv}");
    if (r >= 0)
        r = sd_bus_message_append(message, "s", name);
    if (r >= 0)
        r = facet ? facet_append_properties(message, facet, UINT64_MAX)
                  : sd_bus_message_append(message, "a{sv}", 0);
    return r < 0 ? r : sd_bus_message_close_container(message);
}

int object_append_interfaces(sd_bus_message *message, const struct object *object, bool only_new)
{
    bool is_new = true;
    int r = sd_bus_message_open_container(message, 'a', "{sa{sv}}");
    for (size_t i = 0; i < object->n_facets; i++)
        is_new &= !object->facets[i].announced;
    if (r >= 0 && (!only_new || is_new))
        r = append_interface(message, introspectable_interface.name, NULL);
    for (size_t i = 0; r >= 0 && i < object->n_facets; i++)
        if (!only_new || !object->facets[i].announced)
            r = append_interface(message, object->facets[i].interface->name, &object->facets[i]);
    if (r >= 0 && (!only_new || is_new))
        r = append_interface(message, properties_interface.name, NULL);
    return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_object(sd_bus_message *message, const struct object *object)
{
    int r = sd_bus_message_open_container(message, 'e', "oa{sa{sv}}");
    if (r >= 0)
        r = sd_bus_message_append(message, "o", object->path);
    if (r >= 0)
        r = object_append_interfaces(message, object, false);
    return r < 0 ? r : sd_bus_message_close_container(message);
}

static int get_managed_objects(sd_bus_message *call, void *data)
{
    struct tree *tree = data;
    sd_bus_message *message = NULL;
    size_t n = 0;
    if (!sd_bus_message_get_expect_reply(call))
        return 0;
    tree_flush(tree); /* none is told of twice */
    int r = sd_bus_message_new_method_return(call, &message);
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'a', "{oa{sa{sv}}}");
    for (const struct object *object = tree->root; r >= 0 && object; object = object_after(object))
        if (object_is_listed(object)) {
            r = append_object(message, object);
            n++;
        }
    if (r >= 0)
        r = sd_bus_message_close_container(message);
    call_charge(tree, call, n);
    return call_finish(tree, call, message, r);
}

static const struct method object_manager_methods[] = {
    {"GetManagedObjects", "", "a{oa{sa{sv}}}", get_managed_objects},
    {0},
};
static const struct signal object_manager_signals[] = {
    {"InterfacesAdded", "oa{sa{sv}}"},
    {"InterfacesRemoved", "oas"},
    {0},
};
const struct interface object_manager_interface = {
    .name = "org.freedesktop.DBus.ObjectManager",
    .methods = object_manager_methods,
    .signals = object_manager_signals,
};

/* ---- org.freedesktop.DBus.Introspectable ---- */

/* One <arg> for each complete type of a signature. */
static void write_arguments(FILE *out, const char *signature, const char *direction)
{
    while (*signature) {
        size_t length = 0, depth = 0;
        do {
            char c = signature[length++];
            depth += c == '(' || c == '{';
            depth -= c == ')' || c == '}';
        } while (depth > 0 || signature[length - 1] == 'a');
        fprintf(out, "   <arg type=\"%.*s\"%s/>\n", (int)length, signature, direction);
        signature += length;
    }
}

static void write_interface(FILE *out, const struct interface *interface)
{
    fprintf(out, " <interface name=\"%s\">\n", interface->name);
    for (const struct method *method = interface->methods; method && method->name; method++) {
        fprintf(out, "  <method name=\"%s\">\n", method->name);
        write_arguments(out, method->in, " direction=\"in\"");
        write_arguments(out, method->out, " direction=\"out\"");
        fputs("  </method>\n", out);
    }
    for (const struct signal *signal = interface->signals; signal && signal->name; signal++) {
        fprintf(out, "  <signal name=\"%s\">\n", signal->name);
        write_arguments(out, signal->signature, "");
        fputs("  </signal>\n", out);
    }
    for (const struct property *property = interface->properties; property && property->name; property++)
        fprintf(out, "  <property name=\"%s\" type=\"%s\" access=\"%s\"/>\n", property->name,
                property->signature, property->set ? "readwrite" : "read");
    fputs(" </interface>\n", out);
}

static void write_object(FILE *out, const struct object *object)
{
    fputs("<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"
          "\"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n<node>\n",
          out);
    write_interface(out, &introspectable_interface);
    for (size_t i = 0; i < object->n_facets; i++)
        write_interface(out, object->facets[i].interface);
    write_interface(out, &properties_interface);
    for (const struct object *child = object->first_child; child; child = child->next)
        fprintf(out, " <node name=\"%s\"/>\n", strrchr(child->path, '/') + 1);
    fputs("</node>\n", out);
}

enum { MESSAGE_SIZE = 512 }; /* of a usual one */

static int introspect(sd_bus_message *call, void *data)
{
    struct object *object = data;
    char *text = NULL;
    size_t size;
    if (!sd_bus_message_get_expect_reply(call))
        return 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return -ENOMEM;
    write_object(out, object);
    int r = fclose(out) == 0 ? call_reply(object->tree, call, "s", text) : -ENOMEM;
    call_charge(object->tree, call, size / MESSAGE_SIZE);
    free(text);
    return r;
}

static const struct method introspectable_methods[] = {{"Introspect", "", "s", introspect}, {0}};
const struct interface introspectable_interface = {
    .name = "org.freedesktop.DBus.Introspectable",
    .methods = introspectable_methods,
};
