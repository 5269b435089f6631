/* SPDX-License-Identifier: MIT */
#include "events.h"

#include <stdio.h>
#include <time.h>

/* RFC 3339, UTC, with milliseconds; NULL: there is no such time. */
static const char *format_time(char text[TRACE_TEXT_MAX])
{
    struct timespec now;
    struct tm utc;
    char seconds[32];
    clock_gettime(CLOCK_REALTIME, &now);
    if (!gmtime_r(&now.tv_sec, &utc) || strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc) == 0)
        return NULL;
    snprintf(text, TRACE_TEXT_MAX, "%s.%03ldZ", seconds, now.tv_nsec / 1000000);
    return text;
}

bool event_register(const struct member *member, char time[TRACE_TEXT_MAX], struct trace_event *ret_event)
{
    const struct bleproxy_scanner *scanner = member_scanner(member);
    if (!scanner)
        return false;
    *ret_event = (struct trace_event){
        .kind = TRACE_REGISTER,
        .time_ns = bleproxy_loop_now_ns(member->fleet->loop),
        .source = bleproxy_scanner_source(scanner),
        .scanner = {.connectable = bleproxy_scanner_is_connectable(scanner),
                    .mode = bleproxy_scanner_mode(scanner),
                    .time = format_time(time),
                    .name = member->label,
                    .firmware = member->firmware[0] ? member->firmware : NULL,
                    .version = BLEPROXY_VERSION},
    };
    return true;
}

struct trace_event event_unregister(const struct member *member)
{
    return (struct trace_event){.kind = TRACE_UNREGISTER,
                                .time_ns = bleproxy_loop_now_ns(member->fleet->loop),
                                .source = member->source};
}

struct trace_event event_advert(const struct bleproxy_advertisement *advertisement,
                                uint8_t built[STRUCTURES_MAX])
{
    struct trace_event event = {
        .kind = TRACE_ADVERT, .time_ns = advertisement->time_ns, .source = advertisement->source};
    event.advert.address = advertisement->address;
    event.advert.address_type = advertisement->address_type;
    event.advert.rssi = advertisement->rssi_dbm == BLEPROXY_RSSI_NONE ? 0 : advertisement->rssi_dbm;
    event.advert.raw = advertisement->raw ? advertisement->raw : built;
    event.advert.raw_size =
        advertisement->raw ? advertisement->raw_size : (uint16_t)structures_build(advertisement, built);
    return event;
}
