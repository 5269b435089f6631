/* SPDX-License-Identifier: MIT */
#include "sim/control.h"

#include "sim/proxy.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <string.h>

enum argument { ARGUMENT_NONE, ARGUMENT_SECONDS, ARGUMENT_CURE, ARGUMENT_ADDRESS };

static const struct command {
    const char *name;
    enum control_command command;
    enum argument argument;
} commands[] = {
    {"list", CONTROL_LIST, ARGUMENT_NONE},         {"reboot", CONTROL_REBOOT, ARGUMENT_SECONDS},
    {"crash", CONTROL_CRASH, ARGUMENT_SECONDS},    {"deaf", CONTROL_DEAF, ARGUMENT_CURE},
    {"hear", CONTROL_HEAR, ARGUMENT_NONE},         {"rob", CONTROL_ROB, ARGUMENT_NONE},
    {"unrob", CONTROL_UNROB, ARGUMENT_NONE},       {"move", CONTROL_MOVE, ARGUMENT_ADDRESS},
    {"announce", CONTROL_ANNOUNCE, ARGUMENT_NONE}, {"goodbye", CONTROL_GOODBYE, ARGUMENT_NONE},
};

bool control_parse_cure(const char *word, enum server_cure *ret_cure)
{
    static const char *const words[] = {[SERVER_CURE_MODE] = "mode",
                                        [SERVER_CURE_SUBSCRIBE] = "subscribe",
                                        [SERVER_CURE_CONNECT] = "connect",
                                        [SERVER_CURE_REBOOT] = "reboot",
                                        [SERVER_CURE_NONE] = "never"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strcmp(word, words[i]) == 0) {
            *ret_cure = (enum server_cure)i;
            return true;
        }
    return false;
}

/* Cuts the next word off; "" at the end. */
static char *next_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t\r");
    size_t size = strcspn(word, " \t\r");
    *rest = word + size;
    if (**rest)
        *(*rest)++ = '\0';
    return word;
}

static bool parse_seconds(const char *word, uint64_t *ret_seconds)
{
    uint64_t seconds = 0;
    for (; *word; word++) {
        if (*word < '0' || *word > '9')
            return false;
        seconds = seconds * 10 + (uint64_t)(*word - '0');
        if (seconds > CONTROL_SECONDS_MAX)
            return false;
    }
    *ret_seconds = seconds;
    return true;
}

/* NULL, or what was expected. */
static const char *parse_argument(struct control *control, enum argument argument, const char *word)
{
    switch (argument) {
    case ARGUMENT_NONE:
        return *word ? "no argument" : NULL;
    case ARGUMENT_SECONDS:
        return *word && !parse_seconds(word, &control->seconds) ? "a number of seconds, up to a day" : NULL;
    case ARGUMENT_CURE:
        return *word && !control_parse_cure(word, &control->cure)
                   ? "mode, subscribe, connect, reboot or never"
                   : NULL;
    case ARGUMENT_ADDRESS:
        snprintf(control->address, sizeof(control->address), "%s", word);
        return *word ? NULL : "an address";
    }
    return NULL;
}

static const char *parse_words(struct control *control, char *rest)
{
    char *word = next_word(&rest);
    if (*word == '@') {
        if (!word[1] || strlen(word + 1) > SERVER_NAME_MAX)
            return "the name of a proxy behind '@'";
        snprintf(control->proxy, sizeof(control->proxy), "%s", word + 1);
        word = next_word(&rest);
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        if (strcmp(word, commands[i].name) == 0) {
            control->command = commands[i].command;
            const char *why = parse_argument(control, commands[i].argument, next_word(&rest));
            return why || !*next_word(&rest) ? why : "one argument at most";
        }
    return "list, reboot, crash, deaf, hear, rob, unrob, move, announce or goodbye";
}

int control_parse(const char *line, struct control *ret_control, const char **ret_why)
{
    char copy[CONTROL_LINE_MAX];
    struct control control = {.seconds = SIM_BOOT_S, .cure = SERVER_CURE_NONE};
    if (strlen(line) >= sizeof(copy)) {
        *ret_why = "a shorter line";
        return BLEPROXY_E_INVALID;
    }
    snprintf(copy, sizeof(copy), "%s", line);
    const char *why = parse_words(&control, copy);
    if (why) {
        *ret_why = why;
        return BLEPROXY_E_INVALID;
    }
    *ret_control = control;
    return 0;
}
