/* SPDX-License-Identifier: MIT */
#include <bleproxy/error.h>

/* Sentences go behind a proxy's name ("kitchen: the proxy ..."), so they start small and end without a full
 * stop. */
#define ERRORS(E)                                                                                            \
    E(NOMEM, "nomem", "out of memory")                                                                       \
    E(INVALID, "invalid", "an argument is outside its documented range: correct the call")                   \
    E(STATE, "state", "this cannot be done in the present state: it was already started, or has ended")      \
    E(CANCELLED, "cancelled", "the operation was cancelled by its caller")                                   \
    E(START_ABORTED, "start_aborted", "stopped while it was still waiting for the first connection")         \
    E(TIMEOUT, "timeout", "no answer in time: check that the proxy is powered and its network is good")      \
    E(LIMIT, "limit", "a limit is reached: use fewer at the same time, or release some first")               \
    E(NOT_FOUND, "not_found", "there is none like that: check the name or address")                          \
    E(UNSUPPORTED, "unsupported", "the proxy's firmware cannot do this: update ESPHome on it")               \
    E(IO, "io", "the operating system refused: the log says why")                                            \
    E(RESOLVE, "resolve", "the proxy's name has no address: check its spelling, or give its IP address")     \
    E(RESOLVE_TIMEOUT, "resolve_timeout",                                                                    \
      "looking up the proxy's name took too long: check the name server, or give its IP address")            \
    E(CONNECT, "connect", "no connection to the proxy: check its address and port and that it is powered")   \
    E(CLOSED, "closed",                                                                                      \
      "the connection was closed or lost: check the proxy's network, and that it has a connection to spare") \
    E(PING, "ping", "the proxy stopped answering: check its power and network")                              \
    E(NOT_CONNECTED, "not_connected", "the proxy is not connected: wait until it is ready")                  \
    E(PROTOCOL, "protocol",                                                                                  \
      "the other side breaks the protocol: check that this is the API port of an ESPHome device")            \
    E(VERSION, "version", "the proxy speaks a newer major version of the API: update bleproxy")              \
    E(BAD_NAME, "bad_name", "a proxy of another name answered: check the address, or correct the name")      \
    E(BAD_MAC_ADDRESS, "bad_mac_address",                                                                    \
      "a proxy with another MAC address answered: check the address, or correct the MAC address")            \
    E(REQUEST_FAILED, "request_failed",                                                                      \
      "the connection failed under the request: repeat it when the proxy is connected again")                \
    E(REQUIRES_ENCRYPTION, "requires_encryption",                                                            \
      "this proxy requires encryption: give its noise_psk, see bleproxy.yaml(5)")                            \
    E(ENCRYPTION_PLAINTEXT, "encryption_plaintext",                                                          \
      "a key was given, but this proxy does not encrypt: add 'encryption' to its ESPHome 'api', or remove "  \
      "the noise_psk here")                                                                                  \
    E(ENCRYPTION_HELLO, "encryption_hello",                                                                  \
      "the proxy broke off the connection before encryption began: check that its ESPHome 'api' has "        \
      "'encryption'")                                                                                        \
    E(HANDSHAKE, "handshake",                                                                                \
      "the encrypted connection could not be set up: check that this is the API port of an ESPHome device")  \
    E(INVALID_KEY, "invalid_key",                                                                            \
      "the key is not this proxy's, or is not the base64 of 32 bytes: copy 'api: encryption: key' from its " \
      "ESPHome configuration")                                                                               \
    E(ENCRYPTION, "encryption",                                                                              \
      "an encrypted message was damaged or forged, the connection was given up: check the network")          \
    E(INVALID_AUTH, "invalid_auth",                                                                          \
      "the proxy refused the password: give the one in 'api: password' of its ESPHome configuration")        \
    E(NOT_HEARD, "not_heard",                                                                                \
      "no proxy has heard the device lately: check that it is on and near a proxy, and not connected "       \
      "elsewhere")                                                                                           \
    E(NO_PROXY, "no_proxy",                                                                                  \
      "no proxy that hears the device can connect: use a proxy with 'bluetooth_proxy: active: true'")        \
    E(NO_SLOT, "no_slot",                                                                                    \
      "all connection slots of the proxy are in use: disconnect another device, or add a proxy")             \
    E(LINK, "link", "the connection to the device could not be made: move it nearer to a proxy, try again")  \
    E(DISCONNECTED, "disconnected", "the connection to the device was lost: connect again")                  \
    E(GATT, "gatt", "the device refused the operation: its code says why")                                   \
    E(PAIRING, "pairing", "pairing failed: put the device into pairing mode, and try again")                 \
    E(REFUSED, "refused", "the proxy could not do it: see its own log")                                      \
    E(BUSY, "busy", "this is under way or done already: wait for it, or undo it first")                      \
    E(NO_SERVICES, "no_services",                                                                            \
      "the device showed no services: connect again; if that does not help, restart the device or the "      \
      "proxy")                                                                                               \
    E(NO_ATTRIBUTE, "no_attribute",                                                                          \
      "the device has no such characteristic or descriptor: list them with 'bleproxy services'")             \
    E(AMBIGUOUS, "ambiguous", "the device has several of that UUID: use the handle of the one you mean")     \
    E(PROPERTY, "property", "the characteristic cannot do that: its properties tell what it can")            \
    E(TOO_LONG, "too_long",                                                                                  \
      "the value is too long: a value has at most 512 bytes, and without response at most the MTU less 3")

const char *bleproxy_strerror(int error)
{
    if (error == 0)
        return "success";
    switch ((enum bleproxy_errno)error) {
#define E(code, name, sentence)                                                                              \
    case BLEPROXY_E_##code:                                                                                  \
        return sentence;
        ERRORS(E)
#undef E
    }
    return "an error unknown to this version";
}

const char *bleproxy_error_name(int error)
{
    if (error == 0)
        return "ok";
    switch ((enum bleproxy_errno)error) {
#define E(code, name, sentence)                                                                              \
    case BLEPROXY_E_##code:                                                                                  \
        return name;
        ERRORS(E)
#undef E
    }
    return "unknown";
}
