/* SPDX-License-Identifier: MIT */
#include "battery.h"

#include "characteristic.h"
#include "gatt.h"

/* Assigned numbers. */
enum { BATTERY_SERVICE = 0x180f, BATTERY_LEVEL = 0x2a19, PERCENTAGE_MAX = 100 };

static int append_percentage(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "y", ((const struct battery *)data)->percentage);
}

static const struct property properties[] = {{"Percentage", "y", append_percentage, NULL, NULL}, {0}};
static const struct interface battery_interface = {.name = "org.bluez.Battery1", .properties = properties};

static void on_level(void *user, const uint8_t *value, size_t size)
{
    struct battery *battery = user;
    if (!battery->object || size < 1 || value[0] > PERCENTAGE_MAX)
        return;
    bool is_news = battery->percentage != value[0];
    battery->percentage = value[0];
    if (!battery->is_known)
        battery->is_known = object_add(battery->object, &battery_interface, battery) >= 0;
    else if (is_news)
        object_changed(battery->object, &battery_interface, 0);
}

void battery_begin(struct battery *battery, struct object *device, struct gatt *gatt)
{
    struct characteristic *level = gatt_find_characteristic(gatt, BATTERY_SERVICE, BATTERY_LEVEL);
    *battery = (struct battery){.object = level ? device : NULL};
    if (level)
        characteristic_watch(level, on_level, battery);
}

void battery_end(struct battery *battery)
{
    if (battery->is_known)
        object_drop(battery->object, &battery_interface);
    *battery = (struct battery){0};
}
