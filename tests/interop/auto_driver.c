/* SPDX-License-Identifier: MIT */
/* auto_driver [reference]: our scanning on purpose alone, led by lines on standard input in order of time, a command each:
 *   T register S MODE | T unregister S      a scanner, of mode passive, active or auto
 *   T connecting S 0|1 | T refuse S 0|1     what it is about; its proxy takes no order to scan actively
 *   T hears S A RSSI | T deaf S A           what it has of a device, for those who look for a stand-in
 *   T accepted A S | T gone A               the device's current report is from there; it has left the table
 *   T request N A INTERVAL DURATION | T release N
 *   T sweep N DURATION | T cancel N
 *   T rescue A CHALLENGER OWNER | T rescued A
 *   T dump | T end
 * T and INTERVAL count 512ths of a second, DURATION seconds; S, A and N are small numbers from 1 on. It prints
 *   T window S DURATION                     a scanner began to scan actively
 *   T accept A TIME                         as of the end of a command that has to do with rescues
 *   T done N                                a sweep was over that was not cancelled
 *   T due N TIME                            as of a dump: what a request waits for, or 0
 * What the hub knows of devices and rescues is the script's: the linker puts our functions in the place of the hub's. */
#include "hub/hub_private.h"
#include "hub/ownership.h"
#include "hub/scanner_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_NS UINT64_C(1953125)
enum { NUMBERS_MAX = 600, NAME_SIZE = 16, WORDS_MAX = 6, LINE_SIZE = 128 };

static struct {
    struct hub *hub;
    uint64_t now_ns;
    struct scanner *scanners[NUMBERS_MAX];
    bool refuses[NUMBERS_MAX];
    uint64_t current[NUMBERS_MAX]; /* source by device */
    bool rescued[NUMBERS_MAX];
    struct bleproxy_advertisement heard[NUMBERS_MAX][64]; /* by device and scanner; time_ns 0: not */
    struct bleproxy_active_scan *requests[NUMBERS_MAX];
    struct bleproxy_sweep *sweeps[NUMBERS_MAX];
    bool cancelled[NUMBERS_MAX];
} world;

static void *reallocate(void *user, void *block, size_t size)
{
    (void)user;
    if (size > 0)
        return realloc(block, size);
    free(block);
    return NULL;
}

static void draw(void *user, void *buf, size_t size)
{
    (void)user;
    memset(buf, 0x5a, size);
}

static const struct env env = {.reallocate = reallocate, .random = draw};

/* ---- What the script says ---- */

uint64_t __wrap_hub_source_of(const struct hub *hub, uint64_t address);
const struct bleproxy_advertisement *__wrap_scanner_last(const struct scanner *scanner, uint64_t address);
bool __wrap_ownership_has_rescues(const struct hub *hub);
void __wrap_ownership_end_rescue(struct hub *hub, uint64_t address);

uint64_t __wrap_hub_source_of(const struct hub *hub, uint64_t address)
{
    (void)hub;
    return world.current[address];
}

const struct bleproxy_advertisement *__wrap_scanner_last(const struct scanner *scanner, uint64_t address)
{
    const struct bleproxy_advertisement *last = &world.heard[address][scanner_source(scanner)];
    return last->time_ns ? last : NULL;
}

bool __wrap_ownership_has_rescues(const struct hub *hub)
{
    (void)hub;
    for (size_t i = 0; i < NUMBERS_MAX; i++)
        if (world.rescued[i])
            return true;
    return false;
}

void __wrap_ownership_end_rescue(struct hub *hub, uint64_t address)
{
    (void)hub;
    world.rescued[address] = false;
}

/* ---- What is told ---- */

static uint64_t ticks(uint64_t ns)
{
    return ns / TICK_NS;
}

static int subscribe(void *user, uint64_t now_ns)
{
    (void)user, (void)now_ns;
    return 0;
}

static int set_mode(void *user, enum bleproxy_scanner_mode mode, uint64_t now_ns)
{
    const struct scanner *scanner = user;
    uint64_t source = scanner_source(scanner);
    if (mode != BLEPROXY_MODE_ACTIVE)
        return 0;
    if (world.refuses[source])
        return BLEPROXY_E_CLOSED;
    if (scanner->mode.window_open)
        printf("%llu window %llu %llu\n", (unsigned long long)ticks(now_ns), (unsigned long long)source,
               (unsigned long long)((scanner->mode.window_end_ns - now_ns) / NS_PER_S));
    return 0;
}

static const struct scanner_ops ops = {subscribe, set_mode};

static void on_done(void *user, int error, bool scanned)
{
    size_t number = (size_t)((struct bleproxy_sweep **)user - world.sweeps);
    (void)error, (void)scanned;
    world.sweeps[number] = NULL;
    if (!world.cancelled[number])
        printf("%llu done %zu\n", (unsigned long long)ticks(world.now_ns), number);
}

static void print_accept(uint64_t address)
{
    printf("%llu accept %llu %llu\n", (unsigned long long)ticks(world.now_ns), (unsigned long long)address,
           (unsigned long long)ticks(auto_scan_accept_after_ns(world.hub, address)));
}

/* ---- Commands ---- */

static void do_register(uint64_t source, const char *mode)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof(name), "%llu", (unsigned long long)source);
    const struct scanner_config config = {.env = &env, .source = source, .name = name, .has_mode = true};
    struct scanner *scanner;
    if (scanner_new(&config, &scanner) < 0)
        abort();
    scanner_bind(scanner, &ops, scanner, NULL);
    scanner_set_mode(scanner,
                     strcmp(mode, "auto") == 0     ? BLEPROXY_MODE_AUTO
                     : strcmp(mode, "active") == 0 ? BLEPROXY_MODE_ACTIVE
                                                   : BLEPROXY_MODE_PASSIVE,
                     world.now_ns);
    hub_register_scanner(world.hub, scanner, world.now_ns);
    world.scanners[source] = scanner;
    world.refuses[source] = false;
}

static void do_unregister(uint64_t source)
{
    hub_unregister_scanner(world.hub, world.scanners[source], world.now_ns);
    scanner_free(world.scanners[source]);
    world.scanners[source] = NULL;
    for (size_t address = 0; address < NUMBERS_MAX; address++)
        world.heard[address][source].time_ns = 0;
}

/* The public unit of an interval, milliseconds, is too coarse for 512ths of a second: the schedule does not mind. */
static void do_request(uint64_t number, uint64_t address, uint64_t interval, uint32_t duration_ms)
{
    struct bleproxy_active_scan *request;
    if (hub_request_active_scan(world.hub, address, UINT32_MAX, duration_ms, world.now_ns, &request) < 0)
        abort();
    if (request->due_ns != BP_NEVER)
        request->due_ns += interval * TICK_NS - request->interval_ns;
    request->interval_ns = interval * TICK_NS;
    hub_wake(world.hub, request->due_ns);
    world.requests[number] = request;
}

static void dump(void)
{
    for (size_t i = 0; i < NUMBERS_MAX; i++) {
        struct bleproxy_active_scan_info info;
        if (!world.requests[i])
            continue;
        bleproxy_active_scan_get(world.requests[i], &info);
        printf("%llu due %zu %llu\n", (unsigned long long)ticks(world.now_ns), i,
               (unsigned long long)ticks(info.due_ns));
    }
}

static void act(const char *command, const uint64_t numbers[WORDS_MAX], char words[WORDS_MAX][NAME_SIZE])
{
    uint64_t a = numbers[0], b = numbers[1], c = numbers[2], d = numbers[3];
    if (strcmp(command, "register") == 0)
        do_register(a, words[1]);
    else if (strcmp(command, "unregister") == 0)
        do_unregister(a);
    else if (strcmp(command, "connecting") == 0)
        (b ? scanner_pause : scanner_resume)(world.scanners[a]);
    else if (strcmp(command, "refuse") == 0)
        world.refuses[a] = b;
    else if (strcmp(command, "hears") == 0)
        world.heard[b][a] = (struct bleproxy_advertisement){.time_ns = 1, .rssi_dbm = (int8_t)atoi(words[2])};
    else if (strcmp(command, "deaf") == 0)
        world.heard[b][a].time_ns = 0;
    else if (strcmp(command, "accepted") == 0) {
        world.current[a] = b;
        auto_scan_on_accepted(world.hub, a, b, world.now_ns);
    } else if (strcmp(command, "gone") == 0) {
        world.current[a] = 0;
        auto_scan_on_gone(world.hub, a);
    } else if (strcmp(command, "request") == 0) {
        do_request(a, b, strtoull(words[2], NULL, 10), (uint32_t)d * 1000);
    } else if (strcmp(command, "release") == 0) {
        bleproxy_active_scan_free(world.requests[a]);
        world.requests[a] = NULL;
    } else if (strcmp(command, "sweep") == 0)
        hub_sweep(world.hub, (uint32_t)b * 1000, on_done, &world.sweeps[a], world.now_ns, &world.sweeps[a]);
    else if (strcmp(command, "cancel") == 0 && world.sweeps[a]) {
        world.cancelled[a] = true;
        bleproxy_sweep_cancel(world.sweeps[a]);
    } else if (strcmp(command, "rescue") == 0) {
        world.rescued[a] = true;
        auto_scan_rescue(world.hub, a, b, c, world.now_ns);
    } else if (strcmp(command, "rescued") == 0)
        world.rescued[a] = false;
    else if (strcmp(command, "dump") == 0)
        dump();
}

/* All appointments until then. */
static void advance(uint64_t until_ns)
{
    for (;;) {
        uint64_t next_ns = hub_deadline(world.hub);
        for (size_t i = 0; i < NUMBERS_MAX; i++)
            if (world.scanners[i])
                next_ns = time_min(next_ns, scanner_deadline(world.scanners[i]));
        if (next_ns > until_ns)
            break;
        if (world.now_ns < next_ns)
            world.now_ns = next_ns;
        for (size_t i = 0; i < NUMBERS_MAX; i++)
            if (world.scanners[i])
                scanner_tick(world.scanners[i], world.now_ns);
        hub_tick(world.hub, world.now_ns);
    }
    world.now_ns = until_ns;
}

int main(int argc, char **argv)
{
    const struct bleproxy_hub_options options = {
        .reference = argc > 1 && strcmp(argv[1], "reference") == 0 ? BLEPROXY_RULE_WINDOW : 0};
    char line[LINE_SIZE], command[NAME_SIZE];
    if (hub_new(&env, &options, world.now_ns, &world.hub) < 0)
        return 1;
    while (fgets(line, sizeof(line), stdin)) {
        unsigned long long at;
        char words[WORDS_MAX][NAME_SIZE] = {""};
        uint64_t numbers[WORDS_MAX];
        if (sscanf(line, "%llu %15s %15s %15s %15s %15s", &at, command, words[0], words[1], words[2],
                   words[3]) < 2)
            return 1;
        for (size_t i = 0; i < WORDS_MAX; i++)
            numbers[i] = strtoull(words[i], NULL, 10) % NUMBERS_MAX;
        advance(at * TICK_NS);
        if (strcmp(command, "end") == 0)
            break;
        act(command, numbers, words);
        advance(at * TICK_NS);
        if (strcmp(command, "rescue") == 0 || strcmp(command, "rescued") == 0)
            print_accept(numbers[0]);
    }
    fflush(stdout);
    for (size_t i = 0; i < NUMBERS_MAX; i++)
        world.cancelled[i] = true;
    hub_free(world.hub, world.now_ns);
    for (size_t i = 0; i < NUMBERS_MAX; i++)
        scanner_free(world.scanners[i]);
    return 0;
}
