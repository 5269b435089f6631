/* SPDX-License-Identifier: MIT */
#include "sim_options.h"

#include "cli.h"
#include "log.h"
#include "options.h"
#include "sim/control.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOTS_MAX = 9,
    SLOTS_DEFAULT = 3,
    RATE_MAX = 1000000,
    FLUSH_MS_MAX = 60000,
    LATENCY_MS_MAX = 60000,
    CLIENTS_MAX = 20, /* as many as firmware can be built for */
    SECONDS_MAX = 365 * 24 * 60 * 60,
    REBOOT_S = 15 * 60, /* as ESPHome */
    DEAF_EVERY_S = 60,
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
    "      --passive             proxies that only listen and never connect\n"
    "      --seed N              another house, other addresses (1)\n"
    "      --devices N           so many more devices in the house\n"
    "      --rate N              advertisements/s of each proxy; 0: as fast as clients take them\n"
    "      --payload MODE        instead of a house a load of N devices: repeat, changing or mix\n"
    "      --sentinel N          mark the load after every N advertisements\n"
    "      --flush MS            time between incomplete batches, instead of the firmware's\n"
    "      --latency MS          time of each operation on a device, instead of that on the air\n"
    "      --faults              a bad network and bad proxies\n"
    "      --radio-faults        bad links to devices\n"
    "      --provisionable       clients may set the encryption key\n"
    "      --key-store FILE      where such keys are kept beyond the end of the program\n"
    "      --clients N           the most clients of a proxy at a time, instead of the firmware's\n"
    "      --reboot-timeout S    reboot after so many seconds without a client (900); 0: never\n"
    "      --deep-sleep S,S      awake and asleep in turn, so many seconds each\n"
    "      --deaf CURE           go deaf every now and then, until a client changes the mode,\n"
    "                            subscribes, connects, or until a reboot, or for good:\n"
    "                            mode, subscribe, connect, reboot, never\n"
    "      --deaf-every S        how often (60)\n"
    "      --mdns                announce them on the local network\n"
    "      --control SOCKET      take orders there: list, reboot, crash, deaf, hear, rob, unrob, move,\n"
    "                            announce, goodbye\n"
    "  -v, --verbose             show the log on standard error; twice for more\n"
    "  -h, --help                this text\n"
    "\n"
    "Devices to connect to: Virtual Battery, Virtual Heart, Virtual UART, Virtual Lock,\n"
    "Virtual Tower, Virtual Quitter, Virtual Mute, Virtual Ghost; see bleproxy(1).\n";

enum {
    OPTION_LISTEN = 'l',
    OPTION_COUNT = 'n',
    OPTION_FIRMWARE = 'f',
    OPTION_STEP = OPTION_OWN,
    OPTION_NAME,
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
    OPTION_PROVISIONABLE,
    OPTION_KEY_STORE,
    OPTION_CLIENTS,
    OPTION_REBOOT_TIMEOUT,
    OPTION_DEEP_SLEEP,
    OPTION_DEAF,
    OPTION_DEAF_EVERY,
    OPTION_CONTROL,
    OPTION_MDNS,
    OPTION_PASSIVE,
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
    {"provisionable", no_argument, NULL, OPTION_PROVISIONABLE},
    {"key-store", required_argument, NULL, OPTION_KEY_STORE},
    {"clients", required_argument, NULL, OPTION_CLIENTS},
    {"reboot-timeout", required_argument, NULL, OPTION_REBOOT_TIMEOUT},
    {"deep-sleep", required_argument, NULL, OPTION_DEEP_SLEEP},
    {"deaf", required_argument, NULL, OPTION_DEAF},
    {"deaf-every", required_argument, NULL, OPTION_DEAF_EVERY},
    {"control", required_argument, NULL, OPTION_CONTROL},
    {"mdns", no_argument, NULL, OPTION_MDNS},
    {"passive", no_argument, NULL, OPTION_PASSIVE},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static const struct number {
    int option;
    const char *name;
    uint64_t min, max;
} numbers[] = {
    {OPTION_COUNT, "--count", 1, NET_PROXIES_MAX},
    {OPTION_SLOTS, "--slots", 0, SLOTS_MAX},
    {OPTION_SEED, "--seed", 0, UINT64_MAX},
    {OPTION_DEVICES, "--devices", 0, RADIO_DEVICES_MAX},
    {OPTION_RATE, "--rate", 0, RATE_MAX},
    {OPTION_SENTINEL, "--sentinel", 1, UINT32_MAX},
    {OPTION_FLUSH, "--flush", 0, FLUSH_MS_MAX},
    {OPTION_LATENCY, "--latency", 0, LATENCY_MS_MAX},
    {OPTION_CLIENTS, "--clients", 1, CLIENTS_MAX},
    {OPTION_REBOOT_TIMEOUT, "--reboot-timeout", 0, SECONDS_MAX},
    {OPTION_DEAF_EVERY, "--deaf-every", 1, SECONDS_MAX},
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
    case OPTION_CLIENTS:
        net->proxy.clients = (uint32_t)value;
        break;
    case OPTION_REBOOT_TIMEOUT:
        net->proxy.reboot_timeout_ns = value * NS_PER_S;
        break;
    case OPTION_DEAF_EVERY:
        sim->deaf_every_ns = value * NS_PER_S;
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

/* "20,60": awake and asleep. */
static int set_deep_sleep(struct sim_proxy_config *proxy, const char *text)
{
    static const struct number number = {OPTION_DEEP_SLEEP, "--deep-sleep", 1, SECONDS_MAX};
    char copy[32];
    uint64_t awake, asleep;
    snprintf(copy, sizeof(copy), "%s", text);
    char *comma = strchr(copy, ',');
    if (!comma) {
        log_say("--deep-sleep takes two numbers of seconds, as '20,60': not '%s'", text);
        return CLI_USAGE;
    }
    *comma = '\0';
    int r = parse_number(&number, copy, &awake);
    if (r == CLI_DONE)
        r = parse_number(&number, comma + 1, &asleep);
    if (r != CLI_DONE)
        return r;
    proxy->awake_ns = awake * NS_PER_S;
    proxy->asleep_ns = asleep * NS_PER_S;
    return CLI_DONE;
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
    case OPTION_KEY_STORE:
        net->key_store = text;
        break;
    case OPTION_CONTROL:
        net->control = text;
        break;
    case OPTION_DEEP_SLEEP:
        return set_deep_sleep(&net->proxy, text);
    case OPTION_DEAF:
        sim->deaf = control_parse_cure(text, &net->proxy.cure);
        if (sim->deaf)
            return CLI_DONE;
        log_say("--deaf does not know '%s'; see 'bleproxy sim --help'", text);
        return CLI_USAGE;
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
    case OPTION_PASSIVE:
        sim->net.proxy.passive = true;
        return CLI_DONE;
    case OPTION_MDNS:
        sim->net.mdns = true;
        return CLI_DONE;
    case OPTION_PROVISIONABLE:
        sim->net.proxy.provisionable = true;
        return CLI_DONE;
    case 'v':
        sim->verbosity++;
        return CLI_DONE;
    }
    return set_text(sim, option, text);
}

/* What follows from options together. */
static int complete(struct sim *sim)
{
    struct radio_config *radio = &sim->net.radio;
    struct sim_proxy_config *proxy = &sim->net.proxy;
    if (sim->net.key_store)
        proxy->provisionable = true;
    if (proxy->provisionable && !proxy->profile->sets_keys) {
        log_say("firmware %s cannot be given a key: 2025.8 and later can", proxy->profile->name);
        return CLI_USAGE;
    }
    if (sim->deaf)
        proxy->deaf_every_ns = sim->deaf_every_ns;
    if (radio->rate == RADIO_RATE_FLOOD && radio->payload == RADIO_LIFE)
        radio->payload = RADIO_MIX;
    if (radio->payload == RADIO_LIFE)
        return SIM_GO_ON;
    if (!sim->devices_given)
        radio->devices = LOAD_DEVICES;
    if (!sim->rate_given)
        radio->rate = LOAD_RATE;
    if (radio->devices > 0)
        return SIM_GO_ON;
    log_say("a load needs at least one of --devices");
    return CLI_USAGE;
}

int sim_options_parse(struct sim *sim, int argc, char **argv)
{
    *sim = (struct sim){
        .deaf_every_ns = DEAF_EVERY_S * NS_PER_S,
        .net = {.count = 1,
                .proxy = {.profile = server_profile_find("2026.8"),
                          .flush_ns = BP_NEVER,
                          .seed = 1,
                          .slots = SLOTS_DEFAULT,
                          .reboot_timeout_ns = REBOOT_S * NS_PER_S,
                          .latency_ms = GATT_LATENCY_NATURAL},
                .radio = {.seed = 1, .payload = RADIO_LIFE, .rate = RADIO_RATE_NATURAL}},
    };
    net_parse_listen("", &sim->net.listen);
    int option;
    optind = 1;
    opterr = 0;
    while ((option = options_next(argc, argv, ":l:n:f:vh", options)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return CLI_DONE;
        }
        int r = option == '?' || option == ':' ? options_complain(argv[0], options, argv, option)
                                               : set_option(sim, option, optarg);
        if (r != CLI_DONE)
            return r;
    }
    if (optind < argc) {
        log_say("'%s' is not an option; see 'bleproxy sim --help'", argv[optind]);
        return CLI_USAGE;
    }
    return complete(sim);
}
