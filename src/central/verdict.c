/* SPDX-License-Identifier: MIT */
#include "central/verdict.h"

#include "base/time.h"

/* Connection reasons that tell whether the next attempt may fare better. */
enum {
    REASON_NONE = 0, /* not connected, and no word why */
    REASON_TIMEOUT = 0x08,
    REASON_PEER_HUNG_UP = 0x13,
    REASON_PROXY_HUNG_UP = 0x16,
    REASON_FAIL_ESTABLISH = 0x3e,
    REASON_GATT_ERROR = 0x85,
    REASON_CANCELLED = VERDICT_CANCELLED,
};

static struct verdict verdict(enum verdict_class class, unsigned pause_ms)
{
    return (struct verdict){.class = class, .pause_ns = pause_ms * NS_PER_MS};
}

static struct verdict judge_link(int32_t reason)
{
    switch (reason) {
    case REASON_CANCELLED:
        return verdict(VERDICT_TRANSIENT, 4000);
    case REASON_FAIL_ESTABLISH:
        return verdict(VERDICT_TRANSIENT, 500);
    case REASON_PEER_HUNG_UP:
    case REASON_PROXY_HUNG_UP:
        return verdict(VERDICT_TRANSIENT, 250);
    case REASON_TIMEOUT:
        return verdict(VERDICT_ERROR, 500);
    case REASON_NONE:
        return verdict(VERDICT_ERROR, 0);
    case REASON_GATT_ERROR:
        return verdict(VERDICT_ERROR, 1000);
    default:
        return verdict(VERDICT_ERROR, 100);
    }
}

struct verdict verdict_of(const struct bleproxy_result *result)
{
    switch (result->error) {
    case BLEPROXY_E_NOMEM:
    case BLEPROXY_E_INVALID:
    case BLEPROXY_E_STATE:
    case BLEPROXY_E_CANCELLED:
    case BLEPROXY_E_LIMIT:
    case BLEPROXY_E_UNSUPPORTED:
    case BLEPROXY_E_BUSY:
        return verdict(VERDICT_FATAL, 0);
    case BLEPROXY_E_TIMEOUT:
        return verdict(VERDICT_TIMEOUT, 250);
    case BLEPROXY_E_NOT_HEARD:
    case BLEPROXY_E_NO_PROXY:
    case BLEPROXY_E_NO_SLOT:
        return verdict(VERDICT_TRANSIENT, 4000);
    case BLEPROXY_E_LINK:
        return judge_link(result->code);
    case BLEPROXY_E_DISCONNECTED:
        return verdict(VERDICT_ERROR, 0);
    default: /* pairing, too: its failure clears a bond that one side has lost */
        return result->cause == BLEPROXY_CAUSE_PROXY ? verdict(VERDICT_TRANSIENT, 250)
                                                     : verdict(VERDICT_ERROR, 100);
    }
}
