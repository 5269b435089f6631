/* SPDX-License-Identifier: MIT */
/* bleproxy inside a program of GLib's: prints what changes until standard input ends. */
#include <bleproxy/bleproxy.h>
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct loop_source {
    GSource source;
    struct bleproxy_loop *loop;
    gpointer tag;
};

/* Before each poll: how long it may take is not the same each time. */
static gboolean prepare(GSource *source, gint *timeout_ms)
{
    *timeout_ms = bleproxy_loop_timeout_ms(((struct loop_source *)source)->loop);
    return *timeout_ms == 0;
}

static gboolean check(GSource *source)
{
    struct loop_source *self = (struct loop_source *)source;
    return g_source_query_unix_fd(source, self->tag) || bleproxy_loop_timeout_ms(self->loop) == 0;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer user)
{
    (void)callback, (void)user;
    bleproxy_loop_process(((struct loop_source *)source)->loop);
    return G_SOURCE_CONTINUE;
}

/* Destroy it before the loop is freed. */
static GSource *loop_source_attach(struct bleproxy_loop *loop)
{
    static GSourceFuncs functions = {.prepare = prepare, .check = check, .dispatch = dispatch};
    GSource *source = g_source_new(&functions, sizeof(struct loop_source));
    struct loop_source *self = (struct loop_source *)source;
    self->loop = loop;
    self->tag = g_source_add_unix_fd(source, bleproxy_loop_fd(loop), G_IO_IN);
    g_source_attach(source, NULL);
    return source;
}

static void on_change(void *user, const struct bleproxy_advertisement *advertisement)
{
    (void)user;
    char address[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(advertisement->address, address);
    printf("%s %d dBm through %s\n", address, advertisement->rssi_dbm, advertisement->proxy);
    fflush(stdout);
}

static gboolean on_input(gint fd, GIOCondition condition, gpointer main_loop)
{
    char line[256];
    (void)condition;
    if (read(fd, line, sizeof(line)) > 0)
        return G_SOURCE_CONTINUE;
    g_main_loop_quit(main_loop);
    return G_SOURCE_REMOVE;
}

int main(int argc, char **argv)
{
    struct bleproxy_loop *loop;
    struct bleproxy_hub *hub;
    struct bleproxy_manager *manager;
    struct bleproxy_subscription *subscription;
    const struct bleproxy_proxy_config config = {.address = argc > 1 ? argv[1] : "127.0.0.1",
                                                 .noise_psk = getenv("BLEPROXY_NOISE_PSK")};
    if (bleproxy_loop_new(NULL, &loop) || bleproxy_hub_new(loop, NULL, &hub) ||
        bleproxy_manager_new(hub, &config, &manager) || bleproxy_manager_start(manager, NULL, NULL) ||
        bleproxy_hub_subscribe(hub, BLEPROXY_STREAM_CHANGES, NULL, on_change, NULL, &subscription))
        return 1;

    GMainLoop *main_loop = g_main_loop_new(NULL, FALSE);
    GSource *source = loop_source_attach(loop);
    g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_input, main_loop);
    g_main_loop_run(main_loop);

    bleproxy_subscription_free(subscription);
    bleproxy_manager_free(manager);
    bleproxy_hub_free(hub);
    g_source_destroy(source);
    g_source_unref(source);
    bleproxy_loop_free(loop);
    g_main_loop_unref(main_loop);
    return 0;
}
