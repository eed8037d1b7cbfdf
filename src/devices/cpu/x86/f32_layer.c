/* devices/cpu/x86/f32_layer.c - see f32_layer.h.
 * Depends: ops/weights, base/.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_layer.h"

#include "base/checked.h"

#include <math.h>
#include <string.h>

/* ---- weights: blocks [tap][channel of block], missing channels 0 ---- */

/* Channels that lie beside each other. */
static void pack_rows(const float *in, size_t step, size_t n_channels, size_t n, float *out,
                      size_t width)
{
    for (size_t i = 0; i < n; i++, in += step, out += width) {
        memcpy(out, in, n_channels * sizeof *out);
        memset(out + n_channels, 0, (width - n_channels) * sizeof *out);
    }
}

static void pack_plane(const mwi_f32_packing *p, const mwi_f32_matrix *m, const float *from,
                       float *out)
{
    for (size_t first = 0; first < p->padded_c; first += p->block) {
        const size_t end = p->padded_c - first < p->block ? p->padded_c : first + p->block;
        const size_t width = end - first, n = (m->out_c < end ? m->out_c : end) - first;
        for (size_t t = 0; t < m->n_taps; t++, out += m->in_c * width) {
            const size_t tap = m->is_flipped ? m->n_taps - 1 - t : t;
            const float *const in = from + first * m->out_step + tap * m->tap_step;
            if (m->out_step == 1)
                pack_rows(in, m->in_step, n, m->in_c, out, width);
            else
                p->isa->transpose(in, m->out_step, n, m->in_c, out, width);
        }
    }
}

static void pack(const mwi_weights *w, const void *from, void *to)
{
    const mwi_f32_packing *const p = (const mwi_f32_packing *)(const void *)w;
    const size_t plane = p->matrix.out_c * p->matrix.n_taps * p->matrix.in_c;
    mwi_f32_matrix m = p->matrix;

    if (m.tap_step == m.in_c * m.in_step && !m.is_flipped) { /* one long tap */
        m.in_c *= m.n_taps;
        m.n_taps = 1;
    }
    for (size_t i = 0; i < m.planes; i++)
        pack_plane(p, &m, (const float *)from + i * plane, (float *)to + i * p->plane);
}

/* ---- bias, filled up with zeros ---- */

static void pad(const mwi_weights *w, const void *from, void *to)
{
    memset(to, 0, w->bytes);
    memcpy(to, from, w->n * sizeof(float));
}

static mw_status make_bias(mw_ctx *ctx, mwi_prepare_call *call, mwi_f32_layer *l)
{
    mwi_weights *const w = &l->bias_packing;
    void *zeros;

    if (l->packing.matrix.has_bias && call->n_in > 2 && call->in[2].tensor != NULL) {
        *w = (mwi_weights){.repack = pad,
                           .input = 2,
                           .dtype = MW_FLOAT32,
                           .n = l->out_c,
                           .bytes = l->packing.padded_c * sizeof(float)};
        return mwi_weights_make(ctx, call, "f32 bias", 0, w);
    }
    MWI_TRY(mwi_arena_array(ctx, call->arena, l->packing.padded_c, sizeof(float), &zeros));
    w->made = zeros;
    return MW_OK;
}

/* ---- both ---- */

mwi_f32_matrix mwi_f32_matrix_of_filter(size_t out_c, size_t n_taps, size_t in_c)
{
    return (mwi_f32_matrix){.kind = "f32 layer",
                            .input = 1,
                            .out_c = out_c,
                            .n_taps = n_taps,
                            .in_c = in_c,
                            .out_step = n_taps * in_c,
                            .tap_step = in_c,
                            .in_step = 1,
                            .has_bias = true};
}

mw_status mwi_f32_layer_make(mw_ctx *ctx, mwi_prepare_call *call, const mwi_f32_isa *isa,
                             const mwi_f32_matrix *matrix, mwi_f32_layer *out)
{
    mwi_f32_packing *const p = &out->packing;
    mwi_weights *const w = &p->weights;

    *out = (mwi_f32_layer){.isa = isa,
                           .taps = matrix->n_taps * matrix->in_c,
                           .out_c = matrix->out_c,
                           .low = -INFINITY,
                           .high = INFINITY};
    p->isa = isa;
    p->matrix = *matrix;
    if (matrix->planes == 0) p->matrix.planes = 1;
    p->padded_c = (matrix->out_c + isa->lanes - 1) / isa->lanes * isa->lanes;
    p->block = isa->lanes * isa->max_vectors;
    *w = (mwi_weights){.repack = matrix->repack != NULL ? matrix->repack : pack,
                       .input = matrix->input,
                       .dtype = MW_FLOAT32};
    if (!mwi_mul(matrix->repack == NULL ? out->taps : matrix->in_c, p->padded_c, &p->plane) ||
        !mwi_mul(p->plane, p->matrix.planes, &w->n) || !mwi_mul(w->n, sizeof(float), &w->bytes))
        return mwi_fail(ctx, MW_ELIMIT, "weights are too large");
    MWI_TRY(mwi_weights_make(ctx, call, matrix->kind, (int64_t)(isa->lanes << 8 | isa->max_vectors),
                             w));
    return make_bias(ctx, call, out);
}

mwi_f32_layer mwi_f32_layer_at_run(const mwi_f32_layer *layer, const mwi_run_call *call)
{
    mwi_f32_layer l = *layer;

    l.weights = mwi_weights_at_run(&layer->packing.weights, call);
    l.bias = mwi_weights_at_run(&layer->bias_packing, call);
    return l;
}

mwi_f32_layer mwi_f32_layer_block(const mwi_f32_layer *layer, size_t plane, size_t block)
{
    const size_t first = block * layer->packing.block, left = layer->out_c - first;
    mwi_f32_layer l = *layer;

    l.weights += plane * layer->packing.plane + first * layer->taps;
    l.bias += first;
    l.out_c = left < layer->packing.block ? left : layer->packing.block;
    return l;
}
