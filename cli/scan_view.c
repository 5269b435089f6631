/* SPDX-License-Identifier: MIT */
#include "scan.h"

#include "table.h"
#include "terminal.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>

#define NS_PER_S 1e9
enum {
    LABEL_MAX = 24,
    FEW = 3,
    AROUND = 4, /* lines: number of devices, empty, head, and where the cursor stays */
};

static struct table_row row_of(struct scan *scan, const struct bleproxy_advertisement *advertisement)
{
    uint64_t now_ns = bleproxy_loop_now_ns(scan->fleet.loop);
    const struct bleproxy_device *device = bleproxy_hub_device(scan->fleet.hub, advertisement->address);
    const struct member *proxy = fleet_find(&scan->fleet, advertisement->source);
    struct table_row row = {.advertisement = advertisement,
                            .name = advertisement->name,
                            .proxy = proxy ? proxy->label : "",
                            .age_s = (uint32_t)((double)(now_ns - advertisement->time_ns) / NS_PER_S)};
    if (device) {
        double heard_s = (double)(now_ns - bleproxy_device_first_heard_ns(device)) / NS_PER_S;
        row.name = bleproxy_device_name(device);
        row.rate = (double)bleproxy_device_reports(device) / (heard_s > 1 ? heard_s : 1);
    }
    row.name = device_names_show(&scan->fleet.proxies.names, advertisement->address, row.name);
    return row;
}

static void print_devices(struct scan *scan, FILE *out, const struct table_style *style,
                          const struct bleproxy_advertisement *const *devices, size_t n_devices)
{
    struct table_row *rows = calloc(n_devices + 1, sizeof(*rows));
    for (size_t i = 0; rows && i < n_devices; i++)
        rows[i] = row_of(scan, devices[i]);
    table_print(out, style, rows, rows ? n_devices : 0);
    free(rows);
}

static unsigned label_width(const struct scan *scan)
{
    unsigned width = 0;
    for (size_t i = 0; i < scan->fleet.n_members; i++) {
        unsigned own = text_width(scan->fleet.members[i].label);
        width = own > width ? own : width;
    }
    return width < LABEL_MAX ? width : LABEL_MAX;
}

static void print_proxy(const struct scan *scan, FILE *out, const struct member *proxy, bool colour)
{
    bool up = proxy->is_ready;
    const char *mark = up ? TERMINAL_GREEN : proxy->error ? TERMINAL_RED : TERMINAL_YELLOW;
    const char *plain = colour ? TERMINAL_PLAIN : "";
    fputs(colour ? mark : "", out);
    text_column(out, proxy->label, label_width(scan));
    fprintf(out, "%s  %-10s", plain, !scan->live && proxy->error ? "failed" : member_state(proxy));
    if (proxy->was_ready) {
        fprintf(out, "  %-10s  ", proxy->firmware[0] ? proxy->firmware : "(unknown)");
        fprintf(out, "%s%-13s%s", colour && !proxy->encrypted ? TERMINAL_YELLOW : "",
                proxy->encrypted ? "encrypted" : "not encrypted", plain);
        if (scan->live)
            fprintf(out, "  %4.0f adverts/s", up ? proxy->rate : 0);
        else
            fprintf(out, "  %6llu adverts", (unsigned long long)proxy->reports);
        fprintf(out, "  %4zu devices", proxy->n_devices);
    }
    char wait[64];
    fprintf(out, "%s%s%s\n", proxy->error ? "  " : "", proxy->error ? member_reason(proxy, proxy->text) : "",
            proxy->error && scan->live ? member_wait(proxy, wait, sizeof(wait)) : "");
}

/* Half of the window at most; of more proxies than that, those in trouble first. Returns the lines taken. */
static unsigned print_proxies(const struct scan *scan, FILE *out, unsigned rows, bool colour)
{
    unsigned lines = 0, max = rows / 2 > FEW ? rows / 2 : FEW;
    if (scan->fleet.n_members <= max) {
        for (; lines < scan->fleet.n_members; lines++)
            print_proxy(scan, out, &scan->fleet.members[lines], colour);
        return lines;
    }
    for (int trouble = 1; trouble >= 0; trouble--)
        for (size_t i = 0; i < scan->fleet.n_members && lines < max - 1; i++)
            if ((scan->fleet.members[i].error != 0) == trouble) {
                print_proxy(scan, out, &scan->fleet.members[i], colour);
                lines++;
            }
    fprintf(out, "and %zu more proxies\n", scan->fleet.n_members - lines);
    return max;
}

void scan_draw(void *user, int error, const struct bleproxy_advertisement *const *devices, size_t n_devices)
{
    struct scan *scan = user;
    char *text = NULL;
    size_t size = 0;
    FILE *out = error == 0 && scan->live ? open_memstream(&text, &size) : NULL;
    if (!out)
        return;
    struct terminal_size window = terminal_size();
    struct table_style style = {.columns = window.columns, .colour = terminal_has_colour()};
    fleet_measure(&scan->fleet);
    unsigned used = print_proxies(scan, out, window.rows, style.colour) + AROUND;
    size_t room = window.rows > used ? window.rows - used : 0;
    fprintf(out, "%zu device%s; Ctrl-C ends\n\n", n_devices, n_devices == 1 ? "" : "s");
    print_devices(scan, out, &style, devices, n_devices < room ? n_devices : room);
    if (fclose(out) == 0)
        terminal_show(text);
    free(text);
}

void scan_conclude(void *user, int error, const struct bleproxy_advertisement *const *devices,
                   size_t n_devices)
{
    struct scan *scan = user;
    struct table_style style = {.columns = terminal_line(), .colour = terminal_has_colour()};
    if (!terminal_is_live())
        putchar('\n');
    scan->over = true;
    if (error < 0)
        return;
    fleet_measure(&scan->fleet);
    print_devices(scan, stdout, &style, devices, n_devices);
    printf("\n%zu device%s\n", n_devices, n_devices == 1 ? "" : "s");
    for (size_t i = 0; i < scan->fleet.n_members; i++)
        print_proxy(scan, stdout, &scan->fleet.members[i], style.colour);
}
