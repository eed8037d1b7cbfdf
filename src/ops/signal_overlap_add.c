/* ops/signal_overlap_add.c - SignalOverlapAdd (custom): frames that overlap, added to samples: the
 * reverse of SignalFramer. Integers saturate at each addition.
 * Depends: ops/flex, ops/kept, ops/signal_shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/flex.h"
#include "ops/kept.h"
#include "ops/signal_shapes.h"

#include <string.h>

typedef struct attr {
    int32_t step;
} attr;

static const mwi_field fields[] = {
    {"frame_step", offsetof(attr, step), MWI_FIELD_I32, -1, 1, 1, INT32_MAX, NULL},
    MWI_FIELDS_END,
};

static mw_status parse(mw_ctx *ctx, mwi_arena *arena, const uint8_t *bytes, size_t n, void *out)
{
    (void)arena;
    return mwi_flex_fields(ctx, bytes, n, fields, out);
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    const int32_t step = ((const attr *)call->attr)->step;

    MWI_TRY(mwi_need_rows(ctx, call, 0, 2));
    const int64_t frames = x->dims[x->rank - 2];
    if (step > x->dims[x->rank - 1] || frames < 1 || frames * step > INT32_MAX)
        return mwi_fail(ctx, MW_EFORMAT, "%lld frames of %d samples in steps of %d",
                        (long long)frames, x->dims[x->rank - 1], step);
    mwi_view_set_dims(&call->out[0], x->rank - 1, x->dims);
    call->out[0].dims[x->rank - 2] = (int32_t)(frames * step);
    return MW_OK;
}

/* Kept: for each row of frames, sums that later frames still add to: a frame. */
static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_view *const x = &call->in[0];
    return mwi_keep(ctx, call, x->bytes / (size_t)x->dims[x->rank - 2]);
}

static void add(mw_dtype dtype, const void *frame, void *sums, size_t n)
{
    if (dtype == MW_FLOAT32) {
        for (size_t i = 0; i < n; i++) ((float *)sums)[i] += ((const float *)frame)[i];
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const int32_t sum = ((const int16_t *)frame)[i] + ((int16_t *)sums)[i];
        ((int16_t *)sums)[i] = (int16_t)(sum < INT16_MIN   ? INT16_MIN
                                         : sum > INT16_MAX ? INT16_MAX
                                                           : sum);
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0];
    const size_t n = mwi_row_length(x), element = mw_dtype_bits(x->dtype) / 8;
    const size_t frames = (size_t)x->dims[x->rank - 2], rows = mwi_n_rows(x) / frames;
    const size_t step_bytes = (size_t)((const attr *)call->attr)->step * element,
                 frame_bytes = n * element;
    const char *in = x->data;
    char *out = call->out[0].data, *sums = mwi_kept(call);

    (void)ctx;
    for (size_t r = 0; r < rows; r++, sums += frame_bytes)
        for (size_t f = 0; f < frames; f++, in += frame_bytes, out += step_bytes) {
            add(x->dtype, in, sums, n);
            memcpy(out, sums, step_bytes);
            memmove(sums, sums + step_bytes, frame_bytes - step_bytes);
            memset(sums + frame_bytes - step_bytes, 0, step_bytes);
        }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "signal_overlap_add__ref", .types = "i16|f32>=", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_signal_overlap_add = {
    .name = "SignalOverlapAdd",
    .tflite_code = -1,
    .custom = true,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_STATEFUL,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .parse_custom = parse,
    .infer = infer,
};
