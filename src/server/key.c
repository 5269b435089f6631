/* SPDX-License-Identifier: MIT */
#include "server/device.h"

#include <bleproxy/error.h>

/* ESPHome lets the answer go out before the new key counts. */
#define KEY_ACTIVATION_NS (100 * NS_PER_MS)

enum { KEY_TEXT_SIZE = 44 }; /* the base64 of 32 bytes */

static bool key_is_zero(const uint8_t psk[HANDSHAKE_PSK_SIZE])
{
    unsigned all = 0;
    for (size_t i = 0; i < HANDSHAKE_PSK_SIZE; i++)
        all |= psk[i];
    return all == 0;
}

/* The key, or zeros for none, counts for whoever connects from now on. */
static void key_activate(struct server *server, const uint8_t psk[HANDSHAKE_PSK_SIZE])
{
    struct server_framing_identity *identity = &server->identity;
    bool zero_key = server->key.provisionable && server->profile->zero_key;
    memcpy(server->psk, psk, sizeof(server->psk));
    identity->psk = server->key.is_set || zero_key ? server->psk : NULL;
    identity->plaintext_too = !server->key.is_set && zero_key;
}

void key_init(struct server *server, const struct server_config *config)
{
    static const uint8_t none[HANDSHAKE_PSK_SIZE];
    server->key = (struct key){
        .provisionable = config->provisionable, .is_set = config->psk != NULL, .since_ns = BP_NEVER};
    key_activate(server, config->psk ? config->psk : none);
}

/* An empty text clears the key: psk is zeros then. 0, or BLEPROXY_E_INVALID_KEY. */
static int key_decode(const ProtobufCBinaryData *text, uint8_t psk[HANDSHAKE_PSK_SIZE])
{
    char copy[KEY_TEXT_SIZE + 1] = "";
    memset(psk, 0, HANDSHAKE_PSK_SIZE);
    if (text->len == 0)
        return 0;
    if (text->len != KEY_TEXT_SIZE)
        return BLEPROXY_E_INVALID_KEY;
    memcpy(copy, text->data, KEY_TEXT_SIZE);
    int r = handshake_psk_decode(copy, psk);
    explicit_bzero(copy, sizeof(copy));
    return r == 0 && key_is_zero(psk) ? BLEPROXY_E_INVALID_KEY : r;
}

/* What the device was given last is what it has, even if that does not count yet. */
static const uint8_t *key_latest(const struct server *server)
{
    return server->key.since_ns == BP_NEVER ? server->psk : server->key.next;
}

/* Whether the key is the device's from soon on. */
static bool key_take(struct server *server, const ProtobufCBinaryData *text, uint64_t now_ns)
{
    const struct server_radio_ops *device = server->radio;
    struct key *key = &server->key;
    uint8_t psk[HANDSHAKE_PSK_SIZE];
    bool set = text->len > 0;
    bool ok = key->provisionable && key_decode(text, psk) == 0;
    if (ok && memcmp(psk, key_latest(server), sizeof(psk)) != 0) {
        ok = !device->store_key || device->store_key(server->radio_user, set ? psk : NULL) == 0;
        if (ok) {
            memcpy(key->next, psk, sizeof(psk));
            key->is_set = set;
            key->since_ns = time_after(now_ns, KEY_ACTIVATION_NS);
        }
    }
    explicit_bzero(psk, sizeof(psk));
    return ok;
}

/* A key that is part of the device's configuration is not for clients to change. Firmware without encryption
 * does not know the request. */
void key_set(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    struct server *server = connection->server;
    const NoiseEncryptionSetKeyRequest *request = (const void *)message;
    if (!server->identity.psk && !server->key.provisionable)
        return;
    NoiseEncryptionSetKeyResponse response = NOISE_ENCRYPTION_SET_KEY_RESPONSE__INIT;
    response.success = key_take(server, &request->key, now_ns);
    env_log(server->identity.env, BLEPROXY_LOG_INFO, "server", server->name, "'%s' %s the encryption key: %s",
            connection->client, request->key.len > 0 ? "sets" : "clears",
            response.success ? "done" : "refused");
    connection_send(connection, MESSAGE_NOISE_SET_KEY_RESPONSE, &response.base);
}

/* Sessions under the old key are asked to end. */
void key_tick(struct server *server, uint64_t now_ns)
{
    if (now_ns < server->key.since_ns)
        return;
    key_activate(server, server->key.next);
    server->key.since_ns = BP_NEVER;
    explicit_bzero(server->key.next, sizeof(server->key.next));
    server_dismiss(server, "the encryption key changes");
}
