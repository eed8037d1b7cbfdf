/* passes/remove_identity.c - operators that give back their input: a RESHAPE to the same shape, a
 * PAD by nothing, a POOL of single pixels, x * 1, x + 0, a clamp of values that lie inside, ...
 * Depends: passes/pass.  Used by: the list of passes only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

/* Each of these answers: the input that the operator gives back, -1 none. Type, quantization and
 * shape of input and output are compared by the caller. */
typedef int32_t (*identity_fn)(const mwi_rw *rw, const mwi_op *op);

static bool plain(const mwi_op *op) { return mwi_op_activation(op) == MWI_ACT_NONE; }

/* All integers of an operand are `value`. */
static bool all_ints(const mwi_rw *rw, const mwi_op *op, size_t k, int64_t value)
{
    int64_t v[4 * MW_MAX_RANK];
    size_t n;

    if (k >= op->n_in || !mwi_rw_ints(rw, op->in[k], MWI_COUNT(v), v, &n)) return false;
    for (size_t i = 0; i < n; i++)
        if (v[i] != value) return false;
    return true;
}

/* The same values in the same order; with two open dimensions the shape may yet differ. */
static int32_t view(const mwi_rw *rw, const mwi_op *op)
{
    const mwi_tensor *const t = mwi_rw_tensor_of(rw, op->in[0]);
    int32_t open = 0;

    for (int32_t i = 0; i < t->rank; i++) open += t->signature[i] < 0;
    return open <= 1 ? op->in[0] : -1;
}

static int32_t transpose(const mwi_rw *rw, const mwi_op *op)
{
    int64_t perm[MW_MAX_RANK];
    size_t n;

    if (!mwi_rw_ints(rw, op->in[1], MW_MAX_RANK, perm, &n)) return -1;
    for (size_t i = 0; i < n; i++)
        if (perm[i] != (int64_t)i && perm[i] + (int64_t)n != (int64_t)i) return -1;
    return op->in[0];
}

static int32_t pad(const mwi_rw *rw, const mwi_op *op)
{
    return all_ints(rw, op, 1, 0) ? op->in[0] : -1;
}
static int32_t tile(const mwi_rw *rw, const mwi_op *op)
{
    return all_ints(rw, op, 1, 1) ? op->in[0] : -1;
}

static int32_t blocks(const mwi_rw *rw, const mwi_op *op)
{
    return all_ints(rw, op, 1, 1) && all_ints(rw, op, 2, 0) ? op->in[0] : -1;
}

static int32_t depth(const mwi_rw *rw, const mwi_op *op)
{
    (void)rw;
    return mwi_op_get_i32(op, "block_size", 0) == 1 ? op->in[0] : -1;
}

/* Shapes that are fixed and equal: nothing was cut or repeated. */
static int32_t fixed(const mwi_rw *rw, const mwi_op *op)
{
    return mwi_rw_is_fixed(rw, op->in[0]) && mwi_rw_is_fixed(rw, op->out[0]) ? op->in[0] : -1;
}

static int32_t slice(const mwi_rw *rw, const mwi_op *op)
{
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, op->in[0]);
    int64_t size[MW_MAX_RANK];
    size_t n;

    if (!all_ints(rw, op, 1, 0) || !mwi_rw_ints(rw, op->in[2], MW_MAX_RANK, size, &n) ||
        n != (size_t)x->rank)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (size[i] != -1 && (x->signature[i] < 0 || size[i] != x->dims[i])) return -1;
    return op->in[0];
}

static int32_t strided_slice(const mwi_rw *rw, const mwi_op *op)
{
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, op->in[0]);
    const int32_t from_start = mwi_op_get_i32(op, "begin_mask", 0),
                  to_end = mwi_op_get_i32(op, "end_mask", 0);
    int64_t begin[MW_MAX_RANK], end[MW_MAX_RANK];
    size_t n, n_end;

    if (mwi_op_get_i32(op, "ellipsis_mask", 1) != 0 ||
        mwi_op_get_i32(op, "new_axis_mask", 1) != 0 ||
        mwi_op_get_i32(op, "shrink_axis_mask", 1) != 0 || mwi_op_get_bool(op, "offset", true))
        return -1;
    if (op->n_in < 4 || !all_ints(rw, op, 3, 1) ||
        !mwi_rw_ints(rw, op->in[1], MW_MAX_RANK, begin, &n) ||
        !mwi_rw_ints(rw, op->in[2], MW_MAX_RANK, end, &n_end) || n_end != n || n > (size_t)x->rank)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if ((from_start & 1 << i) == 0 && begin[i] != 0) return -1;
        const bool whole = end[i] == INT32_MAX || (x->signature[i] >= 0 && end[i] >= x->dims[i]);
        if ((to_end & 1 << i) == 0 && !whole) return -1;
    }
    return op->in[0];
}

static int32_t only_input(const mwi_rw *rw, const mwi_op *op)
{
    (void)rw;
    return op->n_in == 1 && plain(op) ? op->in[0] : -1;
}

static int32_t split(const mwi_rw *rw, const mwi_op *op)
{
    (void)rw;
    return op->in[mwi_op_is(op, "SPLIT") ? 1 : 0];
}

static int32_t pool(const mwi_rw *rw, const mwi_op *op)
{
    static const char *const ones[] = {"filter_width", "filter_height", "stride_w", "stride_h"};

    (void)rw;
    for (size_t i = 0; i < MWI_COUNT(ones); i++)
        if (mwi_op_get_i32(op, ones[i], 0) != 1) return -1;
    return plain(op) ? op->in[0] : -1;
}

/* CAST to the same type, QUANTIZE to the same scale: the comparison of types says it all. */
static int32_t same(const mwi_rw *rw, const mwi_op *op)
{
    (void)rw;
    return op->in[0];
}

static bool all_are(const mwi_rw *rw, int32_t t, double value)
{
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, t);
    int64_t v[64];
    size_t n;
    float f;

    if (x->dtype == MW_FLOAT32) return mwi_rw_scalar(rw, t, &f) && (double)f == value;
    if (!mwi_rw_ints(rw, t, MWI_COUNT(v), v, &n)) return false;
    for (size_t i = 0; i < n; i++)
        if ((double)v[i] != value) return false;
    return n > 0;
}

/* x * 1, x / 1, x + 0, x - 0, x ^ 1. -0.0 + 0 is +0.0, the same number. */
static int32_t arithmetic(const mwi_rw *rw, const mwi_op *op)
{
    const bool sum = mwi_op_is(op, "ADD") || mwi_op_is(op, "SUB");
    const bool any_order = mwi_op_is(op, "ADD") || mwi_op_is(op, "MUL");
    const double neutral = sum ? 0 : 1;

    if (!plain(op) || op->in[0] < 0 || op->in[1] < 0) return -1;
    if (all_are(rw, op->in[1], neutral)) return op->in[0];
    return any_order && all_are(rw, op->in[0], neutral) ? op->in[1] : -1;
}

/* MEAN, SUM, ... over dimensions of 1 that stay. */
static int32_t reduction(const mwi_rw *rw, const mwi_op *op)
{
    return mwi_rw_is_float(rw, op->in[0]) && mwi_op_get_bool(op, "keep_dims", false) ? fixed(rw, op)
                                                                                     : -1;
}

/* All rows in their order. */
static int32_t gather(const mwi_rw *rw, const mwi_op *op)
{
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, op->in[0]);
    const int32_t given = mwi_op_get_i32(op, "axis", 0), axis = given < 0 ? given + x->rank : given;
    int64_t v[1024];
    size_t n;

    if (mwi_op_get_i32(op, "batch_dims", 1) != 0 || axis < 0 || axis >= x->rank ||
        x->signature[axis] < 0)
        return -1;
    if (!mwi_rw_ints(rw, op->in[1], MWI_COUNT(v), v, &n) || n != (size_t)x->dims[axis]) return -1;
    for (size_t i = 0; i < n; i++)
        if (v[i] != (int64_t)i) return -1;
    return op->in[0];
}

static int32_t reverse(const mwi_rw *rw, const mwi_op *op)
{
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, op->in[0]);
    int64_t axes[MW_MAX_RANK];
    size_t n;

    if (!mwi_rw_ints(rw, op->in[1], MW_MAX_RANK, axes, &n)) return -1;
    for (size_t i = 0; i < n; i++) {
        const int64_t axis = axes[i] < 0 ? axes[i] + x->rank : axes[i];
        if (axis < 0 || axis >= x->rank || x->signature[axis] != 1) return -1;
    }
    return op->in[0];
}

/* ---- clamps ---- */

/* A clamp of values that lie inside. */
static int32_t clamp(const mwi_rw *rw, const mwi_op *op)
{
    double low, high;

    if (!mwi_rw_is_float(rw, op->in[0]) ||
        !mwi_op_values_between(mwi_rw_producer(rw, op->in[0]), &low, &high))
        return -1;
    return low >= op->desc->out_low && high <= op->desc->out_high ? op->in[0] : -1;
}

/* ---- the table ---- */

static const struct {
    const char *name;
    identity_fn source;
} rows[] = {
    {"RESHAPE", view},
    {"TRANSPOSE", transpose},
    {"PAD", pad},
    {"PADV2", pad},
    {"MIRROR_PAD", pad},
    {"TILE", tile},
    {"BROADCAST_TO", fixed},
    {"SLICE", slice},
    {"STRIDED_SLICE", strided_slice},
    {"CONCATENATION", only_input},
    {"ADD_N", only_input},
    {"SPLIT", split},
    {"SPLIT_V", split},
    {"MAX_POOL_2D", pool},
    {"AVERAGE_POOL_2D", pool},
    {"CAST", same},
    {"QUANTIZE", same},
    {"ADD", arithmetic},
    {"SUB", arithmetic},
    {"MUL", arithmetic},
    {"DIV", arithmetic},
    {"POW", arithmetic},
    {"GATHER", gather},
    {"REVERSE_V2", reverse},
    {"RESIZE_NEAREST_NEIGHBOR", fixed},
    {"SPACE_TO_BATCH_ND", blocks},
    {"BATCH_TO_SPACE_ND", blocks},
    {"SPACE_TO_DEPTH", depth},
    {"DEPTH_TO_SPACE", depth},
};

static int32_t source_of(const mwi_rw *rw, const mwi_op *op)
{
    if (op->in[0] < 0) return -1;
    if ((op->desc->traits & MWI_OP_CLAMPS) != 0) return clamp(rw, op);
    if ((op->desc->traits & MWI_OP_REDUCES) != 0) return reduction(rw, op);
    for (size_t k = 0; k < MWI_COUNT(rows); k++)
        if (mwi_op_is(op, rows[k].name)) return rows[k].source(rw, op);
    return -1;
}

static mw_status run(mw_ctx *ctx, mwi_rw *rw)
{
    (void)ctx;
    for (int32_t i = 0; i < (int32_t)rw->n_ops; i++) {
        const mwi_op *const op = rw->ops[i];
        if (op == NULL || op->n_out != 1 || op->n_in == 0 || !mwi_rw_is_pure(rw, op)) continue;
        const int32_t source = source_of(rw, op);
        if (source >= 0 && mwi_rw_forward(rw, i, source)) rw->n_changes++;
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_remove_identity = {
    .name = "remove_identity",
    .summary = "removes operators that give back their input",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
