/* SPDX-License-Identifier: MIT */
/* The load client: takes in whatever the proxies send, through the installed headers and one subscription to
 * all.
 *
 *   ingest [--psk-file FILE] [--latency MS] [--sections N] HOST[:PORT]...
 *
 * Prints {"ready":N} when all N proxies have accepted its subscription (are connected and wired), and each
 * time every proxy has sent an advertisement whose manufacturer data under company 0xFFFF begins with "FPEND"
 * one line with what came and what it cost since the line before:
 *   {"adverts","callbacks","user","sys","wall","rss_kib"}
 * Runs until it is killed, or until N such lines are out. The key may also come from BLEPROXY_NOISE_PSK. */
#include "common.h"

#include <bleproxy/bleproxy.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOSTS_MAX = 1024, SENTINEL_COMPANY = 0xffff, START_MS = 60000 };

struct ingest {
    struct bleproxy_hub *hub;
    size_t n_proxies, n_ended;
    long sections_left;        /* 0: no end */
    uint64_t ended[HOSTS_MAX]; /* sources whose sentinel has come */
    uint64_t adverts, callbacks;
    struct rusage usage;
    struct timespec wall;
};

/* Without stdio, which would allocate. */
static long resident_kib(void)
{
    char text[128];
    long size, resident;
    int fd = open("/proc/self/statm", O_RDONLY);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return sscanf(text, "%ld %ld", &size, &resident) == 2 ? resident * (sysconf(_SC_PAGESIZE) / 1024) : 0;
}

static void start_section(struct ingest *ingest)
{
    struct bleproxy_hub_statistics statistics;
    bleproxy_hub_get_statistics(ingest->hub, &statistics);
    ingest->adverts = statistics.reports;
    ingest->callbacks = 0;
    ingest->n_ended = 0;
    getrusage(RUSAGE_SELF, &ingest->usage);
    clock_gettime(CLOCK_MONOTONIC, &ingest->wall);
}

static void end_section(struct ingest *ingest)
{
    struct bleproxy_hub_statistics statistics;
    struct rusage usage;
    struct timespec wall;
    bleproxy_hub_get_statistics(ingest->hub, &statistics);
    getrusage(RUSAGE_SELF, &usage);
    clock_gettime(CLOCK_MONOTONIC, &wall);
    printf("{\"adverts\":%llu,\"callbacks\":%llu,\"user\":%.6f,\"sys\":%.6f,\"wall\":%.6f,\"rss_kib\":%ld}\n",
           (unsigned long long)(statistics.reports - ingest->adverts), (unsigned long long)ingest->callbacks,
           seconds(usage.ru_utime, ingest->usage.ru_utime), seconds(usage.ru_stime, ingest->usage.ru_stime),
           (double)(wall.tv_sec - ingest->wall.tv_sec) + (double)(wall.tv_nsec - ingest->wall.tv_nsec) / 1e9,
           resident_kib());
    fflush(stdout);
    if (ingest->sections_left > 0 && --ingest->sections_left == 0)
        _exit(0);
    start_section(ingest);
}

static void on_sentinel(struct ingest *ingest, uint64_t source)
{
    for (size_t i = 0; i < ingest->n_ended; i++)
        if (ingest->ended[i] == source)
            return;
    ingest->ended[ingest->n_ended++] = source;
    if (ingest->n_ended == ingest->n_proxies)
        end_section(ingest);
}

/* The merged data is quick to ask, but remembers a sentinel for ever: only this packet says whether it is one. */
static bool is_sentinel(const struct bleproxy_advertisement *advertisement)
{
    static const uint8_t mark[] = {0xff, 0xff, 'F', 'P', 'E', 'N', 'D'};
    struct bleproxy_ad ad;
    size_t size;
    const uint8_t *data = bleproxy_manufacturer_data(advertisement, SENTINEL_COMPANY, &size);
    if (!data || size < sizeof(mark) - 2 || memcmp(data, mark + 2, sizeof(mark) - 2) != 0)
        return false;
    if (!advertisement->raw) /* decoded by the proxy: there is nothing else */
        return true;
    for (size_t position = 0; bleproxy_ad_next(advertisement->raw, advertisement->raw_size, &position, &ad);)
        if (ad.type == 0xff && ad.size >= sizeof(mark) && memcmp(ad.data, mark, sizeof(mark)) == 0)
            return true;
    return false;
}

static void on_advertisement(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct ingest *ingest = user;
    ingest->callbacks++;
    if (is_sentinel(advertisement))
        on_sentinel(ingest, advertisement->source);
}

static void on_ready(void *user, size_t n_connected)
{
    printf("{\"ready\":%zu}\n", n_connected);
    fflush(stdout);
    start_section(user);
}

static void on_state(void *user, enum bleproxy_proxy_state state, int error, const char *text)
{
    (void)user, (void)state;
    if (error)
        fprintf(stderr, "ingest: %s\n", text);
}

int main(int argc, char **argv)
{
    static struct ingest ingest;
    const char *psk = getenv("BLEPROXY_NOISE_PSK");
    struct bleproxy_loop_options options = {0};
    struct bleproxy_loop *loop;
    struct bleproxy_subscription *subscription;
    int i = 1;
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        if (strcmp(argv[i], "--psk-file") == 0)
            psk = read_key(argv[i + 1]);
        else if (strcmp(argv[i], "--latency") == 0)
            options.gather_ms = (uint32_t)atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--sections") == 0)
            ingest.sections_left = atol(argv[i + 1]);
        else
            break;
    }
    if (i >= argc || argv[i][0] == '-' || argc - i > HOSTS_MAX) {
        fprintf(stderr, "usage: ingest [--psk-file FILE] [--latency MS] [--sections N] HOST[:PORT]...\n");
        return 2;
    }
    ingest.n_proxies = (size_t)(argc - i);
    if (bleproxy_loop_new(&options, &loop) || bleproxy_hub_new(loop, NULL, &ingest.hub) ||
        bleproxy_hub_subscribe(ingest.hub, BLEPROXY_STREAM_REPORTS, NULL, on_advertisement, &ingest,
                               &subscription))
        return 1;
    static struct bleproxy_manager *managers[HOSTS_MAX];
    for (size_t n = 0; n < ingest.n_proxies; n++, i++) {
        char *port = strchr(argv[i], ':');
        struct bleproxy_proxy_config config = {.address = argv[i], .noise_psk = psk};
        if (port) {
            *port = '\0';
            config.port = (uint16_t)atoi(port + 1);
        }
        int error = bleproxy_manager_new(ingest.hub, &config, &managers[n]);
        if (error) {
            fprintf(stderr, "ingest: %s\n", bleproxy_strerror(error));
            return 2;
        }
        bleproxy_manager_watch(managers[n], on_state, NULL);
    }
    if (bleproxy_managers_start(managers, ingest.n_proxies, START_MS, on_ready, &ingest))
        return 1;
    bleproxy_loop_run(loop);
    return 0;
}
