/* SPDX-License-Identifier: MIT */
#ifndef SESSION_GATT_H
#define SESSION_GATT_H

#include "base/list.h"
#include "session/session.h"

/* Bluetooth devices behind the proxy: connections to them, and requests over these. */

/* One device's messages that answer no request. Embedded in its owner, who attaches it before it asks for the
 * connection. */
struct session_link_ops {
    /* Each connection message about the device; requests about it that are still outstanding then complete with
     * BLEPROXY_E_DISCONNECTED. reason is 0 or a connection reason. mtu is as the proxy sent it. */
    void (*on_connection)(void *user, bool connected, uint32_t mtu, int32_t reason, uint64_t now_ns);
    /* Notifications and indications of any handle. value is borrowed, NULL when size is 0. */
    void (*on_notification)(void *user, uint32_t handle, const uint8_t *value, size_t size, uint64_t now_ns);
    /* The session has ended, with that error, or session_end_links() was called, and the link is detached; requests
     * that are still outstanding complete after it. */
    void (*on_end)(void *user, int error, uint64_t now_ns);
};
struct session_link {
    struct list node;
    struct session *session; /* NULL: not attached */
    uint64_t address;
    const struct session_link_ops *ops;
    void *user;
};
/* One per device: else BLEPROXY_E_BUSY. A connection that comes up for a device without a link has no owner, and is
 * closed at once. 0 or BLEPROXY_E_NOT_CONNECTED. */
int session_link_attach(struct session_link *link, struct session *session, uint64_t address,
                        const struct session_link_ops *ops, void *user);
/* Idempotent; also on zeroed memory. Allowed in callbacks. */
void session_link_detach(struct session_link *link);
bool session_has_link(const struct session *session, uint64_t address);
bool session_has_links(const struct session *session);
/* The proxy is no longer for connections: each link is asked to end, detached, and told BLEPROXY_E_CLOSED. */
void session_end_links(struct session *session);

/* Asks for a connection: on_connection tells what became of it; the proxy itself has no time limit. cached: services
 * and MTU are known, the proxy need not discover them. Returns as session_send(). */
int session_device_connect(struct session *session, uint64_t address, uint8_t address_type, bool cached,
                           uint64_t now_ns);
/* Ends it, or the attempt. on_connection with connected false follows. */
int session_device_disconnect(struct session *session, uint64_t address, uint64_t now_ns);
/* A session_device_disconnect() of it is unanswered. */
bool session_device_is_closing(const struct session *session, uint64_t address);
/* In on_connection with connected false: it may be about the connection before the present one, which the proxy may yet
 * have: an earlier session_device_disconnect() was not answered before, or it was, but the proxy answered also the
 * connecting itself (such a second answer has reason 0). Known of the last few devices. */
bool session_device_doubts_end(const struct session *session, uint64_t address, int32_t reason);

/* What became of a request. error: 0; BLEPROXY_E_GATT, code is the status (-1: the proxy has no such link);
 * BLEPROXY_E_DISCONNECTED: any connection message about the device came instead (even that it is connected), code is
 * its reason; BLEPROXY_E_PAIRING and BLEPROXY_E_REFUSED: the proxy says no, with its code; BLEPROXY_E_TIMEOUT,
 * BLEPROXY_E_CANCELLED, or how the session ended. value: of reads, borrowed. */
struct session_outcome {
    int error;
    int32_t code;
    const uint8_t *value;
    size_t size;
};
typedef void session_outcome_fn(void *user, const struct session_outcome *outcome, uint64_t now_ns);

/* Who wants it, and how long: as session_request(). on_outcome is called exactly once, never from within; session_cancel()
 * completes it early. ret_request may be NULL. */
struct session_await {
    uint64_t timeout_ns;
    session_outcome_fn *on_outcome;
    void *user;
    struct session_request **ret_request;
};

/* Requests about one attribute; answers match on address and handle: the first answer completes all that wait for
 * the same. The protocol tells no more: firmware also acknowledges write commands and requests that were cancelled, and
 * such an answer, when it comes late, completes whatever then waits for one to the same attribute. Return as
 * session_send(), or BLEPROXY_E_NOMEM. */
int session_gatt_read(struct session *session, uint64_t address, uint16_t handle,
                      const struct session_await *await, uint64_t now_ns);
int session_gatt_write(struct session *session, uint64_t address, uint16_t handle, const void *value,
                       size_t size, const struct session_await *await, uint64_t now_ns);
/* Without response: nothing is awaited. */
int session_gatt_write_command(struct session *session, uint64_t address, uint16_t handle, const void *value,
                               size_t size, uint64_t now_ns);
int session_gatt_read_descriptor(struct session *session, uint64_t address, uint16_t handle,
                                 const struct session_await *await, uint64_t now_ns);
/* await NULL: nothing is awaited. */
int session_gatt_write_descriptor(struct session *session, uint64_t address, uint16_t handle,
                                  const void *value, size_t size, const struct session_await *await,
                                  uint64_t now_ns);
/* Whether the proxy forwards values of that handle. It does not write the configuration (0x2902). await NULL: nothing
 * is awaited. */
int session_gatt_notify(struct session *session, uint64_t address, uint16_t handle, bool enable,
                        const struct session_await *await, uint64_t now_ns);

/* Services come one by one, borrowed and as the proxy sent them, before on_outcome; after another outcome than 0 they
 * are not all of them. An error that answers any other request about the device also ends this one, as it cannot be told
 * apart. */
typedef void session_service_fn(void *user, const BluetoothGATTService *service);
int session_gatt_services(struct session *session, uint64_t address, session_service_fn *on_service,
                          const struct session_await *await, uint64_t now_ns);

/* Requests about the device. Unpairing takes the answer of firmware before mid-2026, which is one to pairing. */
int session_device_pair(struct session *session, uint64_t address, const struct session_await *await,
                        uint64_t now_ns);
int session_device_unpair(struct session *session, uint64_t address, const struct session_await *await,
                          uint64_t now_ns);
int session_device_clear_cache(struct session *session, uint64_t address, const struct session_await *await,
                               uint64_t now_ns);
/* Units as in struct bleproxy_connection_parameters; not checked here. */
int session_device_set_parameters(struct session *session, uint64_t address, uint32_t interval_min,
                                  uint32_t interval_max, uint32_t latency, uint32_t timeout,
                                  const struct session_await *await, uint64_t now_ns);

#endif
