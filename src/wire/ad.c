/* SPDX-License-Identifier: MIT */
#include "wire/ad.h"

bool bleproxy_ad_next(const uint8_t *raw, size_t size, size_t *position, struct bleproxy_ad *ret_ad)
{
    return ad_next(raw, size, position, ret_ad);
}
