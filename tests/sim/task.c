/* SPDX-License-Identifier: MIT */
#include "visit.h"

#include "central/establish.h"
#include "central/operation.h"
#include "sim/gatt_device.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CLOSE_NS   (20 * NS_PER_S)
#define REQUEST_NS (30 * NS_PER_S)
#define SLACK_NS   NS_PER_MS

/* ---- What may come of it ---- */

/* An error that a call may return, or a result have. */
static bool is_refusal(int error)
{
    switch (error) {
    case BLEPROXY_E_NOMEM:
    case BLEPROXY_E_INVALID:
    case BLEPROXY_E_BUSY:
    case BLEPROXY_E_LIMIT:
    case BLEPROXY_E_NOT_CONNECTED:
    case BLEPROXY_E_NO_ATTRIBUTE:
    case BLEPROXY_E_PROPERTY:
    case BLEPROXY_E_TOO_LONG:
        return true;
    default:
        return false;
    }
}

static bool is_failure(const struct task *task, int error)
{
    switch (error) {
    case BLEPROXY_E_CANCELLED:
        return task->cancelled || task->visit->freeing || !task->visit->world->central ||
               (task->kind == TASK_SUBSCRIBE && task->visit->unsubscribing);
    case BLEPROXY_E_NOMEM:
        return task->visit->world->scale.no_memory > 0;
    case BLEPROXY_E_NOT_HEARD:
    case BLEPROXY_E_NO_PROXY:
    case BLEPROXY_E_NO_SLOT:
    case BLEPROXY_E_LINK:
    case BLEPROXY_E_NO_SERVICES:
        return task->kind == TASK_CONNECT;
    case BLEPROXY_E_NOT_CONNECTED:
        return task->kind == TASK_CONNECT || task->kind == TASK_CLEAR_CACHE || task->kind == TASK_SUBSCRIBE;
    case BLEPROXY_E_BUSY:
        return task->kind == TASK_CONNECT;
    case BLEPROXY_E_PAIRING:
        return task->kind == TASK_CONNECT || task->kind == TASK_PAIR;
    case BLEPROXY_E_REFUSED:
    case BLEPROXY_E_UNSUPPORTED:
        return task->kind == TASK_CONNECT || task->kind >= TASK_PAIR;
    case BLEPROXY_E_TIMEOUT:
    case BLEPROXY_E_DISCONNECTED:
    case BLEPROXY_E_GATT:
    case BLEPROXY_E_CLOSED:
    case BLEPROXY_E_PING:
        return true;
    default:
        return false;
    }
}

/* What is there to be read never changes. */
static bool is_constant(const struct gatt_attribute *attribute)
{
    return attribute && attribute->role == GATT_STORED && !gatt_attribute_is_cccd(attribute) &&
           !(attribute->properties & (BLEPROXY_PROPERTY_WRITE | BLEPROXY_PROPERTY_WRITE_WITHOUT_RESPONSE));
}

static void check_value(struct task *task, const struct bleproxy_result *result)
{
    const struct gatt_attribute *attribute = gatt_database_at(task->visit->device->database, task->handle);
    if (is_constant(attribute))
        world_expect(task->visit->world,
                     result->size == attribute->size &&
                         memcmp(result->value, attribute->value, attribute->size) == 0,
                     "handle %u was read wrongly", task->handle);
}

static void connected(struct visit *visit)
{
    struct world *world = visit->world;
    const struct gatt_database *database = visit->device->database;
    uint16_t mtu = peripheral_mtu(visit->peripheral);
    world_expect(world, !visit->up && peripheral_is_connected(visit->peripheral),
                 "connected twice, or not at all");
    world_expect(world, peripheral_services(visit->peripheral)->n_services == database->n_services,
                 "%zu services instead of %zu", peripheral_services(visit->peripheral)->n_services,
                 database->n_services);
    world_expect(world, mtu == visit->device->model->mtu || mtu == BLEPROXY_MTU_DEFAULT, "the MTU is %u",
                 mtu);
    visit->up = true;
    visit->closing = false;
    visit->lossless = !world_is_in_trouble(world);
    visit->bursts = visit->restarts = 0;
    world->n_links++;
    world->n_links_in_peace += visit->lossless;
}

static void on_done(void *user, const struct bleproxy_result *result)
{
    struct task *task = user;
    struct visit *visit = task->visit;
    struct world *world = visit->world;
    world_expect(world, task->due_ns > 0, "operation %d completes twice", (int)task->kind);
    world_expect(world, !task->starting || task->cancelled || visit->freeing,
                 "operation %d completes while it is started", (int)task->kind);
    world_expect(world, !visit->freeing || (visit->peripheral && result->error == BLEPROXY_E_CANCELLED),
                 "operation %d of what is freed completes with %d", (int)task->kind, result->error);
    world_expect(world, result->error == 0 || is_failure(task, result->error),
                 "operation %d fails with %s: %s", (int)task->kind, bleproxy_error_name(result->error),
                 result->text);
    world_expect(world, result->text && (result->error == 0 && !result->missing) == (result->text[0] == '\0'),
                 "operation %d with error %d: \"%s\"", (int)task->kind, result->error,
                 result->text ? result->text : "NULL");
    task->operation = NULL;
    task->due_ns = 0;
    list_unlink(&task->node);
    list_append(&visit->completed, &task->node);
    if (task->kind == TASK_CONNECT && result->error == 0)
        connected(visit);
    if (task->kind == TASK_READ && result->error == 0)
        check_value(task, result);
    if (task->kind == TASK_SUBSCRIBE && result->error < 0)
        task->interest->active = false;
    if (task->kind == TASK_DISCONNECT && result->error == 0)
        world_expect(world, !visit->up, "disconnected before that was told");
    visit_react(visit);
}

void task_cancel(struct task *task)
{
    struct visit *visit = task->visit;
    if (!task->operation)
        return; /* it is just being started */
    task->cancelled = true;
    operation_cancel(task->operation, visit->world->now_ns);
    world_expect(visit->world, task->due_ns == 0, "operation %d is cancelled and goes on", (int)task->kind);
}

/* ---- Values ---- */

void interests_end(struct visit *visit)
{
    list_for_each(node, &visit->interests) list_entry(node, struct interest, node)->active = false;
}

static struct interest *interest_find(struct visit *visit, uint16_t handle)
{
    list_for_each(node, &visit->interests)
    {
        struct interest *interest = list_entry(node, struct interest, node);
        if (interest->handle == handle && interest->active)
            return interest;
    }
    return NULL;
}

static void check_number(struct interest *interest, int number)
{
    struct visit *visit = interest->visit;
    if (interest->last >= 0 && number <= interest->last)
        visit->restarts++;
    /* the end of an earlier subscription may yet be on its way to the device, and interrupts this one */
    bool follows = interest->last < 0 || !interest->first || number == interest->last + 1 || number == 0;
    world_expect(visit->world, visit->restarts <= visit->bursts, "value %d comes after %d", number,
                 interest->last);
    world_expect(visit->world, follows || !visit->lossless, "value %d is missing before %d",
                 interest->last + 1, number);
    interest->last = number;
}

static void on_notification(void *user, uint16_t handle, const uint8_t *value, size_t size)
{
    struct interest *interest = user;
    struct visit *visit = interest->visit;
    visit->world->n_values++;
    world_expect(visit->world, interest->active && !visit_is_over(visit),
                 "a value of handle %u comes after the end", handle);
    world_expect(visit->world, interest->handle == handle, "a value of another handle");
    if (interest->numbered && size >= 2)
        check_number(interest, value[0] | value[1] << 8);
    visit_react(visit);
}

static struct interest *interest_new(struct visit *visit, uint16_t handle)
{
    struct interest *interest = calloc(1, sizeof(*interest));
    if (!interest)
        abort();
    *interest =
        (struct interest){.visit = visit,
                          .handle = handle,
                          .first = true,
                          .numbered = gatt_database_role(visit->device->database, GATT_BURST) == handle,
                          .last = -1};
    list_for_each(node, &visit->interests) if (list_entry(node, struct interest, node)->handle == handle)
        interest->first = false;
    list_append(&visit->interests, &interest->node);
    return interest;
}

/* ---- Starting ---- */

/* Mostly one that there is, and where somebody wants to subscribe, one that can be. */
static uint16_t choose_handle(const struct visit *visit, enum task_kind kind)
{
    struct world *world = visit->world;
    const struct gatt_database *database = visit->device->database;
    uint16_t handle = (uint16_t)world_chance(world, database->n_handles + 2u);
    uint8_t wanted = BLEPROXY_PROPERTY_READ;
    if (kind == TASK_WRITE)
        wanted = BLEPROXY_PROPERTY_WRITE | BLEPROXY_PROPERTY_WRITE_WITHOUT_RESPONSE;
    if (kind == TASK_SUBSCRIBE || kind == TASK_UNSUBSCRIBE)
        wanted = BLEPROXY_PROPERTY_NOTIFY | BLEPROXY_PROPERTY_INDICATE;
    for (unsigned i = 0; i < 20; i++) {
        uint16_t other = (uint16_t)world_chance(world, database->n_handles);
        const struct gatt_attribute *attribute = gatt_database_at(database, other);
        if (attribute && attribute->properties & wanted)
            return other;
    }
    return handle;
}

static int start_connect(struct visit *visit, struct task *task)
{
    struct world *world = visit->world;
    const struct bleproxy_connect_options options = {
        .deadline_ms = (uint32_t)(1 + world_chance(world, 60000)),
        .attempt_ms = world_chance(world, 2) ? 0 : (uint32_t)(1 + world_chance(world, 20000)),
        .attempts = (uint32_t)world_chance(world, 5),
        .pair = world_chance(world, 8) == 0,
        .no_cache = world_chance(world, 4) == 0,
    };
    bool defaults = world_chance(world, 4) == 0;
    task->due_ns += defaults ? 60 * NS_PER_S : options.deadline_ms * NS_PER_MS;
    return establish_start(visit->peripheral, defaults ? NULL : &options, on_done, task, world->now_ns,
                           &task->operation);
}

static int start_write(struct visit *visit, struct task *task, uint64_t timeout_ns)
{
    struct world *world = visit->world;
    uint8_t value[BLEPROXY_VALUE_MAX + 1];
    bool bursts = gatt_database_role(visit->device->database, GATT_BURST) == task->handle;
    size_t size = bursts ? 2 : (size_t)world_chance(world, world_chance(world, 8) ? 4 : sizeof(value) + 1);
    memset(value, 0, sizeof(value));
    value[0] = (uint8_t)world_chance(world, 256);
    int r = peripheral_write(visit->peripheral, task->handle, value, size,
                             (enum bleproxy_write_mode)world_chance(world, 3), timeout_ns, on_done, task,
                             world->now_ns, &task->operation);
    visit->bursts += bursts && r == 0;
    return r;
}

static int start_subscribe(struct visit *visit, struct task *task, uint64_t timeout_ns)
{
    task->interest = interest_new(visit, task->handle);
    task->due_ns += timeout_ns ? timeout_ns : REQUEST_NS; /* one for the proxy, one for the device */
    int r = peripheral_subscribe(visit->peripheral, task->handle, timeout_ns, on_notification, task->interest,
                                 on_done, task, visit->world->now_ns, &task->operation);
    task->interest->active = r == 0;
    return r;
}

/* It cancels the subscribing, if that is still under way. */
static int start_unsubscribe(struct visit *visit, struct task *task)
{
    struct interest *interest = interest_find(visit, task->handle);
    visit->unsubscribing = true;
    int r = peripheral_unsubscribe(visit->peripheral, task->handle, on_done, task, visit->world->now_ns,
                                   &task->operation);
    visit->unsubscribing = false;
    if (r == 0 && interest)
        interest->active = false;
    return r;
}

static int start_parameters(struct visit *visit, struct task *task)
{
    struct world *world = visit->world;
    uint16_t least = (uint16_t)world_chance(world, 100), latency = (uint16_t)world_chance(world, 5);
    const struct bleproxy_connection_parameters parameters = {
        .interval_min = least, .interval_max = (uint16_t)(least + 10), .latency = latency, .timeout = 400};
    return peripheral_set_parameters(visit->peripheral, &parameters, on_done, task, world->now_ns,
                                     &task->operation);
}

static int start(struct visit *visit, struct task *task)
{
    struct peripheral *peripheral = visit->peripheral;
    uint64_t now_ns = visit->world->now_ns;
    uint64_t timeout_ns = world_chance(visit->world, 2) ? 0 : world_between(visit->world, 1, REQUEST_NS);
    if (task->kind != TASK_CONNECT)
        task->due_ns += task->kind == TASK_DISCONNECT ? CLOSE_NS : REQUEST_NS;
    switch (task->kind) {
    case TASK_CONNECT:
        return start_connect(visit, task);
    case TASK_DISCONNECT:
        return peripheral_disconnect(peripheral, on_done, task, now_ns, &task->operation);
    case TASK_READ:
        return peripheral_read(peripheral, task->handle, timeout_ns, on_done, task, now_ns, &task->operation);
    case TASK_WRITE:
        return start_write(visit, task, timeout_ns);
    case TASK_SUBSCRIBE:
        return start_subscribe(visit, task, timeout_ns);
    case TASK_UNSUBSCRIBE:
        return start_unsubscribe(visit, task);
    case TASK_PAIR:
        return peripheral_pair(peripheral, on_done, task, now_ns, &task->operation);
    case TASK_UNPAIR:
        return peripheral_unpair(peripheral, on_done, task, now_ns, &task->operation);
    case TASK_CLEAR_CACHE:
        return peripheral_clear_cache(peripheral, on_done, task, now_ns, &task->operation);
    case TASK_SET_PARAMETERS:
        return start_parameters(visit, task);
    }
    return BLEPROXY_E_INVALID;
}

void task_start(struct visit *visit, enum task_kind kind)
{
    struct world *world = visit->world;
    struct task *task = calloc(1, sizeof(*task));
    if (!task)
        abort();
    *task = (struct task){.visit = visit,
                          .kind = kind,
                          .starting = true,
                          .handle = choose_handle(visit, kind),
                          .due_ns = world->now_ns + SLACK_NS};
    list_append(&visit->pending, &task->node);
    world->n_tasks++;
    int r = start(visit, task);
    task->starting = false;
    if (r == 0)
        return;
    world_expect(world, is_refusal(r), "operation %d is refused with %s", (int)kind, bleproxy_error_name(r));
    world_expect(world, r != BLEPROXY_E_NOMEM || world->scale.no_memory, "operation %d lacks memory",
                 (int)kind);
    task->due_ns = 0;
    list_unlink(&task->node);
    list_append(&visit->completed, &task->node);
}
