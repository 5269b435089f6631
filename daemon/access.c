/* SPDX-License-Identifier: MIT */
#include "access.h"

#include "adapter.h"
#include "cli/log.h"
#include "cli/users.h"
#include "link.h"
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A program on the bus that has called what takes a right, or anything while there are lists. Its calls wait until it is known
 * whose it is, all of them: they stay in order. */
struct sender {
    struct access *access;
    struct sender *next;
    char *name;
    bool is_known;
    uid_t uid;
    bool is_reviewed; /* as soon as that is known */
    sd_bus_slot *asking;
    sd_bus_message *waiting[ACCESS_WAITING_MAX];
    size_t n_waiting;
};

/* What takes a right; everything else is everybody's. */
static const struct {
    const char *interface, *member;
    enum access_right right;
} guarded[] = {
    {"org.bluez.Device1", "Connect", ACCESS_CONNECT},
    {"org.bluez.Device1", "Disconnect", ACCESS_CONNECT},
    {"org.bluez.Device1", "ConnectProfile", ACCESS_CONNECT},
    {"org.bluez.Device1", "DisconnectProfile", ACCESS_CONNECT},
    {"org.bluez.Device1", "Pair", ACCESS_PAIR},
    {"org.bluez.Device1", "CancelPairing", ACCESS_PAIR},
    {"org.bluez.Adapter1", "ConnectDevice", ACCESS_CONNECT},
    {"org.bluez.Adapter1", "RemoveDevice", ACCESS_PAIR},
    {"org.bluez.AgentManager1", "RequestDefaultAgent", ACCESS_PAIR},
    {"org.bluez.GattCharacteristic1", "ReadValue", ACCESS_CONNECT},
    {"org.bluez.GattCharacteristic1", "StartNotify", ACCESS_CONNECT},
    {"org.bluez.GattCharacteristic1", "AcquireNotify", ACCESS_CONNECT},
    {"org.bluez.GattCharacteristic1", "WriteValue", ACCESS_WRITE},
    {"org.bluez.GattCharacteristic1", "AcquireWrite", ACCESS_WRITE},
    {"org.bluez.GattDescriptor1", "ReadValue", ACCESS_CONNECT},
    {"org.bluez.GattDescriptor1", "WriteValue", ACCESS_WRITE},
    {"org.freedesktop.DBus.Properties", "Set", ACCESS_CONNECT},
    {"org.bleproxy1.Manager", "Connect", ACCESS_CONNECT},
    {"org.bleproxy1.Manager", "Release", ACCESS_CONNECT},
    {"org.bleproxy1.Manager", "ClearCache", ACCESS_CONNECT},
    {"org.bleproxy1.Manager", "SetParameters", ACCESS_CONNECT},
    {"org.bleproxy1.Manager", "Pin", ACCESS_CONNECT},
    {"org.bleproxy1.Manager", "Unpin", ACCESS_CONNECT},
    {"org.bleproxy1.Manager", "Pair", ACCESS_PAIR},
    {"org.bleproxy1.Manager", "Unpair", ACCESS_PAIR},
    {"org.bleproxy1.Manager", "ForgetBond", ACCESS_PAIR},
};
static const char *const right_names[] = {"connect", "pair", "write"}; /* as the configuration has them */

/* ---- Rules ---- */

static void free_rules(struct access_rules *rules)
{
    for (size_t i = 0; i < ACCESS_RIGHTS; i++)
        free(rules->users[i].ids);
    free(rules->allowed);
    free(rules->denied);
    *rules = (struct access_rules){0};
}

static int read_users(struct users *users, const struct config *config, const struct config_text *texts,
                      size_t n)
{
    users->are_few = n > 0;
    users->ids = calloc(n + 1, sizeof(*users->ids));
    if (!users->ids)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        if (users_find(texts[i].text, &users->ids[users->n]))
            users->n++;
        else
            log_warn(NULL, "%s:%u: " USERS_NONE, config->files[texts[i].file], texts[i].line, texts[i].text);
    }
    return 0;
}

static int compare_addresses(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return (first > second) - (first < second);
}

static int read_devices(uint64_t **ret_devices, size_t *ret_n, const struct config_text *texts, size_t n)
{
    uint64_t *devices = calloc(n + 1, sizeof(*devices));
    if (!devices)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        bleproxy_address_parse(texts[i].text, &devices[i]);
    qsort(devices, n, sizeof(*devices), compare_addresses);
    *ret_devices = devices;
    *ret_n = n;
    return 0;
}

int access_apply(struct access *access, const struct config *config)
{
    const struct config_daemon *daemon = &config->daemon;
    struct access_rules rules = {0};
    int r = read_users(&rules.users[ACCESS_CONNECT], config, daemon->connect, daemon->n_connect);
    if (r == 0)
        r = read_users(&rules.users[ACCESS_PAIR], config, daemon->pair, daemon->n_pair);
    if (r == 0)
        r = read_users(&rules.users[ACCESS_WRITE], config, daemon->write, daemon->n_write);
    if (r == 0)
        r = read_devices(&rules.allowed, &rules.n_allowed, daemon->allow, daemon->n_allow);
    if (r == 0)
        r = read_devices(&rules.denied, &rules.n_denied, daemon->deny, daemon->n_deny);
    if (r < 0) {
        free_rules(&rules);
        return r;
    }
    free_rules(&access->rules);
    access->rules = rules;
    return 0;
}

static bool has_device(const uint64_t *devices, size_t n, uint64_t address)
{
    return n > 0 && bsearch(&address, devices, n, sizeof(*devices), compare_addresses);
}

bool access_allows_device(const struct access *access, uint64_t address)
{
    const struct access_rules *rules = &access->rules;
    return !has_device(rules->denied, rules->n_denied, address) &&
           (rules->n_allowed == 0 || has_device(rules->allowed, rules->n_allowed, address));
}

static bool allows_user(const struct access *access, enum access_right right, uid_t uid)
{
    const struct users *users = &access->rules.users[right];
    bool is_among = !users->are_few || uid == 0;
    for (size_t i = 0; i < users->n && !is_among; i++)
        is_among = users->ids[i] == uid;
    return is_among;
}

static bool needs_users(const struct access *access)
{
    bool needs = false;
    for (size_t i = 0; i < ACCESS_RIGHTS; i++)
        needs |= access->rules.users[i].are_few;
    return needs;
}

/* ---- Whose a program is ---- */

static struct sender **find_sender(struct access *access, const char *name)
{
    struct sender **at = &access->senders;
    while (*at && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

static void free_sender(struct sender *sender)
{
    sd_bus_slot_unref(sender->asking);
    while (sender->n_waiting > 0)
        sd_bus_message_unref(sender->waiting[--sender->n_waiting]);
    free(sender->name);
    free(sender);
}

void access_forget_client(struct access *access, const char *name)
{
    struct sender **at = find_sender(access, name), *sender = *at;
    if (!sender)
        return;
    *at = sender->next;
    access->n_senders--;
    free_sender(sender);
}

/* Takes from it what it may have no longer. */
static void take_back(const struct access *access, const struct sender *sender)
{
    bool connects = allows_user(access, ACCESS_CONNECT, sender->uid);
    bool writes = allows_user(access, ACCESS_WRITE, sender->uid);
    for (struct device *device = access->adapter->first_device, *next; device; device = next) {
        next = device->next;
        if (device->link && !writes)
            link_forget_writer(device->link, sender->name);
        if (device->link && !connects)
            link_forget_user(device->link, sender->name);
    }
}

/* What is not told of a program that has left is no reason to let it do anything. */
static int on_user(sd_bus_message *answer, void *user, sd_bus_error *error)
{
    struct sender *sender = user;
    struct tree *tree = sender->access->tree;
    sd_bus_message *waiting[ACCESS_WAITING_MAX];
    size_t n = sender->n_waiting;
    uint32_t uid;
    (void)error;
    memcpy(waiting, sender->waiting, n * sizeof(waiting[0]));
    sender->n_waiting = 0;
    sender->asking = sd_bus_slot_unref(sender->asking);
    bool is_known =
        !sd_bus_message_is_method_error(answer, NULL) && sd_bus_message_read(answer, "u", &uid) >= 0;
    if (is_known) {
        sender->is_known = true;
        sender->uid = uid;
        if (sender->is_reviewed)
            take_back(sender->access, sender);
    } else {
        access_forget_client(sender->access, sender->name);
    }
    for (size_t i = 0; i < n; i++) {
        if (is_known)
            call_resume(tree, waiting[i]);
        else
            call_fail(tree, waiting[i], ERROR_NOT_AUTHORIZED, "it is not known whose program this is");
        sd_bus_message_unref(waiting[i]);
    }
    return 0;
}

/* 0 or a negative errno. */
static int ask(struct sender *sender)
{
    if (sender->is_known || sender->asking)
        return 0;
    int r = sd_bus_call_method_async(sender->access->tree->bus, &sender->asking, "org.freedesktop.DBus",
                                     "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixUser",
                                     on_user, sender, "s", sender->name);
    return r < 0 ? r : 0;
}

/* NULL: no memory, or there are too many. */
static struct sender *get_sender(struct access *access, const char *name)
{
    struct sender *sender = *find_sender(access, name);
    if (sender)
        return sender;
    sender = access->n_senders < ACCESS_SENDERS_MAX ? calloc(1, sizeof(*sender)) : NULL;
    if (!sender)
        return NULL;
    sender->access = access;
    sender->name = strdup(name);
    if (!sender->name) {
        free(sender);
        return NULL;
    }
    sender->next = access->senders;
    access->senders = sender;
    access->n_senders++;
    return sender;
}

void access_review(struct access *access, struct adapter *adapter)
{
    access->adapter = adapter;
    if (!needs_users(access))
        return;
    for (struct sender *sender = access->senders; sender; sender = sender->next) {
        if (sender->is_known)
            take_back(access, sender);
        else
            sender->is_reviewed = ask(sender) == 0;
    }
}

/* ---- Calls ---- */

static bool is_guarded(const struct interface *interface, const char *member, enum access_right *ret_right)
{
    for (size_t i = 0; i < sizeof(guarded) / sizeof(guarded[0]); i++) {
        if (strcmp(guarded[i].member, member) == 0 && strcmp(guarded[i].interface, interface->name) == 0) {
            *ret_right = guarded[i].right;
            return true;
        }
    }
    return false;
}

/* What the object belongs to, if that is a device. */
static const struct device *device_of(const struct object *object)
{
    void *device = NULL;
    while (object && !object_has(object, &device_interface, &device))
        object = object->parent;
    return object ? device : NULL;
}

static int keep(struct access *access, struct sender *sender, sd_bus_message *call)
{
    if (sender->n_waiting == ACCESS_WAITING_MAX)
        return call_fail(access->tree, call, SD_BUS_ERROR_LIMITS_EXCEEDED, "too many calls at once");
    sender->waiting[sender->n_waiting++] = sd_bus_message_ref(call);
    return 0;
}

/* The right that the user lacks for a call that takes that one. Who is only to pair may not connect by it. */
static bool lacks(const struct access *access, sd_bus_message *call, const struct device *device, uid_t uid,
                  enum access_right *right)
{
    bool connects = device && !device->connected && strcmp(sd_bus_message_get_member(call), "Pair") == 0;
    if (!allows_user(access, *right, uid))
        return true;
    if (!connects || allows_user(access, ACCESS_CONNECT, uid))
        return false;
    *right = ACCESS_CONNECT;
    return true;
}

static void name_user(uid_t uid, char *text, size_t size)
{
    const struct passwd *entry = getpwuid(uid);
    if (entry)
        bleproxy_sanitise(text, size, entry->pw_name, strlen(entry->pw_name));
    else
        snprintf(text, size, "%u", (unsigned)uid);
}

static int check_user(struct access *access, sd_bus_message *call, const struct device *device,
                      const struct interface *interface)
{
    enum access_right right;
    char text[160], user[64];
    const char *name = sd_bus_message_get_sender(call);
    if (!name)
        return -EACCES;
    struct sender *sender = get_sender(access, name);
    if (!sender || ask(sender) < 0)
        return -ENOMEM;
    if (!sender->is_known)
        return keep(access, sender, call);
    if (!is_guarded(interface, sd_bus_message_get_member(call), &right) ||
        !lacks(access, call, device, sender->uid, &right))
        return 1;
    name_user(sender->uid, user, sizeof(user));
    snprintf(text, sizeof(text), "the configuration does not let user %s %s (daemon: %s)", user,
             right_names[right], right_names[right]);
    return call_fail(access->tree, call, ERROR_NOT_AUTHORIZED, text);
}

static int on_gate(void *user, sd_bus_message *call, const struct object *object,
                   const struct interface *interface)
{
    struct access *access = user;
    enum access_right right;
    const char *name = sd_bus_message_get_sender(call);
    const struct device *device = device_of(object);
    bool takes_right = is_guarded(interface, sd_bus_message_get_member(call), &right);
    if (takes_right && name)
        get_sender(access, name); /* who has something that a right can be taken from */
    if (takes_right && device && !access_allows_device(access, device->address))
        return call_fail(access->tree, call, ERROR_NOT_AUTHORIZED, "the configuration denies this device");
    return needs_users(access) ? check_user(access, call, device, interface) : 1;
}

void access_init(struct access *access, struct tree *tree)
{
    *access = (struct access){.tree = tree};
    tree->gate = on_gate;
    tree->gate_user = access;
}

void access_deinit(struct access *access)
{
    while (access->senders)
        access_forget_client(access, access->senders->name);
    free_rules(&access->rules);
}
