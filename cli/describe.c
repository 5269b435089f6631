/* SPDX-License-Identifier: MIT */
#include "describe.h"

#include <bleproxy/names.h>
#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 96 };

static void name_service(const struct bleproxy_uuid *uuid, char name[NAME_SIZE])
{
    char text[BLEPROXY_UUID_TEXT_SIZE];
    const char *known = bleproxy_service_name(uuid);
    bleproxy_uuid_format(uuid, text);
    if (known)
        snprintf(name, NAME_SIZE, "%s", known);
    else if (uuid->size == 2)
        snprintf(name, NAME_SIZE, "0x%.4s", text + 4);
    else
        snprintf(name, NAME_SIZE, "%.8s...", text);
}

static void name_company(uint16_t company, char name[NAME_SIZE])
{
    const char *known = bleproxy_company_name(company);
    if (known)
        snprintf(name, NAME_SIZE, "%s", known);
    else
        snprintf(name, NAME_SIZE, "company 0x%04x", company);
}

/* Adds name unless it is there already. */
static void add(char *text, size_t size, const char *name)
{
    size_t used = strlen(text), length = strlen(name);
    for (const char *found = text; (found = strstr(found, name)); found++)
        if ((found == text || found[-1] == ' ') && (!found[length] || found[length] == ';'))
            return;
    const char *separator = used > 0 ? "; " : "";
    if (strlen(separator) + length < size - used)
        snprintf(text + used, size - used, "%s%s", separator, name);
}

/* Companies first: they say most. */
void describe(const struct bleproxy_advertisement *advertisement, char *text, size_t size)
{
    struct bleproxy_field field;
    char name[NAME_SIZE];
    text[0] = '\0';
    for (size_t position = 0; bleproxy_field_next(advertisement, &position, &field);)
        if (field.kind == BLEPROXY_FIELD_MANUFACTURER_DATA) {
            name_company(field.company, name);
            add(text, size, name);
        }
    for (size_t position = 0; bleproxy_field_next(advertisement, &position, &field);)
        if (field.kind != BLEPROXY_FIELD_MANUFACTURER_DATA) {
            name_service(&field.uuid, name);
            add(text, size, name);
        }
}

void describe_name(const char *name, char *text, size_t size)
{
    bleproxy_sanitise(text, size, name ? name : "", name ? strlen(name) : 0);
}

void describe_seconds(double seconds, char text[DESCRIBE_TIME_SIZE])
{
    if (seconds < 0)
        snprintf(text, DESCRIBE_TIME_SIZE, "-");
    else
        snprintf(text, DESCRIBE_TIME_SIZE, "%.*f", seconds < 9.95 ? 1 : 0, seconds);
}

void describe_duration(double seconds, char text[DESCRIBE_TIME_SIZE])
{
    enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };
    if (seconds < 2 * MINUTE)
        snprintf(text, DESCRIBE_TIME_SIZE, "%.0f s", seconds);
    else if (seconds < 2 * HOUR)
        snprintf(text, DESCRIBE_TIME_SIZE, "%.0f min", seconds / MINUTE);
    else if (seconds < 2 * DAY)
        snprintf(text, DESCRIBE_TIME_SIZE, "%.0f h", seconds / HOUR);
    else
        snprintf(text, DESCRIBE_TIME_SIZE, "%.0f days", seconds / DAY);
}
