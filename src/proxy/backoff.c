/* SPDX-License-Identifier: MIT */
#include "proxy/proxy.h"

/* 1.8 to the power of the number of failures, rounded. */
static const uint8_t pauses_s[] = {2, 3, 6, 10, 19, 34, 60};
enum { N_PAUSES = sizeof(pauses_s), DEEP_SLEEP_CAP_S = 15 };

uint64_t proxy_backoff_ns(unsigned failures, bool deep_sleep)
{
    unsigned n = failures < 1 ? 1 : failures > N_PAUSES ? N_PAUSES : failures;
    uint64_t pause_s = pauses_s[n - 1];
    return (deep_sleep && pause_s > DEEP_SLEEP_CAP_S ? DEEP_SLEEP_CAP_S : pause_s) * NS_PER_S;
}
