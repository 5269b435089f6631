/* SPDX-License-Identifier: MIT */
/* The virtual proxy. The one command that uses the library's inside: it links the static rooms. */
#include "cli.h"
#include "config/config.h"
#include "log.h"
#include "sim_options.h"
#include "world.h"

#include <bleproxy/error.h>
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The key ---- */

static int decode_key(struct sim *sim, const char *text, const char *where)
{
    if (handshake_psk_decode(text, sim->psk) < 0) {
        log_say("%s holds no key: it must be the base64 of 32 bytes", where);
        return CLI_USAGE;
    }
    sim->net.proxy.psk = sim->psk;
    return CLI_DONE;
}

static int read_key_file(struct sim *sim)
{
    char *text;
    int r = config_read_psk_file(sim->psk_file, &text);
    if (r == BLEPROXY_E_NOT_FOUND || r == BLEPROXY_E_IO) {
        log_say("cannot read the file that --psk-file names: %s",
                strerror(r == BLEPROXY_E_NOT_FOUND ? ENOENT : errno));
        return CLI_USAGE;
    }
    if (r < 0) {
        log_say("%s: %s", sim->psk_file, bleproxy_strerror(r));
        return r == BLEPROXY_E_NOMEM ? CLI_INTERNAL : CLI_USAGE;
    }
    r = decode_key(sim, text, sim->psk_file);
    sodium_memzero(text, strlen(text));
    free(text);
    return r;
}

static int read_key(struct sim *sim)
{
    const char *given = getenv("BLEPROXY_NOISE_PSK");
    if (sim->psk_file)
        return read_key_file(sim);
    if (!given)
        return CLI_DONE;
    if (*given)
        return decode_key(sim, given, "BLEPROXY_NOISE_PSK");
    log_say("BLEPROXY_NOISE_PSK is set, but empty: unset it for proxies that do not encrypt, or put the key "
            "there");
    return CLI_USAGE;
}

/* ---- Serving ---- */

static void env_print(void *user, enum bleproxy_log_level level, const char *room, const char *proxy,
                      const char *text)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    (void)user;
    (void)room;
    fprintf(stderr, "%s: %s: %s\n", names[level], proxy ? proxy : "sim", text);
}

static enum bleproxy_log_level log_level(unsigned verbosity)
{
    return verbosity == 0 ? BLEPROXY_LOG_ERROR : verbosity == 1 ? BLEPROXY_LOG_INFO : BLEPROXY_LOG_DEBUG;
}

static void on_listening(void *user, const char *name, const char *address, bool encrypted)
{
    const struct sim_proxy_config *proxy = &((const struct sim *)user)->net.proxy;
    printf("%s %s %s %s\n", name, address, proxy->profile->name, encrypted ? "encrypted" : "plaintext");
}

static void on_ready(void *user)
{
    (void)user;
    fflush(stdout);
}

static int serve(struct sim *sim)
{
    const struct env env = {.reallocate = world_reallocate,
                            .random = world_random,
                            .log = env_print,
                            .log_level = log_level(sim->verbosity)};
    char why[NET_TEXT_MAX];
    sim->net.env = &env;
    sim->net.on_listening = on_listening;
    sim->net.on_ready = on_ready;
    sim->net.user = sim;
    int r = net_run(&sim->net, why);
    if (r >= 0)
        return r == SIGINT ? CLI_INTERRUPTED : CLI_DONE;
    log_say("%s", why);
    return r == BLEPROXY_E_INVALID ? CLI_USAGE : CLI_FAILED;
}

int cmd_sim(int argc, char **argv)
{
    struct sim sim;
    int r = sim_options_parse(&sim, argc, argv);
    if (r != SIM_GO_ON)
        return r;
    if (sodium_init() < 0)
        return CLI_INTERNAL;
    r = read_key(&sim);
    if (r == CLI_DONE)
        r = serve(&sim);
    sodium_memzero(sim.psk, sizeof(sim.psk));
    return r;
}
