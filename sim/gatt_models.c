/* SPDX-License-Identifier: MIT */
#include "sim/gatt_models.h"

enum {
    READ = BLEPROXY_PROPERTY_READ,
    COMMAND = BLEPROXY_PROPERTY_WRITE_WITHOUT_RESPONSE,
    WRITE = BLEPROXY_PROPERTY_WRITE,
    NOTIFY = BLEPROXY_PROPERTY_NOTIFY,
    INDICATE = BLEPROXY_PROPERTY_INDICATE,
};

#define NORDIC(n) "6e40" n "-b5a3-f393-e0a9-e50e24dcca9e" /* its UART service, and more of the kind */
#define OWN(n)    "5f1e" n "-7b0a-4c6d-9e21-3d8a60c4b517"

#define SERVICE(id)             .type = GATT_SERVICE, .uuid = (id)
#define CHARACTERISTIC(id, can) .type = GATT_CHARACTERISTIC, .uuid = (id), .properties = (can)
#define DESCRIPTOR(id, can)     .type = GATT_DESCRIPTOR, .uuid = (id), .properties = (can)
#define BYTES(bytes)            .value = (bytes), .size = sizeof(bytes) - 1
#define CONFIGURATION           DESCRIPTOR(GATT_UUID_CCCD, READ | WRITE), BYTES("\0\0"), .size_max = 2
#define DESCRIPTION(text)       DESCRIPTOR("2901", READ), BYTES(text)

/* clang-format off */
/* GAP: name, appearance, preferred connection parameters (15 to 30 ms, no latency, 4 s). GATT: service changed. */
#define GENERIC(name, appearance)                                                                            \
    {SERVICE("1800")}, {CHARACTERISTIC("2a00", READ), BYTES(name)},                                          \
        {CHARACTERISTIC("2a01", READ), BYTES(appearance)},                                                   \
        {CHARACTERISTIC("2a04", READ), BYTES("\x0c\x00\x18\x00\x00\x00\x90\x01")}, {SERVICE("1801")},        \
        {CHARACTERISTIC("2a05", INDICATE), BYTES("\x01\x00\xff\xff")},                                       \
        {CONFIGURATION}

#define DEVICE_INFORMATION(model)                                                                            \
    {SERVICE("180a")}, {CHARACTERISTIC("2a29", READ), BYTES("bleproxy")},                                    \
        {CHARACTERISTIC("2a24", READ), BYTES(model)}, {CHARACTERISTIC("2a25", READ), BYTES("0001")},         \
        {CHARACTERISTIC("2a27", READ), BYTES("A")},                                                          \
        {CHARACTERISTIC("2a26", READ), BYTES("1.0")}
/* clang-format on */

static const struct gatt_attribute battery[] = {
    GENERIC("Virtual Battery", "\x00\x00"),
    {SERVICE("180f")},
    {CHARACTERISTIC("2a19", READ | NOTIFY), BYTES("\x64"), .role = GATT_BATTERY},
    {CONFIGURATION},
    DEVICE_INFORMATION("Virtual Battery"),
};

static const struct gatt_attribute heart[] = {
    GENERIC("Virtual Heart", "\x41\x03"), /* a heart rate belt */
    {SERVICE("180d")},
    {CHARACTERISTIC("2a37", NOTIFY), .role = GATT_PULSE},
    {CONFIGURATION},
    {CHARACTERISTIC("2a38", READ), BYTES("\x01")}, /* on the chest */
    {CHARACTERISTIC("2a39", WRITE), .role = GATT_RESET, .size_max = 1},
    DEVICE_INFORMATION("Virtual Heart"),
};

static const struct gatt_attribute uart[] = {
    GENERIC("Virtual UART", "\x00\x00"),
    {SERVICE(NORDIC("0001"))},
    {CHARACTERISTIC(NORDIC("0002"), WRITE | COMMAND), .role = GATT_ECHO, .size_max = BLEPROXY_VALUE_MAX},
    {CHARACTERISTIC(NORDIC("0003"), NOTIFY), .role = GATT_ECHOED},
    {CONFIGURATION},
    {CHARACTERISTIC(NORDIC("0004"), READ | WRITE | COMMAND), BYTES("\x00"), .size_max = BLEPROXY_VALUE_MAX},
    {DESCRIPTION("keeps up to 512 bytes")},
    {CHARACTERISTIC(NORDIC("0005"), WRITE | NOTIFY), .role = GATT_BURST, .size_max = 4},
    {CONFIGURATION},
    {DESCRIPTION("sends that many notifications")},
};

static const struct gatt_attribute lock[] = {
    GENERIC("Virtual Lock", "\x08\x07"), /* a door lock */
    {SERVICE(OWN("0010"))},
    {CHARACTERISTIC(OWN("0011"), READ | WRITE | NOTIFY), BYTES("\x01"), .size_max = 1, .encrypted = true},
    {CONFIGURATION, .encrypted = true},
    {CHARACTERISTIC(OWN("0012"), READ), BYTES("front door"), .encrypted = true},
};

/* clang-format off */
/* A floor of the tower: a service, and the same four kinds of characteristics in each. */
#define FLOOR(id, n)                                                                                         \
    {SERVICE(id)}, {CHARACTERISTIC("ff" n, READ | NOTIFY), BYTES("floor " n)}, {CONFIGURATION},              \
        {DESCRIPTION("floor " n)},                                                                           \
        {CHARACTERISTIC("700000" n, READ | WRITE), BYTES("floor " n), .size_max = 20},                       \
        {CHARACTERISTIC(OWN("10" n), WRITE | COMMAND), .size_max = 20},                                      \
        {CHARACTERISTIC(OWN("20" n), READ | INDICATE), BYTES("floor " n)},                                   \
        {CONFIGURATION}
/* clang-format on */

/* 2a6e, a temperature, occurs twice. */
static const struct gatt_attribute tower[] = {
    GENERIC("Virtual Tower", "\x00\x00"),
    FLOOR("fff1", "01"),
    {CHARACTERISTIC("2a6e", READ), BYTES("\x34\x08")},
    FLOOR("7fff0002", "02"),
    {CHARACTERISTIC("2a6e", READ), BYTES("\x98\x08")},
    FLOOR(OWN("3003"), "03"),
    FLOOR(OWN("3004"), "04"),
    FLOOR(OWN("3005"), "05"),
    FLOOR(OWN("3006"), "06"),
    FLOOR(OWN("3007"), "07"),
    FLOOR(OWN("3008"), "08"),
    FLOOR(OWN("3009"), "09"),
    FLOOR(OWN("3010"), "10"),
    FLOOR(OWN("3011"), "11"),
    FLOOR(OWN("3012"), "12"),
    FLOOR(OWN("3013"), "13"),
    FLOOR(OWN("3014"), "14"),
};

static const struct gatt_attribute quitter[] = {
    GENERIC("Virtual Quitter", "\x00\x00"),
    {SERVICE(OWN("0020"))},
    {CHARACTERISTIC(OWN("0021"), READ | WRITE), BYTES("still here"), .size_max = 20},
    {CHARACTERISTIC(OWN("0022"), WRITE), .role = GATT_FAIL, .size_max = 1},
    {CHARACTERISTIC(OWN("0023"), WRITE | COMMAND), .role = GATT_HANG_UP, .size_max = 1},
};

static const struct gatt_attribute mute[] = {
    GENERIC("Virtual Mute", "\x00\x00"),
    {SERVICE(OWN("0030"))},
    {CHARACTERISTIC(OWN("0031"), READ | WRITE | NOTIFY), BYTES("never heard"), .size_max = 20},
    {CONFIGURATION},
};

static const struct gatt_attribute ghost[] = {GENERIC("Virtual Ghost", "\x00\x00")};

#define ATTRIBUTES(list) .attributes = (list), .n_attributes = sizeof(list) / sizeof(*(list))

const struct gatt_model gatt_models[GATT_N_MODELS] = {
    [GATT_MODEL_BATTERY] =
        {.name = "Virtual Battery", .service = "180f", ATTRIBUTES(battery), .mtu = 247, .pairs = true},
    [GATT_MODEL_HEART] = {.name = "Virtual Heart", .service = "180d", ATTRIBUTES(heart), .mtu = 65},
    [GATT_MODEL_UART] = {.name = "Virtual UART",
                         .service = NORDIC("0001"),
                         ATTRIBUTES(uart),
                         .mtu = 517,
                         .random_address = true,
                         .pairs = true},
    [GATT_MODEL_LOCK] = {.name = "Virtual Lock",
                         .service = OWN("0010"),
                         ATTRIBUTES(lock),
                         .mtu = 23,
                         .random_address = true,
                         .pairs = true},
    [GATT_MODEL_TOWER] = {.name = "Virtual Tower",
                          .service = "fff1",
                          ATTRIBUTES(tower),
                          .mtu = 185,
                          .talkative = true,
                          .pairs = true},
    [GATT_MODEL_QUITTER] = {.name = "Virtual Quitter",
                            .service = OWN("0020"),
                            ATTRIBUTES(quitter),
                            .mtu = 247,
                            .pairs = true,
                            .patience = 3},
    [GATT_MODEL_MUTE] =
        {.name = "Virtual Mute", .service = OWN("0030"), ATTRIBUTES(mute), .mtu = 247, .mute = true},
    [GATT_MODEL_GHOST] =
        {.name = "Virtual Ghost", .service = "1801", ATTRIBUTES(ghost), .mtu = 23, .ghost = true},
};
