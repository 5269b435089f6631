/* SPDX-License-Identifier: MIT */
#include "cli.h"

#include <bleproxy/error.h>

enum cli_exit cli_exit_code(int error)
{
    if (error == 0)
        return CLI_DONE;
    switch ((enum bleproxy_errno)error) {
    case BLEPROXY_E_NOMEM:
    case BLEPROXY_E_STATE:
    case BLEPROXY_E_IO:
        return CLI_INTERNAL;
    case BLEPROXY_E_INVALID:
        return CLI_USAGE;
    case BLEPROXY_E_REQUIRES_ENCRYPTION:
    case BLEPROXY_E_ENCRYPTION_PLAINTEXT:
    case BLEPROXY_E_ENCRYPTION_HELLO:
    case BLEPROXY_E_HANDSHAKE:
    case BLEPROXY_E_INVALID_KEY:
    case BLEPROXY_E_ENCRYPTION:
    case BLEPROXY_E_INVALID_AUTH:
        return CLI_AUTHENTICATION;
    case BLEPROXY_E_TIMEOUT:
    case BLEPROXY_E_RESOLVE:
    case BLEPROXY_E_RESOLVE_TIMEOUT:
    case BLEPROXY_E_CONNECT:
    case BLEPROXY_E_CLOSED:
    case BLEPROXY_E_PING:
    case BLEPROXY_E_NOT_CONNECTED:
        return CLI_UNREACHABLE;
    case BLEPROXY_E_CANCELLED:
    case BLEPROXY_E_START_ABORTED:
    case BLEPROXY_E_LIMIT:
    case BLEPROXY_E_UNSUPPORTED:
    case BLEPROXY_E_PROTOCOL:
    case BLEPROXY_E_VERSION:
    case BLEPROXY_E_BAD_NAME:
    case BLEPROXY_E_BAD_MAC_ADDRESS:
    case BLEPROXY_E_REQUEST_FAILED:
    case BLEPROXY_E_NO_PROXY:
    case BLEPROXY_E_NO_SLOT:
    case BLEPROXY_E_LINK:
    case BLEPROXY_E_DISCONNECTED:
    case BLEPROXY_E_GATT:
    case BLEPROXY_E_PAIRING:
    case BLEPROXY_E_REFUSED:
    case BLEPROXY_E_BUSY:
    case BLEPROXY_E_NO_SERVICES:
    case BLEPROXY_E_NO_ATTRIBUTE:
    case BLEPROXY_E_AMBIGUOUS:
    case BLEPROXY_E_PROPERTY:
    case BLEPROXY_E_TOO_LONG:
        return CLI_FAILED;
    case BLEPROXY_E_NOT_HEARD:
    case BLEPROXY_E_NOT_FOUND:
        return CLI_NOT_FOUND;
    }
    return CLI_INTERNAL;
}
