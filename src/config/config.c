/* SPDX-License-Identifier: MIT */
#include "config/config.h"

#include "config/check.h"
#include "config/document.h"
#include "config/errors.h"
#include "config/part.h"
#include "config/psk.h"
#include "config/schema.h"
#include "config/spelling.h"
#include <arpa/inet.h>
#include <bleproxy/advertisement.h>
#include <bleproxy/error.h>
#include <bleproxy/hub.h>
#include <bleproxy/proxy.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_PORT = 6053 };

/* Lengths in bytes, the lowest that nobody minds: an alias repeats a value at the cost of two characters. */
enum {
    NAME_MAX_LENGTH = 253,
    ADDRESS_MAX_LENGTH = 253, /* of a DNS name */
    PATH_MAX_LENGTH = 4095,
    PASSWORD_MAX_LENGTH = 512,
    EXPECTED_NAME_MAX_LENGTH = 63,
    DEVICE_MAX_LENGTH = 17,
    DEVICE_NAME_MAX_LENGTH = 248, /* as of one that is advertised */
    USER_MAX_LENGTH = 256,
};

/* family: AF_INET, or AF_INET6, also with %scope. */
static bool is_ip(int family, const char *text)
{
    char literal[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    size_t length = strcspn(text, "%");
    if (length >= sizeof(literal) || (text[length] && (family != AF_INET6 || !text[length + 1])))
        return false;
    memcpy(literal, text, length);
    literal[length] = '\0';
    return inet_pton(family, literal, bytes) == 1;
}

static int check_address(const char *value, unsigned line, struct config_error *ret_error)
{
    if (strpbrk(value, " /"))
        return config_fail(ret_error, line,
                           "'address' is a host name or an IP address, without spaces or slashes");
    uint64_t device;
    if (bleproxy_address_parse(value, &device) == 0)
        return config_fail(ret_error, line,
                           "'%s' is a MAC address; a proxy is reached by its host name or IP address", value);
    if (strchr(value, '[') || (strchr(value, ':') && strchr(value, ':') == strrchr(value, ':')))
        return config_fail(ret_error, line, "'address' holds no port or brackets; give the port as 'port'");
    if (strchr(value, ':') && !is_ip(AF_INET6, value))
        return config_fail(ret_error, line, "'%s' is no IPv6 address", value);
    if (strchr(value, '.') && value[strspn(value, "0123456789.")] == '\0' && !is_ip(AF_INET, value))
        return config_fail(ret_error, line, "'%s' is no IP address", value);
    return 0;
}

static int check_psk(const char *value, unsigned line, struct config_error *ret_error)
{
    if (psk_valid(value))
        return 0;
    if (strlen(value) != PSK_TEXT_LENGTH)
        return config_fail(ret_error, line,
                           "'noise_psk' has %zu characters, but a key is the base64 of 32 bytes: %d",
                           strlen(value), PSK_TEXT_LENGTH);
    return config_fail(ret_error, line,
                       "'noise_psk' has %d characters, but they are not the base64 of 32 bytes",
                       PSK_TEXT_LENGTH);
}

static int check_psk_file(const char *value, unsigned line, struct config_error *ret_error)
{
    if (psk_valid(value))
        return config_fail(ret_error, line,
                           "'noise_psk_file' is the name of a file; the key itself goes under 'noise_psk'");
    return 0;
}

/* Of a Bluetooth device. */
static int check_device(const char *value, unsigned line, struct config_error *ret_error)
{
    uint64_t address;
    if (bleproxy_address_parse(value, &address) == 0 && address != 0)
        return 0;
    return config_fail(ret_error, line, "'%s' is no device's address: it looks like AA:BB:CC:DD:EE:FF",
                       value);
}

char *config_path(const struct config_source *source, const char *name)
{
    char *path;
    int directory_length = name[0] == '/' ? 0 : (int)source->directory_length;
    return asprintf(&path, "%.*s%s", directory_length, source->directory, name) < 0 ? NULL : path;
}

enum proxy_key {
    KEY_NAME,
    KEY_ADDRESS,
    KEY_PORT,
    KEY_NOISE_PSK,
    KEY_NOISE_PSK_FILE,
    KEY_PASSWORD,
    KEY_EXPECTED_NAME,
    KEY_RECLAIM,
    KEY_SCAN,
    KEY_PREFER,
    KEY_ONLY,
    KEY_DENY,
};

static int proxy_read_psk(struct config_proxy *proxy, unsigned line, const struct config_source *source,
                          struct config_error *ret_error)
{
    const char *file = proxy->noise_psk_file;
    char *path = config_path(source, file);
    if (!path)
        return BLEPROXY_E_NOMEM;
    int r = psk_read(path, &proxy->noise_psk);
    int why = errno;
    free(path);
    if (r == BLEPROXY_E_NOT_FOUND)
        return config_fail(ret_error, line, "there is no key file '%s'", file);
    if (r == BLEPROXY_E_IO)
        return config_fail(ret_error, line, "the key file '%s' cannot be read: %s%s", file, strerror(why),
                           psk_is_handed_over() ? ", and the service was not given it at its start" : "");
    if (r == BLEPROXY_E_INVALID_KEY)
        return config_fail(ret_error, line, "the key file '%s' does not hold a key, the base64 of 32 bytes",
                           file);
    return r;
}

static int proxy_complete(void *object, unsigned line, const unsigned key_lines[], const void *user,
                          struct config_error *ret_error)
{
    struct config_proxy *proxy = object;
    const struct config_source *source = user;
    proxy->line = line;
    proxy->psk_line = key_lines[proxy->noise_psk_file ? KEY_NOISE_PSK_FILE : KEY_NOISE_PSK];
    if (proxy->port == 0)
        proxy->port = DEFAULT_PORT;
    if (!proxy->name && proxy->address && !(proxy->name = strdup(proxy->address)))
        return BLEPROXY_E_NOMEM;
    if (key_lines[KEY_NOISE_PSK] > 0 && key_lines[KEY_NOISE_PSK_FILE] > 0) {
        bool file_last = key_lines[KEY_NOISE_PSK_FILE] > key_lines[KEY_NOISE_PSK];
        return config_fail(ret_error, key_lines[file_last ? KEY_NOISE_PSK_FILE : KEY_NOISE_PSK],
                           "give either 'noise_psk' or 'noise_psk_file', not both");
    }
    if (proxy->noise_psk_file && source->directory)
        return proxy_read_psk(proxy, key_lines[KEY_NOISE_PSK_FILE], source, ret_error);
    return 0;
}

#define MEMBER(name) offsetof(struct config_proxy, name)

static const struct schema_choice scan_modes[] = {
    {"passive", BLEPROXY_SCAN_PASSIVE}, {"active", BLEPROXY_SCAN_ACTIVE}, {"auto", BLEPROXY_SCAN_AUTO}, {0}};
/* A list of devices in a proxy's entry. */
#define DEVICES_OF(list)                                                                                     \
    {                                                                                                        \
        .name = #list, .type = SCHEMA_TEXTS, .offset = MEMBER(list), .max = DEVICE_MAX_LENGTH,               \
        .count_offset = MEMBER(n_##list), .check = check_device                                              \
    }

static const struct schema_key proxy_keys[] = {
    [KEY_NAME] = {.name = "name", .type = SCHEMA_TEXT, .offset = MEMBER(name), .max = NAME_MAX_LENGTH},
    [KEY_ADDRESS] = {.name = "address",
                     .type = SCHEMA_TEXT,
                     .offset = MEMBER(address),
                     .max = ADDRESS_MAX_LENGTH,
                     .required = true,
                     .check = check_address},
    [KEY_PORT] = {.name = "port", .type = SCHEMA_NUMBER, .offset = MEMBER(port), .max = UINT16_MAX},
    [KEY_NOISE_PSK] = {.name = "noise_psk",
                       .type = SCHEMA_SECRET,
                       .offset = MEMBER(noise_psk),
                       .max = SIZE_MAX,
                       .check = check_psk},
    [KEY_NOISE_PSK_FILE] = {.name = "noise_psk_file",
                            .type = SCHEMA_TEXT,
                            .offset = MEMBER(noise_psk_file),
                            .max = PATH_MAX_LENGTH,
                            .check = check_psk_file},
    [KEY_PASSWORD] = {.name = "password",
                      .type = SCHEMA_SECRET,
                      .offset = MEMBER(password),
                      .max = PASSWORD_MAX_LENGTH},
    [KEY_EXPECTED_NAME] = {.name = "expected_name",
                           .type = SCHEMA_TEXT,
                           .offset = MEMBER(expected_name),
                           .max = EXPECTED_NAME_MAX_LENGTH},
    [KEY_RECLAIM] = {.name = "reclaim",
                     .type = SCHEMA_NUMBER,
                     .offset = MEMBER(reclaim),
                     .max = CONFIG_RECLAIM_MAX_MINUTES},
    [KEY_SCAN] = {.name = "scan", .type = SCHEMA_CHOICE, .offset = MEMBER(scan), .choices = scan_modes},
    [KEY_PREFER] = DEVICES_OF(prefer),
    [KEY_ONLY] = DEVICES_OF(only),
    [KEY_DENY] = DEVICES_OF(deny),
};

_Static_assert(sizeof(proxy_keys) / sizeof(proxy_keys[0]) <= SCHEMA_KEYS_MAX,
               "key_lines has a place for each");

static const struct schema proxy_schema = {
    .noun = "a proxy",
    .size = sizeof(struct config_proxy),
    .keys = proxy_keys,
    .n_keys = sizeof(proxy_keys) / sizeof(proxy_keys[0]),
    .complete = proxy_complete,
};

#undef MEMBER
#define MEMBER(name) offsetof(struct config_device, name)

/* Where either can be given, an address is one. */
static int check_device_name(const char *value, unsigned line, struct config_error *ret_error)
{
    uint64_t address;
    if (bleproxy_address_parse(value, &address) < 0)
        return 0;
    return config_fail(ret_error, line, "'%s' is an address; 'name' is what people call the device", value);
}

/* A list of proxies in a device's entry. */
#define PROXIES_OF(list)                                                                                     \
    {                                                                                                        \
        .name = #list, .type = SCHEMA_TEXTS, .offset = MEMBER(list), .max = NAME_MAX_LENGTH,                 \
        .count_offset = MEMBER(n_##list)                                                                     \
    }

static const struct schema_key device_keys[] = {
    {.name = "address",
     .type = SCHEMA_TEXT,
     .offset = MEMBER(address),
     .max = DEVICE_MAX_LENGTH,
     .required = true,
     .check = check_device},
    {.name = "name",
     .type = SCHEMA_TEXT,
     .offset = MEMBER(name),
     .max = DEVICE_NAME_MAX_LENGTH,
     .check = check_device_name},
    PROXIES_OF(prefer),
    PROXIES_OF(only),
    PROXIES_OF(deny),
    {.name = "interval", .type = SCHEMA_NUMBER, .offset = MEMBER(interval), .max = CONFIG_INTERVAL_MAX_S},
};

static int device_complete(void *object, unsigned line, const unsigned key_lines[], const void *user,
                           struct config_error *ret_error)
{
    struct config_device *device = object;
    (void)key_lines, (void)user, (void)ret_error;
    device->line = line;
    return 0;
}

static const struct schema device_schema = {
    .noun = "a device",
    .size = sizeof(struct config_device),
    .keys = device_keys,
    .n_keys = sizeof(device_keys) / sizeof(device_keys[0]),
    .complete = device_complete,
};

/* ---- The daemon ---- */

/* Whether there is such a user is known where the daemon runs. */
static int check_user(const char *value, unsigned line, struct config_error *ret_error)
{
    size_t digits = strspn(value, "0123456789");
    bool is_number = value[digits] == '\0';
    if (is_number && (digits > 10 || strtoull(value, NULL, 10) >= UINT32_MAX))
        return config_fail(ret_error, line, "'%s' is no number of a user", value);
    if (strpbrk(value, " \t:/,"))
        return config_fail(ret_error, line, "'%s' is no name of a user; several of them are a list", value);
    return 0;
}

#undef MEMBER
#define MEMBER(name) offsetof(struct config_daemon, name)

#define USERS_WHO(right)                                                                                     \
    {                                                                                                        \
        .name = #right, .type = SCHEMA_TEXTS, .offset = MEMBER(right), .max = USER_MAX_LENGTH,               \
        .count_offset = MEMBER(n_##right), .check = check_user                                               \
    }

enum daemon_key { KEY_CONNECT, KEY_PAIR, KEY_WRITE, KEY_ALLOW_DEVICE, KEY_DENY_DEVICE };

static const struct schema_key daemon_keys[] = {
    [KEY_CONNECT] = USERS_WHO(connect),   [KEY_PAIR] = USERS_WHO(pair),
    [KEY_WRITE] = USERS_WHO(write),       [KEY_ALLOW_DEVICE] = DEVICES_OF(allow),
    [KEY_DENY_DEVICE] = DEVICES_OF(deny),
};

/* False: it was wrong, which is told already. */
static bool read_device(const struct config_text *text, uint64_t *ret_address)
{
    return text->text && bleproxy_address_parse(text->text, ret_address) == 0;
}

static int check_allow_and_deny(const struct config_daemon *daemon, unsigned file,
                                struct config_error *ret_error)
{
    for (size_t i = 0; i < daemon->n_deny; i++) {
        uint64_t denied = 0, allowed = 0;
        if (!read_device(&daemon->deny[i], &denied))
            continue;
        for (size_t j = 0; j < daemon->n_allow; j++) {
            const struct config_text *here = &daemon->deny[i];
            if (!read_device(&daemon->allow[j], &allowed))
                continue;
            if (here->file != file)
                here = &daemon->allow[j];
            if (denied == allowed)
                return config_fail(ret_error, here->line, "%s is both allowed and denied", here->text);
        }
    }
    return 0;
}

/* A list that was meant to let nobody would let everybody. */
static int daemon_complete(void *object, unsigned line, const unsigned key_lines[], const void *user,
                           struct config_error *ret_error)
{
    struct config_daemon *daemon = object;
    const struct config_source *source = user;
    const struct {
        struct config_text *texts;
        size_t n;
    } lists[] = {[KEY_CONNECT] = {daemon->connect, daemon->n_connect},
                 [KEY_PAIR] = {daemon->pair, daemon->n_pair},
                 [KEY_WRITE] = {daemon->write, daemon->n_write},
                 [KEY_ALLOW_DEVICE] = {daemon->allow, daemon->n_allow},
                 [KEY_DENY_DEVICE] = {daemon->deny, daemon->n_deny}};
    (void)line;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (key_lines[i] == 0)
            continue;
        if (lists[i].n == 0 && i != KEY_DENY_DEVICE)
            return config_fail(ret_error, key_lines[i],
                               "'%s' is empty: name somebody, or leave it out for all", daemon_keys[i].name);
        for (size_t j = 0; j < lists[i].n; j++)
            lists[i].texts[j].file = source->file;
    }
    return check_allow_and_deny(daemon, source->file, ret_error);
}

static const struct schema daemon_schema = {
    .noun = "the daemon",
    .size = sizeof(struct config_daemon),
    .keys = daemon_keys,
    .n_keys = sizeof(daemon_keys) / sizeof(daemon_keys[0]),
    .complete = daemon_complete,
};

/* ---- The whole ---- */

static const struct schema_choice filters[] = {{"apple", BLEPROXY_RULE_APPLE_FILTER}, {0}};

/* The filter is no rule for people: it says what they want to hear, not how it is decided. */
static const struct schema_choice rules[] = {
    {"interval", BLEPROXY_RULE_INTERVAL}, {"expiry", BLEPROXY_RULE_EXPIRY},
    {"presence", BLEPROXY_RULE_PRESENCE}, {"history", BLEPROXY_RULE_HISTORY},
    {"window", BLEPROXY_RULE_WINDOW},     {"routing", BLEPROXY_RULE_ROUTING},
    {"all", BLEPROXY_RULES_ALL},          {0}};

static const struct schema_key config_keys[] = {
    {.name = "proxies",
     .type = SCHEMA_LIST,
     .offset = offsetof(struct config, proxies),
     .max = CONFIG_PROXIES_MAX,
     .items = &proxy_schema,
     .count_offset = offsetof(struct config, n_proxies)},
    {.name = "devices",
     .type = SCHEMA_LIST,
     .offset = offsetof(struct config, devices),
     .max = CONFIG_DEVICES_MAX,
     .items = &device_schema,
     .count_offset = offsetof(struct config, n_devices)},
    {.name = "daemon",
     .type = SCHEMA_OBJECT,
     .offset = offsetof(struct config, daemon),
     .items = &daemon_schema},
    {.name = "filters", .type = SCHEMA_BITS, .offset = offsetof(struct config, filters), .choices = filters},
    {.name = "reference",
     .type = SCHEMA_BITS,
     .offset = offsetof(struct config, reference),
     .choices = rules},
};

static const struct schema config_schema = {
    .noun = "a configuration",
    .size = sizeof(struct config),
    .keys = config_keys,
    .n_keys = sizeof(config_keys) / sizeof(config_keys[0]),
};

static void stamp_texts(struct config_text *texts, size_t n, unsigned file)
{
    for (size_t i = 0; i < n; i++)
        texts[i].file = file;
}

/* Notes of what was read from the file that it was read from there. */
static void stamp(struct config *config, size_t first_proxy, size_t first_device, unsigned file)
{
    for (size_t i = first_proxy; i < config->n_proxies; i++) {
        struct config_proxy *proxy = &config->proxies[i];
        proxy->file = file;
        stamp_texts(proxy->prefer, proxy->n_prefer, file);
        stamp_texts(proxy->only, proxy->n_only, file);
        stamp_texts(proxy->deny, proxy->n_deny, file);
    }
    for (size_t i = first_device; i < config->n_devices; i++) {
        struct config_device *device = &config->devices[i];
        device->file = file;
        stamp_texts(device->prefer, device->n_prefer, file);
        stamp_texts(device->only, device->n_only, file);
        stamp_texts(device->deny, device->n_deny, file);
    }
}

int config_read_part(const char *text, size_t size, const struct config_source *source, struct config *config,
                     struct config_errors *errors)
{
    if (size > CONFIG_SIZE_MAX)
        return config_fail(&errors->now, 0, "the file is larger than %d bytes", CONFIG_SIZE_MAX);
    yaml_document_t document;
    int r = document_load(text, size, DOCUMENT_DEPTH_MAX, &document, &errors->now);
    if (r < 0)
        return r;
    size_t first_proxy = config->n_proxies, first_device = config->n_devices;
    const yaml_node_t *root = yaml_document_get_root_node(&document);
    bool empty = !root || (root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0);
    if (!empty)
        r = schema_read(&config_schema, &document, root, config, source, errors);
    document_free(&document);
    stamp(config, first_proxy, first_device, source->file);
    return r;
}

int config_parse(const char *text, size_t size, struct config *ret_config, struct config_error *ret_error)
{
    struct config config = {0};
    struct config_errors errors = {0};
    int r = config_read_part(text, size, &(struct config_source){0}, &config, &errors);
    bool all_read = r == 0;
    r = config_errors_take(&errors, r);
    if (r == 0)
        r = config_check(&config, all_read, &errors);
    if (r == 0 && errors.n > 0)
        r = BLEPROXY_E_INVALID;
    config_errors_first(&errors, ret_error);
    config_errors_deinit(&errors);
    if (r < 0)
        config_deinit(&config);
    else
        *ret_config = config;
    return r;
}

void config_deinit(struct config *config)
{
    for (size_t i = 0; i < config->n_files; i++)
        free(config->files[i]);
    free(config->files);
    free(config->warnings);
    schema_free(&config_schema, config);
}

const struct config_proxy *config_find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->n_proxies; i++)
        if (config->proxies[i].name && strcmp(config->proxies[i].name, name) == 0)
            return &config->proxies[i];
    return NULL;
}

const char *config_find_similar(const struct config *config, const char *name)
{
    struct spelling spelling;
    spelling_seek(&spelling, name);
    for (size_t i = 0; i < config->n_proxies; i++)
        if (config->proxies[i].name)
            spelling_try(&spelling, config->proxies[i].name);
    return spelling.nearest;
}
