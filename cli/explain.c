/* SPDX-License-Identifier: MIT */
#include "cli.h"
#include "json.h"
#include "log.h"
#include "options.h"

#include <bleproxy/gatt.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct kind {
    const char *title, *key;
    const struct bleproxy_code *(*find)(int32_t code);
} kinds[] = {
    {"connection reason", "connection_reason", bleproxy_connection_reason},
    {"GATT status", "gatt_status", bleproxy_gatt_status},
    {"pairing reason", "pairing_reason", bleproxy_pairing_reason},
};
enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };
enum { NAMED_FIRST = -128, NAMED_LAST = 1023 }; /* there are no others that have a name */
enum { OPTION_CONNECTION = OPTION_OWN, OPTION_GATT, OPTION_PAIRING };

static const struct option longs[] = {
    {"connection", no_argument, NULL, OPTION_CONNECTION},
    {"gatt", no_argument, NULL, OPTION_GATT},
    {"pairing", no_argument, NULL, OPTION_PAIRING},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static const char help[] =
    "Usage: bleproxy explain [OPTION]... CODE\n"
    "Tell what a code of a proxy or a device means, and what to try.\n"
    "CODE is a number, decimal or hexadecimal with 0x, or a name: 8, 0x3e, -1, CONN_TIMEOUT.\n"
    "A number means one thing where a connection failed or ended, another where a value\n"
    "could not be read or written, and another where pairing failed.\n"
    "\n"
    "      --connection         only the reason of a connection\n"
    "      --gatt               only the status of an operation on a value\n"
    "      --pairing            only the reason why pairing failed\n"
    "      --json               one JSON object per line\n"
    "  -h, --help               this text\n";

struct explain {
    bool chosen[N_KINDS], json;
};

static int parse(void *user, int option, const char *value)
{
    (void)value;
    struct explain *explain = user;
    explain->chosen[option - OPTION_CONNECTION] = true;
    return CLI_DONE;
}

static void print_text(int32_t code, const struct bleproxy_code *const entries[N_KINDS])
{
    if (code < 0)
        printf("%d\n", (int)code);
    else
        printf("%d (0x%02x)\n", (int)code, (unsigned)code);
    for (size_t i = 0; i < N_KINDS; i++)
        if (entries[i])
            printf("  %s %s\n    %s\n    try: %s\n", kinds[i].title, entries[i]->name, entries[i]->meaning,
                   entries[i]->advice);
}

static struct json_object *entry_json(const struct bleproxy_code *entry)
{
    if (!entry)
        return NULL;
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "name", json_text(entry->name));
    json_object_object_add(object, "meaning", json_text(entry->meaning));
    json_object_object_add(object, "advice", json_text(entry->advice));
    return object;
}

static void print_json(int32_t code, const struct bleproxy_code *const entries[N_KINDS])
{
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "code", json_object_new_int(code));
    for (size_t i = 0; i < N_KINDS; i++)
        json_object_object_add(object, kinds[i].key, entry_json(entries[i]));
    json_print(object);
}

/* Also as ESP-IDF spells it, which is what other programs show. */
static bool is_name(const char *text, const char *name)
{
    static const char *const prefixes[] = {"", "ESP_", "ESP_GATT_", "ESP_GATT_CONN_"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t n = strlen(prefixes[i]);
        if (strncasecmp(text, prefixes[i], n) == 0 && strcasecmp(text + n, name) == 0)
            return true;
    }
    return false;
}

/* name NULL: whatever the code is called. False: nothing is known of it. */
static bool explain_code(const struct explain *explain, int32_t code, const char *name)
{
    const struct bleproxy_code *entries[N_KINDS] = {NULL};
    bool known = false;
    for (size_t i = 0; i < N_KINDS; i++) {
        const struct bleproxy_code *entry = explain->chosen[i] ? kinds[i].find(code) : NULL;
        if (!entry || (name && !is_name(name, entry->name)))
            continue;
        entries[i] = entry;
        known = true;
    }
    if (known && explain->json)
        print_json(code, entries);
    else if (known)
        print_text(code, entries);
    return known;
}

static bool explain_name(const struct explain *explain, const char *name)
{
    bool known = false;
    for (int32_t code = NAMED_FIRST; code <= NAMED_LAST; code++)
        known |= explain_code(explain, code, name);
    return known;
}

static bool is_number(const char *text)
{
    return isdigit((unsigned char)text[text[0] == '-']);
}

static bool parse_number(const char *text, int32_t *ret_code)
{
    const char *digits = text + (text[0] == '-');
    bool is_hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    char *end;
    long long value = strtoll(text, &end, is_hex ? 16 : 10);
    if (*end || value < INT32_MIN || value > INT32_MAX)
        return false;
    *ret_code = (int32_t)value;
    return true;
}

static int explain_argument(struct explain *explain, const char *text)
{
    int32_t code = 0;
    if (is_number(text) && !parse_number(text, &code)) {
        log_say("'%s' is no code: codes are decimal or hexadecimal numbers of 32 bits, or names", text);
        return CLI_USAGE;
    }
    if (!explain->chosen[0] && !explain->chosen[1] && !explain->chosen[2])
        memset(explain->chosen, true, sizeof(explain->chosen));
    if (is_number(text) ? explain_code(explain, code, NULL) : explain_name(explain, text))
        return CLI_DONE;
    log_say("nothing is known of the code '%s': the log of the proxy may tell more", text);
    return CLI_FAILED;
}

/* A negative code looks like an option: takes it out of the arguments. NULL: there is none. */
static const char *take_negative(int *argc, char **argv)
{
    for (int i = 1; i < *argc; i++) {
        const char *text = argv[i];
        if (text[0] != '-' || !is_number(text))
            continue;
        memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i) * sizeof(*argv)); /* and the NULL at the end */
        --*argc;
        return text;
    }
    return NULL;
}

int cmd_explain(int argc, char **argv)
{
    struct options options = {0};
    struct explain explain = {0};
    const char *text = take_negative(&argc, argv);
    size_t n = text ? 0 : 1;
    const struct options_table table = {.longs = longs,
                                        .shorts = ":h",
                                        .help = help,
                                        .arguments = "CODE",
                                        .arguments_min = n,
                                        .arguments_max = n,
                                        .parse = parse};
    int r = options_parse(&options, &table, &explain, argc, argv);
    if (r == OPTIONS_GO_ON) {
        explain.json = options.json;
        r = explain_argument(&explain, text ? text : options.arguments[0]);
    }
    options_deinit(&options);
    return r;
}
