/* compress/prune/channel_rules.c - what an operator ties when channels are removed, by what its row
 * says: traits, linear description, windows. An operator of which no rule is known fixes all that
 * it touches.
 * Depends: compress/prune/channel_ties.  Used by: channel_ties.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/prune/channel_ties.h"

#include <string.h>

static const mwi_tensor *tensor_of(const mwi_channel_ties *c, int32_t t)
{
    return c->graph->tensors[t];
}

static int32_t last_axis(const mwi_channel_ties *c, int32_t t) { return tensor_of(c, t)->rank - 1; }

static void fix_others(mwi_channel_ties *c, int32_t tensor, int32_t axis)
{
    for (int32_t d = 0; d < tensor_of(c, tensor)->rank; d++)
        if (d != axis) mwi_fix_axis(c, tensor, d);
}

/* Integers of a constant operand; -1: it is none, or has more than `max`. */
static int constants(const mwi_channel_ties *c, const mwi_op *op, size_t k, int32_t *out, int max)
{
    const mwi_tensor *const t = k < op->n_in && op->in[k] >= 0 ? tensor_of(c, op->in[k]) : NULL;
    size_t n;

    if (t == NULL || t->data == NULL || t->dtype != MW_INT32 || t->sparsity != NULL ||
        !mwi_dims_count(t->rank, t->dims, &n) || n > (size_t)max)
        return -1;
    memcpy(out, t->data, n * sizeof *out);
    return (int)n;
}

/* ---- layers ---- */

/* Rows of a matrix product that are taken across several dimensions: all of them but the last
 * stay. */
static void tie_flattened(mwi_channel_ties *c, int32_t value, int32_t weight, int32_t in_axis)
{
    const int32_t last = last_axis(c, value), n = tensor_of(c, value)->dims[last];
    const int32_t k = tensor_of(c, weight)->dims[in_axis];

    if (n == 0 || k % n != 0) {
        mwi_fix_axis(c, value, last);
        mwi_fix_axis(c, weight, in_axis);
        return;
    }
    for (int32_t i = 0; i < k; i++)
        mwi_tie(c, mwi_channel_node(c, weight, in_axis, i),
                mwi_channel_node(c, value, last, i % n));
}

/* Groups keep one size: the j-th channels of all groups go together. */
static void tie_groups(mwi_channel_ties *c, int32_t value, int32_t weight, int32_t out,
                       const mwi_linear *l)
{
    const int32_t last = last_axis(c, value), n = tensor_of(c, value)->dims[last];
    const int32_t each = tensor_of(c, weight)->dims[l->in_axis], n_groups = n / each;
    const int32_t n_out = tensor_of(c, weight)->dims[l->out_axis], out_each = n_out / n_groups;

    for (int32_t i = 0; i < n; i++)
        mwi_tie(c, mwi_channel_node(c, value, last, i),
                mwi_channel_node(c, weight, l->in_axis, i % each));
    for (int32_t i = out_each; i < n_out; i++)
        mwi_tie(c, mwi_channel_node(c, out, last_axis(c, out), i),
                mwi_channel_node(c, out, last_axis(c, out), i % out_each));
}

static void tie_inputs(mwi_channel_ties *c, int32_t value, int32_t weight, int32_t out,
                       const mwi_linear *l)
{
    const int32_t last = last_axis(c, value), n = tensor_of(c, value)->dims[last];
    const int32_t k = tensor_of(c, weight)->dims[l->depthwise ? l->out_axis : l->in_axis];

    if (l->depthwise && n > 0 && k % n == 0)
        for (int32_t i = 0; i < k; i++)
            mwi_tie(c, mwi_channel_node(c, weight, l->out_axis, i),
                    mwi_channel_node(c, value, last, i / (k / n)));
    else if (k == n)
        mwi_tie_axes(c, value, last, weight, l->in_axis);
    else if (l->flattens)
        tie_flattened(c, value, weight, l->in_axis);
    else if (l->grouped && k > 0 && n % k == 0)
        tie_groups(c, value, weight, out, l);
    else
        mwi_fix_axis(c, value, last);
}

static void tie_linear(mwi_channel_ties *c, const mwi_op *op)
{
    const mwi_linear *const l = op->desc->linear;
    const int32_t value = op->in[l->value], weight = op->in[l->weight], out = op->out[0];
    const mwi_tensor *const w = tensor_of(c, weight);
    const int32_t bias = l->bias >= 0 && (size_t)l->bias < op->n_in ? op->in[l->bias] : -1;

    fix_others(c, value, last_axis(c, value));
    fix_others(c, out, last_axis(c, out));
    for (int32_t d = 0; d < w->rank; d++)
        if (d != l->out_axis && d != l->in_axis) mwi_fix_axis(c, weight, d);
    if (w->quant != NULL && w->quant->q.block_size > 0) mwi_fix_tensor(c, weight);
    mwi_tie_axes(c, out, last_axis(c, out), weight, l->out_axis);
    if (bias >= 0 && tensor_of(c, bias)->rank == 1)
        mwi_tie_axes(c, bias, 0, weight, l->out_axis);
    else
        mwi_fix_tensor(c, bias);
    tie_inputs(c, value, weight, out, l);
    for (size_t k = 0; k < op->n_in; k++) /* the shape of a transposed convolution's output */
        if (op->in[k] >= 0 && op->in[k] != value && op->in[k] != weight && op->in[k] != bias) {
            mwi_fix_tensor(c, op->in[k]);
            if (!mwi_tensor_is_const(tensor_of(c, op->in[k]))) mwi_fix_tensor(c, out);
        }
}

/* ---- operators on values ---- */

static void tie_all_axes(mwi_channel_ties *c, int32_t a, int32_t b)
{
    const int32_t rank_a = tensor_of(c, a)->rank, rank_b = tensor_of(c, b)->rank;

    for (int32_t i = 1; i <= rank_a && i <= rank_b; i++)
        mwi_tie_axes(c, a, rank_a - i, b, rank_b - i);
}

/* Operands that broadcast to the output, aligned at their last dimensions. */
static void tie_broadcast(mwi_channel_ties *c, const mwi_op *op)
{
    for (size_t k = 0; k < op->n_in; k++)
        if (op->in[k] >= 0) tie_all_axes(c, op->in[k], op->out[0]);
}

/* Each channel by itself; operands of the value's type broadcast to it, others say how (paddings,
 * sizes) and stay. */
static void tie_by_channel(mwi_channel_ties *c, const mwi_op *op)
{
    const int32_t in = op->in[0], out = op->out[0], last = last_axis(c, in);

    fix_others(c, in, last);
    fix_others(c, out, last);
    mwi_tie_axes(c, in, last, out, last);
    for (size_t k = 1; k < op->n_in; k++) {
        if (op->in[k] < 0) continue;
        if (tensor_of(c, op->in[k])->dtype == tensor_of(c, in)->dtype)
            tie_all_axes(c, op->in[k], out);
        else
            mwi_fix_tensor(c, op->in[k]);
    }
}

static void fix_operands(mwi_channel_ties *c, const mwi_op *op)
{
    for (size_t k = 0; k < op->n_in; k++) mwi_fix_tensor(c, op->in[k]);
    for (size_t k = 0; k < op->n_out; k++) mwi_fix_tensor(c, op->out[k]);
}

static bool wrap_axis(int32_t axis, int32_t rank, int32_t *out)
{
    *out = axis < 0 ? axis + rank : axis;
    return *out >= 0 && *out < rank;
}

static void tie_reduced(mwi_channel_ties *c, const mwi_op *op)
{
    const int32_t in = op->in[0], out = op->out[0], rank = tensor_of(c, in)->rank;
    const bool keeps = tensor_of(c, out)->rank == rank;
    bool reduced[MW_MAX_RANK] = {false};
    int32_t axes[MW_MAX_RANK], axis, at = 0;
    const int n = constants(c, op, 1, axes, MW_MAX_RANK);

    if (n < 0) {
        fix_operands(c, op);
        return;
    }
    for (int i = 0; i < n; i++)
        if (wrap_axis(axes[i], rank, &axis)) reduced[axis] = true;
    for (int32_t d = 0; d < rank; d++) {
        if (reduced[d]) {
            mwi_fix_axis(c, in, d);
            if (keeps) mwi_fix_axis(c, out, d);
        } else if (at + (keeps ? d - at : 0) < tensor_of(c, out)->rank) {
            mwi_tie_axes(c, in, d, out, keeps ? d : at);
        }
        at += !reduced[d];
    }
}

/* Inputs one after the other along an axis. */
static void tie_joined(mwi_channel_ties *c, const mwi_op *op)
{
    const int32_t out = op->out[0], rank = tensor_of(c, out)->rank;
    int32_t axis, at = 0;

    if (!wrap_axis(mwi_op_get_i32(op, "axis", 0), rank, &axis)) {
        fix_operands(c, op);
        return;
    }
    for (size_t k = 0; k < op->n_in; k++) {
        const int32_t in = op->in[k], n = tensor_of(c, in)->dims[axis];
        for (int32_t d = 0; d < rank; d++)
            if (d != axis) mwi_tie_axes(c, in, d, out, d);
        for (int32_t i = 0; i < n; i++)
            mwi_tie(c, mwi_channel_node(c, in, axis, i), mwi_channel_node(c, out, axis, at + i));
        at += n;
    }
}

/* Outputs are equal pieces of in[1] along the axis in[0], and stay equal: the j-th channels of all
 * pieces go together. */
static void tie_cut(mwi_channel_ties *c, const mwi_op *op)
{
    const int32_t in = op->n_in > 1 ? op->in[1] : -1;
    int32_t axis, at = 0, where;

    if (in < 0 || constants(c, op, 0, &where, 1) != 1 ||
        !wrap_axis(where, tensor_of(c, in)->rank, &axis)) {
        fix_operands(c, op);
        return;
    }
    for (size_t k = 0; k < op->n_out; k++) {
        const int32_t out = op->out[k], n = tensor_of(c, out)->dims[axis];
        for (int32_t d = 0; d < tensor_of(c, in)->rank; d++)
            if (d != axis) mwi_tie_axes(c, in, d, out, d);
        for (int32_t i = 0; i < n; i++)
            mwi_tie(c, mwi_channel_node(c, in, axis, at + i), mwi_channel_node(c, out, axis, i));
        mwi_tie_axes(c, out, axis, op->out[0], axis);
        at += n;
    }
}

static void tie_permuted(mwi_channel_ties *c, const mwi_op *op)
{
    const int32_t in = op->in[0], out = op->out[0], rank = tensor_of(c, in)->rank;
    int32_t perm[MW_MAX_RANK];

    if (constants(c, op, 1, perm, MW_MAX_RANK) != rank) {
        fix_operands(c, op);
        return;
    }
    for (int32_t d = 0; d < rank; d++) mwi_tie_axes(c, in, perm[d], out, d);
}

/* ---- views: the same values under other dimensions ---- */

/* A run of dimensions of one tensor whose product is that of a run of the other. */
struct run {
    int32_t tensor, first, end;
};

/* The only dimension of a run that is not 1; -1: none or several. */
static int32_t only_axis(const mwi_channel_ties *c, const struct run *r)
{
    int32_t found = -1;

    for (int32_t d = r->first; d < r->end; d++) {
        if (tensor_of(c, r->tensor)->dims[d] == 1) continue;
        if (found >= 0) return -1;
        found = d;
    }
    return found;
}

static void fix_run(mwi_channel_ties *c, const struct run *r, int32_t but)
{
    for (int32_t d = r->first; d < r->end; d++)
        if (d != but) mwi_fix_axis(c, r->tensor, d);
}

/* Several dimensions, the last of which are channels, and one that holds them all. */
static void tie_flat(mwi_channel_ties *c, const struct run *many, const struct run *one,
                     int32_t flat)
{
    int32_t last = many->end - 1;

    while (last > many->first && tensor_of(c, many->tensor)->dims[last] == 1) last--;
    const int32_t n = tensor_of(c, many->tensor)->dims[last];
    fix_run(c, many, last);
    fix_run(c, one, flat);
    for (int32_t i = 0; i < tensor_of(c, one->tensor)->dims[flat]; i++)
        mwi_tie(c, mwi_channel_node(c, one->tensor, flat, i),
                mwi_channel_node(c, many->tensor, last, i % n));
}

static void tie_runs(mwi_channel_ties *c, const struct run *a, const struct run *b)
{
    const int32_t x = only_axis(c, a), y = only_axis(c, b);

    if (x >= 0 && y >= 0) {
        mwi_tie_axes(c, a->tensor, x, b->tensor, y);
        fix_run(c, a, x);
        fix_run(c, b, y);
    } else if (y >= 0) {
        tie_flat(c, a, b, y);
    } else if (x >= 0) {
        tie_flat(c, b, a, x);
    } else {
        fix_run(c, a, -1);
        fix_run(c, b, -1);
    }
}

/* Takes dimensions of both until their products are the same. */
static void tie_view(mwi_channel_ties *c, const mwi_op *op)
{
    const mwi_tensor *const a = tensor_of(c, op->in[0]), *const b = tensor_of(c, op->out[0]);
    struct run x = {op->in[0], 0, 0}, y = {op->out[0], 0, 0};

    for (size_t k = 1; k < op->n_in; k++) {
        mwi_fix_tensor(c, op->in[k]);
        if (op->in[k] >= 0 && !mwi_tensor_is_const(tensor_of(c, op->in[k]))) fix_operands(c, op);
    }
    while (x.end < a->rank || y.end < b->rank) {
        int64_t p = 1, q = 1;
        x.first = x.end;
        y.first = y.end;
        if (x.end < a->rank) p = a->dims[x.end++];
        if (y.end < b->rank) q = b->dims[y.end++];
        while (p != q && (p < q ? x.end < a->rank : y.end < b->rank)) {
            if (p < q)
                p *= a->dims[x.end++];
            else
                q *= b->dims[y.end++];
        }
        if (p != q) { /* dimensions that say nothing: open ones stand as 1 */
            fix_operands(c, op);
            return;
        }
        tie_runs(c, &x, &y);
    }
}

/* ---- one operator ---- */

static bool same_last(const mwi_channel_ties *c, const mwi_op *op)
{
    const mwi_tensor *const a = tensor_of(c, op->in[0]), *const b = tensor_of(c, op->out[0]);
    return a->rank == b->rank && a->rank > 0 && a->dims[a->rank - 1] == b->dims[b->rank - 1];
}

void mwi_tie_op(mwi_channel_ties *c, const mwi_op *op)
{
    static const struct {
        uint32_t trait;
        void (*tie)(mwi_channel_ties *c, const mwi_op *op);
        bool keeps_last; /* holds only where in[0] and out[0] have one rank and last dimension */
    } rules[] = {
        {MWI_OP_REDUCES, tie_reduced, false},
        {MWI_OP_POINTWISE | MWI_OP_BINARY_BROADCAST, tie_broadcast, false},
        {MWI_OP_BY_CHANNEL | MWI_OP_SCALES_BY_CHANNEL, tie_by_channel, true},
        {MWI_OP_JOINS, tie_joined, false},
        {MWI_OP_CUTS, tie_cut, false},
        {MWI_OP_PERMUTES, tie_permuted, false},
        {MWI_OP_VIEW, tie_view, false},
    };
    const bool whole = op->n_in > 0 && op->in[0] >= 0 && op->n_out > 0 && op->out[0] >= 0;

    if (whole && op->desc->linear != NULL && op->in[op->desc->linear->value] >= 0 &&
        op->in[op->desc->linear->weight] >= 0 &&
        tensor_of(c, op->in[op->desc->linear->weight])->rank == op->desc->linear->rank) {
        tie_linear(c, op);
        return;
    }
    for (size_t i = 0; whole && i < sizeof rules / sizeof *rules; i++) {
        if ((op->desc->traits & rules[i].trait) == 0) continue;
        if (rules[i].keeps_last && !same_last(c, op)) continue;
        rules[i].tie(c, op);
        return;
    }
    fix_operands(c, op);
}
