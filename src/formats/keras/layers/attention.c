/* formats/keras/layers/attention.c - see attention.h.
 * Depends: formats/keras/build.  Used by: layers of attention.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/attention.h"

/* Scores that do not count lie so far below all others that their weights vanish, e^-32 being
 * 1e-14, and no further: quantization divides the range of scores into 256 steps. Keras writes
 * -1e9, which gives the same weights, also where nothing counts (all alike). */
#define BELOW 32.0

bool mwi_keras_call_flag(const mwi_keras_call *c, const char *name)
{
    return json_is_true(mwi_keras_argument(c, name));
}

mw_status mwi_keras_refuse_training(const mwi_keras_call *c)
{
    if (!mwi_keras_call_flag(c, "training")) return MW_OK;
    return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                    "is called with training=True, which has no lowering here");
}

mw_status mwi_keras_matmul(mwi_keras_call *c, int32_t a, int32_t b, bool transpose_b, int32_t *out)
{
    const mwi_keras_attr attrs[] = {{"adj_y", transpose_b}, {NULL, 0}};
    return mwi_keras_op(c, "BATCH_MATMUL", 2, (const int32_t[]){a, b}, attrs, out);
}

mw_status mwi_keras_mask_as(mwi_keras_call *c, int32_t mask, int32_t rank, int32_t axis,
                            int32_t *out)
{
    const mwi_tensor *const t = mwi_keras_tensor(c, mask);
    int32_t dims[MW_MAX_RANK];

    if (t->rank != 2)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "takes a mask of rank %d, allowed is 2", t->rank);
    for (int32_t i = 0; i < rank; i++) dims[i] = i == 0 ? t->dims[0] : i == axis ? t->dims[1] : 1;
    return mwi_keras_reshape(c, mask, rank, dims, out);
}

mw_status mwi_keras_and_masks(mwi_keras_call *c, int32_t a, int32_t b, int32_t *out)
{
    if (a < 0 || b < 0) return *out = a < 0 ? b : a, MW_OK;
    return mwi_keras_binary(c, "LOGICAL_AND", a, b, out);
}

mw_status mwi_keras_causal_mask(mwi_keras_call *c, int32_t rank, int32_t steps, int32_t keys,
                                int32_t mask, int32_t *out)
{
    int32_t dims[MW_MAX_RANK], causal;
    void *memory;
    size_t n;

    for (int32_t i = 0; i < rank; i++) dims[i] = i == rank - 2 ? steps : i == rank - 1 ? keys : 1;
    if (!mwi_dims_count(rank, dims, &n))
        return mwi_fail(c->ctx, MW_ELIMIT, "%d steps look at %d", steps, keys);
    MWI_TRY(mwi_arena_array(c->ctx, c->build->scratch, n, 1, &memory));
    for (size_t i = 0; i < n; i++) ((uint8_t *)memory)[i] = i % (size_t)keys <= i / (size_t)keys;
    MWI_TRY(mwi_keras_const(c, "causal", MW_BOOL, rank, dims, memory, &causal));
    return mwi_keras_and_masks(c, mask, causal, out);
}

mw_status mwi_keras_masked_softmax(mwi_keras_call *c, int32_t scores, int32_t mask, int32_t *out)
{
    static const mwi_keras_attr attrs[] = {{"beta", 1.0}, {NULL, 0}};
    static const mwi_keras_attr keep[] = {{"keep_dims", 1}, {NULL, 0}};
    const int32_t last = mwi_keras_tensor(c, scores)->rank - 1;
    int32_t operands[3] = {mask, scores, -1}, axis;

    if (mask >= 0) {
        MWI_TRY(mwi_keras_i32s(c, 1, &last, &axis));
        MWI_TRY(
            mwi_keras_op(c, "REDUCE_MIN", 2, (const int32_t[]){scores, axis}, keep, &operands[2]));
        MWI_TRY(mwi_keras_with(c, "SUB", operands[2], BELOW, &operands[2]));
        MWI_TRY(mwi_keras_op(c, "SELECT_V2", 3, operands, NULL, &scores));
    }
    return mwi_keras_op(c, "SOFTMAX", 1, &scores, attrs, out);
}
