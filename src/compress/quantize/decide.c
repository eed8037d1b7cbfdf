/* compress/quantize/decide.c - which operators become integer, hybrid, or stay float and why.
 * Depends: compress/quantize/job, emit.  Used by: mw_quantize. An operator is written with other
 * types only where a kernel that LiteRT has too takes them; its row says what is weight, bias and
 * data.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/emit.h"
#include "compress/quantize/readers.h"

bool mwi_rule_is_data(const mwi_quant_rule *rule, size_t i)
{
    if ((int32_t)i == rule->weight || (int32_t)i == rule->bias) return false;
    /* An all-zero list is a row that left the field out: {0} would name input 0 four times. */
    if (rule->data_inputs[0] < 0) return true;
    if (rule->data_inputs[0] == 0 && rule->data_inputs[1] == 0) return true;
    for (size_t k = 0; k < MWI_COUNT(rule->data_inputs) && rule->data_inputs[k] >= 0; k++)
        if (rule->data_inputs[k] == (int8_t)i) return true;
    return false;
}

static bool is_real(const mwi_tensor *t) { return t->dtype == MW_FLOAT32 || t->dtype == MW_UINT8; }

int32_t mwi_rule_main_input(const mwi_graph *g, const mwi_op *op)
{
    for (size_t i = 0; i < op->n_in; i++) {
        if (op->in[i] < 0 || !mwi_rule_is_data(op->desc->quant, i)) continue;
        const mwi_tensor *const t = g->tensors[op->in[i]];
        if (is_real(t) && !mwi_tensor_is_const(t)) return op->in[i];
    }
    return -1;
}

/* ---- kernels for candidate types ---- */

/* What types an operator's operands would have. */
struct candidate {
    mw_dtype from; /* operands of this type change; biases of float32 and int32 do */
    mw_dtype data, weight, bias, out;
};

static bool has_kernel(const mwi_shape_call *views, const mwi_quant_rule *rule, struct candidate c,
                       mwi_view *in)
{
    mwi_shape_call call = *views;

    for (size_t i = 0; i < call.n_in; i++) {
        if (call.in[i].tensor == NULL) continue;
        if ((int32_t)i == rule->bias)
            in[i].dtype = c.bias;
        else if (call.in[i].dtype != c.from)
            continue;
        else if ((int32_t)i == rule->weight)
            in[i].dtype = c.weight;
        else if (mwi_rule_is_data(rule, i))
            in[i].dtype = c.data;
    }
    for (size_t i = 0; i < call.n_out; i++)
        if (views->out[i].tensor->dtype == c.from) call.out[i].dtype = c.out;
    const mwi_kernel *const k = mwi_kernel_by_types(NULL, &call); /* no data of these types yet */
    return k != NULL && (k->flags & MWI_KERNEL_NOT_LITERT) == 0;
}

/* Tries candidate types; the views are put back as they were. */
static bool accepts(const mwi_shape_call *views, const mwi_quant_rule *rule, struct candidate c)
{
    mwi_view *const in = (mwi_view *)(uintptr_t)views->in; /* made for us by mwi_op_views */
    const bool yes = has_kernel(views, rule, c, in);

    for (size_t i = 0; i < views->n_in; i++)
        if (in[i].tensor != NULL) in[i].dtype = in[i].tensor->dtype;
    for (size_t i = 0; i < views->n_out; i++) views->out[i].dtype = views->out[i].tensor->dtype;
    return yes;
}

/* ---- integer schemes ---- */

/* A weight that is computed cannot be per channel, and a kernel for it is another matter. */
static bool weight_is_const(const mwi_graph *g, const mwi_op *op, const mwi_quant_rule *rule)
{
    if (rule->weight < 0) return true;
    return (size_t)rule->weight < op->n_in && op->in[rule->weight] >= 0 &&
           mwi_tensor_is_const(g->tensors[op->in[rule->weight]]);
}

static bool bias_is_const(const mwi_graph *g, const mwi_op *op, const mwi_quant_rule *rule)
{
    if (rule->bias < 0 || (size_t)rule->bias >= op->n_in || op->in[rule->bias] < 0) return true;
    return mwi_tensor_is_const(g->tensors[op->in[rule->bias]]);
}

static bool touches(const mwi_graph *g, const mwi_op *op, mw_dtype dtype)
{
    for (size_t k = 0; k < op->n_out; k++)
        if (g->tensors[op->out[k]]->dtype == dtype) return true;
    for (size_t k = 0; k < op->n_in; k++)
        if (op->in[k] >= 0 && g->tensors[op->in[k]]->dtype == dtype) return true;
    return false;
}

static const char *why_not_integer(const mwi_qjob *job, const mwi_op *op,
                                   const mwi_shape_call *views)
{
    const mwi_quant_rule *const rule = op->desc->quant;
    const mw_dtype act = job->act;

    if (!touches(job->fg, op, job->source)) return "has no operands to quantize";
    if (mwi_op_calls(op->desc)) return "its subgraphs are quantized by themselves";
    if (rule == NULL || !rule->quantizable) return "the specification gives no integer form";
    if (!weight_is_const(job->fg, op, rule)) return "its weight is computed";
    if (!bias_is_const(job->fg, op, rule)) return "its bias is computed";
    const struct candidate c = {job->source, act, MW_INT8, act == MW_INT16 ? MW_INT64 : MW_INT32,
                                act};
    if (accepts(views, rule, c)) return "";
    return act == MW_INT16 ? "LiteRT has no int16 kernel for its types"
                           : "LiteRT has no int8 kernel for its types";
}

/* Bits of an integer operator's weight: 8 where no kernel reads fewer. */
static mw_status weight_bits(mw_ctx *ctx, mwi_qjob *job, const mwi_op *op, int *out)
{
    const mwi_quant_rule *const rule = op->desc->quant;
    const struct candidate c = {job->source, job->act, MW_INT4, MW_INT32, job->act};
    mwi_shape_call views;

    *out = 8;
    if (job->scheme->weight_bits != 4 || rule->weight < 0) return MW_OK;
    MWI_TRY(mwi_op_views(ctx, job->fg, op, &job->arena, &views));
    if (accepts(&views, rule, c)) *out = 4;
    return MW_OK;
}

mw_status mwi_qjob_why_not_integer(mw_ctx *ctx, mwi_qjob *job, const mwi_op *op,
                                   const char **out_reason)
{
    mwi_shape_call views;

    MWI_TRY(mwi_op_views(ctx, job->fg, op, &job->arena, &views));
    *out_reason = why_not_integer(job, op, &views);
    return MW_OK;
}

/* ---- operators that only move values: they gain nothing from being integer between others that
 * are not ---- */

struct islands {
    mwi_qjob *job;
    mwi_uses uses;
    mwi_readers readers;
    int32_t *queue; /* operators to look at again; each is in it once at most */
    size_t n;
    bool *queued;
};

static bool is_mover(const struct islands *s, int32_t i)
{
    return s->job->ops[i].integer &&
           (s->job->fg->ops[i]->desc->quant->flags & MWI_QUANT_SAME_SCALE) != 0;
}

static void look_again(struct islands *s, int32_t i)
{
    if (i < 0 || s->queued[i] || !is_mover(s, i)) return;
    s->queued[i] = true;
    s->queue[s->n++] = i;
}

static bool has_integer_neighbour(const struct islands *s, const mwi_op *op)
{
    const mwi_qjob *const job = s->job;

    for (size_t k = 0; k < op->n_in; k++) {
        if (op->in[k] < 0 || job->fg->tensors[op->in[k]]->dtype != job->source) continue;
        const int32_t p = s->uses.producer[op->in[k]];
        if (p >= 0 ? job->ops[p].integer
                   : !mwi_qjob_is_called(job) && mwi_graph_is_input(job->fg, op->in[k]))
            return true;
    }
    for (size_t j = 0; j < op->n_out; j++)
        for (size_t r = s->readers.first[op->out[j]]; r < s->readers.first[op->out[j] + 1]; r++)
            if (job->ops[s->readers.ops[r]].integer) return true;
    return false;
}

static void drop_island(struct islands *s, int32_t i)
{
    const mwi_op *const op = s->job->fg->ops[i];

    if (!is_mover(s, i) || has_integer_neighbour(s, op)) return;
    s->job->ops[i].integer = false;
    s->job->ops[i].reason = "between operators that stay as they are";
    for (size_t k = 0; k < op->n_in; k++)
        if (op->in[k] >= 0) look_again(s, s->uses.producer[op->in[k]]);
    for (size_t j = 0; j < op->n_out; j++)
        for (size_t r = s->readers.first[op->out[j]]; r < s->readers.first[op->out[j] + 1]; r++)
            look_again(s, s->readers.ops[r]);
}

static mw_status drop_islands(mw_ctx *ctx, mwi_qjob *job)
{
    struct islands s = {.job = job};
    void *memory;

    MWI_TRY(mwi_graph_uses(ctx, job->fg, &job->arena, &s.uses));
    MWI_TRY(mwi_readers_find(ctx, job->fg, &job->arena, &s.readers));
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_ops + 1, sizeof(int32_t), &memory));
    s.queue = memory;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_ops + 1, sizeof(bool), &memory));
    s.queued = memory;
    for (size_t i = 0; i < job->fg->n_ops; i++) drop_island(&s, (int32_t)i);
    while (s.n > 0) {
        const int32_t i = s.queue[--s.n];
        s.queued[i] = false;
        drop_island(&s, i);
    }
    return MW_OK;
}

/* What goes round a loop is float. An operator that takes a part of it, or puts a part into it,
 * would have all of it converted at each turn: the part alone is. */
static bool is_at_border(const mwi_qjob *job, const mwi_op *op)
{
    const uint32_t moves = MWI_QUANT_SAME_SCALE | MWI_QUANT_INPUTS_SAME;

    if (!mwi_qjob_is_called(job) || (op->desc->quant->flags & moves) == 0) return false;
    for (size_t k = 0; k < op->n_in; k++)
        if (op->in[k] >= 0 && mwi_graph_is_input(job->fg, op->in[k])) return true;
    for (size_t k = 0; k < op->n_out; k++)
        if (mwi_graph_is_output(job->fg, op->out[k])) return true;
    return false;
}

static mw_status decide_integer(mw_ctx *ctx, mwi_qjob *job)
{
    MWI_TRY(mwi_qjob_indices(ctx, job));
    for (size_t i = 0; i < job->fg->n_ops; i++) {
        mwi_qop *const q = &job->ops[i];
        if (q->reason[0] != '\0') continue; /* kept */
        MWI_TRY(mwi_qjob_why_not_integer(ctx, job, job->fg->ops[i], &q->reason));
        if (q->reason[0] == '\0' && is_at_border(job, job->fg->ops[i]))
            q->reason = "takes or puts a part of a float value that goes round";
        q->integer = q->reason[0] == '\0';
        if (q->integer) MWI_TRY(weight_bits(ctx, job, job->fg->ops[i], &q->bits));
    }
    return drop_islands(ctx, job);
}

/* ---- schemes that quantize weights alone ---- */

/* Smaller weights stay float, as in TensorFlow's converter: they save a few percent of the file and
 * are what loses most (first layers, depthwise ones: up to 6 dB of the MLPerf Tiny networks, 11 in
 * int4). Where a model has none but small ones, those are quantized that make the file smaller. */
enum { LEAST_ELEMENTS = 1024 };
static const char too_small[] = "its weight has less than 1,024 elements";
static const char no_gain[] = "its weight is so small that integers and scales take no less room";

/* Bytes that a file needs beside the integers: per channel a scale and a zero point, their tables;
 * behind DEQUANTIZE an operator and a tensor too. */
enum { CHANNEL_BYTES = 12, TABLE_BYTES = 64, DEQUANTIZE_BYTES = 200 };

static bool makes_smaller(const mwi_tensor *w, size_t n, int32_t axis, const mwi_qop *q)
{
    const size_t channels = axis >= 0 && axis < w->rank ? (size_t)w->dims[axis] : 1;
    const size_t rest = TABLE_BYTES + (q->behind ? DEQUANTIZE_BYTES : 0);

    return n / 2 * (size_t)(32 - q->bits) / 4 > channels * CHANNEL_BYTES + rest;
}

static const char *decide_weight(mwi_qjob *job, mwi_qop *q, const mwi_op *op,
                                 const mwi_shape_call *views, size_t least)
{
    const mwi_quant_rule *const rule = op->desc->quant;
    const mwi_scheme_desc *const scheme = job->scheme;
    size_t n;

    if (rule == NULL || rule->weight < 0) return "has no weight";
    if ((size_t)rule->weight >= op->n_in || op->in[rule->weight] < 0 ||
        !weight_is_const(job->fg, op, rule))
        return "its weight is computed";
    const mwi_tensor *const w = job->fg->tensors[op->in[rule->weight]];
    if (w->dtype != MW_FLOAT32 || w->sparsity != NULL) return "its weight is not float32";
    /* A Keras model for int8 gets the integers that the int8 .tflite made of it will have: all
     * weights. */
    const bool every = scheme->act != MW_FLOAT32;
    if (!mwi_dims_count(w->rank, w->dims, &n) || n == 0) return "its weight is empty";
    const bool narrow = scheme->weight_bits == 4;
    const struct candidate c = {MW_FLOAT32, MW_FLOAT32, narrow ? MW_INT4 : MW_INT8, MW_FLOAT32,
                                MW_FLOAT32};
    q->hybrid = scheme->hybrid && accepts(views, rule, c);
    q->behind = !q->hybrid;
    if (job->options->keep_layers) q->hybrid = false, q->behind = true;
    q->bits = narrow && (q->hybrid || job->options->keep_layers ||
                         mwi_emit_can_convert(MW_INT4, MW_FLOAT32))
                  ? 4
                  : 8;
    if (every || (n >= least && (least > 0 || makes_smaller(w, n, rule->axis, q)))) return "";
    q->hybrid = q->behind = false;
    return least > 0 ? too_small : no_gain;
}

static mw_status decide_weights_from(mw_ctx *ctx, mwi_qjob *job, size_t least, size_t *n_chosen)
{
    for (size_t i = 0; i < job->fg->n_ops; i++) {
        mwi_qop *const q = &job->ops[i];
        mwi_shape_call views;
        if (q->reason[0] != '\0' && q->reason != too_small) continue;
        MWI_TRY(mwi_op_views(ctx, job->fg, job->fg->ops[i], &job->arena, &views));
        q->reason = decide_weight(job, q, job->fg->ops[i], &views, least);
        *n_chosen += q->hybrid || q->behind;
    }
    return MW_OK;
}

static mw_status decide_all_from(mw_ctx *ctx, mwi_qjob *job, size_t least, size_t *n_chosen)
{
    MWI_TRY(decide_weights_from(ctx, job, least, n_chosen));
    for (size_t i = 0; i < job->n_others; i++)
        MWI_TRY(decide_weights_from(ctx, &job->others[i], least, n_chosen));
    return MW_OK;
}

static mw_status decide_weights(mw_ctx *ctx, mwi_qjob *job)
{
    size_t n_chosen = 0;

    MWI_TRY(decide_all_from(ctx, job, LEAST_ELEMENTS, &n_chosen));
    return n_chosen > 0 ? MW_OK : decide_all_from(ctx, job, 0, &n_chosen);
}

mw_status mwi_qjob_decide(mw_ctx *ctx, mwi_qjob *job)
{
    if (job->act == MW_FLOAT32) return decide_weights(ctx, job);
    MWI_TRY(decide_integer(ctx, job));
    for (size_t i = 0; i < job->n_others; i++) MWI_TRY(decide_integer(ctx, &job->others[i]));
    return MW_OK;
}
