/* SPDX-License-Identifier: MIT */
#include "sim/net_control.h"

#include "sim/control.h"
#include "sim/net_address.h"
#include "sim/net_client.h"
#include "sim/net_mdns.h"
#include <bleproxy/error.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct control_client {
    struct list node;
    struct net_control *control;
    uv_poll_t poll;
    int fd;
    size_t size;
    char line[CONTROL_LINE_MAX]; /* what came of it */
};

struct net_control {
    struct net *net;
    uv_poll_t poll;
    int fd;
    struct list clients;
    unsigned n_clients;
    struct sockaddr_un address;
};

/* ---- What is answered ---- */

/* A client that does not read is not waited for: it loses the rest. */
static void control_say(const struct control_client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void control_say(const struct control_client *client, const char *format, ...)
{
    char text[2 * CONTROL_LINE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text) - 1, format, arguments);
    va_end(arguments);
    if (size < 0)
        return;
    if ((size_t)size > sizeof(text) - 2)
        size = sizeof(text) - 2;
    text[size++] = '\n';
    if (send(client->fd, text, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        shutdown(client->fd, SHUT_RDWR);
}

static void control_list(const struct control_client *client, const struct net_listener *listener)
{
    const struct sim_proxy *proxy = &listener->proxy;
    char address[NET_ADDRESS_TEXT_SIZE];
    unsigned n_clients = 0;
    net_address_format(&listener->address, address);
    for (const struct list *node = listener->clients.next; node != &listener->clients; node = node->next)
        n_clients++;
    bool deaf = proxy->server && server_is_deaf(proxy->server);
    control_say(client, "%s %s %s %s %s %u%s%s", proxy->name, address, proxy->profile.name,
                proxy->server ? "on" : "off", proxy->has_key ? "encrypted" : "plaintext", n_clients,
                deaf ? " deaf" : "", thief_has_it(&proxy->thief) ? " robbed" : "");
}

/* ---- What is done ---- */

/* NULL, or why it was not. The text lives until the next call. */
static const char *control_move(struct net_listener *listener, const char *text)
{
    struct sockaddr_storage address;
    char port[16];
    snprintf(port, sizeof(port), "%u", net_address_port(&listener->address));
    if (net_parse_address(text, port, &address) < 0)
        return "that is no address";
    return net_listener_move(listener, &address) < 0 ? strerror(errno) : NULL;
}

static const char *control_rob(struct sim_proxy *proxy)
{
    int r = sim_proxy_rob(proxy, uv_hrtime());
    if (r < 0 && r != BLEPROXY_E_STATE)
        return bleproxy_strerror(r);
    return r == 0 && !thief_has_it(&proxy->thief)
               ? "the first one keeps the subscription; it is taken once that is gone"
               : NULL;
}

static const char *control_do(const struct control_client *client, const struct control *control,
                              struct net_listener *listener)
{
    struct sim_proxy *proxy = &listener->proxy;
    uint64_t now_ns = uv_hrtime();
    switch (control->command) {
    case CONTROL_LIST:
        control_list(client, listener);
        return NULL;
    case CONTROL_REBOOT:
        sim_proxy_reboot(proxy, control->seconds * NS_PER_S, now_ns);
        return NULL;
    case CONTROL_CRASH:
        sim_proxy_power_off(proxy, control->seconds * NS_PER_S, now_ns);
        return NULL;
    case CONTROL_DEAF:
        sim_proxy_go_deaf(proxy, control->cure);
        return NULL;
    case CONTROL_HEAR:
        sim_proxy_hear(proxy);
        return NULL;
    case CONTROL_ROB:
        return control_rob(proxy);
    case CONTROL_UNROB:
        sim_proxy_unrob(proxy, now_ns);
        return NULL;
    case CONTROL_MOVE:
        return control_move(listener, control->address);
    case CONTROL_ANNOUNCE:
        net_mdns_announce(listener->net->mdns, listener);
        return listener->net->mdns ? NULL : "it was started without --mdns";
    case CONTROL_GOODBYE:
        net_mdns_leave(listener->net->mdns, listener, true);
        return listener->net->mdns ? NULL : "it was started without --mdns";
    }
    return NULL;
}

static void control_run(const struct control_client *client, const struct control *control)
{
    struct net *net = client->control->net;
    unsigned n_meant = 0;
    const char *why = NULL;
    for (uint32_t i = 0; i < net->n_listeners && !why; i++) {
        struct net_listener *listener = &net->listeners[i];
        if (*control->proxy && strcmp(control->proxy, listener->proxy.name) != 0)
            continue;
        if (++n_meant > 1 && control->command == CONTROL_MOVE) {
            why = "say which one is to move: @PROXY move ADDRESS";
            break;
        }
        why = control_do(client, control, listener);
        net_rearm(listener);
    }
    net_write(net);
    if (n_meant == 0)
        control_say(client, "error: there is no proxy '%s'", control->proxy);
    else if (why)
        control_say(client, "error: %s", why);
    else
        control_say(client, "ok");
}

/* ---- The sockets ---- */

static void control_client_on_closed(uv_handle_t *handle)
{
    struct control_client *client = handle->data;
    close(client->fd);
    free(client);
}

static void control_client_end(struct control_client *client)
{
    list_unlink(&client->node);
    client->control->n_clients--;
    uv_close((uv_handle_t *)&client->poll, control_client_on_closed);
}

static void control_take_line(struct control_client *client)
{
    struct control control;
    const char *why;
    if (control_parse(client->line, &control, &why) < 0)
        control_say(client, "error: expected %s", why);
    else
        control_run(client, &control);
}

/* Whether the client may stay. */
static bool control_take(struct control_client *client)
{
    char *end;
    while ((end = memchr(client->line, '\n', client->size)) != NULL) {
        size_t used = (size_t)(end - client->line) + 1;
        *end = '\0';
        control_take_line(client);
        client->size -= used;
        memmove(client->line, client->line + used, client->size);
    }
    if (client->size < sizeof(client->line))
        return true;
    control_say(client, "error: expected a shorter line");
    return false;
}

static void control_client_on_poll(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct control_client *client = poll->data;
    ssize_t n = status < 0 ? 0
                           : recv(client->fd, client->line + client->size,
                                  sizeof(client->line) - client->size, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n > 0)
        client->size += (size_t)n;
    if (n <= 0 || !control_take(client))
        control_client_end(client);
}

static void control_on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct net_control *control = poll->data;
    int fd = accept4(control->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct control_client *client = fd >= 0 ? calloc(1, sizeof(*client)) : NULL;
    if (!client || control->n_clients == NET_CONTROL_CLIENTS_MAX ||
        uv_poll_init(&control->net->loop, &client->poll, fd) < 0) {
        free(client);
        if (fd >= 0)
            close(fd);
        return;
    }
    client->fd = fd;
    client->control = control;
    client->poll.data = client;
    list_append(&control->clients, &client->node);
    control->n_clients++;
    uv_poll_start(&client->poll, UV_READABLE, control_client_on_poll);
}

/* Whether the path is a socket that nobody listens on. */
static bool control_is_left_over(const struct sockaddr_un *address)
{
    struct stat info;
    if (lstat(address->sun_path, &info) < 0 || !S_ISSOCK(info.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused =
        fd >= 0 && connect(fd, (const void *)address, sizeof(*address)) < 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return refused;
}

/* A descriptor, or -1 with errno. */
static int control_listen(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (control_is_left_over(address))
        unlink(address->sun_path);
    mode_t mask = umask(S_IXUSR | S_IRWXG | S_IRWXO);
    int r = bind(fd, (const void *)address, sizeof(*address));
    int error = errno;
    umask(mask);
    if (r == 0 && listen(fd, NET_CONTROL_CLIENTS_MAX) == 0)
        return fd;
    if (r == 0) {
        error = errno;
        unlink(address->sun_path);
    }
    close(fd);
    errno = error;
    return -1;
}

int net_control_open(struct net *net, const char *path, struct net_control **ret_control,
                     char why[NET_TEXT_MAX])
{
    struct net_control *control = calloc(1, sizeof(*control));
    if (!control) {
        snprintf(why, NET_TEXT_MAX, "%s", bleproxy_strerror(BLEPROXY_E_NOMEM));
        return BLEPROXY_E_NOMEM;
    }
    control->net = net;
    control->address.sun_family = AF_UNIX;
    list_init(&control->clients);
    if (strlen(path) >= sizeof(control->address.sun_path)) {
        snprintf(why, NET_TEXT_MAX, "the path of the control socket is too long");
        free(control);
        return BLEPROXY_E_INVALID;
    }
    strcpy(control->address.sun_path, path);
    control->fd = control_listen(&control->address);
    if (control->fd < 0 || uv_poll_init(&net->loop, &control->poll, control->fd) < 0) {
        snprintf(why, NET_TEXT_MAX, "cannot listen on %s: %s", path, strerror(errno));
        if (control->fd >= 0)
            close(control->fd);
        free(control);
        return BLEPROXY_E_IO;
    }
    control->poll.data = control;
    uv_poll_start(&control->poll, UV_READABLE, control_on_poll);
    *ret_control = control;
    return 0;
}

static void control_on_closed(uv_handle_t *handle)
{
    struct net_control *control = handle->data;
    close(control->fd);
    free(control);
}

void net_control_close(struct net_control *control)
{
    list_for_each(node, &control->clients) control_client_end(list_entry(node, struct control_client, node));
    unlink(control->address.sun_path);
    uv_close((uv_handle_t *)&control->poll, control_on_closed);
}
