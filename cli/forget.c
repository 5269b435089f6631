/* SPDX-License-Identifier: MIT */
#include "cli.h"
#include "log.h"
#include "options.h"
#include "proxies.h"
#include "state.h"

#include <bleproxy/bleproxy.h>
#include <limits.h>
#include <stdio.h>

static const struct option longs[] = {
    {"config", required_argument, NULL, 'c'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static const char help[] =
    "Usage: bleproxy forget [OPTION]... PROXY...\n"
    "Accept another device in the place of a proxy of the configuration: which device\n"
    "answered there is forgotten, and the next one that does is remembered.\n"
    "\n"
    "  -c, --config FILE  configuration, see bleproxy.yaml(5)\n" OPTIONS_HELP_GENERAL;

static int forget_one(struct bleproxy_hub *hub, const struct config *config, const char *name)
{
    const struct config_proxy *proxy = config_find(config, name);
    if (!proxy) {
        log_say("there is no proxy '%s' in the configuration: only those that it names are remembered", name);
        return CLI_USAGE;
    }
    if (bleproxy_hub_forget_proxy(hub, proxy->address, (uint16_t)proxy->port) < 0) {
        log_say("%s: it is not known which device it is: the next one that answers will be remembered", name);
        return CLI_NOT_FOUND;
    }
    printf("%s: forgotten; the next device that answers is taken for it\n", name);
    return CLI_DONE;
}

static int forget_all(const struct options *options, const struct config *config)
{
    char directory[PATH_MAX];
    struct bleproxy_loop_options loop_options = {0};
    struct bleproxy_loop *loop = NULL;
    struct bleproxy_hub *hub = NULL;
    if (!state_directory(directory, sizeof(directory))) {
        log_say("there is no place for what is remembered: set HOME or XDG_STATE_HOME");
        return CLI_INTERNAL;
    }
    log_set_loop_options(options->verbosity, LOG_QUIET_PROXIES, &loop_options);
    int r = bleproxy_loop_new(&loop_options, &loop);
    if (r == 0)
        r = bleproxy_hub_new(loop, &(struct bleproxy_hub_options){.proxies_dir = directory}, &hub);
    if (r < 0)
        log_say("%s", bleproxy_strerror(r));
    int code = r < 0 ? CLI_INTERNAL : CLI_DONE;
    for (size_t i = 0; r == 0 && i < options->n_arguments; i++) {
        int one = forget_one(hub, config, options->arguments[i]);
        code = code == CLI_DONE ? one : code;
    }
    bleproxy_hub_free(hub);
    bleproxy_loop_free(loop);
    return code;
}

int cmd_forget(int argc, char **argv)
{
    struct options options = {0};
    struct proxies proxies = {0};
    const struct options_table table = {.longs = longs,
                                        .shorts = ":c:vh",
                                        .help = help,
                                        .arguments = "PROXY...",
                                        .arguments_min = 1,
                                        .arguments_max = SIZE_MAX};
    int r = options_parse(&options, &table, NULL, argc, argv);
    if (r == OPTIONS_GO_ON) {
        r = proxies_load(&proxies, &options);
        if (r == CLI_DONE)
            r = forget_all(&options, &proxies.config);
    }
    proxies_deinit(&proxies);
    options_deinit(&options);
    return r;
}
