/* SPDX-License-Identifier: MIT */
#include "holders.h"

#include "describe.h"
#include "text.h"
#include <stdio.h>
#include <string.h>

#define CUT "..."
enum { HOLDER_SIZE = 64, LEFT_OUT_SIZE = 24 /* ", +2" of any number */ };

const struct bleproxy_slots *holders_slots(const struct member *member)
{
    const struct bleproxy_scanner *scanner = member_scanner(member);
    const struct bleproxy_slots *slots = scanner ? bleproxy_scanner_slots(scanner) : NULL;
    return slots && slots->limit > 0 ? slots : NULL;
}

static void name_holder(const struct fleet *fleet, uint64_t address, char holder[HOLDER_SIZE])
{
    size_t size;
    const struct bleproxy_device *device = bleproxy_hub_device(fleet->hub, address);
    describe_name(
        device_names_show(&fleet->proxies.names, address, device ? bleproxy_device_name(device) : NULL),
        holder, HOLDER_SIZE);
    if (!holder[0])
        bleproxy_address_format(address, holder);
    if (text_width(holder) <= HOLDER_WIDTH)
        return;
    text_fit(holder, HOLDER_WIDTH - strlen(CUT), &size);
    snprintf(holder + size, HOLDER_SIZE - size, CUT);
}

void holders_name(const struct fleet *fleet, const struct bleproxy_slots *slots, char *text, size_t size)
{
    char holder[HOLDER_SIZE];
    size_t used = 0, n = 0;
    text[0] = '\0';
    for (; n < slots->n_allocated; n++) {
        const char *separator = n > 0 ? ", " : "";
        name_holder(fleet, slots->allocated[n], holder);
        if (used + strlen(separator) + strlen(holder) + LEFT_OUT_SIZE > size)
            break;
        used += (size_t)snprintf(text + used, size - used, "%s%s", separator, holder);
    }
    if (n < slots->n_allocated)
        snprintf(text + used, size - used, "%s+%zu", n > 0 ? ", " : "", slots->n_allocated - n);
}
