/* SPDX-License-Identifier: MIT */
#ifndef CLI_DEVICE_TREE_H
#define CLI_DEVICE_TREE_H

#include <bleproxy/gatt.h>
#include <systemd/sd-bus.h>

/* A device's database as a daemon tells it, with the path of the object that each attribute is. */
struct device_tree {
    struct bleproxy_services services;
    sd_bus_message *message; /* where the paths are borrowed from */
    struct bleproxy_service *all_services;
    struct bleproxy_characteristic *characteristics;
    struct bleproxy_descriptor *descriptors;
    const char **characteristic_paths, **descriptor_paths; /* in the same order */
    size_t n_services, n_characteristics, n_descriptors;
};

/* Reads the a(qsa(oqsua(oqs))) that follows; the tree keeps the message. 0 or a negative errno, and then it is empty. */
int device_tree_read(struct device_tree *tree, sd_bus_message *message);
/* The object, and whether it is a descriptor. NULL: there is no such attribute. */
const char *device_tree_path(const struct device_tree *tree, uint16_t handle, bool *ret_is_descriptor);
/* Idempotent. */
void device_tree_deinit(struct device_tree *tree);

#endif
