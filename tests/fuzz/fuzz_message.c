/* SPDX-License-Identifier: MIT */
/* Every message decoder: byte 0 is the type. What decodes must encode to bytes that decode to the same. */
#include "fuzz.h"

#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint32_t type = data[0];
    struct arena arena;
    arena_init(&arena, &fuzz_env);
    struct buffer first, second;
    buffer_init(&first, &fuzz_env, SIZE_MAX);
    buffer_init(&second, &fuzz_env, SIZE_MAX);
    ProtobufCMessage *message;
    int r = message_unpack(&arena, type, data + 1, size - 1, &message);
    FUZZ_CHECK((r == MESSAGE_UNKNOWN) == !message_descriptor(type));
    if (r == 0) {
        FUZZ_CHECK(message_pack(message, &first) == 0);
        FUZZ_CHECK(first.size == message_packed_size(message));
        arena_reset(&arena);
        r = message_unpack(&arena, type, buffer_data(&first), first.size, &message);
        /* protobuf-c takes an unknown field 0 whose tag is overlong, writes it back short, and refuses that.
         */
        FUZZ_CHECK(r == 0 || r == MESSAGE_TOO_LARGE || r == MESSAGE_MALFORMED);
        if (r == 0) {
            FUZZ_CHECK(message_pack(message, &second) == 0);
            FUZZ_CHECK(first.size == second.size);
            FUZZ_CHECK(first.size == 0 || memcmp(buffer_data(&first), buffer_data(&second), first.size) == 0);
        }
    }
    FUZZ_CHECK(arena.held <= ARENA_MAX);
    arena_deinit(&arena);
    buffer_deinit(&first);
    buffer_deinit(&second);
    return 0;
}
