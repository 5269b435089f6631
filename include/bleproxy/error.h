/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_ERROR_H
#define BLEPROXY_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* What a call returns when it does not return 0, and how a connection to a proxy ended. Values never change.
 */
enum bleproxy_errno {
    /* The program's side */
    BLEPROXY_E_NOMEM = -1,
    BLEPROXY_E_INVALID = -2,       /* an argument is outside its documented range */
    BLEPROXY_E_STATE = -3,         /* the call does not fit the state: started twice, used after its end */
    BLEPROXY_E_CANCELLED = -4,     /* the caller cancelled this operation */
    BLEPROXY_E_START_ABORTED = -5, /* stop was called while start was still waiting */
    BLEPROXY_E_TIMEOUT = -6,       /* a deadline passed: connect, handshake, request */
    BLEPROXY_E_LIMIT = -7,         /* a named cap is reached */
    BLEPROXY_E_NOT_FOUND = -8,
    BLEPROXY_E_UNSUPPORTED = -9, /* the proxy's firmware lacks the feature */
    BLEPROXY_E_IO = -10,         /* the operating system refused; the log has its words */

    /* Reaching the proxy */
    BLEPROXY_E_RESOLVE = -20,         /* the name has no address */
    BLEPROXY_E_RESOLVE_TIMEOUT = -21, /* name resolution took over 30 s */
    BLEPROXY_E_CONNECT = -22,         /* TCP connect failed: refused, unreachable */
    BLEPROXY_E_CLOSED = -23,          /* the proxy closed the connection, or it was lost */
    BLEPROXY_E_PING = -24,            /* the proxy stopped answering */
    BLEPROXY_E_NOT_CONNECTED = -25,   /* no session, or not ready yet */

    /* Speaking with it */
    BLEPROXY_E_PROTOCOL = -30,        /* framing or message that breaks the protocol */
    BLEPROXY_E_VERSION = -31,         /* API major version above 2 */
    BLEPROXY_E_BAD_NAME = -32,        /* another name than expected answered */
    BLEPROXY_E_BAD_MAC_ADDRESS = -33, /* another device than expected answered */
    BLEPROXY_E_REQUEST_FAILED = -34,  /* the connection failed under a request, for a reason of its own */

    /* Encryption and authentication */
    BLEPROXY_E_REQUIRES_ENCRYPTION = -40,  /* the proxy speaks only encrypted, no key was given */
    BLEPROXY_E_ENCRYPTION_PLAINTEXT = -41, /* a key was given, the proxy speaks only plaintext */
    BLEPROXY_E_ENCRYPTION_HELLO = -42,     /* the connection was reset before the proxy's Noise hello */
    BLEPROXY_E_HANDSHAKE = -43,            /* the Noise handshake failed or was refused */
    BLEPROXY_E_INVALID_KEY = -44,          /* the key is malformed, or not the proxy's */
    BLEPROXY_E_ENCRYPTION = -45,           /* an encrypted message did not authenticate */
    BLEPROXY_E_INVALID_AUTH = -46,         /* the proxy refused the password */

    /* Bluetooth devices */
    BLEPROXY_E_NOT_HEARD = -60,    /* no proxy has heard the device lately */
    BLEPROXY_E_NO_PROXY = -61,     /* none of the proxies that hear it can connect */
    BLEPROXY_E_NO_SLOT = -62,      /* all connection slots are in use */
    BLEPROXY_E_LINK = -63,         /* the connection to the device could not be made */
    BLEPROXY_E_DISCONNECTED = -64, /* the connection to the device was lost */
    BLEPROXY_E_GATT = -65,         /* the device refused the operation, with a code */
    BLEPROXY_E_PAIRING = -66,      /* pairing failed */
    BLEPROXY_E_REFUSED = -67,      /* the proxy could not do it, with a code of its own */
    BLEPROXY_E_BUSY = -68,         /* under way or done already: connecting, connected, subscribed */
    BLEPROXY_E_NO_SERVICES = -69,  /* the device showed no services */
    BLEPROXY_E_NO_ATTRIBUTE = -70, /* the device has no such characteristic, descriptor or service */
    BLEPROXY_E_AMBIGUOUS = -71,    /* it has several of that UUID */
    BLEPROXY_E_PROPERTY = -72,     /* the characteristic cannot do that */
    BLEPROXY_E_TOO_LONG = -73,     /* the value has more bytes than the attribute or the MTU allows */
};

/* One sentence: what happened and what to do. For any int; static storage, never NULL. */
const char *bleproxy_strerror(int error);
/* The code's name without prefix in lower case ("requires_encryption"), for logs and programs; static, never
 * NULL. */
const char *bleproxy_error_name(int error);

#ifdef __cplusplus
}
#endif
#endif
