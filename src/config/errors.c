/* SPDX-License-Identifier: MIT */
#include "config/errors.h"

#include <bleproxy/error.h>
#include <stdlib.h>
#include <string.h>

static int compare(const struct config_error *a, const struct config_error *b)
{
    if (a->file_number != b->file_number)
        return a->file_number < b->file_number ? -1 : 1;
    return (a->line > b->line) - (a->line < b->line);
}

/* Behind those of its line. *ret_known: it is there already, as an alias repeats it. */
static size_t find_place(const struct config_errors *errors, const struct config_error *error,
                         bool *ret_known)
{
    size_t place = errors->n;
    while (place > 0 && compare(&errors->items[place - 1], error) > 0)
        place--;
    *ret_known = false;
    for (size_t i = place; i > 0 && compare(&errors->items[i - 1], error) == 0; i--)
        *ret_known |= strcmp(errors->items[i - 1].text, error->text) == 0;
    return place;
}

static int insert(struct config_errors *errors)
{
    bool known;
    size_t place = find_place(errors, &errors->now, &known);
    if (known)
        return 0;
    if (!errors->items)
        errors->items = calloc(CONFIG_ERRORS_MAX, sizeof(*errors->items));
    if (!errors->items)
        return BLEPROXY_E_NOMEM;
    if (errors->n == CONFIG_ERRORS_MAX) {
        errors->more = true;
        if (place == errors->n)
            return 0;
        errors->n--;
    }
    memmove(&errors->items[place + 1], &errors->items[place], (errors->n - place) * sizeof(*errors->items));
    errors->items[place] = errors->now;
    errors->n++;
    return 0;
}

int config_errors_take(struct config_errors *errors, int r)
{
    bool mistake = r == BLEPROXY_E_INVALID || r == BLEPROXY_E_NOT_FOUND || r == BLEPROXY_E_IO;
    return mistake ? insert(errors) : r;
}

void config_errors_first(const struct config_errors *errors, struct config_error *ret_error)
{
    if (errors->n == 0)
        return;
    *ret_error = errors->items[0];
    ret_error->n_others = errors->n - 1;
}

void config_errors_deinit(struct config_errors *errors)
{
    free(errors->items);
    *errors = (struct config_errors){0};
}
