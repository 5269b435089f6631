/* SPDX-License-Identifier: MIT */
#include "names/number.h"

#include <bleproxy/names.h>

static const struct names {
#define NUMBER(value, text) char name_##value[sizeof(text)];
#include "names/companies.inc"
#undef NUMBER
} names = {
#define NUMBER(value, text) text,
#include "names/companies.inc"
#undef NUMBER
};

static const struct number companies[] = {
#define NUMBER(value, text) {value, offsetof(struct names, name_##value)},
#include "names/companies.inc"
#undef NUMBER
};

const char *bleproxy_company_name(uint16_t company)
{
    return number_find(companies, sizeof(companies) / sizeof(companies[0]), &names, company);
}
