/* SPDX-License-Identifier: MIT */
/* Keeps a proxy connected with time limits of its own, which the command has not: listener ADDRESS PORT PING_MS DEAD_MS.
 * Says "ready", "down: WHY" and, for each advertisement, "report"; ends when standard input does. */
#include <bleproxy/bleproxy.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void on_state(void *user, enum bleproxy_proxy_state state, int error, const char *text)
{
    (void)user;
    if (state == BLEPROXY_PROXY_READY)
        puts("ready");
    else if (error < 0)
        printf("down: %s\n", text);
    fflush(stdout);
}

static void on_report(void *user, const struct bleproxy_advertisement *advertisement)
{
    (void)user, (void)advertisement;
    puts("report");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct bleproxy_loop *loop;
    struct bleproxy_hub *hub;
    struct bleproxy_manager *manager;
    struct bleproxy_subscription *subscription;
    if (argc != 5)
        return 2;
    const struct bleproxy_proxy_config config = {
        .address = argv[1],
        .port = (uint16_t)atoi(argv[2]),
        .timeouts = {.ping_ms = (uint32_t)atoi(argv[3]), .dead_ms = (uint32_t)atoi(argv[4])}};
    if (bleproxy_loop_new(NULL, &loop) || bleproxy_hub_new(loop, NULL, &hub) ||
        bleproxy_manager_new(hub, &config, &manager) ||
        bleproxy_hub_subscribe(hub, BLEPROXY_STREAM_REPORTS, NULL, on_report, NULL, &subscription))
        return 1;
    bleproxy_manager_watch(manager, on_state, NULL);
    if (bleproxy_manager_start(manager, NULL, NULL))
        return 1;
    struct pollfd fds[] = {{.fd = bleproxy_loop_fd(loop), .events = POLLIN},
                           {.fd = STDIN_FILENO, .events = POLLIN}};
    while (!fds[1].revents) {
        poll(fds, 2, bleproxy_loop_timeout_ms(loop));
        bleproxy_loop_process(loop);
    }
    bleproxy_manager_free(manager);
    bleproxy_hub_free(hub);
    bleproxy_loop_free(loop);
    return 0;
}
