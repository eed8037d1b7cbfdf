/* devices/cpu/x86/hybrid_layer.c - packing of a hybrid layer. See hybrid_layer.h.
 * Depends: ops/fixed.  Used by: the kernels of this folder.   SPDX-License-Identifier: Apache-2.0
 */
#include "devices/cpu/x86/hybrid_layer.h"

#include "base/checked.h"

#include <string.h>

enum { LANES = 16, BLOCK = 64 };

typedef struct packing {
    const int8_t *weights;
    size_t out_c, padded_c, n_segments, segment_bytes;
} packing;

static size_t packed_bytes(const packing *p)
{
    return p->padded_c * p->n_segments * ((p->segment_bytes + 3) / 4 * 4);
}

/* Weights, then each channel's sum. */
static void pack(const void *arg, void *to)
{
    const packing *const p = arg;
    const size_t taps = p->n_segments * p->segment_bytes, quads = (p->segment_bytes + 3) / 4;
    int8_t *out = to;

    memset(to, 0, packed_bytes(p));
    for (size_t c0 = 0; c0 < p->padded_c; c0 += BLOCK) {
        const size_t end = p->padded_c - c0 < BLOCK ? p->padded_c : c0 + BLOCK;
        for (size_t s = 0; s < p->n_segments; s++)
            for (size_t q = 0; q < quads; q++)
                for (size_t c = c0; c < end; c++, out += 4)
                    for (size_t k = 4 * q; c < p->out_c && k < 4 * q + 4 && k < p->segment_bytes;
                         k++)
                        out[k - 4 * q] = p->weights[c * taps + s * p->segment_bytes + k];
    }
    int32_t *const sums = (int32_t *)(void *)((char *)to + packed_bytes(p));
    for (size_t c = 0; c < p->padded_c; c++) {
        uint32_t sum = 0;
        for (size_t k = 0; c < p->out_c && k < taps; k++) sum += (uint32_t)p->weights[c * taps + k];
        sums[c] = (int32_t)sum;
    }
}

mw_status mwi_hybrid_layer_make(mw_ctx *ctx, mwi_prepare_call *call, size_t n_segments,
                                size_t segment_bytes, mwi_hybrid_layer *out)
{
    const mwi_view *const f = &call->in[1];
    const size_t out_c = (size_t)f->dims[0], padded_c = (out_c + LANES - 1) / LANES * LANES;
    const packing p = {f->data, out_c, padded_c, n_segments, segment_bytes};
    const void *packed;
    void *memory;

    MWI_TRY(mwi_need_scales(ctx, f, "weights", out_c));
    MWI_TRY(mwi_pack(ctx, call, "hybrid layer", f, (int64_t)segment_bytes, 0,
                     packed_bytes(&p) + padded_c * sizeof(int32_t), pack, &p, &packed));
    MWI_TRY(mwi_arena_array(ctx, call->arena, padded_c * 2, sizeof(float), &memory));
    float *const scales = memory, *const bias = scales + padded_c;
    const mw_quantization *const q = &f->quant->q;
    for (size_t c = 0; c < out_c; c++) {
        scales[c] = q->scales[q->n_scales > 1 ? c : 0];
        if (call->n_in > 2 && call->in[2].data != NULL)
            bias[c] = ((const float *)call->in[2].data)[c];
    }
    *out = (mwi_hybrid_layer){
        .weights = packed,
        .sums = (const int32_t *)(const void *)((const char *)packed + packed_bytes(&p)),
        .scales = scales,
        .bias = bias,
        .n_segments = n_segments,
        .segment_bytes = segment_bytes,
        .out_c = out_c};
    return MW_OK;
}
