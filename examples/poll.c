/* SPDX-License-Identifier: MIT */
/* bleproxy inside a program that has a poll() loop of its own: prints what changes until standard input ends.
 */
#include <bleproxy/bleproxy.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void on_change(void *user, const struct bleproxy_advertisement *advertisement)
{
    (void)user;
    char address[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(advertisement->address, address);
    printf("%s %d dBm through %s\n", address, advertisement->rssi_dbm, advertisement->proxy);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct bleproxy_loop *loop;
    struct bleproxy_hub *hub;
    struct bleproxy_manager *manager;
    struct bleproxy_subscription *subscription;
    const struct bleproxy_proxy_config config = {.address = argc > 1 ? argv[1] : "127.0.0.1",
                                                 .noise_psk = getenv("BLEPROXY_NOISE_PSK")};
    if (bleproxy_loop_new(NULL, &loop) || bleproxy_hub_new(loop, NULL, &hub) ||
        bleproxy_manager_new(hub, &config, &manager) || bleproxy_manager_start(manager, NULL, NULL) ||
        bleproxy_hub_subscribe(hub, BLEPROXY_STREAM_CHANGES, NULL, on_change, NULL, &subscription))
        return 1;

    struct pollfd fds[] = {{.fd = bleproxy_loop_fd(loop), .events = POLLIN},
                           {.fd = STDIN_FILENO, .events = POLLIN}};
    for (;;) {
        poll(fds, 2, bleproxy_loop_timeout_ms(loop));
        bleproxy_loop_process(loop);
        char line[256];
        if (fds[1].revents && read(STDIN_FILENO, line, sizeof(line)) <= 0)
            break;
    }
    bleproxy_subscription_free(subscription);
    bleproxy_manager_free(manager);
    bleproxy_hub_free(hub);
    bleproxy_loop_free(loop);
    return 0;
}
