/* SPDX-License-Identifier: MIT */
#include "hub/wiring.h"

#include "hub/firmware.h"
#include "hub/hearing.h"
#include "session/gatt.h"
#include <bleproxy/error.h>

/* Features whose absence shows in what a scanner can do. */
static const uint32_t scan_features[] = {BLEPROXY_FEATURE_ACTIVE_CONNECTIONS,
                                         BLEPROXY_FEATURE_RAW_ADVERTISEMENTS,
                                         BLEPROXY_FEATURE_STATE_AND_MODE};

static void on_raw_advert(void *user, const struct batch_advert *advert, uint64_t now_ns)
{
    scanner_report(user, advert, now_ns);
}

static void on_advert(void *user, const BluetoothLEAdvertisementResponse *advert, uint64_t now_ns)
{
    scanner_report_decoded(user, advert, now_ns);
}

static void on_scanner_state(void *user, uint32_t state, uint32_t mode, uint32_t configured_mode,
                             uint64_t now_ns)
{
    scanner_on_state(user, state, mode, configured_mode, now_ns);
}

static void on_slots(void *user, const struct bleproxy_slots *slots, uint64_t now_ns)
{
    scanner_on_slots(user, slots, now_ns);
}

static const struct session_stream stream_with_state = {on_raw_advert, on_advert, on_scanner_state, on_slots};
static const struct session_stream stream_without_state = {on_raw_advert, on_advert, NULL, on_slots};

static int subscribe_raw(void *user, uint64_t now_ns)
{
    return session_subscribe_adverts(user, true, now_ns);
}

static int subscribe_decoded(void *user, uint64_t now_ns)
{
    return session_subscribe_adverts(user, false, now_ns);
}

static int set_mode(void *user, enum bleproxy_scanner_mode mode, uint64_t now_ns)
{
    return session_set_scanner_mode(user, mode, now_ns);
}

static const struct scanner_ops raw_ops = {subscribe_raw, set_mode};
static const struct scanner_ops decoded_ops = {subscribe_decoded, set_mode};

static void warn_of_missing(const struct env *env, const struct bleproxy_device_info *info, uint32_t *warned)
{
    for (size_t i = 0; i < sizeof(scan_features) / sizeof(scan_features[0]); i++) {
        uint32_t feature = scan_features[i];
        if ((info->features | *warned) & feature)
            continue;
        *warned |= feature;
        env_log(env, BLEPROXY_LOG_WARNING, "hub", info->name,
                "%s (firmware lacks %s, which came with ESPHome %s)", bleproxy_feature_cost(feature),
                bleproxy_feature_name(feature), bleproxy_feature_since(feature));
    }
}

int wiring_connect_scanner(struct session *session, const struct env *env,
                           const struct bleproxy_device_info *info, const char *label,
                           enum wiring_purpose purpose, uint32_t *warned, uint64_t now_ns,
                           struct scanner **ret_scanner)
{
    bool connectable = info->features & BLEPROXY_FEATURE_ACTIVE_CONNECTIONS;
    bool raw = info->features & BLEPROXY_FEATURE_RAW_ADVERTISEMENTS;
    bool state = info->features & BLEPROXY_FEATURE_STATE_AND_MODE;
    const struct scanner_config config = {
        .env = env,
        .source = info->source,
        .name = info->name,
        .label = label,
        .connectable = connectable,
        .watchdog = raw && state && purpose != WIRING_TO_LEAVE && !hearing_newest_wins(info->esphome_version),
        .has_mode = state,
        /* Older firmware leaves it out, which looks like passive. */
        .has_configured_mode = state && firmware_is_since(info->esphome_version, 2025, 9),
        .features = info->features,
        .firmware = info->esphome_version};
    struct scanner *scanner;
    int error = scanner_new(&config, &scanner);
    if (error)
        return error;
    scanner_set_available(scanner, purpose == WIRING_TO_USE, now_ns);
    scanner_bind(scanner, raw ? &raw_ops : &decoded_ops, session, session);
    session_set_stream(session, state ? &stream_with_state : &stream_without_state, scanner);
    /* Slots first: they are then known before anyone can ask for a connection. */
    if (connectable)
        error = session_subscribe_slots(session, now_ns);
    if (purpose == WIRING_TO_LEAVE)
        scanner_leave_mode(scanner, true, now_ns);
    else if (!error)
        error = session_subscribe_adverts(session, raw, now_ns);
    if (error) {
        wiring_detach(session, scanner);
        scanner_free(scanner);
        return error;
    }
    env_log(env, BLEPROXY_LOG_DEBUG, "hub", info->name,
            purpose == WIRING_TO_LEAVE ? "ESPHome %s, API %u.%u: its %s advertisements are left to others"
                                       : "ESPHome %s, API %u.%u: subscribed to %s advertisements",
            info->esphome_version, (unsigned)info->api_version_major, (unsigned)info->api_version_minor,
            raw ? "raw" : "decoded");
    uint32_t none_warned = 0;
    warn_of_missing(env, info, warned ? warned : &none_warned);
    *ret_scanner = scanner;
    return 0;
}

void wiring_detach(struct session *session, struct scanner *scanner)
{
    scanner_bind(scanner, NULL, NULL, NULL);
    if (!session)
        return;
    session_set_stream(session, NULL, NULL);
    session_end_links(session);
}
