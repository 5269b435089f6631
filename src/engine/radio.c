/* SPDX-License-Identifier: MIT */
#include "engine/radio.h"

#include <stdlib.h>

static void radio_started(void *user, size_t n_connected)
{
    (void)n_connected;
    struct bleproxy_radio *radio = user;
    bleproxy_loop_stop(radio->loop);
}

int bleproxy_radio_open(const struct bleproxy_proxy_config *proxies, size_t n_proxies,
                        const struct bleproxy_loop_options *options, uint32_t timeout_ms,
                        size_t *ret_connected, struct bleproxy_radio **ret_radio)
{
    if (n_proxies == 0)
        return BLEPROXY_E_INVALID;
    struct bleproxy_radio *radio = calloc(1, sizeof(*radio));
    if (!radio)
        return BLEPROXY_E_NOMEM;
    radio->managers = calloc(n_proxies, sizeof(struct bleproxy_manager *));
    int r = radio->managers ? bleproxy_loop_new(options, &radio->loop) : BLEPROXY_E_NOMEM;
    if (r == 0)
        r = bleproxy_hub_new(radio->loop, NULL, &radio->hub);
    for (size_t i = 0; r == 0 && i < n_proxies; i++) {
        r = bleproxy_manager_new(radio->hub, &proxies[i], &radio->managers[i]);
        radio->n_managers += r == 0;
    }
    if (r == 0)
        r = bleproxy_managers_start(radio->managers, n_proxies, timeout_ms, radio_started, radio);
    if (r < 0) {
        bleproxy_radio_close(radio);
        return r;
    }
    bleproxy_loop_run(radio->loop);
    if (ret_connected) {
        *ret_connected = 0;
        for (size_t i = 0; i < n_proxies; i++)
            *ret_connected += bleproxy_manager_state(radio->managers[i]) == BLEPROXY_PROXY_READY;
    }
    *ret_radio = radio;
    return 0;
}

static void radio_stopped(void *user, int error)
{
    (void)error;
    struct bleproxy_radio *radio = user;
    if (--radio->n_stopping == 0)
        bleproxy_loop_stop(radio->loop);
}

void bleproxy_radio_close(struct bleproxy_radio *radio)
{
    if (!radio)
        return;
    for (size_t i = 0; i < radio->n_managers; i++)
        radio->n_stopping += bleproxy_manager_stop(radio->managers[i], radio_stopped, radio) == 0;
    while (radio->n_stopping > 0)
        bleproxy_loop_run(radio->loop);
    for (size_t i = 0; i < radio->n_managers; i++)
        bleproxy_manager_free(radio->managers[i]);
    bleproxy_hub_free(radio->hub);
    bleproxy_loop_free(radio->loop);
    free(radio->managers);
    free(radio);
}

static void radio_time_is_up(void *user)
{
    struct bleproxy_radio *radio = user;
    bleproxy_loop_stop(radio->loop);
}

void bleproxy_radio_listen(struct bleproxy_radio *radio, uint32_t timeout_ms)
{
    struct bleproxy_timer *timer;
    if (bleproxy_timer_new(radio->loop, timeout_ms, 0, radio_time_is_up, radio, &timer) < 0)
        return;
    bleproxy_loop_run(radio->loop);
    bleproxy_timer_free(timer);
}

struct radio_search {
    struct bleproxy_radio *radio;
    bool running; /* the loop */
    bool done;
    int error;
    struct bleproxy_advertisement *found;
};

static void radio_found(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct radio_search *search = user;
    search->done = true;
    search->error = error;
    if (error == 0) {
        search->found = bleproxy_advertisement_dup(advertisement);
        if (!search->found)
            search->error = BLEPROXY_E_NOMEM;
    }
    if (search->running)
        bleproxy_loop_stop(search->radio->loop);
}

int bleproxy_radio_find(struct bleproxy_radio *radio, const struct bleproxy_filter *filter,
                        uint32_t timeout_ms, struct bleproxy_advertisement **ret_advertisement)
{
    struct radio_search search = {.radio = radio};
    struct bleproxy_search *handle;
    int r = bleproxy_hub_find(radio->hub, filter, timeout_ms, radio_found, &search, &handle);
    if (r < 0)
        return r;
    search.running = true;
    bleproxy_loop_run(radio->loop);
    search.running = false;
    if (!search.done)
        bleproxy_search_cancel(handle); /* a callback has stopped the loop */
    if (search.error == 0)
        *ret_advertisement = search.found;
    return search.error;
}

struct bleproxy_loop *bleproxy_radio_loop(struct bleproxy_radio *radio)
{
    return radio->loop;
}

struct bleproxy_hub *bleproxy_radio_hub(struct bleproxy_radio *radio)
{
    return radio->hub;
}

struct bleproxy_manager *bleproxy_radio_manager(struct bleproxy_radio *radio, size_t index)
{
    return radio->managers[index];
}
