/* SPDX-License-Identifier: MIT */
#include "base/digits.h"
#include <bleproxy/advertisement.h>
#include <bleproxy/error.h>

void bleproxy_address_format(uint64_t address, char text[BLEPROXY_ADDRESS_TEXT_SIZE])
{
    static const char digits[] = "0123456789ABCDEF";
    for (int shift = 40; shift >= 0; shift -= 8) {
        *text++ = digits[address >> (shift + 4) & 15];
        *text++ = digits[address >> shift & 15];
        *text++ = shift > 0 ? ':' : '\0';
    }
}

int bleproxy_address_parse(const char *text, uint64_t *ret_address)
{
    uint64_t address = 0;
    char separator = text[0] && text[1] && (text[2] == ':' || text[2] == '-') ? text[2] : '\0';
    for (int octet = 0; octet < 6; octet++) {
        if (octet > 0 && separator && *text++ != separator)
            return BLEPROXY_E_INVALID;
        for (int i = 0; i < 2; i++) {
            int value = digit_value(*text);
            if (value < 0)
                return BLEPROXY_E_INVALID;
            address = address << 4 | (uint64_t)value;
            text++;
        }
    }
    if (*text)
        return BLEPROXY_E_INVALID;
    *ret_address = address;
    return 0;
}
