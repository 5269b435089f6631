/* SPDX-License-Identifier: MIT */
#include "device_tree.h"

#include <errno.h>
#include <stdlib.h>

enum { ATTRIBUTES_MAX = UINT16_MAX }; /* as many handles as there are */

/* One more of an array, which is zeroed. NULL: no memory, or too many. */
static void *extend(void *array, size_t n, size_t size)
{
    return n < ATTRIBUTES_MAX ? reallocarray(array, n + 1, size) : NULL;
}

static int read_uuid(const char *text, struct bleproxy_uuid *ret_uuid)
{
    return bleproxy_uuid_parse(text, ret_uuid) < 0 ? -EBADMSG : 0;
}

static int read_descriptor(struct device_tree *tree, sd_bus_message *message)
{
    struct bleproxy_descriptor descriptor = {0};
    const char *path, *uuid;
    int r = sd_bus_message_read(message, "(oqs)", &path, &descriptor.handle, &uuid);
    if (r <= 0)
        return r;
    if (read_uuid(uuid, &descriptor.uuid) < 0)
        return -EBADMSG;
    struct bleproxy_descriptor *descriptors =
        extend(tree->descriptors, tree->n_descriptors, sizeof(*tree->descriptors));
    if (!descriptors)
        return -ENOMEM;
    tree->descriptors = descriptors;
    const char **paths = extend(tree->descriptor_paths, tree->n_descriptors, sizeof(*tree->descriptor_paths));
    if (!paths)
        return -ENOMEM;
    tree->descriptor_paths = paths;
    descriptors[tree->n_descriptors] = descriptor;
    paths[tree->n_descriptors++] = path;
    return 1;
}

static int add_characteristic(struct device_tree *tree, const struct bleproxy_characteristic *characteristic,
                              const char *path)
{
    struct bleproxy_characteristic *characteristics =
        extend(tree->characteristics, tree->n_characteristics, sizeof(*tree->characteristics));
    if (!characteristics)
        return -ENOMEM;
    tree->characteristics = characteristics;
    const char **paths =
        extend(tree->characteristic_paths, tree->n_characteristics, sizeof(*tree->characteristic_paths));
    if (!paths)
        return -ENOMEM;
    tree->characteristic_paths = paths;
    characteristics[tree->n_characteristics] = *characteristic;
    paths[tree->n_characteristics++] = path;
    return 0;
}

/* Counts what is below; where it lies is known when all have been read. */
static int read_characteristic(struct device_tree *tree, sd_bus_message *message)
{
    struct bleproxy_characteristic characteristic = {0};
    const char *path, *uuid;
    size_t n_before = tree->n_descriptors;
    int r = sd_bus_message_enter_container(message, 'r', "oqsua(oqs)");
    if (r <= 0)
        return r;
    r = sd_bus_message_read(message, "oqsu", &path, &characteristic.handle, &uuid,
                            &characteristic.properties);
    if (r >= 0)
        r = read_uuid(uuid, &characteristic.uuid);
    if (r >= 0)
        r = sd_bus_message_enter_container(message, 'a', "(oqs)");
    while (r >= 0 && (r = read_descriptor(tree, message)) > 0)
        ;
    for (int i = 0; i < 2 && r >= 0; i++)
        r = sd_bus_message_exit_container(message);
    characteristic.n_descriptors = tree->n_descriptors - n_before;
    if (r >= 0)
        r = add_characteristic(tree, &characteristic, path);
    return r < 0 ? r : 1;
}

static int read_service(struct device_tree *tree, sd_bus_message *message)
{
    struct bleproxy_service service = {0};
    const char *uuid;
    size_t n_before = tree->n_characteristics;
    int r = sd_bus_message_enter_container(message, 'r', "qsa(oqsua(oqs))");
    if (r <= 0)
        return r;
    r = sd_bus_message_read(message, "qs", &service.handle, &uuid);
    if (r >= 0)
        r = read_uuid(uuid, &service.uuid);
    if (r >= 0)
        r = sd_bus_message_enter_container(message, 'a', "(oqsua(oqs))");
    while (r >= 0 && (r = read_characteristic(tree, message)) > 0)
        ;
    for (int i = 0; i < 2 && r >= 0; i++)
        r = sd_bus_message_exit_container(message);
    if (r < 0)
        return r;
    service.n_characteristics = tree->n_characteristics - n_before;
    struct bleproxy_service *services =
        extend(tree->all_services, tree->n_services, sizeof(*tree->all_services));
    if (!services)
        return -ENOMEM;
    tree->all_services = services;
    services[tree->n_services++] = service;
    return 1;
}

static void connect(struct device_tree *tree)
{
    struct bleproxy_characteristic *characteristic = tree->characteristics;
    const struct bleproxy_descriptor *descriptor = tree->descriptors;
    for (size_t i = 0; i < tree->n_services; i++) {
        struct bleproxy_service *service = &tree->all_services[i];
        service->characteristics = characteristic;
        for (size_t j = 0; j < service->n_characteristics; j++, characteristic++) {
            characteristic->service = service;
            characteristic->descriptors = descriptor;
            if (characteristic->n_descriptors > 0)
                descriptor += characteristic->n_descriptors;
        }
    }
    tree->services = (struct bleproxy_services){tree->all_services, tree->n_services};
}

int device_tree_read(struct device_tree *tree, sd_bus_message *message)
{
    *tree = (struct device_tree){.message = sd_bus_message_ref(message)};
    int r = sd_bus_message_enter_container(message, 'a', "(qsa(oqsua(oqs)))");
    while (r >= 0 && (r = read_service(tree, message)) > 0)
        ;
    if (r < 0)
        device_tree_deinit(tree);
    else
        connect(tree);
    return r;
}

const char *device_tree_path(const struct device_tree *tree, uint16_t handle, bool *ret_is_descriptor)
{
    for (size_t i = 0; i < tree->n_characteristics; i++)
        if (tree->characteristics[i].handle == handle) {
            *ret_is_descriptor = false;
            return tree->characteristic_paths[i];
        }
    for (size_t i = 0; i < tree->n_descriptors; i++)
        if (tree->descriptors[i].handle == handle) {
            *ret_is_descriptor = true;
            return tree->descriptor_paths[i];
        }
    return NULL;
}

void device_tree_deinit(struct device_tree *tree)
{
    sd_bus_message_unref(tree->message);
    free(tree->all_services);
    free(tree->characteristics);
    free(tree->descriptors);
    free(tree->characteristic_paths);
    free(tree->descriptor_paths);
    *tree = (struct device_tree){0};
}
