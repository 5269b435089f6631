/* SPDX-License-Identifier: MIT */
#include "discovery/service.h"

#include "base/digits.h"
#include "discovery/announcement.h"
#include "names/sanitise.h"
#include <stdio.h>
#include <string.h>

/* No device is replaced by another one within this. */
#define RIVAL_NS (10 * NS_PER_S)

/* "aabbccddeeff" becomes "AA:BB:CC:DD:EE:FF"; anything else "". */
static void read_mac(char ret_mac[SERVICE_MAC_SIZE], const char *value, size_t size)
{
    enum { DIGITS = 12 };
    uint8_t bytes[DIGITS / 2];
    *ret_mac = '\0';
    if (size != DIGITS)
        return;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        int high = digit_value(value[2 * i]), low = digit_value(value[2 * i + 1]);
        if (high < 0 || low < 0)
            return;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    snprintf(ret_mac, SERVICE_MAC_SIZE, "%02X:%02X:%02X:%02X:%02X:%02X", bytes[0], bytes[1], bytes[2],
             bytes[3], bytes[4], bytes[5]);
}

static bool is_key(const char *key, size_t size, const char *name)
{
    return strlen(name) == size && strncasecmp(key, name, size) == 0;
}

void service_text_read(struct service_text *ret_text, const uint8_t *bytes, size_t size)
{
    struct service_text text = {0};
    const struct {
        const char *key;
        char *out;
        size_t capacity;
    } fields[] = {
        {"friendly_name", text.friendly_name, sizeof(text.friendly_name)},
        {"version", text.version, sizeof(text.version)},
        {"platform", text.platform, sizeof(text.platform)},
        {"board", text.board, sizeof(text.board)},
        {"network", text.network, sizeof(text.network)},
        {"project_name", text.project_name, sizeof(text.project_name)},
        {"project_version", text.project_version, sizeof(text.project_version)},
    };
    size_t position = 0, key_size, value_size;
    const char *key, *value;
    while (dns_text_next(bytes, size, &position, &key, &key_size, &value, &value_size)) {
        if (!value)
            continue;
        /* RFC 6763, 6.4: of a key that is there twice the first counts. */
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
            if (is_key(key, key_size, fields[i].key) && !*fields[i].out)
                sanitise(fields[i].out, fields[i].capacity, value, value_size, SIZE_MAX);
        if (is_key(key, key_size, "mac") && !*text.mac)
            read_mac(text.mac, value, value_size);
        text.encrypted |= is_key(key, key_size, "api_encryption") && value_size > 0;
        text.can_be_encrypted |= is_key(key, key_size, "api_encryption_supported") && value_size > 0;
    }
    *ret_text = text;
}

bool service_init(struct service *service, const char *instance, uint64_t now_ns)
{
    char label[DNS_LABEL_MAX + 1];
    size_t size;
    memset(service, 0, sizeof(*service));
    list_init(&service->link);
    if (!dns_label(instance, ESPHOME_SERVICE, label, &size) ||
        sanitise(service->name, sizeof(service->name), label, size, SIZE_MAX) == 0)
        return false;
    snprintf(service->instance, sizeof(service->instance), "%s", instance);
    lifetime_miss(&service->pointer, now_ns);
    lifetime_miss(&service->location, now_ns);
    lifetime_miss(&service->description, now_ns);
    lifetime_miss(&service->addresses, now_ns);
    return true;
}

bool service_is_complete(const struct service *service)
{
    return service->pointer.is_there && service->location.is_there && service->port != 0 &&
           service->host.n > 0;
}

static void feed_location(struct service *service, const struct dns_record *record, uint64_t now_ns)
{
    if (!dns_name_equals(service->host.name, record->target)) {
        memset(&service->host, 0, sizeof(service->host));
        snprintf(service->host.name, sizeof(service->host.name), "%s", record->target);
        lifetime_miss(&service->addresses, now_ns);
        service->changed = true;
    }
    service->changed |= service->port != record->port;
    service->port = record->port;
}

/* Whether two devices go by its name; that is told once. */
static bool has_rival(struct service *service, const struct env *env, const char *mac, uint64_t now_ns)
{
    bool is_other = *mac && service->mac_ns > 0 && strcmp(mac, service->mac) != 0;
    if (is_other && now_ns - service->mac_ns < RIVAL_NS && !service->has_rival) {
        service->has_rival = true;
        env_log(
            env, BLEPROXY_LOG_WARNING, "discovery", NULL,
            "two devices are called '%s', with the MAC addresses %s and %s: give one of them another name",
            service->name, service->mac, mac);
    }
    if (*mac) {
        memcpy(service->mac, mac, sizeof(service->mac));
        service->mac_ns = now_ns;
    }
    return service->has_rival;
}

static void feed_description(struct service *service, const struct env *env, const struct dns_record *record,
                             uint64_t now_ns)
{
    struct service_text text;
    service_text_read(&text, record->text, record->text_size);
    if (has_rival(service, env, text.mac, now_ns))
        memset(text.mac, 0, sizeof(text.mac));
    service->changed |= memcmp(&text, &service->text, sizeof(text)) != 0;
    service->text = text;
}

void service_feed(struct service *service, const struct env *env, const struct dns_record *record,
                  uint64_t life_ns, uint64_t now_ns)
{
    struct lifetime *lifetime = record->type == DNS_SRV ? &service->location : &service->description;
    if (record->ttl_s == 0) {
        lifetime_end(lifetime, now_ns);
        return;
    }
    if (record->type == DNS_SRV)
        feed_location(service, record, now_ns);
    else
        feed_description(service, env, record, now_ns);
    lifetime_renew(lifetime, env, life_ns, now_ns);
}

void service_feed_address(struct service *service, const struct env *env, const struct dns_record *record,
                          uint64_t life_ns, const struct netif *netif, uint64_t now_ns)
{
    struct dns_record copy = *record;
    copy.ttl_s = (uint32_t)(life_ns / NS_PER_S);
    service->changed |= host_feed(&service->host, &copy, netif, now_ns);
    if (service->host.n > 0 && record->ttl_s > 0)
        lifetime_renew(&service->addresses, env, life_ns, now_ns);
}

void service_expire(struct service *service, uint64_t now_ns)
{
    service->changed |= host_expire(&service->host, now_ns);
    service->changed |= lifetime_expire(&service->location, now_ns);
    lifetime_expire(&service->description, now_ns);
    lifetime_expire(&service->addresses, now_ns);
}

uint64_t service_deadline(const struct service *service)
{
    uint64_t deadline_ns =
        time_min(lifetime_deadline(&service->pointer), lifetime_deadline(&service->location));
    deadline_ns = time_min(deadline_ns, lifetime_deadline(&service->description));
    if (service->location.is_there)
        deadline_ns = time_min(deadline_ns, lifetime_deadline(&service->addresses));
    for (unsigned i = 0; i < service->host.n; i++)
        deadline_ns = time_min(deadline_ns, service->host.addresses[i].expires_ns);
    return deadline_ns;
}
