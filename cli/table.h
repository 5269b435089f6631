/* SPDX-License-Identifier: MIT */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "columns.h"

#include <bleproxy/advertisement.h>
#include <stdio.h>

/* Devices, a line each. The live view and the final table are this one. */

struct table_row {
    const struct bleproxy_advertisement *advertisement;
    const char *name;  /* may be as it came from the air; NULL: unknown */
    const char *proxy; /* sanitised */
    uint32_t age_s;    /* since it was last heard */
    double rate;       /* advertisements/s */
};

struct table_style {
    unsigned columns; /* 0: as many as it takes */
    bool colour;
};

/* Head and rows. */
void table_print(FILE *out, const struct table_style *style, const struct table_row *rows, size_t n_rows);

/* One to four bars; none where there is no strength. */
const char *table_bars(int rssi_dbm);
/* An escape sequence: how good that is. */
const char *table_colour(int rssi_dbm);
/* A cell of 9 columns for it: " -48 ▂▄▆█". */
void table_add_strength(struct columns *columns, int rssi_dbm);

#endif
