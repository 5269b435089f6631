/* SPDX-License-Identifier: MIT */
#include "session/session_internal.h"
#include "session/timezone.h"

static DSTRule clock_rule(const struct timezone_rule *rule)
{
    DSTRule message = DSTRULE__INIT;
    message.type = rule->type;
    message.time_seconds = rule->time_seconds;
    message.day = rule->day;
    message.month = rule->month;
    message.week = rule->week;
    message.day_of_week = rule->day_of_week;
    return message;
}

/* Firmware before 2026.9 reads the zone as text, later one only as numbers: both are sent. */
static void clock_answer(struct session *session, const struct session_time *time, uint64_t now_ns)
{
    GetTimeResponse response = GET_TIME_RESPONSE__INIT;
    ParsedTimezone parsed = PARSED_TIMEZONE__INIT;
    DSTRule start, end;
    struct posix_timezone zone;
    response.epoch_seconds = time->epoch_seconds;
    response.timezone = binary_data(time->timezone);
    if (timezone_parse(time->timezone, &zone)) {
        start = clock_rule(&zone.dst_start);
        end = clock_rule(&zone.dst_end);
        parsed.std_offset_seconds = zone.std_offset_seconds;
        parsed.dst_offset_seconds = zone.dst_offset_seconds;
        if (zone.dst_start.type != TIMEZONE_RULE_NONE) {
            parsed.dst_start = &start;
            parsed.dst_end = &end;
        }
        response.parsed_timezone = &parsed;
    }
    session_answer(session, MESSAGE_GET_TIME_RESPONSE, &response.base, now_ns);
}

void clock_get_time_request(struct session *session, const ProtobufCMessage *message, uint64_t now_ns)
{
    (void)message;
    if (session->config.no_time || !session->ops->get_time)
        return;
    struct session_time time = {0};
    session->ops->get_time(session->user, &time);
    time.timezone[sizeof(time.timezone) - 1] = '\0';
    if (session->stage != STAGE_ENDED)
        clock_answer(session, &time, now_ns);
}
