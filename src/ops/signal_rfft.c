/* ops/signal_rfft.c - SignalRfft (custom): the half spectrum of each row of
 * samples, in pairs of real and imaginary parts; a short row is followed by zeros.
 * Depends: ops/fft, ops/flex, ops/signal_shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/fft.h"
#include "ops/flex.h"
#include "ops/signal_shapes.h"

#include <string.h>

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
    if (x->dims[x->rank - 1] > n)
        return mwi_fail(ctx, MW_EFORMAT, "rows of %d samples, allowed %d", x->dims[x->rank - 1], n);
    mwi_view_set_dims(&call->out[0], x->rank, x->dims);
    call->out[0].dims[x->rank - 1] = n + 2;
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const int32_t n = ((const attr *)call->attr)->length;
    const mw_dtype dtype = call->in[0].dtype;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(mwi_fft), &memory));
    call->state = memory;
    call->scratch_bytes = (size_t)n * 2 * mw_dtype_bits(dtype) / 8;
    return mwi_fft_make(ctx, call->arena, dtype, n, false, memory);
}

/* Scratch: a row with its zeros, the complex values. */
#define RUN(name, type, transform)                                                                 \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                   \
    {                                                                                              \
        const mwi_fft *const fft = call->state;                                                    \
        const size_t rows = mwi_n_rows(&call->in[0]), given = mwi_row_length(&call->in[0]),        \
                     n = 2 * fft->n;                                                               \
        const type *in = call->in[0].data;                                                         \
        type *const row = call->scratch, *out = call->out[0].data;                                 \
        (void)ctx;                                                                                 \
        for (size_t r = 0; r < rows; r++, in += given, out += n + 2) {                             \
            memcpy(row, in, given * sizeof *row);                                                  \
            memset(row + given, 0, (n - given) * sizeof *row);                                     \
            transform(fft, row, row + n, out);                                                     \
        }                                                                                          \
        return MW_OK;                                                                              \
    }
RUN(run_s16, int16_t, mwi_fft_real_s16)
RUN(run_s32, int32_t, mwi_fft_real_s32)
RUN(run_f32, float, mwi_fft_real_f32)

static const mwi_kernel kernels[] = {
    {.name = "s16_signal_rfft__ref", .types = "i16>i16", .prepare = prepare, .run = run_s16},
    {.name = "s32_signal_rfft__ref", .types = "i32>i32", .prepare = prepare, .run = run_s32},
    {.name = "f32_signal_rfft__ref", .types = "f32>f32", .prepare = prepare, .run = run_f32},
    {.name = NULL},
};

const mwi_op_desc mwi_op_signal_rfft = {
    .name = "SignalRfft",
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
