/* ops/emit_op.c - see emit_op.h.
 * Depends: ops/registry.  Used by: ops/, train/, compress/.   SPDX-License-Identifier: Apache-2.0
 */
#include "ops/emit_op.h"

#include "ops/kernels.h"

#include <string.h>

const mwi_setting mwi_same_settings[] = {{NULL, 0, NULL}};

static size_t field_bytes(mwi_field_kind kind)
{
    switch (kind) {
    case MWI_FIELD_I32:
    case MWI_FIELD_ENUM: return sizeof(int32_t);
    case MWI_FIELD_I64: return sizeof(int64_t);
    case MWI_FIELD_F32: return sizeof(float);
    case MWI_FIELD_BOOL: return sizeof(bool);
    case MWI_FIELD_STRING: return sizeof(const char *);
    case MWI_FIELD_I32S: return sizeof(mwi_i32s);
    case MWI_FIELD_F32S: return sizeof(mwi_f32s);
    case MWI_FIELD_I64S: return sizeof(mwi_i64s);
    case MWI_FIELD_BYTES: return sizeof(mwi_bytes);
    case MWI_FIELD_END: break;
    }
    return 0;
}

static void copy_same(mwi_op *op, const mwi_op *from)
{
    if (op->desc->fields == NULL || from == NULL) return;
    for (const mwi_field *f = op->desc->fields; f->kind != MWI_FIELD_END; f++) {
        const mwi_field *const g = mwi_op_field(from->desc, f->name);
        if (g != NULL && g->kind == f->kind)
            memcpy((char *)op->attr + f->offset, (const char *)from->attr + g->offset,
                   field_bytes(f->kind));
    }
}

static mw_status set_field(mw_ctx *ctx, mwi_op *op, const mwi_setting *s)
{
    const mwi_field *const f = mwi_op_field(op->desc, s->field);

    if (f == NULL)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s has no attribute '%s'", op->desc->name, s->field);
    void *const to = (char *)op->attr + f->offset;
    switch (f->kind) {
    case MWI_FIELD_I32:
    case MWI_FIELD_ENUM: *(int32_t *)to = (int32_t)s->value; break;
    case MWI_FIELD_I64: *(int64_t *)to = (int64_t)s->value; break;
    case MWI_FIELD_F32: *(float *)to = (float)s->value; break;
    case MWI_FIELD_BOOL: *(bool *)to = s->value != 0; break;
    case MWI_FIELD_STRING: *(const char **)to = s->text; break;
    default:
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s: attribute '%s' is a list", op->desc->name,
                        s->field);
    }
    return MW_OK;
}

static mw_status infer(mw_ctx *ctx, const mwi_emitter *at, const mwi_op *op)
{
    mwi_shape_call call;
    mwi_arena scratch;
    mw_status st;

    mwi_arena_init(ctx, &scratch);
    MWI_GOTO(mwi_op_views(ctx, at->graph, op, &scratch, &call));
    MWI_GOTO(mwi_op_infer(ctx, &call));
    if (call.unknown)
        MWI_GOTO(mwi_fail(ctx, MW_EUNSUPPORTED, "%s: the shape of the result depends on data",
                          mwi_op_name(op)));
    for (size_t i = 0; i < op->n_out; i++) {
        mwi_tensor *const t = at->graph->tensors[op->out[i]];
        t->dtype = call.out[i].dtype;
        t->rank = call.out[i].rank;
        memcpy(t->dims, call.out[i].dims, sizeof t->dims);
        memcpy(t->signature, t->dims, sizeof t->signature);
    }
out:
    mwi_arena_deinit(&scratch);
    return st;
}

/* Named after the operator that asks, else after the first input. */
static const char *base_name(const mwi_emitter *at, const mwi_op *op)
{
    if (at->op != NULL && at->op->n_out > 0) return at->graph->tensors[at->op->out[0]]->name;
    return op->n_in > 0 && op->in[0] >= 0 ? at->graph->tensors[op->in[0]]->name : "";
}

/* Outputs are floats where the row has such a kernel, else what it has one for. */
static mw_status set_types(mw_ctx *ctx, const mwi_emitter *at, const mwi_op *op)
{
    static const mw_dtype types[] = {MW_FLOAT32, MW_BOOL, MW_INT32};
    mwi_shape_call call;
    mwi_arena scratch;
    bool found = false;

    mwi_arena_init(ctx, &scratch);
    const mw_status st = mwi_op_views(ctx, at->graph, op, &scratch, &call);
    for (size_t i = 0; i < MWI_COUNT(types) && st == MW_OK && !found; i++) {
        for (size_t k = 0; k < op->n_out; k++)
            call.out[k].dtype = at->graph->tensors[op->out[k]]->dtype = types[i];
        found = mwi_kernel_by_types(NULL, &call) != NULL;
    }
    mwi_arena_deinit(&scratch);
    if (st == MW_OK && !found)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s has no kernel for these types", mwi_op_name(op));
    return st;
}

mw_status mwi_emit_n(mw_ctx *ctx, const mwi_emitter *at, const mwi_op_desc *desc, const int32_t *in,
                     size_t n_in, const mwi_setting *settings, int32_t *out, size_t n_out)
{
    mwi_op *op;
    mwi_tensor *t;
    const char *name;

    MWI_TRY(mwi_graph_add_op(ctx, at->model, at->graph, at->graph->n_ops, desc, n_in, n_out, &op));
    memcpy(op->in, in, n_in * sizeof *in);
    if (settings == mwi_same_settings)
        copy_same(op, at->op);
    else
        for (const mwi_setting *s = settings; s != NULL && s->field != NULL; s++)
            MWI_TRY(set_field(ctx, op, s));
    for (size_t i = 0; i < n_out; i++) {
        MWI_TRY(mwi_arena_printf(ctx, &at->model->arena, &name, "%s/%s", base_name(at, op),
                                 desc->name));
        MWI_TRY(mwi_graph_add_tensor(ctx, at->model, at->graph, name, &t, &op->out[i]));
        out[i] = op->out[i];
    }
    if (at->op != NULL) op->layer = at->op->layer;
    MWI_TRY(set_types(ctx, at, op));
    return infer(ctx, at, op);
}

mw_status mwi_emit(mw_ctx *ctx, const mwi_emitter *at, const mwi_op_desc *desc, const int32_t *in,
                   size_t n_in, const mwi_setting *settings, int32_t *out)
{
    return mwi_emit_n(ctx, at, desc, in, n_in, settings, out, 1);
}

mw_status mwi_emit_ints(mw_ctx *ctx, const mwi_emitter *at, const int32_t *values, size_t n,
                        int32_t *out)
{
    const int32_t dims[] = {(int32_t)n};
    return mwi_graph_add_const(ctx, at->model, at->graph, "ints", MW_INT32, 1, dims, values, out);
}

mw_status mwi_emit_float(mw_ctx *ctx, const mwi_emitter *at, double value, int32_t *out)
{
    const float v = (float)value;
    return mwi_graph_add_const(ctx, at->model, at->graph, "value", MW_FLOAT32, 0, NULL, &v, out);
}
