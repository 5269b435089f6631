/* SPDX-License-Identifier: MIT */
#ifndef WIRE_BATCH_H
#define WIRE_BATCH_H

#include "base/buffer.h"

/* The hot message, BluetoothLERawAdvertisementsResponse (id 93), without protobuf-c: a cursor that borrows.
 */
struct batch {
    const uint8_t *position, *end;
};

struct batch_advert {
    uint64_t address;
    const uint8_t *data; /* AD structures, borrowed; NULL when size is 0 */
    uint32_t size;
    int32_t rssi;
    uint32_t address_type;
};

enum { BATCH_MALFORMED = 2 }; /* as MESSAGE_MALFORMED */

static inline void batch_init(struct batch *batch, const uint8_t *payload, size_t size)
{
    batch->position = payload;
    batch->end = payload + size;
}

/* 1: *ret_advert is the next advertisement. 0: the end. BATCH_MALFORMED: the bytes are not that message; what
 * came before stays valid. Unknown fields are skipped, as are absent ones (0). */
int batch_next(struct batch *batch, struct batch_advert *ret_advert);

/* The device's side: bytes that one advertisement adds to a batch, and the appending of it. As firmware does,
 * address, rssi and data are written even when zero. 0, BLEPROXY_E_NOMEM or BLEPROXY_E_LIMIT. */
size_t batch_advert_size(const struct batch_advert *advert);
int batch_append(struct buffer *out, const struct batch_advert *advert);

#endif
