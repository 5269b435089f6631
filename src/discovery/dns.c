/* SPDX-License-Identifier: MIT */
#include "discovery/dns.h"

#include <bleproxy/error.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>

enum {
    CLASS_IN = 1,
    CLASS_MASK = 0x7fff,
    CLASS_TOP = 0x8000, /* of a question: QU; of a record: cache-flush */
    FLAG_RESPONSE = 0x8000,
    FLAG_OPCODE = 0x7800,
    FLAG_AUTHORITATIVE = 0x0400,
    FLAG_RCODE = 0x000f,
    HEADER_SIZE = 12,
    SRV_HEAD = 6, /* priority, weight, port */
};

static uint16_t get16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void put16(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

/* Names */

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool dns_name_equals(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b))
        a++, b++;
    return *a == *b;
}

uint64_t dns_name_hash(const char *name, uint64_t key)
{
    uint64_t hash = key;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)lower(*name)) * (key | 1);
    return hash ^ hash >> 32;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One byte of a label, which takes *ret_taken characters of the text. */
static char unescape(const char *text, size_t *ret_taken)
{
    *ret_taken = 1;
    if (text[0] != '\\' || !text[1])
        return text[0];
    if (!is_digit(text[1]) || !is_digit(text[2]) || !is_digit(text[3])) {
        *ret_taken = 2;
        return text[1];
    }
    *ret_taken = 4;
    return (char)((text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0'));
}

bool dns_label(const char *name, const char *suffix, char ret_label[DNS_LABEL_MAX + 1], size_t *ret_size)
{
    char label[DNS_LABEL_MAX + 1];
    size_t size = 0;
    while (*name && *name != '.') {
        size_t taken;
        if (size == DNS_LABEL_MAX)
            return false;
        label[size++] = unescape(name, &taken);
        name += taken;
    }
    if (size == 0 || *name != '.' || !dns_name_equals(name + 1, suffix))
        return false;
    label[size] = '\0';
    memcpy(ret_label, label, size + 1);
    *ret_size = size;
    return true;
}

bool dns_name_make(char ret_name[DNS_NAME_SIZE], const void *label, size_t size, const char *suffix)
{
    char name[4 * DNS_LABEL_MAX + 1];
    const uint8_t *in = label;
    size_t n = 0;
    if (size == 0 || size > DNS_LABEL_MAX)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (in[i] <= ' ' || in[i] >= 0x7f)
            n += (size_t)snprintf(name + n, 5, "\\%03u", in[i]);
        else if (strchr(".\\\"@$();", in[i]))
            n += (size_t)snprintf(name + n, 3, "\\%c", in[i]);
        else
            name[n++] = (char)in[i];
    }
    name[n] = '\0';
    if (n + 1 + strlen(suffix) >= DNS_NAME_SIZE)
        return false;
    snprintf(ret_name, DNS_NAME_SIZE, "%s.%s", name, suffix);
    return true;
}

/* Reading */

int dns_read(struct dns_reader *reader, const uint8_t *message, size_t size)
{
    *reader = (struct dns_reader){.section = ns_s_qd};
    if (size < HEADER_SIZE || size > DNS_MESSAGE_MAX ||
        ns_initparse(message, (int)size, &reader->message) < 0)
        return BLEPROXY_E_PROTOCOL;
    uint16_t flags = get16(message + 2);
    if (flags & (FLAG_OPCODE | FLAG_RCODE))
        return BLEPROXY_E_PROTOCOL;
    reader->id = get16(message);
    reader->is_response = flags & FLAG_RESPONSE;
    reader->entry = message + HEADER_SIZE;
    return 0;
}

/* Whether the name there is put together in few enough steps. libresolv follows pointers as long as the message is, and
 * hundreds of names may begin with the same thousands of them. */
static bool is_straight(const struct dns_reader *reader, const uint8_t *at)
{
    const uint8_t *base = ns_msg_base(reader->message), *end = ns_msg_end(reader->message);
    for (unsigned steps = 0; steps < DNS_NAME_STEPS && at < end; steps++) {
        if (*at == 0)
            return true;
        if ((*at & NS_CMPRSFLGS) != NS_CMPRSFLGS) {
            if (*at >= end - at)
                return false;
            at += 1 + *at;
        } else {
            size_t target = end - at < 2 ? SIZE_MAX : get16(at) & 0x3fffu;
            if (target >= (size_t)(end - base))
                return false;
            at = base + target;
        }
    }
    return false;
}

/* Steps over the next entry, whose bounds dns_read() has had checked; whether its name may be read. */
static bool step_over(struct dns_reader *reader)
{
    const uint8_t *entry = reader->entry, *end = ns_msg_end(reader->message);
    int size = dn_skipname(entry, end);
    if (size < 0)
        return false;
    reader->entry += size + NS_QFIXEDSZ;
    if (reader->section != ns_s_qd)
        reader->entry += NS_RRFIXEDSZ - NS_QFIXEDSZ + get16(reader->entry + NS_RRFIXEDSZ - NS_QFIXEDSZ - 2);
    return is_straight(reader, entry);
}

/* Moves on to the next entry of the sections up to last, malformed ones left out; false at their end. */
static bool next_entry(struct dns_reader *reader, int last, ns_rr *ret_rr)
{
    while (reader->section <= last) {
        if (reader->index >= ns_msg_count(reader->message, reader->section)) {
            if (reader->section == last)
                return false;
            reader->section++;
            reader->index = 0;
            continue;
        }
        if (reader->n_read == DNS_RECORDS_MAX)
            return false;
        reader->n_read++;
        int index = reader->index++;
        if (step_over(reader) && ns_parserr(&reader->message, (ns_sect)reader->section, index, ret_rr) == 0 &&
            (ns_rr_class(*ret_rr) & CLASS_MASK) == CLASS_IN && strlen(ns_rr_name(*ret_rr)) < DNS_NAME_SIZE)
            return true;
    }
    return false;
}

bool dns_next_question(struct dns_reader *reader, struct dns_question *ret_question)
{
    ns_rr rr;
    if (reader->section > ns_s_qd || !next_entry(reader, ns_s_qd, &rr))
        return false;
    ret_question->type = (uint16_t)ns_rr_type(rr);
    ret_question->unicast = ns_rr_class(rr) & CLASS_TOP;
    memcpy(ret_question->name, ns_rr_name(rr), strlen(ns_rr_name(rr)) + 1);
    return true;
}

/* A name within a record's data, from offset on; false when it is malformed, too long or reaches out of the record. */
static bool read_target(const struct dns_reader *reader, const ns_rr *rr, size_t offset, char *ret_target)
{
    if (ns_rr_rdlen(*rr) <= offset || !is_straight(reader, ns_rr_rdata(*rr) + offset))
        return false;
    int taken = dn_expand(ns_msg_base(reader->message), ns_msg_end(reader->message),
                          ns_rr_rdata(*rr) + offset, ret_target, DNS_NAME_SIZE);
    return taken > 0 && (size_t)taken == ns_rr_rdlen(*rr) - offset;
}

static bool read_address(const ns_rr *rr, size_t size, struct dns_record *record)
{
    if (ns_rr_rdlen(*rr) != size)
        return false;
    memcpy(record->address, ns_rr_rdata(*rr), size);
    return true;
}

static bool read_data(const struct dns_reader *reader, const ns_rr *rr, struct dns_record *record)
{
    switch ((int)ns_rr_type(*rr)) {
    case DNS_A:
        return read_address(rr, 4, record);
    case DNS_AAAA:
        return read_address(rr, 16, record);
    case DNS_PTR:
        return read_target(reader, rr, 0, record->target);
    case DNS_SRV:
        if (!read_target(reader, rr, SRV_HEAD, record->target))
            return false;
        record->port = get16(ns_rr_rdata(*rr) + SRV_HEAD - 2);
        return true;
    case DNS_TXT:
        record->text = ns_rr_rdata(*rr);
        record->text_size = ns_rr_rdlen(*rr);
        return true;
    default: /* not ours: the types are the peer's */
        return false;
    }
}

bool dns_next_record(struct dns_reader *reader, struct dns_record *ret_record)
{
    ns_rr rr;
    if (reader->section == ns_s_qd) {
        for (; reader->index < ns_msg_count(reader->message, ns_s_qd); reader->index++)
            step_over(reader);
        reader->section = ns_s_an;
        reader->index = 0;
    }
    while (next_entry(reader, ns_s_ar, &rr)) {
        struct dns_record record = {.type = (enum dns_type)ns_rr_type(rr)};
        if (!read_data(reader, &rr, &record))
            continue;
        record.flush = ns_rr_class(rr) & CLASS_TOP;
        /* RFC 2181, 8: one with the top bit set is to be taken for 0, which here would be a goodbye. */
        record.ttl_s = ns_rr_ttl(rr) > INT32_MAX ? 1 : (uint32_t)ns_rr_ttl(rr);
        memcpy(record.name, ns_rr_name(rr), strlen(ns_rr_name(rr)) + 1);
        *ret_record = record;
        return true;
    }
    return false;
}

bool dns_is_answer(const struct dns_reader *reader)
{
    return reader->section == ns_s_an;
}

bool dns_text_next(const uint8_t *text, size_t size, size_t *position, const char **ret_key,
                   size_t *ret_key_size, const char **ret_value, size_t *ret_value_size)
{
    while (*position < size) {
        size_t length = text[*position];
        const char *string = (const char *)text + *position + 1;
        if (length > size - *position - 1)
            return false;
        *position += length + 1;
        const char *equals = length ? memchr(string, '=', length) : NULL;
        if (length == 0 || equals == string) /* RFC 6763, 6.4: without a key it is to be ignored */
            continue;
        *ret_key = string;
        *ret_key_size = equals ? (size_t)(equals - string) : length;
        *ret_value = equals ? equals + 1 : NULL;
        *ret_value_size = equals ? length - *ret_key_size - 1 : 0;
        return true;
    }
    return false;
}

/* Writing */

/* A write that may turn out not to fit. */
struct draft {
    struct dns_writer *writer;
    size_t size;
    unsigned n_names; /* before it */
    int error;
};

static unsigned count_names(const struct dns_writer *writer)
{
    unsigned n = 0;
    while (n < DNS_WRITER_NAMES && writer->names[n])
        n++;
    return n;
}

static struct draft begin(struct dns_writer *writer)
{
    return (struct draft){.writer = writer, .size = writer->size, .n_names = count_names(writer)};
}

static uint8_t *take(struct draft *draft, size_t n)
{
    if (draft->error == 0 && n > DNS_PACKET_MAX - draft->size)
        draft->error = BLEPROXY_E_LIMIT;
    if (draft->error)
        return NULL;
    draft->size += n;
    return draft->writer->bytes + draft->size - n;
}

static void write16(struct draft *draft, uint16_t value)
{
    uint8_t *at = take(draft, 2);
    if (at)
        put16(at, value);
}

static void write_bytes(struct draft *draft, const void *bytes, size_t n)
{
    uint8_t *at = take(draft, n);
    if (at && n > 0)
        memcpy(at, bytes, n);
}

/* Whether it is one at all: dn_comp() does not tell that apart from a lack of room. */
static bool is_name(const char *name)
{
    uint8_t wire[NS_MAXCDNAME];
    return *name && dn_comp(name, wire, sizeof(wire), NULL, NULL) > 1;
}

static void write_name(struct draft *draft, const char *name)
{
    struct dns_writer *writer = draft->writer;
    if (draft->error)
        return;
    if (!is_name(name)) {
        draft->error = BLEPROXY_E_INVALID;
        return;
    }
    unsigned char **names = (unsigned char **)(void *)writer->names;
    int n = dn_comp(name, writer->bytes + draft->size, (int)(DNS_PACKET_MAX - draft->size), names,
                    names + DNS_WRITER_NAMES);
    if (n < 0)
        draft->error = BLEPROXY_E_LIMIT;
    else
        draft->size += (size_t)n;
}

static int commit(struct draft *draft)
{
    struct dns_writer *writer = draft->writer;
    if (draft->error) {
        if (draft->n_names < DNS_WRITER_NAMES)
            writer->names[draft->n_names] = NULL; /* nobody may point to what was not written */
        return draft->error;
    }
    writer->size = draft->size;
    uint8_t *count = writer->bytes + 4 + 2 * writer->section;
    put16(count, (uint16_t)(get16(count) + 1));
    return 0;
}

void dns_write(struct dns_writer *writer, uint16_t id, bool is_response)
{
    memset(writer, 0, sizeof(*writer));
    writer->names[0] = writer->bytes;
    writer->size = HEADER_SIZE;
    writer->section = ns_s_qd;
    put16(writer->bytes, id);
    put16(writer->bytes + 2, is_response ? FLAG_RESPONSE | FLAG_AUTHORITATIVE : 0);
}

int dns_write_question(struct dns_writer *writer, const struct dns_question *question)
{
    if (writer->section != ns_s_qd)
        return BLEPROXY_E_INVALID;
    struct draft draft = begin(writer);
    write_name(&draft, question->name);
    write16(&draft, question->type);
    write16(&draft, (uint16_t)(CLASS_IN | (question->unicast ? CLASS_TOP : 0)));
    return commit(&draft);
}

static void write_data(struct draft *draft, const struct dns_record *record)
{
    static const uint8_t empty_text[1];
    switch (record->type) {
    case DNS_A:
        write_bytes(draft, record->address, 4);
        break;
    case DNS_AAAA:
        write_bytes(draft, record->address, 16);
        break;
    case DNS_PTR:
        write_name(draft, record->target);
        break;
    case DNS_SRV:
        write16(draft, 0);
        write16(draft, 0);
        write16(draft, record->port);
        write_name(draft, record->target);
        break;
    case DNS_TXT: /* RFC 6763, 6.1: never without a string */
        write_bytes(draft, record->text_size ? record->text : empty_text,
                    record->text_size ? record->text_size : 1);
        break;
    case DNS_ANY:
        draft->error = BLEPROXY_E_INVALID;
        break;
    }
}

int dns_write_record(struct dns_writer *writer, const struct dns_record *record)
{
    int section = writer->section;
    if (section == ns_s_qd)
        writer->section = ns_s_an;
    struct draft draft = begin(writer);
    write_name(&draft, record->name);
    write16(&draft, (uint16_t)record->type);
    write16(&draft, (uint16_t)(CLASS_IN | (record->flush ? CLASS_TOP : 0)));
    write16(&draft, (uint16_t)(record->ttl_s >> 16));
    write16(&draft, (uint16_t)record->ttl_s);
    uint8_t *length = take(&draft, 2);
    size_t before = draft.size;
    write_data(&draft, record);
    if (length)
        put16(length, (uint16_t)(draft.size - before));
    int error = commit(&draft);
    if (error)
        writer->section = section;
    return error;
}

void dns_write_additional(struct dns_writer *writer)
{
    writer->section = ns_s_ar;
}

int dns_text_append(uint8_t *text, size_t capacity, size_t *size, const char *key, const char *value)
{
    size_t key_size = strlen(key), value_size = value ? strlen(value) : 0;
    if (key_size > UINT8_MAX || value_size > UINT8_MAX)
        return BLEPROXY_E_LIMIT;
    size_t length = key_size + (value ? 1 + value_size : 0);
    if (length > UINT8_MAX || *size > capacity || length + 1 > capacity - *size)
        return BLEPROXY_E_LIMIT;
    uint8_t *at = text + *size;
    *at++ = (uint8_t)length;
    memcpy(at, key, key_size);
    if (value) {
        at[key_size] = '=';
        memcpy(at + key_size + 1, value, value_size);
    }
    *size += length + 1;
    return 0;
}
