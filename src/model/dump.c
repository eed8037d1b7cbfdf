/* model/dump.c - the whole graph as text, one line a tensor and an operator.
 * Depends: model/op_desc, base/text.  Used by: api/, tests.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "model/op_desc.h"

#include <inttypes.h>

typedef void (*write_fn)(void *self, const char *text, size_t n);

static mw_status dims_text(mw_ctx *ctx, mwi_text *t, const mwi_tensor *x)
{
    MWI_TRY(mwi_text_printf(ctx, t, "["));
    for (int32_t i = 0; i < x->rank; i++) {
        if (x->signature[i] < 0)
            MWI_TRY(mwi_text_printf(ctx, t, "%s?", i == 0 ? "" : ","));
        else
            MWI_TRY(mwi_text_printf(ctx, t, "%s%d", i == 0 ? "" : ",", x->dims[i]));
    }
    return mwi_text_printf(ctx, t, "]");
}

static mw_status tensor_text(mw_ctx *ctx, mwi_text *t, size_t i, const mwi_tensor *x)
{
    MWI_TRY(mwi_text_printf(ctx, t, "  %%%zu %s", i, mwi_dtype_short(x->dtype)));
    MWI_TRY(dims_text(ctx, t, x));
    if (x->data != NULL) MWI_TRY(mwi_text_printf(ctx, t, " const %zu bytes", x->bytes));
    if (x->is_variable) MWI_TRY(mwi_text_printf(ctx, t, " variable"));
    if (x->sparsity != NULL) MWI_TRY(mwi_text_printf(ctx, t, " sparse"));
    if (x->quant != NULL && x->quant->q.block_size > 0)
        MWI_TRY(mwi_text_printf(ctx, t, " blocks of %d scales %%%d", x->quant->q.block_size,
                                x->quant->block_scales));
    else if (x->quant != NULL && x->quant->q.n_scales == 1)
        MWI_TRY(mwi_text_printf(ctx, t, " scale %.9g zero %" PRId64, (double)x->quant->q.scales[0],
                                x->quant->q.zero_points[0]));
    else if (x->quant != NULL && x->quant->q.n_scales > 1)
        MWI_TRY(mwi_text_printf(ctx, t, " %zu scales along %d", x->quant->q.n_scales,
                                x->quant->q.axis));
    return mwi_text_printf(ctx, t, " \"%s\"\n", x->name);
}

static mw_status field_text(mw_ctx *ctx, mwi_text *t, const mwi_field *f, const void *at)
{
    MWI_TRY(mwi_text_printf(ctx, t, " %s=", f->name));
    switch (f->kind) {
    case MWI_FIELD_I32: return mwi_text_printf(ctx, t, "%d", *(const int32_t *)at);
    case MWI_FIELD_I64: return mwi_text_printf(ctx, t, "%" PRId64, *(const int64_t *)at);
    case MWI_FIELD_F32: return mwi_text_printf(ctx, t, "%.9g", (double)*(const float *)at);
    case MWI_FIELD_BOOL: return mwi_text_printf(ctx, t, "%s", *(const bool *)at ? "true" : "false");
    case MWI_FIELD_ENUM: {
        const int32_t v = *(const int32_t *)at;
        if (f->names != NULL && v >= 0 && v <= (int32_t)f->max)
            return mwi_text_printf(ctx, t, "%s", f->names[v]);
        return mwi_text_printf(ctx, t, "%d", v);
    }
    case MWI_FIELD_I32S: {
        const mwi_i32s *const v = at;
        for (size_t i = 0; i < v->n; i++)
            MWI_TRY(mwi_text_printf(ctx, t, i == 0 ? "%d" : ",%d", v->v[i]));
        return MW_OK;
    }
    case MWI_FIELD_F32S: {
        const mwi_f32s *const v = at;
        for (size_t i = 0; i < v->n; i++)
            MWI_TRY(mwi_text_printf(ctx, t, i == 0 ? "%.9g" : ",%.9g", (double)v->v[i]));
        return MW_OK;
    }
    case MWI_FIELD_I64S: {
        const mwi_i64s *const v = at;
        for (size_t i = 0; i < v->n; i++)
            MWI_TRY(mwi_text_printf(ctx, t, i == 0 ? "%" PRId64 : ",%" PRId64, v->v[i]));
        return MW_OK;
    }
    case MWI_FIELD_BYTES: {
        const mwi_bytes *const v = at;
        for (size_t i = 0; i < v->n; i++) MWI_TRY(mwi_text_printf(ctx, t, "%02x", v->v[i]));
        return MW_OK;
    }
    case MWI_FIELD_STRING: {
        const char *const s = *(const char *const *)at;
        return mwi_text_printf(ctx, t, "\"%s\"", s == NULL ? "" : s);
    }
    case MWI_FIELD_END: break;
    }
    return MW_OK;
}

static mw_status operands_text(mw_ctx *ctx, mwi_text *t, const int32_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i] < 0)
            MWI_TRY(mwi_text_printf(ctx, t, " -"));
        else
            MWI_TRY(mwi_text_printf(ctx, t, " %%%d", v[i]));
    }
    return MW_OK;
}

static mw_status op_text(mw_ctx *ctx, mwi_text *t, const mwi_op *op)
{
    MWI_TRY(mwi_text_printf(ctx, t, " "));
    MWI_TRY(operands_text(ctx, t, op->out, op->n_out));
    MWI_TRY(mwi_text_printf(ctx, t, " = %s", mwi_op_name(op)));
    if (op->desc == &mwi_op_unknown && op->custom_code == NULL)
        MWI_TRY(mwi_text_printf(ctx, t, " (builtin %d)", op->code));
    MWI_TRY(operands_text(ctx, t, op->in, op->n_in));
    for (const mwi_field *f = op->desc->fields; f != NULL && f->kind != MWI_FIELD_END; f++)
        MWI_TRY(field_text(ctx, t, f, (const char *)op->attr + f->offset));
    if (op->layer != NULL) MWI_TRY(mwi_text_printf(ctx, t, " ; layer %s", op->layer));
    return mwi_text_printf(ctx, t, "\n");
}

static void flush(mwi_text *t, write_fn write, void *self)
{
    write(self, mwi_text_chars(t), t->n);
    t->n = 0;
}

static mw_status dump_graph(mw_ctx *ctx, const mwi_graph *g, mwi_text *t, write_fn write,
                            void *self)
{
    MWI_TRY(mwi_text_printf(ctx, t, "graph \"%s\" inputs", g->name));
    MWI_TRY(operands_text(ctx, t, g->inputs, g->n_inputs));
    MWI_TRY(mwi_text_printf(ctx, t, " outputs"));
    MWI_TRY(operands_text(ctx, t, g->outputs, g->n_outputs));
    MWI_TRY(mwi_text_printf(ctx, t, "\n"));
    for (size_t i = 0; i < g->n_tensors; i++) {
        MWI_TRY(tensor_text(ctx, t, i, g->tensors[i]));
        flush(t, write, self);
    }
    for (size_t i = 0; i < g->n_ops; i++) {
        MWI_TRY(op_text(ctx, t, g->ops[i]));
        flush(t, write, self);
    }
    return MW_OK;
}

static mw_status dump_signature(mw_ctx *ctx, const mwi_signature *s, mwi_text *t)
{
    MWI_TRY(mwi_text_printf(ctx, t, "signature \"%s\" graph %zu", s->key, s->graph));
    for (size_t i = 0; i < s->n_inputs; i++)
        MWI_TRY(mwi_text_printf(ctx, t, " in %s=%%%d", s->inputs[i].name, s->inputs[i].tensor));
    for (size_t i = 0; i < s->n_outputs; i++)
        MWI_TRY(mwi_text_printf(ctx, t, " out %s=%%%d", s->outputs[i].name, s->outputs[i].tensor));
    return mwi_text_printf(ctx, t, "\n");
}

mw_status mw_model_dump(mw_ctx *ctx, const mw_model *model, write_fn write, void *self)
{
    mwi_text t;
    mw_status st = MW_OK;

    mwi_enter(ctx);
    mwi_text_init(ctx, &t, (size_t)64 << 20);
    for (size_t i = 0; i < model->n_graphs && st == MW_OK; i++)
        st = dump_graph(ctx, model->graphs[i], &t, write, self);
    for (size_t i = 0; i < model->n_signatures && st == MW_OK; i++)
        st = dump_signature(ctx, &model->signatures[i], &t);
    for (size_t i = 0; i < model->n_metadata && st == MW_OK; i++)
        st = mwi_text_printf(ctx, &t, "metadata \"%s\" %zu bytes\n", model->metadata[i].name,
                             model->metadata[i].bytes);
    flush(&t, write, self);
    mwi_text_deinit(&t);
    return st;
}
