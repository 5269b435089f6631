/* SPDX-License-Identifier: MIT */
#include "errors.h"

#include "manager.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Connection reasons (HCI and the controller's own). */
enum { REASON_TIMEOUT = 0x08, REASON_REMOTE_FIRST = 0x13, REASON_REMOTE_LAST = 0x15, REASON_LOCAL = 0x16 };

/* Never "abort-by-local": programs then wait for a connection to end that there never was. */
static const char *connection_error(const struct bleproxy_result *result)
{
    switch (result->cause) {
    case BLEPROXY_CAUSE_CALLER:
        return "br-connection-canceled";
    case BLEPROXY_CAUSE_SLOTS:
        return "le-connection-concurrent-connection-limit";
    case BLEPROXY_CAUSE_PEER:
        return "le-connection-abort-by-remote";
    case BLEPROXY_CAUSE_KEY:
        return "le-connection-key-missing";
    case BLEPROXY_CAUSE_FIRMWARE:
        return "le-connection-gatt-browsing";
    case BLEPROXY_CAUSE_NONE:
    case BLEPROXY_CAUSE_NOT_HEARD:
    case BLEPROXY_CAUSE_NO_PROXY:
    case BLEPROXY_CAUSE_RANGE:
    case BLEPROXY_CAUSE_PROXY:
    case BLEPROXY_CAUSE_TIMEOUT:
    case BLEPROXY_CAUSE_ATTRIBUTE:
        break;
    }
    return "le-connection-timeout";
}

const char *error_connecting(const struct bleproxy_result *result, char text[ERROR_TEXT_SIZE])
{
    char why[ERROR_TEXT_SIZE - 64];
    bleproxy_sanitise(why, sizeof(why), result->text, strlen(result->text));
    snprintf(text, ERROR_TEXT_SIZE, "%s%s%s%s", connection_error(result), why[0] ? " (" : "", why,
             why[0] ? ")" : "");
    return text;
}

const char *error_reason(const struct bleproxy_result *result, bool was_asked)
{
    if (was_asked || (result->error == 0 || result->code == REASON_LOCAL))
        return "org.bluez.Reason.Local";
    if (result->code >= REASON_REMOTE_FIRST && result->code <= REASON_REMOTE_LAST)
        return "org.bluez.Reason.Remote";
    if (result->code == REASON_TIMEOUT || result->cause == BLEPROXY_CAUSE_RANGE ||
        result->cause == BLEPROXY_CAUSE_PROXY || result->cause == BLEPROXY_CAUSE_TIMEOUT)
        return "org.bluez.Reason.Timeout";
    return "org.bluez.Reason.Unknown";
}

bool error_wants_all(sd_bus_message *call)
{
    const char *name = sd_bus_message_get_destination(call);
    return name && strcmp(name, MANAGER_BUS_NAME) == 0;
}

int error_answer_all(struct tree *tree, sd_bus_message *call, const struct bleproxy_result *result)
{
    char text[ERROR_ALL_SIZE], source[BLEPROXY_ADDRESS_TEXT_SIZE] = "";
    sd_bus_message *message = NULL;
    tree_flush(tree);
    if (!sd_bus_message_get_expect_reply(call))
        return 0;
    bleproxy_sanitise(text, sizeof(text), result->text, strlen(result->text));
    if (result->source != 0)
        bleproxy_address_format(result->source, source);
    int r = sd_bus_message_new_method_errorf(call, &message, MANAGER_ERROR, "%s", text);
    if (r >= 0)
        r = sd_bus_message_append(message, "iius", result->error, result->code, result->missing, source);
    return call_finish(tree, call, message, r);
}

/* ATT error codes (Core Specification, Vol 3 Part F 3.4.1.1), and Bluedroid's where they differ. */
enum {
    ATT_READ_NOT_PERMITTED = 0x02,
    ATT_WRITE_NOT_PERMITTED = 0x03,
    ATT_AUTHENTICATION = 0x05,
    ATT_NOT_SUPPORTED = 0x06,
    ATT_OFFSET = 0x07,
    ATT_AUTHORIZATION = 0x08,
    ATT_KEY_SIZE = 0x0c,
    ATT_LENGTH = 0x0d,
    ATT_ENCRYPTION = 0x0f,
    GATT_BUSY = 0x84,
    GATT_STARTED = 0x86,
    GATT_PENDING = 0x88,
    GATT_AUTH_FAIL = 0x89,
    GATT_NOT_ENCRYPTED = 0x8e,
    GATT_CONGESTED = 0x8f,
};

static int answer_status(struct tree *tree, sd_bus_message *call, int32_t status)
{
    char text[64];
    switch (status) {
    case ATT_READ_NOT_PERMITTED:
        return call_fail(tree, call, ERROR_NOT_PERMITTED, "Read not permitted");
    case ATT_WRITE_NOT_PERMITTED:
        return call_fail(tree, call, ERROR_NOT_PERMITTED, "Write not permitted");
    case ATT_AUTHENTICATION:
    case ATT_KEY_SIZE:
    case ATT_ENCRYPTION:
    case GATT_AUTH_FAIL:
    case GATT_NOT_ENCRYPTED:
        return call_fail(tree, call, ERROR_NOT_PERMITTED, "Not paired");
    case ATT_NOT_SUPPORTED:
        return call_fail(tree, call, ERROR_NOT_SUPPORTED, "Operation is not supported");
    case ATT_OFFSET:
        return call_fail(tree, call, ERROR_INVALID_ARGUMENTS, "Invalid offset");
    case ATT_LENGTH:
        return call_fail(tree, call, ERROR_INVALID_ARGUMENTS, "Invalid Length");
    case ATT_AUTHORIZATION:
        return call_fail(tree, call, ERROR_NOT_AUTHORIZED, "Operation Not Authorized");
    case GATT_BUSY:
    case GATT_STARTED:
    case GATT_PENDING:
    case GATT_CONGESTED:
        return call_fail(tree, call, ERROR_IN_PROGRESS, "In Progress");
    }
    snprintf(text, sizeof(text), "Operation failed with ATT error: 0x%02x", (unsigned)status & 0xff);
    return call_fail(tree, call, ERROR_FAILED, text);
}

int error_answer_code(struct tree *tree, sd_bus_message *call, int error)
{
    if (error != BLEPROXY_E_NOMEM && error_wants_all(call))
        return error_answer_all(tree, call, &(struct bleproxy_result){.error = error, .text = ""});
    switch (error) {
    case BLEPROXY_E_NOMEM:
        return -ENOMEM;
    case BLEPROXY_E_NOT_CONNECTED:
    case BLEPROXY_E_DISCONNECTED:
    case BLEPROXY_E_CANCELLED: /* only because the connection has ended */
        return call_fail(tree, call, ERROR_FAILED, "Not connected");
    case BLEPROXY_E_BUSY:
        return call_fail(tree, call, ERROR_IN_PROGRESS, "In Progress");
    case BLEPROXY_E_TOO_LONG:
        return call_fail(tree, call, ERROR_INVALID_ARGUMENTS, "Invalid Length");
    case BLEPROXY_E_PROPERTY:
    case BLEPROXY_E_UNSUPPORTED:
    case BLEPROXY_E_NO_ATTRIBUTE:
        return call_fail(tree, call, ERROR_NOT_SUPPORTED, "Operation is not supported");
    default:
        return call_fail(tree, call, ERROR_FAILED, "Operation failed");
    }
}

int error_answer(struct tree *tree, sd_bus_message *call, const struct bleproxy_result *result)
{
    if (error_wants_all(call))
        return error_answer_all(tree, call, result);
    return result->error == BLEPROXY_E_GATT ? answer_status(tree, call, result->code)
                                            : error_answer_code(tree, call, result->error);
}
