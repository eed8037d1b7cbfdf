/* passes/fold_batch_norm.c - BATCH_NORMALIZATION becomes part of the layer before it, or after it
 * where no padding comes between; else MUL and ADD by constants. In double precision.
 * Depends: passes/fold_channels.  Used by: the list of passes only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/fold_channels.h"
#include "passes/pass.h"

#include <math.h>

/* gamma / sqrt(variance + epsilon), beta - mean * that. */
static mw_status channels_of(mw_ctx *ctx, mwi_rw *rw, const mwi_op *op, mwi_channels *out)
{
    const float *p[5] = {NULL};
    size_t n[5] = {0};

    for (size_t k = 1; k < 5; k++) {
        if (op->in[k] < 0) continue;
        p[k] = mwi_rw_floats(rw, op->in[k], &n[k]);
        if (p[k] == NULL)
            return mwi_fail(ctx, MW_EUNSUPPORTED,
                            "parameter %zu of BATCH_NORMALIZATION is no constant", k);
    }
    const size_t channels = n[3];
    for (size_t k = 1; k < 5; k++)
        if ((p[k] == NULL && k >= 3) || (p[k] != NULL && n[k] != channels))
            return mwi_fail(ctx, MW_EFORMAT,
                            "parameter %zu of BATCH_NORMALIZATION has %zu values of %zu", k, n[k],
                            channels);
    MWI_TRY(mwi_channels_make(ctx, rw, channels, out));
    const double epsilon = (double)mwi_op_get_f32(op, "epsilon", 1e-3f);
    for (size_t c = 0; c < channels; c++) {
        out->scale[c] = (p[1] == NULL ? 1.0 : (double)p[1][c]) / sqrt((double)p[4][c] + epsilon);
        out->offset[c] = (p[2] == NULL ? 0.0 : (double)p[2][c]) - (double)p[3][c] * out->scale[c];
    }
    return MW_OK;
}

/* x * scale + offset, as two operators. */
static mw_status write_out(mw_ctx *ctx, mwi_rw *rw, int32_t i, const mwi_channels *c)
{
    const int32_t out = rw->ops[i]->out[0], dim = (int32_t)c->n;
    int32_t scale, offset, product, mul;

    MWI_TRY(mwi_rw_add_floats(ctx, rw, out, "_scale", 1, &dim, c->scale, &scale));
    MWI_TRY(mwi_rw_add_floats(ctx, rw, out, "_offset", 1, &dim, c->offset, &offset));
    MWI_TRY(mwi_rw_add_value(ctx, rw, out, "_scaled", &product));
    MWI_TRY(mwi_rw_add_op(ctx, rw, &mwi_op_mul, 2, 1, &mul));
    MWI_TRY(mwi_rw_set_input(ctx, rw, mul, 0, rw->ops[i]->in[0]));
    MWI_TRY(mwi_rw_set_input(ctx, rw, mul, 1, scale));
    rw->ops[mul]->out[0] = product;
    rw->tensors[product].producer = mul;
    rw->ops[mul]->layer = rw->ops[i]->layer;
    return mwi_rw_replace_op(ctx, rw, i, "ADD", (const int32_t[]){product, offset}, 2, NULL);
}

static mw_status fold(mw_ctx *ctx, mwi_rw *rw, int32_t i)
{
    const mwi_op *const op = rw->ops[i];
    const int32_t value = op->in[0];
    mwi_channels c;
    bool done = false;

    MWI_TRY(channels_of(ctx, rw, op, &c));
    if (mwi_channels_settle(&c)) {
        MWI_TRY(mwi_fold_into_producer(ctx, rw, value, &c, MWI_ACT_NONE, &done));
        if (done) {
            const int32_t out = op->out[0];
            mwi_rw_absorb(rw, rw->tensors[value].producer, i);
            return mwi_rw_renew_before(ctx, rw, out);
        }
        MWI_TRY(mwi_fold_into_reader(ctx, rw, op->out[0], &c, &done));
        if (done) {
            mwi_rw_redirect(rw, op->out[0], value);
            mwi_rw_remove(rw, i);
            return MW_OK;
        }
    }
    return write_out(ctx, rw, i, &c);
}

static mw_status run(mw_ctx *ctx, mwi_rw *rw)
{
    const size_t n = rw->n_ops;

    for (int32_t i = 0; i < (int32_t)n; i++) {
        if (rw->ops[i] == NULL || rw->ops[i]->desc != &mwi_op_batch_normalization) continue;
        MWI_TRY(fold(ctx, rw, i));
        rw->n_changes++;
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_fold_batch_norm = {
    .name = "fold_batch_norm",
    .summary =
        "folds BATCH_NORMALIZATION into the layer before or after it, or writes it as MUL and ADD",
    .flags = MWI_PASS_LOWER | MWI_PASS_OPTIMIZE,
    .run = run,
};
