/* SPDX-License-Identifier: MIT */
#include "hub/scanner.h"

#include "hub/decoded.h"
#include "hub/disconnect_set.h"
#include "hub/hub_private.h"
#include "hub/ownership.h"
#include "hub/scanner_private.h"

enum {
    SWEEP_S = 30,  /* between looks at who has fallen silent: devices, and the proxy itself */
    SILENT_S = 90, /* a proxy without any report for longer is not scanning */
};
#define ADDRESS_MASK UINT64_C(0xffffffffffff)

static bool publish_slots(void *user, const struct bleproxy_slots *slots)
{
    const struct scanner *scanner = user;
    return scanner->hub && hub_publish_slots(scanner->hub, scanner, slots);
}

static void scanner_free_texts(struct scanner *scanner)
{
    env_free(scanner->env, scanner->firmware);
    env_free(scanner->env, scanner->label);
    env_free(scanner->env, scanner->name);
}

int scanner_new(const struct scanner_config *config, struct scanner **ret_scanner)
{
    const struct env *env = config->env;
    struct scanner *scanner = env_alloc(env, sizeof(*scanner));
    if (!scanner)
        return BLEPROXY_E_NOMEM;
    scanner->env = env;
    const char *firmware = config->firmware ? config->firmware : "";
    const char *label = config->label ? config->label : config->name;
    scanner->name = env_strndup(env, config->name, strlen(config->name));
    scanner->label = env_strndup(env, label, strlen(label));
    scanner->firmware = env_strndup(env, firmware, strlen(firmware));
    if (!scanner->name || !scanner->label || !scanner->firmware ||
        disconnect_set_new(env, &scanner->disconnect_set) < 0) {
        scanner_free_texts(scanner);
        env_free(env, scanner);
        return BLEPROXY_E_NOMEM;
    }
    scanner->source = config->source;
    scanner->scanning = true;
    scanner->connectable = config->connectable;
    scanner->has_watchdog = config->watchdog;
    scanner->has_mode = config->has_mode;
    scanner->has_configured_mode = config->has_configured_mode;
    scanner->features = config->features;
    scanner->sweep_ns = BP_NEVER;
    sightings_init(&scanner->sightings, env, scanner);
    slots_init(&scanner->slots, env, scanner->name, publish_slots, scanner);
    list_init(&scanner->registered);
    list_init(&scanner->departed);
    scan_mode_init(&scanner->mode);
    auto_worker_init(&scanner->worker, scanner);
    watchdog_init(&scanner->watchdog);
    *ret_scanner = scanner;
    return 0;
}

void scanner_destroy(struct scanner *scanner)
{
    const struct env *env = scanner->env;
    slots_deinit(&scanner->slots, scanner->now_ns);
    sightings_deinit(&scanner->sightings);
    disconnect_set_unref(scanner->disconnect_set);
    scanner_free_texts(scanner);
    env_free(env, scanner);
}

void scanner_free(struct scanner *scanner)
{
    if (!scanner || scanner->freed)
        return;
    scanner_pin(scanner);
    scanner->freed = true;
    scanner_unsetup(scanner, scanner->now_ns);
    if (scanner->hub)
        hub_unregister_scanner(scanner->hub, scanner, scanner->now_ns);
    scanner_bind(scanner, NULL, NULL, NULL);
    slots_deinit(&scanner->slots, scanner->now_ns);
    scanner_unpin(scanner);
}

struct scanner *scanner_ref(struct scanner *scanner)
{
    scanner_pin(scanner);
    return scanner;
}

void scanner_unref(struct scanner *scanner)
{
    scanner_unpin(scanner);
}

void scanner_bind(struct scanner *scanner, const struct scanner_ops *ops, void *user, struct session *session)
{
    scanner->ops = ops;
    scanner->ops_user = user;
    scanner->session = session;
}

int scanner_send_mode(struct scanner *scanner, enum bleproxy_scanner_mode mode, uint64_t now_ns)
{
    if (!scanner->ops)
        return BLEPROXY_E_NOT_CONNECTED;
    if (mode != BLEPROXY_MODE_ACTIVE)
        mode = BLEPROXY_MODE_PASSIVE;
    scanner->mode.told = mode;
    int r = scanner->ops->set_mode(scanner->ops_user, mode, now_ns);
    if (r < 0)
        scanner->mode.told = BLEPROXY_MODE_NONE;
    scanner->mode.unanswered = r == 0;
    return r;
}

int scanner_send_subscribe(struct scanner *scanner, uint64_t now_ns)
{
    return scanner->ops ? scanner->ops->subscribe(scanner->ops_user, now_ns) : BLEPROXY_E_NOT_CONNECTED;
}

int scanner_subscribe(struct scanner *scanner, uint64_t now_ns)
{
    scanner_pin(scanner);
    int r = scanner_send_subscribe(scanner, now_ns);
    scanner_unpin(scanner);
    return r;
}

uint64_t scanner_told_ns(const struct scanner *scanner)
{
    return scanner->told_ns;
}

void scanner_setup(struct scanner *scanner, uint64_t now_ns)
{
    scanner->now_ns = now_ns;
    scanner->was_setup = true;
    if (scanner->sweep_ns != BP_NEVER)
        return;
    scanner->heard_ns = now_ns;
    scanner->sweep_ns = time_after(now_ns, SWEEP_S * NS_PER_S);
    if (scanner->has_watchdog)
        watchdog_start(&scanner->watchdog, now_ns);
}

void scanner_unsetup(struct scanner *scanner, uint64_t now_ns)
{
    scanner->now_ns = now_ns;
    scanner->sweep_ns = BP_NEVER;
    watchdog_stop(&scanner->watchdog);
    scanner_window_close(scanner, now_ns);
}

uint64_t scanner_deadline(const struct scanner *scanner)
{
    return time_min(scan_mode_deadline(&scanner->mode),
                    time_min(scanner->watchdog.due_ns, scanner->sweep_ns));
}

static void scanner_sweep(struct scanner *scanner, uint64_t now_ns)
{
    if (now_ns < scanner->sweep_ns)
        return;
    scanner->sweep_ns = time_after(now_ns, SWEEP_S * NS_PER_S);
    sightings_expire(&scanner->sightings, now_ns);
    bool silent = scanner->heard_ns + SILENT_S * NS_PER_S < now_ns;
    if (silent && scanner->scanning)
        env_log(scanner->env, BLEPROXY_LOG_DEBUG, "hub", scanner->name, "no advertisement for over %d s",
                SILENT_S);
    scanner->scanning = !silent && scanner->pauses == 0;
}

void scanner_tick(struct scanner *scanner, uint64_t now_ns)
{
    scanner->now_ns = now_ns;
    scanner_pin(scanner);
    scanner_sweep(scanner, now_ns);
    scan_mode_tick(scanner, now_ns);
    watchdog_tick(scanner, now_ns);
    scanner_unpin(scanner);
}

/* Proxies that do not know the strength say 0. */
static int8_t rssi_from_wire(int32_t rssi)
{
    if (rssi == 0)
        return BLEPROXY_RSSI_NONE;
    if (rssi < INT8_MIN)
        return INT8_MIN;
    return rssi > INT8_MAX ? INT8_MAX : (int8_t)rssi;
}

static void scanner_hear(struct scanner *scanner, uint64_t now_ns)
{
    scanner->now_ns = now_ns;
    scanner->heard_ns = now_ns;
    scanner->scanning = scanner->pauses == 0;
}

/* Completes a stored report and tells the hub. */
static void scanner_publish(struct scanner *scanner, struct sighting *sighting, int32_t rssi, uint64_t now_ns)
{
    sighting->view.time_ns = now_ns;
    sighting->view.rssi_dbm = rssi_from_wire(rssi);
    sighting->has_rssi = rssi != 0;
    if (!scanner->hub)
        return;
    scanner_pin(scanner);
    hub_report(scanner->hub, sighting);
    scanner_unpin(scanner);
}

/* raw NULL: the proxy decoded it. */
static void scanner_store(struct scanner *scanner, struct sighting *held, uint64_t address,
                          uint32_t address_type, int32_t rssi, const struct fields *heard, const uint8_t *raw,
                          size_t raw_size, uint64_t now_ns)
{
    bool urgent = held ? held->member.kept : scanner->hub && hub_cares(scanner->hub, address);
    struct sighting *sighting =
        sightings_store(&scanner->sightings, held, address, urgent, heard, raw, raw_size, now_ns);
    if (!sighting) {
        if (scanner->hub)
            hub_count_refused(scanner->hub);
        return;
    }
    if (!held) {
        struct bleproxy_advertisement *view = &sighting->view;
        view->source = scanner->source;
        view->proxy = scanner->name;
        view->connectable = scanner->connectable;
        view->address_type = address_type <= UINT8_MAX ? (uint8_t)address_type : UINT8_MAX;
    }
    scanner_publish(scanner, sighting, rssi, now_ns);
}

/* Apart from scanner_report(), whose usual path then needs no stack. */
static __attribute__((noinline)) void scanner_parse(struct scanner *scanner, struct sighting *held,
                                                    uint64_t address, const struct batch_advert *advert,
                                                    uint64_t now_ns)
{
    static const uint8_t empty[1];
    const uint8_t *raw = advert->size > 0 ? advert->data : empty;
    uint8_t memory[FIELDS_MAX];
    struct fields heard;
    fields_init(&heard, memory);
    fields_parse(&heard, raw, advert->size);
    scanner_store(scanner, held, address, advert->address_type, advert->rssi, &heard, raw, advert->size,
                  now_ns);
}

void scanner_report(struct scanner *scanner, const struct batch_advert *advert, uint64_t now_ns)
{
    scanner_hear(scanner, now_ns);
    if (advert->size > SIGHTING_RAW_MAX) {
        if (scanner->hub)
            hub_count_oversized(scanner->hub);
        return;
    }
    uint64_t address = advert->address & ADDRESS_MASK;
    struct sighting *sighting = sightings_get(&scanner->sightings, address);
    if (sighting && sighting_repeats(sighting, advert->data, advert->size)) {
        sighting->view.changed = 0;
    } else if (!sighting || !sighting_refresh(sighting, advert->data, advert->size)) {
        scanner_parse(scanner, sighting, address, advert, now_ns);
        return;
    }
    sightings_again(&scanner->sightings, sighting);
    scanner_publish(scanner, sighting, advert->rssi, now_ns);
}

void scanner_report_decoded(struct scanner *scanner, const BluetoothLEAdvertisementResponse *advert,
                            uint64_t now_ns)
{
    scanner_hear(scanner, now_ns);
    uint64_t address = advert->address & ADDRESS_MASK;
    uint8_t memory[FIELDS_MAX];
    struct fields heard;
    fields_init(&heard, memory);
    decoded_parse(&heard, advert);
    scanner_store(scanner, sightings_get(&scanner->sightings, address), address, advert->address_type,
                  advert->rssi, &heard, NULL, 0, now_ns);
}

void scanner_on_slots(struct scanner *scanner, const struct bleproxy_slots *slots, uint64_t now_ns)
{
    scanner->now_ns = now_ns;
    scanner_pin(scanner);
    slots_report(&scanner->slots, slots, now_ns);
    leftovers_on_slots(scanner, now_ns);
    scanner_unpin(scanner);
}

const struct bleproxy_slots *scanner_slots(const struct scanner *scanner)
{
    const struct bleproxy_slots *slots = slots_view(&scanner->slots);
    return slots->limit > 0 ? slots : NULL;
}

struct slots *scanner_slot_record(struct scanner *scanner)
{
    return &scanner->slots;
}

struct session *scanner_session(const struct scanner *scanner)
{
    return scanner->session;
}

uint32_t scanner_features(const struct scanner *scanner)
{
    return scanner->features;
}

const char *scanner_firmware(const struct scanner *scanner)
{
    return scanner->firmware;
}

uint64_t scanner_source(const struct scanner *scanner)
{
    return scanner->source;
}

const char *scanner_name(const struct scanner *scanner)
{
    return scanner->name;
}

const char *scanner_label(const struct scanner *scanner)
{
    return scanner->label;
}

uint64_t scanner_registered_ns(const struct scanner *scanner)
{
    return scanner->registered_ns;
}

uint64_t scanner_heard_ns(const struct scanner *scanner)
{
    return scanner->heard_ns;
}

bool scanner_is_connectable(const struct scanner *scanner)
{
    return scanner->connectable;
}

bool scanner_is_scanning(const struct scanner *scanner)
{
    return scanner->scanning;
}

void scanner_pause(struct scanner *scanner)
{
    scanner->pauses++;
    scanner->scanning = false;
    if (scanner->hub)
        ownership_source_pauses(scanner->hub, scanner->source);
}

/* Until the next look at it, it counts as listening. */
void scanner_resume(struct scanner *scanner)
{
    if (scanner->pauses > 0)
        scanner->pauses--;
    scanner->scanning = scanner->pauses == 0;
}

uint32_t scanner_rules(const struct scanner *scanner)
{
    return scanner->hub ? scanner->hub->rules : 0;
}

bool scanner_spares_links(const struct scanner *scanner)
{
    return !scanner->hub || scanner->hub->spare_links;
}

unsigned scanner_pauses(const struct scanner *scanner)
{
    return scanner->pauses;
}

bool scanner_is_connecting(const struct scanner *scanner)
{
    return scanner->pauses > 0;
}

bool scanner_is_available(const struct scanner *scanner)
{
    return scanner->slots.available;
}

void scanner_set_available(struct scanner *scanner, bool available, uint64_t now_ns)
{
    scanner->now_ns = now_ns;
    scanner_pin(scanner);
    slots_set_available(&scanner->slots, available, now_ns);
    scanner_unpin(scanner);
}

struct disconnect_set *scanner_disconnect_set(struct scanner *scanner)
{
    return scanner->disconnect_set;
}

int scanner_set_disconnect_set(struct scanner *scanner, struct disconnect_set *set)
{
    if (scanner->was_setup)
        return BLEPROXY_E_STATE;
    disconnect_set_ref(set);
    disconnect_set_unref(scanner->disconnect_set);
    scanner->disconnect_set = set;
    return 0;
}

const struct bleproxy_advertisement *scanner_last(const struct scanner *scanner, uint64_t address)
{
    const struct sighting *sighting = sightings_get(&scanner->sightings, address);
    return sighting ? &sighting->view : NULL;
}

size_t scanner_n_devices(const struct scanner *scanner)
{
    return scanner->sightings.by_address.count;
}
