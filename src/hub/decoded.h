/* SPDX-License-Identifier: MIT */
#ifndef HUB_DECODED_H
#define HUB_DECODED_H

#include "wire/fields.h"
#include "wire/message.h"

/* Reads an advertisement that the proxy itself decoded (firmware before 2025.8) into empty fields. What
 * cannot be read as UUID, company or byte is left out. name borrows from advert. */
void decoded_parse(struct fields *fields, const BluetoothLEAdvertisementResponse *advert);

#endif
