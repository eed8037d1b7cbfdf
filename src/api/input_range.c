/* api/input_range.c - mw_model_input_range: values that an input may be given at random.
 * Depends: model/, ops/.  Used by: programs.   SPDX-License-Identifier: Apache-2.0 */
#include <milliwatt/model.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "ops/registry.h"

/* What an operator asks of one of its inputs. */
typedef struct ask {
    const mwi_graph *g;
    const mwi_op *op;
    size_t k;         /* which input */
    double of_output; /* largest index that its results may be; +inf: they are none */
} ask;

static const mwi_tensor *tensor_of(const ask *a, size_t k)
{
    return k < a->op->n_in && a->op->in[k] >= 0 ? a->g->tensors[a->op->in[k]] : NULL;
}

/* Rows of the table that is picked from. */
static double rows_of(const ask *a)
{
    const bool lookup = a->op->desc == mwi_op_by_name("EMBEDDING_LOOKUP");
    const mwi_tensor *const table = tensor_of(a, lookup ? 1 : 0);
    double least = (double)INFINITY;

    if (table == NULL || table->rank < 1) return (double)INFINITY;
    if (lookup) return table->dims[0];
    if (a->op->desc == mwi_op_by_name("GATHER")) {
        const int32_t axis = mwi_op_get_i32(a->op, "axis", 0);
        const int32_t at = axis < 0 ? axis + table->rank : axis;
        return at >= 0 && at < table->rank ? (double)table->dims[at] : (double)INFINITY;
    }
    for (int32_t i = 0; i < table->rank; i++)
        least = fmin(least, (double)table->dims[i]); /* GATHER_ND */
    return least;
}

static bool is_index(const ask *a)
{
    if (a->op->desc == mwi_op_by_name("EMBEDDING_LOOKUP")) return a->k == 0;
    return a->k == 1 &&
           (a->op->desc == mwi_op_by_name("GATHER") || a->op->desc == mwi_op_by_name("GATHER_ND"));
}

/* Operators that hand on values as they are. */
static bool moves(const mwi_op *op)
{
    const uint32_t flags = op->desc->quant == NULL ? 0 : op->desc->quant->flags;
    return op->desc == mwi_op_by_name("CAST") || (op->desc->traits & MWI_OP_VIEW) != 0 ||
           (flags & (MWI_QUANT_SAME_SCALE | MWI_QUANT_INPUTS_SAME)) != 0;
}

/* Largest value that an input of an operator may have, +inf: no bound. */
static double bound_of(const ask *a)
{
    if (is_index(a)) return rows_of(a) - 1;
    if (a->of_output > DBL_MAX) return (double)INFINITY;
    if (moves(a->op)) return a->of_output;
    return 0; /* something is computed of an index: 0 is the safest start */
}

static mw_status index_bounds(mw_ctx *ctx, const mwi_graph *g, mwi_arena *arena, double **out)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, arena, g->n_tensors, sizeof(double), &memory));
    double *const bound = *out = memory;
    for (size_t i = 0; i < g->n_tensors; i++) bound[i] = (double)INFINITY;
    for (size_t i = g->n_ops; i-- > 0;) {
        ask a = {g, g->ops[i], 0, (double)INFINITY};
        for (size_t k = 0; k < a.op->n_out; k++)
            a.of_output = fmin(a.of_output, bound[a.op->out[k]]);
        for (a.k = 0; a.k < a.op->n_in; a.k++)
            if (a.op->in[a.k] >= 0) bound[a.op->in[a.k]] = fmin(bound[a.op->in[a.k]], bound_of(&a));
    }
    return MW_OK;
}

static void range_of_type(mw_dtype dtype, double *low, double *high)
{
    const bool is_float = dtype == MW_FLOAT32 || dtype == MW_FLOAT16 || dtype == MW_FLOAT64 ||
                          dtype == MW_BFLOAT16 || dtype == MW_COMPLEX64 || dtype == MW_COMPLEX128;
    *low = is_float ? -1 : 0;
    *high = is_float || dtype == MW_BOOL ? 1 : 127;
    if (dtype == MW_INT8 || dtype == MW_INT4 || dtype == MW_INT16)
        *low = -ldexp(1, (int)mw_dtype_bits(dtype) - 1), *high = -*low - 1;
    if (dtype == MW_UINT8 || dtype == MW_UINT16) *high = ldexp(1, (int)mw_dtype_bits(dtype)) - 1;
}

mw_status mw_model_input_range(mw_ctx *ctx, const mw_model *model, size_t index, double *out_low,
                               double *out_high)
{
    const mwi_graph *const g = model->graphs[0];
    mwi_arena arena;
    double *bound;

    mwi_enter(ctx);
    if (index >= g->n_inputs)
        return mwi_fail(ctx, MW_EINVAL, "%s: input %zu of %zu", model->name, index, g->n_inputs);
    mwi_arena_init(ctx, &arena);
    const mw_status st = index_bounds(ctx, g, &arena, &bound);
    if (st == MW_OK) {
        const double largest = bound[g->inputs[index]];
        range_of_type(g->tensors[g->inputs[index]]->dtype, out_low, out_high);
        if (largest <= DBL_MAX) *out_low = 0, *out_high = fmax(0, largest);
    }
    mwi_arena_deinit(&arena);
    return st;
}
