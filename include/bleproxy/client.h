/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_CLIENT_H
#define BLEPROXY_CLIENT_H

#include <bleproxy/device_info.h>
#include <bleproxy/loop.h>
#include <bleproxy/proxy.h>
#include <bleproxy/scanner.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One API connection to one proxy, for programs that manage connections themselves. Most want a manager
 * (<bleproxy/manager.h>). A client connects once; it subscribes to nothing unless asked. */
struct bleproxy_client;

/* Copies config; no side effects. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID (address), BLEPROXY_E_INVALID_KEY.
 */
int bleproxy_client_new(struct bleproxy_loop *loop, const struct bleproxy_proxy_config *config,
                        struct bleproxy_client **ret_client);
/* Ends the connection without a word; requests complete with BLEPROXY_E_CANCELLED, from within. Neither
 * on_connected nor on_disconnected is called. Allowed in callbacks. Its scanner, if any, hears nothing any
 * more but is still to be freed. NULL is fine. */
void bleproxy_client_free(struct bleproxy_client *client);

/* on_connected is called once: error 0 when the proxy accepted us, else why not, in a sentence (text,
 * borrowed). Never from within. on_disconnected (may be NULL) is called once after a successful connect:
 * error 0 when either side asked for it. 0, BLEPROXY_E_INVALID without on_connected, or BLEPROXY_E_STATE when
 * connect was called before. */
typedef void bleproxy_client_fn(void *user, int error, const char *text);
int bleproxy_client_connect(struct bleproxy_client *client, bleproxy_client_fn *on_connected,
                            bleproxy_client_fn *on_disconnected, void *user);
/* Politely: on_disconnected follows, at the latest after 10 s. BLEPROXY_E_NOT_CONNECTED. */
int bleproxy_client_disconnect(struct bleproxy_client *client);

/* Requests. Each callback is called exactly once, never from within; with error 0 or BLEPROXY_E_TIMEOUT, or
 * how the connection ended. The calls return 0, or without a callback BLEPROXY_E_NOT_CONNECTED (in a callback
 * that tells of the end: how it ended), BLEPROXY_E_LIMIT when the proxy does not read, BLEPROXY_E_NOMEM. */
typedef void bleproxy_device_info_fn(void *user, int error, const struct bleproxy_device_info *info);
int bleproxy_client_device_info(struct bleproxy_client *client, bleproxy_device_info_fn *on_info, void *user);
/* Round trip in nanoseconds. */
typedef void bleproxy_ping_fn(void *user, int error, uint64_t round_trip_ns);
int bleproxy_client_ping(struct bleproxy_client *client, bleproxy_ping_fn *on_pong, void *user);
/* Connection slots; disturbs nobody who uses the proxy. Firmware that cannot connect may never answer. */
typedef void bleproxy_slots_fn(void *user, int error, const struct bleproxy_slots *slots);
int bleproxy_client_slots(struct bleproxy_client *client, bleproxy_slots_fn *on_slots, void *user);

/* Gives the proxy an encryption key of its own, or another one; see <bleproxy/key.h>. It is for a proxy that has none, over
 * a connection with BLEPROXY_KEY_NONE, or a plaintext one where the firmware has nothing better, to which anybody in the
 * network can listen; or over one with the key that it has. The key counts about 100 ms after the answer: connections end
 * then, and each new one needs it. Who loses the key cannot get at the proxy any more, but by flashing it: have it on
 * disk before.
 * on_set: 0: the proxy has stored it; BLEPROXY_E_REFUSED: it has not, as its key is part of its own configuration,
 * or as storing failed; BLEPROXY_E_TIMEOUT: its firmware does not know of that, most likely. After any other error it may
 * have the key or not. Also BLEPROXY_E_INVALID_KEY at once, as bleproxy_key_check() has it. */
typedef void bleproxy_key_fn(void *user, int error);
int bleproxy_client_set_key(struct bleproxy_client *client, const char *key, bleproxy_key_fn *on_set,
                            void *user);

/* Turns the connection into a scanner: subscribes to the proxy's advertisements, scanner state and slots, as far as its
 * firmware offers them (what is missing is a warning in the log). A proxy has one subscriber: this takes it from
 * another program, or waits for it, depending on the firmware.
 * Leaves four duties to the caller: (1) bleproxy_scanner_setup(); (2) bleproxy_hub_register_scanner(), and to
 * unregister it when the connection is lost; then also (3) bleproxy_scanner_set_unavailable(), and after that
 * (4) bleproxy_disconnect_set_fire() on its set. In the end bleproxy_scanner_free(): until then its timers keep the
 * loop running. Connections that another program has made through the proxy stay until the scanner is registered.
 * One scanner per client. available: connections may be tried.
 * 0, BLEPROXY_E_NOT_CONNECTED, BLEPROXY_E_STATE (it has one), BLEPROXY_E_NOMEM. */
int bleproxy_connect_scanner(struct bleproxy_client *client, const struct bleproxy_device_info *info,
                             bool available, struct bleproxy_scanner **ret_scanner);

#ifdef __cplusplus
}
#endif
#endif
