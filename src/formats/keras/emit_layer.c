/* formats/keras/emit_layer.c - adding operators and small constants while a layer is built; each
 * result has its shape as soon as its operator is added.
 * Depends: formats/keras/build.  Used by: formats/keras/.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const mwi_tensor *mwi_keras_tensor(const mwi_keras_call *c, int32_t tensor)
{
    return c->build->graph->tensors[tensor];
}

mw_status mwi_keras_return(mwi_keras_call *c, int32_t tensor)
{
    MWI_TRY(mwi_arena_grow(c->ctx, c->build->scratch, &c->out, c->n_out, &c->out_capacity,
                           sizeof *c->out));
    c->out[c->n_out++] = tensor;
    return MW_OK;
}

mw_status mwi_keras_need_inputs(const mwi_keras_call *c, size_t low, size_t high)
{
    if (c->n_in >= low && c->n_in <= high) return MW_OK;
    if (low == high)
        return mwi_fail(c->ctx, MW_EFORMAT, "is called with %zu inputs, takes %zu", c->n_in, low);
    return mwi_fail(c->ctx, MW_EFORMAT, "is called with %zu inputs, takes %zu to %zu", c->n_in, low,
                    high);
}

mw_status mwi_keras_need_rank(const mwi_keras_call *c, size_t i, int32_t low, int32_t high)
{
    const int32_t rank = mwi_keras_tensor(c, c->in[i])->rank;

    if (rank >= low && rank <= high) return MW_OK;
    return mwi_fail(c->ctx, MW_EFORMAT, "input %zu has rank %d with the batch, allowed %d to %d", i,
                    rank, low, high);
}

/* ---- operators ---- */

static void set_field(mwi_op *op, const mwi_keras_attr *a)
{
    const mwi_field *const f = mwi_op_field(op->desc, a->field);
    char *const at = f == NULL ? NULL : (char *)op->attr + f->offset;

    MWI_ASSERT(f != NULL);
    if (f == NULL) return;
    if (f->kind == MWI_FIELD_I32 || f->kind == MWI_FIELD_ENUM)
        *(int32_t *)(void *)at = (int32_t)a->value;
    else if (f->kind == MWI_FIELD_F32)
        *(float *)(void *)at = (float)a->value;
    else if (f->kind == MWI_FIELD_BOOL)
        *(bool *)(void *)at = a->value != 0;
}

static mw_status name_value(mwi_keras_call *c, const char *op, size_t k, const char **out)
{
    char lower[48];
    size_t n = 0;

    for (; op[n] != '\0' && n + 1 < sizeof lower; n++)
        lower[n] = (char)tolower((unsigned char)op[n]);
    lower[n] = '\0';
    if (c->n_ops == 0 && k == 0)
        return mwi_arena_printf(c->ctx, c->build->scratch, out, "%s/%s", c->scope, lower);
    if (k == 0)
        return mwi_arena_printf(c->ctx, c->build->scratch, out, "%s/%s_%u", c->scope, lower,
                                c->n_ops);
    return mwi_arena_printf(c->ctx, c->build->scratch, out, "%s/%s_%u:%zu", c->scope, lower,
                            c->n_ops, k);
}

/* Views are short-lived, but there may be many operators. */
static mwi_arena *operator_memory(mwi_keras_build *b)
{
    if (++b->n_operators % 256 == 0) {
        mwi_arena_deinit(&b->operators);
        mwi_arena_init(b->ctx, &b->operators);
    }
    return &b->operators;
}

static mw_status infer(mwi_keras_call *c, const mwi_op *op, mw_dtype dtype)
{
    mwi_keras_build *const b = c->build;
    mwi_shape_call call;

    for (size_t k = 0; k < op->n_out; k++) b->graph->tensors[op->out[k]]->dtype = dtype;
    MWI_TRY(mwi_op_views(c->ctx, b->graph, op, operator_memory(b), &call));
    MWI_TRY(mwi_op_infer(c->ctx, &call));
    if (call.unknown)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "the shape of a %s depends on data",
                        op->desc->name);
    for (size_t k = 0; k < op->n_out; k++) {
        mwi_tensor *const t = b->graph->tensors[op->out[k]];
        t->dtype = call.out[k].dtype;
        t->rank = call.out[k].rank;
        memcpy(t->dims, call.out[k].dims, sizeof t->dims);
        memcpy(t->signature, call.out[k].dims, sizeof t->signature);
        if (b->batch_open && t->rank > 0 && t->dims[0] == 1) t->signature[0] = -1;
        for (int32_t i = 0; i < t->rank; i++)
            if (t->dims[i] < 1)
                return mwi_fail(c->ctx, MW_EFORMAT, "dimension %d of the result is %d", i,
                                t->dims[i]);
    }
    return MW_OK;
}

/* Operators whose result is not of the type of their first input: of another one's, or bool. */
static const struct {
    const char *op;
    int32_t like; /* the input whose type the result has; -1: bool */
} other_types[] = {{"SELECT", 1},
                   {"SELECT_V2", 1},
                   {"SPLIT", 1},
                   {"TRANSPOSE_CONV", 1},
                   {"EQUAL", -1},
                   {"NOT_EQUAL", -1},
                   {"CONV_3D_TRANSPOSE", 1},
                   {"GREATER", -1},
                   {"LESS", -1},
                   {"GREATER_EQUAL", -1},
                   {"LESS_EQUAL", -1},
                   {"REDUCE_ANY", -1},
                   {"REDUCE_ALL", -1},
                   {"LOGICAL_AND", -1},
                   {"LOGICAL_OR", -1},
                   {"LOGICAL_NOT", -1},
                   {"ONE_HOT", 2}};

mw_status mwi_keras_ops(mwi_keras_call *c, const char *name, size_t n_in, const int32_t *in,
                        const mwi_keras_attr *attrs, size_t n_out, int32_t *out)
{
    mwi_keras_build *const b = c->build;
    const mwi_op_desc *const desc = mwi_op_by_name(name);
    mw_dtype dtype = n_in > 0 && in[0] >= 0 ? mwi_keras_tensor(c, in[0])->dtype : MW_FLOAT32;
    mwi_tensor *t;
    mwi_op *op;
    const char *value;

    if (desc == NULL)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                        "needs the operator %s, which this build does not have", name);
    MWI_TRY(mwi_graph_add_op(c->ctx, b->model, b->graph, b->graph->n_ops, desc, n_in, n_out, &op));
    op->layer = c->layer->path;
    memcpy(op->in, in, n_in * sizeof *in);
    for (; attrs != NULL && attrs->field != NULL; attrs++) {
        if (strcmp(attrs->field, "out_data_type") == 0) dtype = (mw_dtype)attrs->value;
        set_field(op, attrs);
    }
    for (size_t k = 0; k < n_out; k++) {
        MWI_TRY(name_value(c, name, k, &value));
        MWI_TRY(mwi_graph_add_tensor(c->ctx, b->model, b->graph, value, &t, &op->out[k]));
        out[k] = op->out[k];
    }
    c->n_ops++;
    for (size_t i = 0; i < MWI_COUNT(other_types); i++)
        if (strcmp(name, other_types[i].op) == 0)
            dtype = other_types[i].like < 0 ? MW_BOOL
                                            : mwi_keras_tensor(c, in[other_types[i].like])->dtype;
    return infer(c, op, dtype);
}

mw_status mwi_keras_op(mwi_keras_call *c, const char *op, size_t n_in, const int32_t *in,
                       const mwi_keras_attr *attrs, int32_t *out)
{
    return mwi_keras_ops(c, op, n_in, in, attrs, 1, out);
}

mw_status mwi_keras_unary(mwi_keras_call *c, const char *op, int32_t in, int32_t *out)
{
    return mwi_keras_op(c, op, 1, &in, NULL, out);
}

mw_status mwi_keras_binary(mwi_keras_call *c, const char *op, int32_t a, int32_t b, int32_t *out)
{
    return mwi_keras_op(c, op, 2, (const int32_t[]){a, b}, NULL, out);
}

mw_status mwi_keras_with(mwi_keras_call *c, const char *op, int32_t a, double number, int32_t *out)
{
    int32_t s;

    MWI_TRY(mwi_keras_scalar(c, number, &s));
    return mwi_keras_binary(c, op, a, s, out);
}

/* ---- constants ---- */

static bool same_const(const mwi_tensor *t, mw_dtype dtype, int32_t rank, const int32_t *dims,
                       const void *data, size_t bytes)
{
    return t->dtype == dtype && t->rank == rank && t->bytes == bytes &&
           memcmp(t->data, data, bytes) == 0 &&
           (rank == 0 || memcmp(t->dims, dims, (size_t)rank * sizeof *dims) == 0);
}

/* Axes, shapes and numbers come again and again, above all in unrolled loops. */
static mw_status small_const(mwi_keras_call *c, const char *what, mw_dtype dtype, int32_t rank,
                             const int32_t *dims, const void *data, int32_t *out)
{
    mwi_keras_build *const b = c->build;
    const char *name;
    size_t bytes;

    if (!mwi_dims_bytes(dtype, rank, dims, &bytes))
        return mwi_fail(c->ctx, MW_ELIMIT, "constant '%s' is too large", what);
    for (size_t i = 0; i < b->n_recent && i < MWI_COUNT(b->recent); i++)
        if (same_const(b->graph->tensors[b->recent[i]], dtype, rank, dims, data, bytes))
            return *out = b->recent[i], MW_OK;
    MWI_TRY(mwi_arena_printf(c->ctx, b->scratch, &name, "%s/%s", c->scope, what));
    MWI_TRY(mwi_graph_add_const(c->ctx, b->model, b->graph, name, dtype, rank, dims, data, out));
    b->recent[b->n_recent++ % MWI_COUNT(b->recent)] = *out;
    return MW_OK;
}

mw_status mwi_keras_const(mwi_keras_call *c, const char *what, mw_dtype dtype, int32_t rank,
                          const int32_t *dims, const void *data, int32_t *out)
{
    return small_const(c, what, dtype, rank, dims, data, out);
}

mw_status mwi_keras_scalar(mwi_keras_call *c, double number, int32_t *out)
{
    const float f = (float)number;
    return small_const(c, "number", MW_FLOAT32, 0, NULL, &f, out);
}

mw_status mwi_keras_i32s(mwi_keras_call *c, size_t n, const int32_t *values, int32_t *out)
{
    const int32_t dims[1] = {(int32_t)n};
    return small_const(c, "integers", MW_INT32, 1, dims, values, out);
}

mw_status mwi_keras_f32s(mwi_keras_call *c, const char *what, int32_t rank, const int32_t *dims,
                         const float *values, int32_t *out)
{
    return small_const(c, what, MW_FLOAT32, rank, dims, values, out);
}

/* ---- moving values ---- */

static bool same_dims(const mwi_tensor *t, int32_t rank, const int32_t *dims)
{
    if (t->rank != rank) return false;
    for (int32_t i = 0; i < rank; i++)
        if (t->dims[i] != dims[i]) return false;
    return true;
}

mw_status mwi_keras_reshape(mwi_keras_call *c, int32_t in, int32_t rank, const int32_t *dims,
                            int32_t *out)
{
    int32_t shape[MW_MAX_RANK], s;

    if (rank < 1 || rank > MW_MAX_RANK)
        return mwi_fail(c->ctx, MW_ELIMIT, "a shape of rank %d, limit %d", rank, MW_MAX_RANK);
    if (same_dims(mwi_keras_tensor(c, in), rank, dims)) return *out = in, MW_OK;
    memcpy(shape, dims, (size_t)rank * sizeof *dims);
    shape[0] = -1;
    MWI_TRY(mwi_keras_i32s(c, (size_t)rank, shape, &s));
    return mwi_keras_binary(c, "RESHAPE", in, s, out);
}

mw_status mwi_keras_transpose(mwi_keras_call *c, int32_t in, const int32_t *perm, int32_t *out)
{
    const int32_t rank = mwi_keras_tensor(c, in)->rank;
    bool moves = false;
    int32_t p;

    for (int32_t i = 0; i < rank; i++) moves |= perm[i] != i;
    if (!moves) return *out = in, MW_OK;
    MWI_TRY(mwi_keras_i32s(c, (size_t)rank, perm, &p));
    return mwi_keras_binary(c, "TRANSPOSE", in, p, out);
}

mw_status mwi_keras_pad(mwi_keras_call *c, int32_t in, const int32_t *before, const int32_t *after,
                        int32_t *out)
{
    const int32_t rank = mwi_keras_tensor(c, in)->rank, dims[2] = {rank, 2};
    int32_t pads[2 * MW_MAX_RANK], p;
    bool any = false;

    for (int32_t i = 0; i < rank; i++) {
        pads[2 * i] = before[i];
        pads[2 * i + 1] = after[i];
        any |= before[i] != 0 || after[i] != 0;
    }
    if (!any) return *out = in, MW_OK;
    MWI_TRY(small_const(c, "paddings", MW_INT32, 2, dims, pads, &p));
    return mwi_keras_binary(c, "PAD", in, p, out);
}

mw_status mwi_keras_slice(mwi_keras_call *c, int32_t in, const int32_t *begin, const int32_t *size,
                          int32_t *out)
{
    const mwi_tensor *const t = mwi_keras_tensor(c, in);
    int32_t operands[3] = {in, -1, -1};
    bool whole = true;

    for (int32_t i = 0; i < t->rank; i++)
        whole &= begin[i] == 0 && (size[i] == -1 || size[i] == t->dims[i]);
    if (whole) return *out = in, MW_OK;
    MWI_TRY(mwi_keras_i32s(c, (size_t)t->rank, begin, &operands[1]));
    MWI_TRY(mwi_keras_i32s(c, (size_t)t->rank, size, &operands[2]));
    return mwi_keras_op(c, "SLICE", 3, operands, NULL, out);
}

mw_status mwi_keras_to_float(mwi_keras_call *c, int32_t in, int32_t *out)
{
    const mw_dtype dtype = mwi_keras_tensor(c, in)->dtype;
    const mwi_keras_attr attrs[] = {
        {"in_data_type", (double)dtype}, {"out_data_type", MW_FLOAT32}, {NULL, 0}};

    if (dtype == MW_FLOAT32) return *out = in, MW_OK;
    return mwi_keras_op(c, "CAST", 1, &in, attrs, out);
}

mw_status mwi_keras_to_2d(mwi_keras_call *c, int32_t in, int32_t *out)
{
    const int32_t *const d = mwi_keras_tensor(c, in)->dims;
    return mwi_keras_reshape(c, in, 4, (const int32_t[]){d[0], 1, d[1], d[2]}, out);
}

mw_status mwi_keras_to_1d(mwi_keras_call *c, int32_t in, int32_t *out)
{
    const int32_t *const d = mwi_keras_tensor(c, in)->dims;
    return mwi_keras_reshape(c, in, 3, (const int32_t[]){d[0], d[2], d[3]}, out);
}
