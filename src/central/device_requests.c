/* SPDX-License-Identifier: MIT */
#include "central/peripheral_private.h"

enum { NO_SUCH_BOND = 0x105 }; /* ESP-IDF: ESP_ERR_NOT_FOUND */

/* Makes a request about the device as a whole. feature: what the proxy needs for it. */
static int device_request(struct peripheral *peripheral, enum request_kind kind, uint32_t feature,
                          int (*send)(struct session *session, uint64_t address,
                                      const struct session_await *await, uint64_t now_ns),
                          bleproxy_result_fn *on_done, void *user, uint64_t now_ns,
                          struct bleproxy_operation **ret_operation)
{
    struct request *request;
    int r = request_check_link(peripheral);
    if (r == 0)
        r = request_new(peripheral, kind, 0, on_done, user, &request);
    if (r < 0)
        return r;
    if (peripheral->features & feature) {
        const struct session_await await = request_await(request);
        r = send(peripheral->link.session, peripheral->address, &await, now_ns);
    } else {
        peripheral_warn_missing(peripheral, feature);
        /* the part of clearing a cache that is done here needs no firmware */
        request_end_later(request, kind == REQUEST_CLEAR_CACHE ? 0 : BLEPROXY_E_UNSUPPORTED, feature);
    }
    return request_made(request, r, ret_operation);
}

static void on_paired_answer(struct request *request, uint64_t now_ns)
{
    const struct peripheral *peripheral = request->operation.peripheral;
    (void)now_ns;
    bonds_put(&peripheral->central->routing.bonds, request->bond, peripheral->source,
              scanner_label(peripheral->scanner));
    request->bond = NULL;
    request_end(request, &(struct ending){0});
}

int peripheral_pair(struct peripheral *peripheral, bleproxy_result_fn *on_paired, void *user, uint64_t now_ns,
                    struct bleproxy_operation **ret_operation)
{
    struct bonds *bonds = &peripheral->central->routing.bonds;
    struct bleproxy_operation *operation = NULL;
    struct bond *bond = NULL;
    int r = request_check_link(peripheral);
    if (r == 0)
        r = bonds_reserve(bonds, peripheral->address, &bond);
    if (r == 0)
        r = device_request(peripheral, REQUEST_PAIR, BLEPROXY_FEATURE_PAIRING, session_device_pair, on_paired,
                           user, now_ns, &operation);
    if (r < 0) {
        bonds_unreserve(bonds, bond);
        return r;
    }
    struct request *request = (struct request *)operation;
    request->bond = bond;
    request->on_answer = on_paired_answer;
    if (ret_operation)
        *ret_operation = operation;
    return 0;
}

void request_unpaired(const struct request *request, const struct session_outcome *outcome)
{
    const struct peripheral *peripheral = request->operation.peripheral;
    bool none = outcome->error == BLEPROXY_E_REFUSED && outcome->code == NO_SUCH_BOND;
    if (outcome->error == 0 || none)
        bonds_remove(&peripheral->central->routing.bonds, peripheral->address, peripheral->source);
}

int peripheral_unpair(struct peripheral *peripheral, bleproxy_result_fn *on_unpaired, void *user,
                      uint64_t now_ns, struct bleproxy_operation **ret_operation)
{
    return device_request(peripheral, REQUEST_UNPAIR, BLEPROXY_FEATURE_PAIRING, session_device_unpair,
                          on_unpaired, user, now_ns, ret_operation);
}

int peripheral_clear_cache(struct peripheral *peripheral, bleproxy_result_fn *on_cleared, void *user,
                           uint64_t now_ns, struct bleproxy_operation **ret_operation)
{
    cache_evict(&peripheral->central->cache, peripheral->address);
    int r = device_request(peripheral, REQUEST_CLEAR_CACHE, BLEPROXY_FEATURE_CACHE_CLEARING,
                           session_device_clear_cache, on_cleared, user, now_ns, ret_operation);
    if (r != BLEPROXY_E_NOT_CONNECTED)
        return r;
    struct request *request;
    r = request_new(peripheral, REQUEST_CLEAR_CACHE, 0, on_cleared, user, &request);
    if (r < 0)
        return r;
    request_end_later(request, BLEPROXY_E_NOT_CONNECTED, 0);
    return request_made(request, 0, ret_operation);
}

/* Core Specification, Vol 4 Part E 7.8.12. */
bool bleproxy_connection_parameters_are_valid(const struct bleproxy_connection_parameters *parameters,
                                              const char **ret_why)
{
    enum { INTERVAL_MIN = 6, INTERVAL_MAX = 3200, LATENCY_MAX = 499, TIMEOUT_MIN = 10, TIMEOUT_MAX = 3200 };
    const char *why = NULL;
    uint32_t span = (1u + parameters->latency) * parameters->interval_max; /* 1.25 ms each */
    if (parameters->interval_min < INTERVAL_MIN || parameters->interval_min > INTERVAL_MAX)
        why = "the least interval must be 6 to 3200 units of 1.25 ms (7.5 ms to 4 s)";
    else if (parameters->interval_max < INTERVAL_MIN || parameters->interval_max > INTERVAL_MAX)
        why = "the greatest interval must be 6 to 3200 units of 1.25 ms (7.5 ms to 4 s)";
    else if (parameters->interval_min > parameters->interval_max)
        why = "the least interval must not exceed the greatest";
    else if (parameters->latency > LATENCY_MAX)
        why = "the latency must be 0 to 499 meetings that may be missed";
    else if (parameters->timeout < TIMEOUT_MIN || parameters->timeout > TIMEOUT_MAX)
        why = "the timeout must be 10 to 3200 units of 10 ms (100 ms to 32 s)";
    else if (4u * parameters->timeout <= span)
        why = "the timeout must exceed twice the greatest interval times one more than the latency";
    if (why && ret_why)
        *ret_why = why;
    return !why;
}

int peripheral_set_parameters(struct peripheral *peripheral,
                              const struct bleproxy_connection_parameters *parameters,
                              bleproxy_result_fn *on_set, void *user, uint64_t now_ns,
                              struct bleproxy_operation **ret_operation)
{
    struct request *request;
    int r = bleproxy_connection_parameters_are_valid(parameters, NULL) ? request_check_link(peripheral)
                                                                       : BLEPROXY_E_INVALID;
    if (r == 0)
        r = request_new(peripheral, REQUEST_SET_PARAMETERS, 0, on_set, user, &request);
    if (r < 0)
        return r;
    if (peripheral->features & BLEPROXY_FEATURE_CONNECTION_PARAMS) {
        const struct session_await await = request_await(request);
        r = session_device_set_parameters(peripheral->link.session, peripheral->address,
                                          parameters->interval_min, parameters->interval_max,
                                          parameters->latency, parameters->timeout, &await, now_ns);
    } else {
        peripheral_warn_missing(peripheral, BLEPROXY_FEATURE_CONNECTION_PARAMS);
        request_end_later(request, BLEPROXY_E_UNSUPPORTED, BLEPROXY_FEATURE_CONNECTION_PARAMS);
    }
    return request_made(request, r, ret_operation);
}
