/* SPDX-License-Identifier: MIT */
#ifndef CLI_EVENTS_H
#define CLI_EVENTS_H

#include "fleet.h"
#include "replay/structures.h"
#include "replay/trace.h"

/* What happens to proxies, as events of a recording. Times are on the loop's clock. */

/* It has connected. It borrows from the member; time is what t stands for, as people write it. False: it has no scanner. */
bool event_register(const struct member *member, char time[TRACE_TEXT_MAX], struct trace_event *ret_event);
struct trace_event event_unregister(const struct member *member);
/* built is for proxies that decode advertisements themselves. */
struct trace_event event_advert(const struct bleproxy_advertisement *advertisement,
                                uint8_t built[STRUCTURES_MAX]);

#endif
