/* devices/cpu/x86/f32_layer.c - see f32_layer.h.
 * Depends: base/.  Used by: the kernels of this folder.   SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_layer.h"

#include "base/checked.h"

#include <string.h>

/* One block: out[tap][channel of width], missing channels 0. */
static void pack_block(const float *weights, size_t taps, size_t channels, size_t width, float *out)
{
    for (size_t t = 0; t < taps; t++, out += width) {
        for (size_t c = 0; c < channels; c++) out[c] = weights[c * taps + t];
        for (size_t c = channels; c < width; c++) out[c] = 0;
    }
}

mw_status mwi_f32_layer_make(mw_ctx *ctx, mwi_arena *arena, const mwi_f32_isa *isa,
                             const float *weights, const float *bias, size_t taps, size_t out_c,
                             mwi_f32_layer *out)
{
    const size_t padded = (out_c + isa->lanes - 1) / isa->lanes * isa->lanes;
    const size_t block = isa->lanes * isa->max_vectors;
    size_t n;
    void *packed, *biases;

    if (!mwi_mul(taps, padded, &n) || !mwi_mul(n, sizeof(float), &n))
        return mwi_fail(ctx, MW_ELIMIT, "weights are too large");
    MWI_TRY(mwi_arena_alloc(ctx, arena, n, &packed));
    MWI_TRY(mwi_arena_array(ctx, arena, padded, sizeof(float), &biases));
    for (size_t c = 0; c < out_c; c += block) {
        const size_t left = out_c - c, room = padded - c;
        pack_block(weights + c * taps, taps, left < block ? left : block,
                   room < block ? room : block, (float *)packed + c * taps);
    }
    if (bias != NULL) memcpy(biases, bias, out_c * sizeof *bias);
    *out = (mwi_f32_layer){
        .isa = isa, .weights = packed, .bias = biases, .taps = taps, .out_c = out_c};
    return MW_OK;
}
