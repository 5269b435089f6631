/* SPDX-License-Identifier: MIT */
#include "central/peripheral_private.h"

/* ATT: the handle is invalid, no attribute was found */
enum { GATT_INVALID_HANDLE = 0x01, GATT_NOT_FOUND = 0x0a };

static const char *const doing[] = {
    [REQUEST_READ] = "reading",
    [REQUEST_WRITE] = "writing",
    [REQUEST_SUBSCRIBE] = "subscribing to",
    [REQUEST_UNSUBSCRIBE] = "unsubscribing from",
    [REQUEST_PAIR] = "pairing with",
    [REQUEST_UNPAIR] = "unpairing",
    [REQUEST_CLEAR_CACHE] = "clearing the cache of",
    [REQUEST_SET_PARAMETERS] = "setting the connection parameters of",
    [REQUEST_DISCONNECT] = "disconnecting",
};

/* ---- Their life ---- */

static void request_drop(struct request *request, uint64_t now_ns)
{
    struct session_request *awaited = request->awaited;
    request->awaited = NULL;
    request->dropped = true;
    if (awaited)
        session_cancel(awaited, now_ns);
}

/* It is the peripheral's no more. */
static void request_take_leave(struct request *request)
{
    list_unlink(&request->node);
    bonds_unreserve(&request->operation.central->routing.bonds, request->bond);
    request->bond = NULL;
}

void request_end(struct request *request, const struct ending *ending)
{
    struct report report;
    struct ending full = *ending;
    full.doing = doing[request->kind];
    full.handle = request->handle;
    request_take_leave(request);
    peripheral_report(request->operation.peripheral, &full, !request->alone, &report);
    operation_complete(&request->operation, &report.result);
}

void request_end_later(struct request *request, int error, uint32_t missing)
{
    request->ending = (struct ending){.error = error, .missing = missing};
    operation_set_deadline(&request->operation, request->operation.central->now_ns);
}

void request_lose(struct request *request, const struct bleproxy_result *result)
{
    const struct bleproxy_result done = {.source = result->source, .text = ""};
    request_drop(request, request->operation.central->now_ns);
    request_take_leave(request);
    /* the device forgets subscriptions with the link */
    operation_complete(&request->operation, request->kind == REQUEST_UNSUBSCRIBE ? &done : result);
}

static void request_tick(struct bleproxy_operation *operation, uint64_t now_ns)
{
    struct request *request = (struct request *)operation;
    const struct ending ending = request->ending;
    (void)now_ns;
    request_end(request, &ending);
}

static void request_cancel(struct bleproxy_operation *operation, uint64_t now_ns)
{
    struct request *request = (struct request *)operation;
    request_drop(request, now_ns);
    if (request->kind == REQUEST_SUBSCRIBE)
        subscription_undo(request, false, now_ns);
    request_end(request, &(struct ending){.error = BLEPROXY_E_CANCELLED});
}

int request_new(struct peripheral *peripheral, enum request_kind kind, uint16_t handle,
                bleproxy_result_fn *on_done, void *user, struct request **ret_request)
{
    if (peripheral_is_shut(peripheral))
        return BLEPROXY_E_STATE;
    struct request *request = operation_new(peripheral->central, sizeof(*request), on_done, user);
    if (!request)
        return BLEPROXY_E_NOMEM;
    request->operation.peripheral = peripheral;
    request->operation.on_tick = request_tick;
    request->operation.on_cancel = request_cancel;
    request->kind = kind;
    request->handle = handle;
    request->alone = !peripheral_is_connected(peripheral);
    list_append(&peripheral->requests, &request->node);
    *ret_request = request;
    return 0;
}

void request_discard(struct request *request)
{
    request_take_leave(request);
    operation_discard(&request->operation);
}

struct request *request_find(const struct peripheral *peripheral, enum request_kind kind, uint16_t handle)
{
    list_for_each(node, &peripheral->requests)
    {
        struct request *request = list_entry(node, struct request, node);
        if (request->kind == kind && request->handle == handle)
            return request;
    }
    return NULL;
}

/* ---- What they do on the link ---- */

int request_check_link(const struct peripheral *peripheral)
{
    return peripheral->phase == LINK_UP ? 0 : BLEPROXY_E_NOT_CONNECTED;
}

static int request_error(int error)
{
    return error == 0 || error == BLEPROXY_E_NOMEM || error == BLEPROXY_E_LIMIT ? error
                                                                                : BLEPROXY_E_NOT_CONNECTED;
}

/* What was known of the device is not true any more: the next connection discovers it anew. */
static void request_doubt(struct peripheral *peripheral, const struct session_outcome *outcome)
{
    if (!peripheral->cached || outcome->error != BLEPROXY_E_GATT ||
        (outcome->code != GATT_INVALID_HANDLE && outcome->code != GATT_NOT_FOUND))
        return;
    char address[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(peripheral->address, address);
    peripheral->cached = false;
    cache_evict(&peripheral->central->cache, peripheral->address);
    env_log(peripheral->central->env, BLEPROXY_LOG_WARNING, "central", peripheral->proxy,
            "%s no longer has the services known of it: they are discovered anew when it is next connected",
            address);
}

static void request_answered(struct request *request, const struct session_outcome *outcome, uint64_t now_ns)
{
    struct peripheral *peripheral = request->operation.peripheral;
    struct ending ending = {
        .error = outcome->error, .code = outcome->code, .value = outcome->value, .size = outcome->size};
    request->awaited = NULL;
    request_doubt(peripheral, outcome);
    if (peripheral_is_unknown(outcome) && peripheral->phase == LINK_UP) {
        peripheral_lost(peripheral, BLEPROXY_E_DISCONNECTED, outcome->code, true, now_ns);
    } else if (outcome->error == 0 && request->on_answer) {
        request->on_answer(request, now_ns);
    } else {
        if (outcome->size > BLEPROXY_VALUE_MAX)
            ending = (struct ending){.error = BLEPROXY_E_PROTOCOL};
        if (outcome->error < 0 && request->kind == REQUEST_SUBSCRIBE)
            subscription_undo(request, outcome->error == BLEPROXY_E_GATT, now_ns);
        if (request->kind == REQUEST_UNPAIR)
            request_unpaired(request, outcome);
        request_end(request, &ending);
    }
}

static void on_outcome(void *user, const struct session_outcome *outcome, uint64_t now_ns)
{
    struct request *request = user;
    struct central *central = request->operation.central;
    if (request->dropped)
        return;
    central_enter(central, now_ns);
    request_answered(request, outcome, now_ns);
    central_leave(central);
}

struct session_await request_await(struct request *request)
{
    uint64_t timeout_ns = request->timeout_ns > 0 ? request->timeout_ns : REQUEST_TIMEOUT_S * NS_PER_S;
    return (struct session_await){.timeout_ns = timeout_ns,
                                  .on_outcome = on_outcome,
                                  .user = request,
                                  .ret_request = &request->awaited};
}

int request_made(struct request *request, int r, struct bleproxy_operation **ret_operation)
{
    if (r < 0) {
        request_discard(request);
        return request_error(r);
    }
    if (ret_operation)
        *ret_operation = &request->operation;
    return 0;
}

/* ---- Values ---- */

int peripheral_read(struct peripheral *peripheral, uint16_t handle, uint64_t timeout_ns,
                    bleproxy_result_fn *on_read, void *user, uint64_t now_ns,
                    struct bleproxy_operation **ret_operation)
{
    int r = request_check_link(peripheral);
    if (r < 0)
        return r;
    const struct bleproxy_services *services = peripheral_services(peripheral);
    bool is_value = bleproxy_services_at(services, handle);
    if (!is_value && !bleproxy_services_descriptor_at(services, handle, NULL))
        return BLEPROXY_E_NO_ATTRIBUTE;
    struct request *request;
    r = request_new(peripheral, REQUEST_READ, handle, on_read, user, &request);
    if (r < 0)
        return r;
    request->timeout_ns = timeout_ns;
    const struct session_await await = request_await(request);
    struct session *session = peripheral->link.session;
    r = is_value ? session_gatt_read(session, peripheral->address, handle, &await, now_ns)
                 : session_gatt_read_descriptor(session, peripheral->address, handle, &await, now_ns);
    return request_made(request, r, ret_operation);
}

enum write_way { WRITE_VALUE, WRITE_COMMAND, WRITE_DESCRIPTOR };

static int write_check(const struct peripheral *peripheral, uint16_t handle, size_t size,
                       enum bleproxy_write_mode mode, enum write_way *ret_way)
{
    const struct bleproxy_services *services = peripheral_services(peripheral);
    const struct bleproxy_characteristic *characteristic = bleproxy_services_at(services, handle);
    if (characteristic) {
        /* One that cannot be written at all is asked for a response, so that it can say so. */
        const uint32_t ways =
            characteristic->properties & (BLEPROXY_PROPERTY_WRITE | BLEPROXY_PROPERTY_WRITE_WITHOUT_RESPONSE);
        bool command = mode == BLEPROXY_WRITE_WITHOUT_RESPONSE ||
                       (mode == BLEPROXY_WRITE_DEFAULT && ways == BLEPROXY_PROPERTY_WRITE_WITHOUT_RESPONSE);
        *ret_way = command ? WRITE_COMMAND : WRITE_VALUE;
    } else {
        const struct bleproxy_descriptor *descriptor =
            bleproxy_services_descriptor_at(services, handle, NULL);
        if (!descriptor)
            return BLEPROXY_E_NO_ATTRIBUTE;
        if (services_is_configuration(descriptor))
            return BLEPROXY_E_INVALID;
        *ret_way = WRITE_DESCRIPTOR;
    }
    size_t most =
        *ret_way == WRITE_COMMAND ? (size_t)peripheral->mtu - BLEPROXY_MTU_OVERHEAD : BLEPROXY_VALUE_MAX;
    return size > most || size > BLEPROXY_VALUE_MAX ? BLEPROXY_E_TOO_LONG : 0;
}

int peripheral_write(struct peripheral *peripheral, uint16_t handle, const void *value, size_t size,
                     enum bleproxy_write_mode mode, uint64_t timeout_ns, bleproxy_result_fn *on_written,
                     void *user, uint64_t now_ns, struct bleproxy_operation **ret_operation)
{
    if ((unsigned)mode > BLEPROXY_WRITE_WITHOUT_RESPONSE || (!value && size > 0))
        return BLEPROXY_E_INVALID;
    enum write_way way = WRITE_VALUE;
    int r = request_check_link(peripheral);
    if (r == 0)
        r = write_check(peripheral, handle, size, mode, &way);
    if (r < 0)
        return r;
    struct request *request;
    r = request_new(peripheral, REQUEST_WRITE, handle, on_written, user, &request);
    if (r < 0)
        return r;
    request->timeout_ns = timeout_ns;
    const struct session_await await = request_await(request);
    struct session *session = peripheral->link.session;
    uint64_t address = peripheral->address;
    switch (way) {
    case WRITE_VALUE:
        r = session_gatt_write(session, address, handle, value, size, &await, now_ns);
        break;
    case WRITE_COMMAND:
        r = session_gatt_write_command(session, address, handle, value, size, now_ns);
        if (r == 0)
            operation_set_deadline(&request->operation, now_ns);
        break;
    case WRITE_DESCRIPTOR:
        r = session_gatt_write_descriptor(session, address, handle, value, size, &await, now_ns);
        break;
    }
    return request_made(request, r, ret_operation);
}
