/* ops/signal_filter_bank.c - SignalFilterBank (custom): energies of frequency bins summed into
 * channels whose triangles overlap: a bin's weight goes to one channel, its "unweight" to the next.
 * Inputs: energies, weights, unweights, and for each channel and one before them the first bin, the
 * first weight and the number of bins.
 * Depends: ops/flex, ops/signal_shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/flex.h"
#include "ops/signal_shapes.h"

typedef struct attr {
    int32_t n_channels;
} attr;

static const mwi_field fields[] = {
    {"num_channels", offsetof(attr, n_channels), MWI_FIELD_I32, -1, 1, 1, 1 << 20, NULL},
    MWI_FIELDS_END,
};

static mw_status parse(mw_ctx *ctx, mwi_arena *arena, const uint8_t *bytes, size_t n, void *out)
{
    (void)arena;
    return mwi_flex_fields(ctx, bytes, n, fields, out);
}

enum { ENERGY, WEIGHTS, UNWEIGHTS, BINS, FIRST_WEIGHTS, WIDTHS, N_INPUTS };

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const int32_t n = ((const attr *)call->attr)->n_channels;

    for (size_t i = ENERGY; i <= UNWEIGHTS; i++) MWI_TRY(mwi_need_vector(ctx, call, i, -1));
    for (size_t i = BINS; i < N_INPUTS; i++) MWI_TRY(mwi_need_vector(ctx, call, i, (int64_t)n + 1));
    mwi_view_set_dims(&call->out[0], 1, &n);
    return MW_OK;
}

/* Whether the bins of a channel and their weights exist. */
static mw_status check(mw_ctx *ctx, const mwi_run_call *call, int32_t channel, int32_t bin,
                       int32_t weight, int32_t width)
{
    const mwi_view *const in = call->in;

    if (width <= 0 ||
        (bin >= 0 && weight >= 0 && width <= in[ENERGY].dims[0] - bin &&
         width <= in[WEIGHTS].dims[0] - weight && width <= in[UNWEIGHTS].dims[0] - weight))
        return MW_OK;
    return mwi_fail(ctx, MW_EINVAL,
                    "channel %d: %d bins from %d of %d with weights from %d of %d and %d", channel,
                    width, bin, in[ENERGY].dims[0], weight, in[WEIGHTS].dims[0],
                    in[UNWEIGHTS].dims[0]);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const int32_t n = ((const attr *)call->attr)->n_channels;
    const uint32_t *const energy = call->in[ENERGY].data;
    const int16_t
        *const weights = call->in[WEIGHTS].data,
               *const unweights = call->in[UNWEIGHTS].data, *const bins = call->in[BINS].data,
               *const first = call->in[FIRST_WEIGHTS].data, *const widths = call->in[WIDTHS].data;
    uint64_t *const out = call->out[0].data, sum = 0, next = 0;

    for (int32_t c = 0; c <= n; c++) {
        MWI_TRY(check(ctx, call, c, bins[c], first[c], widths[c]));
        for (int32_t i = 0; i < widths[c]; i++) {
            const uint64_t e = energy[bins[c] + i];
            sum += (uint64_t)weights[first[c] + i] * e; /* wraps where a weight is negative */
            next += (uint64_t)unweights[first[c] + i] * e;
        }
        if (c > 0) out[c - 1] = sum; /* before the first channel: only what it leaves over */
        sum = next;
        next = 0;
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "u32_signal_filter_bank__ref", .types = "u32,i16,i16,i16,i16,i16>u64", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_signal_filter_bank = {
    .name = "SignalFilterBank",
    .tflite_code = -1,
    .custom = true,
    .min_in = 6,
    .max_in = 6,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .parse_custom = parse,
    .infer = infer,
};
