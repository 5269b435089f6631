/* SPDX-License-Identifier: MIT */
#include "session/session_internal.h"

#include "wire/notification.h"

/* BluetoothDeviceRequest.request_type */
enum {
    REQUEST_DISCONNECT = 1,
    REQUEST_CONNECT_WITH_CACHE = 4,
    REQUEST_CONNECT_WITHOUT_CACHE = 5,
};

static struct session_link *link_find(const struct session *session, uint64_t address)
{
    list_for_each(node, &session->links)
    {
        struct session_link *link = list_entry(node, struct session_link, node);
        if (link->address == address)
            return link;
    }
    return NULL;
}

int session_link_attach(struct session_link *link, struct session *session, uint64_t address,
                        const struct session_link_ops *ops, void *user)
{
    if (session->stage != STAGE_READY)
        return BLEPROXY_E_NOT_CONNECTED;
    if (link_find(session, address))
        return BLEPROXY_E_BUSY;
    *link = (struct session_link){.session = session, .address = address, .ops = ops, .user = user};
    list_append(&session->links, &link->node);
    return 0;
}

void session_link_detach(struct session_link *link)
{
    if (!link->session)
        return;
    list_unlink(&link->node);
    link->session = NULL;
}

bool session_has_link(const struct session *session, uint64_t address)
{
    return link_find(session, address);
}

bool session_has_links(const struct session *session)
{
    return !list_empty(&session->links);
}

void links_end(struct session *session, int error, uint64_t now_ns)
{
    while (!list_empty(&session->links)) {
        struct session_link *link = list_entry(session->links.next, struct session_link, node);
        if (session->stage == STAGE_READY)
            session_device_disconnect(session, link->address, now_ns);
        session_link_detach(link);
        link->ops->on_end(link->user, error, now_ns);
    }
}

void session_end_links(struct session *session)
{
    session_enter(session, session->now_ns);
    links_end(session, BLEPROXY_E_CLOSED, session->now_ns);
    session_leave(session);
}

int session_device_connect(struct session *session, uint64_t address, uint8_t address_type, bool cached,
                           uint64_t now_ns)
{
    BluetoothDeviceRequest request = BLUETOOTH_DEVICE_REQUEST__INIT;
    request.address = address;
    request.request_type = cached ? REQUEST_CONNECT_WITH_CACHE : REQUEST_CONNECT_WITHOUT_CACHE;
    request.has_address_type = true;
    request.address_type = address_type;
    return session_send(session, MESSAGE_DEVICE_REQUEST, &request.base, now_ns);
}

/* Its index, or n_closing. */
static size_t link_find_closing(const struct session *session, uint64_t address)
{
    size_t i = 0;
    while (i < session->n_closing && session->closing[i].address != address)
        i++;
    return i;
}

static void link_remember_closing(struct session *session, uint64_t address)
{
    size_t i = link_find_closing(session, address);
    if (i == CLOSING_MAX) {
        i = --session->n_closing;
        memmove(session->closing, session->closing + 1, i * sizeof(*session->closing));
    }
    if (i == session->n_closing)
        session->closing[session->n_closing++] = (struct session_closing){.address = address};
    session->closing[i].unanswered++;
}

static void link_closing_answered(struct session *session, uint64_t address)
{
    size_t i = link_find_closing(session, address);
    if (i < session->n_closing && session->closing[i].unanswered > 0)
        session->closing[i].unanswered--;
}

bool session_device_is_closing(const struct session *session, uint64_t address)
{
    size_t i = link_find_closing(session, address);
    return i < session->n_closing && session->closing[i].unanswered > 0;
}

bool session_device_doubts_end(const struct session *session, uint64_t address, int32_t reason)
{
    size_t i = link_find_closing(session, address);
    return i < session->n_closing && (session->closing[i].unanswered > 0 || reason == 0);
}

static BluetoothDeviceRequest link_disconnect_request(uint64_t address)
{
    BluetoothDeviceRequest request = BLUETOOTH_DEVICE_REQUEST__INIT;
    request.address = address;
    request.request_type = REQUEST_DISCONNECT;
    return request;
}

int session_device_disconnect(struct session *session, uint64_t address, uint64_t now_ns)
{
    BluetoothDeviceRequest request = link_disconnect_request(address);
    int r = session_send(session, MESSAGE_DEVICE_REQUEST, &request.base, now_ns);
    if (r == 0)
        link_remember_closing(session, address);
    return r;
}

void link_connection(struct session *session, const ProtobufCMessage *message, uint64_t now_ns)
{
    const BluetoothDeviceConnectionResponse *response = (const BluetoothDeviceConnectionResponse *)message;
    const uint64_t address = response->address;
    if (session->stage != STAGE_READY)
        return;
    struct session_link *link = link_find(session, address);
    if (link) {
        link->ops->on_connection(link->user, response->connected, response->mtu, response->error, now_ns);
    } else if (response->connected) {
        BluetoothDeviceRequest request = link_disconnect_request(address);
        link_remember_closing(session, address);
        session_answer(session, MESSAGE_DEVICE_REQUEST, &request.base, now_ns);
    }
    if (!response->connected)
        link_closing_answered(session, address);
}

bool link_notification(struct session *session, const struct frame *frame, uint64_t now_ns)
{
    struct notification notification;
    if (!notification_read(frame->data, frame->size, &notification))
        return false;
    struct session_link *link = link_find(session, notification.address);
    if (link && session->stage == STAGE_READY && notification.handle <= HANDLE_MAX)
        link->ops->on_notification(link->user, notification.handle, notification.value, notification.size,
                                   now_ns);
    return true;
}
