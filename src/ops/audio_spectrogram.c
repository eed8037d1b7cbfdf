/* ops/audio_spectrogram.c - AudioSpectrogram (custom): of each channel of sound [samples, channels]
 * the energies, or their roots, of the frequencies in windows that follow each other by a stride.
 * A window is weighted by a periodic Hann window and filled up with zeros to a power of two.
 * Depends: ops/fourier, ops/flex, ops/shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/checked.h"
#include "ops/fourier.h"
#include "ops/flex.h"
#include "ops/shapes.h"

#include <math.h>

enum { MAX_WINDOW = 1 << 28 };

typedef struct attr {
    int32_t window_size, stride;
    bool magnitude_squared;
} attr;

static const mwi_field fields[] = {
    {"window_size", offsetof(attr, window_size), MWI_FIELD_I32, -1, 2, 2, MAX_WINDOW, NULL},
    {"stride", offsetof(attr, stride), MWI_FIELD_I32, -1, 1, 1, INT32_MAX, NULL},
    {"magnitude_squared", offsetof(attr, magnitude_squared), MWI_FIELD_BOOL, -1, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};

static mw_status parse(mw_ctx *ctx, mwi_arena *arena, const uint8_t *bytes, size_t n, void *out)
{
    (void)arena;
    return mwi_flex_fields(ctx, bytes, n, fields, out);
}

static size_t transform_length(const attr *a)
{
    size_t n = 2;
    while (n < (size_t)a->window_size) n *= 2;
    return n;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const attr *const a = call->attr;
    const mwi_view *const x = &call->in[0];

    MWI_TRY(mwi_need_input(ctx, call, 0, 2, 2));
    const int32_t n =
        x->dims[0] < a->window_size ? 0 : 1 + (x->dims[0] - a->window_size) / a->stride;
    mwi_view_set_dims(&call->out[0], 3,
                      (const int32_t[3]){x->dims[1], n, (int32_t)(1 + transform_length(a) / 2)});
    return MW_OK;
}

typedef struct state {
    size_t n; /* of a transform */
    double *window;
    mwi_fourier_value *factors; /* n / 2 */
} state;

/* Without a window to transform there is nothing to prepare: the sound bounds the window. */
static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    const size_t n = transform_length(a), window = (size_t)a->window_size;
    void *memory;

    if (call->out[0].bytes == 0) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = memory;
    s->n = n;
    MWI_TRY(mwi_arena_array(ctx, call->arena, n / 2, sizeof(mwi_fourier_value), &memory));
    s->factors = memory;
    MWI_TRY(mwi_arena_array(ctx, call->arena, window, sizeof(double), &memory));
    s->window = memory;
    mwi_fourier_factors(n, s->factors);
    for (size_t i = 0; i < window; i++)
        s->window[i] = 0.5 - 0.5 * cos(2.0 * M_PI * (double)i / (double)window);
    call->scratch_bytes = n * sizeof(mwi_fourier_value);
    return MW_OK;
}

/* One window whose samples lie `step` apart. */
static void run_window(const mwi_run_call *call, const float *in, size_t step, float *out)
{
    const attr *const a = call->attr;
    const state *const s = call->state;
    mwi_fourier_value *const v = call->scratch;
    const size_t window = (size_t)a->window_size;

    for (size_t i = 0; i < s->n; i++)
        v[i] = (mwi_fourier_value){i < window ? (double)in[i * step] * s->window[i] : 0.0, 0.0};
    mwi_fourier(v, s->n, s->factors);
    for (size_t i = 0; i <= s->n / 2; i++) {
        out[i] = (float)(v[i].re * v[i].re + v[i].im * v[i].im);
        if (!a->magnitude_squared) out[i] = sqrtf(out[i]);
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const out = &call->out[0];
    const size_t channels = (size_t)out->dims[0], n = (size_t)out->dims[1],
                 stride = (size_t)((const attr *)call->attr)->stride;
    float *to = out->data;

    (void)ctx;
    for (size_t c = 0; c < channels && n > 0; c++)
        for (size_t i = 0; i < n; i++, to += out->dims[2])
            run_window(call, (const float *)call->in[0].data + i * stride * channels + c, channels,
                       to);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_audio_spectrogram__ref", .types = "f32>f32", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_audio_spectrogram = {
    .name = "AudioSpectrogram",
    .tflite_code = -1,
    .custom = true,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .parse_custom = parse,
    .infer = infer,
};
