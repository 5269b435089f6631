/* SPDX-License-Identifier: MIT */
#include "discovery/responder.h"

#include "discovery/announcement.h"
#include <bleproxy/error.h>
#include <string.h>

/* RFC 6763, 9 */
#define SERVICES_NAME "_services._dns-sd._udp.local"

enum {
    HOST_TTL_S = 120, /* RFC 6762, 10 */
    OTHER_TTL_S = 4500,
    ONE_SHOT_TTL_S = 10,        /* RFC 6762, 6.7 */
    SHARED_DELAY_LEAST_MS = 20, /* RFC 6762, 6 */
    SHARED_DELAY_SPREAD_MS = 101,
};
/* RFC 6762, 6 and 8.3: to all no more often than that */
#define PACE_NS NS_PER_S

/* Records, as bits. */
enum {
    RECORD_SERVICES = 1, /* that there are ESPHome devices */
    RECORD_POINTER = 2,
    RECORD_LOCATION = 4,
    RECORD_TEXT = 8,
    RECORD_ADDRESSES = 16,
    RECORDS_ANNOUNCED = RECORD_POINTER | RECORD_LOCATION | RECORD_TEXT | RECORD_ADDRESSES,
    RECORDS_SHARED = RECORD_SERVICES | RECORD_POINTER, /* others may answer too */
};

int responder_init(struct responder *responder, const struct env *env, const char *name, uint16_t port,
                   const uint8_t *text, size_t text_size)
{
    size_t size = strlen(name);
    *responder = (struct responder){.env = env, .announce_ns = BP_NEVER, .answer_ns = BP_NEVER};
    if (text_size > RESPONDER_TEXT_MAX || !dns_name_make(responder->instance, name, size, ESPHOME_SERVICE) ||
        !dns_name_make(responder->host, name, size, "local"))
        return BLEPROXY_E_INVALID;
    responder->port = port;
    responder->text_size = text_size;
    if (text_size > 0)
        memcpy(responder->text, text, text_size);
    return 0;
}

int responder_set_service(struct responder *responder, uint16_t port, const uint8_t *text, size_t text_size,
                          uint64_t now_ns)
{
    if (text_size > RESPONDER_TEXT_MAX)
        return BLEPROXY_E_INVALID;
    bool same = port == responder->port && text_size == responder->text_size &&
                (text_size == 0 || memcmp(text, responder->text, text_size) == 0);
    if (same)
        return 0;
    responder->port = port;
    responder->text_size = text_size;
    if (text_size > 0)
        memcpy(responder->text, text, text_size);
    if (responder->present)
        responder_announce(responder, now_ns);
    return 0;
}

void responder_set_addresses(struct responder *responder, const struct net_address *addresses, size_t n,
                             uint64_t now_ns)
{
    n = n < RESPONDER_ADDRESSES_MAX ? n : RESPONDER_ADDRESSES_MAX;
    bool same = n == responder->n_addresses;
    for (size_t i = 0; i < n && same; i++)
        same = net_address_equals(&addresses[i], &responder->addresses[i]);
    if (same)
        return;
    responder->n_addresses = (unsigned)n;
    for (size_t i = 0; i < n; i++)
        responder->addresses[i] = addresses[i];
    if (responder->present)
        responder_announce(responder, now_ns);
}

void responder_announce(struct responder *responder, uint64_t now_ns)
{
    responder->present = true;
    responder->leaving = false;
    responder->n_announcements = RESPONDER_ANNOUNCEMENTS;
    responder->announce_ns = now_ns;
}

void responder_leave(struct responder *responder, bool goodbye)
{
    responder->leaving = responder->leaving || (responder->present && goodbye);
    responder->present = false;
    responder->n_announcements = 0;
    responder->wanted = 0;
    responder->announce_ns = responder->answer_ns = BP_NEVER;
}

/* ---- What it says ---- */

/* Whom it says it to. */
struct audience {
    bool one_shot; /* somebody who is no multicast DNS responder: another port */
    bool goodbye;
};

static uint32_t ttl_for(const struct audience *audience, uint32_t ttl_s)
{
    if (audience->goodbye)
        return 0;
    return audience->one_shot && ttl_s > ONE_SHOT_TTL_S ? ONE_SHOT_TTL_S : ttl_s;
}

/* The records of one kind, in turn: index 0 to their number, false behind the last. */
static bool record_make(const struct responder *responder, unsigned kind, unsigned index,
                        struct dns_record *ret_record)
{
    struct dns_record record = {.flush = !(kind & RECORDS_SHARED), .ttl_s = OTHER_TTL_S};
    const char *name = responder->instance, *target = "";
    if (index >= (kind == RECORD_ADDRESSES ? responder->n_addresses : 1u))
        return false;
    switch (kind) {
    case RECORD_SERVICES:
        record.type = DNS_PTR;
        name = SERVICES_NAME;
        target = ESPHOME_SERVICE;
        break;
    case RECORD_POINTER:
        record.type = DNS_PTR;
        name = ESPHOME_SERVICE;
        target = responder->instance;
        break;
    case RECORD_LOCATION:
        record.type = DNS_SRV;
        record.ttl_s = HOST_TTL_S;
        record.port = responder->port;
        target = responder->host;
        break;
    case RECORD_TEXT:
        record.type = DNS_TXT;
        record.text = responder->text;
        record.text_size = responder->text_size;
        break;
    case RECORD_ADDRESSES:
        record.type = responder->addresses[index].family == 4 ? DNS_A : DNS_AAAA;
        record.ttl_s = HOST_TTL_S;
        memcpy(record.address, responder->addresses[index].bytes, sizeof(record.address));
        name = responder->host;
        break;
    }
    memcpy(record.name, name, strlen(name) + 1);
    memcpy(record.target, target, strlen(target) + 1);
    *ret_record = record;
    return true;
}

/* What does not fit is left out. */
static void write_records(const struct responder *responder, unsigned kinds, const struct audience *audience,
                          struct dns_writer *writer)
{
    struct dns_record record;
    for (unsigned kind = RECORD_SERVICES; kind <= RECORD_ADDRESSES; kind <<= 1)
        for (unsigned i = 0; (kinds & kind) && record_make(responder, kind, i, &record); i++) {
            record.ttl_s = ttl_for(audience, record.ttl_s);
            record.flush = record.flush && !audience->one_shot;
            dns_write_record(writer, &record);
        }
}

/* What whoever asks for these will ask for next: RFC 6763, 12. */
static unsigned additional_to(unsigned kinds)
{
    unsigned more = 0;
    if (kinds & RECORD_POINTER)
        more |= RECORD_LOCATION | RECORD_TEXT | RECORD_ADDRESSES;
    if (kinds & RECORD_LOCATION)
        more |= RECORD_ADDRESSES;
    return more & ~kinds;
}

static void write_answer(const struct responder *responder, unsigned kinds, const struct audience *audience,
                         struct dns_writer *writer)
{
    write_records(responder, kinds, audience, writer);
    dns_write_additional(writer);
    write_records(responder, additional_to(kinds), audience, writer);
}

/* ---- What it is asked ---- */

static bool asks_for(const struct dns_question *question, enum dns_type type)
{
    return question->type == (uint16_t)type || question->type == DNS_ANY;
}

/* The records that answer the question. */
static unsigned kinds_of(const struct responder *responder, const struct dns_question *question)
{
    unsigned kinds = 0;
    if (dns_name_equals(question->name, SERVICES_NAME) && asks_for(question, DNS_PTR))
        kinds |= RECORD_SERVICES;
    if (dns_name_equals(question->name, ESPHOME_SERVICE) && asks_for(question, DNS_PTR))
        kinds |= RECORD_POINTER;
    if (dns_name_equals(question->name, responder->instance)) {
        kinds |= asks_for(question, DNS_SRV) ? RECORD_LOCATION : 0;
        kinds |= asks_for(question, DNS_TXT) ? RECORD_TEXT : 0;
    }
    /* Whoever asks for an address of one family gets those of the other as well. */
    if (dns_name_equals(question->name, responder->host) && responder->n_addresses > 0 &&
        (asks_for(question, DNS_A) || asks_for(question, DNS_AAAA)))
        kinds |= RECORD_ADDRESSES;
    return kinds;
}

/* Whether the asker's record says what ours does, and for long enough: RFC 6762, 7.1. */
static bool is_known(const struct dns_record *known, const struct dns_record *ours)
{
    return known->type == ours->type && known->ttl_s >= ours->ttl_s / 2 &&
           dns_name_equals(known->name, ours->name) && dns_name_equals(known->target, ours->target);
}

/* The shared records among kinds that the asker has. Unique ones are sent in any case: they are few. */
static unsigned kinds_known(const struct responder *responder, struct dns_reader *reader)
{
    struct dns_record known, ours;
    unsigned kinds = 0;
    while (dns_next_record(reader, &known))
        for (unsigned kind = RECORD_SERVICES; kind <= RECORD_POINTER; kind <<= 1)
            if (dns_is_answer(reader) && record_make(responder, kind, 0, &ours) && is_known(&known, &ours))
                kinds |= kind;
    return kinds;
}

/* A query as far as it concerns us. */
struct query {
    unsigned kinds;
    bool unicast; /* all of it may be answered so */
};

static struct query query_read(const struct responder *responder, struct dns_reader *reader)
{
    struct query query = {.unicast = true};
    struct dns_question question;
    while (dns_next_question(reader, &question)) {
        unsigned kinds = kinds_of(responder, &question);
        query.kinds |= kinds;
        query.unicast &= question.unicast || kinds == 0;
    }
    query.kinds &= ~kinds_known(responder, reader);
    return query;
}

/* An answer to a one-shot query repeats its questions: RFC 6762, 6.7. */
static void repeat_questions(const uint8_t *datagram, size_t size, struct dns_writer *writer)
{
    struct dns_reader reader;
    struct dns_question question;
    if (dns_read(&reader, datagram, size) < 0)
        return;
    while (dns_next_question(&reader, &question)) {
        question.unicast = false;
        dns_write_question(writer, &question);
    }
}

/* What only we can say is said at once; what others may say as well, not at the same moment as they. */
static void answer_all(struct responder *responder, unsigned kinds, uint64_t now_ns)
{
    uint32_t dice = 0;
    uint64_t at_ns = now_ns;
    if (kinds & RECORDS_SHARED) {
        responder->env->random(responder->env->user, &dice, sizeof(dice));
        at_ns += (SHARED_DELAY_LEAST_MS + dice % SHARED_DELAY_SPREAD_MS) * NS_PER_MS;
    }
    if (responder->said_ns && at_ns < responder->said_ns + PACE_NS)
        at_ns = responder->said_ns + PACE_NS;
    responder->wanted |= kinds;
    responder->answer_ns = time_min(responder->answer_ns, at_ns);
}

bool responder_feed(struct responder *responder, const uint8_t *datagram, size_t size,
                    const struct net_address *from, uint64_t now_ns, struct dns_writer *ret_answer)
{
    struct dns_reader reader;
    if (!responder->present || dns_read(&reader, datagram, size) < 0 || reader.is_response)
        return false;
    struct query query = query_read(responder, &reader);
    const struct audience audience = {.one_shot = from->port != DNS_PORT};
    if (query.kinds == 0)
        return false;
    if (!audience.one_shot && !query.unicast) {
        answer_all(responder, query.kinds, now_ns);
        return false;
    }
    dns_write(ret_answer, audience.one_shot ? reader.id : 0, true);
    if (audience.one_shot)
        repeat_questions(datagram, size, ret_answer);
    write_answer(responder, query.kinds, &audience, ret_answer);
    return true;
}

/* ---- Time ---- */

uint64_t responder_deadline(const struct responder *responder)
{
    return responder->leaving ? 0 : time_min(responder->announce_ns, responder->answer_ns);
}

bool responder_next(struct responder *responder, uint64_t now_ns, struct dns_writer *ret_message)
{
    struct audience audience = {.goodbye = responder->leaving};
    if (responder->leaving) {
        responder->leaving = false;
        dns_write(ret_message, 0, true);
        write_records(responder, RECORDS_ANNOUNCED, &audience, ret_message);
        return true;
    }
    if (now_ns < responder_deadline(responder))
        return false;
    unsigned kinds = responder->wanted;
    if (now_ns >= responder->announce_ns) {
        kinds |= RECORDS_ANNOUNCED;
        responder->announce_ns = --responder->n_announcements > 0 ? time_after(now_ns, PACE_NS) : BP_NEVER;
    }
    responder->wanted = 0;
    responder->answer_ns = BP_NEVER;
    responder->said_ns = now_ns;
    dns_write(ret_message, 0, true);
    write_answer(responder, kinds, &audience, ret_message);
    return true;
}
