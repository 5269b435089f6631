/* SPDX-License-Identifier: MIT */
#ifndef CLI_SLOTS_H
#define CLI_SLOTS_H

#include "options.h"
#include "proxies.h"

#include <bleproxy/bleproxy.h>

/* `bleproxy slots`, and the two ways to ask: the proxies themselves (slots_direct.c), and a bleproxyd that has them
 * (slots_remote.c). */

struct remote;
struct slots_view;

enum { SLOTS_SHOWN_MAX = 16 }; /* firmware has at most 9 */

struct slots_asked {
    struct slots_view *view;
    const struct target *target;
    struct bleproxy_client *client; /* its own; NULL: a daemon is asked */
    char label[64];
    uint64_t source;
    bool failed, known, waiting;
    int exit_code;
    uint32_t free, limit; /* as it was told last */
    uint64_t allocated[SLOTS_SHOWN_MAX];
    size_t n_allocated;
};

struct slots_ops {
    void (*begin)(struct slots_view *view);
    /* Again, each second: of --watch, or for what is not told yet. */
    void (*ask)(struct slots_view *view);
};
extern const struct slots_ops slots_direct;
extern const struct slots_ops *const slots_remote; /* NULL in a build without D-Bus */

struct slots_view {
    struct options options;
    const struct slots_ops *ops;
    struct remote *remote; /* the daemon that has the proxies; NULL: they are asked themselves */
    bool is_asking;        /* the daemon */
    struct proxies proxies;
    bool watch, over;
    struct bleproxy_loop *loop;
    struct slots_asked *asked;
    size_t n_asked;
};

/* It cannot be told, or not any more; text NULL: what the error means. */
void slots_fail(struct slots_asked *asked, int error, const char *text);
void slots_take(struct slots_asked *asked, const struct bleproxy_slots *slots);

#endif
