/* devices/cpu/x86/f32_layer.c - see f32_layer.h.
 * Depends: ops/weights, base/.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_layer.h"

#include "base/checked.h"

#include <math.h>
#include <string.h>

/* ---- weights: blocks [tap][channel of block], missing channels 0 ---- */

/* Channels [first, first + n) of all taps; of each tap the channels lie beside each other. */
static void pack_rows(const mwi_f32_matrix *m, const float *from, size_t n, size_t width,
                      float *out)
{
    for (size_t t = 0; t < m->n_taps; t++) {
        const float *in = from + (m->is_flipped ? m->n_taps - 1 - t : t) * m->tap_step;
        for (size_t k = 0; k < m->in_c; k++, in += m->in_step, out += width)
            memcpy(out, in, n * sizeof *out);
    }
}

/* The same for channels that lie apart, a few values of each at a time: both sides then stay in
 * the nearest cache. */
static void pack_columns(const mwi_f32_matrix *m, const float *from, size_t n, size_t width,
                         float *out)
{
    enum { VALUES = 16 };

    for (size_t t = 0; t < m->n_taps; t++, out += m->in_c * width) {
        const float *const in = from + (m->is_flipped ? m->n_taps - 1 - t : t) * m->tap_step;
        for (size_t k = 0; k < m->in_c; k += VALUES) {
            const size_t end = m->in_c - k < VALUES ? m->in_c : k + VALUES;
            for (size_t c = 0; c < n; c++)
                for (size_t i = k; i < end; i++)
                    out[i * width + c] = in[c * m->out_step + i * m->in_step];
        }
    }
}

static void pack(const mwi_weights *w, const void *from, void *to)
{
    const mwi_f32_packing *const p = (const mwi_f32_packing *)(const void *)w;
    const mwi_f32_matrix *m = &p->matrix;
    const size_t taps = m->n_taps * m->in_c;
    mwi_f32_matrix whole = *m;
    float *out = to;

    if (m->tap_step == m->in_c * m->in_step && !m->is_flipped) { /* one long tap */
        whole.in_c = taps;
        whole.n_taps = 1;
        m = &whole;
    }
    for (size_t first = 0; first < p->padded_c; first += p->block) {
        const size_t end = p->padded_c - first < p->block ? p->padded_c : first + p->block;
        const size_t width = end - first, n = (m->out_c < end ? m->out_c : end) - first;
        const float *const in = (const float *)from + first * m->out_step;
        if (m->out_step == 1)
            pack_rows(m, in, n, width, out);
        else
            pack_columns(m, in, n, width, out);
        for (size_t t = 0; n < width && t < taps; t++)
            memset(out + t * width + n, 0, (width - n) * sizeof *out);
        out += taps * width;
    }
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
    p->matrix = *matrix;
    p->padded_c = (matrix->out_c + isa->lanes - 1) / isa->lanes * isa->lanes;
    p->block = isa->lanes * isa->max_vectors;
    *w = (mwi_weights){.repack = matrix->repack != NULL ? matrix->repack : pack,
                       .input = matrix->input,
                       .dtype = MW_FLOAT32};
    if (!mwi_mul(out->taps, p->padded_c, &w->n) ||
        (matrix->repack != NULL && !mwi_mul(w->n, matrix->planes, &w->n)) ||
        !mwi_mul(w->n, sizeof(float), &w->bytes))
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
