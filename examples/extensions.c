/* SPDX-License-Identifier: MIT */
/* What a proxy can do for a connection beyond reading and writing: extensions PROXY ADDRESS. Clears the services cache,
 * for a device whose firmware was updated; and asks for long intervals between the meetings of the two, which saves the
 * battery of a device that stays connected. */
#include <bleproxy/blocking.h>
#include <bleproxy/names.h>
#include <stdio.h>
#include <stdlib.h>

/* 0 is not yet everything: a proxy with older firmware may have done a part. */
static int tell(const char *what, int error, const struct bleproxy_failure *failure)
{
    if (error)
        fprintf(stderr, "%s: %s\n", what, failure->text);
    else
        printf("%s: done%s%s\n", what, failure->missing ? ", but " : "", failure->text);
    return error;
}

static int clear_cache(struct bleproxy_radio *radio, uint64_t address)
{
    struct bleproxy_peripheral *peripheral;
    struct bleproxy_failure failure;
    int error = bleproxy_radio_connect(radio, address, NULL, &peripheral, &failure);
    if (error)
        return tell("connect", error, &failure);
    /* Characteristics are missing after an update? */
    error = bleproxy_radio_clear_cache(radio, peripheral, &failure);
    tell("clear_cache", error, &failure);
    bleproxy_radio_disconnect(radio, peripheral);
    return error;
}

static int set_parameters(struct bleproxy_radio *radio, uint64_t address)
{
    const struct bleproxy_connection_parameters slow = {
        .interval_min = 800, /* 1,000 ms */
        .interval_max = 800,
        .latency = 0,
        .timeout = 600, /* 6,000 ms */
    };
    struct bleproxy_peripheral *peripheral;
    struct bleproxy_failure failure;
    int error = bleproxy_radio_connect(radio, address, NULL, &peripheral, &failure);
    if (error)
        return tell("connect", error, &failure);
    /* Here the device would be read, at the fast pace that connections begin with. */
    error = bleproxy_radio_set_parameters(radio, peripheral, &slow, &failure);
    tell("set_parameters", error, &failure);
    bleproxy_radio_disconnect(radio, peripheral);
    return error;
}

int main(int argc, char **argv)
{
    uint64_t address;
    if (argc != 3 || bleproxy_address_parse(argv[2], &address)) {
        fprintf(stderr, "usage: extensions PROXY ADDRESS\n");
        return 2;
    }
    const struct bleproxy_proxy_config proxy = {.address = argv[1],
                                                .noise_psk = getenv("BLEPROXY_NOISE_PSK")};
    struct bleproxy_radio *radio;
    int error = bleproxy_radio_open(&proxy, 1, NULL, 10000, NULL, &radio);
    if (error) {
        fprintf(stderr, "extensions: %s\n", bleproxy_strerror(error));
        return 1;
    }
    int cleared = clear_cache(radio, address), set = set_parameters(radio, address);
    bleproxy_radio_close(radio);
    return cleared || set ? 1 : 0;
}
