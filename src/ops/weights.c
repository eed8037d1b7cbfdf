/* ops/weights.c - see weights.h.
 * Depends: ops/registry, ops/fixed (unpacking).  Used by: kernels of layers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/weights.h"

#include "base/checked.h"
#include "ops/fixed.h"
#include "ops/shapes.h"

#include <string.h>

typedef struct job {
    const mwi_weights *w;
    const void *from;
} job;

static void fill(const void *arg, void *out)
{
    const job *const j = arg;
    j->w->repack(j->w, j->from, out);
}

mw_status mwi_weights_make(mw_ctx *ctx, mwi_prepare_call *call, const char *kind, int64_t p0,
                           mwi_weights *w)
{
    const mwi_view *const v = &call->in[w->input];
    const job j = {w, v->data};

    w->made = NULL;
    if (w->repack == NULL) return MW_OK;
    if (v->data != NULL)
        return mwi_pack(ctx, call, kind, v, p0, w->zero, w->bytes, fill, &j, &w->made);
    if (v->dtype == MW_INT4 || v->dtype == MW_INT2)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "packed weights must be constant");
    if (!mwi_align_up(call->scratch_bytes, 64, &w->at) ||
        !mwi_add(w->at, w->bytes, &call->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "weights of %zu bytes are too large", w->bytes);
    return MW_OK;
}

const void *mwi_weights_at_run(const mwi_weights *w, const mwi_run_call *call)
{
    if (w->made != NULL) return w->made;
    if (w->repack == NULL) return call->in[w->input].data;
    void *const to = (char *)call->scratch + w->at;
    w->repack(w, call->in[w->input].data, to);
    return to;
}

/* ---- integers ---- */

void mwi_widen(mw_dtype dtype, const void *from, size_t n, int32_t zero, int16_t *out)
{
    if (dtype == MW_INT16)
        memcpy(out, from, n * sizeof *out);
    else if (dtype == MW_UINT8)
        for (size_t i = 0; i < n; i++) out[i] = (int16_t)(((const uint8_t *)from)[i] - zero);
    else
        for (size_t i = 0; i < n; i++) out[i] = (int16_t)(((const int8_t *)from)[i] - zero);
}

static void to_s8(const mwi_weights *w, const void *from, void *to)
{
    if (w->dtype == MW_INT4)
        mwi_unpack4(from, w->n, to);
    else
        mwi_unpack2(from, w->n, to);
}

/* Packed ones are unpacked into the end of their room, and widened from there to its start. */
static void to_s16(const mwi_weights *w, const void *from, void *to)
{
    int16_t *const out = to;
    int8_t *const end = (int8_t *)to + w->n;

    if (w->dtype != MW_INT4 && w->dtype != MW_INT2) {
        mwi_widen(w->dtype, from, w->n, w->zero, out);
        return;
    }
    to_s8(w, from, end);
    for (size_t i = 0; i < w->n; i++) out[i] = (int16_t)(end[i] - w->zero);
}

mw_status mwi_weights_s16(mw_ctx *ctx, mwi_prepare_call *call, size_t input, int32_t zero,
                          mwi_weights *out)
{
    const mwi_view *const v = &call->in[input];

    *out = (mwi_weights){.repack = v->dtype == MW_INT16 ? NULL : to_s16,
                         .input = input,
                         .dtype = v->dtype,
                         .zero = zero,
                         .n = mwi_view_count(v)};
    if (!mwi_mul(out->n, sizeof(int16_t), &out->bytes))
        return mwi_fail(ctx, MW_ELIMIT, "%zu weights are too many", out->n);
    return mwi_weights_make(ctx, call, "s16", 0, out);
}

mw_status mwi_weights_s8(mw_ctx *ctx, mwi_prepare_call *call, size_t input, mwi_weights *out)
{
    const mwi_view *const v = &call->in[input];

    *out = (mwi_weights){.repack = v->dtype == MW_INT8 ? NULL : to_s8,
                         .input = input,
                         .dtype = v->dtype,
                         .n = mwi_view_count(v)};
    out->bytes = out->n;
    return mwi_weights_make(ctx, call, "s8", 0, out);
}

/* ---- floats ---- */

static void to_blocks(const mwi_weights *w, const void *from, void *to)
{
    enum { BLOCK = MWI_WEIGHTS_BLOCK };
    const size_t n_out = w->shape[0], taps = w->shape[1], n_blocks = (n_out + BLOCK - 1) / BLOCK;
    const float *const in = from;
    float *out = to;

    for (size_t b = 0; b < n_blocks; b++)
        for (size_t t = 0; t < taps; t++)
            for (size_t c = 0; c < BLOCK; c++) {
                const size_t o = b * BLOCK + c;
                *out++ = o < n_out ? in[o * taps + t] : 0.0f;
            }
}

mw_status mwi_weights_blocks(mw_ctx *ctx, mwi_prepare_call *call, size_t input, size_t n_out,
                             size_t taps, mwi_weights *out)
{
    size_t padded;

    *out = (mwi_weights){
        .repack = to_blocks, .input = input, .dtype = MW_FLOAT32, .shape = {n_out, taps}};
    if (!mwi_align_up(n_out, MWI_WEIGHTS_BLOCK, &padded) || !mwi_mul(padded, taps, &out->n) ||
        !mwi_mul(out->n, sizeof(float), &out->bytes))
        return mwi_fail(ctx, MW_ELIMIT, "weights [%zu,%zu] are too large", n_out, taps);
    return mwi_weights_make(ctx, call, "f32 blocks", (int64_t)n_out, out);
}
