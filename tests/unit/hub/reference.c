/* SPDX-License-Identifier: MIT */
#include "reference.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const double SWEEP = 300, CHECK = 30, EXPIRY = 195, SILENCE = 90, WOBBLE = 5, STALE_UNKNOWN = 900;
static const double ALPHA = 0.3, MARGIN = 16, RECLAIM = 6, ROAM = 1.5, GONE = 2.5, STRONG = -70, NONE = -127;

static void copy_name(char *to, const char *name)
{
    snprintf(to, REFERENCE_NAME, "%s", name);
}

static const char *address_text(unsigned device)
{
    static char text[18];
    snprintf(text, sizeof(text), "00:00:00:00:00:%02X", device);
    return text;
}

static bool is_no_name(const char *name, unsigned device)
{
    return name[0] == '\0' || strcmp(name, address_text(device)) == 0;
}

static size_t characters(const char *name)
{
    size_t n = 0;
    for (; *name; name++)
        n += ((unsigned char)*name & 0xc0) != 0x80;
    return n;
}

/* Of the letters that the tests use. */
static const char *fold(const char *name, char *out)
{
    char *end = out;
    for (; *name; name++) {
        if (strncmp(name, "\u00c9", 2) == 0 || strncmp(name, "\u00df", 2) == 0) {
            end += sprintf(end, "%s", strncmp(name, "\u00c9", 2) == 0 ? "\u00e9" : "ss");
            name++;
        } else {
            *end++ = (char)tolower((unsigned char)*name);
        }
    }
    *end = '\0';
    return out;
}

/* ---- One scanner's packets complete each other ---- */

static const char *find(const struct pairs *pairs, const char *key)
{
    for (unsigned i = 0; i < pairs->n; i++)
        if (strcmp(pairs->at[i].key, key) == 0)
            return pairs->at[i].value;
    return NULL;
}

static void put(struct pairs *pairs, const char *key, const char *value)
{
    for (unsigned i = 0; i < pairs->n; i++)
        if (strcmp(pairs->at[i].key, key) == 0) {
            pairs->at[i].value = value;
            return;
        }
    pairs->at[pairs->n].key = key;
    pairs->at[pairs->n++].value = value;
}

static bool same_list(const struct pairs *a, const struct pairs *b)
{
    for (unsigned i = 0; i < a->n && a->n == b->n; i++)
        if (strcmp(a->at[i].key, b->at[i].key) != 0)
            return false;
    return a->n == b->n;
}

static bool same_map(const struct pairs *a, const struct pairs *b)
{
    for (unsigned i = 0; i < a->n; i++) {
        const char *value = find(b, a->at[i].key);
        if (!value || strcmp(value, a->at[i].value) != 0)
            return false;
    }
    return a->n == b->n;
}

static struct pairs merge_uuids(const struct pairs *before, const struct pairs *heard)
{
    if (heard->n == 0 || same_list(before, heard))
        return *before;
    struct pairs both = {0};
    for (unsigned i = 0; i < before->n; i++)
        put(&both, before->at[i].key, "");
    for (unsigned i = 0; i < heard->n; i++)
        put(&both, heard->at[i].key, "");
    return both;
}

static struct pairs merge_map(const struct pairs *before, const struct pairs *heard)
{
    struct pairs both = *before;
    for (unsigned i = 0; i < heard->n; i++)
        put(&both, heard->at[i].key, heard->at[i].value);
    return both;
}

static void merge(const struct record *before, char *device_name, struct record *now,
                  const struct packet *packet)
{
    if (before->known && before->raw == packet) {
        copy_name(now->name, before->name);
        now->uuids = before->uuids;
        now->services = before->services;
        now->companies = before->companies;
        return;
    }
    if (before->known && device_name[0] &&
        (packet->name[0] == '\0' || characters(device_name) > characters(packet->name))) {
        copy_name(now->name, device_name);
    } else {
        copy_name(device_name, packet->name);
        copy_name(now->name, packet->name[0] ? packet->name : address_text(now->device));
    }
    if (!before->known) {
        now->uuids = packet->uuids;
        now->services = packet->services;
        now->companies = packet->companies;
        return;
    }
    now->uuids = merge_uuids(&before->uuids, &packet->uuids);
    now->services = merge_map(&before->services, &packet->services);
    now->companies = merge_map(&before->companies, &packet->companies);
}

/* ---- One name, whoever has heard it ---- */

static void patch_name(struct reference *reference, struct record *now)
{
    copy_name(now->name, reference->names[now->device]);
    copy_name(reference->sources[now->scanner].device_name[now->device], now->name);
}

static bool is_better_name(const char *cached, const char *name)
{
    char cached_folded[2 * REFERENCE_NAME], folded[2 * REFERENCE_NAME];
    fold(cached, cached_folded);
    fold(name, folded);
    if (characters(folded) > characters(cached_folded))
        return true;
    return strncmp(cached_folded, folded, strlen(folded)) != 0;
}

static void settle_name(struct reference *reference, struct record *now)
{
    char *cached = reference->names[now->device];
    if (is_no_name(now->name, now->device)) {
        if (cached[0])
            patch_name(reference, now);
        return;
    }
    if (cached[0] == '\0' || is_better_name(cached, now->name))
        copy_name(cached, now->name);
    if (strcmp(cached, now->name) != 0)
        patch_name(reference, now);
}

/* ---- Whose report counts ---- */

static double smooth(struct reference *reference, const struct record *old, const struct record *now)
{
    bool *has = reference->has_strength[now->device];
    double *strength = reference->strength[now->device];
    unsigned s = now->scanner;
    if (reference->has_bucket[now->device]) {
        if (now->rssi == 0)
            return has[s] ? strength[s] : NONE;
        strength[s] = has[s] ? ALPHA * now->rssi + (1 - ALPHA) * strength[s] : now->rssi;
        has[s] = true;
        return strength[s];
    }
    if (!old->known || old->scanner == s || !reference->sources[old->scanner].registered)
        return 0; /* nobody asks */
    reference->has_bucket[now->device] = true;
    has[old->scanner] = true;
    strength[old->scanner] = old->rssi ? old->rssi : NONE;
    if (now->rssi == 0)
        return NONE;
    has[s] = true;
    strength[s] = now->rssi;
    return now->rssi;
}

static bool prefer_old(struct reference *reference, const struct record *old, const struct record *now,
                       double strength, bool record)
{
    unsigned device = now->device;
    double old_strength = old->rssi ? old->rssi : NONE;
    if (reference->has_strength[device][old->scanner])
        old_strength = reference->strength[device][old->scanner];
    double interval =
        reference->has_interval[device] ? reference->interval[device] : reference->fallback[device];
    double stale = interval > 0 ? interval + WOBBLE : STALE_UNKNOWN;
    double elapsed = now->time - old->time;
    if (elapsed > stale) {
        double gone = stale * GONE < STALE_UNKNOWN ? stale * GONE : STALE_UNKNOWN;
        if (elapsed > gone)
            return false;
        if (elapsed > stale * ROAM && strength >= old_strength - MARGIN && old_strength < STRONG)
            return false;
    }
    if (strength - MARGIN <= old_strength)
        return true;
    double margin = MARGIN + (reference->demoted[device][now->scanner] ? RECLAIM : 0);
    if (strength - margin <= old_strength)
        return true;
    if (record) {
        reference->demoted[device][now->scanner] = false;
        reference->demoted[device][old->scanner] = true;
    }
    return false;
}

static bool keep(struct reference *reference, const struct record *old, const struct record *now,
                 double strength, bool record)
{
    const struct source *owner = &reference->sources[old->scanner];
    if (!reference->has_bucket[now->device] || old->scanner == now->scanner)
        return false;
    if (!owner->registered || !owner->scanning)
        return false;
    return prefer_old(reference, old, now, strength, record);
}

static void forget_interval(struct reference *reference, unsigned device)
{
    reference->has_interval[device] = false;
    reference->n_times[device] = 0;
    reference->tracked[device] = REFERENCE_NOBODY;
}

static void track(struct reference *reference, const struct record *now)
{
    unsigned device = now->device, *n = &reference->n_times[device];
    double *times = reference->times[device];
    if (reference->tracked[device] != REFERENCE_NOBODY && reference->tracked[device] != (int)now->scanner)
        forget_interval(reference, device);
    if (reference->has_interval[device])
        return;
    reference->tracked[device] = (int)now->scanner;
    times[(*n)++] = now->time;
    if (*n < REFERENCE_LEARN)
        return;
    reference->has_interval[device] = true;
    reference->interval[device] = 0;
    for (unsigned i = 1; i < REFERENCE_LEARN; i++)
        if (times[i] - times[i - 1] > reference->interval[device])
            reference->interval[device] = times[i] - times[i - 1];
    *n = 0;
}

static void tell(struct reference *reference, struct told told)
{
    told.time = reference->now;
    reference->told[reference->n_told++] = told;
}

static bool is_chatter(const struct record *now)
{
    return now->services.n == 0 && now->companies.n == 1 && strcmp(now->companies.at[0].key, "4c") == 0 &&
           now->companies.at[0].value[0] &&
           !strstr("02 06 10 11 12", (char[3]){now->companies.at[0].value[0], now->companies.at[0].value[1]});
}

static void manage(struct reference *reference, struct record *now)
{
    if (is_chatter(now))
        return;
    settle_name(reference, now);
    struct record *all = &reference->all[now->device], *best = &reference->connectable[now->device];
    const struct record old = *all, old_best = *best;
    bool has_old_best = now->connectable && old_best.known;
    double strength = smooth(reference, &old, now);
    if (old.known && keep(reference, &old, now, strength, true)) {
        if (now->connectable && !(has_old_best && (old_best.serial == old.serial ||
                                                   keep(reference, &old_best, now, strength, false))))
            *best = *now;
        return;
    }
    if (now->connectable)
        *best = *now;
    *all = *now;
    track(reference, now);
    if (old.known && !(now->connectable && !has_old_best) && same_map(&now->companies, &old.companies) &&
        same_map(&now->services, &old.services) && same_list(&now->uuids, &old.uuids) &&
        strcmp(now->name, old.name) == 0)
        return;
    bool path = best->known && reference->sources[best->scanner].registered;
    tell(reference, (struct told){.device = now->device,
                                  .scanner = now->scanner,
                                  .connectable = now->connectable || path,
                                  .is_change = true});
}

void reference_hear(struct reference *reference, unsigned scanner, unsigned device, int rssi,
                    const struct packet *packet)
{
    struct source *source = &reference->sources[scanner];
    struct record now = {.known = true,
                         .scanner = scanner,
                         .device = device,
                         .serial = ++reference->serial,
                         .time = reference->now,
                         .rssi = rssi,
                         .connectable = source->connectable,
                         .raw = packet};
    source->scanning = source->pauses == 0;
    source->heard = reference->now;
    merge(&source->cache[device], source->device_name[device], &now, packet);
    manage(reference, &now);
    source->cache[device] = now;
}

/* ---- Who is gone ---- */

static bool is_remembered(const struct reference *reference, unsigned device, bool by_connectable)
{
    for (unsigned s = 0; s < REFERENCE_SCANNERS; s++) {
        const struct source *source = &reference->sources[s];
        if (source->registered && source->cache[device].known && (source->connectable || !by_connectable))
            return true;
    }
    return false;
}

static void forget_signals(struct reference *reference, unsigned device)
{
    reference->has_bucket[device] = false;
    memset(reference->has_strength[device], 0, sizeof(reference->has_strength[device]));
    memset(reference->demoted[device], 0, sizeof(reference->demoted[device]));
}

static void sweep(struct reference *reference)
{
    for (unsigned device = 0; device < REFERENCE_DEVICES; device++) {
        struct record *best = &reference->connectable[device];
        if (!best->known || is_remembered(reference, device, true))
            continue;
        best->known = false;
        tell(reference, (struct told){.device = device, .connectable = true});
    }
    for (unsigned device = 0; device < REFERENCE_DEVICES; device++) {
        struct record *all = &reference->all[device];
        if (all->serial == 0 || is_remembered(reference, device, false))
            continue;
        double interval = reference->has_interval[device] ? reference->interval[device] : 0;
        if (interval == 0)
            interval = reference->fallback[device];
        double limit = interval > 0 ? interval + WOBBLE : STALE_UNKNOWN;
        if (reference->now - all->time <= limit)
            continue;
        if (!all->known) { /* habluetooth keeps the interval of what it has been told to forget for ever */
            forget_interval(reference, device);
            continue;
        }
        reference->fallback[device] = 0;
        forget_interval(reference, device);
        reference->names[device][0] = '\0';
        forget_signals(reference, device);
        all->known = false;
        tell(reference, (struct told){.device = device, .scanner = all->scanner});
    }
}

static void check(struct reference *reference, struct source *source)
{
    for (unsigned device = 0; device < REFERENCE_DEVICES; device++)
        if (reference->now - source->cache[device].time > EXPIRY)
            source->cache[device].known = false;
    source->scanning = source->pauses == 0 && reference->now - source->heard <= SILENCE;
}

void reference_advance(struct reference *reference, double now)
{
    for (;;) {
        struct source *due = NULL;
        double next = reference->next_sweep;
        for (unsigned s = 0; s < REFERENCE_SCANNERS; s++)
            if (reference->sources[s].registered && reference->sources[s].next_check < next) {
                due = &reference->sources[s];
                next = due->next_check;
            }
        if (next > now)
            break;
        reference->now = next;
        if (due) {
            due->next_check += CHECK;
            check(reference, due);
        } else {
            reference->next_sweep += SWEEP;
            sweep(reference);
        }
    }
    reference->now = now;
}

/* ---- Scanners come and go ---- */

void reference_unregister(struct reference *reference, unsigned scanner)
{
    reference->sources[scanner].registered = false;
    for (unsigned device = 0; device < REFERENCE_DEVICES; device++) {
        if (reference->tracked[device] == (int)scanner)
            forget_interval(reference, device);
        reference->has_strength[device][scanner] = false;
        reference->demoted[device][scanner] = false;
        bool any = false;
        for (unsigned s = 0; s < REFERENCE_SCANNERS; s++)
            any = any || reference->has_strength[device][s];
        reference->has_bucket[device] = reference->has_bucket[device] && any;
    }
}

void reference_register(struct reference *reference, unsigned scanner)
{
    reference->sources[scanner] = (struct source){.registered = true,
                                                  .connectable = scanner < REFERENCE_SCANNERS - 1,
                                                  .scanning = true,
                                                  .heard = reference->now,
                                                  .next_check = reference->now + CHECK};
}

void reference_pause(struct reference *reference, unsigned scanner)
{
    reference->sources[scanner].pauses++;
    reference->sources[scanner].scanning = false;
    for (unsigned device = 0; device < REFERENCE_DEVICES; device++)
        if (reference->tracked[device] == (int)scanner)
            reference->n_times[device] = 0;
}

void reference_resume(struct reference *reference, unsigned scanner)
{
    struct source *source = &reference->sources[scanner];
    source->pauses--;
    source->scanning = source->pauses == 0;
}

void reference_set_interval(struct reference *reference, unsigned device, double seconds)
{
    reference->fallback[device] = seconds;
}

void reference_forget(struct reference *reference, unsigned device)
{
    reference->all[device].known = false;
    reference->connectable[device].known = false;
    reference->names[device][0] = '\0';
    forget_signals(reference, device);
    for (unsigned s = 0; s < REFERENCE_SCANNERS; s++) {
        struct record *record = &reference->sources[s].cache[device];
        record->raw = NULL;
        record->uuids = record->services = record->companies = (struct pairs){0};
    }
}

void reference_init(struct reference *reference, double now)
{
    *reference = (struct reference){.now = now, .next_sweep = now + SWEEP};
    for (unsigned s = 0; s < REFERENCE_SCANNERS; s++)
        reference_register(reference, s);
    for (unsigned device = 0; device < REFERENCE_DEVICES; device++)
        reference->tracked[device] = REFERENCE_NOBODY;
}

const char *reference_content(const struct record *record)
{
    static char text[2000];
    const struct pairs *kinds[] = {&record->uuids, &record->services, &record->companies};
    unsigned last = record->companies.n > 0 ? 3 : record->services.n > 0 ? 2 : record->uuids.n > 0 ? 1 : 0;
    size_t n = (size_t)snprintf(text, sizeof(text), "%s",
                                is_no_name(record->name, record->device) ? "-" : record->name);
    for (unsigned kind = 0; kind < last; kind++) {
        text[n++] = '|';
        for (unsigned i = 0; i < kinds[kind]->n; i++)
            n += (size_t)snprintf(text + n, sizeof(text) - n, kind == 0 ? " %s" : " %s:%s",
                                  kinds[kind]->at[i].key, kinds[kind]->at[i].value);
    }
    text[n] = '\0';
    return text;
}
