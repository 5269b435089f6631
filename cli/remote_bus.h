/* SPDX-License-Identifier: MIT */
#ifndef CLI_REMOTE_BUS_H
#define CLI_REMOTE_BUS_H

#include "remote.h"

#include <systemd/sd-bus.h>

/* A daemon's objects on the bus, for who asks it for more than remote.h has. */

#define REMOTE_NAME      "org.bleproxy1"
#define REMOTE_PATH      "/org/bleproxy1"
#define REMOTE_INTERFACE "org.bleproxy1.Manager"

/* Calls a method of the daemon's manager and waits for the answer, two seconds at most: for what is asked once. ret_reply may be
 * NULL. 0 or more, or a negative errno; -EIO: it says no. */
int remote_call(struct remote *remote, sd_bus_message **ret_reply, const char *method, const char *types,
                ...);

/* ---- Calls that are not waited for ---- */

/* run_loop() handles what comes from the bus. Once started it does so anyway. */
void remote_attach(struct remote *remote);
/* user lives until destroy (NULL: nobody has to know) is called: at the latest when the remote is freed; at once when an error
 * is returned. */

/* A call of one of the daemon's objects, to append arguments to. 0 or a negative errno. */
int remote_new_call(struct remote *remote, sd_bus_message **ret_call, const char *path, const char *interface,
                    const char *method);
/* Sends it and drops the reference. on_reply comes once, unless an error is returned or the remote is freed before; timeout_ms
 * 0: there is no limit. 0 or a negative errno. */
int remote_send(struct remote *remote, sd_bus_message *call, uint64_t timeout_ms,
                sd_bus_message_handler_t on_reply, void *user, sd_bus_destroy_t destroy);
/* Signals of the daemon's object, from now on until it is freed. 0 or a negative errno. */
int remote_listen(struct remote *remote, const char *path, const char *interface, const char *signal,
                  sd_bus_message_handler_t on_signal, void *user, sd_bus_destroy_t destroy);

/* How a call ended, from its reply. */
struct remote_result {
    struct bleproxy_result result;
    char text[1024]; /* where result.text points */
};
/* label: what the device is called. False: it is an error, and why is in ret_result. */
bool remote_is_done(sd_bus_message *reply, const char *label, struct remote_result *ret_result);

/* What the daemon says of a proxy. Texts are borrowed from the message, and as it sent them. */
enum { REMOTE_HOLDERS_MAX = 16 };
struct remote_proxy {
    const char *name, *address, *source, *state, *firmware, *error;
    int32_t error_code;
    uint32_t port, down_s, slots_free, slots_limit;
    int encrypted, connectable;
    bool is_known_connectable, has_slots;
    uint64_t holders[REMOTE_HOLDERS_MAX];
    size_t n_holders;
};
/* Asks for all; then the reply is to be opened, and has them one by one. */
int remote_ask(struct remote *remote, sd_bus_message_handler_t on_reply, void *user);
bool remote_open_proxies(sd_bus_message *reply);
bool remote_next_proxy(sd_bus_message *reply, struct remote_proxy *ret_proxy);
/* Whether the text, as of -p, means it: it is its name, or its address. */
bool remote_is_meant(const char *text, const struct remote_proxy *proxy);
/* Whether the options mean it. */
bool remote_is_named(const struct options *options, const struct remote_proxy *proxy);

#endif
