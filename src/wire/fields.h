/* SPDX-License-Identifier: MIT */
#ifndef WIRE_FIELDS_H
#define WIRE_FIELDS_H

#include <bleproxy/advertisement.h>
#include <string.h>

/* What advertisements say of a device, in one flat block: service UUIDs, then service data, then manufacturer
 * data, each in the order first heard. Keys are canonical (shortest UUID). Packed entries, so that a whole
 * device is one allocation: u8 kind, u8 key size (2, 4 or 16; companies 2), u16 value size (little endian),
 * key (most significant first), value Besides them the name and the transmit power, which are not part of the
 * block. */
enum {
    /* Real devices stay under 300 bytes; one that rotates keys to make us grow stops here. */
    FIELDS_MAX = 4096,
    FIELDS_NAME_MAX = 248, /* GAP: a device name has at most 248 bytes */
};

enum { FIELDS_HEADER = 4 }; /* of an entry, before its key */

/* Bytes of a whole entry. */
static inline size_t fields_entry_size(const uint8_t *entry)
{
    return FIELDS_HEADER + entry[1] + (size_t)(entry[2] | entry[3] << 8);
}

/* Keys have at least two bytes, mostly no more. */
static inline bool fields_has_key(const uint8_t *entry, const uint8_t *key, size_t key_size)
{
    const uint8_t *held = entry + FIELDS_HEADER;
    return entry[1] == key_size && held[0] == key[0] && held[1] == key[1] &&
           (key_size == 2 || memcmp(held + 2, key + 2, key_size - 2) == 0);
}

/* Bytes in caller's memory. */
struct fields {
    uint8_t *bytes; /* capacity FIELDS_MAX */
    size_t size;
    size_t uuids_end, services_end; /* where the service data and the manufacturer data start */
    bool truncated;                 /* something did not fit and was left out */
    const uint8_t *name;            /* as advertised (any bytes), or NULL */
    size_t name_size;
    int16_t tx_power_dbm; /* or BLEPROXY_TX_POWER_NONE */
};

void fields_init(struct fields *fields, uint8_t *memory);

/* Parses AD structures into empty fields: the rules of bluetooth-data-tools' parser. name borrows from raw.
 */
void fields_parse(struct fields *fields, const uint8_t *raw, size_t size);

/* Adds one entry. A service UUID is appended (duplicates too); service and manufacturer data replace the
 * value of an equal key in its place, or are appended. Kinds may come in any order: the block keeps them
 * grouped. */
void fields_add_uuid(struct fields *fields, const struct bleproxy_uuid *uuid);
void fields_set_service_data(struct fields *fields, const struct bleproxy_uuid *uuid, const uint8_t *data,
                             size_t size);
void fields_set_manufacturer_data(struct fields *fields, uint16_t company, const uint8_t *data, size_t size);

/* Writes to *merged (empty, other memory) what is known after heard comes on top of held, a packed block as a
 * view carries it. Per kind: nothing heard keeps held; UUIDs equal as lists keep held, others become the stable union;
 * data maps are overlaid, existing keys keep their place. What is new but does not fit is left out, as is a longer value in place of a shorter one. Name and
 * transmit power are not touched. Returns whether merged differs from held. */
bool fields_merge(struct fields *merged, const uint8_t *held, size_t held_size, const struct fields *heard);

/* Whether bytes from outside are a packed block: nothing that reads one leaves it. That no key comes twice is not looked at. */
bool fields_is_block(const uint8_t *bytes, size_t size);

/* Whether two packed blocks tell the same: UUIDs in the same order, data in any. */
bool fields_equal(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size);

/* Copies text as UTF-8 with each invalid sequence replaced by U+FFFD, as Python's errors="replace" does;
 * NUL-terminates. Stops before a character that does not fit. Returns the bytes written without the NUL.
 * capacity > 0. */
size_t fields_decode_name(char *out, size_t capacity, const uint8_t *text, size_t size);

#endif
