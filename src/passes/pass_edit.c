/* passes/pass_edit.c - see pass_edit.h.
 * Depends: passes/pass.  Used by: passes/ only.   SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass_edit.h"

#include <string.h>

bool mwi_is_float_const(const mwi_graph *g, int32_t t)
{
    return t >= 0 && g->tensors[t]->data != NULL && g->tensors[t]->dtype == MW_FLOAT32 && g->tensors[t]->sparsity == NULL;
}

bool mwi_is_affine(const mwi_graph *g, const mwi_op *op)
{
    const bool known = op->desc == &mwi_op_conv_2d || op->desc == &mwi_op_depthwise_conv_2d || op->desc == &mwi_op_fully_connected;

    if (!known || op->n_in < 2 || !mwi_is_float_const(g, op->in[1])) return false;
    if (op->n_in > 2 && op->in[2] >= 0 && !mwi_is_float_const(g, op->in[2])) return false;
    return op->n_out == 1 && g->tensors[op->out[0]]->dtype == MW_FLOAT32 &&
           mwi_op_get_i32(op, "fused_activation_function", 0) == MWI_ACT_NONE;
}

int32_t mwi_affine_channels(const mwi_graph *g, const mwi_op *op)
{
    const mwi_tensor *const w = g->tensors[op->in[1]];
    return op->desc == &mwi_op_depthwise_conv_2d ? w->dims[3] : w->dims[0];
}

static mw_status new_const(mw_ctx *ctx, mw_model *m, mwi_graph *g, const char *name, int32_t rank, const int32_t *dims,
                           const float *data, int32_t *out)
{
    return mwi_graph_add_const(ctx, m, g, name, MW_FLOAT32, rank, dims, data, out);
}

mw_status mwi_affine_rescale(mw_ctx *ctx, mw_model *m, mwi_graph *g, mwi_op *op, const double *scale, const double *shift)
{
    const mwi_tensor *const w = g->tensors[op->in[1]];
    const int32_t n = mwi_affine_channels(g, op);
    const bool depthwise = op->desc == &mwi_op_depthwise_conv_2d;
    const size_t count = w->bytes / sizeof(float), inner = n > 0 ? count / (size_t)n : 0;
    const float *const old = w->data;
    const mwi_tensor *const b = op->n_in > 2 && op->in[2] >= 0 ? g->tensors[op->in[2]] : NULL;
    const float *const old_bias = b == NULL ? NULL : b->data;
    void *memory;
    int32_t t;

    MWI_TRY(mwi_arena_array(ctx, &m->arena, count, sizeof(float), &memory));
    float *const values = memory;
    for (size_t i = 0; i < count; i++) {
        const size_t c = depthwise ? i % (size_t)n : i / inner;
        values[i] = (float)((double)old[i] * scale[c]);
    }
    MWI_TRY(new_const(ctx, m, g, w->name, w->rank, w->dims, values, &t));
    op->in[1] = t;
    MWI_TRY(mwi_arena_array(ctx, &m->arena, (size_t)n, sizeof(float), &memory));
    float *const bias = memory;
    for (int32_t c = 0; c < n; c++)
        bias[c] = (float)((old_bias == NULL ? 0.0 : (double)old_bias[c]) * scale[c] + shift[c]);
    const char *name = b == NULL ? NULL : b->name;
    if (name == NULL) MWI_TRY(mwi_arena_printf(ctx, &m->arena, &name, "%s/bias", g->tensors[op->out[0]]->name));
    MWI_TRY(new_const(ctx, m, g, name, 1, &n, bias, &t));
    if (op->n_in < 3) {
        MWI_TRY(mwi_arena_array(ctx, &m->arena, 3, sizeof(int32_t), &memory));
        memcpy(memory, op->in, 2 * sizeof(int32_t));
        op->in = memory;
        op->n_in = 3;
    }
    op->in[2] = t;
    return MW_OK;
}

mwi_op *mwi_sole_producer(const mwi_graph *g, const mwi_uses *uses, int32_t t)
{
    if (t < 0 || uses->producer[t] < 0 || uses->n_uses[t] != 1 || mwi_graph_is_output(g, t)) return NULL;
    return g->ops[uses->producer[t]];
}

bool mwi_channel_values(const mwi_tensor *t, int32_t n, double *out)
{
    const size_t count = t->bytes / sizeof(float);
    const float *const v = t->data;

    for (int32_t i = 0; i < t->rank - 1; i++)
        if (t->dims[i] != 1) return false;
    if (count != 1 && (count != (size_t)n || t->rank < 1 || t->dims[t->rank - 1] != n)) return false;
    for (int32_t c = 0; c < n; c++) out[c] = (double)v[count == 1 ? 0 : c];
    return true;
}

/* The graph keeps single assignment: the reader is left with a tensor that nobody reads. */
void mwi_take_output(mwi_op *op, mwi_op *reader)
{
    const int32_t t = op->out[0];
    op->out[0] = reader->out[0];
    reader->out[0] = t;
}

bool mwi_same_quant(const mwi_tensor *a, const mwi_tensor *b)
{
    const mw_quantization *const x = a->quant == NULL ? NULL : &a->quant->q, *const y = b->quant == NULL ? NULL : &b->quant->q;
    const size_t n = x == NULL ? 0 : x->n_scales;

    if (n != (y == NULL ? 0 : y->n_scales) || n > 1) return false;
    return n == 0 || (x->scales[0] == y->scales[0] && x->zero_points[0] == y->zero_points[0]);
}

bool mwi_same_shape(const mwi_tensor *a, const mwi_tensor *b)
{
    return a->rank == b->rank && (a->rank == 0 || memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0);
}
