/* SPDX-License-Identifier: MIT */
#include "virtual_proxy.h"

#include "noise/cipher.h"
#include "sim/net.h"
#include "support.h"
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell_port(void *user, const char *name, const char *address, bool encrypted)
{
    (void)name;
    (void)encrypted;
    uint16_t port = (uint16_t)atoi(strrchr(address, ':') + 1);
    if (write(*(int *)user, &port, sizeof(port)) != sizeof(port))
        _exit(1);
}

static void nothing(void *user)
{
    (void)user;
}

static void serve(const char *firmware, const uint8_t *psk, bool faults, int fd)
{
    struct test_env test;
    test_env_init(&test);
    test.env.log = NULL;
    struct net_config config = {
        .proxy = {.profile = server_profile_find(firmware),
                  .flush_ns = BP_NEVER,
                  .seed = 7,
                  .psk = psk,
                  .slots = 3},
        .radio = {.seed = 7, .rate = RADIO_RATE_NATURAL},
        .count = 1,
        .faults = faults,
        .env = &test.env,
        .on_listening = tell_port,
        .on_ready = nothing,
        .user = &fd,
    };
    struct sockaddr_in *listen = (void *)&config.listen;
    listen->sin_family = AF_INET;
    listen->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    char why[NET_TEXT_MAX];
    int r = net_run(&config, why);
    if (r < 0)
        fprintf(stderr, "virtual proxy: %s\n", why);
    _exit(r < 0);
}

struct virtual_proxy virtual_proxy_start(const char *firmware, const uint8_t *psk, bool faults)
{
    struct virtual_proxy proxy;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    fflush(NULL);
    proxy.pid = fork();
    assert_true(proxy.pid >= 0);
    if (proxy.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails does not stop it */
        close(fds[0]);
        serve(firmware, psk, faults, fds[1]);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &proxy.port, sizeof(proxy.port)), sizeof(proxy.port));
    close(fds[0]);
    return proxy;
}

void virtual_proxy_stop(struct virtual_proxy *proxy, int signal)
{
    int status;
    if (proxy->pid <= 0)
        return;
    kill(proxy->pid, signal);
    waitpid(proxy->pid, &status, 0);
    proxy->pid = 0;
}
