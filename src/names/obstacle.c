/* SPDX-License-Identifier: MIT */
#include <bleproxy/path.h>

const char *bleproxy_obstacle_name(enum bleproxy_obstacle obstacle)
{
    switch (obstacle) {
    case BLEPROXY_OBSTACLE_NONE:
        return "none";
    case BLEPROXY_OBSTACLE_CANNOT_CONNECT:
        return "cannot_connect";
    case BLEPROXY_OBSTACLE_NO_SESSION:
        return "no_session";
    case BLEPROXY_OBSTACLE_DENIED:
        return "denied";
    case BLEPROXY_OBSTACLE_NOT_ALLOWED:
        return "not_allowed";
    case BLEPROXY_OBSTACLE_RESERVED:
        return "reserved";
    case BLEPROXY_OBSTACLE_BONDED_ELSEWHERE:
        return "bonded_elsewhere";
    case BLEPROXY_OBSTACLE_NOT_HEARD:
        return "not_heard";
    case BLEPROXY_OBSTACLE_STALE:
        return "stale";
    case BLEPROXY_OBSTACLE_BUSY:
        return "busy";
    case BLEPROXY_OBSTACLE_FULL:
        return "full";
    case BLEPROXY_OBSTACLE_CONNECTED:
        return "connected";
    }
    return "unknown";
}
