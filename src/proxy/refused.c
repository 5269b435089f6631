/* SPDX-License-Identifier: MIT */
#include "proxy/refused.h"

static bool has(const struct refused *refused, const struct net_address *address)
{
    for (unsigned i = 0; i < refused->n; i++)
        if (net_address_equals(&refused->addresses[i], address))
            return true;
    return false;
}

void refused_add(struct refused *refused, const struct net_address *address)
{
    if (has(refused, address))
        return;
    if (refused->n == DIAL_ADDRESSES_MAX)
        memmove(&refused->addresses[0], &refused->addresses[1], --refused->n * sizeof(refused->addresses[0]));
    refused->addresses[refused->n++] = *address;
}

size_t refused_leave_out(struct refused *refused, const struct net_address *addresses, size_t n,
                         struct net_address ret_addresses[DIAL_ADDRESSES_MAX])
{
    size_t kept = 0;
    for (size_t i = 0; i < n && kept < DIAL_ADDRESSES_MAX; i++)
        if (!has(refused, &addresses[i]))
            ret_addresses[kept++] = addresses[i];
    if (kept > 0 || refused->n == 0)
        return kept;
    refused->n = 0;
    return refused_leave_out(refused, addresses, n, ret_addresses);
}
