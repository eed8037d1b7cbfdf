/* train/batch_shapes.c - operators that are told the shape of their result: while training it
 * follows the batch.
 * Depends: train/step_build.  Used by: train/step_graph.     SPDX-License-Identifier: Apache-2.0 */
#include "train/step_build.h"

#include <string.h>

/* Rows whose input 0 is that shape, and the input whose first dimension is the batch. */
static int32_t batch_operand(const mwi_op_desc *desc)
{
    return desc == &mwi_op_transpose_conv || desc == &mwi_op_conv_3d_transpose ? 2 : -1;
}

static mw_status insert(mw_ctx *ctx, mwi_step_graph *g, size_t at, const mwi_op_desc *desc,
                        const int32_t *in, size_t n_in, int32_t n, int32_t *out)
{
    mwi_op *op;

    MWI_TRY(mwi_graph_add_value(ctx, g->model, g->graph, desc->name, MW_INT32, 1, &n, out));
    MWI_TRY(mwi_graph_add_op(ctx, g->model, g->graph, at, desc, n_in, 1, &op));
    memcpy(op->in, in, n_in * sizeof *in);
    op->out[0] = *out;
    return MW_OK;
}

static mw_status add_ints(mw_ctx *ctx, mwi_step_graph *g, const int32_t *values, int32_t n,
                          int32_t *out)
{
    return mwi_graph_add_const(ctx, g->model, g->graph, "batch_shape", MW_INT32, 1, &n, values,
                               out);
}

/* concat(shape(value)[0:1], constant[1:]) */
static mw_status follow_batch(mw_ctx *ctx, mwi_step_graph *g, size_t *at, int32_t value)
{
    mwi_op *const op = g->graph->ops[*at];
    const mwi_tensor *const shape = g->graph->tensors[op->in[0]];
    const int32_t zero = 0, one = 1;
    int32_t all, begin, size, first, rest;

    MWI_TRY(add_ints(ctx, g, &zero, 1, &begin));
    MWI_TRY(add_ints(ctx, g, &one, 1, &size));
    MWI_TRY(add_ints(ctx, g, (const int32_t *)shape->data + 1, shape->dims[0] - 1, &rest));
    MWI_TRY(
        insert(ctx, g, (*at)++, &mwi_op_shape, &value, 1, g->graph->tensors[value]->rank, &all));
    mwi_op_set_i32(g->graph->ops[*at - 1], "out_type", MW_INT32);
    MWI_TRY(
        insert(ctx, g, (*at)++, &mwi_op_slice, (const int32_t[]){all, begin, size}, 3, 1, &first));
    return insert(ctx, g, (*at)++, &mwi_op_concatenation, (const int32_t[]){first, rest}, 2,
                  shape->dims[0], &op->in[0]);
}

mw_status mwi_step_take_batches(mw_ctx *ctx, mwi_step_graph *g)
{
    for (size_t i = 0; i < g->graph->n_ops; i++) {
        const mwi_op *const op = g->graph->ops[i];
        const int32_t k = batch_operand(op->desc);
        if (k < 0) continue;
        const mwi_tensor *const shape = g->graph->tensors[op->in[0]];
        if (shape->data == NULL || shape->dtype != MW_INT32 || shape->rank != 1 ||
            shape->dims[0] < 2 || *(const int32_t *)shape->data != 1)
            continue;
        MWI_TRY(follow_batch(ctx, g, &i, op->in[k]));
    }
    return MW_OK;
}
