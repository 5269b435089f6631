/* SPDX-License-Identifier: MIT */
#include "server/device.h"

#include <bleproxy/advertisement.h>
#include <stdio.h>

static void info_ask_time(struct server_connection *connection)
{
    GetTimeRequest request = GET_TIME_REQUEST__INIT;
    connection_send(connection, MESSAGE_GET_TIME_REQUEST, &request.base);
}

/* Only the first client is asked, so that clocks that differ do not make the device's jump. */
void info_tick(struct server *server, uint64_t now_ns)
{
    if (now_ns < server->time_ns)
        return;
    server->time_ns = time_after(now_ns, SERVER_TIME_NS);
    list_for_each(node, &server->connections)
    {
        struct server_connection *connection = list_entry(node, struct server_connection, node);
        if (!connection->authenticated || connection->closing)
            continue;
        info_ask_time(connection);
        return;
    }
}

void info_time(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    (void)now_ns;
    const struct server *server = connection->server;
    const GetTimeResponse *response = (const void *)message;
    env_log(server->identity.env, BLEPROXY_LOG_DEBUG, "server", server->name, "'%s' says that it is %u",
            connection->client, response->epoch_seconds);
}

static void info_authenticated(struct server_connection *connection)
{
    struct server *server = connection->server;
    if (connection->authenticated)
        return;
    connection->authenticated = true;
    server_keepalive_authenticated(&connection->keepalive);
    if (server->profile->asks_time)
        info_ask_time(connection);
}

void info_hello(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    (void)now_ns;
    struct server *server = connection->server;
    const struct server_profile *profile = server->profile;
    const HelloRequest *request = (const void *)message;
    sanitise(connection->client, sizeof(connection->client), request->client_info.data,
             request->client_info.len, SANITISE_NAME_MAX);
    connection->client_minor = request->api_version_minor;
    connection->hello = true;
    env_log(server->identity.env, BLEPROXY_LOG_INFO, "server", server->name, "hello from '%s', API %u.%u",
            connection->client, request->api_version_major, request->api_version_minor);

    char info[128];
    snprintf(info, sizeof(info), profile->long_server_info ? "%s (esphome v%s)" : "%.0s%s", server->name,
             profile->esphome_version);
    HelloResponse response = HELLO_RESPONSE__INIT;
    response.api_version_major = 1;
    response.api_version_minor = profile->api_minor;
    response.server_info = text_of(info);
    response.name = text_of(server->name);
    connection_send(connection, MESSAGE_HELLO_RESPONSE, &response.base);
    if (!profile->login_required && !*server->password)
        info_authenticated(connection);
}

/* In a time that depends on the sizes alone. */
static bool info_password_is(const char *password, ProtobufCBinaryData given)
{
    size_t size = strlen(password);
    unsigned difference = size != given.len;
    for (size_t i = 0; i < size && i < given.len; i++)
        difference |= (unsigned)((uint8_t)password[i] ^ given.data[i]);
    return difference == 0;
}

void info_authenticate(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    (void)now_ns;
    const struct server *server = connection->server;
    const AuthenticationRequest *request = (const void *)message;
    /* A newer device without a password does not look at what it is given. */
    bool ok = (!server->profile->login_required && !*server->password) ||
              info_password_is(server->password, request->password);
    AuthenticationResponse response = AUTHENTICATION_RESPONSE__INIT;
    response.invalid_password = !ok;
    connection_send(connection, MESSAGE_AUTHENTICATION_RESPONSE, &response.base);
    if (ok)
        info_authenticated(connection);
    else
        env_log(server->identity.env, BLEPROXY_LOG_WARNING, "server", server->name,
                "'%s' gave a wrong password", connection->client);
}

void info_device(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    (void)message;
    (void)now_ns;
    const struct server *server = connection->server;
    const struct server_profile *profile = server->profile;
    char mac[BLEPROXY_ADDRESS_TEXT_SIZE], bluetooth_mac[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(server->identity.mac_address, mac);
    bleproxy_address_format(server->bluetooth_mac_address, bluetooth_mac);
    DeviceInfoResponse response = DEVICE_INFO_RESPONSE__INIT;
    response.uses_password = *server->password != 0;
    response.name = text_of(server->name);
    response.mac_address = text_of(mac);
    response.esphome_version = text_of(profile->esphome_version);
    response.compilation_time = text_of(profile->compilation_time);
    response.has_deep_sleep = server->deep_sleep;
    response.model = text_of(server->model);
    response.legacy_bluetooth_proxy_version = profile->legacy_version;
    response.manufacturer = text_of(server->manufacturer);
    response.friendly_name = text_of(server->friendly_name);
    response.bluetooth_proxy_feature_flags = profile->feature_flags;
    if (profile->bluetooth_mac) {
        response.bluetooth_mac_address = text_of(bluetooth_mac);
        response.api_encryption_supported = server->identity.psk || server->key.provisionable;
    }
    response.api_encryption_provisionable =
        profile->zero_key && server->key.provisionable && !server->key.is_set;
    connection_send(connection, MESSAGE_DEVICE_INFO_RESPONSE, &response.base);
}

void info_capabilities(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    (void)message;
    (void)now_ns;
    const struct server *server = connection->server;
    char mac[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(server->bluetooth_mac_address, mac);
    BluetoothProxyCapabilities proxy = BLUETOOTH_PROXY_CAPABILITIES__INIT;
    proxy.feature_flags = server->profile->feature_flags;
    proxy.mac_address = text_of(mac);
    DeviceCapabilitiesResponse response = DEVICE_CAPABILITIES_RESPONSE__INIT;
    response.bluetooth_proxy = &proxy;
    connection_send(connection, MESSAGE_DEVICE_CAPABILITIES_RESPONSE, &response.base);
}

/* A proxy has no entities. */
void info_list_entities(struct server_connection *connection, const ProtobufCMessage *message,
                        uint64_t now_ns)
{
    (void)message;
    (void)now_ns;
    ListEntitiesDoneResponse response = LIST_ENTITIES_DONE_RESPONSE__INIT;
    connection_send(connection, MESSAGE_LIST_ENTITIES_DONE_RESPONSE, &response.base);
}
