/* SPDX-License-Identifier: MIT */
#include "info.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(struct json_object *report, const char *key)
{
    struct json_object *value = json_object_object_get(report, key);
    return value ? json_object_get_string(value) : "unknown";
}

static void print(const char *key, const char *value)
{
    char text[512];
    bleproxy_sanitise(text, sizeof(text), value, strlen(value));
    printf("  %-14s %s\n", key, text);
}

static void print_features(uint32_t features)
{
    const char *head = "features";
    for (uint32_t bit = 1; bleproxy_feature_name(bit); bit <<= 1) {
        if (features & bit)
            printf("  %-14s %s\n", head, bleproxy_feature_name(bit));
        else
            printf("  %-14s without %s: %s (ESPHome %s has it)\n", head, bleproxy_feature_name(bit),
                   bleproxy_feature_cost(bit), bleproxy_feature_since(bit));
        head = "";
    }
}

static void print_slots(struct json_object *slots)
{
    if (!slots) {
        print("slots", "unknown");
        return;
    }
    struct json_object *allocated = json_object_object_get(slots, "allocated");
    printf("  %-14s %s of %s free", "slots", text_of(slots, "free"), text_of(slots, "limit"));
    for (size_t i = 0; i < json_object_array_length(allocated); i++)
        printf("%s%s", i == 0 ? "; used by " : ", ",
               json_object_get_string(json_object_array_get_idx(allocated, i)));
    putchar('\n');
}

void info_print_text(const char *label, struct json_object *report, uint64_t round_trip_ns)
{
    struct json_object *scanner = json_object_object_get(report, "scanner");
    bool encrypted = json_object_get_boolean(json_object_object_get(report, "encrypted"));
    printf("%s\n", label);
    print("name", text_of(report, "name"));
    print("address", text_of(report, "address"));
    print("MAC address", text_of(report, "mac_address"));
    print("Bluetooth MAC", text_of(report, "bluetooth_mac_address"));
    print("model", text_of(report, "model"));
    print("ESPHome", text_of(report, "esphome_version"));
    print("API version", text_of(report, "api_version"));
    print("encryption", encrypted
                            ? "encrypted"
                            : "not encrypted: whoever is in its network can read and forge what it reports");
    printf("  %-14s %.3f ms\n", "round trip", (double)round_trip_ns / 1e6);
    print_slots(json_object_object_get(report, "slots"));
    if (scanner && strcmp(text_of(scanner, "subscription"), "refused") == 0)
        print("scanner",
              "refused: another program has its advertisements, and this firmware lets the first keep them");
    else if (scanner)
        printf("  %-14s %s, mode %s\n", "scanner", text_of(scanner, "state"), text_of(scanner, "mode"));
    else
        print("scanner", "not asked: that would take it from whoever uses it (--scanner)");
    print_features((uint32_t)json_object_get_int64(json_object_object_get(report, "feature_flags")));
}
