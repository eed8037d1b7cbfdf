/* formats/keras/emit_ops.c - adding operators and constants while a graph is built.
 * Depends: build.h.  Used by: layers.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

#include <string.h>

const mwi_tensor *kr_tensor(const kr_builder *b, int32_t tensor) { return b->graph->tensors[tensor]; }

mw_status kr_begin(kr_builder *b, const kr_layer *layer, const char *op_name, const int32_t *in, size_t n_in,
                   mwi_op **out_op)
{
    const mwi_op_desc *const desc = mwi_op_by_name(op_name);

    if (desc == NULL)
        return kr_fail(b, layer, MW_EUNSUPPORTED, "needs the operator %s, which this build lacks", op_name);
    MWI_TRY(mwi_graph_add_op(b->ctx, b->model, b->graph, b->graph->n_ops, desc, n_in, 1, out_op));
    memcpy((*out_op)->in, in, n_in * sizeof *in);
    (*out_op)->layer = layer->name;
    return MW_OK;
}

static void *field_at(mwi_op *op, const char *name, mwi_field_kind kind)
{
    const mwi_field *const f = mwi_op_field(op->desc, name);
    return f == NULL || f->kind != kind ? NULL : (char *)op->attr + f->offset;
}

void kr_set(mwi_op *op, const char *field, int32_t value) { mwi_op_set_i32(op, field, value); }

void kr_set_float(mwi_op *op, const char *field, float value)
{
    float *const at = field_at(op, field, MWI_FIELD_F32);
    if (at != NULL) *at = value;
}

void kr_set_bool(mwi_op *op, const char *field, bool value)
{
    bool *const at = field_at(op, field, MWI_FIELD_BOOL);
    if (at != NULL) *at = value;
}

/* The batch is open where an input's was and the first dimension did not change its meaning. */
static bool batch_is_open(const kr_builder *b, const mwi_op *op, const mwi_view *out)
{
    for (size_t i = 0; i < op->n_in; i++) {
        if (op->in[i] < 0) continue;
        const mwi_tensor *const t = b->graph->tensors[op->in[i]];
        if (t->data == NULL && t->rank > 0 && t->signature[0] < 0) return out->rank > 0;
    }
    return false;
}

mw_status kr_end(kr_builder *b, mwi_op *op, int32_t *out)
{
    mwi_shape_call call;
    mwi_tensor *t;
    const char *name;

    MWI_TRY(mwi_arena_printf(b->ctx, &b->model->arena, &name, "%s/%s", op->layer, op->desc->name));
    MWI_TRY(mwi_graph_add_tensor(b->ctx, b->model, b->graph, name, &t, out));
    op->out[0] = *out;
    t->dtype = op->in[0] >= 0 ? b->graph->tensors[op->in[0]]->dtype : MW_FLOAT32;
    MWI_TRY(mwi_op_views(b->ctx, b->graph, op, b->scratch, &call));
    const mw_status st = mwi_op_infer(b->ctx, &call);
    if (st != MW_OK) return mwi_prefix(b->ctx, st, "%s: layer '%s'", b->model->name, op->layer);
    if (call.unknown)
        return mwi_fail(b->ctx, MW_EUNSUPPORTED, "%s: layer '%s': its shape is not known", b->model->name, op->layer);
    t->dtype = call.out[0].dtype;
    t->rank = call.out[0].rank;
    memcpy(t->dims, call.out[0].dims, sizeof t->dims);
    memcpy(t->signature, call.out[0].dims, sizeof t->signature);
    if (batch_is_open(b, op, &call.out[0]) && t->dims[0] == 1) t->signature[0] = -1;
    return MW_OK;
}

mw_status kr_emit(kr_builder *b, const kr_layer *layer, const char *op_name, const int32_t *in, size_t n_in,
                  int32_t *out)
{
    mwi_op *op;
    MWI_TRY(kr_begin(b, layer, op_name, in, n_in, &op));
    return kr_end(b, op, out);
}

mw_status kr_emit1(kr_builder *b, const kr_layer *layer, const char *op_name, int32_t in, int32_t *out)
{
    return kr_emit(b, layer, op_name, &in, 1, out);
}

mw_status kr_emit2(kr_builder *b, const kr_layer *layer, const char *op_name, int32_t x, int32_t y, int32_t *out)
{
    return kr_emit(b, layer, op_name, (const int32_t[]){x, y}, 2, out);
}

mw_status kr_scalar(kr_builder *b, float value, int32_t *out)
{
    return mwi_graph_add_const(b->ctx, b->model, b->graph, "value", MW_FLOAT32, 0, NULL, &value, out);
}

mw_status kr_const_ints(kr_builder *b, const kr_layer *layer, const int32_t *v, size_t n, int32_t *out)
{
    const char *name;
    MWI_TRY(mwi_arena_printf(b->ctx, b->scratch, &name, "%s/shape", layer->name));
    return mwi_graph_add_const(b->ctx, b->model, b->graph, name, MW_INT32, 1, (const int32_t[]){(int32_t)n}, v, out);
}

mw_status kr_reshape(kr_builder *b, const kr_layer *layer, int32_t in, const int32_t *dims, size_t n, int32_t *out)
{
    int32_t shape[MW_MAX_RANK], s;

    if (n + 1 > MW_MAX_RANK) return kr_fail(b, layer, MW_ELIMIT, "a shape of rank %zu, limit %d", n + 1, MW_MAX_RANK);
    shape[0] = -1;
    memcpy(shape + 1, dims, n * sizeof *dims);
    /* An empty sample would leave the -1 without an answer. */
    for (size_t i = 0; i < n; i++)
        if (dims[i] == 0) shape[0] = kr_tensor(b, in)->dims[0];
    MWI_TRY(kr_const_ints(b, layer, shape, n + 1, &s));
    return kr_emit2(b, layer, "RESHAPE", in, s, out);
}

mw_status kr_constant(kr_builder *b, kr_layer *layer, size_t i, kr_transform transform, int32_t *out)
{
    int32_t rank, dims[MW_MAX_RANK];
    mwi_tensor *t;
    float *data;
    const char *name;

    if (i >= layer->n_weights) return kr_fail(b, layer, MW_EFORMAT, "weight %zu is missing in the file", i);
    if (layer->tensors[i] >= 0) {
        *out = layer->tensors[i];
        return MW_OK;
    }
    kr_weight *const w = &b->origin->weights[layer->weights[i]];
    w->transform = transform;
    const mw_status st = kr_transformed(b->ctx, &b->model->arena, w->array, transform, &rank, dims, &data);
    if (st != MW_OK) return mwi_prefix(b->ctx, st, "%s: layer '%s' (%s)", b->model->name, layer->name, layer->class_name);
    const char *const slash = strrchr(w->name, '/');
    const char *const last = slash == NULL ? w->name : slash + 1;
    MWI_TRY(mwi_arena_printf(b->ctx, b->scratch, &name, "%s/%.*s", layer->name, (int)strcspn(last, ":"), last));
    MWI_TRY(mwi_graph_add_tensor(b->ctx, b->model, b->graph, name, &t, out));
    t->dtype = MW_FLOAT32;
    t->rank = rank;
    memcpy(t->dims, dims, sizeof t->dims);
    memcpy(t->signature, dims, sizeof t->signature);
    t->data = data;
    (void)mwi_dims_bytes(MW_FLOAT32, rank, dims, &t->bytes);
    t->source = layer->weights[i];
    layer->tensors[i] = *out;
    return MW_OK;
}
