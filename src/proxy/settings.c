/* SPDX-License-Identifier: MIT */
#include "proxy/settings.h"

#include "proxy/proxy.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <string.h>

enum { PSK_SIZE = 32 };
#define RESOLVE_NS (30 * NS_PER_S)
#define CONNECT_NS (60 * NS_PER_S)
enum { USUAL_PORT = 6053, PORT_SIZE = sizeof("[]:65535") };

static size_t text_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

/* The copy, or NULL when there is nothing. */
static void *keep(char **position, const void *bytes, size_t size)
{
    if (size == 0)
        return NULL;
    void *copy = memcpy(*position, bytes, size);
    *position += size;
    return copy;
}

static const char *keep_text(char **position, const char *text)
{
    return keep(position, text, text_size(text));
}

/* "192.0.2.1", "192.0.2.1:6054", "[fe80::1]:6054": several proxies may be behind one address. */
static const char *keep_address(char **position, const struct proxy_config *config, size_t room)
{
    char *text = *position;
    const char *form = strchr(config->host, ':') ? "[%s]:%u" : "%s:%u";
    int n = config->port == USUAL_PORT ? snprintf(text, room, "%s", config->host)
                                       : snprintf(text, room, form, config->host, (unsigned)config->port);
    *position += n + 1;
    return text;
}

int settings_init(struct settings *settings, const struct proxy_config *config)
{
    const struct session_config *from = &config->session;
    if (text_size(config->host) <= 1 || config->port == 0 || (from->psk && !from->aead))
        return BLEPROXY_E_INVALID;
    size_t psk_size = from->psk ? PSK_SIZE : 0;
    size_t label_size = from->label ? text_size(from->label) : text_size(config->host) + PORT_SIZE;
    size_t size = text_size(config->host) + label_size + text_size(from->expected_name) +
                  text_size(from->expected_mac) + text_size(from->password) + text_size(from->client_info) +
                  psk_size;
    char *memory = env_alloc(from->env, size);
    if (!memory)
        return BLEPROXY_E_NOMEM;
    *settings = (struct settings){.port = config->port,
                                  .resolve_ns = config->resolve_ns > 0 ? config->resolve_ns : RESOLVE_NS,
                                  .connect_ns = config->connect_ns > 0 ? config->connect_ns : CONNECT_NS,
                                  .session = *from,
                                  .labelled = from->label,
                                  .memory = memory,
                                  .memory_size = size};
    struct session_config *to = &settings->session;
    settings->host = keep_text(&memory, config->host);
    to->label = from->label ? keep_text(&memory, from->label) : keep_address(&memory, config, label_size);
    to->expected_name = keep_text(&memory, from->expected_name);
    to->expected_mac = keep_text(&memory, from->expected_mac);
    to->password = keep_text(&memory, from->password);
    to->client_info = keep_text(&memory, from->client_info);
    to->psk = keep(&memory, from->psk, psk_size);
    return 0;
}

void settings_deinit(struct settings *settings)
{
    if (settings->memory)
        explicit_bzero(settings->memory, settings->memory_size);
    env_free(settings->session.env, settings->memory);
    settings->memory = NULL;
}
