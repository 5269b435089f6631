/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_RADIO_H
#define TESTS_FUZZ_RADIO_H

#include "fuzz.h"

#include "server/server.h"

/* Bluetooth devices that do as their address says, and check that the server asks only what makes sense. */
enum {
    DEVICE_OPENS_LATER = 0x01, /* with the next radio_catch_up(), else at once */
    DEVICE_ANSWERS_LATER = 0x02,
    DEVICE_STAYS = 0x04,    /* never confirms that the link is closed */
    DEVICE_FAILS = 0x08,    /* to open */
    DEVICE_HANGS_UP = 0x10, /* when it is written to */
    DEVICE_REFUSES = 0x20,  /* connections, and whatever is answered at once */
    DEVICE_LOSSY = 0x40,
};

enum { RADIO_LINKS = 3, RADIO_OWED_MAX = 32 };

struct radio_link {
    uint64_t address; /* 0: none */
    bool up, pairing;
    size_t n_owed;
    uint16_t owed[RADIO_OWED_MAX]; /* handles to be answered */
    bool owed_write[RADIO_OWED_MAX];
};

struct radio {
    struct server *server;
    struct radio_link links[RADIO_LINKS];
};

static inline struct radio_link *radio_find(struct radio *radio, uint64_t address)
{
    for (size_t i = 0; i < RADIO_LINKS; i++)
        if (radio->links[i].address == address)
            return &radio->links[i];
    return NULL;
}

static inline struct radio_link *radio_find_up(struct radio *radio, uint64_t address)
{
    struct radio_link *link = radio_find(radio, address);
    FUZZ_CHECK(address != 0 && link && link->up);
    return link;
}

static inline void radio_answer(struct radio *radio, uint64_t address, uint16_t handle, bool written,
                                uint64_t now_ns)
{
    static const uint8_t value[40] = "value";
    int32_t status = handle % 8 == 7 ? 5 : 0;
    if (written)
        server_link_written(radio->server, address, handle, status, now_ns);
    else
        server_link_value(radio->server, address, handle, status, value, handle % sizeof(value), now_ns);
}

/* Answers what is owed, and is gone. */
static inline void radio_settle(struct radio *radio, struct radio_link *link, uint64_t now_ns)
{
    struct radio_link was = *link;
    link->n_owed = 0;
    link->pairing = false;
    for (size_t i = 0; i < was.n_owed; i++)
        radio_answer(radio, was.address, was.owed[i], was.owed_write[i], now_ns);
    if (was.pairing)
        server_link_paired(radio->server, was.address, was.address & 1, 0, now_ns);
}

static inline void radio_end(struct radio *radio, struct radio_link *link, int32_t reason, uint64_t now_ns)
{
    uint64_t address = link->address;
    radio_settle(radio, link, now_ns);
    *link = (struct radio_link){0};
    server_link_closed(radio->server, address, reason, now_ns);
}

static inline void radio_bring_up(struct radio *radio, struct radio_link *link, uint64_t now_ns)
{
    if (link->address & DEVICE_FAILS) {
        radio_end(radio, link, 0x85, now_ns);
    } else {
        link->up = true;
        server_link_opened(radio->server, link->address, 247, now_ns);
    }
}

static inline void radio_open(void *user, uint64_t address, uint8_t address_type, bool cached,
                              uint64_t now_ns)
{
    struct radio *radio = user;
    (void)cached;
    FUZZ_CHECK(address != 0 && address >> 48 == 0 && address_type <= 3);
    FUZZ_CHECK(!radio_find(radio, address));
    for (size_t i = 0; i < RADIO_LINKS; i++)
        FUZZ_CHECK(!radio->links[i].address || radio->links[i].up); /* one after the other */
    struct radio_link *link = radio_find(radio, 0);
    FUZZ_CHECK(link != NULL);
    link->address = address;
    if (!(address & DEVICE_OPENS_LATER))
        radio_bring_up(radio, link, now_ns);
}

static inline void radio_close(void *user, uint64_t address, uint64_t now_ns)
{
    struct radio *radio = user;
    struct radio_link *link = radio_find(radio, address);
    FUZZ_CHECK(address != 0 && link);
    if (address & DEVICE_STAYS)
        *link = (struct radio_link){0};
    else
        radio_end(radio, link, 0x16, now_ns);
}

static inline const struct server_service *radio_services(void *user, uint64_t address, size_t *ret_n)
{
    static const struct server_descriptor descriptors[] = {{{2, {0x29, 0x02}}, 4}};
    static const struct server_characteristic characteristics[] = {
        {{2, {0x2a, 0x19}}, 3, 0x12, descriptors, 1},
        {{16, {1, 2, 3, 4, 5, 6, 7, 8}}, 6, 0x08, NULL, 0},
    };
    static const struct server_service services[] = {
        {{2, {0x18, 0x0f}}, 1, characteristics, 1},
        {{4, {1, 0, 0x18, 0x0f}}, 5, characteristics + 1, 1},
        {{16, {9, 8, 7}}, 7, NULL, 0},
    };
    struct radio *radio = user;
    radio_find_up(radio, address);
    *ret_n = address & DEVICE_FAILS ? 0 : sizeof(services) / sizeof(*services);
    return services;
}

static inline void radio_request(struct radio *radio, uint64_t address, uint16_t handle, bool write,
                                 uint64_t now_ns)
{
    struct radio_link *link = radio_find_up(radio, address);
    if (address & DEVICE_ANSWERS_LATER && link->n_owed < RADIO_OWED_MAX) {
        link->owed[link->n_owed] = handle;
        link->owed_write[link->n_owed++] = write;
    } else {
        radio_answer(radio, address, handle, write, now_ns);
    }
}

static inline void radio_read(void *user, uint64_t address, uint16_t handle, uint64_t now_ns)
{
    radio_request(user, address, handle, false, now_ns);
}

static inline void radio_write(void *user, uint64_t address, uint16_t handle, const uint8_t *value,
                               size_t size, bool response, uint64_t now_ns)
{
    struct radio *radio = user;
    (void)response;
    /* What is written comes back, if that is wanted. */
    server_link_notification(radio->server, address, handle, value, size, now_ns);
    radio_request(radio, address, handle, true, now_ns);
    if (address & DEVICE_HANGS_UP)
        radio_end(radio, radio_find_up(radio, address), 0x13, now_ns);
}

static inline int32_t radio_notify(void *user, uint64_t address, uint16_t handle, bool enable,
                                   uint64_t now_ns)
{
    struct radio *radio = user;
    (void)handle;
    (void)now_ns;
    radio_find_up(radio, address);
    return enable && address & DEVICE_REFUSES ? 1 : 0;
}

static inline void radio_pair(void *user, uint64_t address, uint64_t now_ns)
{
    struct radio *radio = user;
    struct radio_link *link = radio_find_up(radio, address);
    FUZZ_CHECK(!link->pairing);
    if (address & DEVICE_ANSWERS_LATER)
        link->pairing = true;
    else
        server_link_paired(radio->server, address, true, 0, now_ns);
}

static inline bool radio_is_paired(void *user, uint64_t address)
{
    (void)user;
    return address % 5 == 0;
}

static inline int32_t radio_forget(void *user, uint64_t address, uint64_t now_ns)
{
    (void)user;
    (void)now_ns;
    return address & DEVICE_REFUSES ? -1 : 0;
}

static inline int32_t radio_set_parameters(void *user, uint64_t address, uint16_t interval_min,
                                           uint16_t interval_max, uint16_t latency, uint16_t timeout,
                                           uint64_t now_ns)
{
    (void)interval_min;
    (void)interval_max;
    (void)latency;
    (void)timeout;
    radio_find_up(user, address);
    return radio_forget(user, address, now_ns);
}

static inline bool radio_loses(void *user, uint32_t message_type, uint64_t address)
{
    (void)user;
    return address & DEVICE_LOSSY && message_type % 2;
}

static inline bool radio_refuses(void *user, uint64_t address)
{
    (void)user;
    return (address & (DEVICE_REFUSES | DEVICE_FAILS)) == (DEVICE_REFUSES | DEVICE_FAILS);
}

static const struct server_link_ops radio_links = {
    .open = radio_open,
    .close = radio_close,
    .services = radio_services,
    .read = radio_read,
    .write = radio_write,
    .notify = radio_notify,
    .pair = radio_pair,
    .is_paired = radio_is_paired,
    .unpair = radio_forget,
    .clear_cache = radio_forget,
    .set_parameters = radio_set_parameters,
    .loses = radio_loses,
    .refuses = radio_refuses,
};

/* Does what was put off. */
static inline void radio_catch_up(struct radio *radio, uint64_t now_ns)
{
    for (size_t i = 0; i < RADIO_LINKS; i++) {
        struct radio_link *link = &radio->links[i];
        if (link->address && !link->up)
            radio_bring_up(radio, link, now_ns);
        if (link->address)
            radio_settle(radio, link, now_ns);
    }
}

/* Nobody is connected any more. */
static inline void radio_check_idle(const struct radio *radio)
{
    for (size_t i = 0; i < RADIO_LINKS; i++)
        FUZZ_CHECK(!radio->links[i].address);
}

#endif
