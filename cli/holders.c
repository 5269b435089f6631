/* SPDX-License-Identifier: MIT */
#include "holders.h"

#include "describe.h"
#include <stdio.h>
#include <string.h>

const struct bleproxy_slots *holders_slots(const struct member *member)
{
    const struct bleproxy_scanner *scanner =
        member->manager ? bleproxy_manager_scanner(member->manager) : NULL;
    const struct bleproxy_slots *slots = scanner ? bleproxy_scanner_slots(scanner) : NULL;
    return slots && slots->limit > 0 ? slots : NULL;
}

static void add(const struct fleet *fleet, uint64_t address, char *text, size_t size)
{
    char holder[64];
    const struct bleproxy_device *device = bleproxy_hub_device(fleet->hub, address);
    size_t used = strlen(text);
    describe_name(device ? bleproxy_device_name(device) : NULL, holder, sizeof(holder));
    if (!holder[0])
        bleproxy_address_format(address, holder);
    const char *separator = used > 0 ? ", " : "";
    if (strlen(separator) + strlen(holder) < size - used)
        snprintf(text + used, size - used, "%s%s", separator, holder);
}

void holders_name(const struct fleet *fleet, const struct bleproxy_slots *slots, char *text, size_t size)
{
    text[0] = '\0';
    for (size_t i = 0; i < slots->n_allocated; i++)
        add(fleet, slots->allocated[i], text, size);
}
