/* compress/prune/channels_remove.c - the smaller graph, in place.
 * Depends: compress/prune/channels, ops/.  Used by: mwi_prune_channels.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/prune/channels.h"

#include "compress/quantize/affine.h"
#include "ops/fixed.h"

#include <string.h>

/* ---- constants ---- */

/* Copies the elements that stay; rows of the last dimension at once where it is whole. */
static void gather(const mwi_channel_ties *c, int32_t tensor, size_t element, const char *from,
                   char *to)
{
    const mwi_tensor *const t = c->graph->tensors[tensor];
    int32_t at[MW_MAX_RANK] = {0};
    size_t n;

    if (!mwi_dims_count(t->rank, t->dims, &n)) return;
    for (size_t i = 0; i < n; i++) {
        bool stays = true;
        for (int32_t d = 0; d < t->rank && stays; d++)
            stays = !mwi_channel_is_gone(c, tensor, d, at[d]);
        if (stays) {
            memcpy(to, from + i * element, element);
            to += element;
        }
        for (int32_t d = t->rank - 1; d >= 0 && ++at[d] == t->dims[d]; d--) at[d] = 0;
    }
}

/* Values of 4 bits are gathered as bytes. */
static mw_status gather_int4(mw_ctx *ctx, const mwi_channel_ties *c, int32_t tensor,
                             mwi_arena *arena, size_t n, mwi_tensor *out)
{
    const mwi_tensor *const t = c->graph->tensors[tensor];
    void *wide, *some, *packed;
    size_t n_before;

    if (!mwi_dims_count(t->rank, t->dims, &n_before)) return MW_ELIMIT;
    MWI_TRY(mwi_arena_alloc(ctx, arena, n_before, &wide));
    MWI_TRY(mwi_arena_alloc(ctx, arena, n + 1, &some));
    MWI_TRY(mwi_arena_array(ctx, arena, (n + 1) / 2, 1, &packed));
    mwi_unpack4(t->data, n_before, wide);
    gather(c, tensor, 1, wide, some);
    mwi_pack_int4(some, n, packed);
    out->data = packed;
    out->bytes = (n + 1) / 2;
    return MW_OK;
}

static mw_status shrink_data(mw_ctx *ctx, const mwi_channel_ties *c, int32_t tensor,
                             mwi_arena *arena, mwi_tensor *out)
{
    const mwi_tensor *const t = c->graph->tensors[tensor];
    const unsigned bits = mw_dtype_bits(t->dtype);
    void *memory;
    size_t n;

    if (!mwi_dims_count(out->rank, out->dims, &n)) return MW_ELIMIT;
    if (t->dtype == MW_INT4) return gather_int4(ctx, c, tensor, arena, n, out);
    if (bits == 0 || bits % 8 != 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "constant '%s' of %s would lose channels", t->name,
                        mw_dtype_name(t->dtype));
    MWI_TRY(mwi_arena_array(ctx, arena, n, bits / 8, &memory));
    gather(c, tensor, bits / 8, t->data, memory);
    out->data = memory;
    out->bytes = n * (bits / 8);
    return MW_OK;
}

/* Scales along a dimension that lost indices. */
static mw_status shrink_quant(mw_ctx *ctx, const mwi_channel_ties *c, int32_t tensor,
                              mwi_arena *arena, mwi_tensor *out)
{
    const mw_quantization *const q = out->quant == NULL ? NULL : &out->quant->q;
    void *memory, *scales, *zeros;
    size_t n = 0;

    if (q == NULL || q->n_scales < 2 || q->n_scales == (size_t)out->dims[q->axis]) return MW_OK;
    MWI_TRY(mwi_arena_copy(ctx, arena, out->quant, sizeof *out->quant, &memory));
    MWI_TRY(mwi_arena_array(ctx, arena, q->n_scales, sizeof(float), &scales));
    MWI_TRY(mwi_arena_array(ctx, arena, q->n_scales, sizeof(int64_t), &zeros));
    for (size_t i = 0; i < q->n_scales; i++) {
        if (mwi_channel_is_gone(c, tensor, q->axis, (int32_t)i)) continue;
        ((float *)scales)[n] = q->scales[i];
        ((int64_t *)zeros)[n++] = q->zero_points[i];
    }
    mwi_quant *const copy = memory;
    copy->q.n_scales = n;
    copy->q.scales = scales;
    copy->q.zero_points = zeros;
    copy->n_min = copy->n_max = 0;
    out->quant = copy;
    return MW_OK;
}

static mw_status shrink(mw_ctx *ctx, const mwi_channel_ties *c, int32_t tensor, mwi_arena *arena,
                        mwi_tensor *out)
{
    const mwi_tensor *const t = c->graph->tensors[tensor];
    bool changed = false;

    for (int32_t d = 0; d < t->rank; d++) {
        out->dims[d] = mwi_channels_left(c, tensor, d);
        changed |= out->dims[d] != t->dims[d];
        if (out->signature[d] >= 0) out->signature[d] = out->dims[d];
    }
    if (!changed) return MW_OK;
    MWI_TRY(shrink_quant(ctx, c, tensor, arena, out));
    return t->data == NULL ? MW_OK : shrink_data(ctx, c, tensor, arena, out);
}

/* ---- shapes that constants and attributes hold ---- */

/* Sizes of the output's dimensions, -1 where it is left to the operator. */
static void put_sizes(const mwi_tensor *out, size_t n, int32_t *sizes)
{
    for (size_t i = 0; i < n && n == (size_t)out->rank; i++)
        if (sizes[i] != -1) sizes[i] = out->dims[i];
}

static mw_status put_shape_operand(mw_ctx *ctx, mw_model *model, mwi_graph *g, mwi_op *op, size_t k)
{
    const mwi_tensor *const out = g->tensors[op->out[0]];
    mwi_tensor *t;
    void *memory;
    int32_t index;

    if (k >= op->n_in || op->in[k] < 0) return MW_OK;
    t = g->tensors[op->in[k]];
    if (t->data == NULL || t->dtype != MW_INT32 || t->bytes != (size_t)out->rank * sizeof(int32_t))
        return MW_OK;
    MWI_TRY(mwi_arena_copy(ctx, &model->arena, t->data, t->bytes, &memory));
    put_sizes(out, (size_t)out->rank, memory);
    if (memcmp(memory, t->data, t->bytes) == 0) return MW_OK;
    /* another operator may read the same constant for another shape */
    MWI_TRY(
        mwi_graph_add_const(ctx, model, g, t->name, MW_INT32, t->rank, t->dims, memory, &index));
    op->in[k] = index;
    return MW_OK;
}

static mw_status put_shape_attribute(mw_ctx *ctx, mw_model *model, const mwi_graph *g, mwi_op *op)
{
    const mwi_field *const f = mwi_op_field(op->desc, "new_shape");
    const mwi_tensor *const out = g->tensors[op->out[0]];
    void *memory;

    if (f == NULL || f->kind != MWI_FIELD_I32S) return MW_OK;
    mwi_i32s *const list = (mwi_i32s *)(void *)((char *)op->attr + f->offset);
    if (list->n == 0) return MW_OK;
    MWI_TRY(mwi_arena_copy(ctx, &model->arena, list->v, list->n * sizeof *list->v, &memory));
    put_sizes(out, list->n, memory);
    list->v = memory;
    return MW_OK;
}

static mw_status put_shapes(mw_ctx *ctx, mw_model *model, mwi_graph *g)
{
    const size_t n_ops = g->n_ops;

    for (size_t i = 0; i < n_ops; i++) {
        mwi_op *const op = g->ops[i];
        const bool is_view = (op->desc->traits & MWI_OP_VIEW) != 0;
        const mwi_linear *const l = op->desc->linear;
        if (op->n_out == 0) continue;
        if (is_view) MWI_TRY(put_shape_operand(ctx, model, g, op, 1));
        if (is_view) MWI_TRY(put_shape_attribute(ctx, model, g, op));
        if (l != NULL && l->transposed) MWI_TRY(put_shape_operand(ctx, model, g, op, 0));
    }
    return MW_OK;
}

mw_status mwi_channels_remove(mw_ctx *ctx, mw_model *model, const mwi_channel_ties *c)
{
    mwi_graph *const g = model->graphs[0];

    for (size_t t = 0; t < c->graph->n_tensors; t++)
        MWI_TRY(shrink(ctx, c, (int32_t)t, &model->arena, g->tensors[t]));
    MWI_TRY(put_shapes(ctx, model, g));
    MWI_TRY(mwi_model_sweep(ctx, model, NULL));
    MWI_TRY(mwi_graph_infer(ctx, model, g));
    return mwi_model_verify(ctx, model);
}
