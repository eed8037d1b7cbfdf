/* api/list.c - mw_list: the tables of this build under one roof.
 * Depends: all lists.  Used by: programs.   SPDX-License-Identifier: Apache-2.0 */
#include <milliwatt/list.h>

#include "data/source.h"
#include "devices/device.h"
#include "formats/format.h"
#include "formats/keras/layers_list.h"
#include "passes/pass.h"

#include <string.h>

/* A table: n-th row, false past the end. */
struct table {
    const char *name;
    bool (*get)(size_t index, mw_list_row *out);
};

static bool get_op(size_t i, mw_list_row *out)
{
    if (i >= 1000 || mwi_ops[i] == NULL) return false;
    out->name = mwi_ops[i]->name;
    const mwi_kernel *const k = mwi_ops[i]->kernels;
    out->detail = k == NULL || k->name == NULL ? "no kernel" : k->types;
    return true;
}

static bool get_kernel(size_t i, mw_list_row *out)
{
    for (const mwi_op_desc *const *d = mwi_ops; *d != NULL; d++)
        for (const mwi_kernel *k = (*d)->kernels; k != NULL && k->name != NULL; k++)
            if (i-- == 0) return *out = (mw_list_row){k->name, k->types}, true;
    return false;
}

static bool get_layer(size_t i, mw_list_row *out)
{
    return mwi_keras_layer_row(i, &out->name, &out->detail);
}

#define ROWS(array)                                                                                \
    static bool get_##array(size_t i, mw_list_row *out)                                            \
    {                                                                                              \
        for (size_t k = 0; array[k] != NULL; k++)                                                  \
            if (k == i) return *out = (mw_list_row){array[k]->name, array[k]->summary}, true;      \
        return false;                                                                              \
    }
ROWS(mwi_passes)
ROWS(mwi_formats)
ROWS(mwi_devices)
ROWS(mwi_data_kinds)

static const struct table tables[] = {
    {"ops", get_op},
    {"kernels", get_kernel},
    {"layers", get_layer},
    {"passes", get_mwi_passes},
    {"formats", get_mwi_formats},
    {"devices", get_mwi_devices},
    {"data", get_mwi_data_kinds},
};

static const struct table *find(const char *name)
{
    for (size_t i = 0; i < MWI_COUNT(tables); i++)
        if (strcmp(tables[i].name, name) == 0) return &tables[i];
    return NULL;
}

const char *mw_list_table(size_t index)
{
    return index < MWI_COUNT(tables) ? tables[index].name : NULL;
}

size_t mw_list_size(const char *table)
{
    const struct table *const t = find(table);
    mw_list_row row;
    size_t n = 0;

    while (t != NULL && t->get(n, &row)) n++;
    return n;
}

mw_status mw_list_get(mw_ctx *ctx, const char *table, size_t index, mw_list_row *out_row)
{
    const struct table *const t = find(table);

    if (t == NULL) return mwi_fail(ctx, MW_EINVAL, "no table '%s'", table);
    if (!t->get(index, out_row))
        return mwi_fail(ctx, MW_EINVAL, "table %s has no row %zu", table, index);
    return MW_OK;
}
