/* ops/signal_window.c - SignalWindow (custom): samples times weights, shifted right; saturates. The
 * weights come again for each row.
 * Depends: ops/flex, ops/signal_shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/flex.h"
#include "ops/signal_shapes.h"

typedef struct attr {
    int32_t shift;
} attr;

static const mwi_field fields[] = {
    {"shift", offsetof(attr, shift), MWI_FIELD_I32, -1, 0, 0, 31, NULL},
    MWI_FIELDS_END,
};

static mw_status parse(mw_ctx *ctx, mwi_arena *arena, const uint8_t *bytes, size_t n, void *out)
{
    (void)arena;
    return mwi_flex_fields(ctx, bytes, n, fields, out);
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_rows(ctx, call, 0, 1));
    MWI_TRY(mwi_need_vector(ctx, call, 1, call->in[0].dims[call->in[0].rank - 1]));
    return mwi_infer_same(ctx, call);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const int32_t shift = ((const attr *)call->attr)->shift;
    const size_t n = mwi_row_length(&call->in[0]), rows = mwi_n_rows(&call->in[0]);
    const int16_t *in = call->in[0].data, *const weights = call->in[1].data;
    int16_t *out = call->out[0].data;

    (void)ctx;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < n; i++) {
            const int32_t v = (*in++ * weights[i]) >> shift;
            *out++ = (int16_t)(v < INT16_MIN ? INT16_MIN : v > INT16_MAX ? INT16_MAX : v);
        }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "s16_signal_window__ref", .types = "i16,i16>i16", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_signal_window = {
    .name = "SignalWindow",
    .tflite_code = -1,
    .custom = true,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .parse_custom = parse,
    .infer = infer,
};
