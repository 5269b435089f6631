/* SPDX-License-Identifier: MIT */
#include "sim/thief.h"

#include "wire/frame.h"
#include "wire/message.h"
#include <string.h>

/* As Home Assistant does. */
#define THIEF_RETRY_NS (10 * NS_PER_S)
/* Often enough that the proxy never asks whether it is there. */
#define THIEF_PING_NS (30 * NS_PER_S)

enum { THIEF_SEND_MAX = 512, THIEF_RAW = 1 };

static void thief_on_pending(void *user)
{
    struct thief *thief = user;
    struct iovec vec;
    size_t n;
    while (thief->connection && (n = server_connection_pending(thief->connection, &vec)) > 0)
        server_connection_sent(thief->connection, n);
}

static void thief_on_close(void *user, const char *why)
{
    (void)why;
    struct thief *thief = user;
    struct server_connection *connection = thief->connection;
    thief_forget(thief);
    server_connection_free(connection, thief->now_ns);
}

static const struct server_connection_ops thief_ops = {.on_pending = thief_on_pending,
                                                       .on_close = thief_on_close};

static int thief_write(struct buffer *out, uint32_t type, const ProtobufCMessage *message)
{
    int r = frame_write_plain_header(out, type, message_packed_size(message));
    return r < 0 ? r : message_pack(message, out);
}

/* Without memory it says nothing, which is as good as any silence. */
static void thief_say(struct thief *thief, uint32_t type, const ProtobufCMessage *message, uint64_t now_ns)
{
    struct buffer out;
    buffer_init(&out, thief->env, THIEF_SEND_MAX);
    thief->now_ns = now_ns;
    if (thief->connection && thief_write(&out, type, message) == 0)
        server_connection_feed(thief->connection, buffer_data(&out), out.size, now_ns);
    buffer_deinit(&out);
    thief_on_pending(thief);
}

static void thief_ask(struct thief *thief, uint64_t now_ns)
{
    SubscribeBluetoothLEAdvertisementsRequest request = SUBSCRIBE_BLUETOOTH_LEADVERTISEMENTS_REQUEST__INIT;
    request.flags = THIEF_RAW;
    thief_say(thief, MESSAGE_SUBSCRIBE_ADVERTISEMENTS_REQUEST, &request.base, now_ns);
    bool again = thief->connection && thief->persistent && !thief_has_it(thief);
    thief->retry_ns = again ? time_after(now_ns, THIEF_RETRY_NS) : BP_NEVER;
}

/* protobuf-c has no const: it only reads what it packs. */
static ProtobufCBinaryData thief_text(const char *text)
{
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)(uintptr_t)text};
}

int thief_start(struct thief *thief, const struct env *env, struct server *server,
                const struct server_profile *profile, const char *password, uint64_t now_ns)
{
    HelloRequest hello = HELLO_REQUEST__INIT;
    AuthenticationRequest login = AUTHENTICATION_REQUEST__INIT;
    hello.client_info = thief_text("somebody else");
    hello.api_version_major = 1;
    hello.api_version_minor = profile->api_minor;
    if (password)
        login.password = thief_text(password);
    *thief = (struct thief){.env = env,
                            .server = server,
                            .persistent = !profile->newest_subscriber_wins,
                            .retry_ns = BP_NEVER,
                            .ping_ns = time_after(now_ns, THIEF_PING_NS),
                            .now_ns = now_ns};
    int r = server_accept(server, &thief_ops, thief, now_ns, &thief->connection);
    if (r < 0) {
        thief_forget(thief);
        return r;
    }
    server_connection_trust(thief->connection);
    thief_say(thief, MESSAGE_HELLO_REQUEST, &hello.base, now_ns);
    thief_say(thief, MESSAGE_AUTHENTICATION_REQUEST, &login.base, now_ns);
    thief_ask(thief, now_ns);
    return 0;
}

void thief_forget(struct thief *thief)
{
    thief->connection = NULL;
    thief->retry_ns = thief->ping_ns = BP_NEVER;
}

void thief_stop(struct thief *thief, uint64_t now_ns)
{
    struct server_connection *connection = thief->connection;
    thief_forget(thief);
    if (connection)
        server_connection_free(connection, now_ns);
}

bool thief_has_it(const struct thief *thief)
{
    return thief->connection && server_connection_subscribes(thief->connection);
}

uint64_t thief_deadline(const struct thief *thief)
{
    return thief->connection ? time_min(thief->retry_ns, thief->ping_ns) : BP_NEVER;
}

void thief_tick(struct thief *thief, uint64_t now_ns)
{
    PingRequest ping = PING_REQUEST__INIT;
    if (thief->connection && now_ns >= thief->retry_ns)
        thief_ask(thief, now_ns);
    if (!thief->connection || now_ns < thief->ping_ns)
        return;
    thief->ping_ns = time_after(now_ns, THIEF_PING_NS);
    thief_say(thief, MESSAGE_PING_REQUEST, &ping.base, now_ns);
}
