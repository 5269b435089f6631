/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_PERIPHERAL_H
#define BLEPROXY_PERIPHERAL_H

#include <bleproxy/advertisement.h>
#include <bleproxy/error.h>
#include <bleproxy/gatt.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bleproxy_hub;

/* A Bluetooth device to talk to, through whichever proxy of the hub hears it best. The object lasts over any number of
 * connections; one connection at a time. */
struct bleproxy_peripheral;

/* Why something with a peripheral failed, for programs that decide by it. */
enum bleproxy_cause {
    BLEPROXY_CAUSE_NONE = 0,
    BLEPROXY_CAUSE_CALLER = 1,    /* cancelled, freed, a wrong argument */
    BLEPROXY_CAUSE_NOT_HEARD = 2, /* no proxy has heard the device lately */
    BLEPROXY_CAUSE_NO_PROXY = 3,  /* none that hears it can, or may, connect it; or there is none */
    BLEPROXY_CAUSE_SLOTS = 4,     /* all connection slots of the proxies that hear it are in use */
    BLEPROXY_CAUSE_RANGE = 5, /* the radio link could not be made, or broke: distance, interference, asleep */
    BLEPROXY_CAUSE_PEER = 6,  /* the device hung up, or refused */
    BLEPROXY_CAUSE_KEY = 7,   /* pairing is missing or has failed; bonds live on one proxy each */
    BLEPROXY_CAUSE_FIRMWARE = 8,   /* the proxy's firmware lacks the feature, or misbehaves */
    BLEPROXY_CAUSE_PROXY = 9,      /* the connection to the proxy was lost */
    BLEPROXY_CAUSE_TIMEOUT = 10,   /* no answer in time from device or proxy */
    BLEPROXY_CAUSE_ATTRIBUTE = 11, /* the device answered with an error about the attribute */
};
/* "not_heard"; static, never NULL. */
const char *bleproxy_cause_name(enum bleproxy_cause cause);

/* How an operation ended. Borrowed: it lives for the callback. */
struct bleproxy_result {
    int error; /* 0 or BLEPROXY_E_* */
    /* What came from the air: with BLEPROXY_E_GATT a GATT status (bleproxy_gatt_status()), with BLEPROXY_E_LINK and
     * BLEPROXY_E_DISCONNECTED a connection reason (bleproxy_connection_reason()), with BLEPROXY_E_PAIRING a pairing
     * reason (bleproxy_pairing_reason()), with BLEPROXY_E_REFUSED the proxy's own code. Else 0. */
    int32_t code;
    enum bleproxy_cause cause;
    /* A feature (enum bleproxy_feature) that the proxy's firmware lacks: with BLEPROXY_E_UNSUPPORTED nothing was done,
     * with 0 only a part (see the call). Else 0. */
    uint32_t missing;
    uint64_t source;      /* the proxy it went through; 0: none */
    unsigned attempts;    /* of connecting: how many were made */
    const uint8_t *value; /* of reading; else NULL */
    size_t size;
    const char
        *text; /* one sentence: what happened, to what, and what to do; "" with error 0 and nothing missing */
};

/* Each operation calls back exactly once, never from within the call that starts it; the calls return 0 then. When they
 * return an error there is no callback. Errors of all of them: BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID, BLEPROXY_E_BUSY
 * (see each), and unless told otherwise BLEPROXY_E_NOT_CONNECTED.
 * In the result any may have: BLEPROXY_E_CANCELLED; BLEPROXY_E_TIMEOUT; BLEPROXY_E_DISCONNECTED (the device's link was
 * lost meanwhile); BLEPROXY_E_CLOSED or another BLEPROXY_E_* of proxies (the proxy was lost, and with it the link);
 * BLEPROXY_E_GATT; BLEPROXY_E_NOMEM. */
typedef void bleproxy_result_fn(void *user, const struct bleproxy_result *result);

/* An operation under way, for who may want to cancel it: gone when its callback returns. */
struct bleproxy_operation;
/* Completes it with BLEPROXY_E_CANCELLED from within; nothing of it remains, neither here nor on the proxy (a request
 * that is on its way cannot be recalled: its answer is ignored). Cancelling a connect releases its link. In its own
 * callback it does nothing. */
void bleproxy_operation_cancel(struct bleproxy_operation *operation);

/* address: of a device that need not be known yet. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID. The hub must outlive it. */
int bleproxy_peripheral_new(struct bleproxy_hub *hub, uint64_t address,
                            struct bleproxy_peripheral **ret_peripheral);
/* Releases the link, if there is one; operations complete with BLEPROXY_E_CANCELLED from within. on_disconnected is not
 * called. Allowed in callbacks. NULL is fine. */
void bleproxy_peripheral_free(struct bleproxy_peripheral *peripheral);

/* Called once for each link that was up, when it ends: also after a disconnect that was asked for (result->error 0),
 * when the proxy is lost, and when its slot report shows that the link is gone. Not for attempts that failed. Stays for
 * later connections. NULL: nobody. The peripheral may be connected again in it. */
void bleproxy_peripheral_on_disconnected(struct bleproxy_peripheral *peripheral,
                                         bleproxy_result_fn *on_disconnected, void *user);

/* Zero-initialised means the defaults. */
struct bleproxy_connect_options {
    uint32_t deadline_ms; /* the bound of all attempts together, waiting included: 60,000 */
    uint32_t attempt_ms;  /* the time a link may take to come up: 20,000 */
    uint32_t
        attempts; /* failures that count, after which it gives up: 4; 1: no second try. Passing trouble (a full
                           * proxy, interference) does not count, but ends it at the ninth time */
    bool pair;    /* pair before the services are discovered */
    bool no_cache;    /* discover the services anew, whatever is known of them */
    uint64_t source;  /* only through this proxy; 0: the best */
    bool ignore_bond; /* also through a proxy that does not have the device's bond, to pair it anew there */
};
/* Connects and discovers the services (unless they are known from an earlier connection through any proxy), with as
 * many attempts as it takes, each through the proxy that is best at that moment. options NULL: defaults.
 * In the result also: BLEPROXY_E_NOT_HEARD, BLEPROXY_E_NO_PROXY, BLEPROXY_E_NO_SLOT, BLEPROXY_E_LINK (the link did not
 * come up; why is in code), BLEPROXY_E_UNSUPPORTED (pair, or firmware before 2022.12), BLEPROXY_E_PAIRING,
 * BLEPROXY_E_NO_SERVICES (the device shows none: its firmware or the proxy's is at fault), BLEPROXY_E_LIMIT.
 * BLEPROXY_E_BUSY when it is connected or connecting already, or another object has the device. */
int bleproxy_peripheral_connect(struct bleproxy_peripheral *peripheral,
                                const struct bleproxy_connect_options *options,
                                bleproxy_result_fn *on_connected, void *user,
                                struct bleproxy_operation **ret_operation);
/* on_disconnected of the peripheral comes first. At the latest after 20 s the link counts as gone, with
 * BLEPROXY_E_TIMEOUT when the proxy has not confirmed it. Not connected: completes with 0. */
int bleproxy_peripheral_disconnect(struct bleproxy_peripheral *peripheral, bleproxy_result_fn *on_done,
                                   void *user, struct bleproxy_operation **ret_operation);

uint64_t bleproxy_peripheral_address(const struct bleproxy_peripheral *peripheral);
bool bleproxy_peripheral_is_connected(const struct bleproxy_peripheral *peripheral);
/* The proxy that has the link, or 0. */
uint64_t bleproxy_peripheral_source(const struct bleproxy_peripheral *peripheral);
/* BLEPROXY_MTU_DEFAULT while not connected, or not known. */
uint16_t bleproxy_peripheral_mtu(const struct bleproxy_peripheral *peripheral);
/* The database. Empty while not connected. Borrowed until the link ends. */
const struct bleproxy_services *bleproxy_peripheral_services(const struct bleproxy_peripheral *peripheral);

/* The value of an attribute, a characteristic's or a descriptor's, by handle. timeout_ms 0: 30,000. An unknown handle
 * is BLEPROXY_E_NO_ATTRIBUTE at once. */
int bleproxy_peripheral_read(struct bleproxy_peripheral *peripheral, uint16_t handle, uint32_t timeout_ms,
                             bleproxy_result_fn *on_read, void *user,
                             struct bleproxy_operation **ret_operation);

enum bleproxy_write_mode {
    BLEPROXY_WRITE_DEFAULT = 0, /* with response, but where the characteristic can only be written without */
    BLEPROXY_WRITE_WITH_RESPONSE = 1,
    BLEPROXY_WRITE_WITHOUT_RESPONSE = 2,
};
/* The value of an attribute. It is copied. Without response it completes when the proxy has been told, which is no proof
 * of anything; writes without response made in one turn of the loop leave in one piece. Descriptors are always written
 * with response. BLEPROXY_E_NO_ATTRIBUTE; BLEPROXY_E_TOO_LONG: more than BLEPROXY_VALUE_MAX bytes, or without response
 * more than the MTU allows; BLEPROXY_E_INVALID for a client characteristic configuration (0x2902): subscribing is what
 * writes those. */
int bleproxy_peripheral_write(struct bleproxy_peripheral *peripheral, uint16_t handle, const void *value,
                              size_t size, enum bleproxy_write_mode mode, uint32_t timeout_ms,
                              bleproxy_result_fn *on_written, void *user,
                              struct bleproxy_operation **ret_operation);

typedef void bleproxy_notification_fn(void *user, uint16_t handle, const uint8_t *value, size_t size);
/* Subscribes to a characteristic: to notifications, or to indications where it has only those. The first value may come
 * before on_subscribed is called; none comes after the subscription has failed, or ended with
 * bleproxy_peripheral_unsubscribe() or the link. BLEPROXY_E_BUSY when it is subscribed already, or still
 * being unsubscribed; BLEPROXY_E_PROPERTY when the characteristic has neither property; BLEPROXY_E_NO_ATTRIBUTE, also
 * for a characteristic that lacks its configuration (0x2902). timeout_ms is the limit of each of its two steps: the proxy's
 * answer, and the device's. */
int bleproxy_peripheral_subscribe(struct bleproxy_peripheral *peripheral, uint16_t handle,
                                  uint32_t timeout_ms, bleproxy_notification_fn *on_notification,
                                  void *notification_user, bleproxy_result_fn *on_subscribed, void *user,
                                  struct bleproxy_operation **ret_operation);
/* No value comes from now on; then the device is told to send none. Not subscribed: completes with 0. */
int bleproxy_peripheral_unsubscribe(struct bleproxy_peripheral *peripheral, uint16_t handle,
                                    bleproxy_result_fn *on_unsubscribed, void *user,
                                    struct bleproxy_operation **ret_operation);

/* "Just works" pairing, all that proxies can do; the bond stays on the proxy that has the link. In the result also
 * BLEPROXY_E_UNSUPPORTED (firmware before 2023.3) and BLEPROXY_E_PAIRING. */
int bleproxy_peripheral_pair(struct bleproxy_peripheral *peripheral, bleproxy_result_fn *on_paired,
                             void *user, struct bleproxy_operation **ret_operation);
/* Removes the bond from the proxy that has the link. BLEPROXY_E_UNSUPPORTED as above, BLEPROXY_E_REFUSED. */
int bleproxy_peripheral_unpair(struct bleproxy_peripheral *peripheral, bleproxy_result_fn *on_unpaired,
                               void *user, struct bleproxy_operation **ret_operation);
/* Forgets the database here, and on the proxy that has the link. With firmware before 2023.4 only here: the result has
 * error 0 and missing BLEPROXY_FEATURE_CACHE_CLEARING. Not connected to any proxy: only here, with the error
 * BLEPROXY_E_NOT_CONNECTED in the result. BLEPROXY_E_REFUSED when the proxy could not. */
int bleproxy_peripheral_clear_cache(struct bleproxy_peripheral *peripheral, bleproxy_result_fn *on_cleared,
                                    void *user, struct bleproxy_operation **ret_operation);

/* How often the two sides meet. */
struct bleproxy_connection_parameters {
    uint16_t interval_min, interval_max; /* 6 to 3200, units of 1.25 ms */
    uint16_t latency;                    /* meetings that the peripheral may miss: 0 to 499 */
    uint16_t timeout; /* 10 to 3200, units of 10 ms; more than (1 + latency) * interval_max * 2 */
};
/* Whether they are within those ranges (Core Specification, Vol 4 Part E 7.8.12); else why not, in a sentence (may be
 * NULL; static storage). */
bool bleproxy_connection_parameters_are_valid(const struct bleproxy_connection_parameters *parameters,
                                              const char **ret_why);
/* Asks the peripheral for them; it may choose otherwise. BLEPROXY_E_INVALID. In the result also BLEPROXY_E_UNSUPPORTED
 * (firmware before 2026.3) and BLEPROXY_E_REFUSED. */
int bleproxy_peripheral_set_parameters(struct bleproxy_peripheral *peripheral,
                                       const struct bleproxy_connection_parameters *parameters,
                                       bleproxy_result_fn *on_set, void *user,
                                       struct bleproxy_operation **ret_operation);

#ifdef __cplusplus
}
#endif
#endif
