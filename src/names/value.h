/* SPDX-License-Identifier: MIT */
#ifndef NAMES_VALUE_H
#define NAMES_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text that is put together; what does not fit is left out. */
struct value_text {
    char bytes[512];
    size_t size;
};
void value_add(struct value_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* number / 10^decimals with all its decimals. */
void value_add_decimal(struct value_text *text, int64_t number, unsigned decimals);
/* The word for a value of an enumerated characteristic, or NULL. */
const char *value_word(uint16_t characteristic, uint32_t value);

/* Characteristics of several fields. Whether it is one of them and the value fits. */
bool value_add_fields(struct value_text *text, uint16_t characteristic, const uint8_t *value, size_t size);
/* The appearance's category, or NULL. */
const char *appearance_category(uint16_t appearance);

#endif
