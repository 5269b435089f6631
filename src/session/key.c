/* SPDX-License-Identifier: MIT */
#include "session/session_internal.h"

#include <string.h>

int session_set_key(struct session *session, const char *key, session_reply_fn *on_reply, void *user,
                    uint64_t now_ns)
{
    uint8_t text[SESSION_KEY_LENGTH];
    NoiseEncryptionSetKeyRequest request = NOISE_ENCRYPTION_SET_KEY_REQUEST__INIT;
    if (strlen(key) != sizeof(text))
        return BLEPROXY_E_INVALID_KEY;
    memcpy(text, key, sizeof(text));
    request.key = (ProtobufCBinaryData){.len = sizeof(text), .data = text};
    int r =
        session_request(session, MESSAGE_NOISE_SET_KEY_REQUEST, &request.base, MESSAGE_NOISE_SET_KEY_RESPONSE,
                        session->config.timeouts.request_ns, on_reply, user, now_ns, NULL);
    explicit_bzero(text, sizeof(text));
    return r;
}
