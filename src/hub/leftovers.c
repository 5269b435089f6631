/* SPDX-License-Identifier: MIT */
#include "hub/leftovers.h"

#include "hub/scanner_private.h"
#include "session/gatt.h"

void leftovers_on_state(struct scanner *scanner, uint64_t now_ns)
{
    if (!scanner->leftovers.asked && scanner->connectable && scanner->session)
        scanner->leftovers.asked = session_subscribe_slots(scanner->session, now_ns) == 0;
}

static void close_leftover(struct scanner *scanner, uint64_t device, uint64_t now_ns)
{
    if (scanner->leftovers.n_closed == LEFTOVERS_MAX || session_has_link(scanner->session, device) ||
        session_device_is_closing(scanner->session, device))
        return;
    char address[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(device, address);
    env_log(scanner->env, BLEPROXY_LOG_INFO, "hub", scanner->name,
            "a connection to %s is left from an earlier session: it is closed", address);
    scanner->leftovers.n_closed++;
    session_device_disconnect(scanner->session, device, now_ns); /* if it fails: with the next report */
}

void leftovers_on_slots(struct scanner *scanner, uint64_t now_ns)
{
    const struct bleproxy_slots *slots = slots_view(&scanner->slots);
    if (scanner_spares_links(scanner))
        return;
    for (size_t i = 0; i < slots->n_allocated && scanner->leftovers.asked && scanner->session; i++)
        close_leftover(scanner, slots->allocated[i], now_ns);
}
