/* SPDX-License-Identifier: MIT */
/* A DNS message: all of it is read, and what was read can be written and read again. */
#include "fuzz.h"

#include "discovery/dns.h"

static void check_name(const char *name)
{
    char label[DNS_LABEL_MAX + 1], again[DNS_NAME_SIZE];
    size_t size;
    FUZZ_CHECK(strlen(name) < DNS_NAME_SIZE && dns_name_equals(name, name));
    const char *dot = strchr(name, '.');
    if (dot && dns_label(name, dot + 1, label, &size))
        FUZZ_CHECK(size > 0 && size <= DNS_LABEL_MAX && label[size] == '\0' &&
                   (!dns_name_make(again, label, size, dot + 1) || dns_name_equals(again, name)));
}

static void check_text(const struct dns_record *record)
{
    size_t position = 0, key_size, value_size;
    const char *key, *value, *end = (const char *)record->text + record->text_size;
    while (dns_text_next(record->text, record->text_size, &position, &key, &key_size, &value, &value_size)) {
        FUZZ_CHECK(key_size > 0 && key + key_size <= end);
        FUZZ_CHECK(value ? value + value_size <= end : value_size == 0);
    }
}

static void check_same(const struct dns_record *a, const struct dns_record *b)
{
    FUZZ_CHECK(dns_name_equals(a->name, b->name) && a->type == b->type && a->flush == b->flush &&
               a->ttl_s == b->ttl_s);
    FUZZ_CHECK(dns_name_equals(a->target, b->target) && a->port == b->port);
    FUZZ_CHECK(memcmp(a->address, b->address, sizeof(a->address)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_reader reader, again;
    struct dns_question question;
    struct dns_record record, copy;
    static struct dns_writer writer, alone;
    if (dns_read(&reader, data, size) < 0)
        return 0;
    dns_write(&writer, reader.id, reader.is_response);
    unsigned n = 0;
    while (dns_next_question(&reader, &question)) {
        check_name(question.name);
        dns_write_question(&writer, &question);
        n++;
    }
    while (dns_next_record(&reader, &record)) {
        check_name(record.name);
        check_name(record.target);
        check_text(&record);
        dns_write_record(&writer, &record);
        n++;
        dns_write(&alone, 0, true);
        if (dns_write_record(&alone, &record) < 0)
            continue;
        FUZZ_CHECK(dns_read(&again, alone.bytes, alone.size) == 0 && dns_next_record(&again, &copy));
        check_same(&record, &copy);
        FUZZ_CHECK(!dns_next_record(&again, &copy));
    }
    FUZZ_CHECK(n <= DNS_RECORDS_MAX && dns_read(&again, writer.bytes, writer.size) == 0);
    return 0;
}
