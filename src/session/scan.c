/* SPDX-License-Identifier: MIT */
#include "session/session_internal.h"

enum {
    SUBSCRIBE_RAW = 1 << 0,
    SLOTS_MAX = 64, /* firmware has at most 9 */
};

int session_subscribe_adverts(struct session *session, bool raw, uint64_t now_ns)
{
    SubscribeBluetoothLEAdvertisementsRequest request = SUBSCRIBE_BLUETOOTH_LEADVERTISEMENTS_REQUEST__INIT;
    request.flags = raw ? SUBSCRIBE_RAW : 0;
    return session_send(session, MESSAGE_SUBSCRIBE_ADVERTISEMENTS_REQUEST, &request.base, now_ns);
}

int session_unsubscribe_adverts(struct session *session, uint64_t now_ns)
{
    UnsubscribeBluetoothLEAdvertisementsRequest request =
        UNSUBSCRIBE_BLUETOOTH_LEADVERTISEMENTS_REQUEST__INIT;
    return session_send(session, MESSAGE_UNSUBSCRIBE_ADVERTISEMENTS_REQUEST, &request.base, now_ns);
}

int session_subscribe_slots(struct session *session, uint64_t now_ns)
{
    SubscribeBluetoothConnectionsFreeRequest request = SUBSCRIBE_BLUETOOTH_CONNECTIONS_FREE_REQUEST__INIT;
    return session_send(session, MESSAGE_SUBSCRIBE_CONNECTIONS_FREE_REQUEST, &request.base, now_ns);
}

int session_set_scanner_mode(struct session *session, enum bleproxy_scanner_mode mode, uint64_t now_ns)
{
    BluetoothScannerSetModeRequest request = BLUETOOTH_SCANNER_SET_MODE_REQUEST__INIT;
    if (mode != BLEPROXY_MODE_PASSIVE && mode != BLEPROXY_MODE_ACTIVE)
        return BLEPROXY_E_INVALID;
    request.mode = mode;
    return session_send(session, MESSAGE_SCANNER_SET_MODE_REQUEST, &request.base, now_ns);
}

bool scan_raw_adverts(struct session *session, const struct frame *frame, uint64_t now_ns)
{
    struct batch batch;
    struct batch_advert advert;
    int r = 0;
    batch_init(&batch, frame->data, frame->size);
    /* Each callback may end the session, free it or change the stream. */
    while (session->stage != STAGE_ENDED && (r = batch_next(&batch, &advert)) == 1)
        if (session->stage == STAGE_READY && session->stream.on_raw_advert)
            session->stream.on_raw_advert(session->stream_user, &advert, now_ns);
    return r != BATCH_MALFORMED;
}

void scan_advert(struct session *session, const ProtobufCMessage *message, uint64_t now_ns)
{
    if (session->stage == STAGE_READY && session->stream.on_advert)
        session->stream.on_advert(session->stream_user, (const BluetoothLEAdvertisementResponse *)message,
                                  now_ns);
}

void scan_state(struct session *session, const ProtobufCMessage *message, uint64_t now_ns)
{
    const BluetoothScannerStateResponse *scanner = (const BluetoothScannerStateResponse *)message;
    if (session->stage == STAGE_READY && session->stream.on_scanner_state)
        session->stream.on_scanner_state(session->stream_user, scanner->state, scanner->mode,
                                         scanner->configured_mode, now_ns);
}

void scan_slots(struct session *session, const ProtobufCMessage *message, uint64_t now_ns)
{
    const BluetoothConnectionsFreeResponse *response = (const BluetoothConnectionsFreeResponse *)message;
    uint64_t allocated[SLOTS_MAX];
    struct bleproxy_slots slots = {.free = response->free, .limit = response->limit, .allocated = allocated};
    for (size_t i = 0; i < response->n_allocated && slots.n_allocated < SLOTS_MAX; i++)
        if (response->allocated[i] != 0)
            allocated[slots.n_allocated++] = response->allocated[i];
    if (session->stage == STAGE_READY && session->stream.on_slots)
        session->stream.on_slots(session->stream_user, &slots, now_ns);
}
