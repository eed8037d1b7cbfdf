/* ops/signal_filter_bank_spectral_subtraction.c - SignalFilterBankSpectralSubtraction (custom): the
 * noise of each channel, estimated by a low-pass filter over the runs (another one for odd
 * channels), is taken away from the signal, of which some always remains. Outputs: what remains,
 * the estimate.
 * Depends: ops/flex, ops/kept, ops/signal_shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/flex.h"
#include "ops/kept.h"
#include "ops/signal_shapes.h"

/* Factors are fractions of `fraction_bits`. */
typedef struct attr {
    int32_t n_channels, smoothing_bits, fraction_bits;
    int32_t smoothing, rest, odd_smoothing, odd_rest, remaining;
    bool clamping;
} attr;

static const mwi_field fields[] = {
    {"num_channels", offsetof(attr, n_channels), MWI_FIELD_I32, -1, 1, 1, 1 << 20, NULL},
    {"smoothing_bits", offsetof(attr, smoothing_bits), MWI_FIELD_I32, -1, 0, 0, 31, NULL},
    {"spectral_subtraction_bits", offsetof(attr, fraction_bits), MWI_FIELD_I32, -1, 0, 0, 31, NULL},
    {"smoothing", offsetof(attr, smoothing), MWI_FIELD_I32, -1, 0, 0, INT32_MAX, NULL},
    {"one_minus_smoothing", offsetof(attr, rest), MWI_FIELD_I32, -1, 0, 0, INT32_MAX, NULL},
    {"alternate_smoothing", offsetof(attr, odd_smoothing), MWI_FIELD_I32, -1, 0, 0, INT32_MAX,
     NULL},
    {"alternate_one_minus_smoothing", offsetof(attr, odd_rest), MWI_FIELD_I32, -1, 0, 0, INT32_MAX,
     NULL},
    {"min_signal_remaining", offsetof(attr, remaining), MWI_FIELD_I32, -1, 0, 0, INT32_MAX, NULL},
    {"clamping", offsetof(attr, clamping), MWI_FIELD_BOOL, -1, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

static mw_status parse(mw_ctx *ctx, mwi_arena *arena, const uint8_t *bytes, size_t n, void *out)
{
    (void)arena;
    return mwi_flex_fields(ctx, bytes, n, fields, out);
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const int32_t n = ((const attr *)call->attr)->n_channels;

    MWI_TRY(mwi_need_vector(ctx, call, 0, n));
    mwi_view_set_dims(&call->out[1], 1, &n);
    return mwi_infer_same(ctx, call);
}

/* Keeps the estimates. */
static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_keep(ctx, call, call->in[0].bytes);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const attr *const a = call->attr;
    const uint32_t *const in = call->in[0].data;
    uint32_t *const out = call->out[0].data, *const noise = call->out[1].data,
                    *const kept = mwi_kept(call);

    (void)ctx;
    for (int32_t i = 0; i < a->n_channels; i++) {
        const uint64_t new_share = (uint64_t)(i % 2 == 0 ? a->smoothing : a->odd_smoothing),
                       old_share = (uint64_t)(i % 2 == 0 ? a->rest : a->odd_rest);
        const uint32_t signal = in[i] << a->smoothing_bits;
        const uint32_t estimate =
            (uint32_t)((signal * new_share + kept[i] * old_share) >> a->fraction_bits);
        const uint32_t taken = estimate > signal ? signal : estimate;
        const uint32_t least =
            (uint32_t)((in[i] * (uint64_t)(uint32_t)a->remaining) >> a->fraction_bits);
        const uint32_t left = (signal - taken) >> a->smoothing_bits;
        kept[i] = noise[i] = a->clamping ? taken : estimate;
        out[i] = left > least ? left : least;
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "u32_signal_filter_bank_spectral_subtraction__ref",
     .types = "u32>u32,u32",
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_signal_filter_bank_spectral_subtraction = {
    .name = "SignalFilterBankSpectralSubtraction",
    .tflite_code = -1,
    .custom = true,
    .min_in = 1,
    .max_in = 1,
    .min_out = 2,
    .max_out = 2,
    .traits = MWI_OP_STATEFUL,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .parse_custom = parse,
    .infer = infer,
};
