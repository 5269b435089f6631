/* SPDX-License-Identifier: MIT */
#include "session/device_info.h"
#include "session/session_internal.h"

/* A proxy's description under way: DeviceInfo, then from API 1.15 on DeviceCapabilities. */
struct description {
    struct session *session;
    session_info_fn *on_info;
    void *user;
    struct bleproxy_device_info info;
};

static void description_done(struct description *description, int error, uint64_t now_ns)
{
    const struct env *env = description->session->config.env;
    struct description done = *description;
    env_free(env, description);
    done.on_info(done.user, error, error == 0 ? &done.info : NULL, now_ns);
    device_info_deinit(env, &done.info);
}

static void description_on_capabilities(void *user, int error, const ProtobufCMessage *reply, uint64_t now_ns)
{
    struct description *description = user;
    if (error == 0)
        error = device_info_add_capabilities(description->session->config.env,
                                             (const DeviceCapabilitiesResponse *)reply, &description->info);
    description_done(description, error, now_ns);
}

static void description_on_info(void *user, int error, const ProtobufCMessage *reply, uint64_t now_ns)
{
    struct description *description = user;
    struct session *session = description->session;
    struct device_info_hello hello = {session->api_major, session->api_minor, session_is_encrypted(session),
                                      session->server_info};
    DeviceCapabilitiesRequest request = DEVICE_CAPABILITIES_REQUEST__INIT;
    if (error == 0)
        error = device_info_init(session->config.env, &hello, (const DeviceInfoResponse *)reply,
                                 &description->info);
    if (error < 0 || !hello_api_at_least(session, 1, 15)) {
        description_done(description, error, now_ns);
        return;
    }
    error = session_request(session, MESSAGE_DEVICE_CAPABILITIES_REQUEST, &request.base,
                            MESSAGE_DEVICE_CAPABILITIES_RESPONSE, session->config.timeouts.request_ns,
                            description_on_capabilities, description, now_ns, NULL);
    if (error < 0)
        description_done(description, error, now_ns);
}

int session_get_device_info(struct session *session, session_info_fn *on_info, void *user, uint64_t now_ns)
{
    const struct env *env = session->config.env;
    DeviceInfoRequest request = DEVICE_INFO_REQUEST__INIT;
    struct description *description = env_alloc(env, sizeof(*description));
    if (!description)
        return BLEPROXY_E_NOMEM;
    description->session = session;
    description->on_info = on_info;
    description->user = user;
    int r =
        session_request(session, MESSAGE_DEVICE_INFO_REQUEST, &request.base, MESSAGE_DEVICE_INFO_RESPONSE,
                        session->config.timeouts.request_ns, description_on_info, description, now_ns, NULL);
    if (r < 0)
        env_free(env, description);
    return r;
}
