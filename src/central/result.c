/* SPDX-License-Identifier: MIT */
#include "central/result.h"

#include <bleproxy/advertisement.h>
#include <bleproxy/device_info.h>
#include <inttypes.h>
#include <stdio.h>

enum { NAMES_MAX = 240, CODE_MAX = 280 };

/* ---- Causes ---- */

static enum bleproxy_cause cause_of_reason(int32_t code)
{
    switch (code) {
    case 0x05: /* authentication failed */
    case 0x06: /* key missing */
    case 0x3d: /* message integrity */
        return BLEPROXY_CAUSE_KEY;
    case 0x13: /* hung up: by its user, */
    case 0x14: /* for lack of resources, */
    case 0x15: /* to switch off */
        return BLEPROXY_CAUSE_PEER;
    case -2:    /* the proxy has no memory, */
    case -1:    /* or knows nothing of the link, */
    case 0x16:  /* the proxy hung up, unasked */
    case 0x100: /* it gave up connecting, */
    case 0x101: /* or had not begun */
        return BLEPROXY_CAUSE_FIRMWARE;
    }
    return BLEPROXY_CAUSE_RANGE;
}

static enum bleproxy_cause cause_of_status(int32_t code)
{
    switch (code) {
    case 0x05: /* authentication, */
    case 0x08: /* authorisation, */
    case 0x0c: /* key size, */
    case 0x0f: /* encryption insufficient */
    case 0x89: /* authentication failed */
    case 0x8d: /* encrypted, but anybody may be in the middle */
    case 0x8e: /* not encrypted */
        return BLEPROXY_CAUSE_KEY;
    case -2: /* the proxy has no memory */
        return BLEPROXY_CAUSE_FIRMWARE;
    }
    return BLEPROXY_CAUSE_ATTRIBUTE;
}

static enum bleproxy_cause cause_of(int error, int32_t code)
{
    switch (error) {
    case 0:
        return BLEPROXY_CAUSE_NONE;
    case BLEPROXY_E_NOMEM:
    case BLEPROXY_E_INVALID:
    case BLEPROXY_E_STATE:
    case BLEPROXY_E_CANCELLED:
    case BLEPROXY_E_BUSY:
        return BLEPROXY_CAUSE_CALLER;
    case BLEPROXY_E_NOT_HEARD:
        return BLEPROXY_CAUSE_NOT_HEARD;
    case BLEPROXY_E_NO_PROXY:
        return BLEPROXY_CAUSE_NO_PROXY;
    case BLEPROXY_E_NO_SLOT:
        return BLEPROXY_CAUSE_SLOTS;
    case BLEPROXY_E_LINK:
    case BLEPROXY_E_DISCONNECTED:
        return cause_of_reason(code);
    case BLEPROXY_E_GATT:
        return cause_of_status(code);
    case BLEPROXY_E_PAIRING:
        return BLEPROXY_CAUSE_KEY;
    case BLEPROXY_E_UNSUPPORTED:
    case BLEPROXY_E_REFUSED:
    case BLEPROXY_E_NO_SERVICES:
        return BLEPROXY_CAUSE_FIRMWARE;
    case BLEPROXY_E_TIMEOUT:
        return BLEPROXY_CAUSE_TIMEOUT;
    case BLEPROXY_E_LIMIT:
        return BLEPROXY_CAUSE_PEER;
    }
    return BLEPROXY_CAUSE_PROXY;
}

/* ---- Texts ---- */

/* "the device hung up (TERMINATE_PEER_USER, 0x13): ..."; code NULL: not in the table. */
static const char *write_code(char text[CODE_MAX], const struct bleproxy_code *code, int32_t number)
{
    char digits[32];
    if (number < 0)
        snprintf(digits, sizeof(digits), "%" PRId32, number);
    else
        snprintf(digits, sizeof(digits), "0x%02" PRIx32 " = %" PRId32, (uint32_t)number, number);
    if (code)
        snprintf(text, CODE_MAX, "%s (%s, %s): %s", code->meaning, code->name, digits, code->advice);
    else
        snprintf(text, CODE_MAX, "for a reason that has no name (%s): try again", digits);
    return text;
}

/* "reading handle 0x002a of 11:22:33:44:55:66 through kitchen" */
static void write_subject(char text[NAMES_MAX], const struct ending *ending, const char *device,
                          const struct way *way)
{
    bool link = !ending->doing || ending->error == BLEPROXY_E_DISCONNECTED;
    char handle[24] = "";
    if (!link && ending->handle != 0)
        snprintf(handle, sizeof(handle), "handle 0x%04x of ", ending->handle);
    snprintf(text, NAMES_MAX, "%s %s%s%s%s", link ? "the connection to" : ending->doing, handle, device,
             way ? " through " : "", way ? way->proxy : "");
}

static void write_missing(struct report *report, const struct ending *ending, const char *subject,
                          const struct way *way)
{
    const char *name = bleproxy_feature_name(ending->missing),
               *since = bleproxy_feature_since(ending->missing);
    const char *firmware = way && way->firmware[0] ? way->firmware : "of unknown version";
    snprintf(report->text, sizeof(report->text),
             "%s %s: the proxy's firmware (ESPHome %s) lacks %s: update it to ESPHome %s or later", subject,
             ending->error ? "is not possible" : "was done here, but not on the proxy", firmware,
             name ? name : "a feature", since ? since : "newer");
}

static void write_failure(struct report *report, const struct ending *ending, const char *subject,
                          const struct way *way)
{
    char *text = report->text, reason[CODE_MAX];
    const size_t size = sizeof(report->text);
    int32_t code = ending->code;
    switch (ending->error) {
    case BLEPROXY_E_CANCELLED:
        snprintf(text, size, "%s was cancelled", subject);
        break;
    case BLEPROXY_E_TIMEOUT:
        snprintf(text, size,
                 "%s had no answer in time: try again, with the device awake and near to the proxy", subject);
        break;
    case BLEPROXY_E_NO_SLOT:
        snprintf(text, size,
                 "%s was not possible: %" PRIu32 " of the proxy's %" PRIu32
                 " connection slots are in use: disconnect another device, or add a proxy",
                 subject, way ? way->slots_in_use : 0, way ? way->slots_limit : 0);
        break;
    case BLEPROXY_E_LINK:
        snprintf(text, size, "%s failed: %s", subject,
                 write_code(reason, bleproxy_connection_reason(code), code));
        break;
    case BLEPROXY_E_DISCONNECTED:
        if (code == 0) /* of a connection that was up it says nothing */
            snprintf(text, size, "%s was lost, the proxy does not say why: connect again", subject);
        else
            snprintf(text, size, "%s was lost: %s", subject,
                     write_code(reason, bleproxy_connection_reason(code), code));
        break;
    case BLEPROXY_E_GATT:
        snprintf(text, size, "%s failed: %s", subject, write_code(reason, bleproxy_gatt_status(code), code));
        break;
    case BLEPROXY_E_PAIRING:
        snprintf(text, size, "%s failed: %s", subject,
                 write_code(reason, bleproxy_pairing_reason(code), code));
        break;
    case BLEPROXY_E_REFUSED:
        snprintf(text, size, "%s was refused by the proxy: %s", subject,
                 write_code(reason, bleproxy_gatt_status(code), code));
        break;
    default: /* any of a proxy's ends */
        snprintf(text, size, "%s failed: %s", subject, bleproxy_strerror(ending->error));
    }
}

static bool carries_code(int error)
{
    return error == 0 || error == BLEPROXY_E_GATT || error == BLEPROXY_E_LINK ||
           error == BLEPROXY_E_DISCONNECTED || error == BLEPROXY_E_PAIRING || error == BLEPROXY_E_REFUSED;
}

void report_fill(struct report *report, const struct ending *ending, uint64_t address, const struct way *way)
{
    char device[BLEPROXY_ADDRESS_TEXT_SIZE], subject[NAMES_MAX];
    report->result = (struct bleproxy_result){.error = ending->error,
                                              .code = carries_code(ending->error) ? ending->code : 0,
                                              .cause = cause_of(ending->error, ending->code),
                                              .missing = ending->missing,
                                              .source = way ? way->source : 0,
                                              .attempts = ending->attempts,
                                              .value = ending->error ? NULL : ending->value,
                                              .size = ending->error ? 0 : ending->size,
                                              .text = report->text};
    report->text[0] = '\0';
    if (ending->error == 0 && ending->missing == 0)
        return;
    bleproxy_address_format(address, device);
    write_subject(subject, ending, device, way);
    if (ending->missing != 0)
        write_missing(report, ending, subject, way);
    else
        write_failure(report, ending, subject, way);
}
