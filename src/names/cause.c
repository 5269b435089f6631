/* SPDX-License-Identifier: MIT */
#include <bleproxy/peripheral.h>

const char *bleproxy_cause_name(enum bleproxy_cause cause)
{
    switch (cause) {
    case BLEPROXY_CAUSE_NONE:
        return "none";
    case BLEPROXY_CAUSE_CALLER:
        return "caller";
    case BLEPROXY_CAUSE_NOT_HEARD:
        return "not_heard";
    case BLEPROXY_CAUSE_NO_PROXY:
        return "no_proxy";
    case BLEPROXY_CAUSE_SLOTS:
        return "slots";
    case BLEPROXY_CAUSE_RANGE:
        return "range";
    case BLEPROXY_CAUSE_PEER:
        return "peer";
    case BLEPROXY_CAUSE_KEY:
        return "key";
    case BLEPROXY_CAUSE_FIRMWARE:
        return "firmware";
    case BLEPROXY_CAUSE_PROXY:
        return "proxy";
    case BLEPROXY_CAUSE_TIMEOUT:
        return "timeout";
    case BLEPROXY_CAUSE_ATTRIBUTE:
        return "attribute";
    }
    return "unknown";
}
