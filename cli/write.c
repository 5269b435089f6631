/* SPDX-License-Identifier: MIT */
#include "attribute.h"

#include "cli.h"
#include "json.h"
#include "log.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { OPTION_TEXT = OPTION_OWN, OPTION_FILE, OPTION_NO_RESPONSE };

static const struct option longs[] = {
    OPTIONS_LONG,
    {"text", no_argument, NULL, OPTION_TEXT},
    {"file", no_argument, NULL, OPTION_FILE},
    {"no-response", no_argument, NULL, OPTION_NO_RESPONSE},
    {0},
};

static const char help[] =
    "Usage: bleproxy write [OPTION]... ADDRESS CHAR VALUE\n"
    "Write a value to a device. VALUE is in hexadecimal; spaces and colons between bytes are "
    "skipped.\n" ATTRIBUTE_HELP "\n" OPTIONS_HELP "\n"
    "  -t, --timeout SECONDS    for connecting at most, and for the answer at most (30 each)\n"
    "      --text               VALUE is text, written as it is\n"
    "      --file               VALUE is the name of a file whose content is written; - is standard input\n"
    "      --no-response        do not ask the device to confirm it\n"
    "\n"
    "A VALUE that begins with - goes behind --, after all options.\n";

struct write {
    struct attribute attribute;
    int form; /* OPTION_TEXT, OPTION_FILE, or 0 */
    enum bleproxy_write_mode mode;
    uint8_t value[BLEPROXY_VALUE_MAX + 1]; /* one more: too long */
    size_t size;
};

static int parse(void *user, int option, const char *value)
{
    (void)value;
    struct device *device = user;
    struct write *write = device->user;
    if (option == OPTION_NO_RESPONSE) {
        write->mode = BLEPROXY_WRITE_WITHOUT_RESPONSE;
        return CLI_DONE;
    }
    if (write->form && write->form != option) {
        log_say("VALUE is either --text or the name of a --file");
        return CLI_USAGE;
    }
    write->form = option;
    return CLI_DONE;
}

static int read_file(struct write *write, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (file)
        write->size = fread(write->value, 1, sizeof(write->value), file);
    if (!file || ferror(file)) {
        log_say("cannot read %s: %s", path, strerror(errno));
        if (file && file != stdin)
            fclose(file);
        return CLI_USAGE;
    }
    if (file != stdin)
        fclose(file);
    return CLI_DONE;
}

static int parse_hex(struct write *write, const char *text)
{
    const char *at = strncmp(text, "0x", 2) == 0 ? text + 2 : text;
    while (*at && write->size < sizeof(write->value)) {
        char digits[3] = {at[0], at[0] ? at[1] : '\0', '\0'};
        unsigned byte;
        if (*at == ' ' || *at == ':' || *at == '-') {
            at++;
            continue;
        }
        if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1]) ||
            sscanf(digits, "%x", &byte) != 1) {
            log_say("'%s' is not hexadecimal, two digits for each byte; for text use --text", text);
            return CLI_USAGE;
        }
        write->value[write->size++] = (uint8_t)byte;
        at += 2;
    }
    return CLI_DONE;
}

static int prepare(struct device *device)
{
    struct write *write = device->user;
    const char *text = device->options.arguments[2];
    int r = attribute_check(device->options.arguments[1]);
    if (r != CLI_DONE)
        return r;
    switch (write->form) {
    case OPTION_TEXT:
        write->size = strnlen(text, sizeof(write->value));
        memcpy(write->value, text, write->size);
        break;
    case OPTION_FILE:
        r = read_file(write, text);
        break;
    default:
        r = parse_hex(write, text);
    }
    if (r != CLI_DONE)
        return r;
    if (write->size <= BLEPROXY_VALUE_MAX)
        return CLI_DONE;
    log_say("the value is too long: at most %d bytes fit into an attribute; write it in parts, if the device "
            "takes parts",
            BLEPROXY_VALUE_MAX);
    return CLI_FAILED;
}

static void on_written(void *user, const struct bleproxy_result *result)
{
    struct device *device = user;
    struct write *write = device->user;
    if (result->error < 0) {
        device_fail(device, result);
        return;
    }
    if (device->options.json) {
        struct json_object *object = json_object_new_object();
        attribute_add_json(device, &write->attribute, write->value, write->size, object);
        json_print(object);
    }
    device_finish(device, CLI_DONE);
}

static void act(struct device *device)
{
    struct write *write = device->user;
    unsigned room = device->ops->mtu(device) - BLEPROXY_MTU_OVERHEAD;
    if (!attribute_find(device, device->options.arguments[1], &write->attribute))
        return;
    int r = device->ops->write(device, write->attribute.handle, write->value, write->size, write->mode,
                               on_written);
    if (r == BLEPROXY_E_TOO_LONG) {
        log_say("%s: the value is too long: without response at most %u bytes go to it at a time; leave "
                "--no-response out, or write it in parts",
                device->label, room);
        device_finish(device, CLI_FAILED);
    } else if (r == BLEPROXY_E_INVALID) {
        log_say("%s: this descriptor is written by subscribing; use 'bleproxy notify'", device->label);
        device_finish(device, CLI_FAILED);
    } else if (r < 0) {
        device_refuse(device, r);
    }
}

static const struct device_command command = {
    .name = "bleproxy write",
    .table = {.longs = longs,
              .help = help,
              .parse = parse,
              .arguments = "ADDRESS CHAR VALUE",
              .arguments_min = 3,
              .arguments_max = 3},
    .prepare = prepare,
    .act = act,
    .connect_timeout = true,
};

int cmd_write(int argc, char **argv)
{
    struct write write = {0};
    struct device device = {.command = &command, .user = &write};
    return device_main(&device, argc, argv);
}
