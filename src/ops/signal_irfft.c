/* ops/signal_irfft.c - SignalIrfft (custom): each row of a half spectrum,
 * pairs of real and imaginary parts, to samples. Float results are divided by the length.
 * Depends: ops/fft, ops/flex, ops/signal_shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/fft.h"
#include "ops/flex.h"
#include "ops/signal_shapes.h"

typedef struct attr {
    int32_t length;
} attr;

static const mwi_field fields[] = {
    {"fft_length", offsetof(attr, length), MWI_FIELD_I32, -1, 4, 4, MWI_FFT_MAX_LENGTH, NULL},
    MWI_FIELDS_END,
};

static mw_status parse(mw_ctx *ctx, mwi_arena *arena, const uint8_t *bytes, size_t n, void *out)
{
    (void)arena;
    return mwi_flex_fields(ctx, bytes, n, fields, out);
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const int32_t n = ((const attr *)call->attr)->length;
    const mwi_view *const x = &call->in[0];

    MWI_TRY(mwi_need_rows(ctx, call, 0, 1));
    MWI_TRY(mwi_fft_check(ctx, n));
    if (x->dims[x->rank - 1] != n + 2)
        return mwi_fail(ctx, MW_EFORMAT, "rows of %d values, needed are %d pairs",
                        x->dims[x->rank - 1], n / 2 + 1);
    mwi_view_set_dims(&call->out[0], x->rank, x->dims);
    call->out[0].dims[x->rank - 1] = n;
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const int32_t n = ((const attr *)call->attr)->length;
    const mw_dtype dtype = call->in[0].dtype;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(mwi_fft), &memory));
    call->state = memory;
    call->scratch_bytes = (size_t)n * mw_dtype_bits(dtype) / 8;
    return mwi_fft_make(ctx, call->arena, dtype, n, true, memory);
}

static void divide(float *v, size_t n)
{
    for (size_t i = 0; i < n; i++) v[i] /= (float)n;
}

/* Scratch: the complex values. */
#define RUN(name, type, transform, finish)                                                         \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                   \
    {                                                                                              \
        const mwi_fft *const fft = call->state;                                                    \
        const size_t rows = mwi_n_rows(&call->in[0]), n = 2 * fft->n;                              \
        const type *in = call->in[0].data;                                                         \
        type *out = call->out[0].data;                                                             \
        (void)ctx;                                                                                 \
        for (size_t r = 0; r < rows; r++, in += n + 2, out += n) {                                 \
            transform(fft, in, call->scratch, out);                                                \
            finish;                                                                                \
        }                                                                                          \
        return MW_OK;                                                                              \
    }
RUN(run_s16, int16_t, mwi_fft_back_s16, (void)0)
RUN(run_s32, int32_t, mwi_fft_back_s32, (void)0)
RUN(run_f32, float, mwi_fft_back_f32, divide(out, n))

static const mwi_kernel kernels[] = {
    {.name = "s16_signal_irfft__ref", .types = "i16>i16", .prepare = prepare, .run = run_s16},
    {.name = "s32_signal_irfft__ref", .types = "i32>i32", .prepare = prepare, .run = run_s32},
    {.name = "f32_signal_irfft__ref", .types = "f32>f32", .prepare = prepare, .run = run_f32},
    {.name = NULL},
};

const mwi_op_desc mwi_op_signal_irfft = {
    .name = "SignalIrfft",
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
