/* devices/cpu/x86/f32_layer.c - see f32_layer.h.
 * Depends: base/.  Used by: the kernels of this folder.   SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_layer.h"

#include "base/checked.h"

#include <string.h>

typedef struct packing {
    const float *weights; /* [out_c][taps] */
    size_t taps, out_c, padded_c, block;
} packing;

/* Taps [begin, end) of channels [first, last) of a block `width` wide. */
static void pack_taps(const packing *p, size_t first, size_t last, size_t begin, size_t end,
                      size_t width, float *out)
{
    for (size_t c = first; c < last; c++)
        for (size_t t = begin; t < end; t++)
            out[t * width + c - first] = p->weights[c * p->taps + t];
}

/* Blocks [tap][channel of block], missing channels 0. A few taps at a time: both sides then stay
 * in the nearest cache. */
static void pack(const void *arg, void *to)
{
    enum { TAPS = 16 };
    const packing *const p = arg;
    float *out = to;

    for (size_t first = 0; first < p->padded_c; first += p->block) {
        const size_t end = p->padded_c - first < p->block ? p->padded_c : first + p->block;
        const size_t width = end - first, last = p->out_c < end ? p->out_c : end;
        for (size_t t = 0; t < p->taps; t += TAPS)
            pack_taps(p, first, last, t, p->taps - t < TAPS ? p->taps : t + TAPS, width, out);
        for (size_t t = 0; last < end && t < p->taps; t++)
            memset(out + t * width + (last - first), 0, (end - last) * sizeof *out);
        out += p->taps * width;
    }
}

mw_status mwi_f32_layer_make(mw_ctx *ctx, mwi_prepare_call *call, const mwi_f32_isa *isa,
                             size_t taps, size_t out_c, mwi_f32_layer *out)
{
    const packing p = {.weights = call->in[1].data,
                       .taps = taps,
                       .out_c = out_c,
                       .padded_c = (out_c + isa->lanes - 1) / isa->lanes * isa->lanes,
                       .block = isa->lanes * isa->max_vectors};
    const void *packed;
    void *bias;
    size_t n;

    if (!mwi_mul(taps, p.padded_c, &n) || !mwi_mul(n, sizeof(float), &n))
        return mwi_fail(ctx, MW_ELIMIT, "weights are too large");
    MWI_TRY(mwi_pack(ctx, call, "f32 layer", &call->in[1], (int64_t)isa->lanes,
                     (int64_t)isa->max_vectors, n, pack, &p, &packed));
    MWI_TRY(mwi_arena_array(ctx, call->arena, p.padded_c, sizeof(float), &bias));
    if (call->n_in > 2 && call->in[2].data != NULL)
        memcpy(bias, call->in[2].data, out_c * sizeof(float));
    *out =
        (mwi_f32_layer){.isa = isa, .weights = packed, .bias = bias, .taps = taps, .out_c = out_c};
    return MW_OK;
}
