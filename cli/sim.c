/* SPDX-License-Identifier: MIT */
/* The virtual proxy. The one command that uses the library's inside: it links the static rooms. */
#include "cli.h"
#include "config/config.h"
#include "log.h"
#include "noise/handshake.h"
#include "sim/net.h"
#include "world.h"

#include <bleproxy/error.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOTS_MAX = 9,
    SLOTS_DEFAULT = 3,
    RATE_MAX = 1000000,
    FLUSH_MS_MAX = 60000,
    LATENCY_MS_MAX = 60000,
    LOAD_DEVICES = 100, /* where no number is given */
    LOAD_RATE = 50,
};

static const char help[] =
    "Usage: bleproxy sim [OPTION]...\n"
    "Serves virtual Bluetooth proxies, to try everything without an ESP32.\n"
    "\n"
    "  -l, --listen ADDR[:PORT]  where the first one listens (127.0.0.1:6053)\n"
    "  -n, --count N             how many proxies (1)\n"
    "      --step port|address   further ones on the next ports or the next addresses (port)\n"
    "  -f, --firmware VERSION    2022.12, 2023.6, 2025.8 or 2026.8 (2026.8)\n"
    "      --name NAME           its name; with a number behind it if there are several\n"
    "      --psk-file FILE       encryption key, base64; else $BLEPROXY_NOISE_PSK; else plaintext\n"
    "      --password PASSWORD   API password of older firmware\n"
    "      --slots N             connection slots (3)\n"
    "      --seed N              another house, other addresses (1)\n"
    "      --devices N           so many more devices in the house\n"
    "      --rate N              advertisements/s of each proxy; 0: as fast as clients take them\n"
    "      --payload MODE        instead of a house a load of N devices: repeat, changing or mix\n"
    "      --sentinel N          mark the load after every N advertisements\n"
    "      --flush MS            time between incomplete batches, instead of the firmware's\n"
    "      --latency MS          time of each operation on a device, instead of that on the air\n"
    "      --faults              a bad network and bad proxies\n"
    "      --radio-faults        bad links to devices\n"
    "  -v, --verbose             show the log on standard error; twice for more\n"
    "  -h, --help                this text\n"
    "\n"
    "Devices to connect to: Virtual Battery, Virtual Heart, Virtual UART, Virtual Lock,\n"
    "Virtual Tower, Virtual Quitter, Virtual Mute, Virtual Ghost; see bleproxy(1).\n";

struct sim {
    struct net_config net;
    const char *psk_file;
    uint8_t psk[HANDSHAKE_PSK_SIZE];
    unsigned verbosity;
    bool devices_given, rate_given;
};

enum { GO_ON = -1 };

enum {
    OPTION_LISTEN = 'l',
    OPTION_COUNT = 'n',
    OPTION_FIRMWARE = 'f',
    OPTION_STEP = 256,
    OPTION_NAME,
    OPTION_PSK_FILE,
    OPTION_PASSWORD,
    OPTION_SLOTS,
    OPTION_SEED,
    OPTION_DEVICES,
    OPTION_RATE,
    OPTION_PAYLOAD,
    OPTION_SENTINEL,
    OPTION_FLUSH,
    OPTION_LATENCY,
    OPTION_FAULTS,
    OPTION_RADIO_FAULTS,
};

static const struct option options[] = {
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"count", required_argument, NULL, OPTION_COUNT},
    {"step", required_argument, NULL, OPTION_STEP},
    {"firmware", required_argument, NULL, OPTION_FIRMWARE},
    {"name", required_argument, NULL, OPTION_NAME},
    {"psk-file", required_argument, NULL, OPTION_PSK_FILE},
    {"password", required_argument, NULL, OPTION_PASSWORD},
    {"slots", required_argument, NULL, OPTION_SLOTS},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"devices", required_argument, NULL, OPTION_DEVICES},
    {"rate", required_argument, NULL, OPTION_RATE},
    {"payload", required_argument, NULL, OPTION_PAYLOAD},
    {"sentinel", required_argument, NULL, OPTION_SENTINEL},
    {"flush", required_argument, NULL, OPTION_FLUSH},
    {"latency", required_argument, NULL, OPTION_LATENCY},
    {"faults", no_argument, NULL, OPTION_FAULTS},
    {"radio-faults", no_argument, NULL, OPTION_RADIO_FAULTS},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static const struct number {
    int option;
    const char *name;
    uint64_t min, max;
} numbers[] = {
    {OPTION_COUNT, "--count", 1, NET_PROXIES_MAX}, {OPTION_SLOTS, "--slots", 0, SLOTS_MAX},
    {OPTION_SEED, "--seed", 0, UINT64_MAX},        {OPTION_DEVICES, "--devices", 0, RADIO_DEVICES_MAX},
    {OPTION_RATE, "--rate", 0, RATE_MAX},          {OPTION_SENTINEL, "--sentinel", 1, UINT32_MAX},
    {OPTION_FLUSH, "--flush", 0, FLUSH_MS_MAX},    {OPTION_LATENCY, "--latency", 0, LATENCY_MS_MAX},
};

static int parse_number(const struct number *number, const char *text, uint64_t *ret_value)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || end == text || *end || strchr(text, '-') || value < number->min || value > number->max) {
        log_say("%s takes a number from %llu to %llu: not '%s'", number->name,
                (unsigned long long)number->min, (unsigned long long)number->max, text);
        return CLI_USAGE;
    }
    *ret_value = value;
    return CLI_DONE;
}

static void set_number(struct sim *sim, int option, uint64_t value)
{
    struct net_config *net = &sim->net;
    switch (option) {
    case OPTION_COUNT:
        net->count = (uint32_t)value;
        break;
    case OPTION_SLOTS:
        net->proxy.slots = (uint32_t)value;
        break;
    case OPTION_SEED:
        net->proxy.seed = net->radio.seed = value;
        break;
    case OPTION_DEVICES:
        net->radio.devices = (uint32_t)value;
        sim->devices_given = true;
        break;
    case OPTION_RATE:
        net->radio.rate = (int32_t)value;
        sim->rate_given = true;
        break;
    case OPTION_SENTINEL:
        net->radio.sentinel = (uint32_t)value;
        break;
    case OPTION_FLUSH:
        net->proxy.flush_ns = value * NS_PER_MS;
        break;
    case OPTION_LATENCY:
        net->proxy.latency_ms = (int32_t)value;
        break;
    }
}

/* The place of text among the words, which end with NULL. */
static int parse_word(const char *option, const char *text, const char *const words[], size_t *ret_index)
{
    for (size_t i = 0; words[i]; i++)
        if (strcmp(text, words[i]) == 0) {
            *ret_index = i;
            return CLI_DONE;
        }
    log_say("%s does not know '%s'; see 'bleproxy sim --help'", option, text);
    return CLI_USAGE;
}

static int set_text(struct sim *sim, int option, const char *text)
{
    static const char *const payloads[] = {"repeat", "changing", "mix", NULL};
    static const char *const steps[] = {"port", "address", NULL};
    struct net_config *net = &sim->net;
    size_t index;
    int r = CLI_DONE;
    switch (option) {
    case OPTION_LISTEN:
        if (net_parse_listen(text, &net->listen) == 0)
            return CLI_DONE;
        log_say("--listen takes an IP address and a port: not '%s'", text);
        return CLI_USAGE;
    case OPTION_STEP:
        r = parse_word("--step", text, steps, &index);
        net->step_address = r == CLI_DONE && index == 1;
        return r;
    case OPTION_PAYLOAD:
        r = parse_word("--payload", text, payloads, &index);
        if (r == CLI_DONE)
            net->radio.payload = (enum radio_payload)(RADIO_REPEAT + index);
        return r;
    case OPTION_FIRMWARE:
        net->proxy.profile = server_profile_find(text);
        if (net->proxy.profile)
            return CLI_DONE;
        log_say("--firmware does not know '%s'; see 'bleproxy sim --help'", text);
        return CLI_USAGE;
    case OPTION_NAME:
        net->proxy.name = text;
        if (*text && strlen(text) <= SERVER_NAME_MAX)
            return CLI_DONE;
        log_say("a proxy's name has 1 to %d bytes", SERVER_NAME_MAX);
        return CLI_USAGE;
    case OPTION_PSK_FILE:
        sim->psk_file = text;
        break;
    case OPTION_PASSWORD:
        net->proxy.password = text;
        break;
    }
    return CLI_DONE;
}

static int set_option(struct sim *sim, int option, const char *text)
{
    uint64_t value;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        if (numbers[i].option == option) {
            int r = parse_number(&numbers[i], text, &value);
            if (r == CLI_DONE)
                set_number(sim, option, value);
            return r;
        }
    switch (option) {
    case OPTION_FAULTS:
        sim->net.faults = true;
        return CLI_DONE;
    case OPTION_RADIO_FAULTS:
        sim->net.proxy.faults = sim_link_faults_all;
        return CLI_DONE;
    case 'v':
        sim->verbosity++;
        return CLI_DONE;
    case '?':
    case ':':
        log_say("there is no such option, or it needs a value; see 'bleproxy sim --help'");
        return CLI_USAGE;
    }
    return set_text(sim, option, text);
}

/* What follows from options together. */
static int complete(struct sim *sim)
{
    struct radio_config *radio = &sim->net.radio;
    if (radio->rate == RADIO_RATE_FLOOD && radio->payload == RADIO_LIFE)
        radio->payload = RADIO_MIX;
    if (radio->payload == RADIO_LIFE)
        return GO_ON;
    if (!sim->devices_given)
        radio->devices = LOAD_DEVICES;
    if (!sim->rate_given)
        radio->rate = LOAD_RATE;
    if (radio->devices > 0)
        return GO_ON;
    log_say("a load needs at least one of --devices");
    return CLI_USAGE;
}

/* GO_ON, or the exit code. */
static int parse(struct sim *sim, int argc, char **argv)
{
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":l:n:f:vh", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return CLI_DONE;
        }
        int r = set_option(sim, option, optarg);
        if (r != CLI_DONE)
            return r;
    }
    if (optind < argc) {
        log_say("'%s' is not an option; see 'bleproxy sim --help'", argv[optind]);
        return CLI_USAGE;
    }
    return complete(sim);
}

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
        log_say("cannot read %s: %s", sim->psk_file, strerror(r == BLEPROXY_E_NOT_FOUND ? ENOENT : errno));
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

static void on_listening(void *user, const char *name, const char *address)
{
    const struct sim_proxy_config *proxy = &((const struct sim *)user)->net.proxy;
    printf("%s %s %s %s\n", name, address, proxy->profile->name, proxy->psk ? "encrypted" : "plaintext");
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
    struct sim sim = {
        .net = {.count = 1,
                .proxy = {.profile = server_profile_find("2026.8"),
                          .flush_ns = BP_NEVER,
                          .seed = 1,
                          .slots = SLOTS_DEFAULT,
                          .latency_ms = GATT_LATENCY_NATURAL},
                .radio = {.seed = 1, .payload = RADIO_LIFE, .rate = RADIO_RATE_NATURAL}},
    };
    net_parse_listen("", &sim.net.listen);
    int r = parse(&sim, argc, argv);
    if (r != GO_ON)
        return r;
    if (sodium_init() < 0)
        return CLI_INTERNAL;
    r = read_key(&sim);
    if (r == CLI_DONE)
        r = serve(&sim);
    sodium_memzero(sim.psk, sizeof(sim.psk));
    return r;
}
