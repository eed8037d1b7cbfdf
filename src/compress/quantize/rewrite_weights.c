/* compress/quantize/rewrite_weights.c - schemes that change weights alone: dynamic range, int4,
 * float16, weights only. Activations stay float.
 * Depends: compress/quantize/job, emit.  Used by: mw_quantize.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/emit.h"

#include "base/half.h"

#include <math.h>

/* What was made of a float constant: the same for all that read it. */
struct made {
    int32_t constant, value; /* quantized constant; what DEQUANTIZE makes of it; -1 none */
};

struct state {
    mwi_qjob *job;
    mwi_graph *g;
    struct made *made; /* by float tensor */
};

static mw_status behind_dequantize(mw_ctx *ctx, struct state *s, size_t *at, int32_t constant,
                                   int32_t *out)
{
    const mwi_params none = {1, 0};

    MWI_TRY(
        mwi_emit_value(ctx, s->job->out, s->g, constant, "_dequantized", MW_FLOAT32, none, out));
    return mwi_emit_convert(ctx, s->job->out, s->g, at, constant, *out);
}

static mw_status set_bool(mwi_op *op, const char *name, bool value)
{
    const mwi_field *const f = mwi_op_field(op->desc, name);
    if (f != NULL && f->kind == MWI_FIELD_BOOL) *(bool *)((char *)op->attr + f->offset) = value;
    return MW_OK;
}

/* LiteRT's kernel for blockwise weights leaves the fused activation out: it becomes an operator. */
static mw_status unfuse(mw_ctx *ctx, struct state *s, size_t *at, mwi_op *op)
{
    static const struct {
        int32_t activation;
        const char *op;
    } rows[] = {
        {MWI_ACT_RELU, "RELU"},
        {MWI_ACT_RELU6, "RELU6"},
        {MWI_ACT_RELU_N1_TO_1, "RELU_N1_TO_1"},
        {MWI_ACT_TANH, "TANH"},
    };
    const int32_t fused = mwi_op_get_i32(op, "fused_activation_function", MWI_ACT_NONE);
    const mwi_params none = {1, 0};
    mwi_op *act;
    int32_t before;

    for (size_t i = 0; i < MWI_COUNT(rows); i++) {
        const mwi_op_desc *const desc = mwi_op_by_name(rows[i].op);
        if (rows[i].activation != fused || desc == NULL) continue;
        MWI_TRY(mwi_emit_value(ctx, s->job->out, s->g, op->out[0], "_linear", MW_FLOAT32, none,
                               &before));
        MWI_TRY(mwi_graph_add_op(ctx, s->job->out, s->g, *at + 1, desc, 1, 1, &act));
        act->in[0] = before;
        act->out[0] = op->out[0];
        op->out[0] = before;
        mwi_op_set_i32(op, "fused_activation_function", MWI_ACT_NONE);
        (*at)++;
        return MW_OK;
    }
    return MW_OK;
}

static mw_status set_weight(mw_ctx *ctx, struct state *s, size_t *at, size_t i, mwi_op *op)
{
    const mwi_qop *const q = &s->job->ops[i];
    const int32_t which = op->desc->quant->weight, tensor = s->job->fg->ops[i]->in[which];
    struct made *const m = &s->made[tensor];

    if (m->constant < 0) MWI_TRY(mwi_emit_weight(ctx, s->job, q->weight, &m->constant));
    if (q->hybrid) {
        op->in[which] = m->constant;
        return set_bool(op, "asymmetric_quantize_inputs", true);
    }
    if (m->value < 0) MWI_TRY(behind_dequantize(ctx, s, at, m->constant, &m->value));
    op->in[which] = m->value;
    return MW_OK;
}

static mw_status set_bias(mw_ctx *ctx, struct state *s, size_t i, mwi_op *op)
{
    const mwi_qop *const q = &s->job->ops[i];
    const int32_t dim = (int32_t)q->n_bias;
    const char *name;
    int32_t tensor;

    if (q->bias == NULL) return MW_OK;
    MWI_TRY(mwi_arena_printf(ctx, &s->job->out->arena, &name, "%s_bias",
                             s->g->tensors[op->out[0]]->name));
    MWI_TRY(
        mwi_graph_add_const(ctx, s->job->out, s->g, name, MW_FLOAT32, 1, &dim, q->bias, &tensor));
    return mwi_qjob_set_input(ctx, s->job->out, op, (size_t)op->desc->quant->bias, tensor);
}

/* ---- float16 ---- */

/* Fewer elements do not pay for the operator and tensor that they need. */
enum { LEAST_HALVES = 64 };

/* NULL when every value fits; else why not. */
static const char *why_not_half(const mwi_tensor *t)
{
    const float *const x = t->data;

    if (t->dtype != MW_FLOAT32 || t->data == NULL || t->sparsity != NULL)
        return "not a float32 constant";
    if (t->bytes / sizeof *x < LEAST_HALVES) return "small";
    for (size_t i = 0; i < t->bytes / sizeof *x; i++)
        if (fabsf(x[i]) > 65504.0f) return "a value is larger than float16 holds";
    return NULL;
}

static mw_status emit_half(mw_ctx *ctx, struct state *s, int32_t tensor, int32_t *out)
{
    const mwi_tensor *const t = s->job->fg->tensors[tensor];
    const float *const x = t->data;
    const size_t n = t->bytes / sizeof *x;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &s->job->arena, n, sizeof(uint16_t), &memory));
    uint16_t *const h = memory;
    for (size_t i = 0; i < n; i++) h[i] = mwi_float_to_half(x[i]);
    return mwi_graph_add_const(ctx, s->job->out, s->g, t->name, MW_FLOAT16, t->rank, t->dims, h,
                               out);
}

static mw_status set_halves(mw_ctx *ctx, struct state *s, size_t *at, size_t i, mwi_op *op)
{
    mwi_qop *const q = &s->job->ops[i];
    const char *reason = "has no weight";

    for (size_t k = 0; k < op->n_in; k++) {
        if (op->in[k] < 0 || s->job->fg->ops[i]->in[k] < 0) continue;
        const int32_t tensor = s->job->fg->ops[i]->in[k];
        struct made *const m = &s->made[tensor];
        const char *const why = why_not_half(s->job->fg->tensors[tensor]);
        if (why != NULL) {
            if (s->job->fg->tensors[tensor]->data != NULL && reason[0] != '\0') reason = why;
            continue;
        }
        if (m->constant < 0) MWI_TRY(emit_half(ctx, s, tensor, &m->constant));
        if (m->value < 0) MWI_TRY(behind_dequantize(ctx, s, at, m->constant, &m->value));
        op->in[k] = m->value;
        q->behind = true;
        reason = "";
    }
    q->reason = reason;
    return MW_OK;
}

/* ---- all operators ---- */

mw_status mwi_qjob_rewrite_weights(mw_ctx *ctx, mwi_qjob *job)
{
    const size_t n_tensors = job->fg->n_tensors;
    struct state s = {.job = job, .g = job->out->graphs[job->graph]};
    size_t at = 0;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &job->arena, n_tensors, sizeof(struct made), &memory));
    s.made = memory;
    for (size_t i = 0; i < n_tensors; i++) s.made[i] = (struct made){-1, -1};
    for (size_t i = 0; i < job->fg->n_ops; i++, at++) {
        mwi_op *const op = s.g->ops[at];
        const mwi_qop *const q = &job->ops[i];
        job->made_ops[i] = op;
        if (job->scheme->weight_bits == 16) {
            if (q->reason[0] == '\0') MWI_TRY(set_halves(ctx, &s, &at, i, op));
            continue;
        }
        if (q->weight != NULL) MWI_TRY(set_weight(ctx, &s, &at, i, op));
        MWI_TRY(set_bias(ctx, &s, i, op));
        if (q->weight != NULL && q->weight->block > 0) MWI_TRY(unfuse(ctx, &s, &at, op));
    }
    for (size_t i = 0; i < n_tensors; i++)
        if (!mwi_tensor_is_const(job->fg->tensors[i])) job->made[i] = s.g->tensors[i];
    return MW_OK;
}
