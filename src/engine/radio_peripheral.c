/* SPDX-License-Identifier: MIT */
#include "engine/radio.h"

#include <stdio.h>
#include <string.h>

/* An operation that is waited for. */
struct radio_wait {
    struct bleproxy_radio *radio;
    struct bleproxy_failure *failure; /* NULL: not wanted */
    struct bleproxy_value *value;     /* of reading */
    struct bleproxy_operation *operation;
    bool running; /* the loop */
    bool done;
    int error;
};

static void radio_wait_done(void *user, const struct bleproxy_result *result)
{
    struct radio_wait *wait = user;
    wait->done = true;
    wait->error = result->error;
    if (wait->failure) {
        *wait->failure = (struct bleproxy_failure){.error = result->error,
                                                   .code = result->code,
                                                   .cause = result->cause,
                                                   .missing = result->missing,
                                                   .source = result->source,
                                                   .attempts = result->attempts};
        snprintf(wait->failure->text, sizeof(wait->failure->text), "%s", result->text);
    }
    if (wait->value && result->error == 0) {
        wait->value->size = result->size < BLEPROXY_VALUE_MAX ? result->size : BLEPROXY_VALUE_MAX;
        if (wait->value->size > 0)
            memcpy(wait->value->bytes, result->value, wait->value->size);
    }
    if (wait->running)
        bleproxy_loop_stop(wait->radio->loop);
}

/* started: what the call that began the operation has returned. */
static int radio_wait_for(struct radio_wait *wait, int started)
{
    if (started < 0) {
        if (wait->failure) {
            *wait->failure = (struct bleproxy_failure){
                .error = started,
                .cause = started == BLEPROXY_E_NOMEM ? BLEPROXY_CAUSE_NONE : BLEPROXY_CAUSE_CALLER};
            snprintf(wait->failure->text, sizeof(wait->failure->text), "%s", bleproxy_strerror(started));
        }
        return started;
    }
    wait->running = true;
    bleproxy_loop_run(wait->radio->loop);
    wait->running = false;
    if (!wait->done)
        bleproxy_operation_cancel(wait->operation); /* a callback has stopped the loop */
    return wait->error;
}

/* Waits for what takes no arguments of its own. */
static int radio_wait_for_plain(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral,
                                int (*begin)(struct bleproxy_peripheral *peripheral,
                                             bleproxy_result_fn *on_done, void *user,
                                             struct bleproxy_operation **ret_operation),
                                struct bleproxy_failure *failure)
{
    struct radio_wait wait = {.radio = radio, .failure = failure};
    return radio_wait_for(&wait, begin(peripheral, radio_wait_done, &wait, &wait.operation));
}

int bleproxy_radio_connect(struct bleproxy_radio *radio, uint64_t address,
                           const struct bleproxy_connect_options *options,
                           struct bleproxy_peripheral **ret_peripheral, struct bleproxy_failure *failure)
{
    struct radio_wait wait = {.radio = radio, .failure = failure};
    struct bleproxy_peripheral *peripheral = NULL;
    int r = bleproxy_peripheral_new(radio->hub, address, &peripheral);
    if (r == 0)
        r = bleproxy_peripheral_connect(peripheral, options, radio_wait_done, &wait, &wait.operation);
    r = radio_wait_for(&wait, r);
    if (r == 0)
        *ret_peripheral = peripheral;
    else
        bleproxy_peripheral_free(peripheral);
    return r;
}

int bleproxy_radio_disconnect(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral)
{
    if (!peripheral)
        return 0;
    int r = radio_wait_for_plain(radio, peripheral, bleproxy_peripheral_disconnect, NULL);
    bleproxy_peripheral_free(peripheral);
    return r;
}

int bleproxy_radio_read(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral, uint16_t handle,
                        struct bleproxy_value *ret_value, struct bleproxy_failure *failure)
{
    struct radio_wait wait = {.radio = radio, .failure = failure, .value = ret_value};
    return radio_wait_for(
        &wait, bleproxy_peripheral_read(peripheral, handle, 0, radio_wait_done, &wait, &wait.operation));
}

int bleproxy_radio_write(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral,
                         uint16_t handle, const void *value, size_t size, enum bleproxy_write_mode mode,
                         struct bleproxy_failure *failure)
{
    struct radio_wait wait = {.radio = radio, .failure = failure};
    return radio_wait_for(&wait, bleproxy_peripheral_write(peripheral, handle, value, size, mode, 0,
                                                           radio_wait_done, &wait, &wait.operation));
}

int bleproxy_radio_subscribe(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral,
                             uint16_t handle, bleproxy_notification_fn *on_notification, void *user,
                             struct bleproxy_failure *failure)
{
    struct radio_wait wait = {.radio = radio, .failure = failure};
    return radio_wait_for(&wait, bleproxy_peripheral_subscribe(peripheral, handle, 0, on_notification, user,
                                                               radio_wait_done, &wait, &wait.operation));
}

int bleproxy_radio_unsubscribe(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral,
                               uint16_t handle, struct bleproxy_failure *failure)
{
    struct radio_wait wait = {.radio = radio, .failure = failure};
    return radio_wait_for(
        &wait, bleproxy_peripheral_unsubscribe(peripheral, handle, radio_wait_done, &wait, &wait.operation));
}

int bleproxy_radio_pair(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral,
                        struct bleproxy_failure *failure)
{
    return radio_wait_for_plain(radio, peripheral, bleproxy_peripheral_pair, failure);
}

int bleproxy_radio_unpair(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral,
                          struct bleproxy_failure *failure)
{
    return radio_wait_for_plain(radio, peripheral, bleproxy_peripheral_unpair, failure);
}

int bleproxy_radio_clear_cache(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral,
                               struct bleproxy_failure *failure)
{
    return radio_wait_for_plain(radio, peripheral, bleproxy_peripheral_clear_cache, failure);
}

int bleproxy_radio_set_parameters(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral,
                                  const struct bleproxy_connection_parameters *parameters,
                                  struct bleproxy_failure *failure)
{
    struct radio_wait wait = {.radio = radio, .failure = failure};
    return radio_wait_for(&wait, bleproxy_peripheral_set_parameters(peripheral, parameters, radio_wait_done,
                                                                    &wait, &wait.operation));
}
