/* SPDX-License-Identifier: MIT */
#include "names/code.h"

#define PASSKEY "pairing through a proxy works only without passkey: pair the device with another host"
#define ANEW    "remove the pairing on both sides (unpair, and in the device), then pair again"
#define MODE    "put the device into pairing mode and try again"
#define AGAIN   "try again; if that does not help, restart the device and the proxy"

/* ESP32s add this to SMP's reasons: the highest HCI error of their stack, 67, and 10 (esp_ble_auth_fail_rsn_t begins
 * with 78). */
enum { BLUEDROID = 77 };

/* A reason as it is on the air, and as an ESP32 tells it. */
#define SMP(code, name, meaning, advice)                                                                     \
    {code, name, meaning, advice},                                                                           \
    {                                                                                                        \
        BLUEDROID + (code), name, meaning, advice                                                            \
    }

static const struct bleproxy_code reasons[] = {
    {-2, "NO_MEMORY", "the proxy is out of memory", "use fewer components and connection slots on it"},
    {-1, "NOT_CONNECTED", "the proxy has no connection to the device, or cannot pair",
     "connect first, or use a proxy whose firmware can pair"},
    SMP(0x01, "PASSKEY_ENTRY_FAILED", "the device asks for a passkey", PASSKEY),
    SMP(0x02, "OOB_NOT_AVAILABLE", "the device wants to be paired by other means, such as NFC", PASSKEY),
    SMP(0x03, "AUTHENTICATION_REQUIREMENTS", "the device demands a pairing that a proxy cannot offer",
        PASSKEY),
    SMP(0x04, "CONFIRM_VALUE_FAILED", "the sides did not come to the same value: a wrong passkey, or damage",
        MODE),
    SMP(0x05, "PAIRING_NOT_SUPPORTED", "the device does not pair, or not now", MODE),
    SMP(0x06, "ENCRYPTION_KEY_SIZE", "the key would be shorter than one side demands",
        "update the device's firmware"),
    SMP(0x07, "COMMAND_NOT_SUPPORTED", "the device did not understand a step of the pairing",
        "update the device's firmware"),
    SMP(0x08, "UNSPECIFIED_REASON", "the device refused without saying why", MODE),
    SMP(0x09, "REPEATED_ATTEMPTS", "the device refuses another attempt so soon",
        "wait a minute and try again"),
    SMP(0x0a, "INVALID_PARAMETERS", "one side rejected a step of the pairing as malformed", AGAIN),
    SMP(0x0b, "DHKEY_CHECK_FAILED", "the sides did not come to the same key", MODE),
    SMP(0x0c, "NUMERIC_COMPARISON_FAILED", "the numbers on both sides were not the same, or not confirmed",
        MODE),
    SMP(0x0d, "CLASSIC_PAIRING_IN_PROGRESS", "the device is being paired over classic Bluetooth",
        "let that finish, then try again"),
    SMP(0x0e, "KEY_DERIVATION_NOT_ALLOWED", "a key of classic Bluetooth may not be used here", ANEW),
    {0x0f, "KEY_REJECTED", "the device did not accept a key", ANEW},
    {0x10, "BUSY", "the device is not ready to pair", "wait a moment and try again"},
    {92, "INTERNAL_ERROR", "the proxy's Bluetooth stack failed", "restart the proxy"},
    {93, "UNKNOWN_IO_CAPABILITY", "the proxy could not decide how to pair",
     "check 'io_capability' of 'esp32_ble' in its ESPHome configuration"},
    {94, "INITIATION_FAILED", "pairing could not be begun", AGAIN},
    {95, "CONFIRM_FAILED", "the sides did not come to the same value", MODE},
    {96, "SECURITY_BUSY", "another pairing or encryption is under way", "wait a moment and try again"},
    {97, "ENCRYPTION_FAILED", "encryption could not be started: usually the device has forgotten the pairing",
     ANEW},
    {98, "STARTED", "pairing was begun and has not finished", "wait a moment and try again"},
    {99, "RESPONSE_TIMEOUT", "the device stopped answering while it was paired", MODE},
    {100, "DIVERSIFIER_NOT_AVAILABLE", "the pairing that is stored is incomplete", ANEW},
    {101, "UNSPECIFIED_ERROR", "pairing failed without saying why", MODE},
    {102, "CONNECTION_TIMEOUT", "the connection broke while the device was paired",
     "move the device nearer to the proxy and try again"},
};

const struct bleproxy_code *bleproxy_pairing_reason(int32_t code)
{
    return code_find(reasons, sizeof(reasons) / sizeof(reasons[0]), code);
}
