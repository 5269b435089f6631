/* SPDX-License-Identifier: MIT */
#include <bleproxy/key.h>

#include "noise/handshake.h"
#include <bleproxy/error.h>
#include <sodium.h>

void bleproxy_key_generate(char ret_key[BLEPROXY_KEY_TEXT_SIZE])
{
    uint8_t psk[HANDSHAKE_PSK_SIZE];
    do
        randombytes_buf(psk, sizeof(psk));
    while (sodium_is_zero(psk, sizeof(psk)));
    sodium_bin2base64(ret_key, BLEPROXY_KEY_TEXT_SIZE, psk, sizeof(psk), sodium_base64_VARIANT_ORIGINAL);
    sodium_memzero(psk, sizeof(psk));
}

int bleproxy_key_check(const char *key)
{
    uint8_t psk[HANDSHAKE_PSK_SIZE];
    int r = handshake_psk_decode(key, psk);
    if (r == 0 && sodium_is_zero(psk, sizeof(psk)))
        r = BLEPROXY_E_INVALID_KEY;
    sodium_memzero(psk, sizeof(psk));
    return r;
}
