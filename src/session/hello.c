/* SPDX-License-Identifier: MIT */
#include "session/session_internal.h"

#include "names/sanitise.h"

/* What we speak, and the highest major version of a proxy that we understand. */
enum { API_MAJOR = 1, API_MINOR = 15, API_MAJOR_MAX = 2 };

int hello_begin(struct session *session, uint64_t now_ns)
{
    const struct session_config *config = &session->config;
    HelloRequest hello = HELLO_REQUEST__INIT;
    hello.client_info = binary_data(config->client_info);
    hello.api_version_major = API_MAJOR;
    hello.api_version_minor = API_MINOR;
    int r = framing_write(session, MESSAGE_HELLO_REQUEST, &hello.base);
    if (r == 0 && !config->no_login) {
        /* Also without a password: firmware of 2024 admits nobody who has not sent this. */
        AuthenticationRequest login = AUTHENTICATION_REQUEST__INIT;
        login.password = binary_data(config->password ? config->password : "");
        r = framing_write(session, MESSAGE_AUTHENTICATION_REQUEST, &login.base);
    }
    session->stage = STAGE_HELLO;
    session->stage_deadline_ns = time_after(now_ns, config->timeouts.hello_ns);
    return r;
}

bool hello_api_at_least(const struct session *session, uint32_t major, uint32_t minor)
{
    return session->api_major > major || (session->api_major == major && session->api_minor >= minor);
}

static void hello_ready(struct session *session, uint64_t now_ns)
{
    if (session->settle_deadline_ns != BP_NEVER) {
        disconnect_begin(session, now_ns);
        return;
    }
    session->stage = STAGE_READY;
    session->stage_deadline_ns = BP_NEVER;
    session->end.was_ready = true;
    keepalive_start(session, now_ns);
    session->ops->on_ready(session->user, now_ns);
}

void hello_response(struct session *session, const ProtobufCMessage *message, uint64_t now_ns)
{
    const HelloResponse *hello = (const HelloResponse *)message;
    const struct session_config *config = &session->config;
    struct session_end *end = &session->end;
    if (session->stage != STAGE_HELLO)
        return;
    if (hello->api_version_major > API_MAJOR_MAX) {
        session_finish(session, BLEPROXY_E_VERSION, now_ns,
                       "speaks version %u.%u of the API, this program only up to %d: update this program",
                       hello->api_version_major, hello->api_version_minor, API_MAJOR_MAX);
        return;
    }
    if (hello->name.len > 0)
        sanitise(end->received_name, sizeof(end->received_name), hello->name.data, hello->name.len,
                 SANITISE_NAME_MAX);
    if (hello->name.len > 0 &&
        !framing_name_matches(config->expected_name, hello->name.data, hello->name.len)) {
        session_finish(session, BLEPROXY_E_BAD_NAME, now_ns,
                       "calls itself '%s', not '%s': check the address, or correct the name",
                       end->received_name, config->expected_name);
        return;
    }
    session->api_major = hello->api_version_major;
    session->api_minor = hello->api_version_minor;
    sanitise(session->server_info, sizeof(session->server_info), hello->server_info.data,
             hello->server_info.len, SERVER_INFO_MAX);
    hello_ready(session, now_ns);
}

/* Success means nothing: new firmware never answers. A refusal may come at any time. */
void hello_authentication_response(struct session *session, const ProtobufCMessage *message, uint64_t now_ns)
{
    const char *password = session->config.password;
    if (!((const AuthenticationResponse *)message)->invalid_password)
        return;
    session_finish(session, BLEPROXY_E_INVALID_AUTH, now_ns,
                   password && *password
                       ? "refused the password: give the one under `api:` in its ESPHome configuration"
                       : "wants a password: give the one under `api:` in its ESPHome configuration");
}
