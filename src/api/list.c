/* api/list.c - mw_list: the tables of this build under one roof.
 * Depends: all lists.  Used by: programs.   SPDX-License-Identifier: Apache-2.0 */
#include <milliwatt/list.h>

#include "compress/qat/qat_schemes.h"
#include "compress/prune/structure.h"
#include "compress/quantize/observe.h"
#include "compress/quantize/scheme.h"
#include "data/source.h"
#include "devices/device.h"
#include "formats/format.h"
#include "formats/keras/layers_list.h"
#include "passes/pass.h"
#include "train/loss.h"
#include "train/optimizer.h"
#include "train/schedule.h"

#include <stdio.h>
#include <string.h>

/* A table: n-th row, false past the end. */
struct table {
    const char *name;
    bool (*get)(size_t index, mw_list_row *out);
};

static bool fill(mw_list_row *out, const char *name, const char *detail)
{
    out->name = name;
    (void)snprintf(out->detail, sizeof out->detail, "%s", detail);
    return true;
}

/* Appends a kernel's types where no kernel before has the same. */
static void add_types(mw_list_row *out, const char *types)
{
    static const char between[] = "; ";
    const size_t n = strlen(types), used = strlen(out->detail);

    for (const char *at = out->detail; *at != '\0';) {
        const char *const stop = strstr(at, between);
        const size_t length = stop == NULL ? strlen(at) : (size_t)(stop - at);
        if (length == n && memcmp(at, types, n) == 0) return;
        at += stop == NULL ? length : length + sizeof between - 1;
    }
    (void)snprintf(out->detail + used, sizeof out->detail - used, "%s%s", used == 0 ? "" : between,
                   types);
}

static bool get_op(size_t i, mw_list_row *out)
{
    const mwi_op_desc *const *op = mwi_ops;

    while (*op != NULL && i > 0) op++, i--;
    if (*op == NULL) return false;
    fill(out, (*op)->name, "");
    for (const mwi_kernel *k = (*op)->kernels; k != NULL && k->name != NULL; k++)
        add_types(out, k->types);
    for (const mwi_device_desc *const *d = mwi_devices; *d != NULL; d++)
        for (const mwi_device_kernel *const *list = (*d)->kernels; *list != NULL; list++)
            for (const mwi_device_kernel *k = *list; k->op != NULL; k++)
                if (k->op == *op) add_types(out, k->kernel.types);
    return out->detail[0] != '\0' || fill(out, (*op)->name, "no kernel");
}

static bool get_kernel(size_t i, mw_list_row *out)
{
    for (const mwi_op_desc *const *d = mwi_ops; *d != NULL; d++)
        for (const mwi_kernel *k = (*d)->kernels; k != NULL && k->name != NULL; k++)
            if (i-- == 0) return fill(out, k->name, k->types);
    for (const mwi_device_desc *const *d = mwi_devices; *d != NULL; d++)
        for (const mwi_device_kernel *const *list = (*d)->kernels; *list != NULL; list++)
            for (const mwi_device_kernel *k = *list; k->op != NULL; k++)
                if (i-- == 0) return fill(out, k->kernel.name, k->kernel.types);
    return false;
}

static bool get_layer(size_t i, mw_list_row *out)
{
    const char *name, *detail;
    return mwi_keras_layer_row(i, &name, &detail) && fill(out, name, detail);
}

#define ROWS(array)                                                                                \
    static bool get_##array(size_t i, mw_list_row *out)                                            \
    {                                                                                              \
        for (size_t k = 0; array[k] != NULL; k++)                                                  \
            if (k == i) return fill(out, array[k]->name, array[k]->summary);                       \
        return false;                                                                              \
    }
ROWS(mwi_passes)
ROWS(mwi_formats)
ROWS(mwi_devices)
ROWS(mwi_data_kinds)

/* ---- rows that stand for a number of an enum ---- */

static bool fill_value(mw_list_row *out, const char *name, const char *detail, int32_t value)
{
    out->value = value;
    return fill(out, name, detail);
}

static bool get_scheme(size_t i, mw_list_row *out)
{
    for (const mwi_scheme_desc *s = mwi_schemes; s->name != NULL; s++)
        if (i-- == 0) return fill_value(out, s->name, s->summary, (int32_t)s->scheme);
    return false;
}

static bool get_qat(size_t i, mw_list_row *out)
{
    for (const mwi_qat_scheme *s = mwi_qat_schemes; s->name != NULL; s++)
        if (i-- == 0) return fill_value(out, s->name, s->summary, s->asked);
    return false;
}

static bool get_method(size_t i, mw_list_row *out)
{
    for (const mwi_method_desc *const *m = mwi_methods; *m != NULL; m++)
        if (i-- == 0) return fill_value(out, (*m)->name, (*m)->summary, (int32_t)(*m)->method);
    return false;
}

static bool get_io(size_t i, mw_list_row *out)
{
    for (const mwi_io_desc *t = mwi_quant_ios; t->name != NULL; t++)
        if (i-- == 0) return fill_value(out, t->name, t->summary, (int32_t)t->io);
    return false;
}

static bool get_structure(size_t i, mw_list_row *out)
{
    for (const mwi_structure_desc *s = mwi_structures; s->name != NULL; s++)
        if (i-- == 0) return fill_value(out, s->name, s->summary, (int32_t)s->structure);
    return false;
}

static bool get_prune_schedule(size_t i, mw_list_row *out)
{
    for (const mwi_prune_schedule_desc *s = mwi_prune_schedules; s->name != NULL; s++)
        if (i-- == 0) return fill_value(out, s->name, s->summary, (int32_t)s->schedule);
    return false;
}

static bool get_loss(size_t i, mw_list_row *out)
{
    for (const mwi_loss_desc *const *l = mwi_losses; *l != NULL; l++)
        if (i-- == 0) return fill_value(out, (*l)->name, (*l)->summary, (int32_t)(*l)->loss);
    return false;
}

static bool get_optimizer(size_t i, mw_list_row *out)
{
    for (const mwi_optimizer_desc *const *o = mwi_optimizers; *o != NULL; o++)
        if (i-- == 0) return fill_value(out, (*o)->name, (*o)->summary, (int32_t)(*o)->optimizer);
    return false;
}

static bool get_schedule(size_t i, mw_list_row *out)
{
    for (const mwi_schedule_desc *const *s = mwi_schedules; *s != NULL; s++)
        if (i-- == 0) return fill_value(out, (*s)->name, (*s)->summary, (int32_t)(*s)->schedule);
    return false;
}

static const struct table tables[] = {
    {"ops", get_op},
    {"kernels", get_kernel},
    {"layers", get_layer},
    {"passes", get_mwi_passes},
    {"formats", get_mwi_formats},
    {"devices", get_mwi_devices},
    {"data", get_mwi_data_kinds},
    {"schemes", get_scheme},
    {"qat", get_qat},
    {"methods", get_method},
    {"io", get_io},
    {"structures", get_structure},
    {"prune_schedules", get_prune_schedule},
    {"losses", get_loss},
    {"optimizers", get_optimizer},
    {"schedules", get_schedule},
};

static const struct table *find(const char *name)
{
    for (size_t i = 0; i < MWI_COUNT(tables) && name != NULL; i++)
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

    mwi_enter(ctx);
    if (t == NULL)
        return mwi_fail(ctx, MW_EINVAL, "no table '%s'; mw_list_table names them",
                        table == NULL ? "" : table);
    out_row->value = 0;
    if (!t->get(index, out_row))
        return mwi_fail(ctx, MW_EINVAL, "table %s has %zu rows, no row %zu", table,
                        mw_list_size(table), index);
    return MW_OK;
}

mw_status mw_list_find(mw_ctx *ctx, const char *table, const char *name, mw_list_row *out_row)
{
    char names[1024] = "";
    size_t used = 0;

    mwi_enter(ctx);
    for (size_t i = 0; i < mw_list_size(table); i++) {
        MWI_TRY(mw_list_get(ctx, table, i, out_row));
        if (strcmp(out_row->name, name) == 0) return MW_OK;
        if (used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "",
                                     out_row->name);
    }
    return mwi_fail(ctx, MW_EINVAL, "'%s' is none of the %s: %s", name, table, names);
}
