/* SPDX-License-Identifier: MIT */
#ifndef TESTS_DISCOVERY_FIXTURE_H
#define TESTS_DISCOVERY_FIXTURE_H

#include "support.h"

#include "discovery/announcement.h"
#include "discovery/netif.h"
#include <stdio.h>
#include <string.h>

/* A network of 192.0.2.0/24 and 2001:db8::/64 on interface 2, with a neighbour at .10. */
static const struct netif lan = {
    .index = 2,
    .n_networks = 2,
    .networks = {{{.family = 4, .bytes = {192, 0, 2, 1}}, 24},
                 {{.family = 6, .bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}}, 64}},
};
static const struct netif other_lan = {
    .index = 3, .n_networks = 1, .networks = {{{.family = 4, .bytes = {198, 51, 100, 1}}, 24}}};
static const struct net_address neighbour = {.family = 4, .bytes = {192, 0, 2, 10}, .port = DNS_PORT};
static const struct net_address other_neighbour = {
    .family = 4, .bytes = {198, 51, 100, 10}, .port = DNS_PORT};

static inline struct dns_record record_a(const char *name, uint8_t last, uint32_t ttl_s)
{
    struct dns_record record = {.type = DNS_A, .flush = true, .ttl_s = ttl_s, .address = {192, 0, 2, last}};
    snprintf(record.name, sizeof(record.name), "%s", name);
    return record;
}

/* A link-local one. */
static inline struct dns_record record_aaaa(const char *name, uint8_t last, uint32_t ttl_s)
{
    struct dns_record record = {
        .type = DNS_AAAA, .flush = true, .ttl_s = ttl_s, .address = {0xfe, 0x80, [15] = last}};
    snprintf(record.name, sizeof(record.name), "%s", name);
    return record;
}

static inline struct dns_record record_ptr(const char *label, uint32_t ttl_s)
{
    struct dns_record record = {.type = DNS_PTR, .ttl_s = ttl_s, .name = ESPHOME_SERVICE};
    assert_true(dns_name_make(record.target, label, strlen(label), ESPHOME_SERVICE));
    return record;
}

static inline struct dns_record record_srv(const char *label, const char *host, uint16_t port, uint32_t ttl_s)
{
    struct dns_record record = {.type = DNS_SRV, .flush = true, .ttl_s = ttl_s, .port = port};
    assert_true(dns_name_make(record.name, label, strlen(label), ESPHOME_SERVICE));
    snprintf(record.target, sizeof(record.target), "%s", host);
    return record;
}

/* text: "key=value" strings with a ';' between them, in static memory that lives until the 4th next call. */
static inline struct dns_record record_txt(const char *label, const char *text, uint32_t ttl_s)
{
    static uint8_t ring[4][1024];
    static unsigned next;
    uint8_t *bytes = ring[next++ % 4];
    size_t size = 0;
    for (const char *string = text; *string;) {
        size_t length = strcspn(string, ";");
        bytes[size++] = (uint8_t)length;
        memcpy(bytes + size, string, length);
        size += length;
        string += length + (string[length] == ';');
    }
    struct dns_record record = {
        .type = DNS_TXT, .flush = true, .ttl_s = ttl_s, .text = bytes, .text_size = size};
    assert_true(dns_name_make(record.name, label, strlen(label), ESPHOME_SERVICE));
    return record;
}

static inline void write_response(struct dns_writer *writer, const struct dns_record *records, size_t n)
{
    dns_write(writer, 0, true);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(dns_write_record(writer, &records[i]), 0);
}

/* What was sent, in short: "A kitchen.local, AAAA kitchen.local", known answers as "!target". */
static inline void describe(const struct dns_writer *message, char *out, size_t capacity)
{
    struct dns_reader reader;
    struct dns_question question;
    struct dns_record record;
    size_t n = 0;
    assert_int_equal(dns_read(&reader, message->bytes, message->size), 0);
    assert_false(reader.is_response);
    *out = '\0';
    while (dns_next_question(&reader, &question)) {
        const char *type = question.type == DNS_A      ? "A"
                           : question.type == DNS_AAAA ? "AAAA"
                           : question.type == DNS_PTR  ? "PTR"
                           : question.type == DNS_SRV  ? "SRV"
                           : question.type == DNS_TXT  ? "TXT"
                                                       : "?";
        assert_false(question.unicast);
        n += (size_t)snprintf(out + n, capacity - n, "%s%s %s", n ? ", " : "", type, question.name);
        assert_true(n < capacity);
    }
    while (dns_next_record(&reader, &record)) {
        n += (size_t)snprintf(out + n, capacity - n, " !%s", record.target);
        assert_true(n < capacity);
    }
}

#endif
