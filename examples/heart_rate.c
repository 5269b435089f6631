/* SPDX-License-Identifier: MIT */
/* Monitors a heart-rate strap through a proxy: heart_rate PROXY [SECONDS] */
#include <bleproxy/blocking.h>
#include <stdio.h>
#include <stdlib.h>

/* Flags, of which bit 0 says that the rate has two bytes; the rate; and more. */
static void on_measurement(void *user, uint16_t handle, const uint8_t *value, size_t size)
{
    (void)user, (void)handle;
    if (size >= 3 && (value[0] & 1))
        printf("%d bpm\n", value[1] | value[2] << 8);
    else if (size >= 2 && !(value[0] & 1))
        printf("%d bpm\n", value[1]);
    fflush(stdout);
}

static void on_disconnected(void *user, const struct bleproxy_result *result)
{
    if (result->error)
        fprintf(stderr, "%s\n", result->text);
    bleproxy_loop_stop(user); /* ends the listening */
}

int main(int argc, char **argv)
{
    const struct bleproxy_proxy_config proxy = {.address = argc > 1 ? argv[1] : "127.0.0.1",
                                                .noise_psk = getenv("BLEPROXY_NOISE_PSK")};
    const uint32_t seconds = argc > 2 ? (uint32_t)atoi(argv[2]) : 3600;
    const struct bleproxy_uuid service = {2, {0x18, 0x0d}}, measurement = {2, {0x2a, 0x37}};
    const struct bleproxy_filter strap = {.service = &service};
    const struct bleproxy_characteristic *rate;
    struct bleproxy_radio *radio = NULL;
    struct bleproxy_advertisement *found = NULL;
    struct bleproxy_peripheral *peripheral = NULL;
    struct bleproxy_failure failure = {.text = ""};
    size_t connected = 0;

    int error = bleproxy_radio_open(&proxy, 1, NULL, 10000, &connected, &radio);
    if (!error && connected == 0)
        error = bleproxy_manager_last_error(bleproxy_radio_manager(radio, 0), NULL);
    if (!error)
        error = bleproxy_radio_find(radio, &strap, 20000, &found);
    if (!error)
        error = bleproxy_radio_connect(radio, found->address, NULL, &peripheral, &failure);
    if (!error)
        error = bleproxy_services_find(bleproxy_peripheral_services(peripheral), &measurement, &rate);
    if (!error)
        error = bleproxy_radio_subscribe(radio, peripheral, rate->handle, on_measurement, NULL, &failure);
    if (!error) {
        bleproxy_peripheral_on_disconnected(peripheral, on_disconnected, bleproxy_radio_loop(radio));
        bleproxy_radio_listen(radio, seconds * 1000);
    } else {
        fprintf(stderr, "%s\n", failure.error ? failure.text : bleproxy_strerror(error));
    }
    bleproxy_radio_disconnect(radio, peripheral);
    bleproxy_advertisement_free(found);
    bleproxy_radio_close(radio);
    return error ? 1 : 0;
}
