/* SPDX-License-Identifier: MIT */
#include "discovery/resolve.h"

#include "discovery/lookup.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <string.h>

static const char *way_name(enum resolve_way way)
{
    switch (way) {
    case RESOLVE_LOCAL:
        return "multicast DNS";
    case RESOLVE_SYSTEM:
    case RESOLVE_STRIPPED:
    case RESOLVE_WAYS:
        break;
    }
    return "the system's resolver";
}

/* Whether the system would take the name for an address: "1234" is 0.0.4.210, and so is "0x4d2". */
static bool is_number(const char *name, size_t size)
{
    bool is_hex = size > 2 && name[0] == '0' && (name[1] | 0x20) == 'x';
    size_t prefix = is_hex ? 2 : 0;
    return prefix + strspn(name + prefix, is_hex ? "0123456789abcdefABCDEF" : "0123456789") == size;
}

/* "kitchen" of "kitchen.local". */
static bool strip(const char *host, char ret_name[DNS_NAME_SIZE])
{
    char local[DNS_NAME_SIZE];
    size_t size = strlen(host);
    if (!strchr(host, '.') || !lookup_name(host, local))
        return false;
    size -= host[size - 1] == '.';
    size -= sizeof(".local") - 1;
    if (size >= DNS_NAME_SIZE || is_number(host, size))
        return false;
    memcpy(ret_name, host, size);
    ret_name[size] = '\0';
    return true;
}

/* Each cause once, with its way where there are several. */
static void add_why(struct resolve *resolve, enum resolve_way way, bool is_only_way, const char *why)
{
    size_t size = strlen(resolve->why);
    char cause[RESOLVE_WHY_SIZE];
    snprintf(cause, sizeof(cause), "%s%s%s", is_only_way ? "" : way_name(way), is_only_way ? "" : ": ", why);
    if (!strstr(resolve->why, cause))
        snprintf(resolve->why + size, sizeof(resolve->why) - size, "%s%s", size ? "; " : "", cause);
}

static bool is_pending(const struct resolve *resolve)
{
    for (int way = 0; way < RESOLVE_WAYS; way++)
        if (resolve->asked[way])
            return true;
    return false;
}

static int ask(struct resolve *resolve, enum resolve_way way, const char *name)
{
    int r = resolve->ops->ask(resolve->user, way, name);
    resolve->asked[way] = r == 0;
    if (r < 0)
        add_why(resolve, way, false, bleproxy_strerror(r));
    return r;
}

int resolve_start(struct resolve *resolve, const struct resolve_ops *ops, void *user, const char *host)
{
    char name[DNS_NAME_SIZE];
    *resolve = (struct resolve){.ops = ops, .user = user};
    int error = 0;
    if (lookup_name(host, name))
        error = ask(resolve, RESOLVE_LOCAL, name);
    int r = ask(resolve, RESOLVE_SYSTEM, host);
    error = r < 0 ? r : error;
    if (strip(host, name)) {
        r = ask(resolve, RESOLVE_STRIPPED, name);
        error = r < 0 ? r : error;
    }
    return is_pending(resolve) ? 0 : error;
}

void resolve_cancel(struct resolve *resolve)
{
    resolve->ended = true;
    for (int way = 0; way < RESOLVE_WAYS; way++) {
        bool asked = resolve->asked[way];
        resolve->asked[way] = false;
        if (asked)
            resolve->ops->cancel(resolve->user, (enum resolve_way)way);
    }
}

static bool is_usable(const struct net_address *address)
{
    static const uint8_t zero[16];
    return address->family == 4 ? address->bytes[0] != 0 : memcmp(address->bytes, zero, sizeof(zero)) != 0;
}

static size_t collect(const struct net_address *addresses, size_t n, struct net_address *ret_addresses)
{
    size_t kept = 0;
    for (size_t i = 0; i < n && kept < RESOLVE_ADDRESSES_MAX; i++) {
        bool known = false;
        for (size_t j = 0; j < kept && !known; j++)
            known = net_address_equals(&ret_addresses[j], &addresses[i]);
        if (!known && is_usable(&addresses[i]))
            ret_addresses[kept++] = addresses[i];
    }
    return kept;
}

void resolve_answer(struct resolve *resolve, enum resolve_way way, const struct net_address *addresses,
                    size_t n, const char *why)
{
    struct net_address found[RESOLVE_ADDRESSES_MAX];
    size_t n_found = collect(addresses, n, found);
    if (resolve->ended || !resolve->asked[way])
        return;
    resolve->asked[way] = false;
    bool is_only_way = way == RESOLVE_SYSTEM && !*resolve->why && !is_pending(resolve);
    if (n_found > 0) {
        resolve_cancel(resolve);
        resolve->ops->on_done(resolve->user, found, n_found, NULL);
        return;
    }
    add_why(resolve, way, is_only_way, n > 0 ? "it has no usable address" : why);
    if (is_pending(resolve))
        return;
    resolve->ended = true;
    resolve->ops->on_done(resolve->user, NULL, 0, resolve->why);
}
