/* SPDX-License-Identifier: MIT */
#include "device.h"

#include "cli.h"
#include "filters.h"
#include "hearing.h"
#include "log.h"
#include "remote.h"
#include "run.h"
#include <stdio.h>
#include <string.h>

enum {
    SEARCH_MS = 10000,
    CONNECT_MS = 30000,
    /* For further proxies to hear a device that one has heard: the nearest may be among them. */
    OTHERS_MS = 1000,
    OTHERS_CHECK_MS = 50,
    GOODBYE_MS = 3000,
};

void device_finish(struct device *device, int exit_code)
{
    if (device->over)
        return;
    device->exit_code = exit_code;
    device->over = true;
}

void device_fail(struct device *device, const struct bleproxy_result *result)
{
    if (device->over)
        return;
    log_say("%s", result->text);
    /* Late is the device here, not a proxy. */
    device_finish(device,
                  result->error == BLEPROXY_E_TIMEOUT ? CLI_FAILED : (int)cli_exit_code(result->error));
}

void device_refuse(struct device *device, int error)
{
    if (device->over)
        return;
    log_say("%s: %s", device->label, bleproxy_strerror(error));
    device_finish(device, (int)cli_exit_code(error));
}

/* ---- Searching ---- */

static void on_connected(void *user, const struct bleproxy_result *result)
{
    struct device *device = user;
    log_progress_end();
    if (result->error < 0) {
        device_fail(device, result);
        return;
    }
    device->connected = true;
    device->command->act(device);
}

bool device_ignores_bond(const struct device *device)
{
    return device->command->bonds && device->options.n_proxies > 0;
}

void device_lost(struct device *device, const struct bleproxy_result *result)
{
    device->connected = false;
    if (result->error < 0)
        device_fail(device, result);
}

static void connect_now(struct device *device)
{
    uint32_t given_ms = device->command->connect_timeout ? device->options.timeout_ms : 0;
    log_progress("connecting to %s", device->label);
    int r = device->ops->connect(device, given_ms > 0 ? given_ms : CONNECT_MS, on_connected);
    if (r < 0)
        device_refuse(device, r);
}

/* It has been silent, but was heard in an earlier run, not long ago. */
static bool is_worth_trying(struct device *device)
{
    struct bleproxy_path path;
    size_t n = 0;
    bool is_connected;
    device->address = device->ops->find(device, &is_connected);
    if (!device->address)
        return false;
    if (device->fleet.remote)
        remote_ops->paths(device->fleet.remote, device->address, &path, 1, &n);
    else
        bleproxy_hub_paths(device->fleet.hub, device->address, &path, 1, &n);
    return n > 0 && (path.obstacle == BLEPROXY_OBSTACLE_NONE || path.obstacle == BLEPROXY_OBSTACLE_FULL);
}

/* Whoever never connected, or lost its proxies, has not searched. */
static void not_found(struct device *device)
{
    char why[BLEPROXY_PATH_TEXT_SIZE] = "check that it is on, near a proxy, and not connected elsewhere";
    int verdict = fleet_verdict(&device->fleet);
    if (verdict != CLI_DONE) {
        device_finish(device, verdict);
        return;
    }
    uint64_t address = device->address ? device->address : device->filter.address;
    if (address &&
        (!device->fleet.remote || !remote_ops->explain(device->fleet.remote, address, why, sizeof(why))))
        bleproxy_hub_explain_path(device->fleet.hub, address, why, sizeof(why));
    log_say("%s: not heard within %d s: %s; 'bleproxy scan' shows what is heard", device->label,
            SEARCH_MS / 1000, why);
    device_finish(device, CLI_NOT_FOUND);
}

static void on_check(void *user)
{
    struct device *device = user;
    if (--device->checks_left > 0 && !hearing_is_complete(&device->fleet, device->address))
        return;
    bleproxy_timer_free(device->timer);
    device->timer = NULL;
    connect_now(device);
}

static void on_found(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct device *device = user;
    if (device->over)
        return;
    if (error == BLEPROXY_E_NOT_FOUND) {
        log_progress_end();
        if (is_worth_trying(device))
            connect_now(device);
        else
            not_found(device);
        return;
    }
    if (error == 0) {
        device->address = advertisement->address;
        device->checks_left = OTHERS_MS / OTHERS_CHECK_MS;
        error = bleproxy_timer_new(device->fleet.loop, 0, OTHERS_CHECK_MS, on_check, device, &device->timer);
    }
    if (error < 0)
        device_refuse(device, error);
}

static void on_hopeless(void *user)
{
    struct device *device = user;
    log_progress_end();
    if (!device->address)
        device_finish(device, fleet_verdict(&device->fleet));
    else if (device->fleet.remote && remote_ops->is_over(device->fleet.remote)) {
        device->connected = false;
        device_finish(device, CLI_UNREACHABLE); /* the user was told */
    }
}

/* ---- The whole ---- */

static void on_patience_ends(void *user)
{
    bool *over = user;
    *over = true;
}

static void on_goodbye(void *user, const struct bleproxy_result *result)
{
    (void)result;
    on_patience_ends(user);
}

/* So that the slot is free at once for the next. */
static void disconnect(struct device *device)
{
    struct bleproxy_timer *patience = NULL;
    if (device->connected && device->ops->disconnect(device, on_goodbye, &device->has_parted) == 0 &&
        bleproxy_timer_new(device->fleet.loop, GOODBYE_MS, 0, on_patience_ends, &device->has_parted,
                           &patience) == 0)
        run_loop(device->fleet.loop, &device->has_parted);
    bleproxy_timer_free(patience);
    device->ops->free(device);
}

/* A device that is connected for somebody else may be silent. */
static bool use_connection(struct device *device)
{
    bool is_connected;
    uint64_t address = device->ops->find(device, &is_connected);
    if (!is_connected)
        return false;
    device->address = address;
    connect_now(device);
    return true;
}

static int run(struct device *device)
{
    struct bleproxy_search *search;
    enum run_end end = RUN_DONE;
    int r = fleet_start(&device->fleet);
    if (r == CLI_DONE && !device->over && !use_connection(device)) {
        log_progress("searching for %s", device->label);
        r = (int)cli_exit_code(
            bleproxy_hub_find(device->fleet.hub, &device->filter, SEARCH_MS, on_found, device, &search));
    }
    if (r == CLI_DONE)
        end = run_loop(device->fleet.loop, &device->over);
    device->over = true;
    log_progress_end();
    bleproxy_timer_free(device->timer);
    if (r == CLI_DONE)
        r = end == RUN_INTERRUPTED ? CLI_INTERRUPTED
            : end == RUN_NO_OUTPUT ? CLI_INTERNAL
                                   : device->exit_code;
    if (r != CLI_DONE && !device->connected && end == RUN_DONE && device->command->give_up)
        device->command->give_up(device);
    disconnect(device);
    fleet_stop(&device->fleet);
    return r;
}

static int prepare(struct device *device, int argc, char **argv)
{
    int r = options_parse(&device->options, &device->command->table, device, argc, argv);
    if (r != OPTIONS_GO_ON)
        return r;
    const char *text = device->options.arguments[0];
    r = filters_parse_device(&device->filter, text, device->label, sizeof(device->label));
    if (r == CLI_DONE && device->command->prepare)
        r = device->command->prepare(device);
    if (r != CLI_DONE)
        return r;
    r = fleet_open(&device->fleet, NULL);
    filters_find_device(&device->filter, &device->fleet.proxies.names);
    device->ops = device->fleet.remote ? device_remote : &device_direct;
    return r == CLI_DONE ? OPTIONS_GO_ON : r;
}

int device_main(struct device *device, int argc, char **argv)
{
    device->fleet = (struct fleet){.command = device->command->name,
                                   .options = &device->options,
                                   .uses_daemon = true,
                                   .quiet = LOG_QUIET_DEVICE,
                                   .on_hopeless = on_hopeless,
                                   .user = device};
    int r = prepare(device, argc, argv);
    if (r == OPTIONS_GO_ON && device->command->stay)
        r = device->command->stay(device);
    if (r == OPTIONS_GO_ON) {
        run_catch_signals();
        r = run(device);
    }
    fleet_close(&device->fleet);
    options_deinit(&device->options);
    return r;
}
