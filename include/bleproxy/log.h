/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_LOG_H
#define BLEPROXY_LOG_H

#ifdef __cplusplus
extern "C" {
#endif

enum bleproxy_log_level {
    BLEPROXY_LOG_ERROR = 0, /* something the program asked for will not happen */
    BLEPROXY_LOG_WARNING =
        1,                  /* degraded: a proxy lost, a feature its firmware lacks, a peer that misbehaves */
    BLEPROXY_LOG_INFO = 2,  /* proxies coming and going */
    BLEPROXY_LOG_DEBUG = 3, /* each step of each connection, each malformed advertisement */
};

/* room is the part of the library that speaks: "noise", "session", "proxy", "hub", "engine", ... proxy is the
 * name or address of the proxy concerned, or NULL. text is one line in English without a newline; whatever a
 * peer sent is stripped of control characters in it, and no secret is ever in it. All three live for the call
 * only, in which no call into the library may be made but bleproxy_loop_stop(). */
typedef void bleproxy_log_fn(void *user, enum bleproxy_log_level level, const char *room, const char *proxy,
                             const char *text);

#ifdef __cplusplus
}
#endif
#endif
