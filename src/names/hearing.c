/* SPDX-License-Identifier: MIT */
#include <bleproxy/manager.h>

const char *bleproxy_hearing_name(enum bleproxy_hearing hearing)
{
    switch (hearing) {
    case BLEPROXY_HEARING_UNKNOWN:
        return "unknown";
    case BLEPROXY_HEARING_WELL:
        return "well";
    case BLEPROXY_HEARING_SILENT:
        return "silent";
    case BLEPROXY_HEARING_DEAF:
        return "deaf";
    case BLEPROXY_HEARING_ROBBED:
        return "robbed";
    case BLEPROXY_HEARING_REFUSED:
        return "refused";
    }
    return "unknown";
}
