/* SPDX-License-Identifier: MIT */
#ifndef DISCOVERY_DNS_H
#define DISCOVERY_DNS_H

#include <arpa/nameser.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* DNS messages as multicast DNS sends them (RFC 1035, RFC 6762), by libresolv. Nothing here allocates.
 *
 * Names are text without the last dot, labels between dots; what is not plain in a label is escaped as libresolv does
 * it: "\." for a dot, "\032" for a space. They come from strangers and are not sanitised: see dns_label(). */

enum {
    DNS_PORT = 5353,
    DNS_MESSAGE_MAX = 9000, /* RFC 6762, 17: no message is larger, headers included */
    DNS_PACKET_MAX = 1440,  /* what we send at most: fits any Ethernet */
    DNS_NAME_SIZE = 256,    /* a name with its NUL; records with longer ones are left out */
    DNS_RECORDS_MAX = 256,  /* records read of a message, questions too; the rest is left out */
    DNS_NAME_STEPS = 160,   /* labels, at most 127, and pointers that a name takes; one of more is left out */
    DNS_LABEL_MAX = 63,
};

enum dns_type {
    DNS_A = 1,
    DNS_PTR = 12,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_SRV = 33,
    DNS_ANY = 255, /* of questions only */
};

struct dns_question {
    char name[DNS_NAME_SIZE];
    uint16_t type; /* of any kind */
    bool unicast;  /* the answer may go to the one who asks alone: the QU bit */
};

struct dns_record {
    char name[DNS_NAME_SIZE];
    enum dns_type type;
    bool flush;     /* what else was known of this name and type is outdated: the cache-flush bit */
    uint32_t ttl_s; /* 0: goodbye, the record is gone */
    /* By type; the rest is zero. */
    char target[DNS_NAME_SIZE]; /* PTR: the instance; SRV: the host */
    uint16_t port;              /* SRV */
    uint8_t address[16];        /* A: the first 4 bytes; AAAA */
    const uint8_t *text;        /* TXT: for dns_text_next(); borrowed, from the message when it was read */
    size_t text_size;
};

/* Whether two names are one: ASCII letters of any case are the same. */
bool dns_name_equals(const char *a, const char *b);
/* The same for names that are one. Strangers who do not know the key cannot choose names of which many have the same. */
uint64_t dns_name_hash(const char *name, uint64_t key);
/* Whether name is the label, unescaped, followed by ".suffix" ("_esphomelib._tcp.local"): writes it, n <= DNS_LABEL_MAX
 * bytes of anything and a NUL, to ret_label. */
bool dns_label(const char *name, const char *suffix, char ret_label[DNS_LABEL_MAX + 1], size_t *ret_size);
/* The other way round: the name "LABEL.SUFFIX", or false when label is empty or does not fit. */
bool dns_name_make(char ret_name[DNS_NAME_SIZE], const void *label, size_t size, const char *suffix);

/* Reading. */

struct dns_reader {
    ns_msg message;
    uint16_t id;
    bool is_response; /* else a query */
    int section, index;
    const uint8_t *entry; /* the next one */
    unsigned n_read;
};

/* Begins to read a message, which is borrowed. 0, or BLEPROXY_E_PROTOCOL: no DNS message, or one that RFC 6762, 18 wants
 * ignored (another opcode, an error code). */
int dns_read(struct dns_reader *reader, const uint8_t *message, size_t size);
/* The next question of class IN; false at their end. Questions come before records: once dns_next_record() was called
 * there are no more. */
bool dns_next_question(struct dns_reader *reader, struct dns_question *ret_question);
/* The next record of class IN and of a type above; false at their end. The records of all three sections in one row, what
 * is malformed or unknown left out. */
bool dns_next_record(struct dns_reader *reader, struct dns_record *ret_record);
/* Whether the record that was read last is an answer, not an additional record: of a query, what it knows already. */
bool dns_is_answer(const struct dns_reader *reader);
/* The strings of a TXT record in turn, "key=value" or "key": start with *position = 0; false at the end. value is NULL for
 * a key alone. Bytes of anything, borrowed. */
bool dns_text_next(const uint8_t *text, size_t size, size_t *position, const char **ret_key,
                   size_t *ret_key_size, const char **ret_value, size_t *ret_value_size);

/* Writing: questions, then answers, then additional records. */

enum { DNS_WRITER_NAMES = 64 }; /* names that later ones may point to */

struct dns_writer {
    uint8_t bytes[DNS_PACKET_MAX];
    size_t size; /* the message so far, complete after each call */
    int section; /* into which records go */
    const uint8_t *names[DNS_WRITER_NAMES];
};

/* Begins a query, or a response, which is authoritative. id is 0 but for one-shot queries from another port than 5353
 * and the answers to them. */
void dns_write(struct dns_writer *writer, uint16_t id, bool is_response);
/* 0, or BLEPROXY_E_LIMIT: it no longer fits, the message is as it was; BLEPROXY_E_INVALID: not a name, or a question after
 * a record. */
int dns_write_question(struct dns_writer *writer, const struct dns_question *question);
/* The same. flush is to be false in a query's known answers and in what goes to a one-shot querier. */
int dns_write_record(struct dns_writer *writer, const struct dns_record *record);
/* Records from now on are additional ones. */
void dns_write_additional(struct dns_writer *writer);
/* Appends "key=value" to a TXT record's bytes under construction; value NULL: "key" alone. 0, BLEPROXY_E_LIMIT (capacity,
 * or a string of over 255 bytes). */
int dns_text_append(uint8_t *text, size_t capacity, size_t *size, const char *key, const char *value);

#endif
