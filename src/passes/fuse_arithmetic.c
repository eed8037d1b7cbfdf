/* passes/fuse_arithmetic.c - MUL, DIV, ADD and SUB by a constant for each channel go into the convolution or fully
 * connected layer before them.
 * Depends: passes/edit.  Used by: the list of passes only.   SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass_edit.h"

/* x op constant, with the constant on either side; false when the layer cannot take it. */
static bool factors(const mwi_graph *g, const mwi_op *op, int32_t n, int32_t *x, double *scale, double *shift)
{
    const bool mul = op->desc == &mwi_op_mul, add = op->desc == &mwi_op_add, sub = op->desc == &mwi_op_sub;
    const bool div = op->desc == &mwi_op_div;

    if (!mul && !add && !sub && !div) return false;
    const int32_t constant = mwi_is_float_const(g, op->in[1]) ? 1 : mwi_is_float_const(g, op->in[0]) && !div ? 0 : -1;
    if (constant < 0 || !mwi_channel_values(g->tensors[op->in[constant]], n, shift)) return false;
    *x = op->in[1 - constant];
    for (int32_t c = 0; c < n; c++) {
        const double v = shift[c];
        if (div && v == 0) return false;
        scale[c] = mul ? v : div ? 1 / v : sub && constant == 0 ? -1 : 1;
        shift[c] = add || (sub && constant == 0) ? v : sub ? -v : 0;
    }
    return true;
}

static mw_status run(mw_ctx *ctx, mw_model *model, mwi_graph *graph, uint32_t *n_changes)
{
    for (size_t i = 0; i < graph->n_ops; i++) {
        mwi_op *const op = graph->ops[i];
        mwi_uses uses;
        int32_t x;
        void *memory;
        if ((op->desc->traits & MWI_OP_BINARY_BROADCAST) == 0 || op->n_in != 2 || op->n_out != 1 ||
            graph->tensors[op->out[0]]->dtype != MW_FLOAT32)
            continue;
        const mwi_tensor *const out = graph->tensors[op->out[0]];
        if (out->rank < 1) continue;
        const int32_t n = out->dims[out->rank - 1];
        MWI_TRY(mwi_arena_array(ctx, &model->arena, 2 * (size_t)n, sizeof(double), &memory));
        double *const scale = memory, *const shift = scale + n;
        if (!factors(graph, op, n, &x, scale, shift)) continue;
        MWI_TRY(mwi_graph_uses(ctx, graph, &model->arena, &uses));
        mwi_op *const before = mwi_sole_producer(graph, &uses, x);
        if (before == NULL || !mwi_is_affine(graph, before) || mwi_affine_channels(graph, before) != n ||
            !mwi_same_shape(graph->tensors[x], out))
            continue;
        MWI_TRY(mwi_affine_rescale(ctx, model, graph, before, scale, shift));
        mwi_op_set_i32(before, "fused_activation_function", mwi_op_get_i32(op, "fused_activation_function", 0));
        mwi_take_output(before, op);
        mwi_graph_remove_op(graph, i--);
        (*n_changes)++;
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_fuse_arithmetic = {
    .name = "fuse_arithmetic",
    .summary = "multiplications and additions of constants into the layer before them",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
