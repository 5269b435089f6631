/* SPDX-License-Identifier: MIT */
#include "session/session_internal.h"

#include "names/sanitise.h"
#include "noise/data_frame.h"
#include <stdio.h>

/* First byte of handshake frames: the protocol the proxy chose, and whether it goes on. */
enum { NOISE_PROTOCOL = 0x01, HANDSHAKE_GOES_ON = 0x00 };

static const char reject_wrong_key[] = "Handshake MAC failure";

int framing_init(struct session *session)
{
    struct framing *framing = &session->framing;
    const struct session_config *config = &session->config;
    uint8_t message[1 + HANDSHAKE_MESSAGE_SIZE] = {HANDSHAKE_GOES_ON};
    frame_reader_init(&framing->reader, config->env);
    framing->state = config->psk ? FRAMING_AWAITS_HELLO : FRAMING_PLAIN;
    if (!config->psk)
        return 0;
    handshake_init(&framing->handshake, config->aead, config->psk, NULL, 0);
    int r = handshake_write_first(&framing->handshake, config->env, message + 1);
    if (r == 0)
        r = frame_write_noise(&session->out, "", 0);
    if (r == 0)
        r = frame_write_noise(&session->out, message, sizeof(message));
    return r;
}

void framing_deinit(struct session *session)
{
    struct framing *framing = &session->framing;
    handshake_deinit(&framing->handshake);
    cipher_deinit(&framing->sending);
    cipher_deinit(&framing->receiving);
    frame_reader_deinit(&framing->reader);
}

bool framing_name_matches(const char *expected, const void *name, size_t size)
{
    return !expected || (strlen(expected) == size && memcmp(expected, name, size) == 0);
}

/* "; the proxy calls itself 'x' (MAC y)", as far as its hello said so. */
enum { IDENTITY_MAX = 64 + sizeof(((struct session_end *)NULL)->received_name) };

static const char *framing_identity(const struct session *session, char text[IDENTITY_MAX])
{
    const struct session_end *end = &session->end;
    bool mac = end->received_mac[0] != '\0';
    text[0] = '\0';
    if (end->received_name[0] != '\0')
        snprintf(text, IDENTITY_MAX, "; the proxy calls itself '%s'%s%.20s%s", end->received_name,
                 mac ? " (MAC " : "", end->received_mac, mac ? ")" : "");
    return text;
}

static void framing_refused(struct session *session, const uint8_t *reason, size_t size, uint64_t now_ns)
{
    char text[SANITISE_REASON_MAX * 4 + 1], identity[IDENTITY_MAX];
    if (framing_name_matches(reject_wrong_key, reason, size)) {
        session_finish(session, BLEPROXY_E_INVALID_KEY, now_ns,
                       "refused the key: its own is another one, see `key` under `api: encryption:` in its "
                       "ESPHome configuration%s",
                       framing_identity(session, identity));
        return;
    }
    sanitise(text, sizeof(text), reason, size, SANITISE_REASON_MAX);
    session_finish(
        session, BLEPROXY_E_HANDSHAKE, now_ns,
        "refused the encryption handshake, '%s': check that this is the API port of an ESPHome device", text);
}

/* Points *ret_text at the text before the next NUL and moves behind it; false when there is no NUL. */
static bool framing_take_text(const uint8_t **position, size_t *left, const uint8_t **ret_text,
                              size_t *ret_size)
{
    const uint8_t *nul = *left > 0 ? memchr(*position, 0, *left) : NULL;
    if (!nul)
        return false;
    *ret_text = *position;
    *ret_size = (size_t)(nul - *position);
    *left -= *ret_size + 1;
    *position = nul + 1;
    return true;
}

/* The Noise hello: chosen protocol, name, NUL, MAC, NUL. Older firmware leaves MAC, or both, out. Nothing of
 * it is authenticated: it helps to tell proxies apart, no more. */
static void framing_on_hello(struct session *session, const struct frame *frame, uint64_t now_ns)
{
    struct session_end *end = &session->end;
    const struct session_config *config = &session->config;
    if (frame->size == 0 || frame->data[0] != NOISE_PROTOCOL) {
        session_finish(session, BLEPROXY_E_HANDSHAKE, now_ns,
                       "%s: check that this is the API port of an ESPHome device",
                       frame->size == 0 ? "sent an empty encryption hello"
                                        : "chose an encryption protocol unknown to this program");
        return;
    }
    const uint8_t *position = frame->data + 1, *name, *mac;
    size_t left = frame->size - 1, name_size, mac_size;
    bool has_name = framing_take_text(&position, &left, &name, &name_size);
    bool has_mac = has_name && framing_take_text(&position, &left, &mac, &mac_size);
    if (has_name)
        sanitise(end->received_name, sizeof(end->received_name), name, name_size, SANITISE_NAME_MAX);
    if (has_mac)
        sanitise(end->received_mac, sizeof(end->received_mac), mac, mac_size, SANITISE_MAC_MAX);
    if (has_name && !framing_name_matches(config->expected_name, name, name_size))
        session_finish(session, BLEPROXY_E_BAD_NAME, now_ns,
                       "calls itself '%s', not '%s': check the address, or correct the name",
                       end->received_name, config->expected_name);
    else if (has_mac && !framing_name_matches(config->expected_mac, mac, mac_size))
        session_finish(session, BLEPROXY_E_BAD_MAC_ADDRESS, now_ns,
                       "has the MAC address '%s', not '%s': check the address; if it was replaced, correct "
                       "the MAC address, or "
                       "forget the old one (bleproxy forget)",
                       end->received_mac, config->expected_mac);
    else
        session->framing.state = FRAMING_AWAITS_HANDSHAKE;
}

static void framing_on_handshake(struct session *session, const struct frame *frame, uint64_t now_ns)
{
    struct framing *framing = &session->framing;
    char identity[IDENTITY_MAX];
    if (frame->size == 0) {
        session_finish(session, BLEPROXY_E_HANDSHAKE, now_ns,
                       "sent an empty encryption handshake: update its firmware");
        return;
    }
    if (frame->data[0] != HANDSHAKE_GOES_ON) {
        framing_refused(session, frame->data + 1, frame->size - 1, now_ns);
        return;
    }
    int r = handshake_read_second(&framing->handshake, frame->data + 1, frame->size - 1);
    if (r == 0)
        r = handshake_split(&framing->handshake, &framing->sending, &framing->receiving);
    if (r == BLEPROXY_E_INVALID_KEY) {
        session_finish(
            session, r, now_ns,
            "does not have this key: its own is another one, see `key` under `api: encryption:` in its "
            "ESPHome configuration%s",
            framing_identity(session, identity));
        return;
    }
    if (r < 0) {
        session_finish(session, r, now_ns, "sent a malformed encryption handshake: update its firmware");
        return;
    }
    handshake_deinit(&framing->handshake);
    framing->state = FRAMING_SEALED;
    env_log(session->config.env, BLEPROXY_LOG_DEBUG, "noise", session->config.label, "handshake done");
    r = hello_begin(session, now_ns);
    if (r < 0)
        session_finish(session, r, now_ns, "could not be greeted: %s", bleproxy_strerror(r));
}

static void framing_broken(struct session *session, int outcome, uint64_t now_ns)
{
    bool encrypted = session->config.psk;
    switch (outcome) {
    case BLEPROXY_E_NOMEM:
        session_finish(session, outcome, now_ns, "sent a message for which there is no memory");
        break;
    case FRAME_OTHER_FRAMING:
        if (encrypted)
            session_finish(session, BLEPROXY_E_ENCRYPTION_PLAINTEXT, now_ns,
                           "does not encrypt: make sure that it is your proxy, then add `encryption:` under "
                           "`api:` in its "
                           "ESPHome configuration, or remove its noise_psk here");
        else
            session_finish(
                session, BLEPROXY_E_REQUIRES_ENCRYPTION, now_ns,
                "requires encryption: give its noise_psk (the `key` under `api: encryption:` in its "
                "ESPHome configuration)");
        break;
    case FRAME_BAD_PREAMBLE:
        session_finish(session, BLEPROXY_E_PROTOCOL, now_ns,
                       "does not speak the ESPHome API: check that this is its API port (6053)");
        break;
    default: /* FRAME_BAD_VARINT, FRAME_TOO_LARGE */
        session_finish(session, BLEPROXY_E_PROTOCOL, now_ns,
                       "sent a frame that breaks the protocol: check that this is its API port (6053)");
        break;
    }
}

/* frame is the outside of a Noise frame and becomes the message in it. */
static int framing_unseal(struct session *session, struct frame *frame, uint64_t now_ns)
{
    int r = data_frame_open(&session->framing.receiving, false, frame);
    if (r == BLEPROXY_E_PROTOCOL)
        session_finish(session, r, now_ns,
                       "sent an encrypted message that is too short: update its firmware");
    else if (r < 0)
        session_finish(
            session, r, now_ns,
            "sent a message that does not authenticate, damaged or forged on its way: check the network");
    return r;
}

int framing_next(struct session *session, uint8_t **bytes, size_t *n, uint64_t now_ns,
                 struct frame *ret_frame)
{
    struct framing *framing = &session->framing;
    frame_read_fn *read = framing->state == FRAMING_PLAIN ? frame_read_plain : frame_read_noise;
    while (session->stage != STAGE_ENDED) {
        int r = frame_reader_next(&framing->reader, read, &frame_limits_client, bytes, n, ret_frame);
        if (r == FRAME_INCOMPLETE)
            return r;
        if (r != 0) {
            framing_broken(session, r, now_ns);
            break;
        }
        switch (framing->state) {
        case FRAMING_PLAIN:
            return 0;
        case FRAMING_AWAITS_HELLO:
            framing_on_hello(session, ret_frame, now_ns);
            break;
        case FRAMING_AWAITS_HANDSHAKE:
            framing_on_handshake(session, ret_frame, now_ns);
            break;
        case FRAMING_SEALED:
            if (framing_unseal(session, ret_frame, now_ns) == 0)
                return 0;
            break;
        }
    }
    return FRAME_INCOMPLETE;
}

static int framing_write_plain(struct buffer *out, uint32_t type, const ProtobufCMessage *message)
{
    size_t before = out->size;
    int r = frame_write_plain_header(out, type, message_packed_size(message));
    if (r == 0)
        r = message_pack(message, out);
    if (r < 0)
        buffer_unwrite(out, out->size - before);
    return r;
}

int framing_write(struct session *session, uint32_t type, const ProtobufCMessage *message)
{
    uint8_t *payload;
    if (session->framing.state == FRAMING_PLAIN)
        return framing_write_plain(&session->out, type, message);
    size_t size = message_packed_size(message);
    int r = data_frame_begin(&session->out, type, size, &payload);
    if (r < 0)
        return r;
    protobuf_c_message_pack(message, payload);
    return data_frame_end(&session->out, &session->framing.sending, size);
}
