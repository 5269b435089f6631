/* SPDX-License-Identifier: MIT */
#include <bleproxy/advertisement.h>

#include <stdlib.h>
#include <string.h>

/* One block: the struct, then what it points to. */
struct bleproxy_advertisement *bleproxy_advertisement_dup(const struct bleproxy_advertisement *advertisement)
{
    const size_t proxy_size = strlen(advertisement->proxy) + 1;
    const size_t name_size = advertisement->name ? (size_t)advertisement->name_size + 1 : 0;
    struct bleproxy_advertisement *copy =
        malloc(sizeof(*copy) + advertisement->raw_size + advertisement->fields_size + proxy_size + name_size);
    if (!copy)
        return NULL;
    *copy = *advertisement;
    uint8_t *end = (uint8_t *)(copy + 1);
    copy->proxy = memcpy(end, advertisement->proxy, proxy_size);
    end += proxy_size;
    if (advertisement->name)
        copy->name = memcpy(end, advertisement->name, name_size);
    end += name_size;
    if (advertisement->raw)
        copy->raw = memcpy(end, advertisement->raw, advertisement->raw_size);
    end += advertisement->raw_size;
    if (advertisement->fields_size > 0)
        copy->fields = memcpy(end, advertisement->fields, advertisement->fields_size);
    return copy;
}

void bleproxy_advertisement_free(struct bleproxy_advertisement *copy)
{
    free(copy);
}
