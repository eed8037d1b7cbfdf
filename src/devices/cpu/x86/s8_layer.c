/* devices/cpu/x86/s8_layer.c - packed weights and constants of an 8-bit layer.
 * Depends: s8_channels.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/s8_layer.h"
#include "devices/cpu/x86/s8_pack.h"

#include "base/checked.h"

/* Places: channels of all blocks. */
static size_t padded_channels(const mwi_s8_source *s)
{
    size_t c = 0;

    while (c < s->weights->out_c) c += mwi_s8_block_width(s->weights->out_c, c);
    return c;
}

/* The channel at place i of a block that is `width` wide. Packing takes 4 lanes of each vector in
 * turn from each 128-bit part. */
static size_t channel_at(size_t width, size_t i)
{
    const size_t vectors = width / MWI_S8_LANES, vector = i / MWI_S8_LANES;

    return i % MWI_S8_LANES / 4 * 4 * vectors + 4 * vector + i % 4;
}

/* The first channel of the block that holds a place, and its width. */
static size_t block_of(size_t out_c, size_t place, size_t *width)
{
    size_t c = 0;

    for (;; c += *width) {
        *width = mwi_s8_block_width(out_c, c);
        if (place < c + *width) return c;
    }
}

static int8_t weight_of(const mwi_s8_source *s, int32_t move, size_t c, size_t segment, size_t k)
{
    if (c >= s->weights->out_c || k >= s->segment_bytes) return 0;
    return (int8_t)(mwi_s8_weight(s->weights, c, segment * s->segment_bytes + k) - move);
}

typedef struct packing {
    const mwi_s8_source *s;
    int32_t move;
} packing;

/* The quad that a segment ends in, for 16 places; bytes behind the segment are 0. */
static void pack_rest(const packing *p, size_t segment, const int32_t starts[16],
                      const size_t channels[16], int8_t *out)
{
    const size_t k0 = p->s->segment_bytes & ~(size_t)3;

    for (size_t i = 0; i < MWI_S8_LANES; i++)
        for (size_t k = k0; k < k0 + 4; k++)
            *out++ = starts[i] < 0 ? 0 : weight_of(p->s, p->move, channels[i], segment, k);
}

/* 16 places of a block, at their place in each quad. */
static void pack_vector(const packing *p, size_t c0, size_t width, size_t vector, int8_t *out)
{
    const mwi_s8_source *const s = p->s;
    const mwi_s8_weights *const w = s->weights;
    const size_t quads = (s->segment_bytes + 3) / 4;
    size_t channels[16];
    int32_t starts[16];

    for (size_t i = 0; i < MWI_S8_LANES; i++) {
        channels[i] = c0 + channel_at(width, vector * MWI_S8_LANES + i);
        starts[i] = channels[i] < w->out_c ? (int32_t)(channels[i] * w->taps) : -1;
    }
    for (size_t seg = 0; seg < s->n_segments; seg++, out += quads * width * 4) {
        mwi_s8_quads((const uint8_t *)w->data + seg * s->segment_bytes, starts,
                     s->segment_bytes / 4, (uint8_t)p->move, out, width * 4);
        if (s->segment_bytes % 4 != 0)
            pack_rest(p, seg, starts, channels, out + (quads - 1) * width * 4);
    }
}

static void pack(const void *arg, void *to)
{
    const packing *const p = arg;
    int8_t *out = to;
    const size_t quads = (p->s->segment_bytes + 3) / 4;

    for (size_t c0 = 0, width; c0 < p->s->weights->out_c; c0 += width) {
        width = mwi_s8_block_width(p->s->weights->out_c, c0);
        for (size_t v = 0; v < width / MWI_S8_LANES; v++)
            pack_vector(p, c0, width, v, out + v * MWI_S8_LANES * 4);
        out += width * p->s->n_segments * quads * 4;
    }
}

mw_status mwi_s8_layer_make(mw_ctx *ctx, mwi_prepare_call *call, const mwi_s8_source *s,
                            mwi_s8_layer *out)
{
    const mwi_s8_weights *const w = s->weights;
    const size_t padded_c = padded_channels(s), quads = (s->segment_bytes + 3) / 4;
    const int32_t move = mwi_s8_move(w);
    const int32_t value_zero = s->rq->in_zero + (w->dtype == MW_INT8 ? 128 : 0);
    const void *weights;
    void *constants, *scales = NULL;

    MWI_TRY(mwi_pack(ctx, call, "s8 layer", &call->in[1], (int64_t)s->segment_bytes, move,
                     padded_c * s->n_segments * quads * 4, pack, &(packing){s, move}, &weights));
    MWI_TRY(mwi_arena_array(ctx, call->arena, padded_c / MWI_S8_LANES, sizeof(mwi_requant_block),
                            &constants));
    if (s->scales != NULL)
        MWI_TRY(mwi_arena_array(ctx, call->arena, padded_c, sizeof(double), &scales));
    for (size_t i = 0; i < padded_c; i++) {
        size_t width;
        const size_t c0 = block_of(w->out_c, i, &width);
        const size_t c = c0 + channel_at(width, i - c0);
        if (c >= w->out_c) continue;
        const int32_t from = s->bias == NULL ? 0 : s->bias[c];
        const mwi_s8_channel channel =
            scales != NULL ? (mwi_s8_channel){.bias = mwi_s8_bias(w, c, from, value_zero)}
                           : mwi_s8_channel_of(w, c, from, value_zero, s->rq->channels[c]);
        mwi_requant_block_set((mwi_requant_block *)constants + i / MWI_S8_LANES,
                              (int)(i % MWI_S8_LANES), channel.bias, channel.multiplier,
                              channel.shift);
        if (scales != NULL) ((double *)scales)[i] = s->scales[c];
    }
    *out = (mwi_s8_layer){.weights = weights,
                          .constants = constants,
                          .scales = scales,
                          .n_segments = s->n_segments,
                          .segment_bytes = s->segment_bytes,
                          .out_c = w->out_c,
                          .out_zero = s->rq->out_zero,
                          .low = s->rq->low,
                          .high = s->rq->high,
                          .sum_factor = w->dtype == MW_UINT8 ? move - w->zero : 0,
                          .flip = s->flip,
                          .positive = s->rq->low >= s->rq->out_zero};
    return MW_OK;
}
