/* passes/fuse_arithmetic.c - chains of ADD, SUB, MUL and DIV by constants (one number, or one a
 * channel) become part of the layer before them, or after them, or as few operators as they need.
 * Depends: passes/fold_channels.  Used by: the list of passes only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/fold_channels.h"
#include "passes/pass.h"

enum { MAX_CHAIN = 64 };

/* The operators of one chain, last first, and what they do together to `value`. */
typedef struct chain {
    int32_t ops[MAX_CHAIN];
    size_t n;
    int32_t value;
    mwi_channels c;
} chain;

/* One more step of a chain that ends in channels.n values. */
static bool is_step(const mwi_rw *rw, const mwi_op *op, mwi_channels *probe, int32_t *value)
{
    return op != NULL && op->n_out == 1 && mwi_channels_apply(rw, op, value, probe);
}

static mw_status collect(mw_ctx *ctx, mwi_rw *rw, int32_t last, chain *out)
{
    const size_t n = mwi_channels_in(rw, rw->ops[last]->out[0]);
    mwi_channels probe;
    int32_t at = last;

    out->n = 0;
    if (n == 0) return MW_OK;
    MWI_TRY(mwi_channels_make(ctx, rw, n, &probe));
    for (int32_t value; out->n < MAX_CHAIN && is_step(rw, rw->ops[at], &probe, &value);) {
        out->ops[out->n++] = at;
        out->value = value;
        const int32_t before = rw->tensors[value].producer;
        if (before < 0 || !mwi_rw_single(rw, value)) break;
        if (mwi_op_activation(rw->ops[before]) != MWI_ACT_NONE) break;
        at = before;
    }
    MWI_TRY(mwi_channels_make(ctx, rw, n, &out->c));
    for (size_t i = out->n; i-- > 0;)
        (void)mwi_channels_apply(rw, rw->ops[out->ops[i]], &at, &out->c);
    return MW_OK;
}

/* Whether the chain goes on behind this operator: it is then met from its end. */
static bool goes_on(const mwi_rw *rw, int32_t i, mwi_channels *probe)
{
    const int32_t reader = mwi_rw_only_reader(rw, rw->ops[i]->out[0]);
    int32_t value;

    return reader >= 0 && mwi_op_activation(rw->ops[i]) == MWI_ACT_NONE &&
           is_step(rw, rw->ops[reader], probe, &value);
}

static void remove_chain(mwi_rw *rw, const chain *ch, size_t from)
{
    for (size_t i = from; i < ch->n; i++) mwi_rw_remove(rw, ch->ops[i]);
}

/* ---- into layers ---- */

static mw_status into_producer(mw_ctx *ctx, mwi_rw *rw, const chain *ch, bool *done)
{
    *done = false;
    if (!mwi_rw_same_shape(rw, ch->value, rw->ops[ch->ops[0]]->out[0])) return MW_OK;
    MWI_TRY(mwi_fold_into_producer(ctx, rw, ch->value, &ch->c,
                                   mwi_op_activation(rw->ops[ch->ops[0]]), done));
    if (!*done) return MW_OK;
    remove_chain(rw, ch, 1);
    const int32_t out = rw->ops[ch->ops[0]]->out[0];
    mwi_rw_absorb(rw, rw->tensors[ch->value].producer, ch->ops[0]);
    return mwi_rw_renew_before(ctx, rw, out);
}

static mw_status into_reader(mw_ctx *ctx, mwi_rw *rw, const chain *ch, bool *done)
{
    const int32_t out = rw->ops[ch->ops[0]]->out[0];

    *done = false;
    if (mwi_op_activation(rw->ops[ch->ops[0]]) != MWI_ACT_NONE) return MW_OK;
    if (mwi_rw_tensor_of(rw, ch->value)->is_variable) return MW_OK;
    MWI_TRY(mwi_fold_into_reader(ctx, rw, out, &ch->c, done));
    if (!*done) return MW_OK;
    mwi_rw_redirect(rw, out, ch->value);
    remove_chain(rw, ch, 0);
    return MW_OK;
}

/* ---- shorter ---- */

static mw_status constant(mw_ctx *ctx, mwi_rw *rw, int32_t like, const char *suffix, size_t n,
                          const double *values, int32_t *out)
{
    int32_t dim = (int32_t)n;
    bool same = true;

    for (size_t i = 1; i < n; i++) same = same && values[i] == values[0];
    if (same) dim = 1;
    return mwi_rw_add_floats(ctx, rw, like, suffix, 1, &dim, values, out);
}

/* MUL, ADD or both in place of more. */
static mw_status shorten(mw_ctx *ctx, mwi_rw *rw, const chain *ch, bool *done)
{
    const size_t needed = (size_t)ch->c.scales + (size_t)ch->c.shifts;
    const int32_t last = ch->ops[0], out = rw->ops[last]->out[0];
    const int32_t activation = mwi_op_activation(rw->ops[last]);
    int32_t operands[2] = {ch->value, -1}, mul;
    mwi_op *made;

    *done = needed > 0 && needed < ch->n;
    if (!*done) return MW_OK;
    remove_chain(rw, ch, 1);
    if (needed == 2) {
        MWI_TRY(mwi_rw_add_op(ctx, rw, &mwi_op_mul, 2, 1, &mul));
        MWI_TRY(mwi_rw_set_input(ctx, rw, mul, 0, ch->value));
        MWI_TRY(constant(ctx, rw, out, "_scale", ch->c.n, ch->c.scale, &operands[1]));
        MWI_TRY(mwi_rw_set_input(ctx, rw, mul, 1, operands[1]));
        MWI_TRY(mwi_rw_add_value(ctx, rw, out, "_scaled", &operands[0]));
        rw->ops[mul]->out[0] = operands[0];
        rw->tensors[operands[0]].producer = mul;
    }
    MWI_TRY(constant(ctx, rw, out, ch->c.shifts ? "_offset" : "_scale", ch->c.n,
                     ch->c.shifts ? ch->c.offset : ch->c.scale, &operands[1]));
    MWI_TRY(mwi_rw_replace_op(ctx, rw, last, ch->c.shifts ? "ADD" : "MUL", operands, 2, &made));
    mwi_op_set_i32(made, "fused_activation_function", activation);
    return MW_OK;
}

static mw_status fold(mw_ctx *ctx, mwi_rw *rw, int32_t i)
{
    mwi_channels probe;
    chain ch;
    bool done = false;

    MWI_TRY(collect(ctx, rw, i, &ch));
    if (ch.n == 0) return MW_OK;
    MWI_TRY(mwi_channels_make(ctx, rw, ch.c.n, &probe));
    if (ch.n < MAX_CHAIN && goes_on(rw, i, &probe)) return MW_OK;
    if (!mwi_channels_settle(&ch.c)) return MW_OK;
    MWI_TRY(into_producer(ctx, rw, &ch, &done));
    if (!done) MWI_TRY(into_reader(ctx, rw, &ch, &done));
    if (!done) MWI_TRY(shorten(ctx, rw, &ch, &done));
    rw->n_changes += done;
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, mwi_rw *rw)
{
    const size_t n = rw->n_ops;
    int32_t value, constant_;

    for (int32_t i = 0; i < (int32_t)n; i++)
        if (mwi_rw_with_const(rw, rw->ops[i], &value, &constant_)) MWI_TRY(fold(ctx, rw, i));
    return MW_OK;
}

const mwi_pass_desc mwi_pass_fuse_arithmetic = {
    .name = "fuse_arithmetic",
    .summary = "folds ADD, SUB, MUL and DIV by constants into layers, or into fewer of them",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
