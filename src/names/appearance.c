/* SPDX-License-Identifier: MIT */
#include "names/value.h"

/* Bluetooth SIG, Assigned Numbers, appearance values; as of January 2026. The upper ten bits are the category, the lower
 * six divide it. */
static const struct {
    uint8_t number;
    char name[27];
} categories[] = {
    {0, "Unknown"},
    {1, "Phone"},
    {2, "Computer"},
    {3, "Watch"},
    {4, "Clock"},
    {5, "Display"},
    {6, "Remote Control"},
    {7, "Eye-glasses"},
    {8, "Tag"},
    {9, "Keyring"},
    {10, "Media Player"},
    {11, "Barcode Scanner"},
    {12, "Thermometer"},
    {13, "Heart Rate Sensor"},
    {14, "Blood Pressure"},
    {15, "Human Interface Device"},
    {16, "Glucose Meter"},
    {17, "Running Walking Sensor"},
    {18, "Cycling"},
    {19, "Control Device"},
    {20, "Network Device"},
    {21, "Sensor"},
    {22, "Light Fixtures"},
    {23, "Fan"},
    {24, "HVAC"},
    {25, "Air Conditioning"},
    {26, "Humidifier"},
    {27, "Heating"},
    {28, "Access Control"},
    {29, "Motorized Device"},
    {30, "Power Device"},
    {31, "Light Source"},
    {32, "Window Covering"},
    {33, "Audio Sink"},
    {34, "Audio Source"},
    {35, "Motorized Vehicle"},
    {36, "Domestic Appliance"},
    {37, "Wearable Audio Device"},
    {38, "Aircraft"},
    {39, "AV Equipment"},
    {40, "Display Equipment"},
    {41, "Hearing aid"},
    {42, "Gaming"},
    {43, "Signage"},
    {49, "Pulse Oximeter"},
    {50, "Weight Scale"},
    {51, "Personal Mobility Device"},
    {52, "Continuous Glucose Monitor"},
    {53, "Insulin Pump"},
    {54, "Medication Delivery"},
    {55, "Spirometer"},
    {81, "Outdoor Sports Activity"},
};

const char *appearance_category(uint16_t appearance)
{
    for (size_t i = 0; i < sizeof(categories) / sizeof(categories[0]); i++)
        if (categories[i].number == appearance >> 6)
            return categories[i].name;
    return NULL;
}
