/* passes/merge_reshapes.c - RESHAPE, SQUEEZE and EXPAND_DIMS of one another become one; operators
 * that only drop or add dimensions of 1 become RESHAPE; a reshape before FULLY_CONNECTED, which
 * flattens by itself, goes; a shape that is computed becomes constant where one number in it is
 * not known before.
 * Depends: passes/pass.  Used by: the list of passes only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

#include <string.h>

static bool is_view(const mwi_op *op)
{
    return mwi_op_is(op, "RESHAPE") || mwi_op_is(op, "SQUEEZE") || mwi_op_is(op, "EXPAND_DIMS");
}

static int64_t axis_of(int64_t axis, int32_t rank) { return axis < 0 ? axis + rank : axis; }

/* Whether dimension 0 of the result is dimension 0 of the input, of whatever size. */
static bool keeps_batch(const mwi_rw *rw, const mwi_op *op)
{
    const mwi_tensor *const in = mwi_rw_tensor_of(rw, op->in[0]), *const out = mwi_rw_tensor_of(
                                                                      rw, op->out[0]);
    int64_t v[MW_MAX_RANK];
    size_t n;

    if (in->rank < 1 || out->rank < 1 || in->dims[0] != out->dims[0]) return false;
    if (mwi_op_is(op, "EXPAND_DIMS"))
        return mwi_rw_ints(rw, op->in[1], MW_MAX_RANK, v, &n) && n == 1 &&
               axis_of(v[0], out->rank) != 0;
    if (mwi_op_is(op, "RESHAPE"))
        return op->n_in > 1 && mwi_rw_ints(rw, op->in[1], MW_MAX_RANK, v, &n) && n > 0 &&
               v[0] == -1;
    const mwi_field *const f = mwi_op_field(op->desc, "squeeze_dims");
    if (!mwi_op_is(op, "SQUEEZE") || f == NULL || f->kind != MWI_FIELD_I32S) return false;
    const mwi_i32s *const dims = (const void *)((const char *)op->attr + f->offset);
    for (size_t i = 0; i < dims->n; i++)
        if (axis_of(dims->v[i], in->rank) == 0) return false;
    return dims->n > 0;
}

/* ---- views of views ---- */

static mw_status merge_views(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i], *const before = mwi_rw_producer(rw, op->in[0]);

    if (before == NULL || !is_view(before) || !mwi_rw_is_pure(rw, before)) return MW_OK;
    if (!mwi_rw_same_type(rw, before->in[0], before->out[0])) return MW_OK;
    if (!mwi_op_is(op, "RESHAPE")) /* these speak of their input's shape */
        return mwi_rw_make_reshape(ctx, rw, i, before->in[0],
                                   keeps_batch(rw, op) && keeps_batch(rw, before), done);
    *done = true;
    return mwi_rw_set_input(ctx, rw, i, 0, before->in[0]);
}

/* A layer that takes the values in rows of its weights' length, in whatever shape they come. */
static mw_status skip_before_dense(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i], *const before = mwi_rw_producer(rw, op->in[0]);

    if (before == NULL || !is_view(before) || !mwi_rw_is_pure(rw, before)) return MW_OK;
    if (mwi_op_get_bool(op, "keep_num_dims", true) ||
        !mwi_rw_same_type(rw, before->in[0], before->out[0]))
        return MW_OK;
    if (mwi_rw_tensor_of(rw, before->in[0])->rank < 2) return MW_OK;
    *done = true;
    return mwi_rw_set_input(ctx, rw, i, 0, before->in[0]);
}

/* ---- operators that only drop or add dimensions of 1 ---- */

/* All values in their order: as many come out as go in, at shapes that are known. */
static bool keeps_all(const mwi_rw *rw, const mwi_op *op, int32_t in)
{
    return mwi_rw_is_fixed(rw, in) && mwi_rw_is_fixed(rw, op->out[0]) &&
           mwi_rw_count(rw, in) == mwi_rw_count(rw, op->out[0]) && mwi_rw_count(rw, in) > 0;
}

static bool strides_are_positive(const mwi_rw *rw, const mwi_op *op)
{
    int64_t v[MW_MAX_RANK];
    size_t n;

    if (op->n_in < 4 || !mwi_rw_ints(rw, op->in[3], MW_MAX_RANK, v, &n)) return false;
    for (size_t i = 0; i < n; i++)
        if (v[i] < 1) return false;
    return true;
}

static bool only_reshapes(const mwi_rw *rw, const mwi_op *op, int32_t *in, bool *batch)
{
    const mwi_tensor *const out = mwi_rw_tensor_of(rw, op->out[0]);

    *in = op->in[0];
    *batch = false;
    if (mwi_op_is(op, "PACK")) {
        *batch = axis_of(mwi_op_get_i32(op, "axis", 0), out->rank) != 0 &&
                 out->dims[0] == mwi_rw_tensor_of(rw, *in)->dims[0] &&
                 mwi_rw_tensor_of(rw, *in)->rank > 0;
        return op->n_in == 1 && keeps_all(rw, op, *in);
    }
    if (mwi_op_is(op, "UNPACK")) {
        *batch = axis_of(mwi_op_get_i32(op, "axis", 0), out->rank + 1) != 0 && out->rank > 0;
        return op->n_out == 1 && keeps_all(rw, op, *in);
    }
    if (mwi_op_is(op, "STRIDED_SLICE"))
        return strides_are_positive(rw, op) && keeps_all(rw, op, *in);
    return (op->desc->traits & MWI_OP_REDUCES) != 0 && mwi_rw_is_float(rw, *in) &&
           keeps_all(rw, op, *in);
}

/* ---- computed shapes ---- */

/* One number of a shape, where it is known: a constant, or a fixed dimension (not the batch) of
 * some value. */
static bool known_number(const mwi_rw *rw, int32_t t, int64_t *out)
{
    const mwi_op *const slice = mwi_rw_producer(rw, t);
    int64_t begin[2], stride[2];
    size_t n, m;

    if (mwi_rw_ints(rw, t, 1, out, &n)) return n == 1;
    if (!mwi_op_is(slice, "STRIDED_SLICE") || slice->n_in < 4 || mwi_rw_count(rw, t) != 1)
        return false;
    const mwi_op *const shape = mwi_rw_producer(rw, slice->in[0]);
    if (!mwi_op_is(shape, "SHAPE") || !mwi_rw_ints(rw, slice->in[1], 1, begin, &n) || n != 1)
        return false;
    if (!mwi_rw_ints(rw, slice->in[3], 1, stride, &m) || m != 1 || stride[0] != 1) return false;
    if (mwi_op_get_i32(slice, "begin_mask", 1) != 0 ||
        mwi_op_get_i32(slice, "ellipsis_mask", 1) != 0)
        return false;
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, shape->in[0]);
    const int64_t axis = axis_of(begin[0], x->rank);
    if (!x->has_rank || axis < 1 || axis >= x->rank || x->signature[axis] < 0) return false;
    *out = x->dims[axis];
    return true;
}

/* The shape with -1 for the one number that is not known: it follows from the count of values. */
static bool constant_shape(const mwi_rw *rw, const mwi_op *made, int64_t *shape, size_t *n)
{
    int32_t unknown = 0;

    if (!mwi_op_is(made, "PACK") && !mwi_op_is(made, "CONCATENATION")) return false;
    *n = made->n_in;
    if (*n > MW_MAX_RANK) return false;
    for (size_t i = 0; i < *n; i++) {
        if (made->in[i] < 0 || mwi_rw_count(rw, made->in[i]) != 1 ||
            !mwi_rw_is_fixed(rw, made->in[i]))
            return false;
        if (known_number(rw, made->in[i], &shape[i])) {
            unknown += shape[i] == -1;
            if (shape[i] == 0 || shape[i] < -1 || shape[i] > INT32_MAX) return false;
        } else {
            shape[i] = -1;
            unknown++;
        }
    }
    return unknown <= 1;
}

static mw_status fix_shape(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i];
    int64_t shape[MW_MAX_RANK];
    int32_t operand;
    size_t n;

    if (op->n_in < 2 || op->in[1] < 0 || mwi_rw_is_const(rw, op->in[1])) return MW_OK;
    const mwi_op *const made = mwi_rw_producer(rw, op->in[1]);
    if (made == NULL || mwi_rw_tensor_of(rw, op->in[1])->dtype != MW_INT32 ||
        !constant_shape(rw, made, shape, &n))
        return MW_OK;
    MWI_TRY(mwi_rw_add_ints(ctx, rw, op->out[0], "_shape", n, shape, &operand));
    *done = true;
    return mwi_rw_set_input(ctx, rw, i, 1, operand);
}

static mw_status visit(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i];
    bool batch;
    int32_t in;

    if (mwi_op_is(op, "RESHAPE")) MWI_TRY(fix_shape(ctx, rw, i, done));
    if (is_view(op)) {
        bool merged = false;
        MWI_TRY(merge_views(ctx, rw, i, &merged));
        *done = *done || merged;
        return MW_OK;
    }
    if (op->desc->linear != NULL && op->desc->linear->flattens)
        return skip_before_dense(ctx, rw, i, done);
    if (only_reshapes(rw, op, &in, &batch) && mwi_rw_same_type(rw, in, op->out[0]))
        return mwi_rw_make_reshape(ctx, rw, i, in, batch, done);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, mwi_rw *rw)
{
    const size_t n = rw->n_ops;

    for (int32_t i = 0; i < (int32_t)n; i++) {
        const mwi_op *const op = rw->ops[i];
        bool done = false;
        if (op == NULL || op->n_in == 0 || op->in[0] < 0 || !mwi_rw_is_pure(rw, op)) continue;
        MWI_TRY(visit(ctx, rw, i, &done));
        rw->n_changes += done;
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_merge_reshapes = {
    .name = "merge_reshapes",
    .summary = "merges reshapes of reshapes, and writes what only reshapes as RESHAPE, with a "
               "constant shape",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
