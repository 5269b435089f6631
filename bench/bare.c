/* SPDX-License-Identifier: MIT */
#include "bare.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_SIZE = 64 * 1024, FIELD_ADDRESS = 0x08, FIELD_HANDLE = 0x10, FIELD_VALUE = 0x1a };

/* Messages by number. */
enum {
    HELLO = 1,
    SUBSCRIBE_ADVERTISEMENTS = 66,
    DEVICE_REQUEST = 68,
    DEVICE_CONNECTION = 69,
    GATT_WRITE = 75,
    GATT_WRITE_DESCRIPTOR = 77,
    GATT_NOTIFY = 78,
    GATT_NOTIFY_DATA = 79,
    GATT_WRITE_ANSWER = 83,
    DEVICE_CONNECT = 5, /* discovering the services */
};

static uint8_t received[RECEIVE_SIZE];
static size_t n_received; /* the start of a frame is left over */

static void must(int result, const char *what)
{
    if (result >= 0)
        return;
    perror(what);
    exit(1);
}

/* ---- Sending ---- */

static uint8_t *put_varint(uint8_t *out, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        *out++ = (uint8_t)(value | 0x80);
    *out++ = (uint8_t)value;
    return out;
}

/* fields: values of the fields 1 to n_fields; behind them, as another one, bytes. */
static void send_message(const struct bare *bare, uint8_t type, const uint64_t *fields, uint8_t n_fields,
                         const uint8_t *bytes, uint8_t size)
{
    uint8_t frame[128] = {0, 0, type}, *out = frame + 3;
    for (uint8_t i = 0; i < n_fields; i++) {
        *out++ = (uint8_t)((i + 1) << 3);
        out = put_varint(out, fields[i]);
    }
    if (size > 0) {
        *out++ = (uint8_t)((n_fields + 1) << 3 | 2);
        *out++ = size;
        memcpy(out, bytes, size);
        out += size;
    }
    frame[1] = (uint8_t)(out - frame - 3);
    must((int)send(bare->fd, frame, (size_t)(out - frame), MSG_NOSIGNAL), "send");
}

/* ---- Receiving ---- */

typedef void notification_fn(void *user, uint16_t handle, const uint8_t *value, size_t size);

static const uint8_t *get_varint(const uint8_t *in, const uint8_t *end, uint64_t *ret_value)
{
    *ret_value = 0;
    for (unsigned shift = 0; in < end && shift < 64; shift += 7) {
        *ret_value |= (uint64_t)(*in & 0x7f) << shift;
        if (!(*in++ & 0x80))
            return in;
    }
    return NULL;
}

static void read_notification(const uint8_t *in, const uint8_t *end, uint64_t address,
                              notification_fn *on_notification, void *user)
{
    uint64_t from = 0, handle = 0, size = 0;
    const uint8_t *value = NULL;
    while (in && in < end) {
        switch (*in++) {
        case FIELD_ADDRESS:
            in = get_varint(in, end, &from);
            break;
        case FIELD_HANDLE:
            in = get_varint(in, end, &handle);
            break;
        case FIELD_VALUE:
            value = get_varint(in, end, &size);
            in = value && size <= (size_t)(end - value) ? value + (size_t)size : NULL;
            break;
        default:
            in = NULL;
        }
    }
    if (in && from == address)
        on_notification(user, (uint16_t)handle, value, (size_t)size);
}

/* Whether one of the frames in what has been received, all of which are taken out, is of the type. */
static int take_frames(const struct bare *bare, uint64_t type_wanted, notification_fn *on_notification,
                       void *user)
{
    const uint8_t *in = received, *end = received + n_received;
    int seen = 0;
    for (;;) {
        uint64_t size, type;
        const uint8_t *body = in < end ? get_varint(in + 1, end, &size) : NULL;
        body = body ? get_varint(body, end, &type) : NULL;
        if (!body || size > (size_t)(end - body))
            break;
        seen |= type == type_wanted;
        if (type == GATT_NOTIFY_DATA)
            read_notification(body, body + size, bare->address, on_notification, user);
        in = body + size;
    }
    n_received = (size_t)(end - in);
    memmove(received, in, n_received);
    return seen;
}

static void receive(const struct bare *bare)
{
    struct epoll_event event;
    must(epoll_wait(bare->poll, &event, 1, -1), "epoll_wait");
    ssize_t n = recv(bare->fd, received + n_received, sizeof(received) - n_received, 0);
    if (n <= 0) {
        fprintf(stderr, "bare: the proxy hung up\n");
        exit(1);
    }
    n_received += (size_t)n;
}

static void on_notification(void *user, uint16_t handle, const uint8_t *value, size_t size)
{
    long *left = user;
    (void)handle, (void)value, (void)size;
    --*left;
}

static void await_message(const struct bare *bare, uint64_t type)
{
    long unused = 0;
    do
        receive(bare);
    while (!take_frames(bare, type, on_notification, &unused));
}

/* ---- */

void bare_open(struct bare *bare, const char *host, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event readable = {.events = EPOLLIN};
    const int on = 1;
    const uint8_t notify[] = {1, 0};
    const uint64_t connect_fields[] = {bare->address, DEVICE_CONNECT, 1, bare->address_type};
    const uint64_t notify_fields[] = {bare->address, bare->handle, 1};
    const uint64_t cccd_fields[] = {bare->address, bare->cccd};
    const uint64_t raw[] = {1};
    must(inet_pton(AF_INET, host, &address.sin_addr) == 1 ? 0 : -1, host);
    must(bare->fd = socket(AF_INET, SOCK_STREAM, 0), "socket");
    must(setsockopt(bare->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), "setsockopt");
    must(connect(bare->fd, (const struct sockaddr *)&address, sizeof(address)), "connect");
    must(bare->poll = epoll_create1(0), "epoll_create1");
    must(epoll_ctl(bare->poll, EPOLL_CTL_ADD, bare->fd, &readable), "epoll_ctl");
    send_message(bare, HELLO, NULL, 0, (const uint8_t *)"bare", 4);
    send_message(bare, SUBSCRIBE_ADVERTISEMENTS, raw, 1, NULL, 0);
    send_message(bare, DEVICE_REQUEST, connect_fields, 4, NULL, 0);
    await_message(bare, DEVICE_CONNECTION);
    send_message(bare, GATT_NOTIFY, notify_fields, 3, NULL, 0);
    send_message(bare, GATT_WRITE_DESCRIPTOR, cccd_fields, 2, notify, sizeof(notify));
    await_message(bare, GATT_WRITE_ANSWER);
}

void bare_receive(struct bare *bare, uint16_t n)
{
    const uint64_t fields[] = {bare->address, bare->handle, 1};
    const uint8_t number[] = {(uint8_t)n, (uint8_t)(n >> 8)};
    long left = n;
    send_message(bare, GATT_WRITE, fields, 3, number, sizeof(number));
    while (left > 0) {
        receive(bare);
        take_frames(bare, 0, on_notification, &left);
    }
}

void bare_close(struct bare *bare)
{
    close(bare->poll);
    close(bare->fd);
}
