/* SPDX-License-Identifier: MIT */
#include <bleproxy/gatt.h>

const char *bleproxy_property_name(uint32_t property)
{
    switch ((enum bleproxy_property)property) {
    case BLEPROXY_PROPERTY_BROADCAST:
        return "broadcast";
    case BLEPROXY_PROPERTY_READ:
        return "read";
    case BLEPROXY_PROPERTY_WRITE_WITHOUT_RESPONSE:
        return "write-without-response";
    case BLEPROXY_PROPERTY_WRITE:
        return "write";
    case BLEPROXY_PROPERTY_NOTIFY:
        return "notify";
    case BLEPROXY_PROPERTY_INDICATE:
        return "indicate";
    case BLEPROXY_PROPERTY_AUTHENTICATED_SIGNED_WRITES:
        return "authenticated-signed-writes";
    case BLEPROXY_PROPERTY_EXTENDED_PROPERTIES:
        return "extended-properties";
    case BLEPROXY_PROPERTY_RELIABLE_WRITE:
        return "reliable-write";
    case BLEPROXY_PROPERTY_WRITABLE_AUXILIARIES:
        return "writable-auxiliaries";
    }
    return NULL;
}
