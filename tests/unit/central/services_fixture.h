/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SERVICES_FIXTURE_H
#define TESTS_SERVICES_FIXTURE_H

#include "support.h"

#include "central/services.h"
#include "wire/uuid.h"
#include <string.h>

/* A database as a table: each row belongs to the last row of the level above it. */
struct row {
    char level;       /* 's'ervice, 'c'haracteristic, 'd'escriptor */
    const char *uuid; /* of 4 or 8 digits: sent as a number; in full: as words; NULL: not at all */
    uint32_t handle, properties;
};
#define ROWS(rows) rows, sizeof(rows) / sizeof((rows)[0])

enum { FIXTURE_ROWS_MAX = 16 }; /* in one service */

static inline void fixture_uuid(const char *text, uint64_t words[2], size_t *n_words, uint64_t **ret_words,
                                uint32_t *number)
{
    struct bleproxy_uuid uuid;
    if (!text)
        return;
    assert_int_equal(bleproxy_uuid_parse(text, &uuid), 0);
    if (strlen(text) > 8) {
        uuid_to_words(&uuid, words);
        *n_words = 2;
        *ret_words = words;
        return;
    }
    for (size_t i = 0; i < uuid.size; i++)
        *number = *number << 8 | uuid.bytes[i];
}

/* Adds the service that the first row is, and what belongs to it. Returns the number of rows. */
static inline size_t fixture_add_service(struct services_builder *builder, const struct row *rows, size_t n)
{
    BluetoothGATTService service = BLUETOOTH_GATTSERVICE__INIT;
    BluetoothGATTCharacteristic characteristics[FIXTURE_ROWS_MAX], *in_service[FIXTURE_ROWS_MAX];
    BluetoothGATTDescriptor descriptors[FIXTURE_ROWS_MAX], *in_characteristic[FIXTURE_ROWS_MAX];
    uint64_t words[FIXTURE_ROWS_MAX][2];
    size_t n_descriptors = 0, i;
    service.handle = rows[0].handle;
    service.characteristics = in_service;
    fixture_uuid(rows[0].uuid, words[0], &service.n_uuid, &service.uuid, &service.short_uuid);
    for (i = 1; i < n && rows[i].level != 's'; i++) {
        assert_true(i < FIXTURE_ROWS_MAX);
        BluetoothGATTCharacteristic *c = &characteristics[service.n_characteristics];
        if (rows[i].level == 'c') {
            bluetooth_gattcharacteristic__init(c);
            c->handle = rows[i].handle;
            c->properties = rows[i].properties;
            c->descriptors = &in_characteristic[n_descriptors];
            fixture_uuid(rows[i].uuid, words[i], &c->n_uuid, &c->uuid, &c->short_uuid);
            in_service[service.n_characteristics++] = c;
        } else {
            BluetoothGATTDescriptor *d = &descriptors[n_descriptors];
            bluetooth_gattdescriptor__init(d);
            d->handle = rows[i].handle;
            fixture_uuid(rows[i].uuid, words[i], &d->n_uuid, &d->uuid, &d->short_uuid);
            in_characteristic[n_descriptors++] = d;
            c[-1].n_descriptors++;
        }
    }
    services_builder_add(builder, &service);
    return i;
}

static inline void fixture_add(struct services_builder *builder, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n;)
        i += fixture_add_service(builder, rows + i, n - i);
}

/* The result of services_builder_finish(). */
static inline int fixture_build(const struct env *env, const struct row *rows, size_t n,
                                struct services **ret_services)
{
    struct services_builder builder;
    services_builder_init(&builder, env);
    fixture_add(&builder, rows, n);
    return services_builder_finish(&builder, ret_services);
}

static inline struct services *fixture_services(const struct env *env, const struct row *rows, size_t n)
{
    struct services *services = NULL;
    assert_int_equal(fixture_build(env, rows, n, &services), 0);
    return services;
}

static inline struct bleproxy_uuid fixture_parse(const char *text)
{
    struct bleproxy_uuid uuid;
    assert_int_equal(bleproxy_uuid_parse(text, &uuid), 0);
    return uuid;
}

/* Whether the bytes of every UUID, every handle and every property agree. */
static inline void assert_services_equal(const struct bleproxy_services *a, const struct bleproxy_services *b)
{
    assert_int_equal(a->n_services, b->n_services);
    for (size_t i = 0; i < a->n_services; i++) {
        const struct bleproxy_service *s = &a->services[i], *t = &b->services[i];
        assert_memory_equal(&s->uuid, &t->uuid, sizeof(s->uuid));
        assert_int_equal(s->handle, t->handle);
        assert_int_equal(s->n_characteristics, t->n_characteristics);
        for (size_t j = 0; j < s->n_characteristics; j++) {
            const struct bleproxy_characteristic *c = &s->characteristics[j], *d = &t->characteristics[j];
            assert_memory_equal(&c->uuid, &d->uuid, sizeof(c->uuid));
            assert_int_equal(c->handle, d->handle);
            assert_int_equal(c->properties, d->properties);
            assert_ptr_equal(c->service, s);
            assert_ptr_equal(d->service, t);
            assert_int_equal(c->n_descriptors, d->n_descriptors);
            for (size_t k = 0; k < c->n_descriptors; k++) {
                assert_memory_equal(&c->descriptors[k].uuid, &d->descriptors[k].uuid, sizeof(c->uuid));
                assert_int_equal(c->descriptors[k].handle, d->descriptors[k].handle);
            }
        }
    }
}

#endif
