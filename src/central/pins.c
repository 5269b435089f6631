/* SPDX-License-Identifier: MIT */
#include "central/pins.h"

#include "central/interest.h"
#include "hub/scanner.h"
#include <bleproxy/advertisement.h>
#include <string.h>

#define ADDRESS_MAX UINT64_C(0xffffffffffff)

void pins_init(struct pins *pins, const struct env *env, struct hub *hub)
{
    *pins = (struct pins){.env = env, .hub = hub};
    list_init(&pins->list);
}

static struct pin *pin_of(struct list *node)
{
    return list_entry(node, struct pin, node);
}

static void pin_drop(struct pins *pins, struct pin *pin)
{
    central_interest_release(pins->hub, pin->address);
    list_unlink(&pin->node);
    pins->n--;
    env_free(pins->env, pin->proxy);
    env_free(pins->env, pin);
}

void pins_deinit(struct pins *pins)
{
    list_for_each(node, &pins->list) pin_drop(pins, pin_of(node));
}

static struct pin *pin_find(const struct pins *pins, uint64_t address, const char *proxy,
                            enum bleproxy_pin kind)
{
    list_for_each(node, &pins->list)
    {
        struct pin *pin = pin_of(node);
        if (pin->address == address && pin->kind == kind && strcmp(pin->proxy, proxy) == 0)
            return pin;
    }
    return NULL;
}

/* Whether it denies what another of the same device and proxy grants. */
static bool pin_contradicts(const struct pins *pins, uint64_t address, const char *proxy,
                            enum bleproxy_pin kind)
{
    if (kind != BLEPROXY_PIN_DENY)
        return pin_find(pins, address, proxy, BLEPROXY_PIN_DENY);
    return pin_find(pins, address, proxy, BLEPROXY_PIN_PREFER) ||
           pin_find(pins, address, proxy, BLEPROXY_PIN_ONLY) ||
           pin_find(pins, address, proxy, BLEPROXY_PIN_RESERVE);
}

static int pin_new(struct pins *pins, uint64_t address, const char *proxy, enum bleproxy_pin kind)
{
    struct pin *pin = env_alloc(pins->env, sizeof(*pin));
    char *copy = pin ? env_strndup(pins->env, proxy, strlen(proxy)) : NULL;
    int r = copy ? central_interest_hold(pins->hub, address) : BLEPROXY_E_NOMEM;
    if (r < 0) {
        env_free(pins->env, copy);
        env_free(pins->env, pin);
        return r;
    }
    *pin = (struct pin){.address = address, .kind = kind, .proxy = copy};
    if (bleproxy_address_parse(proxy, &pin->source) < 0)
        pin->source = 0;
    list_append(&pins->list, &pin->node);
    pins->n++;
    return 0;
}

int pins_add(struct pins *pins, uint64_t address, const char *proxy, enum bleproxy_pin kind)
{
    if (address == 0 || address > ADDRESS_MAX || !proxy || !*proxy || (unsigned)kind > BLEPROXY_PIN_RESERVE ||
        pin_contradicts(pins, address, proxy, kind))
        return BLEPROXY_E_INVALID;
    if (pin_find(pins, address, proxy, kind))
        return 0;
    return pins->n == BLEPROXY_PINS_MAX ? BLEPROXY_E_LIMIT : pin_new(pins, address, proxy, kind);
}

int pins_remove(struct pins *pins, uint64_t address, const char *proxy, enum bleproxy_pin kind)
{
    struct pin *pin = proxy ? pin_find(pins, address, proxy, kind) : NULL;
    if (!pin)
        return BLEPROXY_E_NOT_FOUND;
    pin_drop(pins, pin);
    return 0;
}

static bool pin_names(const struct pin *pin, const struct scanner *scanner)
{
    if (pin->source)
        return pin->source == scanner_source(scanner);
    return strcmp(pin->proxy, scanner_label(scanner)) == 0 || strcmp(pin->proxy, scanner_name(scanner)) == 0;
}

struct pin_ruling pins_rule(const struct pins *pins, uint64_t address, const struct scanner *scanner)
{
    bool has_only = false, is_only = false, is_reserved = false, is_guest = false;
    struct pin_ruling ruling = {.obstacle = BLEPROXY_OBSTACLE_NONE};
    list_for_each(node, &pins->list)
    {
        const struct pin *pin = pin_of(node);
        if (pin->address != address && pin->kind != BLEPROXY_PIN_RESERVE)
            continue;
        bool names = pin_names(pin, scanner);
        switch (pin->kind) {
        case BLEPROXY_PIN_PREFER:
            ruling.preferred |= names;
            break;
        case BLEPROXY_PIN_ONLY:
            has_only = true;
            is_only |= names;
            break;
        case BLEPROXY_PIN_DENY:
            if (names)
                ruling.obstacle = BLEPROXY_OBSTACLE_DENIED;
            break;
        case BLEPROXY_PIN_RESERVE:
            is_reserved |= names;
            is_guest |= names && pin->address == address;
            break;
        }
    }
    if (ruling.obstacle == BLEPROXY_OBSTACLE_NONE && has_only && !is_only)
        ruling.obstacle = BLEPROXY_OBSTACLE_NOT_ALLOWED;
    if (ruling.obstacle == BLEPROXY_OBSTACLE_NONE && is_reserved && !is_guest)
        ruling.obstacle = BLEPROXY_OBSTACLE_RESERVED;
    return ruling;
}
