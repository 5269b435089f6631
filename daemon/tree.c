/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include "audience.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PROPERTIES     "org.freedesktop.DBus.Properties"
#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
enum { TREE_QUEUED_MAX = 4096 }; /* unsent messages; what is of passing interest is lost then */

static void link_child(struct object *parent, struct object *object)
{
    object->parent = parent;
    object->previous = parent->last_child;
    if (parent->last_child)
        parent->last_child->next = object;
    else
        parent->first_child = object;
    parent->last_child = object;
}

static void unlink_child(struct object *object)
{
    struct object *parent = object->parent;
    if (!parent)
        return;
    if (object->previous)
        object->previous->next = object->next;
    else
        parent->first_child = object->next;
    if (object->next)
        object->next->previous = object->previous;
    else
        parent->last_child = object->previous;
}

struct object *object_new(struct object *parent, const char *name)
{
    size_t size = strlen(parent->path) + strlen(name) + 2;
    struct object *object = calloc(1, sizeof(*object));
    char *path = malloc(size);
    if (!object || !path) {
        free(object);
        free(path);
        return NULL;
    }
    strcpy(path, parent->parent ? parent->path : "");
    strcat(path, "/");
    strcat(path, name);
    object->tree = parent->tree;
    object->path = path;
    link_child(parent, object);
    return object;
}

static struct facet *find_facet(struct object *object, const struct interface *interface)
{
    for (size_t i = 0; i < object->n_facets; i++)
        if (object->facets[i].interface == interface)
            return &object->facets[i];
    return NULL;
}

bool object_has(const struct object *object, const struct interface *interface, void **ret_data)
{
    for (size_t i = 0; i < object->n_facets; i++) {
        if (object->facets[i].interface != interface)
            continue;
        if (ret_data)
            *ret_data = object->facets[i].data;
        return true;
    }
    return false;
}

bool object_is_listed(const struct object *object)
{
    return object->parent && object->n_facets > 0 && !object->is_aside;
}

static void mark(struct object *object)
{
    struct tree *tree = object->tree;
    if (object->dirty || !object->parent)
        return;
    object->dirty = true;
    object->next_dirty = NULL;
    if (tree->last_dirty)
        tree->last_dirty->next_dirty = object;
    else
        tree->first_dirty = object;
    tree->last_dirty = object;
}

int object_add(struct object *object, const struct interface *interface, void *data)
{
    if (object->n_facets == OBJECT_INTERFACES_MAX)
        return -ENOBUFS;
    object->facets[object->n_facets++] = (struct facet){.interface = interface, .data = data};
    mark(object);
    return 0;
}

void object_changed(struct object *object, const struct interface *interface, unsigned property)
{
    struct facet *facet = find_facet(object, interface);
    if (!facet)
        return;
    facet->changed |= UINT64_C(1) << property;
    mark(object);
}

struct object *object_find(const struct tree *tree, const char *path)
{
    struct object *object = tree->root;
    size_t length = 0; /* of the part that was found */
    if (strcmp(path, "/") == 0)
        return object;
    while (object && path[length]) {
        size_t next = length + 1 + strcspn(path + length + 1, "/");
        object = object->first_child;
        while (object &&
               (strncmp(object->path + length, path + length, next - length) != 0 || object->path[next]))
            object = object->next;
        length = next;
    }
    return object;
}

struct object *object_after(const struct object *object)
{
    if (object->first_child)
        return object->first_child;
    while (object && !object->next)
        object = object->parent;
    return object ? object->next : NULL;
}

/* ---- What is told ---- */

static void send_signal(struct tree *tree, sd_bus_message *message, int error)
{
    if (error >= 0)
        sd_bus_send(tree->bus, message, NULL);
    sd_bus_message_unref(message);
}

static int append_names(sd_bus_message *message, const struct facet *facet, uint64_t mask)
{
    int r = sd_bus_message_open_container(message, 'a', "s");
    const struct property *properties = facet->interface->properties;
    for (unsigned i = 0; r >= 0 && properties[i].name; i++)
        if (mask & (UINT64_C(1) << i) && properties[i].exists && !properties[i].exists(facet->data))
            r = sd_bus_message_append(message, "s", properties[i].name);
    return r < 0 ? r : sd_bus_message_close_container(message);
}

/* to: that program alone; NULL: whoever listens. */
static void tell_properties_to(struct object *object, const struct facet *facet, uint64_t mask,
                               const char *to)
{
    sd_bus_message *message = NULL;
    int r =
        sd_bus_message_new_signal(object->tree->bus, &message, object->path, PROPERTIES, "PropertiesChanged");
    if (r >= 0 && to)
        r = sd_bus_message_set_destination(message, to);
    if (r >= 0)
        r = sd_bus_message_append(message, "s", facet->interface->name);
    if (r >= 0)
        r = facet_append_properties(message, facet, mask);
    if (r >= 0)
        r = append_names(message, facet, mask);
    send_signal(object->tree, message, r);
}

/* The bus takes nothing at present, and there is enough that waits. */
static bool is_stuck(const struct tree *tree)
{
    uint64_t n = 0;
    return sd_bus_get_n_queued_write(tree->bus, &n) >= 0 && n > TREE_QUEUED_MAX;
}

static void tell_passing(struct object *object, const struct facet *facet, uint64_t mask)
{
    struct audience *audience = object->tree->audience;
    const void *position = NULL;
    const char *name;
    if (is_stuck(object->tree))
        return;
    if (!audience || audience_is_whole(audience))
        tell_properties_to(object, facet, mask, NULL);
    else
        while ((name = audience_next(audience, &position)))
            tell_properties_to(object, facet, mask, name);
}

static void tell_properties(struct object *object, const struct facet *facet, uint64_t mask)
{
    if (!object->tree->bus)
        return;
    if (mask & ~facet->interface->passing)
        tell_properties_to(object, facet, mask, NULL);
    else
        tell_passing(object, facet, mask);
}

void object_tell_passing(struct object *object, const struct interface *interface, const char *name)
{
    const struct facet *facet = find_facet(object, interface);
    if (facet && facet->announced && object->tree->bus)
        tell_properties_to(object, facet, interface->passing, name);
}

static void tell_interfaces(struct object *object)
{
    sd_bus_message *message = NULL;
    struct tree *tree = object->tree;
    int r = -ENOTCONN;
    if (tree->bus && object_is_listed(object))
        r = sd_bus_message_new_signal(tree->bus, &message, "/", OBJECT_MANAGER, "InterfacesAdded");
    if (r >= 0)
        r = sd_bus_message_append(message, "o", object->path);
    if (r >= 0)
        r = object_append_interfaces(message, object, true);
    send_signal(tree, message, r);
    for (size_t i = 0; i < object->n_facets; i++) {
        struct facet *facet = &object->facets[i];
        if (!facet->announced)
            facet->changed = 0;
        facet->announced = true;
    }
}

static void tell(struct object *object)
{
    bool is_new = false;
    for (size_t i = 0; i < object->n_facets; i++)
        is_new |= !object->facets[i].announced;
    if (is_new)
        tell_interfaces(object);
    for (size_t i = 0; i < object->n_facets; i++) {
        struct facet *facet = &object->facets[i];
        uint64_t changed = facet->changed;
        facet->changed = 0;
        if (changed)
            tell_properties(object, facet, changed);
    }
}

void tree_flush(struct tree *tree)
{
    struct object *object;
    while ((object = tree->first_dirty)) {
        tree->first_dirty = object->next_dirty;
        if (!tree->first_dirty)
            tree->last_dirty = NULL;
        object->dirty = false;
        tell(object);
    }
}

void object_tell(struct object *object, const struct interface *interface, unsigned property)
{
    struct facet *facet = find_facet(object, interface);
    if (!facet)
        return;
    tree_flush(object->tree);
    tell_properties(object, facet, UINT64_C(1) << property);
}

int object_signal(struct object *object, const struct interface *interface, const char *member,
                  const char *types, ...)
{
    sd_bus_message *message = NULL;
    struct tree *tree = object->tree;
    va_list arguments;
    tree_flush(tree);
    if (!tree->bus)
        return -ENOTCONN;
    int r = sd_bus_message_new_signal(tree->bus, &message, object->path, interface->name, member);
    va_start(arguments, types);
    if (r >= 0)
        r = sd_bus_message_appendv(message, types, arguments);
    va_end(arguments);
    send_signal(tree, message, r);
    return r;
}

/* interface NULL: all that were announced, and with them those that every object has. */
static void tell_removed(struct object *object, const struct interface *interface)
{
    sd_bus_message *message = NULL;
    struct tree *tree = object->tree;
    if (!tree->bus)
        return;
    int r = sd_bus_message_new_signal(tree->bus, &message, "/", OBJECT_MANAGER, "InterfacesRemoved");
    if (r >= 0)
        r = sd_bus_message_append(message, "o", object->path);
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'a', "s");
    if (r >= 0 && !interface)
        r = sd_bus_message_append(message, "ss", introspectable_interface.name, properties_interface.name);
    for (size_t i = 0; r >= 0 && i < object->n_facets; i++)
        if (object->facets[i].announced && (!interface || object->facets[i].interface == interface))
            r = sd_bus_message_append(message, "s", object->facets[i].interface->name);
    if (r >= 0)
        r = sd_bus_message_close_container(message);
    send_signal(tree, message, r);
}

void object_drop(struct object *object, const struct interface *interface)
{
    struct facet *facet = find_facet(object, interface);
    if (!facet)
        return;
    tree_flush(object->tree);
    tell_removed(object, interface);
    object->n_facets--;
    memmove(facet, facet + 1, (size_t)(object->facets + object->n_facets - facet) * sizeof(*facet));
}

/* Nothing waits when it is called. */
static void remove_object(struct object *object)
{
    while (object->last_child)
        remove_object(object->last_child);
    if (object_is_listed(object))
        tell_removed(object, NULL);
    unlink_child(object);
    free(object->path);
    free(object);
}

void object_free(struct object *object)
{
    if (!object)
        return;
    tree_flush(object->tree);
    remove_object(object);
}

/* ---- The whole ---- */

int tree_init(struct tree *tree, sd_bus *bus)
{
    *tree = (struct tree){.bus = bus, .root = calloc(1, sizeof(*tree->root))};
    if (!tree->root)
        return -ENOMEM;
    tree->root->tree = tree;
    tree->root->path = strdup("/");
    if (!tree->root->path)
        return -ENOMEM;
    object_add(tree->root, &object_manager_interface, tree);
    return sd_bus_add_fallback(bus, NULL, "/", call_dispatch, tree);
}

void tree_deinit(struct tree *tree)
{
    tree->bus = NULL;
    if (tree->root) {
        tree_flush(tree);
        remove_object(tree->root);
    }
    tree->root = NULL;
}
