/* compress/quantize/emit.c - making quantized tensors and the operators between types.
 * Depends: compress/quantize/job.  Used by: the rewrites of compress/quantize.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/emit.h"

#include "base/half.h"

#include <math.h>
#include <string.h>

mw_status mwi_emit_retype(mw_ctx *ctx, mw_model *model, mwi_tensor *t, mw_dtype dtype,
                          mwi_params params)
{
    t->dtype = dtype;
    t->quant = NULL;
    if (dtype == MW_FLOAT32) return MW_OK;
    return mwi_quant_per_tensor(ctx, model, params.scale, params.zero_point, &t->quant);
}

mw_status mwi_emit_value(mw_ctx *ctx, mw_model *model, mwi_graph *g, int32_t like,
                         const char *suffix, mw_dtype dtype, mwi_params params, int32_t *out)
{
    const mwi_tensor *const t = g->tensors[like];
    const char *name;

    MWI_TRY(mwi_arena_printf(ctx, &model->arena, &name, "%s%s", t->name, suffix));
    MWI_TRY(mwi_graph_add_value(ctx, model, g, name, dtype, t->rank, t->dims, out));
    mwi_tensor *const made = g->tensors[*out];
    memcpy(made->signature, g->tensors[like]->signature, sizeof made->signature);
    return mwi_emit_retype(ctx, model, made, dtype, params);
}

/* The operator that turns one type into the other in LiteRT too; NULL: none does it directly. */
static const mwi_op_desc *converter(mw_dtype from, mw_dtype to)
{
    const mwi_op_desc *const desc = mwi_op_by_name(to == MW_FLOAT32 ? "DEQUANTIZE" : "QUANTIZE");
    const mwi_tensor operand = {.name = ""};
    const mwi_view in = {.dtype = from, .tensor = &operand},
                   out = {.dtype = to, .tensor = &operand};

    for (const mwi_kernel *k = desc == NULL ? NULL : desc->kernels; k != NULL && k->name != NULL;
         k++)
        if (mwi_types_match(k->types, &in, 1, &out, 1))
            return (k->flags & MWI_KERNEL_NOT_LITERT) == 0 ? desc : NULL;
    return NULL;
}

bool mwi_emit_can_convert(mw_dtype from, mw_dtype to) { return converter(from, to) != NULL; }

mw_status mwi_emit_convert(mw_ctx *ctx, mw_model *model, mwi_graph *g, size_t *at, int32_t from,
                           int32_t to)
{
    const mw_dtype a = g->tensors[from]->dtype, b = g->tensors[to]->dtype;
    const mwi_op_desc *const desc = converter(a, b);
    mwi_op *op;

    if (desc == NULL) { /* through float */
        const mwi_params none = {1, 0};
        int32_t between;
        if (a == MW_FLOAT32 || b == MW_FLOAT32)
            return mwi_fail(ctx, MW_EUNSUPPORTED, "no operator turns %s into %s", mw_dtype_name(a),
                            mw_dtype_name(b));
        MWI_TRY(mwi_emit_value(ctx, model, g, to, "_float", MW_FLOAT32, none, &between));
        MWI_TRY(mwi_emit_convert(ctx, model, g, at, from, between));
        return mwi_emit_convert(ctx, model, g, at, between, to);
    }
    MWI_TRY(mwi_graph_add_op(ctx, model, g, *at, desc, 1, 1, &op));
    op->in[0] = from;
    op->out[0] = to;
    (*at)++;
    return MW_OK;
}

mw_status mwi_emit_per_axis(mw_ctx *ctx, mw_model *model, const float *scales, size_t n,
                            int32_t axis, const mwi_quant **out)
{
    void *quant, *copy, *zeros;

    MWI_TRY(mwi_arena_array(ctx, &model->arena, 1, sizeof(mwi_quant), &quant));
    MWI_TRY(mwi_arena_copy(ctx, &model->arena, scales, n * sizeof *scales, &copy));
    MWI_TRY(mwi_arena_array(ctx, &model->arena, n, sizeof(int64_t), &zeros));
    mwi_quant *const q = quant;
    q->q = (mw_quantization){
        .n_scales = n, .scales = copy, .zero_points = zeros, .axis = n > 1 ? axis : 0};
    q->block_scales = q->block_zero_points = -1;
    *out = q;
    return MW_OK;
}

/* ---- constants ---- */

static mw_status block_quant(mw_ctx *ctx, mwi_qjob *job, const mwi_qweight *w,
                             const mwi_quant **out)
{
    mwi_graph *const g = job->out->graphs[job->graph];
    const mwi_tensor *const t = g->tensors[w->tensor];
    const int32_t dims[2] = {t->dims[0], t->dims[1] / (int32_t)w->block};
    const char *name;
    void *memory;
    int32_t scales;

    MWI_TRY(mwi_arena_printf(ctx, &job->out->arena, &name, "%s_scales", t->name));
    MWI_TRY(
        mwi_graph_add_const(ctx, job->out, g, name, MW_FLOAT16, 2, dims, w->block_scales, &scales));
    MWI_TRY(mwi_arena_array(ctx, &job->out->arena, 1, sizeof(mwi_quant), &memory));
    mwi_quant *const q = memory;
    MWI_TRY(
        mwi_arena_array(ctx, &job->out->arena, w->channels.n / w->block, sizeof(float), &memory));
    float *const floats = memory;
    for (size_t i = 0; i < w->channels.n / w->block; i++)
        floats[i] = mwi_half_to_float(w->block_scales[i]);
    q->q.block_size = (int32_t)w->block;
    MWI_TRY(
        mwi_arena_array(ctx, &job->out->arena, w->channels.n / w->block, sizeof(int64_t), &memory));
    q->q.zero_points = memory;
    q->q.scales = floats;
    q->q.n_scales = w->channels.n / w->block;
    q->block_scales = scales;
    q->block_zero_points = -1;
    *out = q;
    return MW_OK;
}

mw_status mwi_emit_weight(mw_ctx *ctx, mwi_qjob *job, const mwi_qweight *w, int32_t *out)
{
    mwi_graph *const g = job->out->graphs[job->graph];
    const mwi_tensor *const t = g->tensors[w->tensor];
    const mwi_quant *quant;
    void *packed = w->q;

    if (w->bits == 4) {
        MWI_TRY(mwi_arena_alloc(ctx, &job->arena, (w->channels.n + 1) / 2, &packed));
        mwi_pack_int4(w->q, w->channels.n, packed);
    }
    MWI_TRY(mwi_graph_add_const(ctx, job->out, g, t->name, w->bits == 4 ? MW_INT4 : MW_INT8,
                                t->rank, t->dims, packed, out));
    if (w->block > 0)
        MWI_TRY(block_quant(ctx, job, w, &quant));
    else
        MWI_TRY(
            mwi_emit_per_axis(ctx, job->out, w->scales, w->channels.n_channels, w->axis, &quant));
    g->tensors[*out]->quant = quant;
    return MW_OK;
}

mw_status mwi_emit_data(mw_ctx *ctx, mwi_qjob *job, int32_t tensor, mw_dtype dtype,
                        mwi_params params, int32_t *out)
{
    mwi_graph *const g = job->out->graphs[job->graph];
    const mwi_tensor *const t = g->tensors[tensor];
    const size_t n = t->bytes / (mw_dtype_bits(t->dtype) / 8);
    const float *x = t->data;
    void *q, *floats;

    MWI_TRY(mwi_arena_alloc(ctx, &job->arena, n * (mw_dtype_bits(dtype) / 8), &q));
    if (t->dtype == MW_UINT8) {
        const mwi_params p = mwi_qjob_params(job, tensor);
        MWI_TRY(mwi_arena_array(ctx, &job->arena, n, sizeof *x, &floats));
        mwi_dequantize_all(t->data, n, MW_UINT8, (mwi_params){p.scale, p.zero_point + 128}, floats);
        x = floats;
    }
    mwi_quantize_all(x, n, dtype, params, q);
    MWI_TRY(mwi_graph_add_const(ctx, job->out, g, t->name, dtype, t->rank, t->dims, q, out));
    return mwi_quant_per_tensor(ctx, job->out, params.scale, params.zero_point,
                                &g->tensors[*out]->quant);
}

static int64_t bias_integer(float b, float scale, bool wide)
{
    /* LiteRT accumulates int16 models in 64 bits, of which bias and sum share 40. */
    const double limit = wide ? 0x1p39 : INT32_MAX;
    const double q = round((double)b / (double)scale);
    return (int64_t)fmin(fmax(q, -limit), limit);
}

mw_status mwi_emit_bias(mw_ctx *ctx, mwi_qjob *job, size_t i, float in_scale, int32_t *out)
{
    mwi_graph *const g = job->out->graphs[job->graph];
    const mwi_op *const op = job->fg->ops[i];
    const mwi_qweight *const w = job->ops[i].weight;
    const int32_t at = op->desc->quant->bias;
    const bool wide = job->act == MW_INT16;
    const char *name;
    void *q, *scales;
    size_t n;
    const float *const bias = mwi_qjob_bias(job, i, &n);
    const int32_t *const integers = job->ops[i].bias_integers;
    if (integers != NULL) n = job->ops[i].n_bias;
    const int32_t dim = (int32_t)n;

    if ((size_t)at < op->n_in && op->in[at] >= 0)
        name = job->fg->tensors[op->in[at]]->name;
    else
        MWI_TRY(mwi_arena_printf(ctx, &job->out->arena, &name, "%s_bias",
                                 job->fg->tensors[op->out[0]]->name));
    MWI_TRY(mwi_arena_alloc(ctx, &job->arena, n * (wide ? 8 : 4), &q));
    const size_t n_scales = w == NULL || w->channels.n_channels != n ? 1 : n;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, n_scales, sizeof(float), &scales));
    float *const s = scales;
    for (size_t k = 0; k < n_scales; k++) s[k] = in_scale * (w == NULL ? 1 : w->scales[k]);
    for (size_t k = 0; k < n; k++) {
        const int64_t v =
            integers != NULL ? integers[k] : bias_integer(bias[k], s[n_scales == 1 ? 0 : k], wide);
        if (wide)
            ((int64_t *)q)[k] = v;
        else
            ((int32_t *)q)[k] = (int32_t)v;
    }
    MWI_TRY(
        mwi_graph_add_const(ctx, job->out, g, name, wide ? MW_INT64 : MW_INT32, 1, &dim, q, out));
    return mwi_emit_per_axis(ctx, job->out, s, n_scales, 0, &g->tensors[*out]->quant);
}
