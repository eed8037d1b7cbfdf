/* compress/prune/report.c - see report.h.     SPDX-License-Identifier: Apache-2.0 */
#include "compress/prune/report.h"

#include <stdlib.h>
#include <string.h>

static int compare_floats(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static uint32_t count_different(float *values, size_t n)
{
    uint32_t count = n > 0;

    qsort(values, n, sizeof *values, compare_floats);
    for (size_t i = 1; i < n; i++) count += values[i] != values[i - 1];
    return count;
}

/* Of the whole, or of the output channel with the most. */
static mw_status count_values(mw_ctx *ctx, const mwi_weight_axes *a, const float *values,
                              bool by_channel, mwi_arena *scratch, uint32_t *out)
{
    const size_t n_out = by_channel ? (size_t)a->dims[a->out_axis] : 1;
    size_t inner = 1;
    void *memory;

    for (int32_t d = a->out_axis + 1; d < a->rank; d++) inner *= (size_t)a->dims[d];
    MWI_TRY(mwi_arena_array(ctx, scratch, a->n / n_out, sizeof(float), &memory));
    float *const some = memory;
    *out = 0;
    for (size_t o = 0; o < n_out; o++) {
        size_t n = 0;
        for (size_t i = 0; i < a->n; i++)
            if (!by_channel || i / inner % n_out == o) some[n++] = values[i];
        const uint32_t count = count_different(some, n);
        if (count > *out) *out = count;
    }
    return MW_OK;
}

static mw_status fill_row(mw_ctx *ctx, const mwi_layer_weight *w, int count, mwi_arena *arena,
                          mw_pruned_layer *out)
{
    mwi_arena scratch;
    const float *values;
    mw_status st = MW_OK;

    MWI_TRY(mwi_arena_printf(ctx, arena, &out->name, "%s", w->name));
    out->op = w->op->desc->name;
    out->reason = w->reason;
    out->n = out->n_before = w->axes.n;
    mwi_arena_init(ctx, &scratch);
    if (w->reason[0] == '\0') {
        MWI_GOTO(mwi_layer_weight_get(ctx, w, MWI_UNIT_STEP, &scratch, &values));
        for (size_t i = 0; i < w->axes.n; i++) out->n_zero += values[i] == 0;
        if (count != MWI_COUNT_NO_VALUES)
            st = count_values(ctx, &w->axes, values, count == MWI_COUNT_CHANNEL_VALUES, &scratch,
                              &out->n_values);
    }
out:
    mwi_arena_deinit(&scratch);
    return st;
}

static mw_status fill(mw_ctx *ctx, const mw_model *before, const mw_model *after,
                      const mwi_layer_weight *weights, size_t n, const uint64_t *n_before,
                      int count, mwi_arena *arena, mw_prune_report *out)
{
    uint64_t total = 0, zeros = 0;
    void *memory;

    MWI_TRY(mw_model_summarize(ctx, before, &out->before));
    MWI_TRY(mw_model_summarize(ctx, after, &out->after));
    MWI_TRY(mwi_arena_array(ctx, arena, n, sizeof *out->layers, &memory));
    out->layers = memory;
    out->n_layers = n;
    for (size_t i = 0; i < n; i++) {
        mw_pruned_layer *const l = &out->layers[i];
        MWI_TRY(fill_row(ctx, &weights[i], count, arena, l));
        if (n_before != NULL) l->n_before = n_before[i];
        if (l->reason[0] != '\0') continue;
        total += l->n;
        zeros += l->n_zero;
    }
    out->sparsity = total == 0 ? 0 : (double)zeros / (double)total;
    return MW_OK;
}

mw_status mwi_prune_report_fill(mw_ctx *ctx, const mw_model *before, const mw_model *after,
                                const mwi_layer_weight *weights, size_t n, const uint64_t *n_before,
                                int count, mw_prune_report *out)
{
    mwi_arena arena;
    void *memory = NULL;

    memset(out, 0, sizeof *out);
    mwi_arena_init(ctx, &arena);
    mw_status st = mwi_arena_alloc(ctx, &arena, sizeof arena, &memory);
    if (st == MW_OK) st = fill(ctx, before, after, weights, n, n_before, count, &arena, out);
    if (st != MW_OK) {
        mwi_arena_deinit(&arena);
        memset(out, 0, sizeof *out);
        return st;
    }
    out->arena = memory; /* the arena lies in itself */
    *out->arena = arena;
    return MW_OK;
}

void mw_prune_report_free(mw_prune_report *report)
{
    if (report == NULL || report->arena == NULL) return;
    mwi_arena arena = *report->arena;
    mwi_arena_deinit(&arena);
    memset(report, 0, sizeof *report);
}
