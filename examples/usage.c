/* SPDX-License-Identifier: MIT */
/* Finds Bluetooth devices through ESPHome proxies: cc usage.c $(pkg-config --cflags --libs bleproxy) */
#include <bleproxy/blocking.h>
#include <bleproxy/names.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    /* Any number of proxies: name or address on the command line, one key for all in the environment. */
    struct bleproxy_proxy_config proxies[16] = {{0}};
    size_t n = 0, connected;
    for (; n < 16 && (int)n + 1 < argc; n++)
        proxies[n] =
            (struct bleproxy_proxy_config){.address = argv[n + 1], .noise_psk = getenv("BLEPROXY_NOISE_PSK")};

    struct bleproxy_radio *radio;
    int error = bleproxy_radio_open(proxies, n, NULL, 5000, &connected, &radio);
    if (error) {
        fprintf(stderr, "usage: %s\n", bleproxy_strerror(error));
        return 1;
    }
    bleproxy_radio_listen(radio, 5000); /* time for advertisements */

    const struct bleproxy_device *device;
    for (size_t position = 0; (device = bleproxy_hub_next_device(bleproxy_radio_hub(radio), &position));) {
        char address[BLEPROXY_ADDRESS_TEXT_SIZE], name[64];
        const struct bleproxy_advertisement *advertisement = bleproxy_device_advertisement(device);
        bleproxy_address_format(advertisement->address, address);
        bleproxy_sanitise(name, sizeof(name), advertisement->name ? advertisement->name : "",
                          advertisement->name_size);
        printf("%s %4d dBm  %s\n", address, advertisement->rssi_dbm, name);
    }
    bleproxy_radio_close(radio);
    return connected > 0 ? 0 : 1;
}
