/* SPDX-License-Identifier: MIT */
#include "server/framing.h"

#include "noise/data_frame.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <string.h>

/* The texts that ESPHome firmware sends; clients compare the third one. */
#define REJECT_INDICATOR  "Bad indicator byte"
#define REJECT_SIZE       "Bad handshake packet len"
#define REJECT_MAC        "Handshake MAC failure"
#define REJECT_EMPTY      "Empty handshake message"
#define REJECT_ERROR_BYTE "Bad handshake error byte"
#define REJECT_HANDSHAKE  "Handshake error"

enum { NOISE_PROTOCOL_CHOSEN = 1, NOISE_STATUS_OK = 0, NOISE_STATUS_REJECTED = 1, FRAMING_HELLO_MAX = 64 };

/* Before a client has proved that it has the key, firmware takes only small frames. */
static const struct frame_limits handshake_limits = {.noise_body_max = 128};

void server_framing_init(struct server_framing *framing, const struct server_framing_identity *identity,
                         size_t out_max)
{
    *framing = (struct server_framing){.identity = identity, .noise = identity->psk != NULL};
    framing->phase = !framing->noise           ? FRAMING_READY
                     : identity->plaintext_too ? FRAMING_UNDECIDED
                                               : FRAMING_NOISE_HELLO;
    frame_reader_init(&framing->reader, identity->env);
    buffer_init(&framing->out, identity->env, out_max);
}

void server_framing_trust(struct server_framing *framing)
{
    framing->noise = false;
    framing->phase = FRAMING_READY;
}

void server_framing_deinit(struct server_framing *framing)
{
    frame_reader_deinit(&framing->reader);
    buffer_deinit(&framing->out);
    handshake_deinit(&framing->handshake);
    cipher_deinit(&framing->receive);
    cipher_deinit(&framing->send);
}

/* Tells the client why, in whichever framing the device speaks, before the connection is closed. */
static int server_framing_reject(struct server_framing *framing, const char *reason, int error)
{
    framing->why = reason;
    size_t size = strlen(reason);
    uint8_t body[1 + 32] = {framing->noise ? NOISE_STATUS_REJECTED : 0};
    memcpy(body + 1, reason, size);
    int r = framing->noise ? frame_write_noise(&framing->out, body, 1 + size)
                           : buffer_append(&framing->out, body, 1 + size);
    return r < 0 ? r : error;
}

/* outcome is one of frame_read_plain() or frame_read_noise() other than a frame. */
static int server_framing_refuse(struct server_framing *framing, int outcome)
{
    bool handshaking = framing->phase != FRAMING_READY;
    bool indicator = outcome == FRAME_BAD_PREAMBLE || outcome == FRAME_OTHER_FRAMING;
    if (indicator && (handshaking || !framing->noise))
        return server_framing_reject(framing, REJECT_INDICATOR, BLEPROXY_E_PROTOCOL);
    if (handshaking)
        return server_framing_reject(framing, REJECT_SIZE, BLEPROXY_E_HANDSHAKE);
    framing->why = indicator ? REJECT_INDICATOR : "a frame is too large";
    return BLEPROXY_E_PROTOCOL;
}

/* The device introduces itself at once, before the client has shown a key. */
static int server_framing_read_hello(struct server_framing *framing, const struct frame *frame)
{
    const struct server_framing_identity *identity = framing->identity;
    handshake_init(&framing->handshake, identity->aead, identity->psk, frame->data, frame->size);
    framing->phase = FRAMING_NOISE_HANDSHAKE;
    char hello[FRAMING_HELLO_MAX] = {NOISE_PROTOCOL_CHOSEN};
    size_t size = 1 + (size_t)snprintf(hello + 1, sizeof(hello) - 1, "%.31s", identity->name) + 1;
    if (identity->says_mac)
        size += (size_t)snprintf(hello + size, sizeof(hello) - size, "%012llx",
                                 (unsigned long long)(identity->mac_address & UINT64_C(0xffffffffffff))) +
                1;
    return frame_write_noise(&framing->out, hello, size);
}

static int server_framing_read_handshake(struct server_framing *framing, const struct frame *frame)
{
    if (frame->size == 0)
        return server_framing_reject(framing, REJECT_EMPTY, BLEPROXY_E_HANDSHAKE);
    if (frame->data[0] != NOISE_STATUS_OK)
        return server_framing_reject(framing, REJECT_ERROR_BYTE, BLEPROXY_E_HANDSHAKE);

    struct handshake *handshake = &framing->handshake;
    uint8_t reply[1 + HANDSHAKE_MESSAGE_SIZE] = {NOISE_STATUS_OK};
    int r = handshake_read_first(handshake, frame->data + 1, frame->size - 1);
    if (r == 0)
        r = handshake_write_second(handshake, framing->identity->env, reply + 1);
    if (r < 0)
        return server_framing_reject(framing, r == BLEPROXY_E_INVALID_KEY ? REJECT_MAC : REJECT_HANDSHAKE, r);
    r = frame_write_noise(&framing->out, reply, sizeof(reply));
    if (r == 0)
        r = handshake_split(handshake, &framing->receive, &framing->send);
    handshake_deinit(handshake);
    if (r == 0)
        framing->phase = FRAMING_READY;
    return r;
}

static int server_framing_open(struct server_framing *framing, struct frame *frame)
{
    int r = data_frame_open(&framing->receive, true, frame);
    if (r < 0)
        framing->why =
            r == BLEPROXY_E_ENCRYPTION ? "a message did not authenticate" : "a message is cut short";
    return r;
}

/* Plaintext begins with 0; what is neither is refused as a bad client of an encrypted device. */
static void server_framing_decide(struct server_framing *framing, uint8_t first)
{
    framing->noise = first != 0;
    framing->phase = framing->noise ? FRAMING_NOISE_HELLO : FRAMING_READY;
}

int server_framing_next(struct server_framing *framing, uint8_t **bytes, size_t *n, struct frame *ret_frame)
{
    if (framing->phase == FRAMING_UNDECIDED && *n > 0)
        server_framing_decide(framing, **bytes);
    if (framing->phase == FRAMING_UNDECIDED)
        return FRAME_INCOMPLETE;
    bool noise = framing->noise;
    for (;;) {
        bool handshaking = framing->phase != FRAMING_READY;
        struct frame frame;
        int r =
            frame_reader_next(&framing->reader, noise ? frame_read_noise : frame_read_plain,
                              handshaking ? &handshake_limits : &framing->identity->limits, bytes, n, &frame);
        if (r == FRAME_INCOMPLETE || r < 0)
            return r;
        if (r > 0)
            return server_framing_refuse(framing, r);
        if (handshaking) {
            r = framing->phase == FRAMING_NOISE_HELLO ? server_framing_read_hello(framing, &frame)
                                                      : server_framing_read_handshake(framing, &frame);
            if (r < 0)
                return r;
            continue;
        }
        if (noise) {
            r = server_framing_open(framing, &frame);
            if (r < 0)
                return r;
        }
        *ret_frame = frame;
        return 0;
    }
}

int server_framing_send(struct server_framing *framing, uint32_t type, const uint8_t *payload, size_t size)
{
    if (framing->phase != FRAMING_READY)
        return BLEPROXY_E_STATE;
    if (framing->noise) {
        uint8_t *space;
        int r = data_frame_begin(&framing->out, type, size, &space);
        if (r < 0)
            return r;
        if (size > 0)
            memcpy(space, payload, size);
        return data_frame_end(&framing->out, &framing->send, size);
    }
    size_t held = framing->out.size;
    int r = frame_write_plain_header(&framing->out, type, size);
    if (r == 0)
        r = buffer_append(&framing->out, payload, size);
    if (r < 0)
        buffer_unwrite(&framing->out, framing->out.size - held);
    return r;
}
