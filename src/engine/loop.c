/* SPDX-License-Identifier: MIT */
#include "engine/loop.h"

#include "engine/mdns.h"
#include <bleproxy/uv.h>
#include <sodium.h>
#include <stdlib.h>

enum { LOOP_GATHER_MAX_MS = 1000 };

static void *loop_reallocate(void *user, void *block, size_t size)
{
    (void)user;
    if (size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, size);
}

static void loop_random(void *user, void *buf, size_t size)
{
    (void)user;
    randombytes_buf(buf, size);
}

static void loop_log(void *user, enum bleproxy_log_level level, const char *room, const char *proxy,
                     const char *text)
{
    struct bleproxy_loop *loop = user;
    loop->options.on_log(loop->options.log_user, level, room, proxy, text);
}

static void loop_network_changed(void *user)
{
    struct bleproxy_loop *loop = user;
    uplink_look(&loop->uplink);
    mdns_network_changed(loop->mdns);
}

int loop_new(uv_loop_t *uv, const struct bleproxy_loop_options *options, struct bleproxy_loop **ret_loop)
{
    if (options && options->gather_ms > LOOP_GATHER_MAX_MS)
        return BLEPROXY_E_INVALID;
    if (sodium_init() < 0)
        return BLEPROXY_E_IO;
    struct bleproxy_loop *loop = calloc(1, sizeof(*loop));
    if (!loop)
        return BLEPROXY_E_NOMEM;
    if (options)
        loop->options = *options;
    loop->env = (struct env){.user = loop,
                             .reallocate = loop_reallocate,
                             .random = loop_random,
                             .log = loop->options.on_log ? loop_log : NULL,
                             .log_level = loop->options.log_level};
    gate_init(&loop->gate, loop->options.attempts_max);
    loop->receive = malloc(LOOP_RECEIVE_SIZE);
    int r = !loop->receive ? UV_ENOMEM : uv ? 0 : uv_loop_init(&loop->own);
    if (r < 0) {
        free(loop->receive);
        free(loop);
        return r == UV_ENOMEM ? BLEPROXY_E_NOMEM : BLEPROXY_E_IO;
    }
    loop->uv = uv ? uv : &loop->own;
    nap_init(&loop->nap, loop->uv);
    system_lookups_init(&loop->lookups, loop->uv);
    netwatch_start(&loop->netwatch, loop->uv, loop_network_changed, loop);
    uplink_init(&loop->uplink, &loop->nap);
    if (gather_init(&loop->gather, loop, loop->options.gather_ms) < 0 ||
        turn_init(&loop->outbox, loop->uv) < 0 || turn_init(&loop->due, loop->uv) < 0) {
        bleproxy_loop_free(loop);
        return BLEPROXY_E_NOMEM;
    }
    *ret_loop = loop;
    return 0;
}

int bleproxy_loop_new(const struct bleproxy_loop_options *options, struct bleproxy_loop **ret_loop)
{
    return loop_new(NULL, options, ret_loop);
}

int bleproxy_loop_new_uv(uv_loop_t *uv, const struct bleproxy_loop_options *options,
                         struct bleproxy_loop **ret_loop)
{
    return loop_new(uv, options, ret_loop);
}

static void loop_destroy(struct bleproxy_loop *loop)
{
    free(loop->receive);
    free(loop);
}

static void loop_closed(uv_handle_t *end)
{
    loop_destroy(end->data);
}

/* On the caller's loop a callback may be on the stack: the memory goes with a handle, when none is. */
void bleproxy_loop_free(struct bleproxy_loop *loop)
{
    if (!loop)
        return;
    netwatch_stop(&loop->netwatch);
    mdns_free(loop->mdns);
    system_lookups_deinit(&loop->lookups);
    nap_deinit(&loop->nap);
    gather_deinit(&loop->gather);
    turn_deinit(&loop->outbox);
    turn_deinit(&loop->due);
    if (loop->uv == &loop->own) {
        uv_run(&loop->own, UV_RUN_NOWAIT); /* only forgets a stop, when one was asked for */
        uv_run(&loop->own, UV_RUN_NOWAIT); /* handles close here */
        uv_loop_close(&loop->own);
        loop_destroy(loop);
    } else {
        uv_idle_init(loop->uv, &loop->end);
        loop->end.data = loop;
        uv_close((uv_handle_t *)&loop->end, loop_closed);
    }
}

static void loop_turn(struct bleproxy_loop *loop, uv_run_mode mode)
{
    if (loop->running)
        return;
    loop->running = true;
    uv_run(loop->uv, mode);
    turn_run(&loop->outbox); /* what the last callbacks wrote: the next turn may be far off */
    loop->running = false;
}

void bleproxy_loop_run(struct bleproxy_loop *loop)
{
    loop_turn(loop, UV_RUN_DEFAULT);
}

void bleproxy_loop_stop(struct bleproxy_loop *loop)
{
    uv_stop(loop->uv);
}

int bleproxy_loop_fd(const struct bleproxy_loop *loop)
{
    return uv_backend_fd(loop->uv);
}

int bleproxy_loop_timeout_ms(const struct bleproxy_loop *loop)
{
    uv_update_time(loop->uv);
    /* libuv's word for "nothing to wait for" is 0: a foreign loop would spin. */
    return uv_loop_alive(loop->uv) ? uv_backend_timeout(loop->uv) : -1;
}

void bleproxy_loop_process(struct bleproxy_loop *loop)
{
    loop_turn(loop, UV_RUN_NOWAIT);
}

uint64_t bleproxy_loop_now_ns(const struct bleproxy_loop *loop)
{
    (void)loop;
    return loop_now();
}
