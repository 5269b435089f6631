/* SPDX-License-Identifier: MIT */
#include "central/interest.h"
#include "central/peripheral_private.h"

#include <string.h>

#define ADDRESS_MAX UINT64_C(0xffffffffffff)

static const struct bleproxy_services no_services;

int peripheral_new(struct central *central, uint64_t address, struct peripheral **ret_peripheral)
{
    if (address == 0 || address > ADDRESS_MAX)
        return BLEPROXY_E_INVALID;
    if (central->freed)
        return BLEPROXY_E_STATE;
    struct peripheral *peripheral = env_alloc(central->env, sizeof(*peripheral));
    if (!peripheral)
        return BLEPROXY_E_NOMEM;
    peripheral->central = central;
    peripheral->address = address;
    peripheral->mtu = BLEPROXY_MTU_DEFAULT;
    peripheral->deadline_ns = BP_NEVER;
    list_init(&peripheral->subscriptions);
    list_init(&peripheral->requests);
    list_append(&central->peripherals, &peripheral->node);
    *ret_peripheral = peripheral;
    return 0;
}

void peripheral_reset(struct peripheral *peripheral)
{
    subscriptions_clear(peripheral);
    services_unref(peripheral->services);
    peripheral->services = NULL;
    peripheral->mtu = BLEPROXY_MTU_DEFAULT;
    peripheral_part(peripheral);
}

static struct bleproxy_operation *peripheral_operation(const struct peripheral *peripheral)
{
    list_for_each(node, &peripheral->central->operations)
    {
        struct bleproxy_operation *operation = list_entry(node, struct bleproxy_operation, node);
        if (operation->peripheral == peripheral)
            return operation;
    }
    return NULL;
}

void peripheral_shut(struct peripheral *peripheral, uint64_t now_ns)
{
    if (peripheral->phase == LINK_UP || peripheral->phase == LINK_CLOSING) {
        if (peripheral->phase == LINK_UP)
            peripheral_release(peripheral, now_ns);
        peripheral_reset(peripheral);
        peripheral_detach(peripheral);
    }
    for (struct bleproxy_operation *operation; (operation = peripheral_operation(peripheral));)
        operation->on_cancel(operation, now_ns);
    peripheral_detach(peripheral);
}

void peripheral_free(struct peripheral *peripheral, uint64_t now_ns)
{
    if (!peripheral || peripheral->freed)
        return;
    struct central *central = peripheral->central;
    central_enter(central, now_ns);
    peripheral->freed = true;
    peripheral_shut(peripheral, now_ns);
    central->litter = true;
    central_leave(central);
}

struct central *peripheral_central(const struct peripheral *peripheral)
{
    return peripheral->central->freed ? NULL : peripheral->central;
}

void peripheral_on_disconnected(struct peripheral *peripheral, bleproxy_result_fn *on_disconnected,
                                void *user)
{
    peripheral->on_disconnected = on_disconnected;
    peripheral->user = user;
}

uint64_t peripheral_address(const struct peripheral *peripheral)
{
    return peripheral->address;
}

bool peripheral_is_connected(const struct peripheral *peripheral)
{
    return peripheral->phase == LINK_UP || peripheral->phase == LINK_CLOSING;
}

uint64_t peripheral_source(const struct peripheral *peripheral)
{
    return peripheral_is_connected(peripheral) ? peripheral->source : 0;
}

uint16_t peripheral_mtu(const struct peripheral *peripheral)
{
    return peripheral->mtu;
}

const struct bleproxy_services *peripheral_services(const struct peripheral *peripheral)
{
    return peripheral->services ? &peripheral->services->view : &no_services;
}

bool peripheral_is_taken_by(const struct peripheral *peripheral, const struct peripheral *claimant)
{
    const struct central *central = peripheral->central;
    list_for_each(node, &central->peripherals)
    {
        const struct peripheral *other = list_entry(node, struct peripheral, node);
        if (other->address == peripheral->address && (other->attempt || peripheral_is_connected(other)))
            return true;
    }
    list_for_each(node, &central->operations)
    {
        const struct bleproxy_operation *operation = list_entry(node, struct bleproxy_operation, node);
        if (operation->connects && operation->peripheral != claimant &&
            operation->peripheral->address == peripheral->address)
            return true;
    }
    return false;
}

bool peripheral_is_taken(const struct peripheral *peripheral)
{
    return peripheral_is_taken_by(peripheral, NULL);
}

/* ---- What is known of the proxy, and told to the user ---- */

int peripheral_join(struct peripheral *peripheral, struct scanner *scanner)
{
    int r = central_interest_hold(peripheral->central->hub, peripheral->address);
    if (r < 0)
        return r;
    const char *name = scanner_name(scanner), *firmware = scanner_firmware(scanner);
    peripheral->scanner = scanner_ref(scanner);
    peripheral->source = scanner_source(scanner);
    peripheral->features = scanner_features(scanner);
    sanitise(peripheral->proxy, sizeof(peripheral->proxy), name, strlen(name), SANITISE_NAME_MAX);
    sanitise(peripheral->firmware, sizeof(peripheral->firmware), firmware, strlen(firmware), FIRMWARE_MAX);
    return 0;
}

void peripheral_part(struct peripheral *peripheral)
{
    slots_untrack(&peripheral->tracker);
    if (!peripheral->scanner)
        return;
    scanner_unref(peripheral->scanner);
    peripheral->scanner = NULL;
    central_interest_release(peripheral->central->hub, peripheral->address);
}

static void on_slot_lost(void *user, uint64_t now_ns)
{
    struct peripheral *peripheral = user;
    struct central *central = peripheral->central;
    bool held = peripheral_doubts_end(peripheral, 0);
    central_enter(central, now_ns);
    if (peripheral->attempt)
        attempt_lost(peripheral->attempt, BLEPROXY_E_DISCONNECTED, held, now_ns);
    else
        peripheral_lost(peripheral, BLEPROXY_E_DISCONNECTED, 0, held, now_ns);
    central_leave(central);
}

void peripheral_track(struct peripheral *peripheral)
{
    slots_track(scanner_slot_record(peripheral->scanner), &peripheral->tracker, peripheral->address,
                on_slot_lost, peripheral);
}

void peripheral_report(const struct peripheral *peripheral, const struct ending *ending, bool way,
                       struct report *ret_report)
{
    struct way through = {
        .source = peripheral->source, .proxy = peripheral->proxy, .firmware = peripheral->firmware};
    if (ending->error == BLEPROXY_E_NO_SLOT) {
        const struct slots *slots = scanner_slot_record(peripheral->scanner);
        through.slots_limit = slots_view(slots)->limit;
        through.slots_in_use = slots_in_use(slots);
    }
    report_fill(ret_report, ending, peripheral->address, way ? &through : NULL);
}

void peripheral_warn_missing(const struct peripheral *peripheral, uint32_t feature)
{
    env_log(peripheral->central->env, BLEPROXY_LOG_WARNING, "central", peripheral->proxy,
            "%s: its ESPHome %s lacks %s, which came with %s", bleproxy_feature_cost(feature),
            peripheral->firmware[0] ? peripheral->firmware : "(of unknown version)",
            bleproxy_feature_name(feature), bleproxy_feature_since(feature));
}
