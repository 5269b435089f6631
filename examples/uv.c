/* SPDX-License-Identifier: MIT */
/* bleproxy on a program's own libuv loop: waits up to 10 s for a device by its name. */
#include <bleproxy/bleproxy.h>
#include <bleproxy/uv.h>
#include <stdio.h>
#include <stdlib.h>

struct program {
    struct bleproxy_loop *loop;
    struct bleproxy_hub *hub;
    struct bleproxy_manager *manager;
    int status;
};

static void on_stopped(void *user, int error)
{
    struct program *program = user;
    (void)error;
    bleproxy_manager_free(program->manager);
    bleproxy_hub_free(program->hub);
    bleproxy_loop_free(program->loop); /* its handles close, and uv_run() returns */
}

static void on_found(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct program *program = user;
    program->status = error ? 1 : 0;
    if (error)
        fprintf(stderr, "%s\n", bleproxy_strerror(error));
    else
        printf("heard at %d dBm through %s\n", advertisement->rssi_dbm, advertisement->proxy);
    bleproxy_manager_stop(program->manager, on_stopped, program);
}

int main(int argc, char **argv)
{
    struct program program = {.status = 1};
    struct bleproxy_search *search;
    const struct bleproxy_proxy_config config = {.address = argc > 1 ? argv[1] : "127.0.0.1",
                                                 .noise_psk = getenv("BLEPROXY_NOISE_PSK")};
    const struct bleproxy_filter wanted = {.name = argc > 2 ? argv[2] : "Reading lamp"};
    uv_loop_t *uv = uv_default_loop();
    if (bleproxy_loop_new_uv(uv, NULL, &program.loop) || bleproxy_hub_new(program.loop, NULL, &program.hub) ||
        bleproxy_manager_new(program.hub, &config, &program.manager) ||
        bleproxy_manager_start(program.manager, NULL, NULL) ||
        bleproxy_hub_find(program.hub, &wanted, 10000, on_found, &program, &search))
        return 1;
    uv_run(uv, UV_RUN_DEFAULT);
    uv_loop_close(uv);
    return program.status;
}
