/* SPDX-License-Identifier: MIT */
/* The client for operations on devices: what each costs, through the installed headers.
 *
 *   gatt [--psk-file FILE] HOST[:PORT] PART:OPERATIONS...
 *
 * Connects to the "Virtual UART" of `bleproxy sim --latency 0`, does so many operations of each part, and prints a line
 * per part: {"part","operations","user","sys","wall"}, seconds in all. The parts:
 *   discover   connect, discovering the services, and disconnect
 *   connect    the same with the services known
 *   read       1 byte, each after the answer to the one before
 *   read512    512 bytes
 *   write512   512 bytes, acknowledged
 *   command    20 bytes, not acknowledged, each when the proxy has been told of the one before
 *   burst      the same, BURST at a time
 *   notify     notifications of 20 bytes, as fast as they come
 *   ping       the proxy's own answer: what any round trip costs
 *   session    connect to the proxy and disconnect
 *   bare       notify again, without the library: what receiving them costs at least (plaintext only; comes last)
 * The key may also come from BLEPROXY_NOISE_PSK. */
#include "bare.h"
#include "common.h"

#include <bleproxy/bleproxy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BURST = 100,
    COMMAND_SIZE = 20,
    UNREAD_MAX = 1000, /* writes that are not acknowledged, then a read shows that the proxy has taken them */
    NOTIFICATIONS_MAX = 65535, /* that can be asked for at a time */
    START_MS = 10000,
};

struct gatt;
struct part {
    const char *name;
    bool over_link;   /* needs the device to be connected */
    size_t size_kept; /* of the value read; 0: any */
    void (*step)(struct gatt *gatt);
};

struct gatt {
    struct bleproxy_loop *loop;
    struct bleproxy_hub *hub;
    struct bleproxy_manager *manager;
    struct bleproxy_proxy_config config;
    struct bleproxy_peripheral *peripheral;
    struct bleproxy_client *client;
    uint64_t address;
    uint8_t address_type;
    uint16_t kept;   /* the handle of a value that can be read and written */
    uint16_t bursts; /* of the one that is told how many notifications to send, and sends them */
    const struct part *part;
    long left;    /* operations */
    long awaited; /* of what has been begun together */
};

static uint8_t value[BLEPROXY_VALUE_MAX];

static void check(int error, const char *what)
{
    if (error == 0)
        return;
    fprintf(stderr, "gatt: %s: %s\n", what, bleproxy_strerror(error));
    exit(1);
}

static void check_result(const struct bleproxy_result *result)
{
    if (result->error == 0)
        return;
    fprintf(stderr, "gatt: %s\n", result->text);
    exit(1);
}

/* n operations of the part are done. */
static void next(struct gatt *gatt, long n)
{
    gatt->left -= n;
    if (gatt->left > 0)
        gatt->part->step(gatt);
    else
        bleproxy_loop_stop(gatt->loop);
}

/* ---- Connecting ---- */

static void on_disconnected(void *user, const struct bleproxy_result *result)
{
    check_result(result);
    next(user, 1);
}

static void on_connected(void *user, const struct bleproxy_result *result)
{
    struct gatt *gatt = user;
    check_result(result);
    check(bleproxy_peripheral_disconnect(gatt->peripheral, on_disconnected, gatt, NULL), "disconnect");
}

static void step_discover(struct gatt *gatt)
{
    const struct bleproxy_connect_options options = {.attempts = 1, .no_cache = true};
    check(bleproxy_peripheral_connect(gatt->peripheral, &options, on_connected, gatt, NULL), "connect");
}

static void step_connect(struct gatt *gatt)
{
    const struct bleproxy_connect_options options = {.attempts = 1};
    check(bleproxy_peripheral_connect(gatt->peripheral, &options, on_connected, gatt, NULL), "connect");
}

/* ---- Reading and writing ---- */

static void on_done(void *user, const struct bleproxy_result *result)
{
    check_result(result);
    next(user, 1);
}

static void step_read(struct gatt *gatt)
{
    check(bleproxy_peripheral_read(gatt->peripheral, gatt->kept, 0, on_done, gatt, NULL), "read");
}

static void write_value(struct gatt *gatt, uint16_t handle, size_t size, enum bleproxy_write_mode mode,
                        bleproxy_result_fn *on_written)
{
    check(bleproxy_peripheral_write(gatt->peripheral, handle, value, size, mode, 0, on_written, gatt, NULL),
          "write");
}

static void step_write(struct gatt *gatt)
{
    write_value(gatt, gatt->kept, sizeof(value), BLEPROXY_WRITE_WITH_RESPONSE, on_done);
}

static void on_taken(void *user, const struct bleproxy_result *result)
{
    check_result(result);
    next(user, 0);
}

static void on_command(void *user, const struct bleproxy_result *result)
{
    struct gatt *gatt = user;
    check_result(result);
    if (--gatt->awaited > 0)
        return;
    if (gatt->left % UNREAD_MAX == 0)
        check(bleproxy_peripheral_read(gatt->peripheral, gatt->kept, 0, on_taken, gatt, NULL), "read");
    else
        gatt->part->step(gatt);
}

static void write_commands(struct gatt *gatt, long n)
{
    gatt->awaited = n;
    gatt->left -= n;
    for (long i = 0; i < n; i++)
        write_value(gatt, gatt->kept, COMMAND_SIZE, BLEPROXY_WRITE_WITHOUT_RESPONSE, on_command);
}

static void step_command(struct gatt *gatt)
{
    write_commands(gatt, 1);
}

static void step_burst(struct gatt *gatt)
{
    write_commands(gatt, gatt->left < BURST ? gatt->left : BURST);
}

/* ---- Notifications ---- */

static void on_notification(void *user, uint16_t handle, const uint8_t *bytes, size_t size)
{
    struct gatt *gatt = user;
    (void)handle, (void)bytes, (void)size;
    if (--gatt->awaited == 0)
        next(gatt, 0);
}

static void on_asked(void *user, const struct bleproxy_result *result)
{
    (void)user;
    check_result(result);
}

/* The control takes a number of 16 bits. */
static void step_notify(struct gatt *gatt)
{
    gatt->awaited = gatt->left < NOTIFICATIONS_MAX ? gatt->left : NOTIFICATIONS_MAX;
    gatt->left -= gatt->awaited;
    value[0] = (uint8_t)gatt->awaited;
    value[1] = (uint8_t)(gatt->awaited >> 8);
    write_value(gatt, gatt->bursts, 2, BLEPROXY_WRITE_WITH_RESPONSE, on_asked);
}

/* ---- The proxy itself ---- */

static void on_pong(void *user, int error, uint64_t round_trip_ns)
{
    (void)round_trip_ns;
    check(error, "ping");
    next(user, 1);
}

static void step_ping(struct gatt *gatt)
{
    check(bleproxy_client_ping(gatt->client, on_pong, gatt), "ping");
}

static void on_session_ended(void *user, int error, const char *text)
{
    struct gatt *gatt = user;
    (void)text;
    check(error, "disconnect");
    bleproxy_client_free(gatt->client);
    gatt->client = NULL;
    next(gatt, 1);
}

static void on_session(void *user, int error, const char *text)
{
    struct gatt *gatt = user;
    (void)text;
    check(error, "session");
    check(bleproxy_client_disconnect(gatt->client), "disconnect");
}

static void open_client(struct gatt *gatt, bleproxy_client_fn *on_open, bleproxy_client_fn *on_ended)
{
    check(bleproxy_client_new(gatt->loop, &gatt->config, &gatt->client), "session");
    check(bleproxy_client_connect(gatt->client, on_open, on_ended, gatt), "session");
}

static void step_session(struct gatt *gatt)
{
    open_client(gatt, on_session, on_session_ended);
}

/* ---- What comes before ---- */

static void on_prepared(void *user, const struct bleproxy_result *result)
{
    struct gatt *gatt = user;
    check_result(result);
    bleproxy_loop_stop(gatt->loop);
}

static void on_client(void *user, int error, const char *text)
{
    struct gatt *gatt = user;
    (void)text;
    check(error, "session");
    bleproxy_loop_stop(gatt->loop);
}

static void on_ready(void *user, size_t n_connected)
{
    struct gatt *gatt = user;
    check(n_connected == 1 ? 0 : BLEPROXY_E_TIMEOUT, "proxy");
    bleproxy_loop_stop(gatt->loop);
}

static void on_found(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct gatt *gatt = user;
    check(error, "device");
    gatt->address = advertisement->address;
    gatt->address_type = advertisement->address_type;
    bleproxy_loop_stop(gatt->loop);
}

static void find_device(struct gatt *gatt)
{
    const struct bleproxy_filter filter = {.name = "Virtual UART"};
    check(bleproxy_loop_new(NULL, &gatt->loop), "loop");
    check(bleproxy_hub_new(gatt->loop, NULL, &gatt->hub), "hub");
    check(bleproxy_manager_new(gatt->hub, &gatt->config, &gatt->manager), "proxy");
    check(bleproxy_managers_start(&gatt->manager, 1, START_MS, on_ready, gatt), "proxy");
    bleproxy_loop_run(gatt->loop);
    check(bleproxy_hub_find(gatt->hub, &filter, START_MS, on_found, gatt, NULL), "device");
    bleproxy_loop_run(gatt->loop);
    check(bleproxy_peripheral_new(gatt->hub, gatt->address, &gatt->peripheral), "device");
}

static uint16_t find_handle(const struct gatt *gatt, const char *text)
{
    struct bleproxy_uuid uuid;
    const struct bleproxy_characteristic *characteristic;
    check(bleproxy_uuid_parse(text, &uuid), "uuid");
    check(bleproxy_services_find(bleproxy_peripheral_services(gatt->peripheral), &uuid, &characteristic),
          text);
    return characteristic->handle;
}

/* Subscribes at once: it costs nothing while nothing is sent. */
static void connect_device(struct gatt *gatt)
{
    check(bleproxy_peripheral_connect(gatt->peripheral, NULL, on_prepared, gatt, NULL), "connect");
    bleproxy_loop_run(gatt->loop);
    gatt->kept = find_handle(gatt, "6e400004-b5a3-f393-e0a9-e50e24dcca9e");
    gatt->bursts = find_handle(gatt, "6e400005-b5a3-f393-e0a9-e50e24dcca9e");
    check(bleproxy_peripheral_subscribe(gatt->peripheral, gatt->bursts, 0, on_notification, gatt, on_prepared,
                                        gatt, NULL),
          "subscribe");
    bleproxy_loop_run(gatt->loop);
}

static void prepare(struct gatt *gatt)
{
    bool connected = bleproxy_peripheral_is_connected(gatt->peripheral);
    if (gatt->part->over_link && !connected) {
        connect_device(gatt);
    } else if (!gatt->part->over_link && connected) {
        check(bleproxy_peripheral_disconnect(gatt->peripheral, on_prepared, gatt, NULL), "disconnect");
        bleproxy_loop_run(gatt->loop);
    }
    if (gatt->part->size_kept > 0) {
        write_value(gatt, gatt->kept, gatt->part->size_kept, BLEPROXY_WRITE_WITH_RESPONSE, on_prepared);
        bleproxy_loop_run(gatt->loop);
    }
    if (gatt->part->step == step_ping) {
        open_client(gatt, on_client, NULL);
        bleproxy_loop_run(gatt->loop);
    }
}

/* ---- Measuring ---- */

static void run_part(struct gatt *gatt, long operations)
{
    struct meter meter;
    prepare(gatt);
    gatt->left = operations;
    meter_start(&meter);
    gatt->part->step(gatt);
    bleproxy_loop_run(gatt->loop);
    meter_print(&meter, gatt->part->name, operations);
    bleproxy_client_free(gatt->client);
    gatt->client = NULL;
}

static void close_all(struct gatt *gatt)
{
    bleproxy_peripheral_free(gatt->peripheral);
    bleproxy_manager_free(gatt->manager);
    bleproxy_hub_free(gatt->hub);
    bleproxy_loop_free(gatt->loop);
    gatt->peripheral = NULL;
    gatt->manager = NULL;
    gatt->hub = NULL;
    gatt->loop = NULL;
}

/* The proxy serves one client, so ours goes first. */
static void run_bare(struct gatt *gatt, long operations)
{
    const struct bleproxy_characteristic *control;
    struct meter meter;
    if (!bleproxy_peripheral_is_connected(gatt->peripheral))
        connect_device(gatt);
    control = bleproxy_services_at(bleproxy_peripheral_services(gatt->peripheral), gatt->bursts);
    struct bare bare = {.address = gatt->address,
                        .address_type = gatt->address_type,
                        .handle = gatt->bursts,
                        .cccd = control->descriptors[0].handle};
    close_all(gatt);
    bare_open(&bare, gatt->config.address, gatt->config.port ? gatt->config.port : BLEPROXY_PORT);
    meter_start(&meter);
    for (long left = operations; left > 0; left -= NOTIFICATIONS_MAX)
        bare_receive(&bare, (uint16_t)(left < NOTIFICATIONS_MAX ? left : NOTIFICATIONS_MAX));
    meter_print(&meter, "bare", operations);
    bare_close(&bare);
}

static const struct part parts[] = {
    {"discover", false, 0, step_discover}, {"connect", false, 0, step_connect},
    {"read", true, 1, step_read},          {"read512", true, 512, step_read},
    {"write512", true, 0, step_write},     {"command", true, 1, step_command},
    {"burst", true, 1, step_burst},        {"notify", true, 0, step_notify},
    {"ping", false, 0, step_ping},         {"session", false, 0, step_session},
};

static void run(struct gatt *gatt, const char *name, long operations)
{
    if (strcmp(name, "bare") == 0) {
        run_bare(gatt, operations);
        return;
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        if (strcmp(name, parts[i].name) == 0) {
            gatt->part = &parts[i];
            run_part(gatt, operations);
            return;
        }
    fprintf(stderr, "gatt: there is no part '%s'\n", name);
    exit(2);
}

/* "NAME:NUMBER", cut in two. */
static long cut(char *text)
{
    char *colon = strchr(text, ':');
    if (!colon)
        return 0;
    *colon = '\0';
    return atol(colon + 1);
}

int main(int argc, char **argv)
{
    static struct gatt gatt;
    int i = 1;
    gatt.config.noise_psk = getenv("BLEPROXY_NOISE_PSK");
    if (i + 1 < argc && strcmp(argv[i], "--psk-file") == 0) {
        gatt.config.noise_psk = read_key(argv[i + 1]);
        i += 2;
    }
    if (i + 1 >= argc) {
        fprintf(stderr, "usage: gatt [--psk-file FILE] HOST[:PORT] PART:OPERATIONS...\n");
        return 2;
    }
    gatt.config.port = (uint16_t)cut(argv[i]);
    gatt.config.address = argv[i++];
    find_device(&gatt);
    for (; i < argc; i++) {
        long operations = cut(argv[i]);
        run(&gatt, argv[i], operations);
    }
    close_all(&gatt);
    return 0;
}
