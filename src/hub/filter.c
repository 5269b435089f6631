/* SPDX-License-Identifier: MIT */
#include "hub/filter.h"

#include <string.h>

/* The text form and back: programs may hold a short UUID in its long form. */
static int shorten(const struct bleproxy_uuid *uuid, struct bleproxy_uuid *ret_uuid)
{
    if (uuid->size != 2 && uuid->size != 4 && uuid->size != 16)
        return BLEPROXY_E_INVALID;
    char text[BLEPROXY_UUID_TEXT_SIZE];
    bleproxy_uuid_format(uuid, text);
    return bleproxy_uuid_parse(text, ret_uuid);
}

static int copy_text(const struct env *env, const char *text, char **ret_copy, size_t *ret_size)
{
    if (!text)
        return 0;
    *ret_size = strlen(text);
    *ret_copy = env_strndup(env, text, *ret_size);
    return *ret_copy ? 0 : BLEPROXY_E_NOMEM;
}

int filter_init(struct filter *filter, const struct env *env, const struct bleproxy_filter *want)
{
    *filter = (struct filter){.everything = true};
    if (!want)
        return 0;
    filter->want = *want;
    filter->want.service = NULL;
    if (want->service) {
        int r = shorten(want->service, &filter->service);
        if (r < 0)
            return r;
        filter->want.service = &filter->service;
    }
    int r = copy_text(env, want->name, &filter->name, &filter->name_size);
    if (r == 0)
        r = copy_text(env, want->name_prefix, &filter->name_prefix, &filter->prefix_size);
    if (r < 0) {
        filter_deinit(filter, env);
        return r;
    }
    filter->want.name = filter->name;
    filter->want.name_prefix = filter->name_prefix;
    filter->everything = !want->address && !want->name && !want->name_prefix && !want->service &&
                         !want->source && !want->rssi_min_dbm && !want->predicate;
    return 0;
}

void filter_deinit(struct filter *filter, const struct env *env)
{
    env_free(env, filter->name);
    env_free(env, filter->name_prefix);
    *filter = (struct filter){0};
}

bool filter_examine(const struct filter *filter, const struct bleproxy_advertisement *advertisement)
{
    const struct bleproxy_filter *want = &filter->want;
    if (want->address && want->address != advertisement->address)
        return false;
    if (want->source && want->source != advertisement->source)
        return false;
    if (want->rssi_min_dbm && advertisement->rssi_dbm < want->rssi_min_dbm)
        return false;
    if (want->name && (!advertisement->name || advertisement->name_size != filter->name_size ||
                       memcmp(advertisement->name, want->name, filter->name_size) != 0))
        return false;
    if (want->name_prefix && (!advertisement->name || advertisement->name_size < filter->prefix_size ||
                              memcmp(advertisement->name, want->name_prefix, filter->prefix_size) != 0))
        return false;
    size_t size;
    if (want->service && !bleproxy_has_service(advertisement, want->service) &&
        !bleproxy_service_data(advertisement, want->service, &size))
        return false;
    return !want->predicate || want->predicate(want->predicate_user, advertisement);
}
