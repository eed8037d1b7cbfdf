/* ops/signal_pcan.c - SignalPCAN (custom): per-channel automatic gain control (per-channel energy
 * normalisation). The gain comes from the channel's noise by a table of quadratic pieces, one for
 * each power of two.
 * Depends: ops/flex, ops/signal_bits, ops/signal_shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/flex.h"
#include "ops/signal_bits.h"
#include "ops/signal_shapes.h"

typedef struct attr {
    int32_t shift;
} attr;

static const mwi_field fields[] = {
    {"snr_shift", offsetof(attr, shift), MWI_FIELD_I32, -1, 0, 0, 63, NULL},
    MWI_FIELDS_END,
};

static mw_status parse(mw_ctx *ctx, mwi_arena *arena, const uint8_t *bytes, size_t n, void *out)
{
    (void)arena;
    return mwi_flex_fields(ctx, bytes, n, fields, out);
}

/* Fraction bits of a signal-to-noise ratio and of a result; a piece of the table stands at 4 times
 * the noise's bits minus 6 (values up to 2 have their own); it has 3 numbers. */
enum { SNR_BITS = 12, OUT_BITS = 6, PIECE = 4, FIRST = 6, TABLE_VALUES = PIECE * 32 - FIRST + 3 };
enum { FRACTION_BITS = 10 };

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_vector(ctx, call, 0, -1));
    MWI_TRY(mwi_need_vector(ctx, call, 1, call->in[0].dims[0]));
    MWI_TRY(mwi_need_vector(ctx, call, 2, -1));
    if (call->in[2].dims[0] < TABLE_VALUES)
        return mwi_fail(ctx, MW_EFORMAT, "a table of %d gains, needed are %d", call->in[2].dims[0],
                        TABLE_VALUES);
    return mwi_infer_same(ctx, call);
}

static int16_t gain_of(uint32_t noise, const int16_t *table)
{
    if (noise <= 2) return table[noise];
    const uint32_t bits = mwi_bits_of(noise);
    const int16_t *const piece = table + PIECE * bits - FIRST;
    const uint32_t f = (bits <= FRACTION_BITS ? noise << (FRACTION_BITS + 1 - bits)
                                              : noise >> (bits - FRACTION_BITS - 1)) &
                       ((1 << FRACTION_BITS) - 1);
    const uint32_t slope = (uint32_t)((piece[2] * (int32_t)f) >> 5) + ((uint32_t)piece[1] << 5);
    const int32_t rise = (int32_t)(slope * f + (1 << 14)) >> 15;
    return (int16_t)(rise + piece[0]);
}

/* x * x / 4 below 2, x - 1 above. */
static uint32_t shrink(uint32_t x)
{
    if (x < 2u << SNR_BITS) return (x * x) >> (2 + 2 * SNR_BITS - OUT_BITS);
    return (x >> (SNR_BITS - OUT_BITS)) - (1 << OUT_BITS);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const uint32_t *const in = call->in[0].data, *const noise = call->in[1].data;
    const int32_t shift = ((const attr *)call->attr)->shift;
    uint32_t *const out = call->out[0].data;
    const size_t n = mwi_view_count(&call->in[0]);

    (void)ctx;
    for (size_t i = 0; i < n; i++) {
        const uint32_t gain = (uint32_t)gain_of(noise[i], call->in[2].data);
        out[i] = shrink((uint32_t)(((uint64_t)in[i] * gain) >> shift));
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "u32_signal_pcan__ref", .types = "u32,u32,i16>u32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_signal_pcan = {
    .name = "SignalPCAN",
    .tflite_code = -1,
    .custom = true,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .parse_custom = parse,
    .infer = infer,
};
