/* compress/quantize/rewrite.c - the float (or uint8) graph becomes an integer one.
 * Depends: compress/quantize/job, emit.  Used by: mw_quantize. A value has one natural form, that
 * of its producer (integer, or as it was); other forms that its readers need are made once, just
 * before the first of them. Graph inputs and outputs keep their tensor, so that signatures stay as
 * they are; its type is what `io` says.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/emit.h"

/* A form of a float value in the result; a list a value. */
struct form {
    mw_dtype dtype;
    mwi_params params; /* of integer forms */
    int32_t tensor;
    struct form *next;
};

struct state {
    mwi_qjob *job;
    mwi_graph *g;        /* of the result */
    struct form **forms; /* by float tensor; the first is the natural one */
    int32_t *home;       /* by float tensor: the natural form's tensor */
};

static bool same(const struct form *f, mw_dtype dtype, mwi_params p)
{
    return f->dtype == dtype && (dtype == MW_FLOAT32 || (f->params.scale == p.scale &&
                                                         f->params.zero_point == p.zero_point));
}

static mw_status add_form(mw_ctx *ctx, struct state *s, int32_t value, mw_dtype dtype,
                          mwi_params params, int32_t tensor)
{
    struct form **at = &s->forms[value];
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &s->job->arena, 1, sizeof(struct form), &memory));
    while (*at != NULL) at = &(*at)->next;
    *at = memory;
    **at = (struct form){dtype, params, tensor, NULL};
    return MW_OK;
}

static const char *suffix_of(mw_dtype dtype)
{
    return dtype == MW_FLOAT32 ? "_float"
           : dtype == MW_INT16 ? "_int16"
           : dtype == MW_UINT8 ? "_uint8"
                               : "_int8";
}

/* The tensor that holds `value` in a form, made before operator *at when there is none yet. */
static mw_status need(mw_ctx *ctx, struct state *s, size_t *at, int32_t value, mw_dtype dtype,
                      mwi_params params, int32_t *out)
{
    const struct form *natural = s->forms[value];

    for (const struct form *f = natural; f != NULL; f = f->next) {
        if (!same(f, dtype, params)) continue;
        *out = f->tensor;
        return MW_OK;
    }
    if (natural == NULL) { /* state, or nothing that we know of: as it is */
        *out = value;
        return MW_OK;
    }
    MWI_TRY(mwi_emit_value(ctx, s->job->out, s->g, value, suffix_of(dtype), dtype, params, out));
    MWI_TRY(mwi_emit_convert(ctx, s->job->out, s->g, at, natural->tensor, *out));
    return add_form(ctx, s, value, dtype, params, *out);
}

/* ---- graph inputs and outputs ---- */

static mw_dtype io_type(const mwi_qjob *job)
{
    const mwi_io_desc *const io = mwi_quant_io_find(job->options->io);
    if (mwi_qjob_is_called(job)) return job->source;
    return io == NULL ? job->act : io->dtype;
}

/* Parameters of a value in another type: the same integers shifted by 128 for uint8; int8 borders
 * of an int16 model have a range of their own. */
static mwi_params params_as(const mwi_qjob *job, int32_t value, mw_dtype dtype)
{
    const mwi_qvalue *const root = &job->values[mwi_qjob_root(job, value)];
    mwi_params p = root->params;

    if (dtype == MW_FLOAT32 || dtype == job->act) return p;
    if (job->act == MW_INT16)
        return mwi_params_from_range(dtype, false, root->range.min, root->range.max);
    p.zero_point += 128;
    return p;
}

static bool is_value(const struct state *s, int32_t tensor)
{
    const mwi_tensor *const t = s->job->fg->tensors[tensor];
    return t->dtype == s->job->source && !mwi_tensor_is_const(t) && !t->is_variable;
}

static mw_status set_inputs(mw_ctx *ctx, struct state *s)
{
    const mw_dtype dtype = io_type(s->job);

    for (size_t i = 0; i < s->job->fg->n_inputs; i++) {
        const int32_t value = s->job->fg->inputs[i];
        if (!is_value(s, value) || s->forms[value] != NULL) continue;
        const bool known = s->job->values[mwi_qjob_root(s->job, value)].ranged;
        const bool as_is = !known || s->job->values[value].index;
        const mw_dtype type = as_is ? s->job->source : dtype;
        const mwi_params p = params_as(s->job, value, type);
        MWI_TRY(mwi_emit_retype(ctx, s->job->out, s->g->tensors[value], type, p));
        MWI_TRY(add_form(ctx, s, value, type, p, value));
    }
    return MW_OK;
}

/* The natural form of an operator's output: in the tensor itself, or beside it when that is a graph
 * output of another type. */
static mw_status set_output(mw_ctx *ctx, struct state *s, mwi_op *op, size_t k, bool integer)
{
    const int32_t value = op->out[k];
    const mw_dtype dtype = integer ? s->job->act : s->job->source;
    int32_t tensor = value;

    if (!is_value(s, value)) return MW_OK;
    const mwi_params p = params_as(s->job, value, dtype);
    const bool known = s->job->values[mwi_qjob_root(s->job, value)].ranged;
    if (mwi_graph_is_output(s->job->fg, value) && known && dtype != io_type(s->job))
        MWI_TRY(mwi_emit_value(ctx, s->job->out, s->g, value, suffix_of(dtype), dtype, p, &tensor));
    else
        MWI_TRY(mwi_emit_retype(ctx, s->job->out, s->g->tensors[value], dtype, p));
    op->out[k] = tensor;
    s->home[value] = tensor;
    return add_form(ctx, s, value, dtype, p, tensor);
}

/* Outputs whose natural form is of another type than asked for. */
static mw_status set_outputs(mw_ctx *ctx, struct state *s)
{
    const mw_dtype dtype = io_type(s->job);

    for (size_t i = 0; i < s->job->fg->n_outputs; i++) {
        const int32_t value = s->job->fg->outputs[i];
        size_t at = s->g->n_ops;
        if (!is_value(s, value) || s->forms[value] == NULL || s->forms[value]->tensor == value)
            continue;
        bool done = false;
        for (size_t k = 0; k < i; k++) done = done || s->job->fg->outputs[k] == value;
        if (done) continue;
        MWI_TRY(mwi_emit_retype(ctx, s->job->out, s->g->tensors[value], dtype,
                                params_as(s->job, value, dtype)));
        MWI_TRY(mwi_emit_convert(ctx, s->job->out, s->g, &at, s->forms[value]->tensor, value));
    }
    return MW_OK;
}

/* ---- operators ---- */

static mw_status set_weight(mw_ctx *ctx, struct state *s, size_t i, int32_t *out)
{
    mwi_qweight *const w = s->job->ops[i].weight;

    if (w->made < 0) MWI_TRY(mwi_emit_weight(ctx, s->job, w, &w->made));
    *out = w->made;
    return MW_OK;
}

/* Parameters for a constant operand: the output's where the rule ties them, else its own range. */
static mwi_params const_params(const struct state *s, int32_t tensor, bool tied, mwi_params out,
                               bool symmetric)
{
    if (tied) return out;
    if (s->job->source == MW_UINT8) return mwi_qjob_params(s->job, tensor);
    return mwi_qjob_const_params(s->job, tensor, symmetric, out);
}

static mw_status set_data(mw_ctx *ctx, struct state *s, size_t *at, mwi_op *op, const mwi_op *from,
                          size_t k)
{
    const mwi_quant_rule *const rule = op->desc->quant;
    const bool tied = (rule->flags & (MWI_QUANT_SAME_SCALE | MWI_QUANT_INPUTS_SAME)) != 0;
    const int32_t value = from->in[k];
    const mwi_params shared = mwi_qjob_params(s->job, from->out[0]);

    if (mwi_tensor_is_const(s->job->fg->tensors[value])) {
        const bool symmetric = (rule->flags & MWI_QUANT_SYMMETRIC_IN) != 0;
        return mwi_emit_data(ctx, s->job, value, s->job->act,
                             const_params(s, value, tied, shared, symmetric), &op->in[k]);
    }
    return need(ctx, s, at, value, s->job->act, tied ? shared : mwi_qjob_params(s->job, value),
                &op->in[k]);
}

/* Scale of the main input as the operator will read it. */
static float in_scale(const struct state *s, size_t i)
{
    const mwi_op *const op = s->job->fg->ops[i];
    return mwi_qjob_params(s->job, mwi_rule_main_input(s->job->fg, op)).scale;
}

static mw_status set_bias(mw_ctx *ctx, struct state *s, size_t i, mwi_op *op)
{
    const int32_t at = op->desc->quant->bias;
    int32_t tensor;
    size_t n;

    if (at < 0 || (mwi_qjob_bias(s->job, i, &n) == NULL && s->job->ops[i].bias_integers == NULL))
        return MW_OK;
    MWI_TRY(mwi_emit_bias(ctx, s->job, i, in_scale(s, i), &tensor));
    return mwi_qjob_set_input(ctx, s->job->out, op, (size_t)at, tensor);
}

/* LiteRT has a second int16 addition, by shifts, for scales that are powers of two; it wants one of
 * them to be the output's, and the file to say that others are not meant. */
static void allow_any_scale(mwi_op *op, mw_dtype act)
{
    const mwi_field *const f = mwi_op_field(op->desc, "pot_scale_int16");

    if (f != NULL && act == MW_INT16) *(bool *)((char *)op->attr + f->offset) = false;
}

static mw_status make_integer(mw_ctx *ctx, struct state *s, size_t *at, size_t i, mwi_op *op)
{
    const mwi_op *const from = s->job->fg->ops[i];
    const mwi_quant_rule *const rule = op->desc->quant;

    for (size_t k = 0; k < from->n_in; k++) {
        const int32_t t = from->in[k];
        if (t < 0 || s->job->fg->tensors[t]->dtype != s->job->source) continue;
        if ((int32_t)k == rule->weight)
            MWI_TRY(set_weight(ctx, s, i, &op->in[k]));
        else if ((int32_t)k != rule->bias && mwi_rule_is_data(rule, k))
            MWI_TRY(set_data(ctx, s, at, op, from, k));
    }
    allow_any_scale(op, s->job->act);
    return set_bias(ctx, s, i, op);
}

/* An operator that stays: its operands as they were. */
static mw_status leave(mw_ctx *ctx, struct state *s, size_t *at, const mwi_op *from, mwi_op *op)
{
    const mw_dtype source = s->job->source;

    for (size_t k = 0; k < from->n_in; k++)
        if (from->in[k] >= 0 && is_value(s, from->in[k]))
            MWI_TRY(need(ctx, s, at, from->in[k], source, params_as(s->job, from->in[k], source),
                         &op->in[k]));
    return MW_OK;
}

mw_status mwi_qjob_set_input(mw_ctx *ctx, mw_model *model, mwi_op *op, size_t k, int32_t tensor)
{
    if (k >= op->n_in) {
        void *memory;
        MWI_TRY(mwi_arena_array(ctx, &model->arena, k + 1, sizeof(int32_t), &memory));
        int32_t *const in = memory;
        for (size_t i = 0; i <= k; i++) in[i] = i < op->n_in ? op->in[i] : -1;
        op->in = in;
        op->n_in = k + 1;
    }
    op->in[k] = tensor;
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_qjob *job, struct state *s)
{
    void *forms, *home;

    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_tensors, sizeof(struct form *), &forms));
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_tensors, sizeof(int32_t), &home));
    *s =
        (struct state){.job = job, .g = job->out->graphs[job->graph], .forms = forms, .home = home};
    for (size_t i = 0; i < job->fg->n_tensors; i++) s->home[i] = (int32_t)i;
    return MW_OK;
}

mw_status mwi_qjob_rewrite(mw_ctx *ctx, mwi_qjob *job)
{
    struct state s;
    size_t at = 0;

    MWI_TRY(prepare(ctx, job, &s));
    MWI_TRY(set_inputs(ctx, &s));
    for (size_t i = 0; i < job->fg->n_ops; i++) {
        mwi_op *const op = s.g->ops[at];
        const mwi_op *const from = job->fg->ops[i];
        if (job->ops[i].integer)
            MWI_TRY(make_integer(ctx, &s, &at, i, op));
        else
            MWI_TRY(leave(ctx, &s, &at, from, op));
        for (size_t k = 0; k < op->n_out; k++)
            MWI_TRY(set_output(ctx, &s, op, k, job->ops[i].integer));
        job->made_ops[i] = op;
        at++;
    }
    MWI_TRY(set_outputs(ctx, &s));
    for (size_t i = 0; i < job->fg->n_tensors; i++)
        if (is_value(&s, (int32_t)i) && s.forms[i] != NULL) job->made[i] = s.g->tensors[s.home[i]];
    return MW_OK;
}
