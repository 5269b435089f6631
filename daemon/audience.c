/* SPDX-License-Identifier: MIT */
#include "audience.h"

#include <stdlib.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)

struct listener {
    struct audience *audience;
    struct listener *next;
    char *name;
    sd_bus_slot
        *asked; /* the question that it has not answered; there is one at most, as the bus counts them */
    sd_bus_slot *looked; /* the question to the bus */
    uint64_t asked_ns;
    /* What it was sent alone; the parts before it, and the bus, was asked. */
    size_t n_unread, n_unread_before, n_unread_looked;
    bool is_deaf, is_there;
};

void audience_init(struct audience *audience, sd_bus *bus, struct bleproxy_loop *loop,
                   void (*on_back)(void *user, const char *name),
                   void (*on_left)(void *user, const char *name), void *user)
{
    *audience =
        (struct audience){.bus = bus, .loop = loop, .on_back = on_back, .on_left = on_left, .user = user};
}

static void listener_free(struct listener *listener)
{
    sd_bus_slot_unref(listener->asked);
    sd_bus_slot_unref(listener->looked);
    free(listener->name);
    free(listener);
}

void audience_deinit(struct audience *audience)
{
    for (struct listener *listener = audience->first, *next; listener; listener = next) {
        next = listener->next;
        listener_free(listener);
    }
    sd_bus_slot_unref(audience->census);
    bleproxy_timer_free(audience->timer);
    *audience = (struct audience){0};
}

static struct listener **find(struct audience *audience, const char *name)
{
    struct listener **at = &audience->first;
    while (*at && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

void audience_add(struct audience *audience, const char *name)
{
    if (audience->n_listeners == AUDIENCE_MAX || *find(audience, name))
        return;
    struct listener *listener = calloc(1, sizeof(*listener));
    if (listener)
        listener->name = strdup(name);
    if (!listener || !listener->name) {
        free(listener);
        return;
    }
    listener->audience = audience;
    listener->next = audience->first;
    audience->first = listener;
    audience->n_listeners++;
}

void audience_remove(struct audience *audience, const char *name)
{
    struct listener **at = find(audience, name), *listener = *at;
    if (!listener)
        return;
    *at = listener->next;
    audience->n_listeners--;
    audience->n_deaf -= listener->is_deaf;
    audience->n_unread -= listener->n_unread;
    listener_free(listener);
}

/* ---- Asking ---- */

static void ask(struct listener *listener, uint64_t now_ns);

static size_t less(size_t n, size_t part)
{
    return n > part ? n - part : 0;
}

/* The first so many of what it was sent. */
static void has_read(struct listener *listener, size_t n)
{
    listener->audience->n_unread -= n;
    listener->n_unread -= n;
    listener->n_unread_before = less(listener->n_unread_before, n);
    listener->n_unread_looked = less(listener->n_unread_looked, n);
}

/* Whatever it says, it reads; the bus may also say that it does not let us ask. */
static int on_answer(sd_bus_message *message, void *user, sd_bus_error *error)
{
    struct listener *listener = user;
    struct audience *audience = listener->audience;
    (void)message;
    (void)error;
    listener->asked = sd_bus_slot_unref(listener->asked);
    has_read(listener, listener->n_unread_before);
    if (listener->n_unread > AUDIENCE_SHARE) /* sent since: of who is refused nothing else asks again */
        ask(listener, bleproxy_loop_now_ns(audience->loop));
    if (!listener->is_deaf)
        return 0;
    listener->is_deaf = false;
    audience->n_deaf--;
    audience->on_back(audience->user, listener->name);
    return 0;
}

static void ask(struct listener *listener, uint64_t now_ns)
{
    struct audience *audience = listener->audience;
    sd_bus_message *question = NULL;
    int r = sd_bus_message_new_method_call(audience->bus, &question, listener->name, "/",
                                           "org.freedesktop.DBus.Peer", "Ping");
    if (r >= 0)
        r = sd_bus_message_set_auto_start(question, false);
    if (r >= 0)
        r = sd_bus_call_async(audience->bus, &listener->asked, question, on_answer, listener, UINT64_MAX);
    if (r >= 0) {
        listener->asked_ns = now_ns;
        listener->n_unread_before = listener->n_unread;
    }
    sd_bus_message_unref(question);
}

static void on_due(void *user)
{
    struct audience *audience = user;
    uint64_t now_ns = bleproxy_loop_now_ns(audience->loop);
    for (struct listener *listener = audience->first; listener; listener = listener->next) {
        if (!listener->asked) {
            ask(listener, now_ns);
        } else if (!listener->is_deaf && now_ns >= listener->asked_ns + AUDIENCE_DEAF_MS * NS_PER_MS) {
            listener->is_deaf = true;
            audience->n_deaf++;
        }
    }
    if (!audience->was_told) {
        bleproxy_timer_free(audience->timer);
        audience->timer = NULL;
    }
    audience->was_told = false;
}

/* ---- What one is sent alone ---- */

/* How many messages lie on the bus for a program, by what it tells of it; SIZE_MAX: it does not tell. */
static size_t count_waiting(sd_bus_message *answer)
{
    const char *key;
    uint32_t n;
    if (sd_bus_message_is_method_error(answer, NULL) ||
        sd_bus_message_enter_container(answer, 'a', "{sv}") < 0)
        return SIZE_MAX;
    while (sd_bus_message_enter_container(answer, 'e', "sv") > 0) {
        if (sd_bus_message_read(answer, "s", &key) < 0)
            return SIZE_MAX;
        if (strcmp(key, "OutgoingMessages") == 0)
            return sd_bus_message_read(answer, "v", "u", &n) < 0 ? SIZE_MAX : n;
        if (sd_bus_message_skip(answer, "v") < 0 || sd_bus_message_exit_container(answer) < 0)
            return SIZE_MAX;
    }
    return SIZE_MAX;
}

static int on_look(sd_bus_message *answer, void *user, sd_bus_error *error)
{
    struct listener *listener = user;
    size_t n = count_waiting(answer);
    (void)error;
    listener->looked = sd_bus_slot_unref(listener->looked);
    if (n == 0)
        has_read(listener, listener->n_unread_looked);
    if (sd_bus_message_is_method_error(answer, SD_BUS_ERROR_ACCESS_DENIED) ||
        sd_bus_message_is_method_error(answer, SD_BUS_ERROR_UNKNOWN_INTERFACE) ||
        sd_bus_message_is_method_error(answer, SD_BUS_ERROR_UNKNOWN_METHOD) ||
        sd_bus_message_is_method_error(answer, SD_BUS_ERROR_FAILED)) /* dbus-broker */
        listener->audience->is_blind = true;
    return 0;
}

static void look(struct listener *listener)
{
    if (listener->looked || listener->audience->is_blind)
        return;
    listener->n_unread_looked = listener->n_unread;
    sd_bus_call_method_async(listener->audience->bus, &listener->looked, "org.freedesktop.DBus",
                             "/org/freedesktop/DBus", "org.freedesktop.DBus.Debug.Stats",
                             "GetConnectionStats", on_look, listener, "s", listener->name);
}

static void charge(struct listener *listener, size_t n_messages)
{
    struct audience *audience = listener->audience;
    listener->n_unread += n_messages;
    audience->n_unread += n_messages;
    if (!listener->asked && listener->n_unread > AUDIENCE_SHARE)
        ask(listener, bleproxy_loop_now_ns(audience->loop));
    if (listener->asked && listener->n_unread > AUDIENCE_LOOK)
        look(listener);
}

bool audience_admit(struct audience *audience, const char *name, size_t n_messages)
{
    struct listener *listener = *find(audience, name);
    size_t most =
        audience->n_unread <= AUDIENCE_ALL_UNREAD_MAX ? (size_t)AUDIENCE_UNREAD_MAX : (size_t)AUDIENCE_SHARE;
    if (listener && listener->n_unread > most) {
        look(listener);
        return false;
    }
    if (listener)
        charge(listener, n_messages);
    return true;
}

void audience_charge(struct audience *audience, const char *name, size_t n_messages)
{
    struct listener *listener = *find(audience, name);
    if (listener)
        charge(listener, n_messages);
}

/* ---- Who is there ---- */

static int on_names(sd_bus_message *answer, void *user, sd_bus_error *error)
{
    struct audience *audience = user;
    const char *name;
    (void)error;
    audience->census = sd_bus_slot_unref(audience->census);
    if (sd_bus_message_is_method_error(answer, NULL) || sd_bus_message_enter_container(answer, 'a', "s") < 0)
        return 0;
    for (struct listener *listener = audience->first; listener; listener = listener->next)
        listener->is_there = false;
    while (sd_bus_message_read(answer, "s", &name) > 0) {
        struct listener *listener = *find(audience, name);
        if (listener)
            listener->is_there = true;
    }
    for (struct listener *listener = audience->first, *next; listener; listener = next) {
        next = listener->next;
        if (!listener->is_there)
            audience->on_left(audience->user, listener->name);
    }
    return 0;
}

void audience_take_census(struct audience *audience)
{
    if (audience->first && !audience->census)
        sd_bus_call_method_async(audience->bus, &audience->census, "org.freedesktop.DBus",
                                 "/org/freedesktop/DBus", "org.freedesktop.DBus", "ListNames", on_names,
                                 audience, "");
}

/* ---- Telling ---- */

bool audience_is_whole(struct audience *audience)
{
    audience->was_told = true;
    if (!audience->timer && audience->first)
        bleproxy_timer_new(audience->loop, AUDIENCE_ASK_MS, AUDIENCE_ASK_MS, on_due, audience,
                           &audience->timer);
    return audience->n_deaf == 0;
}

const char *audience_next(const struct audience *audience, const void **position)
{
    const struct listener *listener = *position;
    listener = listener ? listener->next : audience->first;
    while (listener && listener->is_deaf)
        listener = listener->next;
    *position = listener;
    return listener ? listener->name : NULL;
}
