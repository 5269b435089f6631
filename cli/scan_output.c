/* SPDX-License-Identifier: MIT */
#include "scan.h"

#include "advert_json.h"
#include "describe.h"
#include "json.h"
#include "run.h"
#include "table.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NAME_SIZE = 256, WHAT_SIZE = 512, LINE_SIZE = 1024, STEP_US = 1000 };

/* When it came, since the epoch. The clocks' difference is kept until it has really changed, so that times
 * stay in order. */
static int64_t time_us(struct scan *scan, const struct bleproxy_advertisement *advertisement)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t epoch_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 -
                       (int64_t)(bleproxy_loop_now_ns(scan->fleet.loop) / 1000);
    if (llabs(epoch_us - scan->epoch_us) > STEP_US)
        scan->epoch_us = epoch_us;
    return scan->epoch_us + (int64_t)(advertisement->time_ns / 1000);
}

static const char *label(struct scan *scan, const struct bleproxy_advertisement *advertisement)
{
    const struct member *proxy = fleet_find(&scan->fleet, advertisement->source);
    return proxy ? proxy->label : advertisement->proxy;
}

void scan_print_json(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct scan *scan = user;
    if (run_output_is_lost())
        return;
    json_print(advert_json(advertisement, time_us(scan, advertisement), label(scan, advertisement)));
}

void scan_print_line(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct scan *scan = user;
    char address[BLEPROXY_ADDRESS_TEXT_SIZE], name[NAME_SIZE], what[WHAT_SIZE], clock[16],
        rssi[16] = "     -", line[LINE_SIZE];
    int64_t when_us = time_us(scan, advertisement);
    time_t seconds = (time_t)(when_us / 1000000);
    struct tm local = {0};
    if (run_output_is_lost())
        return;
    localtime_r(&seconds, &local);
    strftime(clock, sizeof(clock), "%H:%M:%S", &local);
    bleproxy_address_format(advertisement->address, address);
    if (advertisement->rssi_dbm != BLEPROXY_RSSI_NONE)
        snprintf(rssi, sizeof(rssi), "%4d dBm", advertisement->rssi_dbm);
    describe_name(device_names_show(&scan->fleet.proxies.names, advertisement->address, advertisement->name),
                  name, sizeof(name));
    describe(advertisement, what, sizeof(what));
    snprintf(line, sizeof(line), "%s.%03d  %s  %-8s  %s%s%s%s%s%s\n", clock, (int)(when_us / 1000 % 1000),
             address, rssi, label(scan, advertisement), name[0] ? "  " : "", name, what[0] ? "  (" : "", what,
             what[0] ? ")" : "");
    fputs(line, stdout);
}
