/* SPDX-License-Identifier: MIT */
/* The notification cursor against protobuf: what protobuf takes, the cursor takes alike. */
#include "fuzz.h"

#include "wire/message.h"
#include "wire/notification.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct notification notification = {0};
    ProtobufCMessage *message = NULL;
    arena_init(&arena, &fuzz_env);
    message_unpack(&arena, MESSAGE_GATT_NOTIFY_DATA_RESPONSE, data, size, &message);
    const BluetoothGATTNotifyDataResponse *decoded = (const void *)message;
    bool taken = notification_read(data, size, &notification);
    FUZZ_CHECK(taken || !decoded);
    if (taken && notification.size > 0)
        FUZZ_CHECK(notification.value >= data &&
                   notification.size <= (size_t)(data + size - notification.value));
    if (decoded) {
        FUZZ_CHECK(notification.address == decoded->address && notification.handle == decoded->handle);
        FUZZ_CHECK(notification.size == decoded->data.len);
        FUZZ_CHECK(notification.size == 0 ||
                   memcmp(notification.value, decoded->data.data, notification.size) == 0);
    }
    arena_deinit(&arena);
    return 0;
}
