/* ops/select.c - SELECT: x where the condition holds, else y. A condition of rank 1 chooses rows,
 * one of rank 0 all.
 * Depends: ops/choose.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/choose.h"

#include <string.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const c = &call->in[0], *const x = &call->in[1], *const y = &call->in[2];

    for (size_t i = 0; i < 3; i++) MWI_TRY(mwi_need_input(ctx, call, i, 0, MW_MAX_RANK));
    const bool single = mwi_view_count(c) == 1 && mwi_view_count(x) == 1 && mwi_view_count(y) == 1;
    const bool same =
        x->rank == y->rank && memcmp(x->dims, y->dims, (size_t)x->rank * sizeof *x->dims) == 0;
    const bool whole =
        c->rank == x->rank && memcmp(c->dims, x->dims, (size_t)x->rank * sizeof *x->dims) == 0;
    const bool rows = c->rank == 1 && x->rank > 0 && c->dims[0] == x->dims[0];
    if (!single && (!same || !(whole || rows || c->rank == 0)))
        return mwi_fail(ctx, MW_EFORMAT, "the shapes of condition, x and y do not go together");
    if (!mwi_choose_keeps_shape(call)) mwi_view_set_dims(&call->out[0], x->rank, x->dims);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    return mwi_choose_run(call, call->in[0].rank == 1 && call->in[1].rank > 0);
}

static int32_t version(const mwi_shape_call *call)
{
    if (call->in[1].dtype == MW_UINT32) return 4;
    if (call->in[0].rank == 5 || call->in[1].rank == 5 || call->in[2].rank == 5) return 3;
    return call->in[1].dtype == MW_INT8 ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "any_select__ref", .types = "bool," MWI_MOVED ",=1>=1", .run = run},
    {.name = NULL},
};

static const mwi_quant_rule quant = {.quantizable = true,
                                     .weight = -1,
                                     .axis = -1,
                                     .bias = -1,
                                     .flags = MWI_QUANT_INPUTS_SAME,
                                     .data_inputs = {1, 2, -1}};

/* In the shape of `like`: of single elements SELECT keeps what shape it is given. */
static mw_status chosen(mw_ctx *ctx, const mwi_emitter *at, int32_t x, int32_t y, int32_t like,
                        int32_t *out)
{
    MWI_TRY(mwi_emit(ctx, at, &mwi_op_select, MWI_IN(at->op->in[0], x, y), NULL, out));
    mwi_emit_same_dims(at, *out, like);
    return MW_OK;
}

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const int32_t *const in = call->at.op->in, dy = call->d_out[0];
    int32_t zeros;

    MWI_TRY(mwi_emit1(ctx, &call->at, &mwi_op_zeros_like, dy, &zeros));
    MWI_TRY(chosen(ctx, &call->at, dy, zeros, in[1], &call->d_in[1]));
    return chosen(ctx, &call->at, zeros, dy, in[2], &call->d_in[2]);
}

const mwi_op_desc mwi_op_select = {
    .name = "SELECT",
    .tflite_code = 64,
    .options_type = 47,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_PER_SAMPLE,
    .kernels = kernels,
    .quant = &quant,
    .infer = infer,
    .gradient = gradient,
    .version = version,
};
