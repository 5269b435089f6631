/* SPDX-License-Identifier: MIT */
#include "hub/interest.h"

#include "hub/hub_private.h"
#include "hub/sightings.h"

void interests_init(struct interests *interests, const struct env *env)
{
    interests->env = env;
    map_init(&interests->by_address, env);
}

void interests_deinit(struct interests *interests)
{
    struct interest *interest;
    for (size_t position = 0; (interest = map_next(&interests->by_address, &position));)
        env_free(interests->env, interest);
    map_deinit(&interests->by_address);
}

static void device_keep(struct bleproxy_device *device, struct interest *interest)
{
    device->interest = interest;
    crowd_keep(&device->table->crowd, &device->member, interest != NULL);
    list_for_each(node, &device->sightings) sightings_keep(list_entry(node, struct sighting, in_device));
}

static struct interest *interest_get(struct hub *hub, uint64_t address)
{
    struct interests *interests = &hub->interests;
    struct interest *interest = interests_get(interests, address);
    if (interest)
        return interest;
    interest = env_alloc(interests->env, sizeof(*interest));
    if (!interest)
        return NULL;
    interest->address = address;
    if (map_put(&interests->by_address, address, interest) < 0) {
        env_free(interests->env, interest);
        return NULL;
    }
    interest->device = device_table_get(&hub->devices, address);
    if (interest->device)
        device_keep(interest->device, interest);
    return interest;
}

static void interest_drop_if_idle(struct hub *hub, struct interest *interest)
{
    if (interest->holds > 0 || interest->links > 0 || interest->interval_ns > 0)
        return;
    map_remove(&hub->interests.by_address, interest->address);
    if (interest->device)
        device_keep(interest->device, NULL);
    env_free(hub->interests.env, interest);
}

int interest_hold(struct hub *hub, uint64_t address)
{
    struct interest *interest = interest_get(hub, address);
    if (!interest)
        return BLEPROXY_E_NOMEM;
    interest->holds++;
    return 0;
}

void interest_release(struct hub *hub, uint64_t address)
{
    struct interest *interest = interests_get(&hub->interests, address);
    if (!interest || interest->holds == 0)
        return;
    interest->holds--;
    interest_drop_if_idle(hub, interest);
}

int interest_connect(struct hub *hub, uint64_t address)
{
    struct interest *interest = interest_get(hub, address);
    if (!interest)
        return BLEPROXY_E_NOMEM;
    interest->links++;
    return 0;
}

void interest_disconnect(struct hub *hub, uint64_t address)
{
    struct interest *interest = interests_get(&hub->interests, address);
    if (!interest || interest->links == 0)
        return;
    interest->links--;
    interest_drop_if_idle(hub, interest);
}

int interest_set_interval(struct hub *hub, uint64_t address, uint64_t interval_ns)
{
    struct interest *interest =
        interval_ns > 0 ? interest_get(hub, address) : interests_get(&hub->interests, address);
    if (!interest)
        return interval_ns > 0 ? BLEPROXY_E_NOMEM : 0;
    interest->interval_ns = interval_ns;
    interest_drop_if_idle(hub, interest);
    return 0;
}

void interest_meet(struct hub *hub, struct bleproxy_device *device)
{
    struct interest *interest = interests_get(&hub->interests, device->view.address);
    if (!interest)
        return;
    interest->device = device;
    device_keep(device, interest);
}

void interest_part(struct hub *hub, struct bleproxy_device *device)
{
    struct interest *interest = device->interest;
    if (!interest)
        return;
    interest->interval_ns = 0;
    interest_drop_if_idle(hub, interest);
}
